// SPDX-License-Identifier: GPL-2.0
/*
 * Loss recovery: what an acknowledgement says about losses, and what follows.
 *
 * An episode begins with a loss and ends when everything outstanding at that
 * time is acknowledged. Losses are detected by time (rack.c) or, if the peer
 * does not speak SACK, by three duplicate ACKs (NewReno, RFC 6582). cwnd comes
 * down by PRR (RFC 6937), and is restored if nothing was lost after all.
 */
#include "internal.h"
#include "seq.h"

/*
 * How much is on its way, RFC 6675's "pipe": bytes that are outstanding and not
 * known to be lost or delivered. Without SACK one segment has arrived for each
 * duplicate ACK; limited transmit, RFC 3042, sends a new one for each of two.
 */
u32 toytcp_recovery_pipe(const struct tcb *tcb)
{
	u32 flight = toytcp_tcb_flight(tcb), arrived = 0;
	u64 off = (u64)tcb->board.sacked + tcb->board.lost;

	if (!tcb->sack_ok && !tcb->timed_out)
		arrived = tcb->cc.recovering ? tcb->cc.dupacks :
			  min_t(u32, tcb->cc.dupacks, DUPACKS - 1);
	off += (u64)arrived * tcb->snd.mss;
	return off < flight ? flight - (u32)off : 0;
}

static bool in_episode(const struct tcb *tcb)
{
	return tcb->cc.recovering || tcb->timed_out;
}

/* @reduced: cwnd came down for it, and for nothing but a loss. */
static void begin_episode(struct tcb *tcb, bool reduced, u64 now)
{
	tcb->cc.recover = tcb->snd.nxt;
	tcb->rtt.timing = 0;	/* Karn's rule */
	tcb->rack.reo_wnd_widened = 0;
	tcb->partial_acked = 0;
	tcb->ecn_slowed = 0;
	if (reduced) {
		/* A duplicate of one does not tell whether the probe mended. */
		if (!tcb->rack.probing)
			tcb->undo.retransmitted = 0;
		else if (!seq_before(tcb->snd.una, tcb->undo.to))
			tcb->undo.stamp = toytcp_stamp(&tcb->ts, now);
		tcb->undoable = 1;
	}
	tcb->rack.probing = 0;
}

/* RFC 3168 section 6.1.2: a mark has already reduced cwnd in @lost's window. */
static bool has_slowed(const struct tcb *tcb, u32 lost)
{
	return tcb->ecn_slowed && seq_before(lost, tcb->ecn_high);
}

/* Fast recovery: RFC 8985 section 6.2, RFC 6582 section 3.2. */
static void enter_recovery(struct tcb *tcb, u64 now, struct actions *act)
{
	bool slowed = has_slowed(tcb, tcb->snd.una);

	if (!slowed)
		toytcp_congestion_lost(tcb);
	else	/* the mark was real in any case */
		tcb->undoable = 0;
	begin_episode(tcb, !slowed, now);
	tcb->cc.recovering = 1;
	tcb->prr.delivered = 0;
	tcb->prr.sent = 0;
	act->cause = tcb->sack_ok ? CAUSE_RACK : CAUSE_FAST_RETRANSMIT;
	act->notes |= NOTE_RECOVERY;
}

static void leave_episode(struct tcb *tcb)
{
	tcb->cc.recovering = 0;
	tcb->timed_out = 0;
	tcb->frto = FRTO_OFF;
	tcb->cc.dupacks = 0;
	if (tcb->sack_ok)	/* until then DSACK may undo it */
		tcb->cc.recover = tcb->snd.nxt;
}

/*
 * Nothing was lost: the text was late, or only its ACK was lost. Among very many
 * records the marks stay, and the text is retransmitted: a peer could make us set
 * and clear them all with each ACK.
 */
static void undo(struct tcb *tcb, enum cause cause, struct actions *act)
{
	toytcp_congestion_undo(tcb);
	if (tcb->board.records <= SCOREBOARD_MIN)
		toytcp_scoreboard_clear(&tcb->board, RECORD_LOST);
	leave_episode(tcb);
	tcb->cc.recover = tcb->snd.una - 1;	/* what else is lost is new */
	tcb->undoable = 0;
	act->notes |= NOTE_UNDO;
	act->cause = cause;
	act->sends = cause;
}

/*
 * The peer reports a duplicate (RFC 2883). If it does so for all that was
 * retransmitted in this episode, there was no loss: RFC 3708. What was not
 * retransmitted was duplicated by the network.
 */
static void take_dsack(struct tcb *tcb, const struct sack_block *b,
		       struct actions *act)
{
	struct undo *u = &tcb->undo;
	bool probing = tcb->rack.probing;

