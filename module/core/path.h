/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fitting a connection to its path: what the MTU, the options of IP and the
 * device mean for the size of segments and of super-segments.
 */
#ifndef TOYTCP_CORE_PATH_H
#define TOYTCP_CORE_PATH_H

#include "tcb.h"

/**
 * struct path_fit - what a connection was fitted to; the shell keeps it
 * @room: of the route: bytes of a packet beside its IP header; 0: not yet
 * @gso_goal: the most text the device takes at once, in whole segments, bytes
 */
struct path_fit {
	u32 room;
	u32 gso_goal;
};

/**
 * struct path_limits - what the shell knows of a path
 * @room: bytes of a packet beside its IP header and the options of that
 * @user_mss: the largest segment the user wants (TCP_MAXSEG), bytes; 0: any
 * @gso_size: the most text that the device cuts into segments, bytes; 0: none
 * @gso_segs: the most segments it makes of one
 */
struct path_limits {
	u32 room;
	u32 user_mss;
	u32 gso_size;
	u32 gso_segs;
};

u16 toytcp_path_mss(u32 room, u32 user_mss);
void toytcp_path_fit(struct path_fit *path, struct tcb *tcb,
		     const struct path_limits *limits);
bool toytcp_path_report(struct path_fit *path, struct tcb *tcb,
			const struct path_limits *limits);

/*
 * Is toytcp_path_fit() to be called before sending? @room: what the route says
 * now. The route may have become another one, its MTU lower, or IP options may
 * have been set; or blackhole.c has changed the size of segments, and with it
 * how many whole ones the device takes.
 */
static inline bool toytcp_path_changed(const struct path_fit *path,
				       const struct tcb *tcb, u32 room)
{
	return !toytcp_tcb_in(tcb, STATES_SYN) &&
	       (room != path->room || path->gso_goal % tcb->snd.mss);
}

/*
 * How much the caller takes in one go from now on. @goal: bytes of text, at
 * most path.gso_goal; set before toytcp_emit_next().
 */
static inline void toytcp_path_goal(struct tcb *tcb, u32 goal)
{
	tcb->gso_goal = goal;
}

#endif /* TOYTCP_CORE_PATH_H */
