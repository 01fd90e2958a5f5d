// SPDX-License-Identifier: GPL-2.0
/*
 * TIME-WAIT: what is left of connections for 2 MSL. The list is kept by
 * waiting.c. Context: any, with RCU where an entry is passed; timewaits.lock is
 * taken here. To begin and end, process.
 */
#include <net/ip.h>
#include <net/route.h>

#include "compat/compat.h"
#include "ipv4.h"

/* How many all namespaces but the initial one have: toytcp_others_add(). */
static atomic_t other_timewaits;

/* Puts an entry last, with 2 MSL to go. The list is locked. */
static void wait_2msl(struct toytcp_waitlist *list, struct toytcp_timewait *r)
{
	u32 wait = READ_ONCE(list->tn->sysctl_time_wait_ms);

	toytcp_waiting_queue(list, &r->waiting, 0, msecs_to_jiffies(wait));
}

/* The list is locked. */
static void forget(struct toytcp_waitlist *list, struct toytcp_waiting *w)
{
	struct toytcp_timewait *r = container_of(w, struct toytcp_timewait,
						 waiting);
	struct toytcp_net *tn = list->tn;

	toytcp_waiting_forget(list, w);
	toytcp_ports_release(tn, &r->claim);
	toytcp_others_add(tn, &other_timewaits, -1);
}

/* Unless another CPU was faster. */
static void end(struct toytcp_net *tn, struct toytcp_waiting *w)
{
	spin_lock_bh(&tn->timewaits.lock);
	if (!list_empty(&w->link))
		forget(&tn->timewaits, w);
	spin_unlock_bh(&tn->timewaits.lock);
}

static void expire_timewaits(struct timer_list *timer)
{
	struct toytcp_waitlist *list = timer_container_of(list, timer, timer);
	struct toytcp_waiting *w;
	int n = 0;

	do {
		spin_lock(&list->lock);
		w = toytcp_waiting_due(list, n++);
		if (w) {
			toytcp_event(list->tn, &w->entry.who, EVENT_NONE, NULL,
				     TCP_TIME_WAIT, TCP_CLOSE, CAUSE_TIME_WAIT);
			forget(list, w);
		}
		spin_unlock(&list->lock);
	} while (w);
}

/* toytcp_timewait_init() - prepare a namespace's TIME-WAIT, all zero */
void toytcp_timewait_init(struct toytcp_net *tn)
{
	toytcp_waiting_init(&tn->timewaits, tn, expire_timewaits);
}

/* toytcp_timewait_destroy() - end it; no socket is left, no packet comes */
void toytcp_timewait_destroy(struct toytcp_net *tn)
{
	toytcp_waiting_clear(&tn->timewaits, forget);
	toytcp_timer_kill(&tn->timewaits.timer);
}

/*
 * toytcp_timewait_enter() - a locked socket in TIME-WAIT that has nothing more
 * to send goes on as a TIME-WAIT entry
 *
 * The socket's entry has left the table afterwards, with the table's reference,
 * and its claim is the TIME-WAIT entry's. If there are too many of those, or no
 * memory, nothing is done: the caller ends the connection as any other.
 */
void toytcp_timewait_enter(struct sock *sk)
{
	struct toytcp_net *tn = toytcp_sock_net(sk);
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct toytcp_timewait *r = NULL;

	sock_owned_by_me(sk);
	if (READ_ONCE(tn->timewaits.count) < TOYTCP_TIMEWAITS_MAX &&
	    toytcp_others_count(tn, &other_timewaits) < TOYTCP_TIMEWAITS_OTHERS)
		r = toytcp_waiting_new(sizeof(*r), ENTRY_TIMEWAIT,
				       &tp->entry.who, tp->entry.dev);
	if (!r) {
		toytcp_count(tn, time_wait_overflow);
		return;
	}
	toytcp_timewait_from_tcb(&r->core, &tp->tcb);
	r->waiting.mark = READ_ONCE(sk->sk_mark);
	r->priority = READ_ONCE(sk->sk_priority);
	r->entry.tos = READ_ONCE(inet_sk(sk)->tos);
	r->entry.ttl = max_t(int, READ_ONCE(inet_sk(sk)->uc_ttl), 0);
	spin_lock_bh(&tn->timewaits.lock);
	toytcp_ports_share(sk, &r->claim, tp->entry.lport, true);
	wait_2msl(&tn->timewaits, r);	/* readers look at its time */
	toytcp_table_replace(tn, &tp->entry, &r->entry);
	toytcp_others_add(tn, &other_timewaits, 1);
	spin_unlock_bh(&tn->timewaits.lock);
}