	act->notes |= NOTE_DSACK_IN;
	toytcp_rack_probe_acked(tcb, true);
	if (probing || !tcb->undoable || !u->retransmitted ||
	    seq_before(b->from, u->from) || seq_after(b->to, u->to))
		return;
	toytcp_rack_widen(tcb);
	u->retransmitted -= min(u->retransmitted, b->to - b->from);
	if (!u->retransmitted)
		undo(tcb, CAUSE_DSACK, act);
}

/*
 * The Eifel detection, RFC 3522: does the ACK for what was retransmitted echo
 * the original? If it echoes the retransmission, that was needed, whatever the
 * network duplicates later; unless the timestamp clock is too coarse to tell
 * them apart.
 */
static void take_echo(struct tcb *tcb, const struct segment *seg,
		      struct actions *act)
{
	if (!tcb->timestamps || !seg->tsecr || !in_episode(tcb) ||
	    !tcb->undoable || !tcb->undo.retransmitted)
		return;
	if (seq_before(seg->tsecr, tcb->undo.stamp)) {
		if (tcb->sack_ok)
			toytcp_rack_widen(tcb);
		undo(tcb, CAUSE_EIFEL, act);
	} else if (tcb->rack.min_rtt > 2 * MSEC &&
		   seq_after(tcb->snd.una, tcb->undo.from)) {
		tcb->undoable = 0;
	}
}

/*
 * F-RTO, RFC 5682 section 3.1: if an original transmission arrives after a
 * timeout, it was spurious. The first ACK is no proof: others may have been
 * lost on the way, and it covers what arrived long ago. If it covers all, none
 * is left to decide.
 */
static void take_frto(struct tcb *tcb, u32 acked, const struct delivery *d,
		      struct actions *act)
{
	if (tcb->frto == FRTO_FIRST && acked) {
		tcb->frto = seq_before(tcb->snd.una, tcb->cc.recover) ?
			FRTO_SECOND : FRTO_OFF;
	} else if (tcb->frto == FRTO_SECOND && d->bytes) {
		tcb->frto = FRTO_OFF;
		if (d->original)
			undo(tcb, CAUSE_FRTO, act);
	}
}

/* RFC 2883 section 4: below the ACK, or within the block that follows. */
static bool is_dsack(const struct tcb *tcb, const struct segment *seg)
{
	const struct sack_block *b = seg->sack;

	if (!seq_between(tcb->snd.una - tcb->snd.max_wnd, b->from, b->to) ||
	    !seq_before(b->from, b->to) || seq_after(b->to, tcb->snd.nxt))
		return false;
	return !seq_after(b->to, seg->ack) ||
	       (seg->sacks > 1 && !seq_before(b->from, b[1].from) &&
		!seq_after(b->to, b[1].to));
}

/*
 * Those that are plausible, in ascending order: the scoreboard tells reordering
 * from loss by it.
 */
static void take_blocks(struct tcb *tcb, const struct segment *seg,
			struct delivery *d)
{
	const struct sack_block *next, *b, *end = seg->sack + seg->sacks;
	u32 edge = tcb->snd.una;

	do {
		next = NULL;
		for (b = seg->sack; b < end; b++)
			if (seq_before(tcb->snd.una, b->from) &&
			    seq_before(b->from, b->to) &&
			    !seq_after(b->to, tcb->snd.nxt) &&
			    seq_after(b->to, edge) &&
			    (!next || seq_before(b->to, next->to)))
				next = b;
		if (next) {
			toytcp_scoreboard_sack(&tcb->board, next->from,
					       next->to, d);
			edge = next->to;
		}
	} while (next);
}

/*
 * Each duplicate ACK counts as a segment delivered; the ACK that follows does
 * not count those again.
 */
static void count_duplicates(struct tcb *tcb, u32 acked, bool duplicate,
			     struct delivery *d)
{
	struct congestion *cc = &tcb->cc;
	u32 counted = min_t(u32, cc->dupacks,
			    (acked - min_t(u32, acked, tcb->snd.mss)) /
			    tcb->snd.mss);

	if (acked && !cc->recovering) {
		cc->dupacks = 0;
	} else if (acked) {
		cc->dupacks -= counted;
		d->bytes -= min(d->bytes, counted * tcb->snd.mss);
	} else if (duplicate && cc->dupacks < 0xffff) {
		cc->dupacks++;
		d->bytes += tcb->snd.mss;
	}
}

/*
 * NewReno, RFC 6582: the third duplicate ACK, unless earlier retransmissions
 * may have caused it (section 3.2, step 1); and each partial ACK. The first
 * outstanding segment is lost then; nothing is known of the others.
 */
