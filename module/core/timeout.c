// SPDX-License-Identifier: GPL-2.0
/*
 * Timeouts: RFC 9293 section 3.10.8, and with it the window probes, keep-alive
 * and delayed ACKs of section 3.8.
 */
#include "internal.h"

static void give_up(struct tcb *tcb, int error, enum cause cause,
		    struct actions *act)
{
	toytcp_tcb_set_state(tcb, TCP_CLOSE, cause, act);
	act->error = error;
	act->wake |= WAKE_STATE;
}

/* R2 of RFC 9293 section 3.8.3, as a time or as a number of repetitions. */
static bool out_of_patience(const struct tcb *tcb, u64 now, u32 tried)
{
	u32 most = tcb->orphan ? ORPHAN_RETRIES : DATA_RETRIES;

	if (tcb->user_timeout)
		return now - tcb->progress >= (u64)tcb->user_timeout * MSEC;
	if (toytcp_tcb_in(tcb, STATES_SYN))
		most = tcb->syn_retries;
	return tried >= most;
}

static void arm_retransmit(struct tcb *tcb, u64 now)
{
	toytcp_timeout_arm(tcb, now, toytcp_rtt_timeout(&tcb->rtt));
}

static void count_backoff(struct tcb *tcb)
{
	if (tcb->rtt.backoff < 255)
		tcb->rtt.backoff++;
	if (tcb->tries < 255)
		tcb->tries++;
	tcb->rtt.timing = 0;	/* Karn's rule */
}

/* RFC 6298 (5.4) to (5.6): what is outstanding goes out again, from UNA. */
static void expire_retransmit(struct tcb *tcb, u64 now, struct actions *act)
{
	enum cause cause = CAUSE_RETRANSMISSION;

	if (out_of_patience(tcb, now, tcb->tries)) {
		give_up(tcb, ETIMEDOUT, CAUSE_USER_TIMEOUT, act);
		return;
	}
	if (toytcp_tcb_in(tcb, STATES_SYN)) {
		tcb->resend = 1;
		tcb->retransmits++;
	} else {
		if (toytcp_blackhole_timeout(tcb)) {
			act->notes |= NOTE_SHRUNK;
			cause = CAUSE_BLACKHOLE;
		}
		toytcp_recovery_timeout(tcb, cause);
	}
	count_backoff(tcb);
	arm_retransmit(tcb, now);
	act->advise = tcb->tries == ADVISE_RETRIES;
	act->cause = cause;
	act->sends = cause;
}

/*
 * A window that stays closed is probed for as long as the peer answers
 * (RFC 9293 MUST-37); one that is only too small gets what fits it. For an
 * orphan nobody waits, and answers alone do not keep it, or a peer could hold
 * a send buffer for ever.
 */
static void expire_persist(struct tcb *tcb, u64 now, struct actions *act)
{
	u32 tried = tcb->orphan ? tcb->tries : tcb->probes;

	if (!tcb->snd.wnd && out_of_patience(tcb, now, tried)) {
		give_up(tcb, ETIMEDOUT, CAUSE_USER_TIMEOUT, act);
		return;
	}
	tcb->probes++;
	tcb->probe = 1;
	if (!tcb->snd.wnd) {
		count_backoff(tcb);
		/* The probe says so itself; the rest waits for an ACK. */
		toytcp_recovery_again(tcb, CAUSE_ACK);
		if (tcb->board.first)	/* Karn's rule, for all of it */
			tcb->board.first->flags |= RECORD_REPEATED;
	}
	tcb->persist = 1;
	arm_retransmit(tcb, now);
	act->cause = tcb->snd.wnd ? CAUSE_OVERRIDE : CAUSE_PROBE;
	act->sends = act->cause;
}

static void expire_first(struct tcb *tcb, u64 now, struct actions *act)
{
	bool probing = tcb->persist || !tcb->snd.wnd;
	bool early = tcb->early;

	if (probing && !toytcp_tcb_in(tcb, STATES_SYN)) {
		expire_persist(tcb, now, act);
	} else if (early) {
		arm_retransmit(tcb, now);
		toytcp_recovery_early(tcb, now, act);
	} else {
		expire_retransmit(tcb, now, act);
	}
}

/* With text outstanding the retransmission timer watches the peer already. */
static bool is_quiet(const struct tcb *tcb)
{
	return tcb->snd.nxt == tcb->snd.una && !toytcp_tcb_unsent(tcb);
}

static u64 seconds(u32 n)
{
	return (u64)n * SECOND;
}

