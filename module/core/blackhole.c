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

static u32 current_mss(const struct tcb *tcb)
{
	return tcb->snd.mss + toytcp_tcb_overhead(tcb);
}

static u32 next_smaller(const struct tcb *tcb)
{
	if (tcb->mss_proven && tcb->mss_proven < current_mss(tcb))
		return tcb->mss_proven;
	return current_mss(tcb) > BLACKHOLE_MSS ? BLACKHOLE_MSS : MSS_DEFAULT;
}

/* Every second timeout: each size gets two chances. */
static bool is_suspicious(const struct tcb *tcb)
{
	u32 text = tcb->snd.nxt - tcb->fin_sent - tcb->snd.una;
	u32 before = tcb->tries + 1u - BLACKHOLE_TIMEOUTS;

	return tcb->tries + 1 >= BLACKHOLE_TIMEOUTS && before % 2 == 0 &&
	       text + toytcp_tcb_overhead(tcb) > MSS_DEFAULT &&
	       current_mss(tcb) > MSS_DEFAULT;
}

/*
 * The retransmission timer went off. tcb.tries does not count this one yet.
 * Returns whether segments are smaller from now on.
 */
bool toytcp_blackhole_timeout(struct tcb *tcb)
{
	if (!is_suspicious(tcb))
		return false;
	if (!tcb->mss_proven && !tcb->mss_former)
		tcb->mss_former = current_mss(tcb);
	toytcp_tcb_set_mss(tcb, next_smaller(tcb));
	return true;
}

/* Something new was acknowledged. */
void toytcp_blackhole_acked(struct tcb *tcb)
{
	if (!tcb->mss_former)
		return;
	tcb->mss_proven = current_mss(tcb);
	toytcp_tcb_set_mss(tcb, tcb->mss_former);
	tcb->mss_former = 0;
}

/*
 * A router says that segments were too large. snd.mss is lowered already.
 * Retransmit everything outstanding in smaller segments; that is no sign of
 * congestion (RFC 1191).
 */
void toytcp_blackhole_reported(struct tcb *tcb)
{
	toytcp_recovery_lose_all(tcb, CAUSE_ICMP);
}
