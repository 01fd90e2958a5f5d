// SPDX-License-Identifier: GPL-2.0
/*
 * The runs that are furthest from their bounds (bound.c), as --slow lists them:
 * of each kind how many are beyond, and the worst.
 */
#include <stdlib.h>

#include "sim.h"

static void swap(struct far *a, struct far *b)
{
	struct far x = *a;

	*a = *b;
	*b = x;
}

/* Into its place among the worst, the least of which drops out. */
static void insert(struct slow *slow, enum bound kind, struct far x)
{
	struct far *worst = slow->worst[kind];
	u32 i;

	for (i = 0; i < SLOW_MOST; i++)
		if (x.excess.factor > worst[i].excess.factor ||
		    (x.excess.factor == worst[i].excess.factor &&
		     x.seed < worst[i].seed))
			swap(&x, &worst[i]);
}

static bool is_beyond(const struct excess *x, u64 percent)
{
	return x->factor * 100 > (double)percent;
}

/** slow_add() - what a run was like; it may be beyond @percent of a bound */
void slow_add(struct slow *slow, const struct world *w, u64 percent)
{
	u32 kind;

	for (kind = 0; kind < BOUNDS; kind++) {
		const struct excess *x = &w->excess[kind];

		slow->beyond[kind] += is_beyond(x, percent);
		if (x->factor > 0)
			insert(slow, kind, (struct far){ w->seed, *x });
	}
}

/** slow_merge() - what another process has found */
void slow_merge(struct slow *slow, const struct slow *other)
{
	u32 kind, i;

	for (kind = 0; kind < BOUNDS; kind++) {
		slow->beyond[kind] += other->beyond[kind];
		for (i = 0; i < SLOW_MOST; i++)
			if (other->worst[kind][i].excess.factor > 0)
				insert(slow, kind, other->worst[kind][i]);
	}
}

static void print_far(const struct far *far)
{
	const struct excess *x = &far->excess;

	printf("  seed %llu: %s %u: %.2f: %.10g where %.10g are explained\n",
	       (unsigned long long)far->seed, x->id & 1 ? "server" : "client",
	       x->id / 2 + 1, x->factor, x->found, x->allowed);
}

/* Of a single run its distance, of many those beyond. */
void slow_print(const struct slow *slow, u64 runs, u64 percent)
{
	u32 kind, i;

	for (kind = 0; kind < BOUNDS; kind++) {
		const struct far *worst = slow->worst[kind];

		printf("slow: %s: %llu of %llu runs beyond %llu%% of the "
		       "bound, the worst %.2f times\n",
		       bound_names[kind],
		       (unsigned long long)slow->beyond[kind],
		       (unsigned long long)runs, (unsigned long long)percent,
		       worst->excess.factor);
		for (i = 0; i < SLOW_MOST; i++)
			if (is_beyond(&worst[i].excess, runs > 1 ? percent : 0))
				print_far(&worst[i]);
	}
}
