// SPDX-License-Identifier: GPL-2.0
/*
 * How much may be on its way: the congestion window of RFC 5681.
 *
 * All windows are in bytes.
 */
#include "core.h"

/* RFC 5681 (4): of FlightSize, not of cwnd, and at least two segments. */
static u32 half(const struct tcb *tcb, u32 flight)
{
	return max_t(u32, flight / 2, 2u * tcb->snd.mss);
}

/* RFC 6928: ten segments, and fewer bytes than that if they are very large. */
static u32 initial_window(u32 mss)
{
	return min_t(u32, INITIAL_WINDOW * mss, max_t(u32, 2 * mss, 14600));
}

static void grow(struct tcb *tcb, u32 bytes)
{
	tcb->cc.cwnd = min_t(u32, tcb->cc.cwnd + bytes, CWND_MAX);
}

/**
 * toytcp_congestion_init() - the initial window, once snd.mss is known
 * @tcb: the connection
 *
 * After a lost SYN it is one segment, RFC 5681 section 3.1.
 */
void toytcp_congestion_init(struct tcb *tcb)
{
	tcb->cc.cwnd = initial_window(tcb->snd.mss);
	if (tcb->syn_repeated)
		tcb->cc.cwnd = tcb->snd.mss;
	tcb->cc.ssthresh = CWND_MAX;
	tcb->cc.recover = tcb->snd.iss;
}

/**
 * toytcp_congestion_acked() - new data was acknowledged, and none is missing
 * @tcb: the connection
 * @acked: bytes
 * @flight: bytes outstanding before this ACK
 *
 * Slow start by the bytes acknowledged (RFC 5681 (2), with RFC 3465's limit
 * of what two segments cover left out: a super-segment is acknowledged as a
 * whole), congestion avoidance by one segment for each window (RFC 5681 (3)).
 * A window that was not used does not grow (RFC 7661 section 4.2).
 */
void toytcp_congestion_acked(struct tcb *tcb, u32 acked, u32 flight)
{
	struct congestion *cc = &tcb->cc;

	if (flight < cc->cwnd / 2)
		return;
	if (cc->cwnd < cc->ssthresh) {
		grow(tcb, min_t(u32, acked, cc->ssthresh - cc->cwnd));
		return;
	}
	cc->acked += acked;
	if (cc->acked >= cc->cwnd) {
		cc->acked -= cc->cwnd;
		grow(tcb, tcb->snd.mss);
	}
}

/**
 * toytcp_congestion_lost() - duplicate ACKs say that a segment was lost
 * @tcb: the connection, about to enter fast recovery
 *
 * RFC 5681 section 3.2, steps 2 and 3: the three segments that caused the
 * duplicate ACKs have left the network. What limited transmit sent beyond cwnd
 * does not count.
 */
void toytcp_congestion_lost(struct tcb *tcb)
{
	u32 flight = min(toytcp_tcb_flight(tcb), tcb->cc.cwnd);

	tcb->cc.ssthresh = half(tcb, flight);
	tcb->cc.cwnd = tcb->cc.ssthresh + DUPACKS * tcb->snd.mss;
	tcb->cc.acked = 0;
}

/**
 * toytcp_congestion_timeout() - the retransmission timer went off
 * @tcb: the connection; rtt.backoff is 0 the first time for a segment
 *
 * RFC 5681 section 3.1: the loss window is one segment; ssthresh is halved
 * once, not again each time that the same segment is repeated.
 */
void toytcp_congestion_timeout(struct tcb *tcb)
{
	if (!tcb->rtt.backoff)
		tcb->cc.ssthresh = half(tcb, toytcp_tcb_flight(tcb));
	tcb->cc.cwnd = tcb->snd.mss;
	tcb->cc.acked = 0;
}

/**
 * toytcp_congestion_idle() - nothing was sent for a while: RFC 5681 section 4.1
 * @tcb: the connection
 */
void toytcp_congestion_idle(struct tcb *tcb)
{
	tcb->cc.cwnd = min(tcb->cc.cwnd, initial_window(tcb->snd.mss));
}
