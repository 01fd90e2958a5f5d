// SPDX-License-Identifier: GPL-2.0
/*
 * CUBIC, RFC 9438: the window grows as a cubic function of the time since
 * the last congestion, whatever the round-trip time. It returns quickly to near
 * its former size, lingers there, and then probes for more.
 */
#include "algorithm.h"

#define CURVE_MS_MAX	400000u	/* K for CWND_MAX and the smallest segment */

/* The largest number whose cube is not above @x. */
static u32 cube_root(u64 x)
{
	u64 root = 0;
	int bit;

	for (bit = 20; bit >= 0; bit--) {
		u64 next = root | 1u << bit;

		if (next * next * next <= x)
			root = next;
	}
	return (u32)root;
}

/* C t^3, bytes; @ms is a time. */
static u64 bytes_for(u32 ms, u32 mss)
{
	u64 t = min_t(u32, ms, CURVE_MS_MAX);

	return div_u64(div_u64(t * t * t, 1000 * 1000) * mss, 5 * 1000 / 2);
}

/* W_cubic(t) of (1), bytes */
static u32 curve(const struct tcb *tcb, u32 ms)
{
	const struct congestion *cc = &tcb->cc;
	u64 far;

	if (ms >= cc->k)
		return min_t(u64, CWND_MAX, cc->w_max +
			     bytes_for(ms - cc->k, tcb->snd.mss));
	far = bytes_for(cc->k - ms, tcb->snd.mss);
	return cc->w_max - min_t(u64, far, cc->w_max);
}

/*
 * Congestion avoidance begins: the curve starts from cwnd. Where it was before
 * is W_max; if that is below cwnd, or unknown after a timeout, cwnd is the new
 * one, and K is 0 (section 4.8). K of (2), milliseconds: how long C t^3 takes
 * to W_max, with C = 2/5.
 */
static void begin(struct tcb *tcb, u64 now)
{
	struct congestion *cc = &tcb->cc;
	u64 way;

	cc->w_max = max(cc->w_max, cc->cwnd);
	way = (cc->w_max - cc->cwnd) * (5ull * 1000 * 1000 * 1000 / 2);
	cc->k = cube_root(div_u64(way, tcb->snd.mss));
	cc->epoch = (u32)now;
	cc->w_est = cc->cwnd;
}

/*
 * Sections 4.2 to 4.5: on to where the curve is one round trip from now, but
 * by half of cwnd at most, and never behind Reno.
 */
static void acked(struct tcb *tcb, u32 bytes, u64 now)
{
	struct congestion *cc = &tcb->cc;
	u32 cwnd = cc->cwnd, mss = tcb->snd.mss, target, more, t;

	if (!cc->avoiding)
		begin(tcb, now);
	/*
	 * (4): what Reno would have by now, with the smaller decrease made up
	 * for by a smaller increase, until the window is what it was:
	 * 3(1 - beta)/(1 + beta).
	 */
	if (toytcp_congestion_window_acked(tcb, bytes))
		cc->w_est += cc->w_est < cc->prior_cwnd ? mss * 9 / 17 : mss;
	t = (u32)now - cc->epoch + tcb->rtt.srtt;
	target = clamp_t(u32, curve(tcb, t / MSEC), cwnd, cwnd + cwnd / 2);
	more = div_u64((u64)(target - cwnd) * min(bytes, cwnd), cwnd);
	if (cwnd + more < cc->w_est)
		more = cc->w_est - cwnd;
	toytcp_congestion_grow(tcb, more);
}

/*
 * Section 4.6, beta = 0.7; and 4.7, fast convergence: a flow that did not get
 * back to its W_max leaves room to others.
 */
static u32 ssthresh(struct tcb *tcb, u32 flight)
{
	struct congestion *cc = &tcb->cc;

	cc->w_max = cc->cwnd < cc->w_max ? cc->cwnd / 20 * 17 : cc->cwnd;
	return flight / 10 * 7;
}

const struct congestion_ops toytcp_cubic = {
	.name		= "cubic",
	.acked		= acked,
	.ssthresh	= ssthresh,
};
