// SPDX-License-Identifier: GPL-2.0
/*
 * The user calls of RFC 9293 sections 3.10.1 to 3.10.6, a user's options, and
 * the end of a connection from outside.
 *
 * The socket checks what gives a user an error (not connected, closing...):
 * calls that come here are in order.
 */
#include "internal.h"
#include "seq.h"

/* Set an option; the caller has checked the range. Text may go out now. */
void toytcp_user_set(struct tcb *tcb, enum user_option option, u32 value,
		     u64 now)
{
	switch (option) {
	case OPTION_NODELAY:
		tcb->nodelay = !!value;
		tcb->cork &= !value;	/* for what is queued now: tcp(7) */
		break;
	case OPTION_QUICK_ACKS:
		toytcp_delack_quick(tcb, value & 1);
		break;
	case OPTION_KEEPALIVE:
		tcb->keepalive = !!value;
		break;
	case OPTION_KEEP_IDLE:
		tcb->keep_idle = (u16)value;
		break;
	case OPTION_KEEP_INTERVAL:
		tcb->keep_interval = (u16)value;
		break;
	case OPTION_KEEP_COUNT:
		tcb->keep_count = (u8)value;
		break;
	case OPTION_USER_TIMEOUT:
		tcb->user_timeout = value;
		break;
	case OPTION_SYN_RETRIES:
		tcb->syn_retries = (u8)value;
		break;
	case OPTION_FIN_WAIT_2:
		tcb->fin_wait_2 = (u16)value;
		break;
	}
	if (option == OPTION_KEEPALIVE || option == OPTION_KEEP_IDLE)
		toytcp_timeout_keepalive(tcb, now);
	if (option == OPTION_USER_TIMEOUT)
		toytcp_deadline_limit(tcb, now);
}

/* The value of an option, as toytcp_user_set() takes it. */
u32 toytcp_user_get(const struct tcb *tcb, enum user_option option)
{
	switch (option) {
	case OPTION_NODELAY: return tcb->nodelay;
	case OPTION_QUICK_ACKS: return tcb->quickack || tcb->rcv.quick_acks;
	case OPTION_KEEPALIVE: return tcb->keepalive;
	case OPTION_KEEP_IDLE: return tcb->keep_idle;
	case OPTION_KEEP_INTERVAL: return tcb->keep_interval;
	case OPTION_KEEP_COUNT: return tcb->keep_count;
	case OPTION_USER_TIMEOUT: return tcb->user_timeout;
	case OPTION_SYN_RETRIES: return tcb->syn_retries;
	case OPTION_FIN_WAIT_2: return tcb->fin_wait_2;
	}
	return 0;
}

/* A tcb as new, in CLOSED, but for the options. It has no cork. */
void toytcp_user_reset(struct tcb *tcb, u32 rcv_buf)
{
	const struct tcb old = *tcb;

	toytcp_tcb_init(tcb, rcv_buf, MSS_DEFAULT);
	tcb->nodelay = old.nodelay;
	tcb->quickack = old.quickack;
	tcb->keepalive = old.keepalive;
	tcb->user_timeout = old.user_timeout;
	tcb->keep_idle = old.keep_idle;
	tcb->keep_interval = old.keep_interval;
	tcb->keep_count = old.keep_count;
	tcb->fin_wait_2 = old.fin_wait_2;
	tcb->syn_retries = old.syn_retries;
	tcb->cc.algorithm = old.cc.algorithm;
}

/* What the SYN will offer: before toytcp_user_open(). */
void toytcp_user_offer(struct tcb *tcb, const struct offer *offer)
{
	tcb->rcv.wscale = toytcp_window_scale(offer->window);
	tcb->rcv.announced = offer->mss;
	tcb->ts.offset = offer->stamp_offset;
	tcb->timestamps = offer->timestamps;
	tcb->sack_ok = offer->sack;
	tcb->ecn = offer->ecn;
}

/* Active OPEN: CLOSED -> SYN-SENT. */
void toytcp_user_open(struct tcb *tcb, u32 iss, u64 now)
{
	tcb->snd.iss = iss;
	tcb->snd.una = iss;
	tcb->snd.up = iss;
	tcb->snd.small = iss;
	tcb->syn_pending = 1;
	tcb->snd.nxt = iss;
	tcb->snd.end = iss + 1;
	tcb->ecn_high = iss;
	tcb->rcv.wscale = max(tcb->rcv.wscale,
			      toytcp_window_scale(tcb->rcv.buf));
	tcb->rcv.adv = min_t(u32, tcb->rcv.buf, 65535);	/* RCV.NXT is 0 yet */
	tcb->heard = now;
	tcb->progress = now;
	toytcp_tcb_set_state(tcb, TCP_SYN_SENT, CAUSE_OPEN, NULL);
}

/* Passive OPEN: CLOSED -> LISTEN. */
void toytcp_user_listen(struct tcb *tcb)
{
	toytcp_tcb_set_state(tcb, TCP_LISTEN, CAUSE_OPEN, NULL);
}

/* RECEIVE: the user has taken text. */
void toytcp_user_receive(struct tcb *tcb, u32 n)
{
	tcb->rcv.copied += n;
	if (seq_after(tcb->rcv.copied, tcb->rcv.up))
		tcb->rcv.urgent = URGENT_NONE;
	toytcp_delack_read(tcb);
}

/*
 * The receive buffer holds @bytes of text: the caller decides, by what the user
 * has set and what toytcp_tuning_read() wishes for. @tell the peer at once if
 * the window has grown enough for that; else with the next ACK.
 */
