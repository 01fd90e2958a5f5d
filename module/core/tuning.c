// SPDX-License-Identifier: GPL-2.0
/*
 * How large a receive buffer the connection deserves: one that holds the peer
 * up less than the path does.
 *
 * Nobody has to time round trips for that. What lies beyond the window's edge
 * arrives a round trip after that edge was announced, at the earliest: reading
 * up to there takes a round trip if the peer fills the window, and longer if
 * the path, the peer or the reader is the one to wait for.
 */
#include "core.h"

#define GROWTH		4
#define SLACK		4	/* shortest times that are still a round trip */
#define ROUND_MAX	(2 * SECOND)	/* slower than that nothing is large */

/**
 * toytcp_tuning_read() - the user has read up to where the window once ended
 * @t: what there is to remember; all 0 at first
 * @tcb: the connection, when toytcp_tuning_due()
 * @now: microseconds
 *
 * Slow start doubles in each round trip what the peer wants to send, and takes
 * another one to hear of a larger window: hence GROWTH. The first window is
 * small only because a SYN has no larger one to offer.
 *
 * Return: bytes of text the buffer should hold: what it does, or more if the
 * window may be what the peer waits for. The caller knows the limit.
 */
u32 toytcp_tuning_read(struct tuning *t, const struct tcb *tcb, u64 now)
{
	u32 took = (u32)now - t->since;
	bool first = !t->since;

	t->since = (u32)now | 1;
	t->edge = tcb->rcv.adv;
	if (first)
		return 2 * tcb->rcv.buf;
	if (took > ROUND_MAX)
		return tcb->rcv.buf;
	if (!t->shortest || took < t->shortest)
		t->shortest = took;
	return took / SLACK > t->shortest ? tcb->rcv.buf :
		min_t(u64, (u64)GROWTH * tcb->rcv.buf, WINDOW_MAX);
}
