// SPDX-License-Identifier: GPL-2.0
/*
 * Chance that can be repeated: a small generator, seeded for each run.
 */
#include "sim.h"

/* Neighbouring seeds must not give similar runs: stir them first. */
void dice_seed(struct dice *d, u64 seed)
{
	int i;

	d->state = (seed + 1) * 0x9e3779b97f4a7c15ull;
	if (!d->state)
		d->state = 1;
	for (i = 0; i < 8; i++)
		dice_roll(d);
}

u32 dice_roll(struct dice *d)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return (u32)((d->state * 0x2545f4914f6cdd1dull) >> 32);
}

u32 dice_below(struct dice *d, u32 bound)
{
	return bound ? (u32)((u64)dice_roll(d) * bound >> 32) : 0;
}

u32 dice_between(struct dice *d, u32 low, u32 high)
{
	return low + dice_below(d, high - low + 1);
}

bool dice_chance(struct dice *d, u32 of_a_million)
{
	return of_a_million && dice_below(d, MILLION) < of_a_million;
}
