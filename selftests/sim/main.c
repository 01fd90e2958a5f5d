// SPDX-License-Identifier: GPL-2.0
/*
 * sim: thousands of connections over a bad network in virtual time, or one of
 * them to look at.
 */
#include <stdlib.h>

#include "sim.h"

static void usage(const char *program, FILE *to)
{
	fprintf(to, "usage: %s [OPTION VALUE]...\n"
		"  --seed N                   other chances (1)\n"
		"  --example                  the worked example\n"
		"  --events                   the records of one run, to be drawn\n"
		"  --fates                    what became of each of its packets\n"
		"  --slow                     the runs that nothing explains: see testing.rst\n"
		"  --beyond PCT               of the bound, to be among them (100)\n"
		"  --runs N                   N runs over networks of all kinds, checked\n"
		"  --jobs N                   by so many processes\n"
		"  --goodput                  how fast 20 MB go over bad networks\n"
		"  --fairness                 how two share a bottleneck\n",
		program);
	settings_usage(to);
}

static void refuse(const char *program, const char *option, const char *text)
{
	usage(program, stderr);
	fprintf(stderr, "%s: not understood: %s%s%s\n", program, option,
		text ? " " : "", text ? text : "");
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
	if (!strcmp(name, "beyond"))
		return parse_count(text, 1, &c->beyond);
	if (!strcmp(name, "jobs"))
		return parse_count(text, 1, &c->jobs);
	return settings_take(&c->set, name, text);
}

static void parse(struct command *c, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--events"))
			c->events = true;
		else if (!strcmp(argv[i], "--fates"))
			c->fates = true;
		else if (!strcmp(argv[i], "--slow"))
			c->slow = true;
		else if (!strcmp(argv[i], "--example"))
			c->example = true;
		else if (!strcmp(argv[i], "--goodput"))
			c->goodput = true;
		else if (!strcmp(argv[i], "--fairness"))
			c->fairness = true;
		else if (!strcmp(argv[i], "--help"))
			c->help = true;
		else if (take_option(c, argv[i], argv[i + 1]))
			i++;
		else
			refuse(argv[0], argv[i], argv[i + 1]);
	}
	/* One run to look at, or runs that are to find something? */
	c->set.calm = !c->many &&
		      (c->events || c->fates || c->slow || !c->seeded);
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
	struct command c = { .seed = 1, .runs = 1, .beyond = 100,
			     .argv = argv };

	settings_init(&c.set);
	parse(&c, argc, argv);
	if (c.help) {
		usage(argv[0], stdout);
		return 0;
	}
	if (c.example)
		return run_example(&c);
	if (c.fairness)
		return fairness_all(&c);
	return c.goodput ? goodput_all(&c) : runs_all(&c);
}
