// SPDX-License-Identifier: GPL-2.0
/*
 * What a connection has from its listener.
 *
 * It is a list of options to copy. A clone would be shorter, but would also
 * have every pointer of the listener's, and each kernel adds some.
 */
#include <linux/filter.h>
#include <net/ip.h>
#include <net/route.h>

#include "compat/compat.h"
#include "toytcp.h"

/* SO_ATTACH_FILTER on a listener is for its connections too, as with TCP. */
static void inherit_filter(struct sock *child, const struct sock *parent)
{
	struct sk_filter *filter;

	rcu_read_lock();
	filter = rcu_dereference(parent->sk_filter);
	if (filter && refcount_inc_not_zero(&filter->refcnt)) {
		atomic_add(bpf_prog_size(filter->prog->len),
			   &child->sk_omem_alloc);
		RCU_INIT_POINTER(child->sk_filter, filter);
	}
	rcu_read_unlock();
}

/* Options at the socket level that a connection has from its listener. */
static void inherit_sock(struct sock *child, const struct sock *parent)
{
	const unsigned long flags = BIT(SOCK_KEEPOPEN) | BIT(SOCK_LINGER) |
		BIT(SOCK_URGINLINE) | BIT(SOCK_DBG) | BIT(SOCK_LOCALROUTE) |
		BIT(SOCK_FILTER_LOCKED);

	child->sk_flags |= READ_ONCE(parent->sk_flags) & flags;
	child->sk_family = parent->sk_family;
	child->sk_type = parent->sk_type;
	child->sk_protocol = parent->sk_protocol;
	child->sk_reuse = parent->sk_reuse;
	child->sk_reuseport = parent->sk_reuseport;
	child->sk_bound_dev_if = parent->sk_bound_dev_if;
	child->sk_mark = parent->sk_mark;
	child->sk_priority = parent->sk_priority;
	child->sk_rcvbuf = parent->sk_rcvbuf;
	child->sk_sndbuf = parent->sk_sndbuf;
	child->sk_rcvlowat = parent->sk_rcvlowat;
	child->sk_rcvtimeo = parent->sk_rcvtimeo;
	child->sk_sndtimeo = parent->sk_sndtimeo;
	child->sk_lingertime = parent->sk_lingertime;
	child->sk_userlocks = parent->sk_userlocks & ~SOCK_BINDPORT_LOCK;
	child->sk_uid = parent->sk_uid;
	child->sk_backlog_rcv = toytcp_deliver_backlog;
	inherit_filter(child, parent);
	toytcp_compat_cgroup_inherit(child, parent);
	security_sk_clone(parent, child);
}

/*
 * struct inet_sock's own part is copied whole, so that every option of ip(7)
 * is there on every kernel; the pointers in it belong to the listener.
 */
static void inherit_inet(struct sock *child, const struct sock *parent,
			 const struct toytcp_embryo *e)
{
	struct inet_sock *inet = inet_sk(child);

	memcpy((u8 *)inet + sizeof(struct sock),
	       (const u8 *)inet_sk(parent) + sizeof(struct sock),
	       sizeof(*inet) - sizeof(struct sock));
#if IS_ENABLED(CONFIG_IPV6)
	inet->pinet6 = NULL;
#endif
	RCU_INIT_POINTER(inet->inet_opt, NULL);
	RCU_INIT_POINTER(inet->mc_list, NULL);
	memset(&inet->cork, 0, sizeof(inet->cork));
	inet->inet_saddr = e->entry.local;
	inet->inet_rcv_saddr = e->entry.local;
	inet->inet_daddr = e->entry.remote;
	inet->inet_num = e->entry.lport;
	inet->inet_sport = htons(e->entry.lport);
	inet->inet_dport = htons(e->entry.rport);
}

static void inherit_tcp(struct sock *child, const struct sock *parent)
{
	const struct toytcp_sock *from = toytcp_sk(parent);
	struct toytcp_sock *tp = toytcp_sk(child);

	tp->user_mss = from->user_mss;
	tp->linger2 = from->linger2;
	tp->corked = from->corked;
	tp->congestion_set = from->congestion_set;
	tp->tcb = from->tcb;
}

static int find_route(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;

	rt = ip_route_connect(&inet->cork.fl.u.ip4, inet->inet_daddr,
			      inet->inet_saddr, sk->sk_bound_dev_if,
			      toytcp_protocol, inet->inet_sport,
			      inet->inet_dport, sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	sk_setup_caps(sk, &rt->dst);
	return 0;
}

/**
 * toytcp_child_inherit() - give a new socket what its listener has
 * @child: initialised, nobody else's
 * @parent: the listener; need not be locked, its options are read as they are
 * @e: the embryo
 *
 * The tcb is the listener's too: of it, the options count.
 *
 * Return: 0, or a negative errno if there is no route.
 */
int toytcp_child_inherit(struct sock *child, const struct sock *parent,
			 const struct toytcp_embryo *e)
{
	inherit_sock(child, parent);
	inherit_inet(child, parent, e);
	inherit_tcp(child, parent);
	toytcp_sk(child)->entry.who = e->entry.who;
	sk_set_txhash(child);
	return find_route(child);
}
