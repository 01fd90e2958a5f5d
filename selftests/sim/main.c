// SPDX-License-Identifier: GPL-2.0
/*
 * sim: thousands of connections over a bad network in virtual time, or one of
 * them to look at.
 */
#include <stdlib.h>
#include <time.h>

#include "sim.h"

/**
 * struct command - what was asked for
 * @seed: of the first run
 * @runs: how many
 * @many: --runs was given: what is not set is drawn from each run's seed
 */
struct command {
	struct settings set;
	u64 seed;
	u64 runs;
	bool many, seeded, events, example;
};

void __sanitizer_set_death_callback(void (*callback)(void))
	__attribute__((weak));

static const char *program;
static u64 seed_at_hand;

static void usage(void)
{
	fprintf(stderr,
		"usage: %s [--runs N] [--seed N] [--events] [--example]\n",
		program);
	settings_usage(stderr);
	exit(2);
}

static bool parse_count(const char *text, u64 low, u64 *value)
{
	char *rest;

	*value = strtoull(text, &rest, 10);
	return text[0] >= '0' && text[0] <= '9' && !*rest && *value >= low;
}

/* --NAME TEXT; returns whether that is right. */
static bool take_option(struct command *c, const char *name, const char *text)
{
	if (strncmp(name, "--", 2) || !text)
		return false;
	name += 2;
	if (!strcmp(name, "runs")) {
		c->many = true;
		return parse_count(text, 1, &c->runs);
	}
	if (!strcmp(name, "seed")) {
		c->seeded = true;
		return parse_count(text, 0, &c->seed);
	}
	return settings_take(&c->set, name, text);
}

static void parse(struct command *c, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--events"))
			c->events = true;
		else if (!strcmp(argv[i], "--example"))
			c->example = true;
		else if (take_option(c, argv[i], argv[i + 1]))
			i++;
		else
			usage();
	}
	/* One run to look at, or runs that are to find something? */
	c->set.calm = !c->many && (c->events || !c->seeded);
}

static void add(struct counts *sum, const struct counts *one)
{
	u64 *to = (u64 *)sum;
	const u64 *from = (const u64 *)one;
	u32 i;

	static_assert(sizeof(*sum) % sizeof(u64) == 0, "counts are u64");
	for (i = 0; i < sizeof(*sum) / sizeof(u64); i++)
		to[i] += from[i];
}

/* So that a sanitizer's report is followed by how to see it again. */
static void on_death(void)
{
	fprintf(stderr, "replay: %s --seed %llu\n", program,
		(unsigned long long)seed_at_hand);
}

static void report_failure(const struct world *w, int argc, char **argv)
{
	int i;

	printf("not ok: seed %llu: %s\n", (unsigned long long)w->seed,
	       w->failure);
	settings_print(&w->set, stdout);
	trace_ladder(w, stdout);
	printf("replay: %s --seed %llu", program, (unsigned long long)w->seed);
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--runs") || !strcmp(argv[i], "--seed"))
			i++;
		else
			printf(" %s", argv[i]);
	}
	putchar('\n');
}

static bool run_one(const struct command *c, u64 seed, struct counts *sum,
		    int argc, char **argv)
{
	struct world w;
	bool good;

	seed_at_hand = seed;
	world_init(&w, seed, &c->set, c->events);
	world_run(&w);
	world_end(&w);
	if (c->events)
		trace_events(&w, stdout);
	add(sum, &w.counts);
	good = !w.failure[0];
	if (!good && !c->events)
		report_failure(&w, argc, argv);
	else if (!good)
		fprintf(stderr, "not ok: %s\n", w.failure);
	free(w.trace.records);
	return good;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + t.tv_nsec / 1e9;
}

static void print_counts(u64 runs, u64 failed, const struct counts *c,
			 double took)
{
#define N(field) ((unsigned long long)c->field)
	printf("# %llu connections, %llu segments: %llu lost, %llu doubled, "
	       "%llu overtaking, %llu corrupt, %llu for a full queue, %llu too "
	       "big; %llu repeated\n", N(connections), N(sent), N(lost),
	       N(dup), N(reordered), N(corrupt), N(queued), N(too_big),
	       N(retransmits));
	printf("# %llu bytes read; %llu aborts, %llu timeouts, %llu refusals, "
	       "%llu resets, %llu met again; %.0f hours went by\n", N(delivered),
	       N(aborted), N(timed_out), N(refused), N(reset), N(again),
	       c->time / 3.6e9);
	printf("sim: %llu runs, %llu failed, %llu events, %.1f s\n",
	       (unsigned long long)runs, (unsigned long long)failed, N(events),
	       took);
#undef N
}

static int run_all(const struct command *c, int argc, char **argv)
{
	double began = seconds(), said = began;
	struct counts sum = { 0 };
	u64 i, failed = 0;

	for (i = 0; i < c->runs && failed < 5; i++) {
		failed += !run_one(c, c->seed + i, &sum, argc, argv);
		if (c->many && seconds() - said >= 5) {
			said = seconds();
			printf("# %llu of %llu runs\n", (unsigned long long)i,
			       (unsigned long long)c->runs);
			fflush(stdout);
		}
	}
	if (!c->events)
		print_counts(i, failed, &sum, seconds() - began);
	return failed ? 1 : 0;
}

static int run_example(const struct command *c)
{
	struct world w;
	bool good = example_run(&w);

	if (c->events)
		trace_events(&w, stdout);
	else
		trace_ladder(&w, stdout);
	if (!good)
		fprintf(stderr, "not ok: %s\n", w.failure);
	free(w.trace.records);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct command c = {
		.seed = 1, .runs = 1,
	};

	settings_init(&c.set);
	program = argv[0];
	parse(&c, argc, argv);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(on_death);
	return c.example ? run_example(&c) : run_all(&c, argc, argv);
}