static void detect_by_dupacks(struct tcb *tcb, u32 acked)
{
	struct sent_record *r = tcb->board.first;
	bool third = tcb->cc.dupacks == DUPACKS && !acked &&
		     seq_after(tcb->snd.una, tcb->cc.recover);

	if (!(tcb->cc.recovering ? acked != 0 : third && !tcb->timed_out) ||
	    !r || r->flags & RECORD_LOST)
		return;
	if (r->end - r->seq > tcb->snd.mss)
		toytcp_scoreboard_cut(&tcb->board, r, r->seq + tcb->snd.mss);
	toytcp_scoreboard_lose(&tcb->board, r, acked ? CAUSE_PARTIAL_ACK :
						       CAUSE_FAST_RETRANSMIT);
}

/*
 * PRR, RFC 6937: bytes go out in proportion to bytes delivered, so that cwnd
 * reaches ssthresh by the end of the episode, and without bursts.
 */
static void reduce_cwnd(struct tcb *tcb, u32 delivered, bool progress)
{
	u32 pipe = toytcp_recovery_pipe(tcb), ssthresh = tcb->cc.ssthresh;
	struct prr *prr = &tcb->prr;
	u32 prior = max_t(u32, tcb->cc.prior_cwnd, 1);
	s64 n;

	prr->delivered += delivered;
	n = (s64)prr->delivered - prr->sent;
	if (pipe > ssthresh) {
		n = (s64)div_u64((u64)prr->delivered * ssthresh + prior - 1,
				 prior) - prr->sent;
	} else {
		n = max_t(s64, n, delivered) + (progress ? tcb->snd.mss : 0);
		n = min_t(s64, n, ssthresh - pipe);
	}
	/* The first retransmission goes out in any case. */
	n = max_t(s64, n, prr->sent ? 0 : tcb->snd.mss);
	/* Without spare records text may count as delivered twice. */
	tcb->cc.cwnd = max_t(u32, min(pipe + (u32)n, prior), tcb->snd.mss);
}

/* Marks what is lost. Returns when to look again, as toytcp_rack_detect(). */
static u32 detect(struct tcb *tcb, u32 acked, u64 now, struct actions *act)
{
	u32 lost = tcb->board.lost, wait = 0;

	if (!tcb->sack_ok)
		detect_by_dupacks(tcb, acked);
	else if (tcb->board.sacked || in_episode(tcb))
		wait = toytcp_rack_detect(tcb, now);
	if (tcb->board.lost > lost && !in_episode(tcb))
		enter_recovery(tcb, now, act);
	return wait;
}

/*
 * When the segment was sent that the ACK echoes, at the latest. 0: unknown; nor
 * does it matter before anything was retransmitted.
 */
static u64 time_of_echo(const struct tcb *tcb, const struct segment *seg,
			u64 now)
{
	u32 age;

	if (!tcb->retransmits || !tcb->timestamps || !seg->tsecr)
		return 0;
	age = toytcp_stamp(&tcb->ts, now) - seg->tsecr;
	return (div_u64(now, MSEC) - age + 1) * MSEC - 1;
}

/* What the ACK says about ranges: delivered, duplicates, reordered. */
static void take_ranges(struct tcb *tcb, const struct segment *seg, u32 acked,
			bool duplicate, struct delivery *d, struct actions *act)
{
	bool dsack = tcb->sack_ok && seg->sacks && is_dsack(tcb, seg);

	toytcp_scoreboard_acked(&tcb->board, tcb->snd.una, d);
	if (tcb->sack_ok && seg->sacks)
		take_blocks(tcb, seg, d);
	if (d->reordered && !tcb->rack.reordering_seen)
		act->notes |= NOTE_REORDERED;
	toytcp_rack_update(tcb, d);
	if (!tcb->sack_ok)
		count_duplicates(tcb, acked, duplicate, d);
	if (dsack)
		take_dsack(tcb, seg->sack, act);
	take_frto(tcb, acked, d, act);
	if (acked)
		take_echo(tcb, seg, act);
}

/*
 * An acknowledgement arrived: snd.una has moved on by @acked bytes, to SEG.ACK.
 * @duplicate: a duplicate ACK as RFC 5681 defines it. Returns the bytes by
 * which the congestion window may grow.
 */
u32 toytcp_recovery_acked(struct tcb *tcb, const struct segment *seg,
			  u32 acked, bool duplicate, u64 now,
			  struct actions *act)
{
	struct delivery d = {
		.now = now,
		.echo = time_of_echo(tcb, seg, now),
		.min_rtt = tcb->rack.min_rtt,
		.recover = tcb->cc.recover,
		.mss = tcb->snd.mss,
	};
	u32 before = tcb->board.lost, wait;
	bool reducing = tcb->cc.recovering;

