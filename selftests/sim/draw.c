// SPDX-License-Identifier: GPL-2.0
/*
 * What chance makes of the settings that nobody has asked for.
 *
 * Each number is drawn in a statement of its own: C does not say in which order
 * the arguments of a call are evaluated, nor the two sides of a sum. And min()
 * may draw twice.
 */
#include "sim.h"

static const u32 mtus[] = { 1500, 1500, 1500, 576, 9000, 296, 88, 65535 };

static void choose(s64 *value, s64 drawn)
{
	if (*value < 0)
		*value = drawn;
}

/* The ways differ in one of eight. */
static void choose_both(struct settings *set, struct dice *d, enum knob knob,
			s64 drawn)
{
	choose(&set->path[knob][0], drawn);
	if (dice_below(d, 8) == 0)
		drawn = dice_below(d, 2) ? 0 : drawn / 4;
	choose(&set->path[knob][1], drawn);
}

static u32 often_none(struct dice *d, u32 most)
{
	return dice_below(d, 2) ? 0 : dice_below(d, most >> dice_below(d, 4));
}

static s64 draw_mtu(struct dice *d)
{
	return mtus[dice_below(d, ARRAY_SIZE(mtus))];
}

static void draw_path(struct settings *set, struct dice *d)
{
	s64 *mtu = set->path[MTU], most, queue;

	choose_both(set, d, LOSS, often_none(d, 200000));
	choose_both(set, d, MARK, often_none(d, 300000));
	choose_both(set, d, DUP, often_none(d, 200000));
	choose_both(set, d, REORDER, often_none(d, 500000));
	choose_both(set, d, EARLY, dice_below(d, 4) ? 0 :
				   often_none(d, 200000));
	choose_both(set, d, CORRUPT, often_none(d, 100000));
	choose_both(set, d, DELAY,
		    dice_below(d, 200 * MSEC >> dice_below(d, 10)));
	choose_both(set, d, RATE, dice_below(d, 3) ? 0 :
				  1000 << dice_below(d, 14));
	choose(&mtu[0], draw_mtu(d));
	choose(&mtu[1], dice_below(d, 8) ? mtu[0] : draw_mtu(d));
	/* No longer than ten seconds: nobody can tell that from an outage. */
	most = max(2 * mtu[0], 10 * set->path[RATE][0]);
	queue = dice_between(d, 2, 100) * mtu[0];
	queue = min(queue, most);
	choose_both(set, d, QUEUE, dice_below(d, 2) ? 0 : queue);
	choose_both(set, d, DOWN, 0);
}

/* At the end, so that they stay in order: @after the one before. */
static struct change *add_change(struct settings *set, s64 after,
				 enum knob knob, s64 value)
{
	u32 n = set->changed;
	struct change *c = &set->changes[n];

	if (n == CHANGES_MOST)
		return c - 1;
	c->when = after + (n ? c[-1].when : 0);
	c->knob = knob;
	c->to[0] = value;
	c->to[1] = value;
	set->changed++;
	return c;
}

/* Down once for long, or a few times for a moment; perhaps one way only. */
static void draw_outage(struct settings *set, struct dice *d)
{
	u32 n = dice_below(d, 2) ? 1 : dice_between(d, 2, 4), i;
	u32 most = n == 1 ? 60 * SECOND : 3 * SECOND;
	u32 way = dice_below(d, 5);

	for (i = 0; i < n; i++) {
		struct change *c = add_change(set, dice_below(d, 5 * SECOND),
					      DOWN, 1);

		if (way < 2)
			c->to[way] = 0;
		if (n > 1 || dice_below(d, 5))	/* or one of them vanishes */
			add_change(set, dice_below(d, most), DOWN, 0);
	}
}

static void draw_changes(struct settings *set, struct dice *d)
{
	s64 after;

	if (dice_below(d, 20) == 0)
		draw_outage(set, d);
	after = dice_below(d, 2 * SECOND);
	if (dice_below(d, 20) == 0)
		add_change(set, after, DELAY, dice_below(d, 500 * MSEC));
	after = dice_below(d, 2 * SECOND);
	if (dice_below(d, 20) == 0)
		add_change(set, after, MTU, draw_mtu(d));
	after = dice_below(d, 2 * SECOND);
	if (dice_below(d, 20) == 0)
		add_change(set, after, RATE, 1000 << dice_below(d, 10));
}

/* A black hole: the core has to find out what fits, down to 576 bytes. */
static void draw_hole(struct settings *set, struct dice *d)
{
	s64 mtu = mtus[dice_below(d, 2) ? 4 : 7], *queue = set->path[QUEUE];
	s64 after = dice_below(d, 2) ? 0 : dice_below(d, 2 * SECOND);

	set->hole = true;
	choose(&set->path[MTU][0], mtu);
	choose(&set->path[MTU][1], mtu);
	choose(&queue[0], 0);
	choose(&queue[1], 0);
	add_change(set, after, MTU, dice_between(d, 576, 1500));
}

/* What no small window and no slow link shows. */
static void draw_large(struct settings *set, struct dice *d)
{
	s64 *loss = set->path[LOSS], *rate = set->path[RATE];
	s64 bytes = dice_between(d, 300000, 2000000);
	s64 window = 65536 << dice_below(d, 5);

	set->large = true;
	choose(&rate[0], 1000000 << dice_below(d, 6));
	choose(&rate[1], rate[0]);
	choose(&loss[0], dice_below(d, 2) ? 0 : dice_below(d, 20000));
	choose(&loss[1], loss[0]);
	choose(&set->path[CORRUPT][0], 0);
	choose(&set->path[CORRUPT][1], 0);
	choose(&set->path[MTU][0], dice_below(d, 4) ? 1500 : 9000);
	choose(&set->path[MTU][1], set->path[MTU][0]);
	choose(&set->connections, 1);
	choose(&set->bytes, bytes);
	choose(&set->reply, dice_below(d, 100000));
	choose(&set->window, window);
	choose(&set->buffer, dice_below(d, 2) ? 0 : 4 << 20);
}

/* What nobody asked for is left to chance. */
void settings_draw(struct settings *set, struct dice *d)
{
	u32 i, window;
	s64 bytes, rounds;

	if (!set->changed && !set->mischief && dice_below(d, 20) == 0)
		draw_hole(set, d);
	else if (dice_below(d, 100) == 0)
		draw_large(set, d);
	draw_path(set, d);
	choose(&set->connections, dice_below(d, 12) ? 1 :
				  dice_between(d, 2, CONNECTIONS_MOST));
	bytes = dice_below(d, 20) ? 60000 : 600000;
	choose(&set->bytes, min(set->path[MTU][0] * 100, bytes));
	choose(&set->reply, set->bytes);
	window = 1 + (1u << dice_below(d, 22));
	choose(&set->window, window + dice_below(d, 5000));
	choose(&set->buffer, dice_below(d, 2) ? 0 :
			     set->window << dice_below(d, 8));
	for (i = 0; i < 2; i++)
		if (set->congestion[i] < 0)
			set->congestion[i] = (int)dice_below(d, 2);
	rounds = dice_between(d, 2, 30);
	choose(&set->rounds, dice_below(d, 6) ? 1 : rounds);
	choose(&set->sndbuf, 0);
	set->unscaled = dice_below(d, 10) == 0;
	set->silent = dice_below(d, 3) == 0 || set->hole;
	if (!set->mischief && !set->hole && dice_below(d, 5) == 0)
		set->mischief = mischief_draw(d);
	if (!set->changed)
		draw_changes(set, d);
}