static bool keepalive_failed(const struct tcb *tcb, u64 now)
{
	if (tcb->user_timeout)
		return tcb->probes &&
		       now - tcb->heard >= (u64)tcb->user_timeout * MSEC;
	return tcb->probes >= tcb->keep_count;
}

static void expire_keepalive(struct tcb *tcb, u64 now, struct actions *act)
{
	u64 due = tcb->heard + seconds(tcb->keep_idle);

	if (!tcb->keepalive)
		return;
	if (!is_quiet(tcb)) {
		tcb->deadline[TIMER_IDLE] = now + seconds(tcb->keep_idle);
	} else if (!tcb->probes && now < due) {
		tcb->deadline[TIMER_IDLE] = due;
	} else if (keepalive_failed(tcb, now)) {
		give_up(tcb, ETIMEDOUT, CAUSE_KEEP_ALIVE, act);
	} else {
		tcb->probes++;
		tcb->keep_probe = 1;
		tcb->deadline[TIMER_IDLE] = now + seconds(tcb->keep_interval);
	}
}

static void expire_idle(struct tcb *tcb, u64 now, struct actions *act)
{
	if (tcb->orphan && tcb->state == TCP_FIN_WAIT2)
		give_up(tcb, 0, CAUSE_USER_TIMEOUT, act);
	else
		expire_keepalive(tcb, now, act);
}

static bool due(struct tcb *tcb, enum tcb_timer timer, u64 now)
{
	if (!tcb->deadline[timer] || now < tcb->deadline[timer])
		return false;
	tcb->deadline[timer] = 0;
	return true;
}

/**
 * toytcp_timeout_keepalive() - start watching a silent peer, or stop
 * @tcb: its @keepalive, @keep_idle or state has just changed
 * @now: microseconds
 */
void toytcp_timeout_keepalive(struct tcb *tcb, u64 now)
{
	u64 deadline = tcb->heard + seconds(tcb->keep_idle);

	if (tcb->orphan && tcb->state == TCP_FIN_WAIT2)
		return;
	tcb->deadline[TIMER_IDLE] = 0;
	if (tcb->keepalive &&
	    !toytcp_tcb_in(tcb, TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT))
		tcb->deadline[TIMER_IDLE] = max_t(u64, deadline, now);
}

/* Text that Nagle or a cork holds back: the peer is not to blame. */
static bool waits_for_itself(const struct tcb *tcb)
{
	return tcb->persist && tcb->snd.wnd;
}

/**
 * toytcp_timeout_limit() - the user timeout is kept to the millisecond
 * @tcb: the connection; the timer was just set, or tcb.user_timeout was
 * @now: microseconds
 *
 * The timer may go off sooner for it, but never later: who sets the option
 * time and again must not put every retransmission off.
 */
void toytcp_timeout_limit(struct tcb *tcb, u64 now)
{
	u64 *deadline = &tcb->deadline[TIMER_RETRANSMIT];
	u64 end = tcb->progress + (u64)tcb->user_timeout * MSEC;

	if (*deadline && tcb->user_timeout && !waits_for_itself(tcb))
		*deadline = min_t(u64, *deadline, max_t(u64, end, now));
}

/**
 * toytcp_timeout_arm() - start the retransmission or persist timer
 * @tcb: the connection
 * @now: microseconds
 * @wait: microseconds; less if the user timeout ends before that
 */
void toytcp_timeout_arm(struct tcb *tcb, u64 now, u32 wait)
{
	tcb->deadline[TIMER_RETRANSMIT] = now + wait;
	tcb->early = 0;
	toytcp_timeout_limit(tcb, now);
}

/**
 * toytcp_timeout_next() - the one deadline a connection has
 * @tcb: the connection
 *
 * Return: microseconds, or 0 if it waits for nothing.
 */
u64 toytcp_timeout_next(const struct tcb *tcb)
{
	u64 next = 0;
	int i;

	for (i = 0; i < TIMERS; i++)
		if (tcb->deadline[i] && (!next || tcb->deadline[i] < next))
			next = tcb->deadline[i];
	return next;
}

/**
 * toytcp_timeout_expire() - time has passed
 * @tcb: the connection
 * @now: microseconds; nothing happens if no deadline has come
 * @act: filled in
 */
void toytcp_timeout_expire(struct tcb *tcb, u64 now, struct actions *act)
{
	toytcp_actions_init(act, CAUSE_SEND);
	if (due(tcb, TIMER_ACK, now))
		toytcp_delack_expire(tcb);
	if (due(tcb, TIMER_RETRANSMIT, now))
		expire_first(tcb, now, act);
	if (due(tcb, TIMER_IDLE, now))
		expire_idle(tcb, now, act);
}
