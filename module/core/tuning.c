// SPDX-License-Identifier: GPL-2.0
/*
 * How large buffers the connection deserves: they shall hold the sender up less
 * than the path does.
 *
 * Nobody has to time round trips for that. What lies beyond the window's edge
 * arrives a round trip after that edge was announced, at the earliest: reading
 * up to there takes a round trip if the peer fills the window, and longer if
 * the path, the peer or the reader is the one to wait for.
 */
#include "internal.h"

#define GROWTH		4
#define SLACK		4	/* shortest times that are still a round trip */
#define ROUND_MAX	(2 * SECOND)	/* slower than that nothing is large */

/*
 * By what factor: slow start doubles in each round trip what the peer wants to
 * send, and takes another one to hear of a larger window: hence GROWTH. The
 * first window is small only because a SYN has no larger one to offer.
 */
static u32 growth(struct tuning *t, u32 took)
{
	if (took > ROUND_MAX)
		return 1;
	if (!t->shortest || took < t->shortest)
		t->shortest = took;
	return took / SLACK > t->shortest ? 1 : GROWTH;
}

/**
 * toytcp_tuning_read() - the user has read up to where the window once ended
 * @t: what there is to remember; all 0 at first
 * @tcb: the connection, when toytcp_tuning_due()
 * @most: bytes of text the buffer may hold, at most WINDOW_MAX
 * @now: microseconds
 *
 * Return: whether rcv.buf has grown: the window may be what the peer waits for.
 */
bool toytcp_tuning_read(struct tuning *t, struct tcb *tcb, u32 most, u64 now)
{
	u32 took = (u32)now - t->since;
	bool first = !t->since;
	u64 want = tcb->rcv.buf;

	t->since = (u32)now | 1;
	t->edge = tcb->rcv.adv;
	want = min_t(u64, want * (first ? 2 : growth(t, took)), most);
	if (want <= tcb->rcv.buf)
		return false;
	tcb->rcv.buf = (u32)want;
	if (!first)	/* a stream: the peer should hear of it at once */
		toytcp_user_receive(tcb, 0);
	return true;
}

/**
 * toytcp_tuning_send() - how large a send buffer the connection can use
 * @tcb: the connection
 *
 * Return: bytes: one cwnd is under way, another waits its turn, and a third
 * pays for what is around them.
 */
u32 toytcp_tuning_send(const struct tcb *tcb)
{
	return 3 * tcb->cc.cwnd;
}
