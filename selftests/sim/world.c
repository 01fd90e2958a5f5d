// SPDX-License-Identifier: GPL-2.0
/*
 * One run: draws what is left to chance, then lets things happen in the order
 * of their times until nothing is left to happen.
 */
#include <stdlib.h>

#include "sim.h"

#define STEPS_MOST	400000	/* a run has some hundreds, some thousands */

static const u32 mtus[] = { 1500, 1500, 1500, 576, 9000, 296, 88, 65535 };

static u32 often_none(struct dice *d, u32 most)
{
	return dice_below(d, 2) ? 0 : dice_below(d, most >> dice_below(d, 4));
}

static void choose(s64 *setting, u32 value)
{
	if (*setting < 0)
		*setting = value;
}

static void choose_outage(struct world *w)
{
	struct dice *d = &w->dice;

	if (dice_chance(d, 950000))
		return;
	w->set.outage[0] = w->now + dice_below(d, 5 * SECOND);
	w->set.outage[1] = w->set.outage[0] + dice_below(d, 60 * SECOND);
	if (dice_below(d, 5) == 0) {	/* one of them vanishes */
		w->set.outage[1] = NEVER;
		w->excused = true;
	}
}

static void choose_wild(struct world *w)
{
	struct settings *s = &w->set;
	struct dice *d = &w->dice;
	u32 mtu = mtus[dice_below(d, ARRAY_SIZE(mtus))];

	choose(&s->loss, often_none(d, 200000));
	choose(&s->dup, often_none(d, 200000));
	choose(&s->reorder, often_none(d, 500000));
	choose(&s->corrupt, often_none(d, 100000));
	choose(&s->rtt, dice_below(d, 400 * MSEC >> dice_below(d, 10)));
	choose(&s->mtu, mtu);
	choose(&s->rate, dice_below(d, 3) ? 0 :
			 1000 << dice_below(d, 14));
	choose(&s->bytes, (u32)min_t(s64, s->mtu * 100,
				     dice_below(d, 20) ? 60000 : 600000));
	s->unscaled = dice_below(d, 10) == 0;
	choose(&s->window, 1 + (1u << dice_below(d, 22)) +
			   dice_below(d, 5000));
	choose_outage(w);
}

static void choose_calm(struct settings *s)
{
	choose(&s->loss, 0);
	choose(&s->dup, 0);
	choose(&s->reorder, 0);
	choose(&s->corrupt, 0);
	choose(&s->rtt, 20 * MSEC);
	choose(&s->mtu, 1500);
	choose(&s->rate, 0);
	choose(&s->bytes, 5000);
	choose(&s->window, 65536);
}

/* Half of them near a place where something wraps around. */
static u32 choose_iss(struct dice *d)
{
	u32 iss = dice_roll(d);

	return dice_below(d, 2) ? iss : 0u - dice_below(d, 20000) +
					(dice_below(d, 2) << 31);
}

static void make_users(struct world *w)
{
	int i;

	for (i = 0; i < 2; i++)
		user_init(&w->end[i]);
	/* If each waited for the other's end, both would with reason. */
	if (w->end[0].user.ending == READ_ALL)
		w->end[1].user.ending = max(w->end[1].user.ending,
					    CLOSE_FIRST);
	for (i = 0; i < 2; i++) {
		w->end[i].in_room = w->end[!i].user.plan;
		w->end[i].in = malloc(w->end[i].in_room + 1);
	}
}

void world_init(struct world *w, u64 seed, const struct settings *set,
		bool keep_all)
{
	int i;

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->set = *set;
	w->trace.keep_all = keep_all;
	w->time_wait = 60ull * SECOND;
	dice_seed(&w->dice, seed);
	w->now = SECOND + (dice_below(&w->dice, 2) ?
			   dice_roll(&w->dice) : 0xfff00000ull);
	w->started = w->now;
	if (set->calm)
		choose_calm(&w->set);
	else
		choose_wild(w);
	for (i = 0; i < 2; i++)
		endpoint_init(&w->end[i], w, (u8)i);
	w->second = !w->set.calm && dice_below(&w->dice, 10) == 0;
	make_users(w);
}

