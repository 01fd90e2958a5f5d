// SPDX-License-Identifier: GPL-2.0
/*
 * The user at one end: writes and reads as chance has it, sometimes slowly,
 * and ends the connection in one of several ways.
 */
#include <stdlib.h>

#include "sim.h"

#define SNDBUF	16384	/* of a calm user, if it may grow */

/* Small amounts as likely as large ones. */
static u32 some(struct dice *d, u32 most)
{
	u32 shift = dice_below(d, 12);

	return dice_below(d, (most >> shift) + 1);
}

static void plan_calm(struct endpoint *e, u32 bytes)
{
	struct user *u = &e->user;

	u->plan = bytes;
	u->write_most = bytes;
	u->read_most = UINT32_MAX;
	u->sndbuf = e->world->set.buffer ? SNDBUF : UINT32_MAX;
	if (e->world->set.sndbuf > 0)
		u->sndbuf = (u32)e->world->set.sndbuf;
}

static void plan_wild(struct endpoint *e, u32 bytes)
{
	struct user *u = &e->user;
	struct dice *d = &e->dice;

	u->plan = some(d, bytes);
	u->write_most = 1 + some(d, max_t(u32, 200, u->plan));
	u->read_most = 1 + some(d, 1 << 16);
	u->think = some(d, 200 * MSEC);
	u->sndbuf = 1000 + some(d, 1 << 18);
	/* Each byte on its own would take for ever: bound the number of acts. */
	u->write_most = max_t(u32, u->write_most, u->plan / 300);
	u->read_most = max_t(u32, u->read_most, bytes / 300);
	u->sndbuf = max_t(u32, u->sndbuf, u->plan / 100);
	if (dice_chance(d, 100000))
		u->pause_chance = dice_below(d, 200000);
	u->fidgets = dice_chance(d, 200000);
	u->urgent = dice_chance(d, 50000);
	e->short_of_memory = dice_chance(d, 50000);
	if (dice_chance(d, 30000))
		u->ending = LEAVE_EARLY;
	else if (dice_chance(d, 30000))
		u->ending = ABORT_SOME_TIME;
	else if (dice_chance(d, 500000))
		u->ending = CLOSE_FIRST;
	if (u->ending == ABORT_SOME_TIME)
		u->abort_at = e->world->now + dice_below(d, 3 * SECOND);
}

void user_end(struct endpoint *e)
{
	free(e->out);
	free(e->in);
	e->out = NULL;
	e->in = NULL;
}

/* Text was acknowledged: buffers.c's toytcp_buffers_acked(). */
void user_acked(struct endpoint *e)
{
	u32 want = min_t(u32, toytcp_tuning_send(&e->tcb),
			 e->world->set.buffer);

	e->user.sndbuf = max(e->user.sndbuf, want);
}

/* Called for each endpoint, before anything happens. */
void user_init(struct endpoint *e)
{
	struct user *u = &e->user;
	const struct settings *set = &e->world->set;
	struct dice text;
	u32 i, bytes;

	dice_seed(&text, e->world->seed, DICE_TEXT, dice_roll(&e->host));
	bytes = (u32)((is_server(e) ? set->reply : set->bytes) /
		      set->connections);
	u->next = NEVER;
	if (set->calm || set->large)
		plan_calm(e, bytes);
	else
		plan_wild(e, bytes);
	if (is_server(e) && set->pause)
		u->quiet_until = e->world->now + (u64)set->pause;
	toll_thought(e, is_server(e) ? (u64)set->pause : 0);
	if (set->both & BOTH_CLOSE)
		u->ending = CLOSE_FIRST;
	e->out = malloc(u->plan + 4);
	for (i = 0; i < u->plan; i += 4) {
		u32 word = dice_roll(&text);

		memcpy(e->out + i, &word, 4);
	}
}