	take_ranges(tcb, seg, acked, duplicate, &d, act);
	if (in_episode(tcb) && !seq_before(tcb->snd.una, tcb->cc.recover)) {
		if (tcb->cc.recovering)
			tcb->cc.cwnd = tcb->cc.ssthresh;
		leave_episode(tcb);
		toytcp_rack_narrow(tcb);
	} else if (toytcp_rack_probe_acked(tcb, false)) {
		act->cause = CAUSE_TAIL_MENDED;	/* RFC 8985 section 7.4 */
		if (!has_slowed(tcb, tcb->rack.probe_end - 1)) {
			toytcp_congestion_lost(tcb);
			tcb->cc.cwnd = min(tcb->cc.cwnd, tcb->cc.ssthresh);
		}
	}
	/* Numbers wrap: kept close to UNA, it never appears to be ahead. */
	if (!in_episode(tcb) && seq_after(tcb->snd.una, tcb->cc.recover)) {
		tcb->cc.recover = tcb->snd.una - 1;
		tcb->undoable = 0;
	}
	wait = detect(tcb, acked, now, act);
	if (tcb->cc.recovering)
		reduce_cwnd(tcb, d.bytes, acked && tcb->board.lost <= before);
	if (tcb->sack_ok)
		toytcp_rack_arm(tcb, now, wait);
	if (tcb->cc.recovering)
		return 0;
	/* PRR has already counted what was SACKed in the episode. */
	return reducing ? min(acked, d.bytes) : acked;
}

/* TIMER_LOSS went off. */
void toytcp_recovery_loss_timer(struct tcb *tcb, u64 now, struct actions *act)
{
	u32 wait;

	if (toytcp_rack_probe(tcb)) {
		if (!tcb->undoable)
			tcb->undo.retransmitted = 0;
		act->notes |= NOTE_PROBE;
		act->cause = CAUSE_TAIL_LOSS;
		return;
	}
	act->cause = CAUSE_RACK;
	wait = detect(tcb, 0, now, act);
	if (tcb->cc.recovering)
		reduce_cwnd(tcb, 0, false);
	if (wait)	/* no second probe: the timeout must come */
		toytcp_rack_arm(tcb, now, wait);
}

/*
 * Mark what was sent until then as lost, and the first record in any case (RFC
 * 8985 section 6.3), except for what is SACKed; but if the first record is, the
 * peer has reneged, and no SACK counts any more (RFC 2018 section 8).
 */
static void lose_before(struct tcb *tcb, u64 until, enum cause cause)
{
	struct scoreboard *b = &tcb->board;
	struct sent_record *r;

	if (b->first && b->first->flags & RECORD_SACKED)
		toytcp_scoreboard_clear(b, RECORD_SACKED);
	r = b->first;
	if (r && !(r->flags & (RECORD_SACKED | RECORD_LOST)))
		toytcp_scoreboard_lose(b, r, cause);
	while ((r = toytcp_scoreboard_oldest(b)) && r->sent <= until)
		toytcp_scoreboard_lose(b, r, cause);
}

/* Mark everything outstanding as lost. */
void toytcp_recovery_lose_all(struct tcb *tcb, enum cause cause)
{
	lose_before(tcb, ~0ull, cause);
}

/* Text [from, from + n) is retransmitted. */
void toytcp_recovery_retransmitted(struct tcb *tcb, u32 from, u32 n, u64 now)
{
	struct undo *u = &tcb->undo;

	if (!u->retransmitted) {
		u->stamp = toytcp_stamp(&tcb->ts, now);
		u->from = from;
		u->to = from;
	}
	u->retransmitted += n;
	u->from = seq_min(u->from, from);
	u->to = seq_max(u->to, from + n);
	tcb->prr.sent += n;
	tcb->retransmits++;
	tcb->rtt.timing = 0;	/* Karn's rule */
}

/* The retransmission timer went off. */
void toytcp_recovery_timeout(struct tcb *tcb, u64 now, enum cause cause)
{
	bool clean = in_episode(tcb) ? tcb->rtt.backoff && tcb->frto :
		     tcb->sack_ok;

	tcb->frto = clean ? FRTO_FIRST : FRTO_OFF;
	begin_episode(tcb, toytcp_congestion_timeout(tcb), now);
	tcb->cc.recovering = 0;
	tcb->cc.dupacks = 0;
	tcb->timed_out = 1;
	lose_before(tcb, tcb->sack_ok ? now - toytcp_rack_limit(tcb) : now,
		    cause);
	/* What left just now goes on beside the loss window's one segment. */
	tcb->cc.cwnd += toytcp_recovery_pipe(tcb);
}
