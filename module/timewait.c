// SPDX-License-Identifier: GPL-2.0
/*
 * TIME-WAIT: what is left of connections, and the clock that ends it.
 *
 * An entry is in the connection table if and only if it is in timewaits.list;
 * both change under timewaits.lock. Whoever takes it off the list frees it, after
 * a grace period; others see an empty link: too late.
 */
#include <net/ip.h>
#include <net/route.h>

#include "compat/compat.h"
#include "toytcp.h"

#define ENDED_AT_ONCE	256	/* then others get the CPU, for a jiffy */

/*
 * How many all namespaces but the initial one have: anybody can make more of
 * those, in a user namespace.
 */
static atomic_t other_timewaits;

static struct toytcp_net *net_of(struct toytcp_timewaits *list)
{
	return container_of(list, struct toytcp_net, timewaits);
}

static struct toytcp_timewait *first_of(struct toytcp_timewaits *list)
{
	return list_first_entry_or_null(&list->list, struct toytcp_timewait,
					link);
}

static void forget(struct toytcp_net *tn, struct toytcp_timewait *r)
{
	lockdep_assert_held(&tn->timewaits.lock);
	list_del_init(&r->link);
	WRITE_ONCE(tn->timewaits.count, tn->timewaits.count - 1);
	if (tn->net != &init_net)
		atomic_dec(&other_timewaits);
	toytcp_table_remove(tn, &r->entry);
	toytcp_ports_release(tn, &r->claim);
	kfree_rcu(r, rcu);
}

/* Of several CPUs that want to end a TIME-WAIT entry, one does. */
static void end(struct toytcp_net *tn, struct toytcp_timewait *r)
{
	spin_lock_bh(&tn->timewaits.lock);
	if (!list_empty(&r->link))
		forget(tn, r);
	spin_unlock_bh(&tn->timewaits.lock);
}

static void rearm(struct toytcp_timewaits *list)
{
	const struct toytcp_timewait *r = first_of(list);

	if (r)
		toytcp_timer_set(&list->timer, r->deadline);
}

/*
 * Puts an entry last, with 2 MSL to go. If that has been lowered since, it now
 * holds for those before, too: the list stays in order.
 */
static void wait_2msl(struct toytcp_timewaits *list, struct toytcp_timewait *r)
{
	struct toytcp_timewait *before = r;
	u32 wait = READ_ONCE(net_of(list)->sysctl_time_wait_ms);

	lockdep_assert_held(&list->lock);
	WRITE_ONCE(r->deadline, jiffies + msecs_to_jiffies(wait));
	list_add_tail(&r->link, &list->list);
	list_for_each_entry_continue_reverse(before, &list->list, link) {
		if (!time_after(before->deadline, r->deadline))
			break;
		WRITE_ONCE(before->deadline, r->deadline);
	}
	rearm(list);
}

static void expire(struct timer_list *timer)
{
	struct toytcp_timewaits *list = timer_container_of(list, timer, timer);
	struct toytcp_net *tn = net_of(list);
	struct toytcp_timewait *r;
	int n;

	spin_lock_bh(&list->lock);
	for (n = 0; n < ENDED_AT_ONCE; n++) {
		r = first_of(list);
		if (!r || time_before(jiffies, r->deadline))
			break;
		toytcp_event(tn, &r->entry.who, EVENT_NONE, NULL, TCP_TIME_WAIT,
			     TCP_CLOSE, CAUSE_TIME_WAIT);
		forget(tn, r);
	}
	rearm(list);
	spin_unlock_bh(&list->lock);
}

/** toytcp_timewait_init() - prepare a namespace's TIME-WAIT, all zero */
void toytcp_timewait_init(struct toytcp_timewaits *list)
{
	spin_lock_init(&list->lock);
	INIT_LIST_HEAD(&list->list);
	toytcp_timer_setup_list(&list->timer, expire);
}