/* Socket options, for a new tcb. */
void user_configure(struct endpoint *e)
{
	struct dice *d = &e->dice;
	struct tcb *tcb = &e->tcb;

	toytcp_congestion_select(tcb, e->world->set.congestion[is_server(e)]);
	if (e->world->set.calm)
		return;
	tcb->rcv.oob_inline = 1;
	tcb->nodelay = dice_below(d, 3) == 0;
	tcb->cork = dice_below(d, 10) == 0;
	tcb->quickack = dice_below(d, 5) == 0;
	e->gso_size = dice_below(d, 2) ? some(d, 65535) : 65535;
	if (dice_below(d, 5) == 0) {
		tcb->keepalive = 1;
		tcb->keep_idle = (u16)dice_between(d, 1, 100);
		tcb->keep_interval = (u16)dice_between(d, 1, 20);
		tcb->keep_count = (u8)dice_between(d, 2, 9);
	}
	if (dice_below(d, 20) == 0)
		tcb->user_timeout = dice_between(d, 100, 100000);
	tcb->fin_wait_2 = (u16)dice_between(d, 1, 60);
}

void user_write(struct endpoint *e, u32 n)
{
	e->user.written += n;
	e->toll.writes++;
	e->toll.corked |= e->tcb.cork;
	endpoint_begin(e);
	toytcp_user_send(&e->tcb, n);
	if (e->user.urgent && dice_below(&e->dice, 3) == 0)
		toytcp_urgent_send(&e->tcb);
	endpoint_called(e, CAUSE_SEND);
}

/* Compares what it reads with what the other side wrote. */
u32 user_read(struct endpoint *e, u32 most)
{
	struct user *u = &e->user;
	u32 n = min(e->arrived - u->read, most);

	if (!n)
		return 0;
	if (!e->forged &&
	    (u->read + n > other(e)->user.written ||
	     memcmp(e->in + u->read, other(e)->out + u->read, n))) {
		FAIL(e->world, "%s read other bytes than were sent",
		     e->name);
		return 0;
	}
	u->read += n;
	u->last = e->world->now;
	e->world->counts.delivered += n;
	if (e->kind == FULL) {
		endpoint_begin(e);
		toytcp_user_receive(&e->tcb, n);
		endpoint_tune(e);
		endpoint_called(e, CAUSE_RECEIVE);
	}
	return n;
}

void user_shutdown(struct endpoint *e)
{
	u8 before = e->tcb.state;

	e->user.closed = true;
	if (e->kind != FULL)
		return;
	endpoint_begin(e);
	toytcp_user_close(&e->tcb);
	if (e->tcb.state != before)
		trace_add(e, '-', NULL, before, e->tcb.state, CAUSE_CLOSE);
	endpoint_called(e, CAUSE_CLOSE);
}

static void leave(struct endpoint *e)
{
	e->user.left = true;
	if (e->kind != FULL)
		return;
	if (e->arrived > e->user.read) {	/* as tcp(7): unread text */
		endpoint_abort(e);
		return;
	}
	endpoint_begin(e);
	toytcp_user_leave(&e->tcb, e->world->now);
	endpoint_called(e, CAUSE_CLOSE);
}

static bool may_write(const struct endpoint *e)
{
	return e->kind == FULL && !e->user.closed &&
	       toytcp_tcb_in(&e->tcb, TCPF_ESTABLISHED | TCPF_CLOSE_WAIT);
}

/* How many whole shares of what the other end sends have been read. */
static u64 shares_read(const struct endpoint *e, u64 rounds)
{
	u32 plan = e->world->end[e->id ^ 1].user.plan;

	return plan ? min(((e->user.read + 1ull) * rounds - 1) / plan, rounds) :
		      rounds;
}

/* What it may have written by now: the client begins, the server answers. */
static u32 turn(const struct endpoint *e)
{
	u64 rounds = (u64)e->world->set.rounds;
	u64 shares = rounds == 1 ? 1 : shares_read(e, rounds) + !is_server(e);

	return (u32)((u64)e->user.plan * min(shares, rounds) / rounds);
}

