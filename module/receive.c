// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to a socket from below: segments, processed at once or from the
 * backlog, its timer, and room in the host's own queue.
 *
 * Every function here that gets an skb takes it over: it ends in exactly one
 * place, which is the receive queue, the out-of-order text, the backlog, or
 * freed. Context: the socket lock, with BH disabled or by a user who releases
 * it. What starts from a timer or tasklet takes it here.
 */
#include <linux/filter.h>
#include <linux/interrupt.h>
#include <net/busy_poll.h>

#include "compat/compat.h"
#include "core/seq.h"
#include "ipv4.h"

/* The skb is neither kept nor queued to be read. Most are bare ACKs. */
static void discard(struct toytcp_net *tn, struct sk_buff *skb, u32 notes,
		    bool room)
{
	if (notes & NOTE_OUTSIDE)
		toytcp_drop(tn, skb, drop_window);
	else if (notes & NOTE_PAWS)
		toytcp_drop(tn, skb, drop_paws);
	else if (!room)
		toytcp_drop(tn, skb, drop_memory);
	else
		consume_skb(skb);
}

/* Beside the connection's own limit there is one for all sockets together. */
static bool has_room(struct sock *sk, struct sk_buff *skb,
		     const struct segment *seg)
{
	return toytcp_policy_admits(&toytcp_sk(sk)->tcb, seg,
				    atomic_read(&sk->sk_rmem_alloc),
				    READ_ONCE(sk->sk_rcvbuf),
				    !skb_queue_empty(&sk->sk_receive_queue)) &&
	       (!seg->len || sk_rmem_schedule(sk, skb, skb->truesize));
}

/** toytcp_receive_ack_deferred() - the backlog is empty: from release_cb() */
void toytcp_receive_ack_deferred(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (test_and_clear_bit(TOYTCP_ACK_DEFERRED, &sk->sk_tsq_flags) &&
	    toytcp_delack_release(&toytcp_sk(sk)->tcb))
		toytcp_settle_call(sk, CAUSE_SEND);
}

/**
 * toytcp_receive_segment() - a segment arrived for a socket
 * @sk: locked, not in LISTEN; while a user owns it, the backlog is processed
 * @skb: data at our header; taken over. Filters have let it pass, and may have
 *	made it shorter than @parsed says
 * @parsed: its header
 *
 * Context: BH disabled, or the user's who releases the lock.
 */
void toytcp_receive_segment(struct sock *sk, struct sk_buff *skb,
			    const struct segment *parsed)
{
	struct reassembly_node *node = toytcp_node(skb);
	struct toytcp_net *tn = toytcp_sock_net(sk);
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct segment seg = *parsed;
	struct actions act;
	u64 now = toytcp_now();
	bool room;

	sock_owned_by_me(sk);
	seg.len = skb->len - seg.hdrlen;
	seg.ecn = toytcp_ipv4_ecn(skb);
	room = has_room(sk, skb, &seg);
	tp->segs_in++;
	tp->data_segs_in += !!seg.len;
	__skb_pull(skb, seg.hdrlen);
	toytcp_urgent_inline(&tp->tcb, sock_flag(sk, SOCK_URGINLINE));
	if (seg.sacks)
		toytcp_transmit_lend(sk, seg.sacks);
	toytcp_arrives(&tp->tcb, &seg, room ? node : NULL, now, &act);
	if (act.kept || act.ready)
		tp->info.text_received = now;
	if (seg.ecn == ECN_CE)
		toytcp_count(tn, in_marked);
	/* A new mark may have skipped the byte at the old one, unread. */
	if (act.wake & WAKE_URGENT)
		toytcp_recvq_forget(sk);
	if (act.urgent)
		skb_copy_bits(skb, tp->tcb.rcv.up - seg.seq, &tp->oob, 1);
	if (act.kept) {
		toytcp_count(tn, out_of_order);
		tp->info.out_of_order++;
		toytcp_recvq_charge(sk, skb);
	}
	/* A user is releasing the socket: more may follow, then release_cb(). */
	if (sock_owned_by_user(sk) && toytcp_delack_hold(&tp->tcb, &act))
		set_bit(TOYTCP_ACK_DEFERRED, &sk->sk_tsq_flags);
	toytcp_settle(sk, &act, &seg);
	if (act.reset)
		toytcp_transmit_reset(sock_net(sk), skb, &seg, act.cause);
	if (!act.kept && act.ready != node)
		discard(tn, skb, act.notes, room);
	sk_mem_reclaim(sk);	/* has_room() has reserved it */
}

