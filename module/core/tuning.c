// SPDX-License-Identifier: GPL-2.0
/*
 * How large the buffers should be so that the path, rather than a buffer,
 * limits the sender. The caller knows how large they may be.
 *
 * What lies beyond the window's edge arrives a round trip after that edge was
 * announced, at the earliest: reading up to it takes one round trip if the peer
 * fills the window, and longer if the path, the peer or the reader is slower.
 */
#include "internal.h"

/* Slow start doubles each round trip, and takes one to hear of the window. */
#define GROWTH		4
#define SLACK		4	/* shortest times that are still a round trip */
#define ROUND_MAX	(2 * SECOND)	/* slower: no large buffer needed */

/*
 * The user has read up to where the window once ended: toytcp_tuning_due().
 * Returns how large the receive buffer should be, bytes of text; no less than
 * it is. The caller answers by toytcp_user_buffer().
 */
u32 toytcp_tuning_read(struct tuning *t, const struct tcb *tcb, u64 now)
{
	u32 took = (u32)now - t->since, factor = 1;

	if (!t->since) {	/* small only because a SYN cannot offer more */
		factor = 2;
	} else if (took <= ROUND_MAX) {
		if (!t->shortest || took < t->shortest)
			t->shortest = took;
		if (took / SLACK <= t->shortest)
			factor = GROWTH;
	}
	t->since = (u32)now | 1;
	t->edge = tcb->rcv.adv;
	return min_t(u64, (u64)tcb->rcv.buf * factor,
		     max_t(u32, tcb->rcv.buf, WINDOW_MAX));
}