static void write_some(struct endpoint *e)
{
	struct user *u = &e->user;
	u32 queued = endpoint_outstanding(e);
	u32 room = u->sndbuf > queued ? u->sndbuf - queued : 0;
	u32 n = min(turn(e) - u->written, room), most = n;

	if (!may_write(e) || !n)
		return;
	if (!e->world->set.calm && !e->world->set.large)
		most = 1 + dice_below(&e->dice, u->write_most);
	user_write(e, min(n, most));
}

static void read_some(struct endpoint *e)
{
	struct user *u = &e->user;
	u32 most = u->read_most;

	if (e->world->now < u->quiet_until)
		return;
	if (dice_chance(&e->dice, u->pause_chance)) {
		u->quiet_until = e->world->now +
				 dice_below(&e->dice, 20 * SECOND);
		toll_thought(e, u->quiet_until - e->world->now);
		return;
	}
	if (most != UINT32_MAX)
		most = 1 + dice_below(&e->dice, most);
	user_read(e, most);
	u->eof = (e->fin_seen || (e->kind == FULL && e->tcb.fin_received)) &&
		 u->read == e->arrived;
}

/* Some people change their socket's options all the time. */
static void fidget(struct endpoint *e)
{
	struct tcb *tcb = &e->tcb;

	if (!e->user.fidgets || e->kind != FULL)
		return;
	switch (dice_below(&e->dice, 6)) {
	case 0:
		tcb->cork ^= 1;
		break;
	case 1:
		tcb->nodelay ^= 1;
		break;
	case 2:
		tcb->quickack ^= 1;
		break;
	case 3:
		toytcp_user_set(tcb, OPTION_KEEPALIVE, !tcb->keepalive,
				e->world->now);
		break;
	}
	endpoint_begin(e);
	endpoint_called(e, CAUSE_SEND);
}

static void close_some(struct endpoint *e)
{
	struct user *u = &e->user;
	bool all = u->written == u->plan;

	if (u->ending == LEAVE_EARLY && all && e->connected) {
		excuse(e);
		u->eof = true;
	}
	if (!u->closed && all && e->kind == FULL &&
	    (u->eof || (u->ending == CLOSE_FIRST && e->connected) ||
	     (e->world->set.calm && !is_server(e))))
		user_shutdown(e);
	if (u->eof && u->closed && !u->left)
		leave(e);
}

static bool can_write_more(const struct endpoint *e)
{
	const struct user *u = &e->user;

	return may_write(e) && u->written < turn(e) &&
	       endpoint_outstanding(e) < u->sndbuf;
}

static bool has_business(const struct endpoint *e)
{
	return e->arrived > e->user.read || can_write_more(e) ||
	       e->user.quiet_until > e->world->now;
}

static void schedule(struct endpoint *e)
{
	struct user *u = &e->user;
	u64 thought = dice_below(&e->dice, u->think + 1);

	u->next = e->world->now + thought;
	toll_thought(e, thought);
	if (!can_write_more(e))
		u->next = max(u->next, u->quiet_until);
}

void user_wake(struct endpoint *e)
{
	if (e->user.next == NEVER && !e->user.manual)
		schedule(e);
}

void user_act(struct endpoint *e)
{
	struct user *u = &e->user;

	u->next = NEVER;
	if (u->ending == ABORT_SOME_TIME && e->kind == FULL &&
	    e->world->now >= u->abort_at) {
		endpoint_abort(e);
		return;
	}
	if (e->kind == FULL && e->tcb.state == TCP_SYN_SENT)
		return;
	fidget(e);
	write_some(e);
	read_some(e);
	close_some(e);
	if (u->next == NEVER && has_business(e))
		schedule(e);
	if (u->ending == ABORT_SOME_TIME && e->kind == FULL)
		u->next = min(u->next, u->abort_at);
}
