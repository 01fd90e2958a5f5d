// SPDX-License-Identifier: GPL-2.0
/*
 * From the hook to the core, and from the core to the receive queue.
 *
 * Every function here takes its skb over: it ends in the receive queue, among
 * the out-of-order text, on the backlog, or freed, and exactly one of these.
 */
#include <linux/filter.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/xfrm.h>

#include "compat/compat.h"
#include "core/seq.h"
#include "toytcp.h"

#define ROOMY	SKB_MAX_ORDER(0, 0)	/* bytes of text in a page */

/* Payload is the only thing we want to remember of a packet. */
static void charge(struct sock *sk, struct sk_buff *skb)
{
	skb->dev = NULL;
	skb_dst_drop(skb);
	secpath_reset(skb);
	if (skb->sk != sk)
		skb_set_owner_r(skb, sk);
}

/*
 * A short segment has a whole skb around it. Joined to the one before, many of
 * them do not eat up the receive buffer.
 */
static bool coalesce(struct sk_buff *tail, struct sk_buff *skb)
{
	struct reassembly_node *last, *node = toytcp_node(skb);
	bool stolen;
	int delta;

	if (!tail)
		return false;
	last = toytcp_node(tail);
	if (last->end != node->seq || last->end - last->seq != tail->len ||
	    skb->len > PAGE_SIZE)
		return false;
	if (!skb_try_coalesce(tail, skb, &stolen, &delta))
		return false;
	atomic_add(delta, &tail->sk->sk_rmem_alloc);
	sk_mem_charge(tail->sk, delta);
	last->end = node->end;
	kfree_skb_partial(skb, stolen);
	return true;
}

/*
 * Where that cannot be (a clone is still with the sender, on the same machine)
 * and half of the buffer is used up, a short segment's text moves to an skb
 * with room for what comes behind it.
 */
static struct sk_buff *repack(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *roomy;

	if (skb->truesize <= 2 * skb->len || skb->len > ROOMY ||
	    atomic_read(&sk->sk_rmem_alloc) < READ_ONCE(sk->sk_rcvbuf) / 2)
		return skb;
	roomy = alloc_skb(ROOMY, GFP_ATOMIC | __GFP_NOWARN);
	if (!roomy)
		return skb;
	*toytcp_node(roomy) = *toytcp_node(skb);
	skb_copy_bits(skb, 0, skb_put(roomy, skb->len), skb->len);
	consume_skb(skb);
	skb_set_owner_r(roomy, sk);
	return roomy;
}

/**
 * toytcp_deliver_ready() - text that is in order goes to the user
 * @sk: locked
 * @ready: chain of nodes from the core
 *
 * What has been received already, in whole or in part, is skipped: readers go
 * by rcv.copied and each node's numbers.
 */
void toytcp_deliver_ready(struct sock *sk, struct reassembly_node *ready)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_receive_queue);
	u32 have = tail ? toytcp_node(tail)->end : toytcp_sk(sk)->tcb.rcv.copied;
	struct reassembly_node *next;

	for (; ready; ready = next) {
		struct sk_buff *skb = toytcp_node_skb(ready);

		next = ready->next;
		if (!seq_after(ready->end, have)) {
			kfree_skb(skb);
			continue;
		}
		have = ready->end;
		charge(sk, skb);
		if (coalesce(tail, skb))
			continue;
		skb = repack(sk, skb);
		__skb_queue_tail(&sk->sk_receive_queue, skb);
		tail = skb;
	}
}

/** toytcp_deliver_forget() - free text that no one will read: sk locked */
void toytcp_deliver_forget(struct sock *sk)
{
	u32 copied = toytcp_sk(sk)->tcb.rcv.copied;
	struct sk_buff *skb;

	while ((skb = skb_peek(&sk->sk_receive_queue)) &&
	       !seq_after(toytcp_node(skb)->end, copied)) {
		__skb_unlink(skb, &sk->sk_receive_queue);
		consume_skb(skb);
	}
}

static void count_arrival(struct sock *sk, const struct segment *seg,
			  const struct actions *act, bool room)
{
	struct toytcp_net *tn = toytcp_sock_net(sk);

	if (seg->ecn == ECN_CE)
		toytcp_count(tn, in_marked);
	if (act->kept)
		toytcp_count(tn, out_of_order);
	if (!room)
		toytcp_count(tn, drop_memory);
}

/*
 * The window promises room for text, but the buffer also pays for what is
 * around it, and beyond the limit text is dropped. The very next has a limit
 * twice as high, or what waits behind a gap would keep out what fills it; with
 * nothing there to read it has none. Text behind a gap must have one, or a peer
 * that never fills the gap could make us hold any amount. What all sockets
 * together may have sets the limit for everybody.
 */
