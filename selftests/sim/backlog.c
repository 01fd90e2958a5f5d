// SPDX-License-Identifier: GPL-2.0
/*
 * The backlog of a host: while a user has the socket, what arrives waits. When
 * the user lets go it is worked off, as release_sock() does, and the ACKs of
 * what waited together are one.
 */
#include "sim.h"

#define HOLD_MOST	(3 * MSEC)	/* a user's call is not longer */

void backlog_init(struct endpoint *e)
{
	struct backlog *b = &e->backlog;

	dice_seed(&b->dice, e->world->seed, DICE_BACKLOG, e->id);
	b->until = NEVER;
	b->last = &b->first;
	if (!e->world->set.calm && dice_below(&b->dice, 4) == 0)
		b->chance = dice_below(&b->dice, MILLION / 2);
}

/* Returns the first packet that waits, or NULL. */
static struct packet *take(struct backlog *b)
{
	struct packet *p = b->first;

	if (!p)
		return NULL;
	b->first = p->next;
	if (!b->first)
		b->last = &b->first;
	return p;
}

void backlog_end(struct endpoint *e)
{
	struct packet *p;

	while ((p = take(&e->backlog)))
		wire_free(e->world, p);
}

/* Takes over @p, which has arrived. */
void backlog_input(struct endpoint *e, struct packet *p)
{
	struct backlog *b = &e->backlog;
	u32 hold;

	if (b->until == NEVER && e->kind == FULL &&
	    dice_chance(&b->dice, b->chance)) {
		hold = dice_below(&b->dice, HOLD_MOST);
		b->until = e->world->now + hold;
		toll_thought(e, hold);
	}
	if (b->until == NEVER) {
		endpoint_input(e, p);
		wire_free(e->world, p);
		return;
	}
	p->next = NULL;
	*b->last = p;
	b->last = &p->next;
}

/* More may wait behind what has just arrived: toytcp_receive_segment(). */
void backlog_hold(struct endpoint *e, const struct actions *act)
{
	if (!e->backlog.releasing || !toytcp_delack_hold(&e->tcb, act))
		return;
	e->backlog.ack_due = true;
	e->world->counts.deferred++;
}

/* release_cb(): first the timer, if it has gone off meanwhile, then the ACK. */
static void catch_up(struct endpoint *e)
{
	struct backlog *b = &e->backlog;

	if (e->timer <= e->world->now)
		endpoint_expire(e);
	b->releasing = false;
	b->until = NEVER;
	if (e->kind != FULL)
		return;
	endpoint_begin(e);
	if (b->ack_due && toytcp_delack_release(&e->tcb))
		endpoint_called(e, CAUSE_SEND);
	else
		check_settled(e);
}

/* What waited for a connection that has ended meanwhile is dropped. */
void backlog_release(struct endpoint *e)
{
	struct backlog *b = &e->backlog;
	struct packet *p;

	b->releasing = true;
	while ((p = take(b))) {
		if (e->kind == FULL)
			endpoint_input(e, p);
		else if (!p->news && !p->corrupt)
			toll_lost(other(e), &p->sent);
		wire_free(e->world, p);
	}
	catch_up(e);
	b->ack_due = false;
}
