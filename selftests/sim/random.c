// SPDX-License-Identifier: GPL-2.0
/*
 * Chance that can be repeated: small generators, seeded from the run's seed. All
 * that chance decides has one of its own, or a packet more would change whatever
 * is drawn after it.
 */
#include "sim.h"

/* Every bit of @x changes half of the bits of the result. */
static u64 stir(u64 x)
{
	x = (x ^ x >> 32) * 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 29) * 0x2545f4914f6cdd1dull;
	return x ^ x >> 32;
}

/* Neighbouring seeds, and numbers, must not give similar chances. */
void dice_seed(struct dice *d, u64 seed, enum stream of, u64 n)
{
	d->state = stir(stir(stir(seed + 1) + of) + n);
	if (!d->state)
		d->state = 1;
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
