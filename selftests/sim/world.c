// SPDX-License-Identifier: GPL-2.0
/*
 * One run: draws what is left to chance, then lets things happen in the order
 * of their times until nothing is left to happen.
 */
#include <stdlib.h>

#include "sim.h"

#define STEPS_MOST	400000	/* a run has hundreds, some have thousands */
#define STEP_BYTES	50	/* ... and one that sends more has more */

/* Half of them near a place where something wraps around. */
static u32 choose_iss(struct dice *d)
{
	u32 iss = dice_roll(d), half = dice_below(d, 2) << 31;

	return dice_below(d, 2) ? iss : half - dice_below(d, 20000);
}

static void make_users(struct endpoint *client)
{
	struct endpoint *pair[2] = { client, other(client) };
	int i;

	for (i = 0; i < 2; i++)
		user_init(pair[i]);
	/*
	 * If each waited for the other's end, both would with reason; but a
	 * calm client never waits.
	 */
	if (client->user.ending == READ_ALL && !client->world->set.calm)
		pair[1]->user.ending = max(pair[1]->user.ending, CLOSE_FIRST);
	for (i = 0; i < 2; i++) {
		pair[i]->in_room = pair[!i]->user.plan;
		pair[i]->in = malloc(pair[i]->in_room + 1);
	}
}

/*
 * A client will call, or both ends will at once, or a client will do so a
 * second time.
 */
static void make_connection(struct world *w, u8 n)
{
	struct endpoint *client = &w->end[2 * n], *server = client + 1;
	u32 wait = n * MSEC;

	endpoint_init(client, w, 2 * n);
	endpoint_init(server, w, 2 * n + 1);
	make_users(client);
	client->iss = choose_iss(&client->host);
	server->listening = true;
	if (!w->set.calm) {
		wait = n ? dice_below(&client->host, 2 * SECOND) : 0;
		client->again = dice_below(&client->host, 10) == 0;
		server->listening = dice_below(&server->host, 20) != 0;
	}
	if (w->set.both & BOTH_OPEN)
		server->listening = false;
	if (!server->listening)
		server->iss = choose_iss(&server->host);
	client->timer = w->now + wait;
	w->counts.connections++;
}

void world_init(struct world *w, u64 seed, const struct settings *set,
		bool keep_all)
{
	struct dice d;
	u8 n;

	memset(w, 0, sizeof(*w));
	check_begin(w);
	w->seed = seed;
	w->set = *set;
	w->trace.keep_all = keep_all;
	w->time_wait = 60ull * SECOND;
	dice_seed(&d, seed, DICE_SETTINGS, 0);
	w->now = SECOND + (dice_below(&d, 2) ? dice_roll(&d) : 0xfff00000ull);
	w->started = w->now;
	if (set->calm)
		settings_calm(&w->set);
	else
		settings_draw(&w->set, &d);
	memcpy(w->path, w->set.path, sizeof(w->path));
	w->ends = 2 * (u32)w->set.connections;
	if (w->set.mischief & FLOOD)
		w->ends += 2 * dice_between(&d, 1, 4);
	w->end = calloc(w->ends, sizeof(*w->end));
	for (n = 0; n < w->ends / 2; n++)
		make_connection(w, n);
	mischief_init(w);
}

static u64 next_change(const struct world *w)
{
	if (w->changed == w->set.changed)
		return NEVER;
	return w->started + (u64)w->set.changes[w->changed].when;
}

static u64 next_forgery(const struct world *w)
{
	if (w->forged == w->set.forged)
		return NEVER;
	return w->started + (u64)w->set.forgeries[w->forged].when;
}

/* While its user has the socket, timers and other calls wait. */
static u64 next_of(const struct endpoint *e)
{
	return e->backlog.until != NEVER ? e->backlog.until :
					   min(e->timer, e->user.next);
}

static u64 next_time(const struct world *w)
{
	u64 next = min(wire_next(w), next_change(w));
	u32 i;

	next = min(next, next_forgery(w));
	next = min(next, w->rogue.next);
	for (i = 0; i < w->ends; i++) {
		next = min(next, next_of(&w->end[i]));
	}
	return next;
}

/* Does @c take a way down that no later change brings back? */
static bool is_final(const struct world *w, const struct change *c)
{
	const struct change *end = &w->set.changes[w->set.changed];

	if (c->knob != DOWN || (!c->to[0] && !c->to[1]))
		return false;
	while (++c < end)
		if (c->knob == DOWN)
			return false;
	return true;
}

static void step_path(struct world *w)
{
	const struct change *c = &w->set.changes[w->changed++];
	u32 i;

	memcpy(w->path[c->knob], c->to, sizeof(c->to));
	for (i = 0; is_final(w, c) && i < w->ends; i++)
		excuse(&w->end[i]);
}

static void step_wire(struct world *w)
{
	struct packet *p = wire_take(w);

	backlog_input(&w->end[p->to], p);
}

