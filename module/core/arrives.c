// SPDX-License-Identifier: GPL-2.0
/*
 * SEGMENT ARRIVES: RFC 9293 section 3.10.7, in the order of its steps.
 *
 * Each step is one function that says whether to go on with the next. LISTEN
 * and what comes of it are in listen.c, TIME-WAIT is in remnant.c; neither has
 * a tcb.
 */
#include "core.h"
#include "seq.h"

#define STATES_RECEIVING (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2)

/**
 * struct arrival - a segment on its way through the steps
 * @tcb: the connection it is for
 * @seg: the segment as it came
 * @node: the caller's node for its text, or NULL: none, or no room for it
 * @act: what the caller will do
 * @now: microseconds
 * @seq: first number of the text, after trimming
 * @end: one past the last byte of the text, after trimming
 * @fin: a FIN stands at @end, within the window
 */
struct arrival {
	struct tcb *tcb;
	const struct segment *seg;
	struct reassembly_node *node;
	struct actions *act;
	u64 now;
	u32 seq;
	u32 end;
	bool fin;
};

static void owe_ack(struct tcb *tcb, enum cause cause)
{
	tcb->ack_now = 1;
	tcb->cause = cause;
}

static void fail(struct arrival *a, int error, enum cause cause)
{
	toytcp_tcb_set_state(a->tcb, TCP_CLOSE, cause);
	a->act->error = error;
	a->act->wake |= WAKE_STATE;
}

/*
 * An ACK that answers a useless segment. Two hosts that each find the other's
 * ACKs useless must not answer each other for ever (RFC 5961 section 7), so
 * for segments with neither text nor FIN there is a limit, for each connection its own.
 */
static void challenge(struct arrival *a, enum cause cause)
{
	struct tcb *tcb = a->tcb;

	if (!a->seg->len && !(a->seg->ctl & CTL_FIN) && tcb->challenged &&
	    a->now - tcb->challenged < CHALLENGE_GAP)
		return;
	tcb->challenged = a->now;
	owe_ack(tcb, cause);
}

/* What the peer's SYN says about itself, in SYN-SENT. */
static void take_syn(struct tcb *tcb, const struct segment *seg, u64 now)
{
	u32 mss = seg->options & HAS_MSS ? seg->mss : MSS_DEFAULT;

	tcb->rcv.irs = seg->seq;
	tcb->rcv.nxt = seg->seq + 1;
	tcb->rcv.copied = tcb->rcv.nxt;
	tcb->rcv.acked = tcb->rcv.nxt;
	tcb->rcv.adv = tcb->rcv.nxt + min_t(u32, tcb->rcv.buf, 65535);
	tcb->scaled = !!(seg->options & HAS_WSCALE);
	tcb->sack_ok &= !!(seg->options & HAS_SACK_OK);
	tcb->snd.wscale = tcb->scaled ? seg->wscale : 0;
	if (!tcb->scaled)
		tcb->rcv.wscale = 0;
	tcb->ecn &= toytcp_ecn_agrees(seg);
	tcb->timestamps &= !!(seg->options & HAS_TIMESTAMPS);
	tcb->ts.recent = seg->tsval;
	tcb->ts_taken = (u32)(now >> 20);
	toytcp_tcb_set_mss(tcb, min_t(u32, mss, tcb->rcv.announced));
}

/* SND.WND := SEG.WND, with the segment it came in remembered. */
static void take_window(struct tcb *tcb, const struct segment *seg)
{
	u8 shift = seg->ctl & CTL_SYN ? 0 : tcb->snd.wscale;

	tcb->snd.wnd = (u32)seg->wnd << shift;
	tcb->snd.wl1 = seg->seq;
	tcb->snd.wl2 = seg->ack;
	tcb->snd.max_wnd = max(tcb->snd.max_wnd, tcb->snd.wnd);
}

