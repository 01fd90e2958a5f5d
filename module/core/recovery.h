/* SPDX-License-Identifier: GPL-2.0 */
/* Loss recovery: the state of rack.c and of recovery.c. */
#ifndef TOYTCP_CORE_RECOVERY_H
#define TOYTCP_CORE_RECOVERY_H

#include "port.h"

/**
 * struct rack - RFC 8985's state
 * @xmit_ts: of all segments delivered, the latest time of sending, microseconds
 * @end_seq: one past the last number of that segment
 * @rtt: its round-trip time, microseconds
 * @min_rtt: the lowest recent round-trip time, microseconds; 0: none yet
 * @min_since: when that was, microseconds, the low 32 bits
 * @probe_end: TLP.end_seq: SND.NXT when the probe was sent, if @probing
 * @reo_wnd_steps: RACK.reo_wnd_mult - 1: by how many quarters of @min_rtt the
 *	reordering window is wider than the first
 * @reo_wnd_persist: loss episodes until @reo_wnd_steps becomes 0
 * @reordering_seen: the network has delivered segments out of order
 * @reo_wnd_widened: @reo_wnd_steps has grown in this episode
 * @probing: a tail loss probe is under way
 */
struct rack {
	u64 xmit_ts;
	u32 end_seq;
	u32 rtt;
	u32 min_rtt;
	u32 min_since;
	u32 probe_end;
	u8 reo_wnd_steps;
	u8 reo_wnd_persist;
	u8 reordering_seen : 1;
	u8 reo_wnd_widened : 1;
	u8 probing : 1;
};

/**
 * struct prr - RFC 6937's state for the current loss episode
 * @delivered: prr_delivered, bytes
 * @sent: prr_out, bytes
 */
struct prr {
	u32 delivered;
	u32 sent;
};

/**
 * struct undo - was the last reduction of cwnd for nothing?
 * @retransmitted: bytes retransmitted since, and not reported as duplicates
 *	(DSACK, RFC 2883)
 * @from: the lowest number of those ...
 * @to: ... and one past the highest
 * @stamp: RFC 3522's RetransmitTS: TSval of the first of them
 */
struct undo {
	u32 retransmitted;
	u32 from;
	u32 to;
	u32 stamp;
};

#endif /* TOYTCP_CORE_RECOVERY_H */
