// SPDX-License-Identifier: GPL-2.0
/* Fitting a connection to its path, RFC 9293 section 3.7. */
#include "internal.h"

#define MSS_LIMIT	65495	/* bytes: the largest IPv4 packet, no headers */

/* The largest segment a path takes, text and options: RFC 9293 3.7.1. */
u16 toytcp_path_mss(u32 room, u32 user_mss)
{
	u32 mss = room - min_t(u32, room, SEGMENT_HEADER_MIN);

	if (user_mss)
		mss = min(mss, user_mss);
	return clamp_t(u32, mss, MSS_MIN, MSS_LIMIT);
}

static void set_mss(struct path_fit *path, struct tcb *tcb,
		    const struct path_limits *limits, u32 mss)
{
	u64 most;

	toytcp_tcb_set_mss(tcb, mss);
	mss = tcb->snd.mss;
	most = min_t(u64, limits->gso_size, (u64)limits->gso_segs * mss);
	path->gso_goal = max_t(u32, mss, (u32)most - (u32)most % mss);
	tcb->gso_goal = path->gso_goal;
}

/*
 * Segments become as large as the route allows, once the MSS options have been
 * exchanged. They grow only if the route takes more than when they were last
 * fitted: what has made them smaller since then still holds.
 */
void toytcp_path_fit(struct path_fit *path, struct tcb *tcb,
		     const struct path_limits *limits)
{
	u32 most = toytcp_path_mss(limits->room, limits->user_mss);
	u32 mss = limits->room > path->room ? tcb->snd.mss_max :
					      toytcp_tcb_mss(tcb);

	path->room = limits->room;
	set_mss(path, tcb, limits, min(mss, most));
}

/*
 * What the administrator knows of the path, before the connection is
 * established. @initial_window: segments, 0: as RFC 6928 says; @rto_min:
 * milliseconds, instead of RTO_MARGIN if not 0; @quickack: see struct tcb.
 */
void toytcp_path_begin(struct tcb *tcb, u32 initial_window, u32 rto_min,
		       bool quickack)
{
	tcb->cc.initial = min_t(u32, initial_window, 255);
	tcb->rtt.margin = min_t(u32, rto_min, RTO_MARGIN_MAX);
	tcb->quickack |= quickack;
}

/*
 * A router says how much the path takes (RFC 1191); @limits has that, raised to
 * what the administrator believes. A report only ever makes segments smaller.
 * Returns whether what is outstanding is sent again now.
 */
bool toytcp_path_report(struct path_fit *path, struct tcb *tcb,
			const struct path_limits *limits)
{
	u32 mss = toytcp_path_mss(limits->room, limits->user_mss);

	if (mss >= toytcp_tcb_mss(tcb))
		return false;
	set_mss(path, tcb, limits, mss);
	if (toytcp_tcb_in(tcb, STATES_SYN))
		return false;
	/* No sign of congestion: RFC 1191. */
	toytcp_recovery_lose_all(tcb, CAUSE_ICMP);
	return true;
}