/* Our SYN is acknowledged: the connection begins. */
static void establish(struct arrival *a, enum cause cause)
{
	struct tcb *tcb = a->tcb;

	tcb->snd.una = tcb->snd.iss + 1;
	tcb->snd.up = seq_max(tcb->snd.up, tcb->snd.una);
	tcb->resend = 0;
	toytcp_rtt_acked(&tcb->rtt, tcb->snd.una, a->now);
	if (tcb->syn_repeated && tcb->rtt.rto < RTO_AFTER_SYN)
		tcb->rtt.rto = RTO_AFTER_SYN;
	tcb->rtt.backoff = 0;
	tcb->tries = 0;
	tcb->deadline[TIMER_RETRANSMIT] = 0;
	tcb->progress = a->now;
	take_window(tcb, a->seg);
	toytcp_congestion_init(tcb);
	toytcp_tcb_set_state(tcb, TCP_ESTABLISHED, cause);
	toytcp_timeout_keepalive(tcb, a->now);
	a->act->wake |= WAKE_STATE | WAKE_WRITE;
	/* A CLOSE that came in SYN-RECEIVED was kept for now: 3.10.4. */
	if (tcb->fin_queued)
		toytcp_tcb_set_state(tcb, TCP_FIN_WAIT1, CAUSE_CLOSE);
}

/* 3.10.7.1, CLOSED: everything but a reset is answered by a reset. */
static void arrives_closed(struct arrival *a)
{
	a->act->reset = !(a->seg->ctl & CTL_RST);
	a->tcb->cause = CAUSE_CLOSED;
}

/* Nothing older than our SYN can be echoed, and nothing that is to come. */
static bool echoes_syn(const struct arrival *a)
{
	const struct tcb *tcb = a->tcb;

	return !tcb->timestamps || !(a->seg->options & HAS_TIMESTAMPS) ||
	       seq_between(toytcp_stamp(&tcb->ts, tcb->progress), a->seg->tsecr,
			   toytcp_stamp(&tcb->ts, a->now));
}

/* 3.10.7.3, first: the ACK bit. Data on a SYN is never sent: only ISS + 1. */
static bool syn_sent_check_ack(struct arrival *a)
{
	const struct segment *seg = a->seg;

	if (!(seg->ctl & CTL_ACK) ||
	    (seg->ack == a->tcb->snd.nxt && echoes_syn(a)))
		return true;
	a->act->reset = !(seg->ctl & CTL_RST);
	a->tcb->cause = CAUSE_SYN_SENT_ACK;
	return false;
}

/* Second: the RST bit. Without an acceptable ACK it may be forged. */
static bool syn_sent_check_rst(struct arrival *a)
{
	if (!(a->seg->ctl & CTL_RST))
		return true;
	if (a->seg->ctl & CTL_ACK)
		fail(a, ECONNREFUSED, CAUSE_SYN_SENT_RST);
	return false;
}

/* Fourth: the SYN bit. Text that comes along is not taken (DESIGN: wire). */
static void syn_sent_check_syn(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	if (!(a->seg->ctl & CTL_SYN))
		return;
	take_syn(tcb, a->seg, a->now);
	tcb->heard = a->now;
	if (a->seg->ctl & CTL_ACK) {
		establish(a, CAUSE_SYN_SENT_SYN);
		owe_ack(tcb, CAUSE_SYN_SENT_SYN);
	} else {	/* simultaneous open */
		tcb->resend = 1;
		toytcp_tcb_set_state(tcb, TCP_SYN_RECV, CAUSE_SYN_SENT_SYN);
	}
}

static void arrives_syn_sent(struct arrival *a)
{
	if (syn_sent_check_ack(a) && syn_sent_check_rst(a))
		syn_sent_check_syn(a);
}

/**
 * toytcp_arrives_acceptable() - does any part of a segment lie in the window?
 * @seg: the segment
 * @nxt: RCV.NXT
 * @wnd: RCV.WND, bytes
 *
 * The table of 3.10.7.4. Without text also at the window's end, where the ACKs
 * of a peer stand that has filled the window: they are to be seen, like ACK and
 * RST when no text fits (RFC 9293 appendix A.2).
 */
bool toytcp_arrives_acceptable(const struct segment *seg, u32 nxt, u32 wnd)
{
	u32 len = toytcp_segment_length(seg);
	u32 first = seg->seq - nxt;

	if (!wnd || !len)
		return first <= wnd;
	return first < wnd || first + len - 1 < wnd;
}

