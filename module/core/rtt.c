// SPDX-License-Identifier: GPL-2.0
/*
 * Round-trip estimation and the retransmission timeout: RFC 6298.
 *
 * One number at a time is timed. Karn's rule (RFC 9293 MUST-18): any
 * retransmission ends the sample, and the backed-off timeout stays until there
 * is a new one.
 */
#include "internal.h"
#include "seq.h"

#define BACKOFF_MAX	10	/* 200 ms << 10 is beyond RTO_MAX already */

/* Begin a sample unless one is under way. It ends when @seq is acknowledged. */
void toytcp_rtt_start(struct round_trip *rtt, u32 seq, u64 now)
{
	if (rtt->timing)
		return;
	rtt->timing = 1;
	rtt->seq = seq;
	rtt->sent = (u32)now;
}

/*
 * Take a measurement in: RFC 6298 (2.2) and (2.3). @us: from sending to
 * acknowledgement.
 */
void toytcp_rtt_sample(struct round_trip *rtt, u32 us)
{
	u32 deviation, margin = rtt->margin ? rtt->margin * MSEC : RTO_MARGIN;

	us = clamp_t(u32, us, 1, RTO_MAX);
	if (!rtt->srtt) {
		rtt->srtt = us;
		rtt->rttvar = us / 2;
	} else {
		deviation = us > rtt->srtt ? us - rtt->srtt : rtt->srtt - us;
		rtt->rttvar = rtt->rttvar - rtt->rttvar / 4 + deviation / 4;
		rtt->srtt = max_t(u32, 1, rtt->srtt - rtt->srtt / 8 + us / 8);
	}
	rtt->rto = rtt->srtt + max_t(u32, margin, 4 * rtt->rttvar);
	rtt->rto = min_t(u32, rtt->rto, RTO_MAX);
	rtt->backoff = 0;
}

/* End the sample if what it timed is acknowledged. */
void toytcp_rtt_acked(struct round_trip *rtt, u32 ack, u64 now)
{
	if (!rtt->timing || seq_before(ack, rtt->seq))
		return;
	rtt->timing = 0;
	toytcp_rtt_sample(rtt, (u32)now - rtt->sent);
}

/*
 * A sample from the timestamp of an ACK for new data. Called after
 * toytcp_rtt_acked(); @ms: milliseconds since what the peer echoes was sent.
 * Our own clock is finer, and one sample per round trip is enough (RFC 7323
 * section 4.2). But an echo tells a retransmission from the original: after a
 * timeout it ends the backoff, which Karn's rule alone would prolong.
 */
void toytcp_rtt_echoed(struct round_trip *rtt, u32 ms)
{
	if (rtt->backoff && !rtt->timing && ms <= RTO_MAX / MSEC)
		toytcp_rtt_sample(rtt, max_t(u32, ms, 1) * MSEC);
}

/*
 * The timeout in force: RFC 6298 (5.5) backs it off. Returns microseconds, at
 * most RTO_MAX.
 */
u32 toytcp_rtt_timeout(const struct round_trip *rtt)
{
	u64 rto = (u64)rtt->rto << min_t(u8, rtt->backoff, BACKOFF_MAX);

	return min_t(u64, rto, RTO_MAX);
}
