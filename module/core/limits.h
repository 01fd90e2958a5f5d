/* SPDX-License-Identifier: GPL-2.0 */
/* Limits and constants of the protocol: each stands here and nowhere else. */
#ifndef TOYTCP_CORE_LIMITS_H
#define TOYTCP_CORE_LIMITS_H

#include "port.h"

#define MSEC		1000u		/* microseconds */
#define SECOND		1000000u	/* microseconds */

#define RTO_INITIAL	(1 * SECOND)	/* RFC 6298 (2.1) */
/*
 * RFC 6298 (2.4) says SHOULD one second. Like Linux and the BSDs we go lower,
 * but stay this much above the round trip, however steady that is: the peer
 * may delay its ACK. It stands for G, the clock's granularity, in (2.3).
 */
#define RTO_MARGIN	(200 * MSEC)
#define RTO_MARGIN_MAX	60000		/* milliseconds: a route's rto_min */
#define RTO_MAX		(120 * SECOND)	/* RFC 6298 (2.5): at least 60 s */
/* RFC 6298 (5.7): after a retransmitted SYN, data starts at three seconds. */
#define RTO_AFTER_SYN	(3 * SECOND)

#define REDIAL_DELAY	(10 * MSEC)	/* a SYN behind our reset, as Linux */
#define DELAYED_ACK	(40 * MSEC)	/* RFC 9293 MUST-40: below 0.5 s */
#define STREAM_ACK	(4 * MSEC)	/* the same, not interactive */
#define STREAM_SEGMENTS	16		/* so much text, none of ours between */
#define STREAM_SHARE	8		/* a share of rcv.buf, worth an ACK */
#define WINDOW_SHARE	16		/* the same, where it was full */
#define QUICK_ACKS	8		/* undelayed ACKs at the start */
#define OVERRIDE	(200 * MSEC)	/* RFC 9293 3.8.6.2.1: 0.1 to 1 s */
#define DEFER_RTT_MAX	(10 * MSEC)	/* short enough to wait for an ACK */
#define SMALLS_MOST	10	/* in a row, with TCP_NODELAY: at most 15 */
#define BLACKHOLE_TIMEOUTS 3		/* in a row, of large segments */
#define BLACKHOLE_MSS	984		/* fits 1024, RFC 4821 section 7.2 */
#define BLACKHOLE_WAIT	(5 * SECOND)	/* until the former size is tried */
#define BLACKHOLE_DOUBLINGS 7		/* of that: RFC 8899 5.1.1, 10 min */
/* RFC 7323 section 5.5: 24 days, after which TS.Recent says nothing. */
#define PAWS_IDLE	((u32)(24ull * 86400 * SECOND >> 20))	/* 2^20 us */
/*
 * RFC 8985 section 7.2: a peer may delay its ACK of a last segment, and timers
 * are late; below PROBE_MIN the host may just be busy.
 */
#define PROBE_DELAY	(100 * MSEC)
#define PROBE_MIN	(20 * MSEC)
#define CHALLENGE_GAP	(500 * MSEC)	/* between ACKs of useless segments */

/* R2 as a number of retransmissions: 1+2+4...+64 s, and RTO_MAX at last. */
#define SYN_RETRIES	7		/* RFC 9293 MUST-23: at least 3 min */
#define DATA_RETRIES	15		/* RFC 9293 SHLD-11: at least 100 s */
#define ORPHAN_RETRIES	8
/* R1: after so many, the path may be to blame (RFC 9293 SHLD-10). */
#define ADVISE_RETRIES	3

#define KEEP_IDLE	7200		/* seconds, RFC 9293 MUST-28 */
#define KEEP_INTERVAL	75		/* seconds */
#define KEEP_COUNT	9
#define FIN_WAIT_2_MAX	60		/* seconds an orphan waits for a FIN */

#define DUPACKS		3		/* RFC 5681 section 3.2 */
#define INITIAL_WINDOW	10		/* segments, RFC 6928 */
#define CWND_MAX	(1u << 30)	/* bytes; keeps sums within 32 bits */
#define WINDOW_MAX	(1u << 30)	/* bytes, RFC 7323 section 2.3 */

#endif /* TOYTCP_CORE_LIMITS_H */
