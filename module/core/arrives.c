// SPDX-License-Identifier: GPL-2.0
/*
 * SEGMENT ARRIVES: RFC 9293 section 3.10.7, in the order of its steps.
 *
 * Each step is one function that says whether to go on with the next; the
 * fifth, the ACK field, is in ack.c, the last three are in text.c. LISTEN is in
 * listen.c, TIME-WAIT in timewait.c; neither has a tcb.
 */
#include "arrival.h"
#include "seq.h"

/* What the peer's SYN says about itself, in SYN-SENT. */
static void take_syn(struct tcb *tcb, const struct segment *seg, u64 now)
{
	u32 mss = seg->options & HAS_MSS ? seg->mss : MSS_DEFAULT;

	tcb->rcv.irs = seg->seq;
	tcb->rcv.nxt = seg->seq + 1;
	tcb->rcv.copied = tcb->rcv.nxt;
	tcb->rcv.acked = tcb->rcv.nxt;
	tcb->rcv.adv += tcb->rcv.nxt;	/* what our SYN has announced */
	tcb->scaled = !!(seg->options & HAS_WSCALE);
	tcb->sack_ok &= !!(seg->options & HAS_SACK_OK);
	tcb->snd.wscale = tcb->scaled ? seg->wscale : 0;
	if (!tcb->scaled)
		tcb->rcv.wscale = 0;
	tcb->ecn &= toytcp_ecn_agrees(seg);
	tcb->timestamps &= !!(seg->options & HAS_TIMESTAMPS);
	tcb->ts.recent = seg->tsval;
	tcb->ts_taken = (u32)(now >> 20);
	tcb->snd.mss_max = min_t(u32, mss, tcb->rcv.announced);
	toytcp_tcb_set_mss(tcb, tcb->snd.mss_max);
}

/*
 * 3.10.7.3, first: the ACK bit. Data on a SYN is never sent: only ISS + 1. Else
 * our reset ends an old connection (3.5.1), and the SYN follows it: once for
 * each timeout, in case the reset is lost, but no forger makes us send more.
 */
static bool syn_sent_check_ack(struct arrival *a)
{
	const struct segment *seg = a->seg;
	struct tcb *tcb = a->tcb;
	u64 again = a->now + REDIAL_DELAY;

	a->act->cause = CAUSE_SYN_SENT_ACK;
	if (!(seg->ctl & CTL_ACK) ||
	    (seg->ack == tcb->snd.nxt &&
	     (!tcb->timestamps ||
	      toytcp_stamp_echoed(&tcb->ts, tcb->progress, seg, a->now))))
		return true;
	if (seg->ctl & CTL_RST)
		return false;
	a->act->reset = true;
	if (tcb->redial != REDIAL_NONE ||
	    again >= toytcp_deadline_at(tcb, TIMER_RTO))
		return false;
	tcb->redial = REDIAL_SOON;
	toytcp_deadline_set(tcb, TIMER_RTO, again, a->now);
	return false;
}

/* Second: the RST bit. Without an acceptable ACK it may be forged. */
static bool syn_sent_check_rst(struct arrival *a)
{
	if (!(a->seg->ctl & CTL_RST))
		return true;
	a->act->cause = CAUSE_SYN_SENT_RST;
	if (a->seg->ctl & CTL_ACK)
		toytcp_arrival_fail(a, ECONNREFUSED, CAUSE_SYN_SENT_RST);
	return false;
}

/* Fourth: the SYN bit. Text on a SYN is ignored: the peer sends it again. */
static void syn_sent_check_syn(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	a->act->cause = CAUSE_SYN_SENT_SYN;
	a->act->sends = CAUSE_SYN_SENT_SYN;
	if (!(a->seg->ctl & CTL_SYN))
		return;
	take_syn(tcb, a->seg, a->now);
	tcb->heard = a->now;
	if (a->seg->ctl & CTL_ACK) {
		toytcp_ack_establish(a, CAUSE_SYN_SENT_SYN);
		toytcp_delack_owe(tcb, CAUSE_SYN_SENT_SYN);
	} else {	/* simultaneous open */
		tcb->syn_pending = 1;
		tcb->rtt.timing = 0;	/* Karn's rule: our SYN again */
		toytcp_tcb_set_state(tcb, TCP_SYN_RECV, CAUSE_SYN_SENT_SYN,
				     a->act);
	}
}

/*
 * Does any part of a segment lie in the window? @nxt: RCV.NXT, @wnd: RCV.WND.
 * The table of 3.10.7.4; but a segment without text may also stand at the end
 * of the window. A peer that has filled the window sends its ACKs there (RFC
 * 9293 appendix A.2).
 */
bool toytcp_arrives_acceptable(const struct segment *seg, u32 nxt, u32 wnd)
{
	u32 len = toytcp_segment_length(seg);
	u32 first = seg->seq - nxt;

	if (!wnd || !len)
		return first <= wnd;
	return first < wnd || first + len - 1 < wnd;
}

/*
 * For a segment that is not acceptable. One that its own retransmission has
 * overtaken fails PAWS, too: the DSACK tells the peer that it was late, not
 * lost.
 */
