// SPDX-License-Identifier: GPL-2.0
/*
 * Path MTU black holes: large packets are lost, and so is the ICMP error. After
 * RFC 4821 section 7.7.
 *
 * What times out again and again, and is more than fits every path, goes out in
 * smaller segments. Once one got through, the former size is tried again: at
 * once if a smaller one was lost, too, for that was an outage; else after a
 * while, and after each trial that fails later and later; but not while a loss
 * would cost a timeout that is still backed off. A trial ends with a large
 * segment that arrives, or with the first timeout.
 */
#include "internal.h"
#include "seq.h"

/* Every second timeout: each size gets two chances. */
static bool is_suspicious(const struct tcb *tcb)
{
	u32 text = tcb->snd.nxt - tcb->fin_sent - tcb->snd.una;
	u32 before = tcb->tries + 1u - BLACKHOLE_TIMEOUTS;

	return tcb->tries + 1 >= BLACKHOLE_TIMEOUTS && before % 2 == 0 &&
	       text + toytcp_tcb_overhead(tcb) > MSS_DEFAULT &&
	       toytcp_tcb_mss(tcb) > MSS_DEFAULT;
}

static bool is_on_trial(const struct tcb *tcb)
{
	return tcb->snd.mss_former && tcb->mss_proven &&
	       toytcp_tcb_mss(tcb) > tcb->mss_proven;
}

/*
 * The retransmission timer went off. tcb.tries does not count this one yet.
 * Returns whether segments are smaller from now on.
 */
bool toytcp_blackhole_timeout(struct tcb *tcb)
{
	u32 mss = toytcp_tcb_mss(tcb);

	if (is_on_trial(tcb)) {
		toytcp_tcb_set_mss(tcb, tcb->mss_proven);
		return true;
	}
	tcb->mss_innocent = !is_suspicious(tcb);
	if (tcb->mss_innocent)
		return false;
	if (!tcb->snd.mss_former) {
		tcb->snd.mss_former = mss;
		tcb->snd.mss_trials = 0;
	}
	tcb->mss_proven = 0;
	toytcp_tcb_set_mss(tcb, mss > BLACKHOLE_MSS ? BLACKHOLE_MSS :
						      MSS_DEFAULT);
	return true;
}

/* Something new was acknowledged; the scoreboard still has it. */
void toytcp_blackhole_acked(struct tcb *tcb, u64 now)
{
	const struct sent_record *r = tcb->board.first;
	u32 wait = BLACKHOLE_WAIT << tcb->snd.mss_trials;

	if (!tcb->snd.mss_former)
		return;
	if (is_on_trial(tcb)) {
		if (r && (s32)((u32)r->sent - tcb->mss_since) >= 0 &&
		    seq_after(tcb->snd.una, r->seq + tcb->mss_proven))
			tcb->snd.mss_former = 0;
		return;
	}
	if (!tcb->mss_proven) {
		tcb->mss_proven = toytcp_tcb_mss(tcb);
		tcb->mss_since = (u32)now - (tcb->mss_innocent ? wait : 0);
	}
	if (tcb->rtt.backoff || (u32)now - tcb->mss_since < wait)
		return;
	toytcp_tcb_set_mss(tcb, tcb->snd.mss_former);
	tcb->mss_since = (u32)now;
	tcb->snd.mss_trials += tcb->snd.mss_trials < BLACKHOLE_DOUBLINGS;
}