/* For the next ACK: this much came a second time (RFC 2883 section 4). */
static void came_twice(struct arrival *a, u32 from, u32 to)
{
	struct tcb *tcb = a->tcb;

	if (!tcb->sack_ok || !seq_before(from, to) || to - from > 65535)
		return;
	tcb->rcv.twice = from;
	tcb->rcv.twice_len = (u16)(to - from);
	a->act->notes |= NOTE_TWICE;
}

/*
 * Of a segment that is not acceptable. One that its own repetition overtook
 * fails PAWS as well; that it was late, not lost, the peer shall know.
 */
static void tell_if_twice(struct arrival *a)
{
	const struct segment *seg = a->seg;

	if (!seq_after(seg->seq + seg->len, a->tcb->rcv.nxt))
		came_twice(a, seg->seq, seg->seq + seg->len);
}

/* Cuts off what is old and what lies beyond the window. */
static void trim(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	a->seq = a->seg->seq + !!(a->seg->ctl & CTL_SYN);
	a->end = a->seq + a->seg->len;
	a->fin = !!(a->seg->ctl & CTL_FIN);
	if (seq_after(a->end + a->fin, tcb->rcv.adv)) {
		a->fin = false;
		a->end = seq_min(a->end, tcb->rcv.adv);
		owe_ack(tcb, CAUSE_SEQUENCE);
	}
	if (seq_before(a->seq, tcb->rcv.nxt)) {
		u32 first = a->seq;

		a->seq = seq_min(tcb->rcv.nxt, a->end);
		came_twice(a, first, a->seq);
	}
}

/*
 * Before the first, RFC 7323 sections 3.2 and 5.3: no segment without a
 * timestamp, nor, within 24 days, one from before TS.Recent.
 */
static bool check_timestamp(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	bool missing = toytcp_stamp_missing(a->seg);
	u32 age = (u32)(a->now >> 20) - tcb->ts_taken;

	if (!tcb->timestamps ||
	    (!missing && !toytcp_stamp_old(&tcb->ts, a->seg)) ||
	    (!missing && age > PAWS_IDLE))
		return true;
	a->act->paws = true;
	tcb->cause = CAUSE_PAWS;
	if (!missing) {
		tell_if_twice(a);
		challenge(a, CAUSE_PAWS);
	}
	return false;
}

/*
 * RFC 7323 section 4.3: of the segments that one ACK is for, the first is
 * echoed. Last.ACK.sent is rcv.acked.
 */
static void take_timestamp(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	if (!tcb->timestamps || seq_after(a->seg->seq, tcb->rcv.acked))
		return;
	tcb->ts.recent = a->seg->tsval;
	tcb->ts_taken = (u32)(a->now >> 20);
}

/* First, check sequence number. */
static bool check_sequence(struct arrival *a)
{
	const struct receive_space *rcv = &a->tcb->rcv;

	if (toytcp_arrives_acceptable(a->seg, rcv->nxt, rcv->adv - rcv->nxt)) {
		trim(a);
		return true;
	}
	a->act->outside = true;
	if (a->seg->ctl & CTL_RST)
		return false;
	tell_if_twice(a);
	challenge(a, CAUSE_SEQUENCE);
	return false;
}

/*
 * Second, check the RST bit. RFC 5961: only the very next number ends the
 * connection; one that is merely within the window is asked back.
 */
static bool check_rst(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	if (!(a->seg->ctl & CTL_RST))
		return true;
	if (a->seg->seq != tcb->rcv.nxt)
		challenge(a, CAUSE_RST);
	else if (tcb->state == TCP_SYN_RECV)
		fail(a, ECONNREFUSED, CAUSE_RST);
	else if (toytcp_tcb_in(tcb, TCPF_CLOSING | TCPF_LAST_ACK))
		fail(a, 0, CAUSE_RST);
	else if (tcb->state == TCP_CLOSE_WAIT)
		fail(a, EPIPE, CAUSE_RST);	/* as tcp(7) has it */
	else
		fail(a, ECONNRESET, CAUSE_RST);
	return false;
}