static bool has_room(struct sock *sk, struct sk_buff *skb,
		     const struct segment *seg)
{
	bool next = !seq_after(seg->seq, toytcp_sk(sk)->tcb.rcv.nxt);
	int paid = atomic_read(&sk->sk_rmem_alloc);

	if (!seg->len)
		return true;
	if (paid >> next > READ_ONCE(sk->sk_rcvbuf) &&
	    !(next && skb_queue_empty(&sk->sk_receive_queue)))
		return false;
	return sk_rmem_schedule(sk, skb, skb->truesize);
}

/*
 * What has waited together, while the user had the lock, is acknowledged
 * together, as if it had come as one large segment. Gaps are told of at once.
 */
static void defer_ack(struct sock *sk, const struct actions *act)
{
	struct tcb *tcb = &toytcp_sk(sk)->tcb;

	if (!sock_owned_by_user(sk) || !act->ready || !tcb->ack_now ||
	    tcb->fin_received)	/* its ACK may be the last thing we do */
		return;
	tcb->ack_now = CAUSE_NONE;
	set_bit(TOYTCP_ACK_DEFERRED, &sk->sk_tsq_flags);
}

/** toytcp_deliver_deferred() - no more is waiting: from release_cb() */
void toytcp_deliver_deferred(struct sock *sk)
{
	struct tcb *tcb = &toytcp_sk(sk)->tcb;

	if (!test_and_clear_bit(TOYTCP_ACK_DEFERRED, &sk->sk_tsq_flags) ||
	    tcb->rcv.acked == tcb->rcv.nxt)
		return;
	tcb->ack_now = CAUSE_TEXT;
	toytcp_settle_call(sk, CAUSE_SEND);
}

/**
 * toytcp_deliver_locked() - a segment arrived for a socket
 * @sk: locked and not owned by a user, not in LISTEN
 * @skb: data at our header; taken over. Filters have let it pass, and may have
 *	made it shorter than @parsed says
 * @parsed: the same, parsed
 */
void toytcp_deliver_locked(struct sock *sk, struct sk_buff *skb,
			   const struct segment *parsed)
{
	struct reassembly_node *node = toytcp_node(skb);
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct segment seg = *parsed;
	struct actions act;
	bool room;

	seg.len = skb->len - seg.hdrlen;
	seg.ecn = ip_hdr(skb)->tos & INET_ECN_MASK;
	room = has_room(sk, skb, &seg);
	tp->segs_in++;
	tp->data_segs_in += !!seg.len;
	__skb_pull(skb, seg.hdrlen);
	tp->tcb.rcv.oob_inline = sock_flag(sk, SOCK_URGINLINE);
	if (seg.sacks)
		toytcp_transmit_lend(sk, TOYTCP_SPARES_SACK);
	toytcp_arrives(&tp->tcb, &seg, room ? node : NULL, toytcp_now(), &act);
	count_arrival(sk, &seg, &act, room);
	/* A new mark may have passed over the last one's byte, unread. */
	if (act.wake & WAKE_URGENT)
		toytcp_deliver_forget(sk);
	if (act.urgent)
		skb_copy_bits(skb, tp->tcb.rcv.up - seg.seq, &tp->oob, 1);
	if (act.kept)
		charge(sk, skb);
	defer_ack(sk, &act);
	toytcp_settle(sk, &act, &seg);
	if (act.reset)
		toytcp_transmit_reset(sock_net(sk), skb, &seg, act.cause);
	if (!act.kept && act.ready != node)
		consume_skb(skb);
	sk_mem_reclaim(sk);	/* what has_room() set aside for it */
}

/**
 * toytcp_deliver_backlog() - what came while a user had the lock
 * @sk: locked by release_sock()
 * @skb: data at our header; taken over
 *
 * What stood before it may have ended the connection, perhaps in TIME-WAIT: a
 * reset would be wrong then, and TCP sends none either.
 *
 * Return: 0, nobody looks at it.
 */
int toytcp_deliver_backlog(struct sock *sk, struct sk_buff *skb)
{
	struct segment seg;

	if (hlist_nulls_unhashed_lockless(&toytcp_sk(sk)->entry.node)) {
		toytcp_count(toytcp_sock_net(sk), drop_no_socket);
		kfree_skb(skb);
		return 0;
	}
	/* It was found good before it was put here; cb had no room for it. */
	toytcp_segment_parse(&seg, skb->data, skb->len);
	toytcp_deliver_locked(sk, skb, &seg);
	return 0;
}

/*
 * The limit is for the receive queue and the backlog together: the former may
 * hold a whole buffer that nobody has read yet, the latter another window.
 */
static bool add_to_backlog(struct sock *sk, struct sk_buff *skb)
{
	u64 limit = 2ull * READ_ONCE(sk->sk_rcvbuf) +
		    READ_ONCE(sk->sk_sndbuf) / 2 + TOYTCP_BACKLOG_SLACK;

	skb_dst_drop(skb);
	return !sk_add_backlog(sk, skb, min_t(u64, limit, UINT_MAX));
}

