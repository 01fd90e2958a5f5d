// SPDX-License-Identifier: GPL-2.0
/*
 * What an acknowledgement says about losses, and what follows from it.
 *
 * An episode begins when something was lost and ends when all is acknowledged
 * that was outstanding then. Losses are noticed by time (rack.c); where the
 * peer knows no SACK, by three duplicate ACKs (NewReno, RFC 6582). The rate
 * comes down as RFC 6937 has it (PRR), and up again if nothing had been lost.
 */
#include "internal.h"
#include "seq.h"

/* Segments that duplicate ACKs say have left, of a peer without SACK. */
static u32 gone(const struct tcb *tcb)
{
	u32 n = tcb->cc.dupacks;

	if (tcb->sack_ok || tcb->timed_out)
		return 0;
	/* Limited transmit, RFC 3042: one new segment for each of two. */
	return tcb->cc.recovering ? n : min_t(u32, n, DUPACKS - 1);
}

/**
 * toytcp_recovery_pipe() - how much is on its way: RFC 6675's "pipe"
 * @tcb: the connection
 *
 * Return: bytes: what is outstanding and neither lost nor, as far as is
 * known, delivered.
 */
u32 toytcp_recovery_pipe(const struct tcb *tcb)
{
	u32 flight = toytcp_tcb_flight(tcb);
	u64 off = (u64)tcb->board.sacked + tcb->board.lost +
		  (u64)gone(tcb) * tcb->snd.mss;

	return off < flight ? flight - (u32)off : 0;
}

static bool in_episode(const struct tcb *tcb)
{
	return tcb->cc.recovering || tcb->timed_out;
}

static void begin_episode(struct tcb *tcb)
{
	tcb->cc.recover = tcb->snd.nxt;
	tcb->rtt.timing = 0;	/* Karn's rule */
	tcb->rack.widened = 0;
	tcb->rack.probing = 0;
	tcb->ecn_slowed = 0;
	if (!tcb->undoable)
		tcb->prr.repeated = 0;
	tcb->undoable = 1;
}

/*
 * Was cwnd reduced for a mark in the window of @lost? Then not again: RFC 3168
 * section 6.1.2.
 */
static bool has_slowed(const struct tcb *tcb, u32 lost)
{
	return tcb->ecn_slowed && seq_before(lost, tcb->ecn_high);
}

/* Fast recovery: RFC 8985 section 6.2, RFC 6582 section 3.2. */
static void enter(struct tcb *tcb, struct actions *act)
{
	bool slowed = has_slowed(tcb, tcb->snd.una);

	if (!slowed)
		toytcp_congestion_lost(tcb);
	begin_episode(tcb);
	tcb->undoable = !slowed;	/* the mark stays true */
	tcb->cc.recovering = 1;
	tcb->prr.delivered = 0;
	tcb->prr.sent = 0;
	act->cause = tcb->sack_ok ? CAUSE_RACK : CAUSE_FAST_RETRANSMIT;
	act->notes |= NOTE_RECOVERY;
}

static void leave(struct tcb *tcb)
{
	if (tcb->cc.recovering)
		tcb->cc.cwnd = tcb->cc.ssthresh;
	tcb->cc.recovering = 0;
	tcb->timed_out = 0;
	tcb->cc.dupacks = 0;
	toytcp_rack_narrow(tcb);
}

/* RECOVER follows at a distance, or would one day be ahead: numbers wrap. */
static void follow(struct tcb *tcb)
{
	if (!in_episode(tcb) && seq_after(tcb->snd.una, tcb->cc.recover))
		tcb->cc.recover = tcb->snd.una - 1;
}

/* Nothing had been lost: it was late, or only its ACK was lost. */
static void undo(struct tcb *tcb, enum cause cause, struct actions *act)
{
	toytcp_congestion_undo(tcb);
	toytcp_scoreboard_clear(&tcb->board, RECORD_LOST);
	tcb->cc.recovering = 0;
	tcb->timed_out = 0;
	tcb->cc.dupacks = 0;
	tcb->undoable = 0;
	act->notes |= NOTE_UNDO;
	act->cause = cause;
	act->sends = cause;
}

/*
 * The peer has had @n bytes twice (RFC 2883). If it says so of all that was
 * repeated in this episode, there was no loss: RFC 3708.
 */
static void take_duplicate(struct tcb *tcb, u32 n, struct actions *act)
{
	bool probing = tcb->rack.probing;

	act->notes |= NOTE_DUPLICATE;
	toytcp_rack_probed(tcb, true);
	/* It may be the probe; or the network has doubled it, not we. */
	if (probing || !tcb->undoable || !tcb->prr.repeated)
		return;
	toytcp_rack_widen(tcb);
	tcb->prr.repeated -= min(tcb->prr.repeated, n);
	if (!tcb->prr.repeated)
		undo(tcb, CAUSE_DSACK, act);
}

/* The Eifel detection, RFC 3522: the peer answers what was sent before. */
static bool echoes_original(const struct tcb *tcb, const struct segment *seg)
{
	return tcb->timestamps && seg->options & HAS_TIMESTAMPS &&
	       tcb->undoable && tcb->prr.repeated &&
	       seq_before(seg->tsecr, tcb->prr.stamp);
}

