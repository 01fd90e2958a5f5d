// SPDX-License-Identifier: GPL-2.0
/*
 * The SYN queue of a listener: its requests, which are connections between the
 * SYN and the ACK of our SYN,ACK. Their list is kept by waiting.c. Context:
 * RCU, BH disabled; requests.lock is taken here.
 */
#include "compat/compat.h"
#include "toytcp.h"

/*
 * toytcp_synq_overflows() - is the accept queue full? Then count it. As with
 * TCP, a backlog of n has room for n + 1.
 */
bool toytcp_synq_overflows(const struct toytcp_listener *l)
{
	if (!sk_acceptq_is_full(l->sk))
		return false;
	toytcp_count(l->tn, drop_listen_overflow);
	return true;
}

/* At least 1 s, and twice as long after each retransmission: RFC 6298. */
static void wait_for_ack(struct toytcp_listener *l, struct toytcp_request *e)
{
	u8 repeated = e->core.repeated;

	toytcp_waiting_queue(&l->requests, &e->waiting, repeated,
			     ((unsigned long)HZ << repeated) + 1);
}

/* Does TCP_DEFER_ACCEPT still want to see text before there is a socket? */
static bool is_deferred(const struct toytcp_listener *l,
			const struct toytcp_request *e)
{
	u32 seconds = READ_ONCE(toytcp_sk(l->sk)->defer_accept);

	return seconds && e->core.sent &&
	       READ_ONCE(e->core.repeated) < TOYTCP_SYNACK_RETRIES &&
	       toytcp_now() - e->core.sent < (u64)seconds * SECOND;
}

static void reply(const struct toytcp_listener *l,
		  const struct toytcp_request *e, struct segment *seg, u8 cause)
{
	toytcp_transmit_reply(l->tn, &e->entry.who, &e->route, seg, l->sk,
			      TCP_SYN_RECV, cause);
}

/* Restarts the timer, too: the peer's may run just as long. */
static void resend_synack(struct toytcp_listener *l, struct toytcp_request *e,
			  u8 cause)
{
	struct segment seg;
	bool queued;

	spin_lock(&l->requests.lock);
	queued = !list_empty(&e->waiting.link);
	if (queued) {
		toytcp_request_synack(&e->core, toytcp_now(), &seg);
		wait_for_ack(l, e);
	}
	spin_unlock(&l->requests.lock);
	if (queued)
		reply(l, e, &seg, cause);
}

/* There will be no connection. The list is locked. */
static void forget_request(struct toytcp_waitlist *list,
			   struct toytcp_waiting *w)
{
	toytcp_count(list->tn, attempt_fails);
	toytcp_waiting_forget(list, w);
}

/* No ACK came. After the last retransmission that is the end of it. */
static void expire_request(struct toytcp_waitlist *list,
			   struct toytcp_request *e)
{
	if (e->core.repeated < TOYTCP_SYNACK_RETRIES) {
		WRITE_ONCE(e->core.repeated, e->core.repeated + 1);
		wait_for_ack(e->listener, e);
		return;
	}
	toytcp_event(list->tn, &e->entry.who, EVENT_NONE, NULL, TCP_SYN_RECV,
		     TCP_LISTEN, CAUSE_USER_TIMEOUT);
	forget_request(list, &e->waiting);
}

static void retransmit_synack(struct toytcp_waitlist *list,
			      struct toytcp_request *e)
{
	if (list_empty(&e->waiting.link) ||
	    (READ_ONCE(e->acked) && is_deferred(e->listener, e)))
		return;
	toytcp_count(list->tn, timeouts);
	toytcp_count(list->tn, retransmitted);
	resend_synack(e->listener, e, CAUSE_RETRANSMISSION);
}

/* Nothing is sent under the lock: it may come back to us on this very CPU. */
static void expire_requests(struct timer_list *timer)
{
	struct toytcp_waitlist *list = timer_container_of(list, timer, timer);
	struct toytcp_waiting *w;
	struct toytcp_request *e;
	int n = 0;

	rcu_read_lock();
	do {
		spin_lock(&list->lock);
		w = toytcp_waiting_due(list, n++);
		e = container_of(w, struct toytcp_request, waiting);
		if (w)
			expire_request(list, e);
		spin_unlock(&list->lock);
		if (w)
			retransmit_synack(list, e);
	} while (w);
	rcu_read_unlock();
}

/* toytcp_synq_init() - there are no requests yet. Context: process. */
void toytcp_synq_init(struct toytcp_listener *l)
{
	toytcp_waiting_init(&l->requests, l->tn, expire_requests);
}

/* toytcp_synq_clear() - forget all requests: no longer in LISTEN, process */
void toytcp_synq_clear(struct toytcp_listener *l)
{
	toytcp_waiting_clear(&l->requests, forget_request);
	toytcp_timer_kill(&l->requests.timer);
}

/*
 * toytcp_synq_insert() - LISTEN -> SYN-RECEIVED; takes @e over. Returns false
 * if the listener, found under RCU, has stopped, or if another CPU was faster
 * with the same segment.
 */
bool toytcp_synq_insert(struct toytcp_listener *l, struct toytcp_request *e)
{
	bool ok;

	spin_lock(&l->requests.lock);
	ok = READ_ONCE(toytcp_sk(l->sk)->listener) == l &&
	     !toytcp_table_insert(l->tn, &e->entry);
	if (ok)
		wait_for_ack(l, e);
	spin_unlock(&l->requests.lock);
	if (ok)
		toytcp_count(l->tn, passive_opens);
	else
		kfree(e);
	return ok;
}

