/* SPDX-License-Identifier: GPL-2.0 */
/* What algorithms of congestion control do not share; see congestion.c. */
#ifndef TOYTCP_CORE_ALGORITHM_H
#define TOYTCP_CORE_ALGORITHM_H

#include "internal.h"

struct congestion_ops {
	const char *name;	/* as TCP_CONGESTION has it */
	/*
	 * So many bytes were acknowledged, the window was full and slow start
	 * is over: let cwnd grow. Without cc.avoiding it is the first time
	 * after slow start, a decrease, or a while of less than full windows.
	 */
	void (*acked)(struct tcb *tcb, u32 acked, u64 now);
	/* Congestion: ssthresh after @flight; the caller raises it to 2 MSS. */
	u32 (*ssthresh)(struct tcb *tcb, u32 flight);
};

extern const struct congestion_ops toytcp_reno;
extern const struct congestion_ops toytcp_cubic;

static inline void toytcp_congestion_grow(struct tcb *tcb, u32 bytes)
{
	tcb->cc.cwnd = min_t(u32, tcb->cc.cwnd + bytes, CWND_MAX);
}

/*
 * Returns true once for each cwnd of bytes that was acknowledged; what is
 * beyond the last whole segment of it never goes out, and is not waited for.
 */
static inline bool toytcp_congestion_window_acked(struct tcb *tcb, u32 acked)
{
	struct congestion *cc = &tcb->cc;
	u32 window = cc->cwnd - cc->cwnd % tcb->snd.mss;

	cc->acked = acked + (cc->avoiding ? cc->acked : 0);
	if (cc->acked < window || !window)
		return false;
	cc->acked -= window;
	return true;
}

#endif /* TOYTCP_CORE_ALGORITHM_H */
