// SPDX-License-Identifier: GPL-2.0
/*
 * A socket's connection: how it begins for socket(), connect() and a listener's
 * child alike, how it loses its user, and how it ends. Context: the socket
 * lock, or nobody else knows the socket.
 */
#include <net/inet_common.h>
#include <net/xfrm.h>

#include "toytcp.h"

/* How many orphans all namespaces but the initial one have. */
static atomic_t other_orphans;

/*
 * Makes the tcb of a socket in CLOSED as new, but for the options. sk is locked
 * or not yet visible.
 */
void toytcp_connection_reset(struct sock *sk)
{
	struct toytcp_net *tn = toytcp_sock_net(sk);
	struct toytcp_sock *tp = toytcp_sk(sk);

	tp->window_limit = 0;
	toytcp_user_reset(&tp->tcb, toytcp_buffers_text(sk));
	toytcp_user_cork(&tp->tcb, tp->corked);
	if (!tp->congestion_set)
		toytcp_congestion_select(&tp->tcb,
					 READ_ONCE(tn->sysctl_congestion_control));
	memset(&tp->tuning, 0, sizeof(tp->tuning));
	memset(&tp->info, 0, sizeof(tp->info));
	tp->paced = 0;
}

/* Frees all text under way in either direction; readable text stays. */
static void purge(struct sock *sk)
{
	struct tcb *tcb = &toytcp_sk(sk)->tcb;
	struct reassembly_node *node, *text;
	struct sent_record *next, *record = toytcp_user_end(tcb, &text);

	toytcp_sendq_forget(sk, tcb->snd.end);
	while ((node = text)) {
		text = node->next;
		kfree_skb(toytcp_node_skb(node));
	}
	for (; record; record = next) {
		next = record->next;
		kfree(record);
	}
}

/* Neither references nor RCU readers are left (SOCK_RCU_FREE). */
static void destruct(struct sock *sk)
{
	purge(sk);
	xfrm_sk_free_policy(sk);	/* IP_XFRM_POLICY: a child has copies */
	inet_sock_destruct(sk);
}

/* For a socket from socket() and for a listener's clone. */
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
	toytcp_timer_init(&sk->sk_timer, expired);
}

/*
 * The connection loses its user. Returns whether there are too many orphans.
 *
 * Peers that vanish one after the other could use up all memory, so orphans
 * have a limit. Root in a user namespace may raise its own, so all namespaces
 * but the initial one also share the initial one's limit, without counting
 * against that namespace itself.
 */
bool toytcp_connection_orphan(struct sock *sk)
{
	struct toytcp_net *tn = toytcp_sock_net(sk);
	int own;

	sock_owned_by_me(sk);
	toytcp_user_leave(&toytcp_sk(sk)->tcb, toytcp_now());
	own = atomic_inc_return(&tn->orphans);
	toytcp_others_add(tn, &other_orphans, 1);
	return own > READ_ONCE(tn->sysctl_orphans) ||
	       toytcp_others_count(tn, &other_orphans) >
	       READ_ONCE(toytcp_net(&init_net)->sysctl_orphans);
}

/*
 * Back to CLOSED; received text can still be read. Drops the table's reference:
 * the caller holds another, or is within an RCU read-side section.
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
		toytcp_others_add(tn, &other_orphans, -1);
	}
	/* The socket keeps a port that bind() asked for. */
	if (sock_flag(sk, SOCK_DEAD) ||
	    !(sk->sk_userlocks & SOCK_BINDPORT_LOCK)) {
		toytcp_ports_release(tn, &tp->claim);
		inet_sk(sk)->inet_num = 0;
	}
	toytcp_table_remove(tn, &tp->entry);
}