/* toytcp_synq_add() - the same for a request made from @syn, with a SYN,ACK */
void toytcp_synq_add(struct toytcp_listener *l, struct toytcp_request *e,
		     const struct segment *syn)
{
	struct toytcp_route route = e->route;
	struct segment seg;

	e->route.dst = NULL;	/* for this SYN,ACK only */
	toytcp_request_synack(&e->core, toytcp_now(), &seg);
	if (!toytcp_synq_insert(l, e)) {
		dst_release(route.dst);
		return;
	}
	toytcp_event(l->tn, &e->entry.who, EVENT_IN, syn, TCP_LISTEN,
		     TCP_SYN_RECV, CAUSE_LISTEN_SYN);
	toytcp_transmit_reply(l->tn, &e->entry.who, &route, &seg, l->sk,
			      TCP_SYN_RECV, CAUSE_LISTEN_SYN);
}

/* The child gets the place of the request and joins the accept queue. */
static bool replace_by_child(struct toytcp_listener *l,
			     struct toytcp_request *e, struct sock *child)
{
	struct toytcp_sock *tp = toytcp_sk(child);
	bool ok;

	spin_lock(&l->requests.lock);
	ok = !list_empty(&e->waiting.link) && !toytcp_synq_overflows(l);
	if (ok) {
		toytcp_table_replace(l->tn, &e->entry, &tp->entry);
		toytcp_waiting_forget(&l->requests, &e->waiting);
		list_add_tail(&tp->accept_link, &l->accept_queue);
		sk_acceptq_added(l->sk);
	}
	spin_unlock(&l->requests.lock);
	return ok;
}

/*
 * Returns true if the segment must be looked up again: another CPU was faster,
 * the listener has stopped, or the accept queue has become full.
 *
 * The child is in the accept queue before it has seen the segment, which it
 * records: accept() waits for its lock. If this segment does not make it
 * ESTABLISHED, no other will.
 */
static bool promote(struct toytcp_listener *l, struct toytcp_request *e,
		    struct sk_buff *skb, const struct segment *seg)
{
	struct sock *child = toytcp_child_new(l->sk, e, skb);
	bool replaced;

	if (!child) {
		toytcp_drop(l->tn, skb, drop_memory);
		return false;
	}
	bh_lock_sock_nested(child);
	replaced = replace_by_child(l, e, child);
	if (replaced) {
		toytcp_ports_share(l->sk, &toytcp_sk(child)->claim,
				   inet_sk(child)->inet_num, false);
		toytcp_receive_segment(child, skb, seg);
		if (child->sk_state == TCP_SYN_RECV)
			toytcp_settle_abort(child, ECONNABORTED);
	}
	bh_unlock_sock(child);
	if (replaced)
		l->sk->sk_data_ready(l->sk);
	else
		toytcp_child_discard(child);
	return !replaced;
}

/* All but promotion: the request stays one, or ends. */
static void carry_out_request(struct toytcp_listener *l,
			      struct toytcp_request *e, enum verdict verdict,
			      const struct sk_buff *skb,
			      const struct segment *seg)
{
	struct segment ack;

	switch (verdict) {
	case VERDICT_RETRANSMIT:
		if (toytcp_answer_due(&e->waiting.answered))
			resend_synack(l, e, CAUSE_LISTEN_SYN);
		break;
	case VERDICT_ACK:
		if (!toytcp_answer_due(&e->waiting.answered))
			break;
		toytcp_request_ack(&e->core, toytcp_now(), &ack);
		reply(l, e, &ack, seg->ctl & CTL_RST ? CAUSE_CHALLENGE_RST :
						       CAUSE_SEQUENCE);
		break;
	case VERDICT_END:
		spin_lock(&l->requests.lock);
		if (!list_empty(&e->waiting.link))	/* we were the fastest */
			forget_request(&l->requests, &e->waiting);
		spin_unlock(&l->requests.lock);
		break;
	case VERDICT_RESET:
		toytcp_transmit_reset(sock_net(l->sk), skb, seg, CAUSE_ACK);
		break;
	default:
		break;
	}
}

/*
 * toytcp_synq_arrives() - a segment arrived for a request. Takes over @skb,
 * which has its data at our header. Returns true, and does not, if another CPU
 * was faster: see toytcp_listener_arrives().
 *
 * Context: under RCU, in which @l and @e were found; BH disabled.
 */
bool toytcp_synq_arrives(struct toytcp_listener *l, struct toytcp_request *e,
			 struct sk_buff *skb, const struct segment *seg)
{
	enum verdict verdict = toytcp_request_arrives(&e->core, seg,
						      toytcp_now());
	/* If so, our SYN,ACK will come again, and make the peer resend it. */
	bool full = verdict == VERDICT_PROMOTE && toytcp_synq_overflows(l);

	if (verdict == VERDICT_PROMOTE && !full) {
		if (toytcp_segment_length(seg) || !is_deferred(l, e))
			return promote(l, e, skb, seg);
		WRITE_ONCE(e->acked, true);
	}
	toytcp_event(l->tn, &e->entry.who, EVENT_IN, seg, TCP_SYN_RECV,
		     verdict == VERDICT_END ? TCP_LISTEN : TCP_SYN_RECV,
		     seg->ctl & CTL_RST ? CAUSE_RST :
		     seg->ctl & CTL_SYN ? CAUSE_SYN : CAUSE_ACK);
	carry_out_request(l, e, verdict, skb, seg);
	if (full)
		toytcp_drop_counted(skb, drop_listen_overflow);
	else
		consume_skb(skb);
	return false;
}
