// SPDX-License-Identifier: GPL-2.0
/*
 * Explicit Congestion Notification, RFC 3168: routers that are about to drop
 * mark instead. The receiver of a mark says so in each ACK (ECE) until the
 * sender says that it has slowed down (CWR).
 */
#include "internal.h"
#include "seq.h"

/* RFC 3168 section 6.1.1: both bits on a SYN, ECE alone on a SYN,ACK. */
bool toytcp_ecn_agrees(const struct segment *syn)
{
	u8 wanted = syn->ctl & CTL_ACK ? CTL_ECE : CTL_ECE | CTL_CWR;

	return (syn->ctl & (CTL_ECE | CTL_CWR)) == wanted;
}

/*
 * Section 6.1.2: once per window. CWR goes out even if a loss reduced cwnd.
 * Returns whether cwnd is reduced now.
 */
static bool slow_down(struct tcb *tcb, u32 ack)
{
	if (!seq_after(ack, tcb->ecn_high))
		return false;
	tcb->ecn_high = tcb->snd.nxt;
	tcb->ecn_reduced = 1;
	if (tcb->cc.recovering || tcb->timed_out) {
		tcb->undoable = 0;	/* the mark is real in any case */
		tcb->frto = FRTO_OFF;
		return false;
	}
	toytcp_congestion_lost(tcb);
	tcb->ecn_slowed = 1;
	tcb->cc.cwnd = min(tcb->cc.cwnd, tcb->cc.ssthresh);
	return true;
}

/*
 * The queue of this host has dropped something of ours. That is a mark that
 * needs no round trip, with ECN or without.
 */
void toytcp_ecn_local(struct tcb *tcb)
{
	slow_down(tcb, tcb->snd.una + 1);
}

/* What a segment says, either way: before its ACK is taken, if plausible. */
void toytcp_ecn_arrives(struct tcb *tcb, const struct segment *seg,
			struct actions *act)
{
	/* Numbers wrap: kept close to UNA, it never appears to be ahead. */
	if (seq_after(tcb->snd.una, tcb->ecn_high)) {
		tcb->ecn_high = tcb->snd.una - 1;
		tcb->ecn_slowed = 0;
	}
	if (!tcb->ecn)
		return;
	tcb->ecn_seen |= !!seg->ecn;
	/* Section 6.1.3. The first mark is acknowledged at once. */
	if (seg->len && seg->ctl & CTL_CWR)
		tcb->ecn_echo = 0;
	if (seg->len && seg->ecn == ECN_CE && !tcb->ecn_echo) {
		tcb->ecn_echo = 1;
		toytcp_delack_owe(tcb, CAUSE_MARK);
	}
	if (seg->ctl & CTL_ECE && slow_down(tcb, seg->ack))
		act->cause = CAUSE_ECE;
}

/* New text may be marked on its way, and nothing else: section 6.1.5. */
void toytcp_ecn_mark(struct tcb *tcb, struct segment *seg)
{
	if (!tcb->ecn || !seg->len)
		return;
	seg->ecn = ECN_ECT0;
	if (tcb->ecn_reduced)
		seg->ctl |= CTL_CWR;
	tcb->ecn_reduced = 0;
}
