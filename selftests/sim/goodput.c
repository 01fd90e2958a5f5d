// SPDX-License-Identifier: GPL-2.0
/*
 * How fast 20 MB go over bad networks: the same rows that "make bench-loss"
 * measures, but from seeds, so that any difference is a difference of the core;
 * and beside them what theory says of a transfer without a beginning or an end.
 */
#include <math.h>
#include <stdlib.h>

#include "sim.h"

#define BYTES		20971520	/* 160 writes of 128 KB, as the bench */
#define MSS		1448.0		/* of 1500 bytes, with timestamps */
#define RATE_MOST	125e6		/* bytes a second: 1 Gbit/s */
#define RUNS		20

/* What fails on the way of the text alone: no ACK is lost. */
static const struct network {
	const char *name, *knob, *percent;
	double lost;
	u32 rtt;	/* milliseconds */
} networks[] = {
	{ "loss 0.1%, RTT 20 ms", "loss", "0.1,0", 0.001, 20 },
	{ "loss 1%, RTT 20 ms", "loss", "1,0", 0.01, 20 },
	{ "loss 1%, RTT 100 ms", "loss", "1,0", 0.01, 100 },
	{ "loss 3%, RTT 20 ms", "loss", "3,0", 0.03, 20 },
	{ "reordering 10%, RTT 20 ms", "early", "10,0", 0, 20 },
};

static const char *const algorithms[] = { "CUBIC", "Reno" };

/**
 * struct sums - of the runs of a row
 * @rates: megabytes a second
 * @squares: of these
 */
struct sums {
	double rates, squares;
	struct counts counts;
};

/*
 * Segments a round trip, RFC 9438: section 4.3 for Reno, whose losses are all
 * mended without a timeout; section 5.1 for CUBIC where that is more.
 */
static double window(bool reno, double p, double rtt)
{
	double aimd = sqrt(1.5 / p);

	return reno ? aimd : fmax(1.054 * pow(rtt / p, 0.75), aimd);
}

/* Megabytes a second. */
static double theory(const struct network *net, bool reno)
{
	double rtt = net->rtt / 1e3, p = net->lost;

	return fmin(window(reno, p, rtt) * MSS / rtt * (1 - p), RATE_MOST) / 1e6;
}

static void set_up(struct settings *set, const struct network *net, bool reno)
{
	char number[32];

	settings_init(set);
	set->calm = true;
	set->bytes = BYTES;
	set->window = 65536;	/* as by default: half of rmem */
	set->buffer = 3 << 20;
	set->path[RATE][0] = (s64)RATE_MOST;
	snprintf(number, sizeof(number), "%u", net->rtt);
	settings_take(set, "rtt", number);
	settings_take(set, net->knob, net->percent);
	settings_take(set, "congestion", reno ? "reno" : "cubic");
}

/* Returns whether all arrived. */
static bool run_one(const struct settings *set, u64 seed, struct sums *sums)
{
	struct world w;
	double rate;

	world_init(&w, seed, set, false);
	w.end[1].user.plan = 0;
	world_run(&w);
	rate = BYTES / (double)(w.end[1].user.last - w.started);
	sums->rates += rate;
	sums->squares += rate * rate;
	world_end(&w);
	counts_add(&sums->counts, &w.counts);
	free(w.trace.records);
	if (w.failure[0])
		printf("not ok: seed %llu: %s\n", (unsigned long long)seed,
		       w.failure);
	return !w.failure[0];
}

static void print_row(const struct network *net, bool reno, double runs,
		      const struct sums *s)
{
	double mean = s->rates / runs;
	double error = sqrt(fmax(s->squares / runs - mean * mean, 0) / runs);
	double ideal = theory(net, reno);
	char name[64];

	snprintf(name, sizeof(name), "%s, %s", algorithms[reno], net->name);
	printf("%-33s%8.3f%8.3f", name, mean, error);
	if (net->lost > 0)
		printf("%8.3f%7.2f", ideal, mean / ideal);
	else
		printf("%8s%7s", "-", "-");
	printf("%8.1f%10.1f%10.1f\n", s->counts.lost / runs,
	       s->counts.retransmits / runs, s->counts.expired / runs);
	fflush(stdout);
}

/* Returns the exit status. */
int goodput_all(const struct command *c)
{
	u64 runs = c->many ? c->runs : RUNS, n;
	bool good = true;
	u32 i;

	printf("MB/s of %llu seeds from %llu\n%-33s%8s%8s%8s%7s%8s%10s%10s\n",
	       (unsigned long long)runs, (unsigned long long)c->seed, "",
	       "mean", "+-", "theory", "ratio", "lost", "repeated", "timeouts");
	for (i = 0; i < 2 * ARRAY_SIZE(networks); i++) {
		const struct network *net = &networks[i / 2];
		struct sums sums = { 0 };
		struct settings set;

		set_up(&set, net, i % 2);
		for (n = 0; n < runs; n++)
			good &= run_one(&set, c->seed + n, &sums);
		print_row(net, i % 2, (double)runs, &sums);
	}
	return good ? 0 : 1;
}
