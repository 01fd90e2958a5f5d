/* SPDX-License-Identifier: GPL-2.0 */
/* Congestion control: the state of congestion.c and of the algorithms. */
#ifndef TOYTCP_CORE_CONGESTION_H
#define TOYTCP_CORE_CONGESTION_H

#include "port.h"

/**
 * struct congestion - RFC 5681's and RFC 6582's state
 * @cwnd: congestion window, bytes
 * @ssthresh: slow-start threshold, bytes
 * @recover: (RFC 6582) SND.NXT when loss was last noticed; with SACK, once
 *	recovery is over, SND.NXT then
 * @prior_cwnd: @cwnd before the last reduction, bytes, for undo
 * @prior_ssthresh: the same of @ssthresh
 * @acked: bytes acknowledged, in congestion avoidance, of the present window
 * @w_max: (RFC 9438, like the next three) cwnd at the last congestion, bytes; 0
 *	if unknown
 * @w_est: Reno's estimated cwnd, bytes
 * @epoch: when congestion avoidance began, microseconds, the low 32 bits
 * @k: how long after that cwnd reaches @w_max again, milliseconds
 * @peak: the largest FlightSize of the present round trip, bytes
 * @peak_end: SND.NXT when that round trip began
 * @dupacks: duplicate ACKs in a row
 * @recovering: fast recovery is under way, until @recover is acknowledged
 * @avoiding: congestion avoidance has begun: @acked, @epoch... are valid
 * @algorithm: which, see toytcp_congestion_find()
 * @initial: the initial window, segments; 0: RFC 6928's
 */
struct congestion {
	u32 cwnd;
	u32 ssthresh;
	u32 recover;
	u32 prior_cwnd;
	u32 prior_ssthresh;
	u32 acked;
	u32 w_max;
	u32 w_est;
	u32 epoch;
	u32 k;
	u32 peak;
	u32 peak_end;
	u16 dupacks;
	u8 recovering : 1;
	u8 avoiding : 1;
	u8 algorithm : 2;
	u8 initial;
};

#endif /* TOYTCP_CORE_CONGESTION_H */
