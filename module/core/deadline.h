/* SPDX-License-Identifier: GPL-2.0 */
/* What a connection may wait for, and how the time of it is kept. */
#ifndef TOYTCP_CORE_DEADLINE_H
#define TOYTCP_CORE_DEADLINE_H

#include "limits.h"

/**
 * enum tcb_timer - what a connection may wait for
 * @TIMER_RTO: the retransmission timeout
 * @TIMER_PERSIST: the time to probe a closed window, or to send less than a
 *	full segment after all
 * @TIMER_LOSS: the reordering timer or the probe timeout of RFC 8985
 * @TIMER_ACK: a delayed acknowledgement
 * @TIMER_IDLE: keep-alive; for an orphan in FIN-WAIT-2, the end of patience
 * @TIMERS: how many there are; toytcp_deadline_next() relies on their order
 */
enum tcb_timer {
	TIMER_RTO,
	TIMER_PERSIST,
	TIMER_LOSS,
	TIMER_ACK,
	TIMER_IDLE,
	TIMERS,
};

/*
 * Deadlines are 32 bits of a clock that ticks every 2^5 us. Half of its range,
 * 19 hours, spans the longest wait, 2^16 seconds; the kernel's timers are
 * coarser.
 */
#define TICK_SHIFT		5
#define DEADLINE_BASE_SHIFT	20
#define BASE_TICKS_SHIFT	(DEADLINE_BASE_SHIFT - TICK_SHIFT)
#define DEADLINE_BASE_STALE	(1u << 14)	/* 4.8 hours */
static_assert((65536ull * SECOND >> TICK_SHIFT) + (2u << 15) < 1u << 31,
	      "a deadline may be too far away");

#endif /* TOYTCP_CORE_DEADLINE_H */
