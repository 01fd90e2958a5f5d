// SPDX-License-Identifier: GPL-2.0
/*
 * Do two connections of the same algorithm share a bottleneck? (scripts/bench
 * --fairness asks the same of toytcp and the kernel's TCP.)
 */
#include <stdlib.h>

#include "sim.h"

#define RATE_SHARED	2500000		/* bytes a second: 20 Mbit/s */
#define LATER		(100 * MSEC)	/* within that the second one begins */
#define FIRST		(15 * SECOND)	/* what is received from here ... */
#define LAST		(45 * SECOND)	/* ... to here counts */
#define BYTES_EACH	80000000	/* 70 % of all until then */
#define RUNS		5
#define LEAST		0.4		/* of what both get */

static const double rtts[] = { 10, 100 };	/* milliseconds */
static const double queues[] = { 0.5, 2 };	/* BDP */
static const char *const algorithms[] = { "cubic", "reno" };

static void set_up(struct settings *set, double rtt, double queue,
		   const char *algorithm)
{
	settings_init(set);
	set->calm = true;
	set->connections = 2;
	set->bytes = 2 * BYTES_EACH;
	set->window = 65536;
	set->buffer = 3 << 20;
	set->path[RATE][0] = RATE_SHARED;
	set->path[QUEUE][0] = (s64)(RATE_SHARED * rtt / 1000 * queue);
	set->dither = 2 * 1500;
	set->path[DELAY][0] = 0;
	set->path[DELAY][1] = (s64)(rtt * MSEC);
	settings_take(set, "congestion", algorithm);
}

/* The share of the connection that began later. */
static double share_of_later(const struct settings *set, u64 seed, bool *good)
{
	double received[2];
	struct world w;
	int i;

	world_init(&w, seed, set, false);
	w.end[2].timer += dice_below(&w.end[2].dice, LATER);
	for (i = 0; i < 2; i++)
		w.end[2 * i + 1].user.plan = 0;
	world_run_until(&w, w.started + FIRST);
	for (i = 0; i < 2; i++)
		received[i] = w.end[2 * i + 1].user.read;
	world_run_until(&w, w.started + LAST);
	for (i = 0; i < 2; i++)
		received[i] = w.end[2 * i + 1].user.read - received[i];
	if (w.failure[0])
		printf("not ok: seed %llu: %s\n", (unsigned long long)seed,
		       w.failure);
	*good &= !w.failure[0];
	world_end(&w);
	free(w.trace.records);
	return received[1] / (received[0] + received[1]);
}

static bool check_row(const struct command *c, double rtt, double queue,
		      const char *algorithm)
{
	u64 runs = c->many ? c->runs : RUNS, n;
	double share, sum = 0, least = 1, most = 0;
	struct settings set;
	bool good = true;

	set_up(&set, rtt, queue, algorithm);
	for (n = 0; n < runs; n++) {
		share = share_of_later(&set, c->seed + n, &good);
		sum += share;
		least = share < least ? share : least;
		most = share > most ? share : most;
	}
	sum /= (double)runs;
	printf("%-6s RTT %3g ms, queue %3g BDP: %.3f (%.3f to %.3f)\n",
	       algorithm, rtt, queue, sum, least, most);
	fflush(stdout);
	return good && sum >= LEAST && sum <= 1 - LEAST;
}

/* Returns the exit status. */
int fairness_all(const struct command *c)
{
	bool good = true;
	u32 a, r, q;

	printf("The share of the connection that began later\n");
	for (a = 0; a < ARRAY_SIZE(algorithms); a++)
		for (r = 0; r < ARRAY_SIZE(rtts); r++)
			for (q = 0; q < ARRAY_SIZE(queues); q++)
				good &= check_row(c, rtts[r], queues[q],
						  algorithms[a]);
	return good ? 0 : 1;
}
