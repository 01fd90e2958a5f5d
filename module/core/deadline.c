// SPDX-License-Identifier: GPL-2.0
/*
 * The deadlines of a connection, and which timer stops which. What happens when
 * one has come is in timeout.c.
 *
 * RTO, RFC 6298: runs while something is outstanding. It starts anew with every
 *	ACK of something new, and after the loss timer (RFC 8985 section 7.3).
 * PERSIST, RFC 9293 3.8.6: runs instead of it while the window is closed; and
 *	while nothing is outstanding because Nagle's algorithm, the silly window
 *	syndrome's cure or a cork holds text back. Never both.
 * LOSS, RFC 8985: the reordering timer or the probe timeout, whichever comes
 *	first. It only runs beside RTO, and before it: whatever starts or stops
 *	RTO stops it, and it starts RTO anew when it goes off.
 * ACK and IDLE do not depend on the others.
 */
#include "internal.h"

/*
 * RFC 6298 (5.2), (5.3) and (5.6). The timer that watches the peer starts anew,
 * or stops if nothing is outstanding. Before the peer's SYN has come, snd.wnd
 * says nothing.
 */
void toytcp_deadline_restart(struct tcb *tcb, u64 now)
{
	bool open = tcb->snd.wnd || toytcp_tcb_in(tcb, STATES_SYN);

	tcb->deadline[TIMER_RTO] = 0;
	tcb->deadline[TIMER_PERSIST] = 0;
	tcb->deadline[TIMER_LOSS] = 0;
	if (tcb->snd.una == tcb->snd.nxt)
		return;
	toytcp_deadline_set(tcb, open ? TIMER_RTO : TIMER_PERSIST,
			    now + toytcp_rtt_timeout(&tcb->rtt), now);
	toytcp_deadline_limit(tcb, now);
}

/*
 * RFC 6298 (5.1): numbers go out for the first time. snd.nxt has moved on. What
 * goes into a closed window is a probe: the persist timer runs on.
 */
void toytcp_deadline_sent(struct tcb *tcb, u64 now)
{
	if (!tcb->deadline[TIMER_RTO] &&
	    (!tcb->deadline[TIMER_PERSIST] || tcb->snd.wnd))
		toytcp_deadline_restart(tcb, now);
}

/* Start the persist timer. RTO does not run, or the window is closed. */
void toytcp_deadline_persist(struct tcb *tcb, u64 now, u32 wait)
{
	toytcp_deadline_set(tcb, TIMER_PERSIST, now + wait, now);
	toytcp_deadline_limit(tcb, now);
}

/*
 * The window has just closed. RFC 9293 SHLD-29: the first probe goes out when a
 * retransmission would have. Losses do not count before the window opens:
 * nothing could be sent again.
 */
void toytcp_deadline_window_closed(struct tcb *tcb)
{
	if (tcb->deadline[TIMER_RTO])
		tcb->deadline[TIMER_PERSIST] = tcb->deadline[TIMER_RTO];
	tcb->deadline[TIMER_RTO] = 0;
	tcb->deadline[TIMER_LOSS] = 0;
}

/*
 * Start the loss timer, unless it goes off sooner. Nothing happens if RTO comes
 * first or does not run.
 */
void toytcp_deadline_loss(struct tcb *tcb, u64 now, u32 wait)
{
	u32 first = tcb->deadline[TIMER_LOSS] ?: tcb->deadline[TIMER_RTO];

	if (first && (s32)(toytcp_deadline_tick(now + wait) - first) <= 0)
		toytcp_deadline_set(tcb, TIMER_LOSS, now + wait, now);
}

/*
 * The user timeout is kept to the millisecond. Called when a timer or
 * tcb.user_timeout was set. A timer may go off sooner for it, but never later:
 * setting the option time and again must not put every retransmission off. Text
 * that Nagle's algorithm or a cork holds back is not the peer's fault.
 */
void toytcp_deadline_limit(struct tcb *tcb, u64 now)
{
	u64 end = tcb->progress + (u64)tcb->user_timeout * MSEC;
	enum tcb_timer timer = TIMER_RTO;

	if (!tcb->user_timeout)
		return;
	if (!tcb->deadline[TIMER_RTO] && !tcb->snd.wnd)
		timer = TIMER_PERSIST;
	if (tcb->deadline[timer] && end < toytcp_deadline_at(tcb, timer))
		toytcp_deadline_set(tcb, timer, max(end, now), now);
}

/* When a timer goes off. Returns microseconds, or 0 if it is not set. */
u64 toytcp_deadline_at(const struct tcb *tcb, enum tcb_timer timer)
{
	u64 base = (u64)tcb->deadline_base << BASE_TICKS_SHIFT;
	u32 tick = tcb->deadline[timer];

	return tick ? (base + (s32)(tick - (u32)base)) << TICK_SHIFT : 0;
}

/*
 * toytcp_deadline_refresh() - the clock has jumped, or nothing was set for hours
 *
 * A timer may be overdue for as long (its user held the lock, or the machine
 * stood still). Counted from the new base, it would later seem to be half the
 * range ahead: let it go off now.
 */
void toytcp_deadline_refresh(struct tcb *tcb, u64 now)
{
	int i;

	for (i = 0; i < TIMERS; i++)
		if (tcb->deadline[i] && toytcp_deadline_at(tcb, i) < now)
			tcb->deadline[i] = toytcp_deadline_tick(now);
}

/*
 * The first of a connection's deadlines. The shell asks after each segment, so
 * only the first one is expanded. Returns microseconds, or 0 if it waits for
 * nothing.
 */
u64 toytcp_deadline_next(const struct tcb *tcb)
{
	u64 base = (u64)tcb->deadline_base << BASE_TICKS_SHIFT;
	/* They are never both set; the other three follow them. */
	u32 first = tcb->deadline[TIMER_RTO] ?: tcb->deadline[TIMER_PERSIST];
	int i;

	for (i = TIMER_LOSS; i < TIMERS; i++) {
		u32 at = tcb->deadline[i];

		if (at && (!first || (s32)(at - first) < 0))
			first = at;
	}
	return first ? (base + (s32)(first - (u32)base)) << TICK_SHIFT : 0;
}