static u64 next_time(const struct world *w)
{
	u64 next = wire_next(w);
	int i;

	for (i = 0; i < 2; i++) {
		next = min(next, w->end[i].timer);
		next = min(next, w->end[i].user.next);
	}
	return next;
}

static void step_wire(struct world *w)
{
	struct packet *p = wire_take(w);

	endpoint_input(&w->end[p->to], p);
	wire_free(w, p);
}

/* The earliest of all that is due. Returns false if there is nothing. */
static bool step(struct world *w)
{
	u64 next = next_time(w);
	int i;

	if (next == NEVER || w->failure[0])
		return false;
	if (++w->steps > STEPS_MOST)
		FAIL(w, "a live-lock: %u events and no end", STEPS_MOST);
	w->now = max(w->now, next);
	w->counts.events++;
	if (wire_next(w) == next) {
		step_wire(w);
		return true;
	}
	for (i = 0; i < 2; i++) {
		if (w->end[i].timer == next) {
			endpoint_expire(&w->end[i]);
			return true;
		}
		if (w->end[i].user.next == next) {
			user_act(&w->end[i]);
			return true;
		}
	}
	return false;
}

/* Until nothing moves: what is left are timers further away than @w->set.rtt. */
void world_settle(struct world *w)
{
	while (!w->failure[0] && w->wire.used && step(w))
		;
}

static void open_ends(struct world *w)
{
	bool both = !w->set.calm && dice_below(&w->dice, 20) == 0;
	u32 iss = choose_iss(&w->dice);

	w->end[1].listening = !both;
	endpoint_open(&w->end[0], iss);
	if (both)	/* each must call before it hears of the other */
		endpoint_open(&w->end[1], choose_iss(&w->dice));
}

/* Nothing will move any more; who still hopes may do so with reason. */
static bool give_up_rest(struct world *w)
{
	bool any = false;
	int i;

	for (i = 0; i < 2; i++) {
		if (!w->excused || w->end[i].kind != FULL)
			continue;
		endpoint_abort(&w->end[i]);
		any = true;
	}
	return any;
}

/* The client is through with it, and would call the same address again. */
static bool may_meet_again(const struct world *w)
{
	const struct endpoint *client = &w->end[0], *server = &w->end[1];

	return w->second && !w->excused && server->listening &&
	       client->kind == NOTHING && client->user.left &&
	       (server->kind == NOTHING || server->kind == REMNANT) &&
	       server->user.left;
}

static void renew(struct endpoint *e)
{
	user_end(e);
	memset(&e->user, 0, sizeof(e->user));
	e->connected = false;
	e->fin_seen = false;
	e->was_closed = false;
	e->edge_known = false;
	e->arrived = 0;
	e->lent_bytes = 0;
	e->tries = 0;
	e->sent_to = 0;
}

/*
 * A second connection of the same two ends. Its numbers lie beyond those of
 * the first (RFC 6528), unless nothing of that is under way any more.
 */
static void meet_again(struct world *w)
{
	u32 iss = w->end[0].tcb.snd.nxt + dice_below(&w->dice, 1 << 20);

	w->second = false;
	if (!w->wire.used && dice_below(&w->dice, 2))
		iss = dice_roll(&w->dice);
	w->counts.again++;
	w->next_iss = w->end[1].tcb.snd.nxt + dice_below(&w->dice, 1 << 20);
	check_delivered(&w->end[0]);
	check_delivered(&w->end[1]);
	renew(&w->end[0]);
	renew(&w->end[1]);
	make_users(w);
	endpoint_open(&w->end[0], iss);
}

void world_run(struct world *w)
{
	open_ends(w);
	do {
		while (step(w))
			if (may_meet_again(w))
				meet_again(w);
	} while (!w->failure[0] && give_up_rest(w));
	if (!w->failure[0])
		check_end(w);
}

void world_end(struct world *w)
{
	int i;

	w->counts.time = w->now - w->started;
	for (i = 0; i < 2; i++) {
		w->counts.retransmits += w->end[i].tcb.retransmits;
		endpoint_end(&w->end[i]);
	}
	wire_end(w);
	if (w->live)
		FAIL(w, "%lld packets or texts leaked", (long long)w->live);
}
