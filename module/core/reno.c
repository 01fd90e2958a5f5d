// SPDX-License-Identifier: GPL-2.0
/* Congestion avoidance, RFC 5681 section 3.1. */
#include "algorithm.h"

/* RFC 5681 (3), by bytes: one segment for each window acknowledged. */
static void acked(struct tcb *tcb, u32 bytes, u64 now)
{
	(void)now;
	if (toytcp_congestion_window_acked(tcb, bytes))
		toytcp_congestion_grow(tcb, tcb->snd.mss);
}

/* RFC 5681 (4) */
static u32 ssthresh(struct tcb *tcb, u32 flight)
{
	(void)tcb;
	return flight / 2;
}

const struct congestion_ops toytcp_reno = {
	.name		= "reno",
	.acked		= acked,
	.ssthresh	= ssthresh,
};
