// SPDX-License-Identifier: GPL-2.0
/*
 * What happens when a deadline has come: RFC 9293 section 3.10.8, and with it
 * the window probes and keep-alives of section 3.8.
 */
#include "internal.h"

#define STATES_NO_PEER	(TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT)

/* R2 of RFC 9293 section 3.8.3, as a time or as a number of retransmissions. */
static bool out_of_patience(const struct tcb *tcb, u64 now, u32 tried)
{
	u32 limit = tcb->orphan ? ORPHAN_RETRIES : DATA_RETRIES;

	if (tcb->user_timeout)
		return now - tcb->progress >= (u64)tcb->user_timeout * MSEC;
	return tried >= (toytcp_tcb_in(tcb, STATES_SYN) ? tcb->syn_retries :
			 limit);
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
static void expire_rto(struct tcb *tcb, u64 now, struct actions *act)
{
	act->cause = CAUSE_RETRANSMISSION;
	if (out_of_patience(tcb, now, tcb->tries)) {
		toytcp_tcb_fail(tcb, ETIMEDOUT, CAUSE_USER_TIMEOUT, act);
		return;
	}
	if (toytcp_tcb_in(tcb, STATES_SYN)) {
		tcb->redial = tcb->redial == REDIAL_SOON ? REDIAL_DONE :
							   REDIAL_NONE;
		tcb->syn_pending = 1;
		tcb->retransmits++;
	} else {
		if (toytcp_blackhole_timeout(tcb)) {
			act->notes |= NOTE_SHRUNK;
			act->cause = CAUSE_BLACKHOLE;
		}
		toytcp_recovery_timeout(tcb, now, act->cause);
	}
	count_backoff(tcb);
	toytcp_deadline_restart(tcb, now);
	act->advise = tcb->tries == ADVISE_RETRIES;
	act->sends = act->cause;
}

/*
 * A window that stays closed is probed for as long as the peer answers (RFC
 * 9293 MUST-37); one that is only too small gets what fits it. An orphan is not
 * kept by answers alone: otherwise a peer could hold its send buffer for ever.
 */
static void expire_persist(struct tcb *tcb, u64 now, struct actions *act)
{
	u32 tried = tcb->orphan ? tcb->tries : tcb->probes;

	if (!tcb->snd.wnd && out_of_patience(tcb, now, tried)) {
		toytcp_tcb_fail(tcb, ETIMEDOUT, CAUSE_USER_TIMEOUT, act);
		return;
	}
	tcb->probes++;
	tcb->probe = 1;
	if (!tcb->snd.wnd) {
		count_backoff(tcb);
		/* The probe has its own cause; the rest waits for an ACK. */
		toytcp_recovery_lose_all(tcb, CAUSE_ACK);
		if (tcb->board.first)	/* Karn's rule, for all of it */
			tcb->board.first->flags |= RECORD_RETRANSMITTED;
	}
	toytcp_deadline_persist(tcb, now, toytcp_rtt_timeout(&tcb->rtt));
	act->cause = tcb->snd.wnd ? CAUSE_OVERRIDE : CAUSE_PROBE;
	act->sends = act->cause;
}

static void expire_keepalive(struct tcb *tcb, u64 now, struct actions *act)
{
	u64 idle = (u64)tcb->keep_idle * SECOND;
	u64 silent = now - tcb->heard;
	bool failed = tcb->user_timeout ?
		tcb->probes && silent >= (u64)tcb->user_timeout * MSEC :
		tcb->probes >= tcb->keep_count;

	if (tcb->snd.nxt != tcb->snd.una || toytcp_tcb_unsent(tcb)) {
		/* RTO or PERSIST watches the peer already. */
		toytcp_deadline_set(tcb, TIMER_IDLE, now + idle, now);
	} else if (!tcb->probes && silent < idle) {
		toytcp_deadline_set(tcb, TIMER_IDLE, tcb->heard + idle, now);
	} else if (failed) {
		toytcp_tcb_fail(tcb, ETIMEDOUT, CAUSE_KEEP_ALIVE, act);
	} else {
		tcb->probes++;
		tcb->keep_probe = 1;
		toytcp_deadline_set(tcb, TIMER_IDLE, now +
				    (u64)tcb->keep_interval * SECOND, now);
	}
}

/* The deadline is over, too: the timer is set again if need be. */
static bool due(struct tcb *tcb, enum tcb_timer timer, u64 now)
{
	u64 at = toytcp_deadline_at(tcb, timer);

	if (!at || now < at)
		return false;
	tcb->deadline[timer] = 0;
	return true;
}

/* Start or stop watching a silent peer: an option or the state changed. */
void toytcp_timeout_keepalive(struct tcb *tcb, u64 now)
{
	u64 at = tcb->heard + (u64)tcb->keep_idle * SECOND;

	if (tcb->orphan && tcb->state == TCP_FIN_WAIT2)
		return;
	tcb->deadline[TIMER_IDLE] = 0;
	if (tcb->keepalive && !toytcp_tcb_in(tcb, STATES_NO_PEER))
		toytcp_deadline_set(tcb, TIMER_IDLE, max(at, now), now);
}

/*
 * Time has passed. Nothing happens if no deadline has come. LOSS comes before
 * RTO: when both are late, RTO starts anew.
 */
void toytcp_timeout_expire(struct tcb *tcb, u64 now, struct actions *act)
{
	toytcp_actions_init(act, CAUSE_SEND);
	if (due(tcb, TIMER_ACK, now))
		toytcp_delack_expire(tcb);
	if (due(tcb, TIMER_LOSS, now)) {
		toytcp_deadline_restart(tcb, now);
		toytcp_recovery_loss_timer(tcb, now, act);
	}
	if (due(tcb, TIMER_RTO, now))
		expire_rto(tcb, now, act);
	if (due(tcb, TIMER_PERSIST, now))
		expire_persist(tcb, now, act);
	if (!due(tcb, TIMER_IDLE, now))
		return;
	if (tcb->orphan && tcb->state == TCP_FIN_WAIT2)
		toytcp_tcb_fail(tcb, 0, CAUSE_USER_TIMEOUT, act);
	else if (tcb->keepalive)
		expire_keepalive(tcb, now, act);
}
