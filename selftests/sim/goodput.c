// SPDX-License-Identifier: GPL-2.0
/*
 * How fast 20 MB go over bad networks: the same rows that "make bench-loss"
 * measures, but from seeds, so that any difference is a difference of the core;
 * and beside them what theory says of a transfer without a beginning or an end.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define BYTES		20971520	/* 160 writes of 128 KB, as the bench */
#define MSS		1448.0		/* of 1500 bytes, with timestamps */
#define RATE_MOST	125e6		/* bytes a second: 1 Gbit/s */
#define RUNS		20

/*
 * What fails on the way of the text alone, unless the name says otherwise. Of
 * an outage the theory knows nothing but that its time is lost.
 */
static const struct network {
	const char *name, *options;
	double lost, outage;	/* share; seconds */
} networks[] = {
	{ "loss 0.1%, RTT 20 ms", "loss=0.1,0", 0.001, 0 },
	{ "loss 1%, RTT 20 ms", "loss=1,0", 0.01, 0 },
	{ "loss 1%, RTT 100 ms", "loss=1,0 rtt=100", 0.01, 0 },
	{ "loss 1%, RTT 300 ms", "loss=1,0 rtt=300", 0.01, 0 },
	{ "loss 3%, RTT 20 ms", "loss=3,0", 0.03, 0 },
	{ "loss 1%, no SACK", "loss=1,0 sack=0", 0.01, 0 },
	{ "loss 1%, no timestamps", "loss=1,0 timestamps=0", 0.01, 0 },
	{ "loss 1%, neither", "loss=1,0 sack=0 timestamps=0", 0.01, 0 },
	{ "loss 1%, no DSACK", "loss=1,0 dsack=0", 0.01, 0 },
	{ "loss 1%, ACK loss 30%", "loss=1,30", 0.01, 0 },
	{ "loss 1%, duplication 0.5%", "loss=1,0 dup=0.5,0", 0.01, 0 },
	{ "loss 1%, duplication 3%", "loss=1,0 dup=3,0", 0.01, 0 },
	{ "reordering 10%", "early=10,0", 0, 0 },
	{ "reordering 10%, no SACK", "early=10,0 sack=0", 0, 0 },
	{ "reordering 10%, neither", "early=10,0 sack=0 timestamps=0", 0, 0 },
	{ "100 Mbit/s, queue 0.1 BDP", "rate=12500000 rtt=50 queue=62500", 0, 0 },
	{ "100 Mbit/s, queue 1 BDP", "rate=12500000 rtt=50 queue=625000", 0, 0 },
	{ "the same, no SACK", "rate=12500000 rtt=50 queue=625000 sack=0", 0, 0 },
	{ "100 Mbit/s, queue 3 BDP", "rate=12500000 rtt=50 queue=1875000", 0, 0 },
	{ "100 Mbit/s, two outages of 1 s", "rate=12500000 queue=625000 "
	  "at=300:down=1 at=1300:down=0 at=2000:down=1 at=3000:down=0", 0, 2 },
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
static double theory(const struct network *net, const struct settings *set,
		     bool reno)
{
	double rtt = (double)(set->path[DELAY][0] + set->path[DELAY][1]) / 1e6;
	double p = net->lost, rate = (double)set->path[RATE][0];

	if (net->outage > 0)
		return BYTES / (BYTES / rate + net->outage) / 1e6;
	if (p <= 0)
		return rate / 1e6;
	return fmin(window(reno, p, rtt) * MSS / rtt * (1 - p), rate) / 1e6;
}

static void take_options(struct settings *set, const char *options)
{
	char text[128], *option, *rest = text;

	snprintf(text, sizeof(text), "%s", options);
	while ((option = strsep(&rest, " "))) {
		char *value = strchr(option, '=');

		*value++ = 0;
		if (!settings_take(set, option, value))
			abort();
	}
}

static void set_up(struct settings *set, const struct network *net, bool reno)
{
	settings_init(set);
	set->calm = true;
	set->bytes = BYTES;
	set->window = 65536;	/* as by default: half of rmem */
	set->buffer = 3 << 20;
	set->path[RATE][0] = (s64)RATE_MOST;
	settings_take(set, "rtt", "20");
	take_options(set, net->options);
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

static void print_row(const struct network *net, const struct settings *set,
		      bool reno, double runs, const struct sums *s)
{
	double mean = s->rates / runs;
	double error = sqrt(fmax(s->squares / runs - mean * mean, 0) / runs);
	double ideal = theory(net, set, reno);
	char name[64];

	snprintf(name, sizeof(name), "%s, %s", algorithms[reno], net->name);
	printf("%-38s%8.3f%8.3f%8.3f%7.2f", name, mean, error, ideal,
	       mean / ideal);
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

	printf("MB/s of %llu seeds from %llu\n%-38s%8s%8s%8s%7s%8s%10s%10s\n",
	       (unsigned long long)runs, (unsigned long long)c->seed, "",
	       "mean", "+-", "theory", "ratio", "lost", "repeated", "timeouts");
	for (i = 0; i < 2 * ARRAY_SIZE(networks); i++) {
		const struct network *net = &networks[i / 2];
		struct sums sums = { 0 };
		struct settings set;

		set_up(&set, net, i % 2);
		for (n = 0; n < runs; n++)
			good &= run_one(&set, c->seed + n, &sums);
		print_row(net, &set, i % 2, (double)runs, &sums);
	}
	return good ? 0 : 1;
}