/* RFC 2883 section 4: below the ACK, or within the block that follows. */
static bool is_duplicate_block(const struct tcb *tcb, const struct segment *seg)
{
	const struct sack_block *b = seg->sack;

	if (!seq_between(tcb->snd.una - tcb->snd.max_wnd, b->from, b->to) ||
	    !seq_before(b->from, b->to) || seq_after(b->to, tcb->snd.nxt))
		return false;
	return !seq_after(b->to, tcb->snd.una) ||
	       (seg->sacks > 1 && !seq_before(b->from, b[1].from) &&
		!seq_after(b->to, b[1].to));
}

static bool is_plausible(const struct tcb *tcb, const struct sack_block *b)
{
	return seq_before(tcb->snd.una, b->from) &&
	       seq_before(b->from, b->to) && !seq_after(b->to, tcb->snd.nxt);
}

/* In ascending order, so that what is late is told from what was lost. */
static void take_blocks(struct tcb *tcb, const struct segment *seg,
			struct delivery *d)
{
	const struct sack_block *next, *b, *end = seg->sack + seg->sacks;
	u32 edge = tcb->snd.una;

	do {
		next = NULL;
		for (b = seg->sack; b < end; b++)
			if (is_plausible(tcb, b) && seq_after(b->to, edge) &&
			    (!next || seq_before(b->to, next->to)))
				next = b;
		if (next) {
			toytcp_scoreboard_sack(&tcb->board, next->from,
					       next->to, d);
			edge = next->to;
		}
	} while (next);
}

/* RFC 6675 without its SACKs: what the duplicate ACKs had already told. */
static void count_duplicates(struct tcb *tcb, u32 acked, bool duplicate,
			     struct delivery *d)
{
	struct congestion *cc = &tcb->cc;
	u32 told = min_t(u32, cc->dupacks,
			 (acked - min_t(u32, acked, tcb->snd.mss)) /
			 tcb->snd.mss);

	if (acked && !cc->recovering) {
		cc->dupacks = 0;
	} else if (acked) {
		cc->dupacks -= told;
		d->bytes -= min(d->bytes, told * tcb->snd.mss);
	} else if (duplicate && cc->dupacks < 0xffff) {
		cc->dupacks++;
		d->bytes += tcb->snd.mss;
	}
}

/* The first segment that is outstanding is lost, and no more is known. */
static void lose_first(struct tcb *tcb, enum cause cause)
{
	struct sent_record *r = tcb->board.first;

	if (!r || r->flags & RECORD_LOST)
		return;
	if (r->end - r->seq > tcb->snd.mss)
		toytcp_scoreboard_cut(&tcb->board, r, r->seq + tcb->snd.mss);
	toytcp_scoreboard_lose(&tcb->board, r, cause);
}

/*
 * NewReno, RFC 6582: the third duplicate ACK, unless it is of what was
 * repeated before (section 3.2, step 1); and each partial ACK.
 */
static void detect_by_count(struct tcb *tcb, u32 acked)
{
	bool third = tcb->cc.dupacks == DUPACKS && !acked &&
		     seq_after(tcb->snd.una, tcb->cc.recover);

	if (tcb->cc.recovering ? acked != 0 : third && !tcb->timed_out)
		lose_first(tcb, acked ? CAUSE_PARTIAL_ACK :
					CAUSE_FAST_RETRANSMIT);
}

/*
 * RFC 6937: so much may go out for what has been delivered that at the end of
 * the episode cwnd is ssthresh; never so much that a burst follows.
 */
static void reduce(struct tcb *tcb, u32 delivered, bool progress)
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
	/* The first repetition goes out in any case. */
	n = max_t(s64, n, prr->sent ? 0 : tcb->snd.mss);
	/* Text may be delivered twice, if a record was short in between. */
	tcb->cc.cwnd = max_t(u32, min(pipe + (u32)n, prior), tcb->snd.mss);
}

/* RFC 8985 section 7.4: the probe was needed, so something was lost. */
static void mended_by_probe(struct tcb *tcb, struct actions *act)
{
	act->cause = CAUSE_TAIL_MENDED;
	if (has_slowed(tcb, tcb->rack.probe_end - 1))
		return;
	toytcp_congestion_lost(tcb);
	tcb->cc.cwnd = min(tcb->cc.cwnd, tcb->cc.ssthresh);
}

/* What is lost by now; returns when to look again, see toytcp_rack_detect(). */
static u32 detect(struct tcb *tcb, u32 acked, u64 now, struct actions *act)
{
	u32 lost = tcb->board.lost, wait = 0;

	if (!tcb->sack_ok)
		detect_by_count(tcb, acked);
	else if (tcb->board.sacked || in_episode(tcb))
		wait = toytcp_rack_detect(tcb, now);
	if (tcb->board.lost > lost && !in_episode(tcb))
		enter(tcb, act);
	return wait;
}

