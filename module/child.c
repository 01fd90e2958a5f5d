// SPDX-License-Identifier: GPL-2.0
/*
 * A child: the socket of a connection that a listener accepted. sk_clone_lock()
 * copies what TCP's children inherit, too; the rest is decided here. Context:
 * RCU, BH disabled.
 */
#include "ipv4.h"

/* Our part of the socket begins as zeros, but for the listener's options. */
static void inherit_tcp(struct sock *child, const struct toytcp_sock *from)
{
	struct toytcp_sock *tp = toytcp_sk(child);

	/* The tcb was copied without a lock: no option depends on another. */
	memset(&tp->entry, 0, sizeof(tp->entry));
	memset(&tp->claim, 0, sizeof(tp->claim));
	memset_after(tp, 0, tcb);
	tp->user_mss = READ_ONCE(from->user_mss);
	tp->corked = READ_ONCE(from->corked);
	tp->congestion_set = READ_ONCE(from->congestion_set);
	toytcp_connection_init(child, toytcp_receive_timer);
	toytcp_connection_reset(child);
}

/* sk_clone_lock() copied pointers that belong to the listener: replace them. */
static void inherit_inet(struct inet_sock *inet, const struct sock *parent,
			 const struct toytcp_request *e)
{
	inet->sk.sk_tsq_flags = 0;
	atomic64_set(&inet->sk.sk_cookie, 0);	/* made when asked for */
	inet->sk.sk_frag.page = NULL;
	inet->sk.sk_priority = READ_ONCE(parent->sk_priority);
	RCU_INIT_POINTER(inet->inet_opt, NULL);
	RCU_INIT_POINTER(inet->mc_list, NULL);
	memset(&inet->cork, 0, sizeof(inet->cork));
	inet->sk.sk_bound_dev_if = e->entry.dev;
	inet->inet_saddr = e->entry.local;
	inet->inet_rcv_saddr = e->entry.local;
	inet->inet_daddr = e->entry.remote;
	inet->inet_num = e->entry.lport;
	inet->inet_sport = htons(e->entry.lport);
	inet->inet_dport = htons(e->entry.rport);
}

/* Frees a child that nobody else has seen, with the caller's reference. */
void toytcp_child_discard(struct sock *child)
{
	toytcp_connection_end(child);
	sock_orphan(child);
	sock_put(child);
}

/*
 * Returns an unlocked socket in SYN-RECEIVED that only the caller knows, or
 * NULL: no memory or no route. @skb: has the ACK. The parent need not be locked.
 */
struct sock *toytcp_child_new(struct sock *parent,
			      const struct toytcp_request *e,
			      const struct sk_buff *skb)
{
	struct sock *child = sk_clone_lock(parent, GFP_ATOMIC);
	struct inet_sock *inet = inet_sk(child);
	struct rtable *rt;

	if (!child)
		return NULL;
	__acquire(&child->sk_lock.slock);	/* for sparse */
	bh_unlock_sock(child);
	__sock_put(child);		/* sk_clone_lock() took two, for TCP */
	inherit_inet(inet, parent, e);
	inherit_tcp(child, toytcp_sk(parent));
	toytcp_ipv4_opened(child, skb);
	toytcp_sk(child)->entry.who = e->entry.who;
	toytcp_sk(child)->entry.dev = e->entry.dev;
	sk_set_txhash(child);
	atomic_set(&inet->inet_id, (u16)child->sk_txhash);
	toytcp_request_promote(&e->core, &toytcp_sk(child)->tcb, toytcp_now());
	inet_sk_set_state(child, TCP_SYN_RECV);
	rt = ip_route_connect(&inet->cork.fl.u.ip4, inet->inet_daddr,
			      inet->inet_saddr, child->sk_bound_dev_if,
			      toytcp_protocol, inet->inet_sport,
			      inet->inet_dport, child);
	if (IS_ERR(rt)) {
		toytcp_child_discard(child);
		return NULL;
	}
	sk_setup_caps(child, &rt->dst);
	toytcp_route_begin(child, &rt->dst);
	return child;
}