void toytcp_user_buffer(struct tcb *tcb, u32 bytes, bool tell)
{
	tcb->rcv.buf = bytes;
	if (tell)
		toytcp_delack_read(tcb);
}

/*
 * CLOSE: the FIN follows text that is queued. A second call changes nothing. In
 * SYN-RECEIVED the FIN waits for ESTABLISHED, as RFC 9293 3.10.4 allows.
 */
void toytcp_user_close(struct tcb *tcb)
{
	switch (tcb->state) {
	case TCP_LISTEN:
	case TCP_SYN_SENT:
		toytcp_tcb_set_state(tcb, TCP_CLOSE, CAUSE_CLOSE, NULL);
		break;
	case TCP_SYN_RECV:
		tcb->fin_queued = 1;
		break;
	case TCP_ESTABLISHED:
		tcb->fin_queued = 1;
		toytcp_tcb_set_state(tcb, TCP_FIN_WAIT1, CAUSE_CLOSE, NULL);
		break;
	case TCP_CLOSE_WAIT:
		tcb->fin_queued = 1;
		toytcp_tcb_set_state(tcb, TCP_LAST_ACK, CAUSE_CLOSE, NULL);
		break;
	}
}

/*
 * The last user is gone, after toytcp_user_close(). FIN-WAIT-2 has a limit from
 * now on, and fewer retransmissions are made: those before do not count.
 */
void toytcp_user_leave(struct tcb *tcb, u64 now)
{
	tcb->orphan = 1;
	tcb->tries = 0;
	if (tcb->state == TCP_FIN_WAIT2)
		toytcp_deadline_set(tcb, TIMER_IDLE,
				    now + (u64)tcb->fin_wait_2 * SECOND, now);
}

/*
 * ABORT: end the connection at once. @error: a positive errno for its other
 * users, or 0. Returns whether to transmit @rst.
 */
bool toytcp_user_abort(struct tcb *tcb, int error, u64 now,
		       struct actions *act, struct segment *rst)
{
	bool tell = toytcp_tcb_in(tcb, TCPF_SYN_RECV | TCPF_ESTABLISHED |
				  TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 |
				  TCPF_CLOSE_WAIT);

	*rst = (struct segment){
		.seq = toytcp_emit_number(tcb), .ctl = CTL_RST,
		.cause = CAUSE_ABORT,
	};
	if (tcb->timestamps)
		toytcp_stamp_put(&tcb->ts, now, rst);
	toytcp_segment_measure(rst);
	toytcp_actions_init(act, CAUSE_ABORT);
	toytcp_tcb_fail(tcb, error, CAUSE_ABORT, act);
	return tell;
}

/* IP reports an error that ends a connection not yet established. */
void toytcp_user_unreachable(struct tcb *tcb, int error, struct actions *act)
{
	toytcp_actions_init(act, CAUSE_ICMP);
	toytcp_tcb_fail(tcb, error, CAUSE_ICMP, act);
}

/* A difference of sequence numbers that were read at different moments. */
static u32 distance(u32 from, u32 to)
{
	return seq_after(to, from) ? to - from : 0;
}

static const char *timer_name(const struct tcb *tcb, u64 deadline)
{
	static const char *const names[] = {
		[TIMER_RTO] = "rto", [TIMER_PERSIST] = "persist",
		[TIMER_LOSS] = "rto", [TIMER_ACK] = "ack",
	};
	int timer;

	for (timer = TIMER_RTO; timer < TIMER_IDLE; timer++)
		if (toytcp_deadline_at(tcb, timer) == deadline)
			return names[timer];
	return tcb->orphan && tcb->state == TCP_FIN_WAIT2 ? "fin-wait" : "keep";
}

/* STATUS. @tcb may be a copy, made while others wrote to the original. */
void toytcp_user_status(const struct tcb *tcb, struct status *status)
{
	u64 deadline = toytcp_deadline_next(tcb);
	/* SYN and FIN take numbers, but are not bytes that anybody sent. */
	u32 first = toytcp_tcb_in(tcb, STATES_SYN) ? tcb->snd.iss + 1 :
						     tcb->snd.una;

	*status = (struct status){
		.timer = deadline ? timer_name(tcb, deadline) : NULL,
		.deadline = deadline,
		.send_queue = distance(first, tcb->snd.end),
		.retransmits = tcb->retransmits,
		.cwnd = tcb->cc.cwnd,
		.ssthresh = tcb->cc.ssthresh,
		.srtt = tcb->rtt.srtt,
		.rto = tcb->rtt.rto,
		.snd_una = tcb->snd.una,
		.snd_nxt = tcb->snd.nxt,
		.rcv_nxt = tcb->rcv.nxt,
		.snd_wnd = tcb->snd.wnd,
		.rcv_wnd = distance(tcb->rcv.nxt, tcb->rcv.adv),
		.mss = tcb->snd.mss,
		.state = tcb->state,
	};
	if (tcb->state != TCP_SYN_SENT)
		status->recv_queue = distance(tcb->rcv.copied +
					      tcb->fin_received, tcb->rcv.nxt);
}

/*
 * Nothing more will happen: CLOSED; TIME-WAIT lives on elsewhere. @text and the
 * result: the nodes and records that were lent, linked by @next, or NULL.
 */
struct sent_record *toytcp_user_end(struct tcb *tcb,
				    struct reassembly_node **text)
{
	toytcp_tcb_set_state(tcb, TCP_CLOSE, CAUSE_CLOSE, NULL);
	*text = toytcp_reassembly_purge(&tcb->ooo);
	return toytcp_scoreboard_purge(&tcb->board);
}
