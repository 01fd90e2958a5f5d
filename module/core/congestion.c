// SPDX-License-Identifier: GPL-2.0
/*
 * How much may be on its way: the congestion window of RFC 5681.
 *
 * What all algorithms share; struct congestion_ops has where they differ. All
 * windows are in bytes.
 */
#include "algorithm.h"
#include "seq.h"

static const struct congestion_ops *const algorithms[] = {
	&toytcp_reno,
	&toytcp_cubic,
};

static const struct congestion_ops *ops(const struct tcb *tcb)
{
	return algorithms[tcb->cc.algorithm];
}

/* RFC 6928: ten segments, and fewer bytes than that if they are very large. */
static u32 initial_window(const struct tcb *tcb)
{
	u32 mss = tcb->snd.mss;

	if (tcb->cc.initial)
		return tcb->cc.initial * mss;
	return min_t(u32, INITIAL_WINDOW * mss, max_t(u32, 2 * mss, 14600));
}

/* An algorithm's number, for toytcp_congestion_select(), or -ENOENT. */
int toytcp_congestion_find(const char *name)
{
	int i;

	for (i = 0; i < (int)ARRAY_SIZE(algorithms); i++)
		if (!strcmp(algorithms[i]->name, name))
			return i;
	return -ENOENT;
}

/* The name of an algorithm; NULL for a number beyond the last. */
const char *toytcp_congestion_name(unsigned int algorithm)
{
	return algorithm < ARRAY_SIZE(algorithms) ?
		algorithms[algorithm]->name : NULL;
}

/* Change the algorithm. Reno until this is called. */
void toytcp_congestion_select(struct tcb *tcb, int algorithm)
{
	tcb->cc.algorithm = algorithm;
	tcb->cc.avoiding = 0;
	tcb->cc.w_max = 0;
}

/*
 * The initial window, once snd.mss is known. After lost SYNs it is one segment,
 * RFC 5681 section 3.1; the first timeout of one second may have come too soon,
 * RFC 6928 section 2.
 */
void toytcp_congestion_init(struct tcb *tcb)
{
	tcb->cc.cwnd = tcb->retransmits > 1 ? tcb->snd.mss :
					      initial_window(tcb);
	tcb->cc.ssthresh = CWND_MAX;
	tcb->cc.recover = tcb->snd.iss;
}

/*
 * An ACK has come. @una: SND.UNA before it; @flight: bytes outstanding before
 * it. Returns how full the window was at the fullest moment of this round trip:
 * while one burst is acknowledged bit by bit, FlightSize falls.
 */
u32 toytcp_congestion_peak(struct tcb *tcb, u32 una, u32 flight)
{
	struct congestion *cc = &tcb->cc;

	if (flight > cc->peak || !seq_before(una, cc->peak_end)) {
		cc->peak = flight;
		cc->peak_end = una + flight;
	}
	return cc->peak;
}

/*
 * New data was acknowledged, outside of recovery. @peak: the FlightSize of this
 * round trip. Slow start by the bytes acknowledged (RFC 5681 (2), with RFC
 * 3465's limit of what two segments cover left out: a super-segment is
 * acknowledged as a whole), then what the algorithm says. A window that was not
 * used does not grow, nor does the time count (RFC 7661 section 4.2, RFC 9438
 * section 5.8).
 */
void toytcp_congestion_acked(struct tcb *tcb, u32 acked, u32 peak, u64 now)
{
	struct congestion *cc = &tcb->cc;

	if (peak >= cc->cwnd / 2 && cc->cwnd >= cc->ssthresh) {
		ops(tcb)->acked(tcb, acked, now);
		cc->avoiding = 1;
		return;
	}
	cc->avoiding = 0;
	if (peak >= cc->cwnd / 2)
		toytcp_congestion_grow(tcb, min_t(u32, acked, cc->ssthresh -
						  cc->cwnd));
}

/*
 * A segment was lost, or ECN says so. Call it once for each loss episode. Sets
 * ssthresh from the FlightSize that suffered the loss, which may be
 * acknowledged in part already (RFC 7661 section 4.4.1); not above cwnd:
 * limited transmit sends beyond it. The caller lowers cwnd. Saves what undo
 * needs; an earlier reduction can no longer be undone.
 */
void toytcp_congestion_lost(struct tcb *tcb)
{
	struct congestion *cc = &tcb->cc;
	u32 flight = min(max(toytcp_tcb_flight(tcb), cc->peak), cc->cwnd);

	cc->prior_cwnd = cc->cwnd;
	cc->prior_ssthresh = cc->ssthresh;
	cc->ssthresh = ops(tcb)->ssthresh(tcb, flight);
	cc->ssthresh = max_t(u32, cc->ssthresh, 2u * tcb->snd.mss);
	cc->avoiding = 0;
	tcb->undoable = 0;
}

/*
 * Nothing was lost: undoes the last toytcp_congestion_lost() or _timeout().
 * Windows that are larger by now stay: RFC 9438 section 4.9.
 */
void toytcp_congestion_undo(struct tcb *tcb)
{
	struct congestion *cc = &tcb->cc;

	cc->cwnd = max(cc->cwnd, cc->prior_cwnd);
	cc->ssthresh = max(cc->ssthresh, cc->prior_ssthresh);
	cc->w_max = max(cc->w_max, cc->prior_cwnd);
	cc->avoiding = 0;
}

/*
 * The retransmission timer went off. rtt.backoff is 0 the first time for a
 * segment, unless it is left from an earlier episode. RFC 5681 section 3.1: the
 * loss window is one segment; ssthresh falls once, not with each retransmission
 * of the same segment, nor for a loss that fast recovery has reacted to. Returns
 * whether it fell.
 */
bool toytcp_congestion_timeout(struct tcb *tcb)
{
	bool again = tcb->rtt.backoff && tcb->timed_out;
	bool first = !again && !tcb->cc.recovering;

	if (first)
		toytcp_congestion_lost(tcb);
	tcb->cc.cwnd = tcb->snd.mss;
	tcb->cc.avoiding = 0;
	tcb->cc.w_max = 0;
	return first;
}

/*
 * Nothing was sent for a while: RFC 5681 section 4.1. ssthresh remembers what
 * the path has carried: RFC 7661 section 4.4.
 */
void toytcp_congestion_idle(struct tcb *tcb)
{
	struct congestion *cc = &tcb->cc;

	cc->ssthresh = max(cc->ssthresh, cc->cwnd - cc->cwnd / 4);
	cc->cwnd = min(cc->cwnd, initial_window(tcb));
	cc->peak = 0;
	cc->avoiding = 0;
}
