/* SPDX-License-Identifier: GPL-2.0 */
/* Fitting a connection to its path: the size of segments and super-segments. */
#ifndef TOYTCP_CORE_PATH_H
#define TOYTCP_CORE_PATH_H

#include "tcb.h"

/* What a connection was fitted to, in bytes; the shell keeps it. */
struct path_fit {
	u32 room;	/* as in struct path_limits; 0: not yet */
	u32 gso_goal;	/* the most the device takes, in whole segments */
};

/* What the shell knows of a path, in bytes. */
struct path_limits {
	u32 room;	/* of a packet, beside IP's header and options */
	u32 user_mss;	/* the largest the user wants (TCP_MAXSEG); 0: any */
	u32 gso_size;	/* the most text the device cuts; 0: none */
	u32 gso_segs;	/* the most segments it makes of one */
};

u16 toytcp_path_mss(u32 room, u32 user_mss);
void toytcp_path_fit(struct path_fit *path, struct tcb *tcb,
		     const struct path_limits *limits);
bool toytcp_path_report(struct path_fit *path, struct tcb *tcb,
			const struct path_limits *limits);

void toytcp_path_begin(struct tcb *tcb, u32 initial_window, u32 rto_min,
		       bool quickack);

/*
 * Is toytcp_path_fit() to be called before sending? The route's @room may have
 * changed, by another route, its MTU or IP options; or blackhole.c has changed
 * the size of segments, and with it how many whole ones the device takes.
 */
static inline bool toytcp_path_changed(const struct path_fit *path,
				       const struct tcb *tcb, u32 room)
{
	return !toytcp_tcb_in(tcb, STATES_SYN) &&
	       (room != path->room || path->gso_goal % tcb->snd.mss);
}

/* How much toytcp_emit_next() puts into one segment: at most path.gso_goal. */
static inline void toytcp_path_goal(struct tcb *tcb, u32 goal)
{
	tcb->gso_goal = goal;
}

#endif /* TOYTCP_CORE_PATH_H */
