// SPDX-License-Identifier: GPL-2.0
/*
 * The ACK field of a segment: RFC 9293 section 3.10.7.4, fifth. It makes the
 * connection, lets SND.UNA and the send window move on, and ends it.
 */
#include "arrival.h"
#include "seq.h"

/* SND.WND := SEG.WND, SND.WL1 := SEG.SEQ, SND.WL2 := SEG.ACK. */
static void take_window(struct tcb *tcb, const struct segment *seg)
{
	u8 shift = seg->ctl & CTL_SYN ? 0 : tcb->snd.wscale;

	tcb->snd.wnd = (u32)seg->wnd << shift;
	tcb->snd.wl1 = seg->seq;
	tcb->snd.wl2 = seg->ack;
	tcb->snd.max_wnd = max(tcb->snd.max_wnd, tcb->snd.wnd);
}

/* Our SYN is acknowledged. */
void toytcp_ack_establish(struct arrival *a, enum cause cause)
{
	struct tcb *tcb = a->tcb;

	tcb->snd.una = tcb->snd.iss + 1;
	tcb->snd.up = seq_max(tcb->snd.up, tcb->snd.una);
	tcb->syn_pending = 0;
	toytcp_rtt_acked(&tcb->rtt, tcb->snd.una, a->now);
	if (tcb->retransmits && tcb->rtt.rto < RTO_AFTER_SYN)
		tcb->rtt.rto = RTO_AFTER_SYN;
	tcb->rtt.backoff = 0;
	tcb->tries = 0;
	toytcp_deadline_restart(tcb, a->now);
	tcb->progress = a->now;
	take_window(tcb, a->seg);
	toytcp_congestion_init(tcb);
	toytcp_tcb_set_state(tcb, TCP_ESTABLISHED, cause, a->act);
	toytcp_timeout_keepalive(tcb, a->now);
	a->act->wake |= WAKE_STATE | WAKE_WRITE;
	/* A CLOSE in SYN-RECEIVED was queued until now: 3.10.4. */
	if (tcb->fin_queued)
		toytcp_tcb_set_state(tcb, TCP_FIN_WAIT1, CAUSE_CLOSE, a->act);
}

/*
 * Can this ACK be the peer's? RFC 5961 section 5.2: nothing beyond SND.NXT, and
 * nothing older than the largest window the peer has ever offered. Nor can it
 * acknowledge a number below our first: early in a connection that is the
 * narrower bound, and without it a forger would have 65,535 numbers to choose
 * from, not one.
 */
bool toytcp_ack_plausible(const struct arrival *a)
{
	const struct send_space *snd = &a->tcb->snd;
	u32 reach = min_t(u64, snd->max_wnd, a->tcb->bytes_acked);

	return seq_between(snd->una - reach, a->seg->ack, snd->nxt);
}

/*
 * After a timeout Karn's rule leaves no sample, and the backoff would not end;
 * but the echo tells what the ACK is for. If it is for the original, its ACK was
 * lost, and the echo is as old as the backoff is long.
 */
static void sample_echo(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	const struct sent_record *r = tcb->board.first;
	bool again = r && r->flags & RECORD_RETRANSMITTED;

	if (!again || !seq_before(a->seg->tsecr, toytcp_stamp(&tcb->ts, r->sent)))
		toytcp_rtt_echoed(&tcb->rtt, toytcp_stamp(&tcb->ts, a->now) -
						 a->seg->tsecr);
}

/* SND.UNA := SEG.ACK, which is @acked bytes ahead. */
static void advance_una(struct arrival *a, u32 acked)
{
	struct tcb *tcb = a->tcb;

	tcb->bytes_acked += acked;
	tcb->snd.una = a->seg->ack;
	tcb->snd.up = seq_max(tcb->snd.up, tcb->snd.una);
	tcb->progress = a->now;
	tcb->tries = 0;
	tcb->probe = 0;
	toytcp_rtt_acked(&tcb->rtt, tcb->snd.una, a->now);
	if (tcb->timestamps)
		sample_echo(a);
	toytcp_blackhole_acked(tcb, a->now);
	/*
	 * RFC 6582 section 3.2, step 3: where partial ACKs fill one hole each
	 * round trip, RTO may come first, and slow start fill them all.
	 */
	if (tcb->sack_ok || !tcb->cc.recovering || !tcb->partial_acked ||
	    !seq_before(tcb->snd.una, tcb->cc.recover))
		toytcp_deadline_restart(tcb, a->now);
	tcb->partial_acked = 1;
	a->act->wake |= WAKE_WRITE;
}

/*
 * SEG.ACK =< SND.NXT. If SEG.ACK < SND.UNA, the segment was overtaken, but what
 * it SACKs may be news.
 */