/* A client calls; if the other end does not listen it calls, too. */
static void call(struct endpoint *client)
{
	client->toll.opened = client->world->now;
	endpoint_open(client);
	if (!other(client)->listening)
		endpoint_open(other(client));
}

/* Does what is due for one end. Returns whether anything is. */
static bool step_end(struct endpoint *e, u64 now)
{
	if (next_of(e) != now)
		return false;
	if (e->backlog.until == now)
		backlog_release(e);
	else if (e->timer == now && e->kind == NOTHING)
		call(e);
	else if (e->timer == now)
		endpoint_expire(e);
	else
		user_act(e);
	return true;
}

static u64 steps_most(const struct settings *set)
{
	return STEPS_MOST + (u64)(set->bytes + set->reply) / STEP_BYTES;
}

/* The earliest of all that is due. Returns false if there is nothing. */
static bool step(struct world *w)
{
	u64 next = next_time(w);
	u32 i = 0;

	if (next == NEVER || w->failure[0])
		return false;
	if (++w->steps > steps_most(&w->set))
		FAIL(w, "a live-lock: %llu events and no end",
		     (unsigned long long)w->steps);
	w->now = max(w->now, next);
	w->counts.events++;
	if (next_change(w) == next)
		step_path(w);
	else if (next_forgery(w) == next)
		mischief_forge(w);
	else if (w->rogue.next == next)
		mischief_act(w);
	else if (wire_next(w) == next)
		step_wire(w);
	else
		while (!step_end(&w->end[i], next))
			i++;
	return true;
}

/* Until nothing moves: what is left are timers and users. */
void world_settle(struct world *w)
{
	while (!w->failure[0] && w->wire.used && step(w))
		;
}

/* Nothing will move any more; who still hopes may do so with reason. */
bool world_give_up(struct world *w)
{
	bool any = false;
	u32 i;

	for (i = 0; i < w->ends; i++) {
		if (!w->end[i].excused || w->end[i].kind != FULL)
			continue;
		endpoint_abort(&w->end[i]);
		any = true;
	}
	return any;
}

/* The client is through with it, and would call the same address again. */
static bool may_meet_again(struct endpoint *client)
{
	const struct endpoint *server = other(client);

	return client->again && !client->excused && server->listening &&
	       client->kind == NOTHING && client->user.left &&
	       (server->kind == NOTHING || server->kind == TIMEWAIT) &&
	       server->user.left;
}

static void renew(struct endpoint *e)
{
	user_end(e);
	toll_end(e);
	memset(&e->user, 0, sizeof(e->user));
	e->connected = false;
	e->fin_seen = false;
	e->was_closed = false;
	e->edge_known = false;
	e->arrived = 0;
	e->lent_bytes = 0;
	memset(&e->tuning, 0, sizeof(e->tuning));
	e->tries = 0;
	e->sent_to = 0;
}

/*
 * A second connection of the same two ends. Its numbers lie beyond those of
 * the first (RFC 6528), unless nothing of that is under way any more, or
 * timestamps tell old from new (RFC 7323 section 5): but not on resets, so it
 * begins with no number that an old ACK may have the client reset.
 */
static void meet_again(struct endpoint *client)
{
	struct endpoint *server = other(client);
	struct dice *d = &client->host;

	client->again = false;
	client->iss = client->tcb.snd.nxt + dice_below(d, 1 << 20);
	if (!client->world->wire.used && dice_below(d, 2))
		client->iss = dice_roll(d);
	else if (client->tcb.timestamps && dice_below(d, 2))
		client->iss = client->tcb.snd.iss - 1 - dice_below(d, 1000);
	server->iss = server->tcb.snd.nxt + dice_below(d, 1 << dice_below(d, 20));
	client->world->counts.again++;
	check_delivered(client);
	check_delivered(server);
	bound_judge(client);
	renew(client);
	renew(server);
	make_users(client);
	client->toll.opened = client->world->now;
	endpoint_open(client);
}

static void meet_all_again(struct world *w)
{
	u32 i;

	for (i = 0; i < w->ends; i += 2)
		if (may_meet_again(&w->end[i]))
			meet_again(&w->end[i]);
}

void world_run(struct world *w)
{
	do {
		while (step(w))
			meet_all_again(w);
	} while (!w->failure[0] && world_give_up(w));
	if (!w->failure[0])
		check_end(w);
}

/* Until that time, or until nothing moves any more. */
void world_run_until(struct world *w, u64 when)
{
	while (next_time(w) <= when && step(w))
		;
}

void world_end(struct world *w)
{
	u32 i;

	for (i = 0; i < w->ends; i += 2)
		bound_judge(&w->end[i]);
	w->counts.time = w->now - w->started;
	w->counts.digest = w->trace.digest;
	for (i = 0; i < w->ends; i++) {
		w->counts.retransmits += w->end[i].tcb.retransmits;
		endpoint_end(&w->end[i]);
	}
	wire_end(w);
	free(w->end);
	if (w->live)
		FAIL(w, "%lld packets or texts leaked", (long long)w->live);
}