static void answer_timewait(struct toytcp_net *tn,
			    const struct toytcp_timewait *r,
			    const struct sk_buff *skb, u8 cause)
{
	struct toytcp_route route;
	struct segment ack;

	toytcp_timewait_ack(&r->core, toytcp_now(), &ack);
	toytcp_ipv4_route_to(tn->net, skb, &route);
	if (r->entry.dev)
		route.oif = r->entry.dev;
	if (r->waiting.mark)
		route.mark = r->waiting.mark;
	route.priority = r->priority;
	route.tos = r->entry.tos;
	route.ttl = r->entry.ttl;
	if (cause == CAUSE_RST)
		cause = CAUSE_CHALLENGE_RST;
	else if (cause == CAUSE_SYN)
		cause = CAUSE_CHALLENGE_SYN;
	toytcp_transmit_reply(tn, &r->entry.who, &route, &ack, NULL,
			      TCP_TIME_WAIT, cause);
}

/*
 * toytcp_timewait_reuse() - an entry, found under RCU, makes way for a new
 * connection; @cause is for the record
 */
void toytcp_timewait_reuse(struct toytcp_net *tn, struct toytcp_timewait *r,
			   u8 cause)
{
	toytcp_event(tn, &r->entry.who, EVENT_NONE, NULL, TCP_TIME_WAIT,
		     TCP_CLOSE, cause);
	toytcp_count(tn, time_wait_reused);
	end(tn, &r->waiting);
}

/*
 * toytcp_timewait_yield() - connect() wants to insert @entry, but another one
 * is in its way. Returns whether that is in TIME-WAIT, and has made way.
 *
 * RFC 6191 section 3: both ends recognize old segments by their timestamps, so
 * only if the new connection is to have some, too, and after at least a second:
 * the clock of the timestamps has moved on.
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
		 READ_ONCE(tn->sysctl_timestamps) &&
		 time_after_eq(jiffies, READ_ONCE(r->waiting.since) + HZ);
	if (yields)
		toytcp_timewait_reuse(tn, r, CAUSE_OPEN);
	rcu_read_unlock();
	return yields;
}

/*
 * toytcp_timewait_arrives() - a segment arrived for a TIME-WAIT entry; @verdict
 * is toytcp_timewait_verdict()'s. Takes over @skb, which has its data at our
 * header.
 *
 * Context: under RCU, BH disabled.
 */
void toytcp_timewait_arrives(struct toytcp_net *tn, struct toytcp_timewait *r,
			     enum verdict verdict, struct sk_buff *skb,
			     const struct segment *seg)
{
	u8 cause = seg->ctl & CTL_RST ? CAUSE_RST :
		   seg->ctl & CTL_SYN ? CAUSE_SYN :
		   seg->ctl & CTL_FIN ? CAUSE_FIN : CAUSE_SEQUENCE;

	toytcp_event(tn, &r->entry.who, EVENT_IN, seg, TCP_TIME_WAIT,
		     verdict == VERDICT_END ? TCP_CLOSE : TCP_TIME_WAIT, cause);
	switch (verdict) {
	case VERDICT_END:
		end(tn, &r->waiting);
		break;
	case VERDICT_RESTART:
		spin_lock_bh(&tn->timewaits.lock);
		if (!list_empty(&r->waiting.link))
			wait_2msl(&tn->timewaits, r);
		spin_unlock_bh(&tn->timewaits.lock);
		fallthrough;
	case VERDICT_ACK:
	case VERDICT_CREATE:	/* nobody listens: RFC 5961 section 4.2 */
		if (seg->len || seg->ctl & CTL_FIN ||
		    toytcp_answer_due(&r->waiting.answered))
			answer_timewait(tn, r, skb, cause);
		break;
	default:
		break;
	}
	consume_skb(skb);
}