static void take_ack(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	const struct segment *seg = a->seg;
	u32 flight = toytcp_tcb_flight(tcb), una = tcb->snd.una;
	u32 acked = seq_max(seg->ack, una) - una, peak;
	/* RFC 5681 section 2; but it answers a probe if the window is closed */
	bool duplicate = seg->ack == una && !toytcp_segment_length(seg) &&
			 tcb->snd.wnd &&
			 (u32)seg->wnd << tcb->snd.wscale == tcb->snd.wnd;

	if (duplicate && !seg->sacks)
		toytcp_rack_probe_duplicate(tcb);
	duplicate &= flight != 0;
	if (duplicate)
		a->act->notes |= NOTE_DUPACK;
	if (!acked && !duplicate && !seg->sacks)
		return;
	if (acked)
		advance_una(a, acked);
	acked = toytcp_recovery_acked(tcb, seg, acked, duplicate, a->now,
				      a->act);
	peak = toytcp_congestion_peak(tcb, una, flight);
	if (acked)
		toytcp_congestion_acked(tcb, acked, peak, a->now);
}

/*
 * Beside what RFC 9293 asks of WL1 and WL2: no segment with a newer ACK has
 * come before, so its window is the newest, too, though it may fill a gap.
 */
static void update_window(struct arrival *a, bool newer)
{
	struct tcb *tcb = a->tcb;
	const struct segment *seg = a->seg;
	bool closed = !tcb->snd.wnd;

	if (seq_before(seg->ack, tcb->snd.una))
		return;
	if (newer || seq_before(tcb->snd.wl1, seg->seq) ||
	    (tcb->snd.wl1 == seg->seq &&
	     !seq_before(seg->ack, tcb->snd.wl2)))
		take_window(tcb, seg);
	if (!tcb->snd.wnd) {
		toytcp_deadline_window_closed(tcb);
	} else if (closed) {	/* retransmit what was outstanding meanwhile */
		tcb->rtt.backoff = 0;
		tcb->tries = 0;
		tcb->probe = 0;
		tcb->rack.probing = 0;
		toytcp_recovery_lose_all(tcb, CAUSE_ACK);
		toytcp_deadline_restart(tcb, a->now);
	}
}

/* Our FIN is acknowledged. Returns whether the connection still exists. */
static bool ack_of_fin(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	switch (tcb->state) {
	case TCP_FIN_WAIT1:
		if (tcb->orphan && !tcb->fin_wait_2) {	/* TCP_LINGER2 < 0 */
			a->act->reset = true;
			toytcp_arrival_fail(a, 0, CAUSE_ACK);
			return false;
		}
		toytcp_tcb_set_state(tcb, TCP_FIN_WAIT2, CAUSE_ACK, a->act);
		if (tcb->orphan)
			toytcp_user_leave(tcb, a->now);
		a->act->wake |= WAKE_STATE;
		return true;
	case TCP_CLOSING:
		toytcp_tcb_set_state(tcb, TCP_TIME_WAIT, CAUSE_ACK, a->act);
		a->act->wake |= WAKE_STATE;
		return false;
	case TCP_LAST_ACK:
		toytcp_arrival_fail(a, 0, CAUSE_ACK);
		return false;
	}
	return true;
}

/*
 * Fifth, check the ACK field. Only an ACK that can be the peer's shows that it
 * is alive. Returns whether to go on with the next step.
 */
bool toytcp_ack_check(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	u32 ack = a->seg->ack;
	bool newer;

	a->act->cause = CAUSE_ACK;
	if (!(a->seg->ctl & CTL_ACK))
		return false;
	a->act->sends = CAUSE_ACK;
	if (tcb->state == TCP_SYN_RECV) {
		a->act->reset = ack != tcb->snd.iss + 1;
		if (a->act->reset)
			return false;
		toytcp_ack_establish(a, CAUSE_ACK);
	}
	if (!toytcp_ack_plausible(a)) {
		toytcp_delack_challenge(a, CAUSE_CHALLENGE_ACK);
		return false;
	}
	tcb->heard = a->now;
	tcb->probes = 0;
	/*
	 * RFC 7323 section 4.3: an ACK for several segments echoes the first
	 * one's timestamp. Last.ACK.sent is rcv.acked.
	 */
	if (tcb->timestamps && !seq_after(a->seg->seq, tcb->rcv.acked)) {
		tcb->ts.recent = a->seg->tsval;
		tcb->ts_taken = (u32)(a->now >> 20);
	}
	toytcp_ecn_arrives(tcb, a->seg, a->act);
	newer = seq_after(ack, tcb->snd.una);
	take_ack(a);
	update_window(a, newer);
	if (tcb->fin_sent && tcb->snd.una == tcb->snd.end + 1)
		return ack_of_fin(a);
	return true;
}