/*
 * A segment, taken over, has waited while a user owned the lock. One before it
 * may have ended the connection, perhaps in TIME-WAIT: a reset would be wrong
 * then, and TCP sends none either. Returns 0.
 */
int toytcp_receive_backlog(struct sock *sk, struct sk_buff *skb)
{
	struct segment seg;

	sock_owned_by_me(sk);
	if (hlist_nulls_unhashed_lockless(&toytcp_sk(sk)->entry.node)) {
		toytcp_drop(toytcp_sock_net(sk), skb, drop_no_socket);
		return 0;
	}
	/* It was valid when it came; skb->cb had no room for the result. */
	toytcp_segment_parse(&seg, skb->data, skb->len);
	toytcp_receive_segment(sk, skb, &seg);
	return 0;
}

/*
 * The limit is on receive queue and backlog together: the queue may hold a
 * whole buffer that nobody has read yet, the backlog another window.
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
 * entry leaves the table only under the socket lock, and the memory stays for a
 * grace period. So a socket that is still hashed once we have its lock is
 * alive. If it was closed and connected anew between look-up and lock, its
 * four-tuple is another.
 */
static bool still_there(const struct toytcp_sock *tp,
			const struct toytcp_tuple *who)
{
	return !hlist_nulls_unhashed_lockless(&tp->entry.node) &&
	       toytcp_tuple_same(&tp->entry.who, who);
}

/**
 * toytcp_receive_breaks_policy() - drop a segment that IPsec's policy forbids
 * @tn: the namespace
 * @sk: the socket whose own policy counts, if it has one; NULL: none yet
 * @skb: data at our header; taken over if forbidden
 *
 * Once for each packet: the policy needs conntrack's record of what NAT did to
 * the addresses, and the reference to it is dropped here.
 *
 * Context: under RCU, BH disabled. Return: whether it was dropped.
 */
bool toytcp_receive_breaks_policy(struct toytcp_net *tn, struct sock *sk,
				  struct sk_buff *skb)
{
	bool breaks = !toytcp_ipv4_policy(sk, skb);

	if (breaks)
		toytcp_drop(tn, skb, drop_policy);
	else
		nf_reset_ct(skb);
	return breaks;
}

/**
 * toytcp_receive_refuses() - drop a segment that the socket does not accept
 * @sk: found under RCU; not locked
 * @skb: data at our header, which socket filters see as TCP's see TCP's header;
 *	taken over if refused
 * @seg: its header
 *
 * By IPsec's policy, the socket filter, or IP_MINTTL: a sender can forge its
 * address, but cannot raise the TTL that is left on arrival.
 *
 * Context: under RCU, BH disabled. Return: whether it was dropped.
 */
bool toytcp_receive_refuses(struct sock *sk, struct sk_buff *skb,
			    const struct segment *seg)
{
	if (toytcp_receive_breaks_policy(toytcp_sock_net(sk), sk, skb))
		return true;
	if (toytcp_ipv4_min_ttl(sk, skb) &&
	    !sk_filter_trim_cap(sk, skb, seg->hdrlen))
		return false;
	toytcp_drop(toytcp_sock_net(sk), skb, drop_filter);
	return true;
}

