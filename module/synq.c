// SPDX-License-Identifier: GPL-2.0
/*
 * Requests: connections between the SYN and the ACK of our SYN,ACK.
 *
 * A request is in the connection table if and only if it is on one of its
 * listener's lists; both change under listener.lock. Whoever takes it off the
 * list frees it, after a grace period; others see an empty link: too late.
 */
#include "compat/compat.h"
#include "toytcp.h"

/**
 * toytcp_synq_overflows() - has the accept queue no room? Then count it
 * @l: the listener
 *
 * As with TCP, a backlog of n has room for n + 1.
 */
bool toytcp_synq_overflows(const struct toytcp_listener *l)
{
	if (!sk_acceptq_is_full(l->sk))
		return false;
	toytcp_count(l->tn, drop_listen_overflow);
	return true;
}

static struct toytcp_request *first_of(struct list_head *list)
{
	return list_first_entry_or_null(list, struct toytcp_request, link);
}

/* Puts it behind those that wait equally long: 1 s, and twice that each time. */
static void wait_for_ack(struct toytcp_listener *l, struct toytcp_request *e)
{
	u8 repeated = e->core.repeated;

	WRITE_ONCE(e->deadline, jiffies + ((unsigned long)HZ << repeated));
	list_add_tail(&e->link, &l->requests[repeated]);
	toytcp_timer_set(&l->timer, e->deadline);
}

static void unlink_request(struct toytcp_listener *l, struct toytcp_request *e)
{
	lockdep_assert_held(&l->lock);
	list_del_init(&e->link);
	WRITE_ONCE(l->request_count, l->request_count - 1);
	kfree_rcu(e, rcu);
}

