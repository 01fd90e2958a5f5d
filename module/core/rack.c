// SPDX-License-Identifier: GPL-2.0
/*
 * Loss detection by time, RFC 8985. RACK: a segment is lost if one that was
 * sent sufficiently later has arrived. TLP: if nothing follows that could
 * arrive, a probe asks.
 */
#include "internal.h"
#include "seq.h"

#define STEPS_MAX	16	/* of a quarter of a round trip each */
#define STEPS_PERSIST	16	/* loss episodes, RACK.reo_wnd_persist */
#define MIN_RTT_LIFE	(300 * SECOND)	/* the path may have changed by then */

/* Section 6.2, steps 1 to 3. */
void toytcp_rack_update(struct tcb *tcb, const struct delivery *d)
{
	struct rack *rack = &tcb->rack;
	u32 rtt = min_t(u64, d->now - d->sent, RTO_MAX);
	bool karn = d->once && !d->resent;	/* a sample by Karn's rule */

	rack->reordering_seen |= d->reordered;
	if (!d->timed)
		return;
	if (karn && (rtt < rack->min_rtt || !rack->min_rtt ||
		     (u32)d->now - rack->min_since > MIN_RTT_LIFE)) {
		rack->min_rtt = max_t(u32, rtt, 1);
		rack->min_since = (u32)d->now;
	}
	/* In recovery, Karn's rule leaves hardly any other sample. */
	if (karn && (tcb->cc.recovering || tcb->timed_out))
		toytcp_rtt_sample(&tcb->rtt, rtt);
	rack->rtt = rtt;
	if (toytcp_sent_before(rack->xmit_ts, rack->end_seq, d->sent, d->end)) {
		rack->xmit_ts = d->sent;
		rack->end_seq = d->end;
	}
}

/*
 * Section 6.2, step 4: text was late, not lost. The window grows once in an
 * episode: DSACKs come in bunches.
 */
void toytcp_rack_widen(struct tcb *tcb)
{
	struct rack *rack = &tcb->rack;

	if (!rack->reo_wnd_widened && rack->reo_wnd_steps < STEPS_MAX)
		rack->reo_wnd_steps++;
	rack->reordering_seen = 1;
	rack->reo_wnd_widened = 1;
	rack->reo_wnd_persist = STEPS_PERSIST;
}

/* An episode ended, and no retransmission was spurious. */
void toytcp_rack_narrow(struct tcb *tcb)
{
	struct rack *rack = &tcb->rack;

	if (rack->reo_wnd_persist)
		rack->reo_wnd_persist--;
	else
		rack->reo_wnd_steps = 0;
}

/*
 * The reordering window: how late a segment may be. Zero if the network has
 * never reordered and three segments beyond the gap have arrived.
 */
static u32 reo_wnd(const struct tcb *tcb)
{
	const struct rack *rack = &tcb->rack;
	bool sure = tcb->cc.recovering || tcb->timed_out ||
		    tcb->board.sacked >= DUPACKS * (u32)tcb->snd.mss;

	if (!rack->reordering_seen && sure)
		return 0;
	return min(rack->min_rtt / 4 * (rack->reo_wnd_steps + 1),
		   tcb->rtt.srtt);
}

/*
 * How long ago a segment must have been sent to be lost, microseconds: RACK.rtt
 * and the reordering window.
 */
u32 toytcp_rack_limit(const struct tcb *tcb)
{
	return (tcb->rack.rtt ?: tcb->rtt.srtt) + reo_wnd(tcb);
}

/*
 * Section 6.2, step 5: mark what is lost, the oldest first: where one is not,
 * none behind it is. Returns microseconds until the next record will be lost;
 * 0: none is in doubt.
 */
u32 toytcp_rack_detect(struct tcb *tcb, u64 now)
{
	const struct rack *rack = &tcb->rack;
	u32 limit = toytcp_rack_limit(tcb);
	struct sent_record *r;

	while ((r = toytcp_scoreboard_oldest(&tcb->board)) &&
	       toytcp_sent_before(r->sent, r->end, rack->xmit_ts,
				  rack->end_seq)) {
		if (now < r->sent + limit)
			return (u32)(r->sent + limit - now);
		toytcp_scoreboard_lose(&tcb->board, r, CAUSE_RACK);
	}
	return 0;
}

/* Section 7.2: nothing is known to be missing, and no probe is outstanding. */
static bool may_probe(const struct tcb *tcb)
{
	return tcb->sack_ok && tcb->board.first && !tcb->board.sacked &&
	       !tcb->cc.recovering && !tcb->timed_out && !tcb->rack.probing &&
	       tcb->rtt.srtt && !tcb->rtt.backoff && tcb->snd.wnd;
}

/*
 * Start the loss timer if there is something to wait for. @wait is from
 * toytcp_rack_detect().
 */
void toytcp_rack_arm(struct tcb *tcb, u64 now, u32 wait)
{
	u32 two = 2u * max_t(u32, tcb->snd.mss, MSS_DEFAULT);

	/*
	 * PTO; longer if the peer may delay its ACK: if less than two
	 * full-sized segments, by its reckoning, are outstanding; but not
	 * beyond the RTO: the probe goes out instead.
	 */
	if (!wait && may_probe(tcb)) {
		u64 rto = toytcp_deadline_at(tcb, TIMER_RTO);

		wait = max_t(u32, PROBE_MIN, 2 * tcb->rtt.srtt +
			     (toytcp_tcb_flight(tcb) < two ? PROBE_DELAY : 0));
		if (rto > now)
			wait = min_t(u64, wait, rto - now);
	}
	if (wait)
		toytcp_deadline_loss(tcb, now, wait);
}

/*
 * Section 7.3: retransmit the last segment. The SACK or ACK of it says what
 * became of the segments before. RFC 8985 prefers new text if there is any; one
 * rule for both is simpler. Returns false if a probe is of no use: SACKs say
 * what is missing.
 */
bool toytcp_rack_probe(struct tcb *tcb)
{
	struct scoreboard *b = &tcb->board;
	struct sent_record *r = b->first ? b->first->prev : NULL;

	if (!may_probe(tcb) || r->flags & RECORD_LOST)
		return false;
	r = toytcp_scoreboard_cut(b, r, r->end - min_t(u32, r->end - r->seq,
						       tcb->snd.mss));
	if (!r)
		return false;
	toytcp_scoreboard_lose(b, r, CAUSE_TAIL_LOSS);
	tcb->rack.probing = 1;
	tcb->rack.probe_end = tcb->snd.nxt;
	return true;
}

/*
 * Section 7.4: has the probe repaired a loss? @duplicate: the ACK reports a
 * duplicate (DSACK): the probe was not needed. Returns true if so: a sign of
 * congestion that nothing else will show.
 */
bool toytcp_rack_probe_acked(struct tcb *tcb, bool duplicate)
{
	u32 end = tcb->rack.probe_end;

	if (!tcb->rack.probing || seq_before(tcb->snd.una, end) ||
	    (!duplicate && tcb->snd.una == end))
		return false;
	tcb->rack.probing = 0;
	return !duplicate;
}

/*
 * Section 7.4.2: a duplicate ACK without SACK. Only the probe can have caused
 * it: the segment that it repeats had arrived.
 */
void toytcp_rack_probe_duplicate(struct tcb *tcb)
{
	if (tcb->rack.probing && tcb->snd.una == tcb->rack.probe_end)
		tcb->rack.probing = 0;
}