/**
 * toytcp_receive_packet() - a segment arrived for a socket
 * @sk: found under RCU; not locked
 * @who: the segment's four-tuple
 * @skb: data at our header; taken over
 * @seg: its header
 * @asked: policy and filter of the listener have let it pass already
 *
 * Context: under RCU, BH disabled.
 */
void toytcp_receive_packet(struct sock *sk, const struct toytcp_tuple *who,
			   struct sk_buff *skb, const struct segment *seg,
			   bool asked)
{
	struct toytcp_net *tn = toytcp_sock_net(sk);

	if (!asked && toytcp_receive_refuses(sk, skb, seg))
		return;
	sk_incoming_cpu_update(sk);
	sk_mark_napi_id(sk, skb);
	skb->dev = NULL;	/* may vanish before the backlog is processed */
	bh_lock_sock_nested(sk);
	if (!still_there(toytcp_sk(sk), who))
		toytcp_drop(tn, skb, drop_no_socket);
	else if (!sock_owned_by_user(sk))
		toytcp_receive_segment(sk, skb, seg);
	else if (!add_to_backlog(sk, skb))
		toytcp_drop(tn, skb, drop_backlog);
	bh_unlock_sock(sk);
}

static void expire(struct sock *sk)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct actions act;
	u8 tries = tp->tcb.tries;

	tp->armed = 0;
	toytcp_timeout_expire(&tp->tcb, toytcp_now(), &act);
	if (tp->tcb.tries != tries)
		toytcp_count(toytcp_sock_net(sk), timeouts);
	toytcp_settle(sk, &act, NULL);
}

/*
 * @work has to be done on a socket. If a user has the lock, release_cb() will do
 * it (@deferred); the reference keeps the socket until then.
 */
static void do_or_defer(struct sock *sk, void (*work)(struct sock *),
			int deferred)
{
	rcu_read_lock();
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		work(sk);
	else if (!test_and_set_bit(deferred, &sk->sk_tsq_flags))
		sock_hold(sk);
	bh_unlock_sock(sk);
	rcu_read_unlock();
}

static void do_deferred(struct sock *sk, void (*work)(struct sock *),
			int deferred)
{
	sock_owned_by_me(sk);
	if (!test_and_clear_bit(deferred, &sk->sk_tsq_flags))
		return;
	work(sk);
	__sock_put(sk);
}

/** toytcp_receive_timer() - @t, a socket's sk_timer, went off */
void toytcp_receive_timer(struct timer_list *t)
{
	struct sock *sk = container_of(t, struct sock, sk_timer);

	do_or_defer(sk, expire, TOYTCP_TIMER_DEFERRED);
	sock_put(sk);
}

/* The connection may have ended meanwhile, or be another one. */
static void send_more(struct sock *sk)
{
	if (!hlist_nulls_unhashed_lockless(&toytcp_sk(sk)->entry.node))
		toytcp_settle_call(sk, CAUSE_SEND);
}

/* Packets of sockets have left this host. Some may be closed; they stay. */
void toytcp_receive_room(struct tasklet_struct *tasklet)
{
	struct llist_node *list = toytcp_smallq_take(tasklet);
	struct toytcp_sock *tp, *next;

	llist_for_each_entry_safe(tp, next, list, waiting) {
		struct sock *sk = &tp->inet.sk;

		/* From now on another CPU may put it on its list. */
		clear_bit(TOYTCP_QUEUED, &sk->sk_tsq_flags);
		smp_mb__after_atomic();	/* before we look whether it is full */
		do_or_defer(sk, send_more, TOYTCP_ROOM_DEFERRED);
		sk_free(sk);
	}
}

/** toytcp_receive_deferred() - the timer, and room: from release_cb() */
void toytcp_receive_deferred(struct sock *sk)
{
	do_deferred(sk, expire, TOYTCP_TIMER_DEFERRED);
	do_deferred(sk, send_more, TOYTCP_ROOM_DEFERRED);
}
