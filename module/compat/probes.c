// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of a kernel's headers. Each section is compiled alone, with PROBE_name
 * defined; where it compiles, probed.h says TOYTCP_HAVE_name. A section uses
 * the very signature in question, so that the answer holds for back-ports, too.
 * The comment names the kernel that introduced it, if known.
 */
#include <linux/bpf-cgroup.h>
#include <linux/netfilter.h>
#include <linux/sysctl.h>
#include <net/inet_common.h>
#include <net/inet_sock.h>

#ifdef PROBE_ALWAYS	/* always compiles */
extern struct proto *probe;
struct proto *probe;
#endif

#ifdef PROBE_NEVER	/* never compiles */
static int probe(struct proto *p, struct no_such_struct *addr)
{
	return p->connect(NULL, addr, 0);
}
#endif

#ifdef PROBE_ACCEPT_ARG	/* 6.10: accept() takes one struct */
static struct sock *probe(struct proto *p, struct proto_accept_arg *arg)
{
	return p->accept(NULL, arg);
}
#endif

#ifdef PROBE_RECVMSG_NO_ADDR_LEN	/* after 6.18: msg_namelen instead */
static int probe(struct proto *p, struct msghdr *msg)
{
	return p->recvmsg(NULL, msg, 0, 0);
}
#endif

#ifdef PROBE_SOCKADDR_UNSIZED	/* after 6.18: addresses of unknown length */
static int probe(struct proto *p, struct sockaddr_unsized *addr)
{
	return p->connect(NULL, addr, 0);
}
#endif

#ifdef PROBE_IOCTL_KARG	/* 6.5: ioctl() no longer sees user memory */
static int probe(struct proto *p, int *karg)
{
	return p->ioctl(NULL, 0, karg);
}
#endif

#ifdef PROBE_NF_CT_CONFIRM	/* 6.8: conntrack confirms for others */
static int probe(const struct nf_ct_hook *hook, struct sk_buff *skb)
{
	return hook->confirm(skb);
}
#endif

#ifdef PROBE_CONST_CTL_HANDLER	/* 6.11: sysctl handlers get a const table */
static int probe_handler(const struct ctl_table *table, int write,
			 void *buffer, size_t *lenp, loff_t *ppos)
{
	return 0;
}

struct ctl_table probe = { .proc_handler = probe_handler };
#endif

#ifdef PROBE_REGISTER_NET_SYSCTL_SZ	/* 6.6: tables carry their size */
static struct ctl_table_header *probe(struct net *net, struct ctl_table *table)
{
	return register_net_sysctl_sz(net, "net/toytcp", table, 1);
}
#endif

#ifdef PROBE_INET_TEST_BIT	/* 6.6: flags are bits, not fields */
static bool probe(struct sock *sk)
{
	return inet_test_bit(RECVERR, sk);
}
#endif

#ifdef PROBE_CGROUP_CONNECT_LEN	/* 6.7: the macro takes the address length */
static int probe(struct sock *sk, void *addr, int len)
{
	return BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, addr, &len);
}
#endif

#ifdef PROBE_NET_GSO_H	/* 6.5: segmentation has a header of its own */
#include <net/gso.h>
#endif

#ifdef PROBE_RECV_ERROR_ADDR_LEN	/* gone after 6.18: as with recvmsg() */
static int probe(struct sock *sk, struct msghdr *msg, size_t len, int *addr_len)
{
	return inet_recv_error(sk, msg, len, addr_len);
}
#endif

#ifdef PROBE_SPLICE_EOF	/* 6.5, and late releases of 6.1 */
static void probe(const struct proto_ops *ops, struct socket *sock)
{
	ops->splice_eof(sock);
}
#endif
