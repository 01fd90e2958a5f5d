// SPDX-License-Identifier: GPL-2.0
/*
 * Path MTU black holes: large packets are lost, and so is the ICMP error. After
 * RFC 4821 section 7.7.
 *
 * What times out again and again, and is more than fits every path, goes out in
 * smaller segments. It may have been a mere outage: so once a small one got
 * through, the former size is tried again, but only once in a connection's
 * life.
 */
#include "internal.h"

/* Every second timeout: each size gets two chances. */
static bool is_suspicious(const struct tcb *tcb)
{
	u32 text = tcb->snd.nxt - tcb->fin_sent - tcb->snd.una;
	u32 before = tcb->tries + 1u - BLACKHOLE_TIMEOUTS;

	return tcb->tries + 1 >= BLACKHOLE_TIMEOUTS && before % 2 == 0 &&
	       text + toytcp_tcb_overhead(tcb) > MSS_DEFAULT &&
	       toytcp_tcb_mss(tcb) > MSS_DEFAULT;
}

/*
 * The retransmission timer went off. tcb.tries does not count this one yet.
 * Returns whether segments are smaller from now on.
 */
bool toytcp_blackhole_timeout(struct tcb *tcb)
{
	u32 mss = toytcp_tcb_mss(tcb);

	if (!is_suspicious(tcb))
		return false;
	if (!tcb->mss_proven && !tcb->mss_former)
		tcb->mss_former = mss;
	if (tcb->mss_proven && tcb->mss_proven < mss)
		mss = tcb->mss_proven;
	else
		mss = mss > BLACKHOLE_MSS ? BLACKHOLE_MSS : MSS_DEFAULT;
	toytcp_tcb_set_mss(tcb, mss);
	return true;
}

/* Something new was acknowledged. */
void toytcp_blackhole_acked(struct tcb *tcb)
{
	if (!tcb->mss_former)
		return;
	tcb->mss_proven = toytcp_tcb_mss(tcb);
	toytcp_tcb_set_mss(tcb, tcb->mss_former);
	tcb->mss_former = 0;
}