static void report_duplicate(struct arrival *a)
{
	const struct segment *seg = a->seg;

	if (!seq_after(seg->seq + seg->len, a->tcb->rcv.nxt))
		toytcp_text_duplicate(a, seg->seq, seg->seq + seg->len);
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
		toytcp_delack_owe(tcb, CAUSE_SEQUENCE);
	}
	if (seq_before(a->seq, tcb->rcv.nxt)) {
		u32 first = a->seq;

		a->seq = seq_min(tcb->rcv.nxt, a->end);
		toytcp_text_duplicate(a, first, a->seq);
	}
}

/*
 * A bare ACK that a later segment has overtaken: no answer. A host that has
 * restarted needs one, but its timestamps differ by far more.
 */
static bool is_merely_late(const struct arrival *a)
{
	const struct tcb *tcb = a->tcb;
	u32 late = tcb->ts.recent - a->seg->tsval;

	return a->seg->ctl & CTL_ACK && !toytcp_segment_length(a->seg) &&
	       !seq_after(a->seg->seq, tcb->rcv.nxt) &&
	       late <= toytcp_rtt_timeout(&tcb->rtt) / MSEC;
}

/* RFC 7323 3.2, 5.3: a timestamp, and within 24 days none before TS.Recent. */
static bool check_timestamp(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	bool missing = toytcp_stamp_missing(a->seg);
	u32 age = (u32)(a->now >> 20) - tcb->ts_taken;

	if (!tcb->timestamps ||
	    (!missing && (age > PAWS_IDLE ||
			  !toytcp_stamp_old(&tcb->ts, a->seg))))
		return true;
	a->act->notes |= NOTE_PAWS;
	a->act->cause = CAUSE_PAWS;
	if (!missing && !is_merely_late(a)) {
		report_duplicate(a);
		toytcp_delack_challenge(a, CAUSE_PAWS);
	}
	return false;
}

/* Figure 7: its SYN is old, left of the window. Our own SYN,ACK may be lost. */
static bool take_crossing_syn_ack(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	u8 ctl = a->seg->ctl & (CTL_SYN | CTL_ACK | CTL_RST | CTL_FIN);

	if (tcb->state != TCP_SYN_RECV || ctl != (CTL_SYN | CTL_ACK) ||
	    a->seg->seq != tcb->rcv.irs || a->seg->ack != tcb->snd.nxt)
		return false;
	tcb->heard = a->now;
	toytcp_ack_establish(a, CAUSE_ACK);
	toytcp_delack_owe(tcb, CAUSE_ACK);
	return true;
}

/* First, check sequence number. */
static bool check_sequence(struct arrival *a)
{
	const struct receive_space *rcv = &a->tcb->rcv;

	a->act->cause = CAUSE_SEQUENCE;
	if (toytcp_arrives_acceptable(a->seg, rcv->nxt, rcv->adv - rcv->nxt)) {
		trim(a);
		return true;
	}
	a->act->notes |= NOTE_OUTSIDE;
	if (a->seg->ctl & CTL_RST)
		return false;
	report_duplicate(a);
	toytcp_delack_challenge(a, CAUSE_SEQUENCE);
	return false;
}

/*
 * Second, check the RST bit. RFC 5961: only RCV.NXT itself ends the connection;
 * a reset elsewhere in the window gets a challenge ACK.
 */
static bool check_rst(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	if (!(a->seg->ctl & CTL_RST))
		return true;
	a->act->cause = CAUSE_RST;
	if (a->seg->seq != tcb->rcv.nxt)
		toytcp_delack_challenge(a, CAUSE_CHALLENGE_RST);
	else	/* see tcp(7) */
		toytcp_arrival_fail(a, tcb->state == TCP_CLOSE_WAIT ? EPIPE :
				    tcb->state == TCP_SYN_RECV ? ECONNREFUSED :
				    ECONNRESET, CAUSE_RST);
	return false;
}

/* Fourth, check the SYN bit: a challenge ACK, whatever its number. */
static bool check_syn(struct arrival *a)
{
	if (!(a->seg->ctl & CTL_SYN))
		return true;
	a->act->cause = CAUSE_SYN;
	toytcp_delack_challenge(a, CAUSE_CHALLENGE_SYN);
	return false;
}

/*
 * A validated segment arrived for a connection in any state but LISTEN. The
 * core may keep @node until the text's turn comes; it is NULL if the segment
 * has neither text nor FIN, or if there is no room for them: the rest of the
 * segment is processed all the same.
 */
void toytcp_arrives(struct tcb *tcb, const struct segment *seg,
		    struct reassembly_node *node, u64 now,
		    struct actions *act)
{
	struct arrival a = {
		.tcb = tcb, .seg = seg, .node = node, .act = act, .now = now,
		.state = tcb->state,
	};

	toytcp_actions_init(act, CAUSE_SEND);
	switch (tcb->state) {
	case TCP_CLOSE:		/* 3.10.7.1: a reset answers all but a reset */
		act->reset = !(seg->ctl & CTL_RST);
		act->cause = CAUSE_CLOSED;
		break;
	case TCP_SYN_SENT:
		if (syn_sent_check_ack(&a) && syn_sent_check_rst(&a))
			syn_sent_check_syn(&a);
		break;
	default:		/* 3.10.7.4. Third, security: nothing. */
		if (check_timestamp(&a) && !take_crossing_syn_ack(&a) &&
		    check_sequence(&a) && check_rst(&a) && check_syn(&a) &&
		    toytcp_ack_check(&a) && toytcp_text_process(&a))
			toytcp_text_check_fin(&a);
	}
}