/* Fourth, check the SYN bit: a challenge ACK, whatever its number. */
static bool check_syn(struct arrival *a)
{
	if (!(a->seg->ctl & CTL_SYN))
		return true;
	challenge(a, CAUSE_SYN);
	return false;
}

/* RFC 5961 section 5: an ACK this old or this new cannot be the peer's. */
static bool plausible_ack(const struct tcb *tcb, u32 ack)
{
	u32 oldest = tcb->snd.una - tcb->snd.max_wnd;

	return seq_between(oldest, ack, tcb->snd.nxt);
}

static bool ack_of_syn(struct arrival *a)
{
	if (a->seg->ack == a->tcb->snd.iss + 1) {
		establish(a, CAUSE_ACK);
		return true;
	}
	a->act->reset = true;
	a->tcb->cause = CAUSE_ACK;
	return false;
}

/* RFC 5681 section 2: nothing but the same acknowledgement once more. */
static bool is_duplicate(const struct arrival *a)
{
	const struct tcb *tcb = a->tcb;
	const struct segment *seg = a->seg;

	/* With the window closed it answers a probe, and nothing was lost. */
	return seg->ack == tcb->snd.una && tcb->snd.nxt != tcb->snd.una &&
	       !toytcp_segment_length(seg) && tcb->snd.wnd &&
	       (u32)seg->wnd << tcb->snd.wscale == tcb->snd.wnd;
}

/* RFC 6298 (5.2) and (5.3): the timer stops, or starts anew. */
static void restart_timer(struct tcb *tcb, u64 now)
{
	tcb->persist = 0;
	tcb->deadline[TIMER_RETRANSMIT] = 0;
	if (tcb->snd.una != tcb->snd.nxt)
		toytcp_timeout_arm(tcb, now, toytcp_rtt_timeout(&tcb->rtt));
}

/* SND.UNA := SEG.ACK. */
static void advance_una(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	u32 acked = a->seg->ack - tcb->snd.una;

	if (!acked)
		return;
	tcb->bytes_acked += acked;
	tcb->snd.una = a->seg->ack;
	tcb->snd.up = seq_max(tcb->snd.up, tcb->snd.una);
	tcb->progress = a->now;
	tcb->tries = 0;
	tcb->probe = 0;
	toytcp_rtt_acked(&tcb->rtt, tcb->snd.una, a->now);
	if (tcb->timestamps)
		toytcp_rtt_echoed(&tcb->rtt, toytcp_stamp(&tcb->ts, a->now) -
						 a->seg->tsecr);
	toytcp_blackhole_acked(tcb);
	restart_timer(tcb, a->now);
	a->act->wake |= WAKE_WRITE;
}

/* SND.UNA =< SEG.ACK =< SND.NXT: it may tell of what arrived, or did not. */
static void take_ack(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	u32 flight = toytcp_tcb_flight(tcb);
	u32 acked = a->seg->ack - tcb->snd.una;

	a->act->duplicate = is_duplicate(a);
	if (!acked && !a->act->duplicate && !a->seg->sacks)
		return;
	advance_una(a);
	acked = toytcp_recovery_acked(tcb, a->seg, acked, a->act->duplicate,
				      a->now, a->act);
	if (acked)
		toytcp_congestion_acked(tcb, acked, flight, a->now);
}

/*
 * The window opens: what a zero window held back is sent again. While it was
 * closed the retransmission timer was the persist timer.
 */
static void window_opened(struct tcb *tcb, u64 now)
{
	tcb->rtt.backoff = 0;
	tcb->tries = 0;
	tcb->probe = 0;
	toytcp_recovery_again(tcb);
	restart_timer(tcb, now);
}

static void update_window(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	const struct segment *seg = a->seg;
	bool closed = !tcb->snd.wnd;

	if (seq_before(seg->ack, tcb->snd.una))
		return;
	if (seq_before(tcb->snd.wl1, seg->seq) ||
	    (tcb->snd.wl1 == seg->seq &&
	     !seq_before(seg->ack, tcb->snd.wl2)))
		take_window(tcb, seg);
	if (closed && tcb->snd.wnd)
		window_opened(tcb, a->now);
}

