/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What explains how long a run takes: toll.c notes it, bound.c judges by it,
 * and slow.c lists the runs that it does not explain.
 */
#ifndef TOYTCP_SIM_BOUND_H
#define TOYTCP_SIM_BOUND_H

#include "../../module/core/core.h"

struct endpoint;
struct world;

enum mishap_kind { MISHAP_LOST, MISHAP_DOWN, MISHAP_MARKED, MISHAP_OVERTOOK };

/**
 * struct mishap - what the network did to a segment of text
 * @when: it left, microseconds
 * @again: and left again for the first time; 0: it has not
 * @offset: its first byte, from the first that was sent
 * @before: so often it had been lost already
 * @repeated: it was not the first time that it left
 */
struct mishap {
	u64 when, again;
	u32 offset;
	u8 kind, before;
	bool repeated;
};

/**
 * struct toll - what happened to an end's segments: see toll.c
 * @mishaps: @noted of them, in the order of their times
 * @lost: segments of text
 * @syns: SYNs that were lost
 * @overtook: segments that arrived out of their turn
 * @opened: (client) when it called
 * @silent_since: when an ACK was lost and none has arrived since; or 0
 * @silent_for: so many were lost
 * @silences: how often that was, and
 * @silence: how much time it explains, microseconds
 * @thought: how much the user took, microseconds
 * @writes: how often the user wrote
 * @corked: incomplete segments were held back at some time
 * @srtt: the largest, microseconds
 * @fell: when ssthresh fell for the last time
 * @fell_by_timer: and that was for a timeout
 * @fell_una: SND.UNA then, from the first byte
 * @repeated_at: when text was sent again for the last time
 * @repeated_now: the furthest then, from the first byte
 * @repeated_to: and since ssthresh fell
 * @first_now: the end of what was sent again first, at @repeated_at
 * @first_to: and since ssthresh fell; 0: nothing was
 * @undone: how often cwnd was given back, and
 * @undone_wrongly: though something had been lost
 */
struct toll {
	struct mishap *mishaps;
	u32 noted, room, lost, syns, overtook;
	u64 opened, silent_since, silence, thought, fell, repeated_at;
	u32 repeated_now, repeated_to, first_now, first_to;
	u32 silent_for, silences, writes, srtt, fell_una;
	u32 undone, undone_wrongly;
	bool corked, fell_by_timer;
};

enum bound { BOUND_TIME, BOUND_REPEATS, BOUND_MSS, BOUND_RTT, BOUND_UNDO,
	     BOUNDS };

/**
 * struct excess - how far a run is from a bound
 * @factor: @found by @allowed, or 1 + @found if nothing is; above 1: beyond it
 * @id: the end whose it is
 */
struct excess {
	double factor, found, allowed;
	u8 id;
};

#define SLOW_MOST	20	/* runs that are listed for each bound */

/* A run, and how far it is from a bound. */
struct far {
	u64 seed;
	struct excess excess;
};

/**
 * struct slow - what --slow lists
 * @beyond: how many runs are beyond each bound
 * @worst: the furthest, the worst first
 */
struct slow {
	u64 beyond[BOUNDS];
	struct far worst[BOUNDS][SLOW_MOST];
};

/* toll.c */
void toll_sent(struct endpoint *e, const struct segment *seg);
void toll_lost(struct endpoint *e, const struct segment *seg);
void toll_passed(struct endpoint *e, u64 trip);
void toll_marked(struct endpoint *e, const struct segment *seg);
void toll_overtook(struct endpoint *e, const struct segment *seg);
void toll_thought(struct endpoint *e, u64 us);
void toll_settled(struct endpoint *e);
void toll_end(struct endpoint *e);

/* bound.c */
extern const char *const bound_names[BOUNDS];
u64 bound_rto(struct endpoint *e);
void bound_judge(struct endpoint *client);

/* slow.c */
void slow_add(struct slow *slow, const struct world *w, u64 percent);
void slow_merge(struct slow *slow, const struct slow *other);
void slow_print(const struct slow *slow, u64 runs, u64 percent);

#endif /* TOYTCP_SIM_BOUND_H */
