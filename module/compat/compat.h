/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels. The rest of the module is written for the newest
 * kernel; this file gives older ones the same interface. It compares no version
 * numbers: probes.c compiles each signature in question against the kernel's
 * own headers, and probed.h holds the results.
 */
#ifndef TOYTCP_COMPAT_H
#define TOYTCP_COMPAT_H

#include <linux/bpf-cgroup.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <linux/sysctl.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <net/inet_common.h>
#include <net/inet_sock.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "probed.h"

#ifdef TOYTCP_HAVE_NET_GSO_H
#include <net/gso.h>
#endif

#if IS_ENABLED(CONFIG_NF_CONNTRACK)
#include <net/netfilter/nf_conntrack.h>
#endif

/*
 * Define functions for struct proto in the kernel's own form, as wrappers of:
 *	struct sock *accept(struct sock *sk, int flags, int *err);
 *	int ioctl(struct sock *sk, int cmd, int *value);
 *	int recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags);
 */
#ifdef TOYTCP_HAVE_ACCEPT_ARG
#define TOYTCP_DEFINE_ACCEPT(name, fn)					\
static struct sock *name(struct sock *sk, struct proto_accept_arg *arg)	\
{									\
	return fn(sk, arg->flags, &arg->err);				\
}
#else
#define TOYTCP_DEFINE_ACCEPT(name, fn)					\
static struct sock *name(struct sock *sk, int flags, int *err, bool kern) \
{									\
	return fn(sk, flags, err);					\
}
#endif

#ifdef TOYTCP_HAVE_IOCTL_KARG
#define TOYTCP_DEFINE_IOCTL(name, fn)					\
static int name(struct sock *sk, int cmd, int *value)			\
{									\
	return fn(sk, cmd, value);					\
}
#else
#define TOYTCP_DEFINE_IOCTL(name, fn)					\
static int name(struct sock *sk, int cmd, unsigned long arg)		\
{									\
	int value = 0;							\
	int err = fn(sk, cmd, &value);					\
									\
	return err ? err : put_user(value, (int __user *)arg);		\
}
#endif

#ifdef TOYTCP_HAVE_RECVMSG_NO_ADDR_LEN
#define TOYTCP_DEFINE_RECVMSG(name, fn)					\
static int name(struct sock *sk, struct msghdr *msg, size_t len,	\
		int flags)						\
{									\
	return fn(sk, msg, len, flags);					\
}
#else
#define TOYTCP_DEFINE_RECVMSG(name, fn)					\
static int name(struct sock *sk, struct msghdr *msg, size_t len,	\
		int flags, int *addr_len)				\
{									\
	int received = fn(sk, msg, len, flags);				\
									\
	*addr_len = msg->msg_namelen;					\
	return received;						\
}
#endif

/* recvmsg() with MSG_ERRQUEUE. */
static inline int toytcp_compat_recv_error(struct sock *sk, struct msghdr *msg,
					   size_t len)
{
#ifdef TOYTCP_HAVE_RECV_ERROR_ADDR_LEN
	return inet_recv_error(sk, msg, len, &msg->msg_namelen);
#else
	return inet_recv_error(sk, msg, len);
#endif
}

/* struct proto's @connect takes a struct sockaddr_unsized in new kernels. */
#ifndef TOYTCP_HAVE_SOCKADDR_UNSIZED
#define sockaddr_unsized sockaddr
#endif

/* Runs a cgroup's program for connect(), which may change the address. */
static inline int toytcp_compat_cgroup_connect(struct sock *sk,
					       struct sockaddr_unsized *addr,
					       int *len)
{
#ifdef TOYTCP_HAVE_CGROUP_CONNECT_LEN
	return BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, addr, len);
#else
	return BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, addr);
#endif
}

/* sysctl handlers: const struct ctl_table in new kernels. */
#ifdef TOYTCP_HAVE_CONST_CTL_HANDLER
#define TOYTCP_CTL_CONST const
#else
#define TOYTCP_CTL_CONST
#endif

/* Old kernels need an empty entry after the @size entries. */
#ifndef TOYTCP_HAVE_REGISTER_NET_SYSCTL_SZ
#define register_net_sysctl_sz(net, path, table, size)	\
	((void)(size), register_net_sysctl(net, path, table))
#endif

#ifndef timer_container_of
#define timer_container_of(var, timer, field)	\
	container_of(timer, typeof(*(var)), field)
#endif

/* Has the user set IP_RECVERR? */
static inline bool toytcp_compat_recverr(const struct sock *sk)
{
#ifdef TOYTCP_HAVE_INET_TEST_BIT
	return inet_test_bit(RECVERR, sk);
#else
	return inet_sk(sk)->recverr;
#endif
}

/*
 * If conntrack never confirms an entry, it takes our answer for the first
 * packet and reverses the directions. It would confirm after our hook, so ask
 * for it here; a kernel that cannot sees the connection when the answer leaves.
 * Returns NF_ACCEPT, or the verdict the hook must return without touching the
 * skb.
 */
static inline unsigned int toytcp_compat_confirm(struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK) && defined(TOYTCP_HAVE_NF_CT_CONFIRM)
	const struct nf_ct_hook *hook = rcu_dereference(nf_ct_hook);
	enum ip_conntrack_info info;
	struct nf_conn *ct = nf_ct_get(skb, &info);

	if (ct && !nf_ct_is_confirmed(ct) && hook)
		return hook->confirm(skb);
#endif
	return NF_ACCEPT;
}

#endif /* TOYTCP_COMPAT_H */