static void enter_time_wait(struct arrival *a, enum cause cause)
{
	toytcp_tcb_set_state(a->tcb, TCP_TIME_WAIT, cause);
	a->act->wake |= WAKE_STATE;
}

/* Our FIN is acknowledged. Returns whether the connection still exists. */
static bool ack_of_fin(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	switch (tcb->state) {
	case TCP_FIN_WAIT1:
		if (tcb->orphan && !tcb->fin_wait_2) {	/* TCP_LINGER2 < 0 */
			a->act->reset = true;
			fail(a, 0, CAUSE_ACK);
			return false;
		}
		toytcp_tcb_set_state(tcb, TCP_FIN_WAIT2, CAUSE_ACK);
		if (tcb->orphan)
			toytcp_user_leave(tcb, a->now);
		a->act->wake |= WAKE_STATE;
		return true;
	case TCP_CLOSING:
		enter_time_wait(a, CAUSE_ACK);
		return false;
	case TCP_LAST_ACK:
		fail(a, 0, CAUSE_ACK);
		return false;
	}
	return true;
}

/* Fifth, check the ACK field. */
static bool check_ack(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	u32 ack = a->seg->ack;

	if (!(a->seg->ctl & CTL_ACK))
		return false;
	if (tcb->state == TCP_SYN_RECV && !ack_of_syn(a))
		return false;
	if (!plausible_ack(tcb, ack)) {
		challenge(a, CAUSE_ACK);
		return false;
	}
	take_timestamp(a);
	toytcp_ecn_arrives(tcb, a->seg);
	tcb->cause = CAUSE_ACK;
	if (!seq_before(ack, tcb->snd.una))
		take_ack(a);
	update_window(a);
	if (tcb->fin_sent && tcb->snd.una == tcb->snd.end + 1)
		return ack_of_fin(a);
	return true;
}

/* RFC 9293 SHLD-18, -19: every second full-sized segment, or a short delay. */
static void schedule_ack(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	u32 len = a->seg->len;
	bool full = len >= tcb->rcv.mss;

	tcb->rcv.mss = max_t(u16, tcb->rcv.mss,
			     min_t(u32, len, tcb->rcv.announced -
				   toytcp_tcb_overhead(tcb)));
	if (full && tcb->streak < 255)
		tcb->streak++;
	if (tcb->quickack ||
	    tcb->rcv.nxt - tcb->rcv.acked >= 2u * tcb->rcv.mss) {
		owe_ack(tcb, CAUSE_TEXT);
	} else if (full && tcb->quick_acks) {
		tcb->quick_acks--;
		owe_ack(tcb, CAUSE_TEXT);
	} else if (!tcb->deadline[TIMER_ACK]) {
		tcb->deadline[TIMER_ACK] = a->now +
			(tcb->answers ? DELAYED_ACK : STREAM_ACK);
	}
}

/* In order: the text, and whatever was waiting behind it, is the user's. */
static void accept_text(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	struct reassembly_node *node = a->node;
	bool gap = tcb->ooo.ranges;
	u32 before = tcb->rcv.nxt;

	tcb->rcv.nxt = a->end;
	node->next = toytcp_reassembly_take(&tcb->ooo, a->end);
	a->act->ready = node;
	for (; node; node = node->next) {
		/* A FIN counts where nothing follows it, and only there. */
		if (seq_after(node->end, tcb->rcv.nxt))
			a->fin = false;
		tcb->rcv.nxt = seq_max(tcb->rcv.nxt, node->end);
		a->fin |= node->fin && node->end == tcb->rcv.nxt;
	}
	tcb->bytes_received += tcb->rcv.nxt - before;
	a->act->wake |= WAKE_READ;
	tcb->cause = CAUSE_TEXT;
	schedule_ack(a);
	if (gap)	/* RFC 5681 section 4.2: tell at once that it closed */
		tcb->ack_now = 1;
}

