// SPDX-License-Identifier: GPL-2.0
/*
 * A socket's connection from its birth to its end: what socket(), connect() and
 * the handshake of a listener have in common, and what is left to do when it is
 * CLOSED.
 */
#include <net/inet_common.h>
#include <net/xfrm.h>

#include "toytcp.h"

/* How many orphans all namespaces but the initial one have. */
static atomic_t other_orphans;

/* The user's choice, or what is the namespace's now. */
static void select_congestion(struct sock *sk, int algorithm)
{
	if (!toytcp_sk(sk)->congestion_set)
		algorithm = READ_ONCE(toytcp_sock_net(sk)->
				      sysctl_congestion_control);
	toytcp_congestion_select(&toytcp_sk(sk)->tcb, algorithm);
}

/**
 * toytcp_connection_reset() - a tcb as new, but for the options of the old one
 * @sk: locked, or nobody else's; in CLOSED
 */
void toytcp_connection_reset(struct sock *sk)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct tcb old = tp->tcb;

	toytcp_tcb_init(&tp->tcb, toytcp_buffers_text(sk), MSS_DEFAULT);
	tp->tcb.nodelay = old.nodelay;
	tp->tcb.quickack = old.quickack;
	tp->tcb.keepalive = old.keepalive;
	tp->tcb.user_timeout = old.user_timeout;
	tp->tcb.keep_idle = old.keep_idle;
	tp->tcb.keep_interval = old.keep_interval;
	tp->tcb.keep_count = old.keep_count;
	tp->tcb.fin_wait_2 = old.fin_wait_2;
	tp->tcb.syn_retries = old.syn_retries;
	tp->tcb.cork = tp->corked;
	select_congestion(sk, old.cc.algorithm);
	memset(&tp->tuning, 0, sizeof(tp->tuning));
}

/**
 * toytcp_connection_first() - the tcb of a new socket
 * @sk: nobody else's, its buffers have their sizes
 */
void toytcp_connection_first(struct sock *sk)
{
	struct tcb *tcb = &toytcp_sk(sk)->tcb;

	toytcp_tcb_init(tcb, toytcp_buffers_text(sk), MSS_DEFAULT);
	tcb->syn_retries = READ_ONCE(toytcp_sock_net(sk)->sysctl_syn_retries);
	select_congestion(sk, 0);
}

/* All text that is on its way in either direction; what can be read stays. */
static void purge(struct sock *sk)
{
	struct tcb *tcb = &toytcp_sk(sk)->tcb;
	struct reassembly_node *node, *later;
	struct sent_record *record, *next;

	toytcp_sendq_forget(sk, tcb->snd.end);
	for (node = toytcp_reassembly_purge(&tcb->ooo); node; node = later) {
		later = node->next;
		kfree_skb(toytcp_node_skb(node));
	}
	for (record = toytcp_scoreboard_purge(&tcb->board); record;
	     record = next) {
		next = record->next;
		kfree(record);
	}
}

/* The last reference is gone; RCU readers too (SOCK_RCU_FREE). */
static void destruct(struct sock *sk)
{
	purge(sk);
	xfrm_sk_free_policy(sk);	/* IP_XFRM_POLICY: a child has copies */
	inet_sock_destruct(sk);
}

/**
 * toytcp_connection_init() - what every socket of ours has
 * @sk: made by socket(), or a listener's clone
 * @expired: see toytcp_timer_init()
 */
void toytcp_connection_init(struct sock *sk,
			    void (*expired)(struct timer_list *))
{
	struct toytcp_sock *tp = toytcp_sk(sk);

	tp->tn = toytcp_net(sock_net(sk));
	tp->entry.kind = ENTRY_SOCKET;
	sock_set_flag(sk, SOCK_RCU_FREE);
	sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
	sk->sk_destruct = destruct;
	sk->sk_gso_type = TOYTCP_GSO_TYPE;
	toytcp_timer_init(sk, expired);
}

/**
 * toytcp_connection_orphan() - no user is left
 * @sk: locked, not in CLOSED
 *
 * Peers that vanish, one after the other, could use up all memory. Root in a
 * user namespace may set the limit of its network namespace, so all of those
 * together have the initial namespace's limit, too. They cannot use up what the
 * initial namespace has for itself.
 *
 * Return: whether there are too many orphans now.
 */
bool toytcp_connection_orphan(struct sock *sk)
{
	struct toytcp_net *tn = toytcp_sock_net(sk);
	int own, others = 0;

	sock_owned_by_me(sk);
	toytcp_user_leave(&toytcp_sk(sk)->tcb, toytcp_now());
	own = atomic_inc_return(&tn->orphans);
	if (tn->net != &init_net)
		others = atomic_inc_return(&other_orphans);
	return own > READ_ONCE(tn->sysctl_orphans) ||
	       others > READ_ONCE(toytcp_net(&init_net)->sysctl_orphans);
}

/**
 * toytcp_connection_end() - the connection has ended: back to CLOSED
 * @sk: locked; its tcb is in CLOSED
 *
 * What was received stays to be read. The table's reference goes: the caller
 * has one, or is within an RCU read-side section.
 */
void toytcp_connection_end(struct sock *sk)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct toytcp_net *tn = toytcp_sock_net(sk);

	inet_sk_set_state(sk, TCP_CLOSE);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	toytcp_timer_stop(sk);
	purge(sk);
	if (tp->tcb.orphan) {
		atomic_dec(&tn->orphans);
		if (tn->net != &init_net)
			atomic_dec(&other_orphans);
	}
	/* A port that bind() asked for stays the socket's. */
	if (sock_flag(sk, SOCK_DEAD) ||
	    !(sk->sk_userlocks & SOCK_BINDPORT_LOCK)) {
		toytcp_ports_release(tn, &tp->claim);
		inet_sk(sk)->inet_num = 0;
	}
	toytcp_table_remove(tn, &tp->entry);
}
