// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of a kernel's headers. The file is compiled once for each PROBE_name;
 * where its expression compiles, probed.h says TOYTCP_HAVE_name. It uses the
 * very signature in question, so that the answer holds for back-ports, too. The
 * comment names the kernel that introduced it, if known.
 */
#include <linux/bpf-cgroup.h>
#include <linux/netfilter.h>
#include <linux/sysctl.h>
#include <net/inet_common.h>
#include <net/inet_sock.h>

/* A null pointer to a structure, as an argument. */
#define NIL(name)	((struct name *)NULL)

#ifdef PROBE_ALWAYS	/* always compiles */
#define PROBE	0
#endif

#ifdef PROBE_NEVER	/* never compiles */
#define PROBE	NIL(proto)->connect(NULL, NIL(no_such_struct), 0)
#endif

#ifdef PROBE_ACCEPT_ARG	/* 6.10: accept() takes one struct */
#define PROBE	NIL(proto)->accept(NULL, NIL(proto_accept_arg))
#endif

#ifdef PROBE_RECVMSG_NO_ADDR_LEN	/* after 6.18: msg_namelen instead */
#define PROBE	NIL(proto)->recvmsg(NULL, NIL(msghdr), 0, 0)
#endif

#ifdef PROBE_SOCKADDR_UNSIZED	/* after 6.18: addresses of unknown length */
#define PROBE	NIL(proto)->connect(NULL, NIL(sockaddr_unsized), 0)
#endif

#ifdef PROBE_IOCTL_KARG	/* 6.5: ioctl() no longer sees user memory */
#define PROBE	NIL(proto)->ioctl(NULL, 0, (int *)NULL)
#endif

#ifdef PROBE_NF_CT_CONFIRM	/* 6.8: conntrack confirms for others */
#define PROBE	NIL(nf_ct_hook)->confirm(NIL(sk_buff))
#endif

#ifdef PROBE_CONST_CTL_HANDLER	/* 6.11: sysctl handlers get a const table */
typedef int handler(const struct ctl_table *table, int write, void *buffer,
		    size_t *lenp, loff_t *ppos);
#define PROBE	(NIL(ctl_table)->proc_handler = (handler *)NULL)
#endif

#ifdef PROBE_REGISTER_NET_SYSCTL_SZ	/* 6.6: tables carry their size */
#define PROBE	register_net_sysctl_sz(NULL, "", NIL(ctl_table), 1)
#endif

#ifdef PROBE_INET_TEST_BIT	/* 6.6: flags are bits, not fields */
#define PROBE	inet_test_bit(RECVERR, NIL(sock))
#endif

#ifdef PROBE_CGROUP_CONNECT_LEN	/* 6.7: the macro takes the address length */
#define PROBE	BPF_CGROUP_RUN_PROG_INET4_CONNECT(NIL(sock), NULL, &length)
#endif

#ifdef PROBE_NET_GSO_H	/* 6.5: segmentation has a header of its own */
#include <net/gso.h>
#define PROBE	0
#endif

#ifdef PROBE_RECV_ERROR_ADDR_LEN	/* gone after 6.18: as with recvmsg() */
#define PROBE	inet_recv_error(NULL, NIL(msghdr), 0, (int *)NULL)
#endif

#ifdef PROBE_SPLICE_EOF		/* 6.5, and late releases of 6.1 */
#define PROBE	NIL(proto_ops)->splice_eof(NIL(socket))
#endif

void probe(int length)
{
	(void)(PROBE);
}
