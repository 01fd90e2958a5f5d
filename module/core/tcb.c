// SPDX-License-Identifier: GPL-2.0
/* A new transmission control block, and the only place that sets its state. */
#include "internal.h"
#include "seq.h"

/* A fresh tcb in CLOSED. @mss is announced: what fits the path, no options. */
void toytcp_tcb_init(struct tcb *tcb, u32 rcv_buf, u16 mss)
{
	memset(tcb, 0, sizeof(*tcb));
	tcb->state = TCP_CLOSE;
	tcb->rcv.buf = rcv_buf;
	tcb->rcv.announced = mss;
	tcb->rcv.mss = min_t(u16, mss, MSS_DEFAULT) - TIMESTAMPS_ROOM;
	tcb->snd.mss = MSS_DEFAULT;
	tcb->gso_goal = MSS_DEFAULT;
	tcb->keep_idle = KEEP_IDLE;
	tcb->keep_interval = KEEP_INTERVAL;
	tcb->keep_count = KEEP_COUNT;
	tcb->syn_retries = SYN_RETRIES;
	tcb->fin_wait_2 = FIN_WAIT_2_MAX;
	tcb->rcv.quick_acks = QUICK_ACKS;
	tcb->sack_ok = 1;
	tcb->rtt.rto = RTO_INITIAL;
}

/* The only function that sets tcb.state. After a user's call @act is NULL. */
void toytcp_tcb_set_state(struct tcb *tcb, u8 state, enum cause cause,
			  struct actions *act)
{
	tcb->state = state;
	if (act)
		act->cause = cause;
	if (state == TCP_CLOSE || state == TCP_TIME_WAIT)
		memset(tcb->deadline, 0, sizeof(tcb->deadline));
}

/* The connection is over. @error: a positive errno for the user, or 0. */
void toytcp_tcb_fail(struct tcb *tcb, int error, enum cause cause,
		     struct actions *act)
{
	toytcp_tcb_set_state(tcb, TCP_CLOSE, cause, act);
	act->error = error;
	act->wake |= WAKE_STATE;
}

/*
 * The largest segment to send from now on. @mss counts text and options (RFC
 * 6691): those of every segment are taken off here.
 */
void toytcp_tcb_set_mss(struct tcb *tcb, u32 mss)
{
	tcb->snd.mss = clamp_t(u32, mss, MSS_MIN, 65535) -
		       toytcp_tcb_overhead(tcb);
	tcb->gso_goal = max_t(u32, tcb->gso_goal, tcb->snd.mss);
	tcb->cc.cwnd = max_t(u32, tcb->cc.cwnd, tcb->snd.mss);
	tcb->cc.ssthresh = max_t(u32, tcb->cc.ssthresh, 2u * tcb->snd.mss);
}

/* A state as RFC 9293 spells it, without blanks; "?" if there is none. */
const char *toytcp_tcb_state_name(u8 state)
{
	static const char *const names[] = {
		[TCP_ESTABLISHED] = "ESTABLISHED",
		[TCP_SYN_SENT] = "SYN-SENT",
		[TCP_SYN_RECV] = "SYN-RECEIVED",
		[TCP_FIN_WAIT1] = "FIN-WAIT-1",
		[TCP_FIN_WAIT2] = "FIN-WAIT-2",
		[TCP_TIME_WAIT] = "TIME-WAIT",
		[TCP_CLOSE] = "CLOSED",
		[TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_LAST_ACK] = "LAST-ACK",
		[TCP_LISTEN] = "LISTEN",
		[TCP_CLOSING] = "CLOSING",
	};

	return state < ARRAY_SIZE(names) && names[state] ? names[state] : "?";
}
