/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the core offer each other and nobody else: no shell
 * includes this. Each function's comment stands where it is defined.
 */
#ifndef TOYTCP_CORE_INTERNAL_H
#define TOYTCP_CORE_INTERNAL_H

#include "core.h"

void toytcp_tcb_set_state(struct tcb *tcb, u8 state, enum cause cause,
			  struct actions *act);
void toytcp_tcb_fail(struct tcb *tcb, int error, enum cause cause,
		     struct actions *act);

bool toytcp_arrives_acceptable(const struct segment *seg, u32 nxt, u32 wnd);
u32 toytcp_emit_number(const struct tcb *tcb);

u8 toytcp_window_scale(u32 rcv_buf);
u32 toytcp_window_growth(const struct tcb *tcb);
u16 toytcp_window_announce(struct tcb *tcb);

void toytcp_delack_text(struct tcb *tcb, const struct segment *seg, u64 now);
void toytcp_delack_quick(struct tcb *tcb, bool on);
void toytcp_delack_read(struct tcb *tcb);
void toytcp_delack_expire(struct tcb *tcb);
void toytcp_delack_text_sent(struct tcb *tcb, u32 n);
void toytcp_delack_sent(struct tcb *tcb);

/** toytcp_delack_owe() - an ACK goes out at once, by this clause */
static inline void toytcp_delack_owe(struct tcb *tcb, enum cause cause)
{
	tcb->ack_now = cause;
}

void toytcp_rtt_start(struct round_trip *rtt, u32 seq, u64 now);
void toytcp_rtt_acked(struct round_trip *rtt, u32 ack, u64 now);
void toytcp_rtt_echoed(struct round_trip *rtt, u32 ms);
void toytcp_rtt_sample(struct round_trip *rtt, u32 us);

void toytcp_congestion_init(struct tcb *tcb);
u32 toytcp_congestion_peak(struct tcb *tcb, u32 una, u32 flight);
void toytcp_congestion_acked(struct tcb *tcb, u32 acked, u32 peak, u64 now);
void toytcp_congestion_lost(struct tcb *tcb);
void toytcp_congestion_undo(struct tcb *tcb);
bool toytcp_congestion_timeout(struct tcb *tcb);
void toytcp_congestion_idle(struct tcb *tcb);

u32 toytcp_recovery_acked(struct tcb *tcb, const struct segment *seg,
			  u32 acked, bool duplicate, u64 now,
			  struct actions *act);
void toytcp_recovery_loss_timer(struct tcb *tcb, u64 now, struct actions *act);
void toytcp_recovery_timeout(struct tcb *tcb, u64 now, enum cause cause);
void toytcp_recovery_lose_all(struct tcb *tcb, enum cause cause);
void toytcp_recovery_retransmitted(struct tcb *tcb, u32 from, u32 n, u64 now);
u32 toytcp_recovery_pipe(const struct tcb *tcb);

void toytcp_rack_update(struct tcb *tcb, const struct delivery *d);
void toytcp_rack_widen(struct tcb *tcb);
void toytcp_rack_narrow(struct tcb *tcb);
u32 toytcp_rack_detect(struct tcb *tcb, u64 now);
void toytcp_rack_arm(struct tcb *tcb, u64 now, u32 wait);
bool toytcp_rack_probe(struct tcb *tcb);
bool toytcp_rack_probe_acked(struct tcb *tcb, bool duplicate);
void toytcp_rack_probe_duplicate(struct tcb *tcb);
u32 toytcp_rack_limit(const struct tcb *tcb);

bool toytcp_blackhole_timeout(struct tcb *tcb);
void toytcp_blackhole_acked(struct tcb *tcb, u64 now);

bool toytcp_ecn_agrees(const struct segment *syn);
void toytcp_ecn_arrives(struct tcb *tcb, const struct segment *seg,
			struct actions *act);
void toytcp_ecn_mark(struct tcb *tcb, struct segment *seg);
void toytcp_urgent_arrives(struct tcb *tcb, const struct segment *seg,
			   struct actions *act);

void toytcp_timeout_keepalive(struct tcb *tcb, u64 now);
void toytcp_deadline_limit(struct tcb *tcb, u64 now);
void toytcp_deadline_restart(struct tcb *tcb, u64 now);
void toytcp_deadline_sent(struct tcb *tcb, u64 now);
void toytcp_deadline_persist(struct tcb *tcb, u64 now, u32 wait);
void toytcp_deadline_window_closed(struct tcb *tcb);
void toytcp_deadline_loss(struct tcb *tcb, u64 now, u32 wait);

void toytcp_deadline_refresh(struct tcb *tcb, u64 now);
/** toytcp_deadline_tick() - a time in ticks, rounded up; never 0 */
static inline u32 toytcp_deadline_tick(u64 at)
{
	u32 tick = (u32)((at + (1u << TICK_SHIFT) - 1) >> TICK_SHIFT);

	return tick + !tick;
}

/** toytcp_deadline_set() - @timer is to go off @at, microseconds; it is @now */
static inline void toytcp_deadline_set(struct tcb *tcb, enum tcb_timer timer,
				       u64 at, u64 now)
{
	u32 base = (u32)(now >> DEADLINE_BASE_SHIFT);

	if (base - tcb->deadline_base > DEADLINE_BASE_STALE)
		toytcp_deadline_refresh(tcb, now);
	tcb->deadline[timer] = toytcp_deadline_tick(at);
	tcb->deadline_base = base;
}

#endif /* TOYTCP_CORE_INTERNAL_H */