/* Out of order: keep it, and say at once what is missing (RFC 5681 3.2). */
static void keep_text(struct arrival *a)
{
	if (toytcp_reassembly_holds(&a->tcb->ooo, a->node->seq, a->node->end))
		came_twice(a, a->node->seq, a->node->end);
	a->act->kept = toytcp_reassembly_add(&a->tcb->ooo, a->node);
	owe_ack(a->tcb, CAUSE_TEXT);
}

/*
 * RFC 9293 SHLD-3: nobody is left to read it, and the peer should know that
 * its text is lost rather than believe it was read.
 */
static bool nobody_reads(struct arrival *a)
{
	if (!a->tcb->orphan || a->end == a->seq ||
	    !seq_after(a->end, a->tcb->rcv.nxt))
		return false;
	a->act->reset = true;
	fail(a, 0, CAUSE_TEXT);
	return true;
}

/* Sixth, check the URG bit; seventh, process the segment text. */
static bool process_text(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	if (!toytcp_tcb_in(tcb, STATES_RECEIVING) || nobody_reads(a))
		return false;
	toytcp_urgent_arrives(tcb, a->seg, a->act);
	if (a->end == a->seq && !a->fin) {
		if (a->seg->len)	/* old, or beyond the window */
			owe_ack(tcb, CAUSE_TEXT);
		return false;
	}
	if (!a->node) {		/* the caller has no room for it */
		owe_ack(tcb, CAUSE_TEXT);
		return false;
	}
	a->node->seq = a->seg->seq + !!(a->seg->ctl & CTL_SYN);
	a->node->end = a->end;
	a->node->fin = a->fin;
	if (seq_after(a->seq, tcb->rcv.nxt)) {
		keep_text(a);
		return false;
	}
	if (a->end != a->seq)
		accept_text(a);
	return true;
}

/* Eighth, check the FIN bit: its turn has come. */
static void check_fin(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	if (!a->fin)
		return;
	tcb->rcv.nxt++;
	tcb->rcv.adv = seq_max(tcb->rcv.adv, tcb->rcv.nxt);
	tcb->fin_received = 1;
	a->act->wake |= WAKE_READ | WAKE_STATE;
	switch (tcb->state) {
	case TCP_ESTABLISHED:
		toytcp_tcb_set_state(tcb, TCP_CLOSE_WAIT, CAUSE_FIN);
		break;
	case TCP_FIN_WAIT1:	/* had ours been acknowledged: FIN-WAIT-2 */
		toytcp_tcb_set_state(tcb, TCP_CLOSING, CAUSE_FIN);
		break;
	case TCP_FIN_WAIT2:
		enter_time_wait(a, CAUSE_FIN);
		break;
	}
	owe_ack(tcb, CAUSE_FIN);
}

/* 3.10.7.4, all other states. Third, security: nothing. */
static void arrives_otherwise(struct arrival *a)
{
	if (!check_timestamp(a) || !check_sequence(a) || !check_rst(a) ||
	    !check_syn(a))
		return;
	a->tcb->heard = a->now;
	a->tcb->probes = 0;
	if (check_ack(a) && process_text(a))
		check_fin(a);
}

/**
 * toytcp_arrives() - a segment arrived for a connection
 * @tcb: the connection, in any state but LISTEN
 * @seg: the segment, validated
 * @node: what the core may keep until the text's turn comes; NULL if the
 *	segment has neither text nor FIN, or if there is no room for them: what
 *	else it says counts all the same
 * @now: microseconds
 * @act: filled in
 */
void toytcp_arrives(struct tcb *tcb, const struct segment *seg,
		    struct reassembly_node *node, u64 now,
		    struct actions *act)
{
	struct arrival a = {
		.tcb = tcb, .seg = seg, .node = node, .act = act, .now = now,
	};

	memset(act, 0, sizeof(*act));
	switch (tcb->state) {
	case TCP_CLOSE:
		arrives_closed(&a);
		break;
	case TCP_SYN_SENT:
		arrives_syn_sent(&a);
		break;
	default:
		arrives_otherwise(&a);
	}
}
