/* SPDX-License-Identifier: GPL-2.0 */
/* Round-trip estimation: the state of rtt.c. */
#ifndef TOYTCP_CORE_RTT_H
#define TOYTCP_CORE_RTT_H

#include "port.h"

/**
 * struct round_trip - RFC 6298's state
 * @srtt: smoothed round-trip time, microseconds; 0 before the first sample
 * @rttvar: its variation, microseconds
 * @rto: retransmission timeout before backing off, microseconds
 * @seq: the sample under way ends when this number is acknowledged
 * @sent: when that number was sent, microseconds, the low 32 bits
 * @timing: a sample is under way
 * @margin: by how much @rto exceeds @srtt, at least, milliseconds; 0: RTO_MARGIN
 * @backoff: how often the timer has doubled
 */
struct round_trip {
	u32 srtt;
	u32 rttvar;
	u32 rto;
	u32 seq;
	u32 sent;
	u16 margin;
	u8 timing : 1;
	u8 backoff;
};

#endif /* TOYTCP_CORE_RTT_H */