static void forget(struct toytcp_listener *l, struct toytcp_request *e)
{
	toytcp_table_remove(l->tn, &e->entry);
	unlink_request(l, e);
	toytcp_count(l->tn, attempt_fails);
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

static void send_synack(const struct toytcp_listener *l,
			struct toytcp_request *e, u8 cause)
{
	struct segment seg;

	toytcp_request_synack(&e->core, toytcp_now(), &seg);
	reply(l, e, &seg, cause);
}

/* The first of those repeated @n times, if its time is up. */
static struct toytcp_request *due(struct toytcp_listener *l, int n)
{
	struct toytcp_request *e = first_of(&l->requests[n]);

	if (e && time_before(jiffies, e->deadline)) {
		toytcp_timer_set(&l->timer, e->deadline);
		e = NULL;
	}
	return e;
}

/* The next request whose time is up: ended, or waiting for its next time. */
static struct toytcp_request *take_due(struct toytcp_listener *l)
{
	struct toytcp_request *e = NULL;
	int n;

	spin_lock(&l->lock);
	for (n = 0; !e && n <= TOYTCP_SYNACK_RETRIES; n++)
		e = due(l, n);
	if (e && e->core.repeated == TOYTCP_SYNACK_RETRIES) {
		toytcp_event(l->tn, &e->entry.who, EVENT_NONE, NULL,
			     TCP_SYN_RECV, TCP_LISTEN, CAUSE_USER_TIMEOUT);
		forget(l, e);
	} else if (e) {
		list_del(&e->link);
		WRITE_ONCE(e->core.repeated, e->core.repeated + 1);
		wait_for_ack(l, e);
	}
	spin_unlock(&l->lock);
	return e;
}

/* Never under the lock: what is sent may come back to us on this very CPU. */
static void repeat(const struct toytcp_listener *l, struct toytcp_request *e)
{
	if (list_empty(&e->link) || (READ_ONCE(e->acked) && is_deferred(l, e)))
		return;
	toytcp_count(l->tn, timeouts);
	toytcp_count(l->tn, retransmitted);
	send_synack(l, e, CAUSE_RETRANSMISSION);
}

static void expire(struct timer_list *timer)
{
	struct toytcp_listener *l = timer_container_of(l, timer, timer);
	struct toytcp_request *e;

	rcu_read_lock();
	while ((e = take_due(l)))
		repeat(l, e);
	rcu_read_unlock();
}

/** toytcp_synq_init() - a listener that is being made has no requests */
void toytcp_synq_init(struct toytcp_listener *l)
{
	int n;

	for (n = 0; n <= TOYTCP_SYNACK_RETRIES; n++)
		INIT_LIST_HEAD(&l->requests[n]);
	toytcp_timer_setup_list(&l->timer, expire);
}

/** toytcp_synq_clear() - a listener, its lock held, forgets all requests */
void toytcp_synq_clear(struct toytcp_listener *l)
{
	struct toytcp_request *e;
	int n;

	for (n = 0; n <= TOYTCP_SYNACK_RETRIES; n++) {
		while ((e = first_of(&l->requests[n])))
			forget(l, e);
	}
}

/**
 * toytcp_synq_insert() - LISTEN -> SYN-RECEIVED
 * @l: the listener, found under RCU
 * @e: complete; taken over
 *
 * Return: false, and @e is free, if the listener has stopped, or if another CPU
 * was faster with the same segment.
 */
bool toytcp_synq_insert(struct toytcp_listener *l, struct toytcp_request *e)
{
	bool ok;

	spin_lock(&l->lock);
	ok = READ_ONCE(toytcp_sk(l->sk)->listener) == l &&
	     !toytcp_table_insert(l->tn, &e->entry);
	if (ok) {
		WRITE_ONCE(l->request_count, l->request_count + 1);
		wait_for_ack(l, e);
	}
	spin_unlock(&l->lock);
	if (ok)
		toytcp_count(l->tn, passive_opens);
	else
		kfree(e);
	return ok;
}

/**
 * toytcp_synq_add() - the same, and its SYN,ACK goes out
 * @l: the listener, found under RCU
 * @e: complete; taken over
 * @syn: what it came from
 */
void toytcp_synq_add(struct toytcp_listener *l, struct toytcp_request *e,
		     const struct segment *syn)
{
	if (!toytcp_synq_insert(l, e))
		return;
	toytcp_event(l->tn, &e->entry.who, EVENT_IN, syn, TCP_LISTEN,
		     TCP_SYN_RECV, CAUSE_LISTEN_SYN);
	send_synack(l, e, CAUSE_LISTEN_SYN);
}

/* The request's place in the table, and its turn to be accepted, are the child's. */
static bool replace_by_child(struct toytcp_listener *l,
			     struct toytcp_request *e, struct sock *child)
{
	struct toytcp_sock *tp = toytcp_sk(child);
	bool ok;

	spin_lock(&l->lock);
	ok = !list_empty(&e->link) && !toytcp_synq_overflows(l);
	if (ok) {
		toytcp_table_replace(l->tn, &e->entry, &tp->entry);
		unlink_request(l, e);
		list_add_tail(&tp->accept_link, &l->accept_queue);
		sk_acceptq_added(l->sk);
	}
	spin_unlock(&l->lock);
	return ok;
}

/*
 * The child is in the accept queue before it has seen the segment; its lock
 * makes its user wait. If the segment makes no connection of it, nothing will.
 */
static void first_segment(const struct toytcp_listener *l, struct sock *child,
			  struct sk_buff *skb, const struct segment *seg)
{
	toytcp_ports_share(l->sk, &toytcp_sk(child)->claim,
			   inet_sk(child)->inet_num, false);
	toytcp_receive_segment(child, skb, seg);
	if (child->sk_state == TCP_SYN_RECV)
		toytcp_settle_abort(child, ECONNABORTED);
}

/*
 * Returns true if that did not work out: the segment is for the one that was
 * faster, for nobody, or is to find the accept queue full.
 */
static bool promote(struct toytcp_listener *l, struct toytcp_request *e,
		    struct sk_buff *skb, const struct segment *seg)
{
	struct sock *child = toytcp_child_new(l->sk, e);
	bool replaced;

	if (!child) {
		toytcp_drop(l->tn, skb, drop_memory);
		return false;
	}
	bh_lock_sock_nested(child);
	replaced = replace_by_child(l, e, child);
	if (replaced)
		first_segment(l, child, skb, seg);
	bh_unlock_sock(child);
	if (replaced)
		l->sk->sk_data_ready(l->sk);
	else
		toytcp_child_discard(child);
	return !replaced;
}

/* Does TCP_DEFER_ACCEPT want more than this final ACK? */
static bool must_wait(const struct toytcp_listener *l, struct toytcp_request *e,
		      const struct segment *seg)
{
	if (toytcp_segment_length(seg) || !is_deferred(l, e))
		return false;
	WRITE_ONCE(e->acked, true);
	return true;
}

static void end(struct toytcp_listener *l, struct toytcp_request *e)
{
	spin_lock(&l->lock);
	if (!list_empty(&e->link))
		forget(l, e);
	spin_unlock(&l->lock);
}

static void acknowledge(const struct toytcp_listener *l,
			struct toytcp_request *e, const struct segment *seg)
{
	struct segment ack;

	if (!toytcp_answer_due(&e->answered))
		return;
	toytcp_request_ack(&e->core, toytcp_now(), &ack);
	reply(l, e, &ack, seg->ctl & CTL_RST ? CAUSE_CHALLENGE_RST :
					       CAUSE_SEQUENCE);
}

/* All but promotion: the request stays one, or ends. */
static void carry_out(struct toytcp_listener *l, struct toytcp_request *e,
		      enum verdict verdict, const struct sk_buff *skb,
		      const struct segment *seg)
{
	switch (verdict) {
	case VERDICT_REPEAT:
		if (toytcp_answer_due(&e->answered))
			send_synack(l, e, CAUSE_LISTEN_SYN);
		break;
	case VERDICT_ACK:
		acknowledge(l, e, seg);
		break;
	case VERDICT_END:
		end(l, e);
		break;
	case VERDICT_RESET:
		toytcp_transmit_reset(sock_net(l->sk), skb, seg, CAUSE_ACK);
		break;
	default:
		break;
	}
}

static u8 cause_of(const struct segment *seg)
{
	if (seg->ctl & CTL_RST)
		return CAUSE_RST;
	if (seg->ctl & CTL_SYN)
		return CAUSE_SYN;
	return CAUSE_ACK;
}

/**
 * toytcp_synq_arrives() - a segment arrived for a request
 * @l: its listener, found under RCU
 * @e: the request, likewise
 * @skb: data at our header; taken over
 * @seg: the same, parsed
 *
 * Context: under RCU, BH disabled.
 *
 * Return: true if another CPU was faster: see toytcp_listener_arrives().
 */
bool toytcp_synq_arrives(struct toytcp_listener *l, struct toytcp_request *e,
			 struct sk_buff *skb, const struct segment *seg)
{
	enum verdict verdict = toytcp_request_arrives(&e->core, seg,
						      toytcp_now());
	/* Then it may come again: our SYN,ACK, retransmitted, asks for it. */
	bool full = verdict == VERDICT_PROMOTE && toytcp_synq_overflows(l);

	if (verdict == VERDICT_PROMOTE && !full && !must_wait(l, e, seg))
		return promote(l, e, skb, seg);	/* the child records it */
	toytcp_event(l->tn, &e->entry.who, EVENT_IN, seg, TCP_SYN_RECV,
		     verdict == VERDICT_END ? TCP_LISTEN : TCP_SYN_RECV,
		     cause_of(seg));
	carry_out(l, e, verdict, skb, seg);
	if (full)
		toytcp_drop_counted(skb, drop_listen_overflow);
	else
		consume_skb(skb);
	return false;
}