/* Takes in what the ACK says of single ranges. */
static void take_news(struct tcb *tcb, const struct segment *seg, u32 acked,
		      bool duplicate, struct delivery *d, struct actions *act)
{
	bool twice = tcb->sack_ok && seg->sacks && is_duplicate_block(tcb, seg);

	toytcp_scoreboard_acked(&tcb->board, tcb->snd.una, d);
	if (!tcb->sack_ok) {
		count_duplicates(tcb, acked, duplicate, d);
		return;
	}
	if (seg->sacks)
		take_blocks(tcb, seg, d);
	if (d->reordered && !tcb->rack.reordered)
		act->notes |= NOTE_REORDERED;
	toytcp_rack_update(tcb, d);
	if (twice)
		take_duplicate(tcb, seg->sack->to - seg->sack->from, act);
	/* F-RTO, RFC 5682 section 3: what had been sent before arrives. */
	if (tcb->timed_out && tcb->frto && d->original)
		undo(tcb, CAUSE_FRTO, act);
	if (acked && in_episode(tcb) && echoes_original(tcb, seg)) {
		toytcp_rack_widen(tcb);
		undo(tcb, CAUSE_EIFEL, act);
	}
}

/**
 * toytcp_recovery_acked() - an acknowledgement arrived
 * @tcb: the connection; snd.una has moved on already
 * @seg: the segment; its SEG.ACK is snd.una
 * @acked: bytes by which snd.una has moved on
 * @duplicate: a duplicate ACK as RFC 5681 defines it
 * @now: microseconds
 * @act: @notes are added to it; @cause and @sends may change
 *
 * Return: the bytes that may let the congestion window grow.
 */
u32 toytcp_recovery_acked(struct tcb *tcb, const struct segment *seg,
			  u32 acked, bool duplicate, u64 now,
			  struct actions *act)
{
	struct delivery d = {
		.now = now,
		.min_rtt = tcb->rack.min_rtt,
		.recover = tcb->cc.recover,
		.highest = toytcp_scoreboard_highest(&tcb->board,
						     tcb->snd.una - acked),
	};
	u32 before = tcb->board.lost, wait;
	bool reducing = tcb->cc.recovering;

	take_news(tcb, seg, acked, duplicate, &d, act);
	if (in_episode(tcb) && !seq_before(tcb->snd.una, tcb->cc.recover))
		leave(tcb);
	else if (toytcp_rack_probed(tcb, false))
		mended_by_probe(tcb, act);
	follow(tcb);
	wait = detect(tcb, acked, now, act);
	if (tcb->cc.recovering)
		reduce(tcb, d.bytes, acked && tcb->board.lost <= before);
	if (tcb->sack_ok)
		toytcp_rack_arm(tcb, now, wait);
	if (tcb->cc.recovering)
		return 0;
	/* What was SACKed in the episode had its share in PRR. */
	return reducing ? min(acked, d.bytes) : acked;
}

/**
 * toytcp_recovery_loss_timer() - TIMER_LOSS went off
 * @tcb: the connection
 * @now: microseconds
 * @act: @notes are added to it; @cause and @sends may change
 */
void toytcp_recovery_loss_timer(struct tcb *tcb, u64 now, struct actions *act)
{
	u32 wait;

	if (toytcp_rack_probe(tcb)) {
		act->notes |= NOTE_PROBE;
		act->cause = CAUSE_TAIL_LOSS;
		return;
	}
	act->cause = CAUSE_RACK;
	wait = detect(tcb, 0, now, act);
	if (tcb->cc.recovering)
		reduce(tcb, 0, false);
	if (wait)	/* but no second probe: the timeout must come */
		toytcp_rack_arm(tcb, now, wait);
}

/**
 * toytcp_recovery_again() - all that is outstanding is to be sent again
 * @tcb: the connection
 * @cause: the clause that asks for it
 *
 * But for what is known to have arrived; unless that begins where nothing is
 * acknowledged: then the peer has thrown it away (RFC 2018 section 8).
 */
void toytcp_recovery_again(struct tcb *tcb, enum cause cause)
{
	struct scoreboard *b = &tcb->board;
	struct sent_record *r, *next;

	if (b->first && b->first->flags & RECORD_SACKED)
		toytcp_scoreboard_clear(b, RECORD_SACKED);
	for (r = b->first; r; r = next) {
		next = r->next;
		if (!(r->flags & (RECORD_SACKED | RECORD_LOST)))
			toytcp_scoreboard_lose(b, r, cause);
	}
}

/**
 * toytcp_recovery_timeout() - the retransmission timer went off
 * @tcb: the connection
 * @cause: the clause by which what is outstanding is sent again
 *
 * The episode that begins may turn out to have been for nothing, too.
 */
void toytcp_recovery_timeout(struct tcb *tcb, enum cause cause)
{
	if (!tcb->rtt.backoff)
		tcb->frto = tcb->sack_ok && !in_episode(tcb);
	toytcp_congestion_timeout(tcb);
	begin_episode(tcb);
	tcb->cc.recovering = 0;
	tcb->cc.dupacks = 0;
	tcb->timed_out = 1;
	toytcp_recovery_again(tcb, cause);
}
