// SPDX-License-Identifier: GPL-2.0
/*
 * Repairing losses without waiting for the timer: fast retransmit and
 * NewReno's fast recovery (RFC 5681 section 3.2, RFC 6582).
 */
#include "core.h"
#include "seq.h"

/*
 * RFC 6582 section 3.2, step 1: duplicate ACKs for what was outstanding when
 * loss was last noticed say nothing new.
 */
static bool fresh_loss(const struct tcb *tcb)
{
	return seq_after(tcb->snd.una, tcb->cc.recover);
}

/*
 * RFC 5681 section 3.2, steps 2 and 3: the three segments that caused the
 * duplicate ACKs have left the network.
 */
static void enter(struct tcb *tcb)
{
	toytcp_congestion_lost(tcb);
	tcb->cc.cwnd = tcb->cc.ssthresh + DUPACKS * tcb->snd.mss;
	tcb->cc.recover = tcb->snd.nxt;
	tcb->cc.recovering = 1;
	tcb->resend = 1;
	tcb->rtt.timing = 0;
	tcb->cause = CAUSE_FAST_RETRANSMIT;
}

/**
 * toytcp_recovery_duplicate() - a duplicate ACK arrived
 * @tcb: the connection
 */
void toytcp_recovery_duplicate(struct tcb *tcb)
{
	struct congestion *cc = &tcb->cc;

	if (cc->dupacks < 0xffff)
		cc->dupacks++;
	if (cc->recovering)	/* step 3: another segment has left */
		cc->cwnd = min_t(u32, cc->cwnd + tcb->snd.mss, CWND_MAX);
	else if (cc->dupacks == DUPACKS && fresh_loss(tcb))
		enter(tcb);
}

/**
 * toytcp_recovery_extra() - limited transmit, RFC 3042
 * @tcb: the connection
 *
 * The first two duplicate ACKs each let one new segment out, so that there is
 * something to cause a third.
 *
 * Return: bytes beyond cwnd.
 */
u32 toytcp_recovery_extra(const struct tcb *tcb)
{
	if (tcb->cc.recovering || tcb->cc.dupacks >= DUPACKS)
		return 0;
	return tcb->cc.dupacks * tcb->snd.mss;
}

/* RFC 6582 step 3, partial ACK: the next hole, and the window deflates. */
static void partial(struct tcb *tcb, u32 acked)
{
	struct congestion *cc = &tcb->cc;
	u32 mss = tcb->snd.mss;

	tcb->resend = 1;
	tcb->cause = CAUSE_PARTIAL_ACK;
	cc->cwnd -= min_t(u32, acked, cc->cwnd - mss);
	if (acked >= mss)
		cc->cwnd += mss;
}

/* RFC 6582 step 3, full ACK: option 1, so that no burst follows. */
static void leave(struct tcb *tcb)
{
	u32 flight = toytcp_tcb_flight(tcb), mss = tcb->snd.mss;

	tcb->cc.recovering = 0;
	tcb->cc.cwnd = min_t(u32, tcb->cc.ssthresh, max(flight, mss) + mss);
}

/**
 * toytcp_recovery_acked() - new data was acknowledged
 * @tcb: the connection; snd.una has moved on
 * @acked: bytes
 *
 * Return: the bytes that may let the congestion window grow.
 */
u32 toytcp_recovery_acked(struct tcb *tcb, u32 acked)
{
	tcb->cc.dupacks = 0;
	if (!tcb->cc.recovering)
		return acked;
	if (seq_before(tcb->snd.una, tcb->cc.recover))
		partial(tcb, acked);
	else
		leave(tcb);
	return 0;
}