/** toytcp_timewait_destroy() - end it; no socket is left, no packet comes */
void toytcp_timewait_destroy(struct toytcp_net *tn)
{
	struct toytcp_timewait *r;

	while ((r = first_of(&tn->timewaits)))
		end(tn, r);
	toytcp_timer_kill(&tn->timewaits.timer);
}

static struct toytcp_timewait *make_timewait(const struct toytcp_sock *tp)
{
	struct toytcp_net *tn = toytcp_sock_net(&tp->inet.sk);
	struct toytcp_timewait *r;

	if (READ_ONCE(tn->timewaits.count) >= TOYTCP_TIMEWAITS_MAX ||
	    (tn->net != &init_net &&
	     atomic_read(&other_timewaits) >= TOYTCP_TIMEWAITS_OTHERS))
		return NULL;
	r = kzalloc(sizeof(*r), GFP_ATOMIC | __GFP_NOWARN);
	if (!r)
		return NULL;
	r->entry.who = tp->entry.who;
	r->entry.dev = tp->entry.dev;
	r->entry.kind = ENTRY_TIMEWAIT;
	toytcp_timewait_keep(&r->core, &tp->tcb);
	return r;
}

/**
 * toytcp_timewait_enter() - a connection goes on as a TIME-WAIT entry
 * @sk: locked; in TIME-WAIT, nothing more to send
 *
 * The socket's entry has left the table afterwards, with the table's reference,
 * and its claim is the TIME-WAIT entry's. If there are too many of those, or no
 * memory, nothing is done: the caller ends the connection as any other.
 */
void toytcp_timewait_enter(struct sock *sk)
{
	struct toytcp_net *tn = toytcp_sock_net(sk);
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct toytcp_timewait *r = make_timewait(tp);

	sock_owned_by_me(sk);
	if (!r) {
		toytcp_count(tn, time_wait_overflow);
		return;
	}
	spin_lock_bh(&tn->timewaits.lock);
	toytcp_ports_share(sk, &r->claim, tp->entry.lport, true);
	toytcp_table_replace(tn, &tp->entry, &r->entry);
	WRITE_ONCE(tn->timewaits.count, tn->timewaits.count + 1);
	if (tn->net != &init_net)
		atomic_inc(&other_timewaits);
	wait_2msl(&tn->timewaits, r);
	spin_unlock_bh(&tn->timewaits.lock);
}

static void restart(struct toytcp_net *tn, struct toytcp_timewait *r)
{
	spin_lock_bh(&tn->timewaits.lock);
	if (!list_empty(&r->link)) {
		list_del(&r->link);
		wait_2msl(&tn->timewaits, r);
	}
	spin_unlock_bh(&tn->timewaits.lock);
}

static void answer(struct toytcp_net *tn, const struct toytcp_timewait *r,
		   const struct sk_buff *skb, u8 cause)
{
	struct toytcp_route route;
	struct segment ack;

	toytcp_timewait_ack(&r->core, toytcp_now(), &ack);
	toytcp_transmit_route_to(tn->net, skb, &route);
	if (r->entry.dev)
		route.oif = r->entry.dev;
	if (cause == CAUSE_RST)
		cause = CAUSE_CHALLENGE_RST;
	else if (cause == CAUSE_SYN)
		cause = CAUSE_CHALLENGE_SYN;
	toytcp_transmit_reply(tn, &r->entry.who, &route, &ack, NULL,
			      TCP_TIME_WAIT, cause);
}

/**
 * toytcp_timewait_reuse() - a TIME-WAIT entry makes way for a new connection
 * @tn: the namespace
 * @r: the TIME-WAIT entry, found under RCU
 * @cause: enum cause, for the record
 */
void toytcp_timewait_reuse(struct toytcp_net *tn, struct toytcp_timewait *r,
			   u8 cause)
{
	toytcp_event(tn, &r->entry.who, EVENT_NONE, NULL, TCP_TIME_WAIT,
		     TCP_CLOSE, cause);
	toytcp_count(tn, time_wait_reused);
	end(tn, r);
}