/*
 * No reference is taken: the table holds one while the entry is hashed, the
 * entry leaves the table under the socket lock only, and the memory stays for
 * a grace period. So what is still hashed once we have the lock is alive. A
 * socket that was closed, or even connected anew, between look-up and lock
 * shows by its four-tuple.
 */
static bool still_there(const struct toytcp_sock *tp,
			const struct toytcp_tuple *who)
{
	return !hlist_nulls_unhashed_lockless(&tp->entry.node) &&
	       toytcp_tuple_same(&tp->entry.who, who);
}

/*
 * Did it not come the way that IPsec policies ask for: the socket's own or, if
 * it has none, the host's? Conntrack knows what NAT has made of its addresses,
 * and has done all it can for us afterwards.
 */
static bool breaks_policy(struct toytcp_net *tn, struct sock *sk,
			  struct sk_buff *skb)
{
	bool breaks = !xfrm4_policy_check(sk, XFRM_POLICY_IN, skb);

	if (breaks)
		toytcp_count(tn, drop_policy);
	nf_reset_ct(skb);
	return breaks;
}

/**
 * toytcp_deliver_refuses() - does a socket not want a segment? Then count it
 * @sk: found under RCU; not locked
 * @skb: data at our header, which filters see, as those of TCP see TCP's
 * @seg: the same, parsed
 *
 * IP_MINTTL is asked, too: who lies about where he is cannot raise it.
 */
bool toytcp_deliver_refuses(struct sock *sk, struct sk_buff *skb,
			    const struct segment *seg)
{
	if (breaks_policy(toytcp_sock_net(sk), sk, skb))
		return true;
	if (ip_hdr(skb)->ttl >= READ_ONCE(inet_sk(sk)->min_ttl) &&
	    !sk_filter_trim_cap(sk, skb, seg->hdrlen))
		return false;
	toytcp_count(toytcp_sock_net(sk), drop_filter);
	return true;
}

static void deliver_to_socket(struct sock *sk, const struct toytcp_tuple *who,
			      struct sk_buff *skb, const struct segment *seg)
{
	struct toytcp_net *tn = toytcp_sock_net(sk);

	if (toytcp_deliver_refuses(sk, skb, seg)) {
		kfree_skb(skb);
		return;
	}
	skb->dev = NULL;	/* may go before the backlog is worked off */
	bh_lock_sock_nested(sk);
	if (!still_there(toytcp_sk(sk), who)) {
		toytcp_count(tn, drop_no_socket);
		kfree_skb(skb);
	} else if (!sock_owned_by_user(sk)) {
		toytcp_deliver_locked(sk, skb, seg);
	} else if (!add_to_backlog(sk, skb)) {
		toytcp_count(tn, drop_backlog);
		kfree_skb(skb);
	}
	bh_unlock_sock(sk);
}

/* 3.10.7.1: no connection, and perhaps nobody who listens. */
static void deliver_new(struct toytcp_net *tn, const struct toytcp_tuple *who,
			struct sk_buff *skb, const struct segment *seg)
{
	struct toytcp_listener *l = toytcp_ports_listener(tn, who,
							  inet_iif(skb));

	if (l) {
		toytcp_listener_arrives(l, NULL, skb, seg, NULL);
		return;
	}
	if (!breaks_policy(tn, NULL, skb)) {
		toytcp_count(tn, drop_no_socket);
		if (!(seg->ctl & CTL_RST))
			toytcp_transmit_reset(tn->net, skb, seg, CAUSE_CLOSED);
	}
	kfree_skb(skb);
}

/**
 * toytcp_deliver_packet() - find out whom a segment is for
 * @tn: the namespace
 * @skb: data at our header; taken over
 * @seg: the same, parsed
 *
 * Context: BH disabled.
 */
void toytcp_deliver_packet(struct toytcp_net *tn, struct sk_buff *skb,
			   const struct segment *seg)
{
	const struct toytcp_tuple who = toytcp_tuple_of(skb, seg);
	struct toytcp_remnant *r;
	struct toytcp_embryo *e;
	struct toytcp_entry *entry;

	rcu_read_lock();
	entry = toytcp_table_find(tn, &who);
	if (!entry) {
		deliver_new(tn, &who, skb, seg);
	} else if (entry->kind == ENTRY_SOCKET) {
		deliver_to_socket(toytcp_entry_sock(entry), &who, skb, seg);
	} else if (entry->kind == ENTRY_EMBRYO) {
		e = container_of(entry, struct toytcp_embryo, entry);
		toytcp_listener_arrives(e->listener, e, skb, seg, NULL);
	} else if (breaks_policy(tn, NULL, skb)) {
		kfree_skb(skb);
	} else {
		r = container_of(entry, struct toytcp_remnant, entry);
		toytcp_timewait_arrives(tn, r, skb, seg);
	}
	rcu_read_unlock();
}
