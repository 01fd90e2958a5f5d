// SPDX-License-Identifier: GPL-2.0
/*
 * From the core to the wire: toytcp_transmit_segment() for a socket, through
 * __ip_queue_xmit(); toytcp_transmit_reply() for answers without a full socket.
 * Context: the socket lock; without a full socket, any.
 */
#include "compat/compat.h"
#include "core/cut.h"
#include "ipv4.h"

/* Puts the header in front of the text; checksum.c completes the checksum. */
static void push_header(struct sk_buff *skb, const struct segment *seg,
			__be32 saddr, __be32 daddr)
{
	u8 *header = skb_push(skb, seg->hdrlen);

	skb_reset_transport_header(skb);
	toytcp_segment_build(seg, header);
	*(__sum16 *)(header + SEGMENT_CHECKSUM_OFFSET) =
		toytcp_ipv4_pseudo_sum(saddr, daddr, skb->len);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = SEGMENT_CHECKSUM_OFFSET;
}

/* Sends @seg; @skb, which is taken over, holds its text and nothing else. */
static void send_skb(struct sock *sk, struct sk_buff *skb,
		     const struct segment *seg)
{
	struct skb_shared_info *info = skb_shinfo(skb);
	struct inet_sock *inet = inet_sk(sk);
	struct toytcp_sock *tp = toytcp_sk(sk);
	u32 mss = tp->tcb.snd.mss;
	bool large = seg->len > mss;

	memset(skb->cb, 0, sizeof(skb->cb));
	push_header(skb, seg, inet->inet_saddr, inet->inet_daddr);
	/* Shared with the queued skb: it may have been large before. */
	info->gso_size = large ? mss : 0;
	info->gso_segs = large ? DIV_ROUND_UP(seg->len, mss) : 0;
	info->gso_type = large ? TOYTCP_GSO_TYPE : 0;
	toytcp_smallq_own(skb, sk);
	skb_set_hash_from_sk(skb, sk);
	tp->segs_out++;
	tp->data_segs_out += !!seg->len;
	toytcp_count(toytcp_sock_net(sk), out_segments);
	toytcp_event(toytcp_sock_net(sk), &tp->entry.who, EVENT_OUT, seg,
		     tp->tcb.state, tp->tcb.state, seg->cause);
	/* The queue has dropped it (NET_XMIT_DROP), or another one of ours. */
	if (toytcp_ipv4_xmit(sk, skb, seg->ecn) > 0 && seg->len)
		toytcp_ecn_local(&tp->tcb);
}

/* In pieces where too many pages hold it. */
static void send_text(struct sock *sk, struct segment *seg)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct cut cut;

	toytcp_cut_begin(&cut, seg);
	while (cut.left) {
		struct sk_buff *queued = toytcp_sendq_find(sk, cut.seq), *skb;

		if (WARN_ON_ONCE(!queued))
			return;
		tp->send_next = queued;
		skb = toytcp_sendq_take(sk, queued, cut.seq, cut.left);
		toytcp_cut_piece(&cut, &tp->tcb, seg,
				 skb ? skb->len : cut.left);
		if (skb)
			send_skb(sk, skb, seg);
		else
			toytcp_count(toytcp_sock_net(sk), drop_memory);
	}
}

/**
 * toytcp_transmit_segment() - send what the core describes
 * @sk: locked, with addresses and ports
 * @seg: from toytcp_emit_next() or toytcp_user_abort(); changed
 *
 * If memory is short, the segment is lost, as any segment may be.
 */
void toytcp_transmit_segment(struct sock *sk, struct segment *seg)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	seg->source = tp->entry.lport;
	seg->destination = tp->entry.rport;
	if (seg->len) {
		send_text(sk, seg);
		return;
	}
	skb = toytcp_sendq_bare();
	if (skb)
		send_skb(sk, skb, seg);
	else
		toytcp_count(toytcp_sock_net(sk), drop_memory);
}

/*
 * Up to the end of the next queued skb, so that the one behind it goes as a
 * clone.
 */
static u32 next_goal(struct sock *sk)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct sk_buff *skb = toytcp_sendq_find(sk, tp->tcb.snd.nxt);
	u32 left, goal = tp->path.gso_goal;

	if (!skb || skb_queue_is_last(&sk->sk_write_queue, skb))
		return goal;
	left = toytcp_node(skb)->end - tp->tcb.snd.nxt;
	return left < tp->tcb.snd.mss ? goal : min(left, goal);
}

/**
 * toytcp_transmit_sync_mss() - fit the segment size to the path
 * @sk: locked
 * @mtu: reported by a router, bytes; 0: ask the route. If there is none just
 *	now, what is sent next finds one, and follow_path() notices
 *
 * Return: whether a report has made segments smaller: settle then.
 */
bool toytcp_transmit_sync_mss(struct sock *sk, u32 mtu)
{
	struct dst_entry *dst = __sk_dst_get(sk);
	u32 route_mtu = dst ? dst_mtu(dst) : IP_MAX_MTU;
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct path_limits limits = {
		.room = toytcp_ipv4_room(sk, mtu ? mtu : route_mtu),
		.user_mss = READ_ONCE(tp->user_mss),
		.gso_segs = READ_ONCE(sk->sk_gso_max_segs),
	};

	sock_owned_by_me(sk);
	/* The kernel has taken headers off already; an IP packet is limited. */
	if (sk_can_gso(sk))
		limits.gso_size = min_t(u32, READ_ONCE(sk->sk_gso_max_size),
					65535 - sizeof(struct iphdr) -
					SEGMENT_HEADER_MAX);
	if (mtu)
		return toytcp_path_report(&tp->path, &tp->tcb, &limits);
	toytcp_path_fit(&tp->path, &tp->tcb, &limits);
	return false;
}