/* For a second at least: the clock of the timestamps has moved on. */
static bool is_settled(const struct toytcp_net *tn,
		       const struct toytcp_timewait *r)
{
	u32 wait = READ_ONCE(tn->sysctl_time_wait_ms);

	return time_after_eq(jiffies, READ_ONCE(r->deadline) -
				      msecs_to_jiffies(wait) + HZ);
}

/**
 * toytcp_timewait_yield() - may connect() have a four-tuple in TIME-WAIT?
 * @tn: the namespace
 * @entry: what it wants to insert; another one is in its way
 *
 * RFC 6191 section 3: both ends tell old segments by their timestamps, so only
 * if the new connection is to have some, too.
 *
 * Return: whether a TIME-WAIT entry has made way.
 */
bool toytcp_timewait_yield(struct toytcp_net *tn,
			   const struct toytcp_entry *entry)
{
	struct toytcp_entry *rival;
	struct toytcp_timewait *r;
	bool yields;

	rcu_read_lock();
	rival = toytcp_table_rival(tn, entry);
	r = container_of(rival, struct toytcp_timewait, entry);
	yields = rival && rival->kind == ENTRY_TIMEWAIT && r->core.timestamps &&
		 READ_ONCE(tn->sysctl_timestamps) && is_settled(tn, r);
	if (yields)
		toytcp_timewait_reuse(tn, r, CAUSE_OPEN);
	rcu_read_unlock();
	return yields;
}

/**
 * toytcp_timewait_reopens() - may a segment open a new connection?
 * @r: the TIME-WAIT entry, found under RCU
 * @seg: the segment
 *
 * RFC 9293 MAY-2, if somebody listens.
 */
bool toytcp_timewait_reopens(const struct toytcp_timewait *r,
			     const struct segment *seg)
{
	return toytcp_timewait_verdict(&r->core, seg) == VERDICT_CREATE;
}

static u8 cause_of(const struct segment *seg)
{
	if (seg->ctl & CTL_RST)
		return CAUSE_RST;
	if (seg->ctl & CTL_SYN)
		return CAUSE_SYN;
	return seg->ctl & CTL_FIN ? CAUSE_FIN : CAUSE_SEQUENCE;
}

static void carry_out(struct toytcp_net *tn, struct toytcp_timewait *r,
		      enum verdict verdict, const struct sk_buff *skb, u8 cause)
{
	switch (verdict) {
	case VERDICT_END:
		end(tn, r);
		break;
	case VERDICT_RESTART:
		restart(tn, r);
		answer(tn, r, skb, cause);
		break;
	case VERDICT_ACK:
	case VERDICT_CREATE:	/* nobody listens: RFC 5961 4.2 has it so */
		if (toytcp_answer_due(&r->answered))
			answer(tn, r, skb, cause);
		break;
	default:
		break;
	}
}

/**
 * toytcp_timewait_arrives() - a segment arrived for a TIME-WAIT entry
 * @tn: the namespace
 * @r: the TIME-WAIT entry, found under RCU
 * @skb: data at our header; taken over
 * @seg: the same, parsed; where it would open a new connection nobody listens
 *
 * Context: under RCU, BH disabled.
 */
void toytcp_timewait_arrives(struct toytcp_net *tn, struct toytcp_timewait *r,
			     struct sk_buff *skb, const struct segment *seg)
{
	enum verdict verdict = toytcp_timewait_verdict(&r->core, seg);
	u8 cause = cause_of(seg);

	toytcp_event(tn, &r->entry.who, EVENT_IN, seg, TCP_TIME_WAIT,
		     verdict == VERDICT_END ? TCP_CLOSE : TCP_TIME_WAIT, cause);
	carry_out(tn, r, verdict, skb, cause);
	consume_skb(skb);
}
