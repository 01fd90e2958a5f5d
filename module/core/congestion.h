/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an algorithm of congestion control has to say; congestion.c does what
 * all of them have in common.
 */
#ifndef TOYTCP_CORE_CONGESTION_H
#define TOYTCP_CORE_CONGESTION_H

#include "core.h"

/**
 * struct congestion_ops - congestion avoidance
 * @name: as TCP_CONGESTION has it
 * @acked: so many bytes were acknowledged, the window was full and slow start
 *	is over: let cwnd grow. If cc.avoiding is not set yet, this is the first
 *	time after slow start, a decrease, or a while of less than full windows
 * @ssthresh: the network is congested: what ssthresh becomes, of @flight bytes
 *	that were outstanding. The caller holds it to two segments at least
 */
struct congestion_ops {
	const char *name;
	void (*acked)(struct tcb *tcb, u32 acked, u64 now);
	u32 (*ssthresh)(struct tcb *tcb, u32 flight);
};

extern const struct congestion_ops toytcp_reno;
extern const struct congestion_ops toytcp_cubic;

void toytcp_congestion_grow(struct tcb *tcb, u32 bytes);
bool toytcp_congestion_window_acked(struct tcb *tcb, u32 acked);

#endif /* TOYTCP_CORE_CONGESTION_H */