/* A route that is no longer valid does not count: its device may be gone. */
static void follow_path(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_check(sk, 0);
	const struct toytcp_sock *tp = toytcp_sk(sk);

	if (dst && toytcp_path_changed(&tp->path, &tp->tcb,
				       toytcp_ipv4_room(sk, dst_mtu(dst))))
		toytcp_transmit_sync_mss(sk, 0);
}

/* Lends the core records of what is sent; @sacks: toytcp_policy_records(). */
void toytcp_transmit_lend(struct sock *sk, u8 sacks)
{
	struct tcb *tcb = &toytcp_sk(sk)->tcb;
	int n = toytcp_policy_records(tcb, sacks);
	struct sent_record *r;

	sock_owned_by_me(sk);
	for (; n > 0; n--) {
		r = kmalloc(sizeof(*r), GFP_ATOMIC | __GFP_NOWARN);
		if (!r)
			return;
		toytcp_scoreboard_lend(&tcb->board, r);
	}
	for (; n < 0; n++)
		kfree(toytcp_scoreboard_return(&tcb->board));
}

/* Sends all that the core wants to send. @cause: see toytcp_emit_next(). */
void toytcp_transmit_pending(struct sock *sk, u8 cause)
{
	struct tcb *tcb = &toytcp_sk(sk)->tcb;
	u32 limit, next, retransmits = tcb->retransmits;
	struct segment seg;
	u64 now;

	sock_owned_by_me(sk);
	toytcp_sk(sk)->pacing = false;
	if (toytcp_emit_nothing(tcb))
		return;
	now = toytcp_now();
	follow_path(sk);
	limit = toytcp_smallq_limit(sk);
	do {
		toytcp_emit_hold(tcb, toytcp_smallq_early(sk, now) ||
				 toytcp_smallq_full(sk, limit));
		toytcp_path_goal(tcb, min(next_goal(sk), limit));
		toytcp_transmit_lend(sk, 0);
		next = tcb->snd.nxt;
		if (!toytcp_emit_next(tcb, now, cause, &seg))
			break;
		if (seg.len) {
			toytcp_smallq_pace(sk, seg.len, now);
			toytcp_info_sent(sk, seg.len, tcb->snd.nxt == next, now);
		}
		toytcp_transmit_segment(sk, &seg);
	} while (!toytcp_emit_nothing(tcb));
	if (tcb->retransmits != retransmits)
		this_cpu_add(toytcp_sock_net(sk)->mib->counter
			     [MIB_retransmitted],
			     tcb->retransmits - retransmits);
}

/**
 * toytcp_transmit_reply() - send a segment that has no full socket
 * @tn: the namespace
 * @who: the connection's four-tuple, from our side
 * @route: how to get there; its @dst is taken over
 * @seg: measured, without text; gets its ports
 * @sk: the listener that sends it, found under RCU; NULL if nobody does
 * @state: of the connection, for the record
 * @cause: enum cause, likewise
 */
void toytcp_transmit_reply(struct toytcp_net *tn,
			   const struct toytcp_tuple *who,
			   const struct toytcp_route *route,
			   struct segment *seg, struct sock *sk, u8 state,
			   u8 cause)
{
	struct dst_entry *dst = toytcp_ipv4_route_reply(tn->net, who, route);
	struct sk_buff *skb = toytcp_sendq_bare();

	seg->source = who->lport;
	seg->destination = who->rport;
	toytcp_event(tn, who, EVENT_OUT, seg, state, state, cause);
	if (IS_ERR(dst)) {
		kfree_skb(skb);
		return;
	}
	if (!skb) {
		toytcp_count(tn, drop_memory);
		dst_release(dst);
		return;
	}
	skb_dst_set(skb, dst);
	skb->mark = route->mark;
	skb->priority = route->priority;
	/* Rules about users and cgroups apply. It may be closed just now. */
	if (sk && refcount_inc_not_zero(&sk->sk_refcnt)) {
		skb->sk = sk;
		skb->destructor = sock_efree;
	}
	push_header(skb, seg, who->local, who->remote);
	toytcp_count(tn, out_segments);
	toytcp_ipv4_reply(tn->net, skb, who, route);
}

/* Answers @seg, which came in @skb, by a reset: RFC 9293 section 3.5.2. */
void toytcp_transmit_reset(struct net *net, const struct sk_buff *skb,
			   const struct segment *seg, u8 cause)
{
	const struct toytcp_tuple who = toytcp_tuple_of(skb, seg);
	struct toytcp_route route;
	struct segment rst;

	toytcp_segment_reset_for(seg, &rst);
	toytcp_ipv4_route_to(net, skb, &route);
	toytcp_transmit_reply(toytcp_net(net), &who, &route, &rst, NULL,
			      TCP_CLOSE, cause);
	toytcp_count(toytcp_net(net), out_resets);
}
