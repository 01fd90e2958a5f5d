/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A sender of the textbook, to which the network does on paper what it did to
 * an end: paper.c. The numbers are the RFCs' or, where these leave a choice,
 * those that Documentation/protocol.rst promises; the core's are not asked.
 */
#ifndef TOYTCP_SIM_PAPER_H
#define TOYTCP_SIM_PAPER_H

#include "sim.h"

#define MS		1000.0		/* microseconds */
#define FIRST_RTO	(1000 * MS)	/* RFC 6298 (2.1) */
#define SYN_LOST_RTO	(3000 * MS)	/* (5.7) */
#define RTO_LEAST	(200 * MS)	/* for G in (2.3) */
#define ACK_DELAY	(40 * MS)	/* RFC 9293 MUST-40 */
#define PUSH_DELAY	(200 * MS)	/* 3.8.6.2.1: 0.1 to 1 s */
#define PROBE_ALONE	(100 * MS)	/* RFC 8985 7.2: max_ack_delay */
#define FIRST_WINDOW	10		/* segments, RFC 6928 */

/**
 * struct paper - one way of a connection, as the sender of the textbook has it
 * @trip: the round trip without a queue of its own, microseconds
 * @rate: its share of the link, bytes a microsecond
 * @rto: retransmission timeout, microseconds
 * @probe: after so long a tail loss probe leaves, microseconds
 * @mss: text of a segment, bytes
 * @window: what it may have on its way beside cwnd: the receiver's buffer now
 * @window_most: what that may grow to
 * @sack: both ends speak SACK
 * @undoes: what was for nothing is noticed: by timestamps (RFC 3522) or DSACK
 *	(RFC 3708)
 * @cwnd: congestion window, bytes
 * @ssthresh: slow-start threshold, bytes
 * @alpha: segments that cwnd grows by in a round trip, and
 * @beta: what a loss leaves of it
 * @time: so far, microseconds
 */
struct paper {
	double trip, rate, rto, probe, mss, window, window_most;
	bool sack, undoes;
	double cwnd, ssthresh, alpha, beta, time;
};

void paper_set_out(struct paper *p, struct endpoint *e, bool worst);
void paper_transfer(struct paper *p, const struct endpoint *e);
bool path_changes(const struct world *w, enum knob knob);
double path_worse(const struct world *w, enum knob knob, u64 end);

#endif /* TOYTCP_SIM_PAPER_H */
