// SPDX-License-Identifier: GPL-2.0
/*
 * One run after the other, in several processes if they are many. Process n of
 * N has every Nth seed; what it counts stands in memory that all share. A run
 * that fails is done again at the end, by the first process, for its ladder.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

#define FAILURES_MOST	5
#define RUNS_FOR_TWO	5000	/* fewer are not worth another process */
#define SAY_EVERY	5	/* seconds */

/**
 * struct job - one process, as all see it
 * @done: runs
 * @failed: how many of them, at most FAILURES_MOST
 * @seeds: theirs
 */
struct job {
	u64 done, failed, seeds[FAILURES_MOST];
	struct counts sum;
	struct slow slow;
};

void __sanitizer_set_death_callback(void (*callback)(void))
	__attribute__((weak));

static const struct command *command;
static u64 seed_at_hand;

static void print_replay(u64 seed, FILE *to)
{
	char **arg = command->argv;

	fprintf(to, "replay: %s --seed %llu", *arg, (unsigned long long)seed);
	while (*++arg) {
		if (!strcmp(*arg, "--runs") || !strcmp(*arg, "--seed") ||
		    !strcmp(*arg, "--jobs"))
			arg++;
		else
			fprintf(to, " %s", *arg);
	}
	fputc('\n', to);
}

/* So that a sanitizer's report is followed by how to see it again. */
static void on_death(void)
{
	print_replay(seed_at_hand, stderr);
}

void counts_add(struct counts *sum, const struct counts *one)
{
	u64 *to = (u64 *)sum;
	const u64 *from = (const u64 *)one;
	u32 i;

	static_assert(sizeof(*sum) % sizeof(u64) == 0, "counts are u64");
	for (i = 0; i < sizeof(*sum) / sizeof(u64); i++)
		to[i] += from[i];
}

static void report(const struct world *w)
{
	if (w->failure[0]) {
		printf("not ok: seed %llu: %s\n", (unsigned long long)w->seed,
		       w->failure);
		settings_print(&w->set, stdout);
		trace_ladder(w, stdout);
		print_replay(w->seed, stdout);
	}
	fflush(stdout);
}

static bool run_one(u64 seed, struct job *job,
		    void (*say)(const struct world *w))
{
	struct world w;

	seed_at_hand = seed;
	world_init(&w, seed, &command->set, command->events);
	w.fates = command->fates ? stdout : NULL;
	world_run(&w);
	world_end(&w);
	if (say)
		say(&w);
	counts_add(&job->sum, &w.counts);
	slow_add(&job->slow, &w, command->beyond);
	free(w.trace.records);
	return !w.failure[0];
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + t.tv_nsec / 1e9;
}

static struct job total(const struct job *jobs, u64 n)
{
	struct job sum = { 0 };
	u64 i, k;

	for (i = 0; i < n; i++) {
		counts_add(&sum.sum, &jobs[i].sum);
		slow_merge(&sum.slow, &jobs[i].slow);
		sum.done += jobs[i].done;
		for (k = 0; k < jobs[i].failed; k++)
			if (sum.failed < FAILURES_MOST)
				sum.seeds[sum.failed++] = jobs[i].seeds[k];
	}
	return sum;
}

static void work(struct job *jobs, u64 n, u64 which)
{
	struct job *job = &jobs[which];
	double said = seconds();
	u64 i;

	for (i = which; i < command->runs; i += n) {
		if (!run_one(command->seed + i, job, NULL)) {
			job->seeds[job->failed++] = command->seed + i;
			printf("# seed %llu failed\n",
			       (unsigned long long)command->seed + i);
			fflush(stdout);
		}
		job->done++;
		if (job->failed == FAILURES_MOST)
			break;
		if (which || seconds() - said < SAY_EVERY)
			continue;
		said = seconds();
		printf("# %llu of %llu runs, %llu failed\n",
		       (unsigned long long)total(jobs, n).done,
		       (unsigned long long)command->runs,
		       (unsigned long long)total(jobs, n).failed);
		fflush(stdout);
	}
}

static void start(struct job *jobs, u64 n, u64 which)
{
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	work(jobs, n, which);
	_exit(0);
}

/* Returns whether all came to their end. */
static bool await_all(void)
{
	bool good = true;
	int status;

	while (wait(&status) > 0)
		good &= !status;
	return good;
}

static void print_counts(const struct job *t, double took)
{
#define N(field) ((unsigned long long)t->sum.field)
	printf("# %llu connections, %llu segments: %llu lost, %llu doubled, "
	       "%llu overtaking, %llu corrupt, %llu for a full queue, %llu too "
	       "big; %llu repeated\n", N(connections), N(sent), N(lost),
	       N(dup), N(reordered), N(corrupt), N(queued), N(too_big),
	       N(retransmits));
	printf("# %llu bytes read; %llu aborts, %llu timeouts, %llu refusals, "
	       "%llu resets, %llu met again, %llu strays, %llu buffers grown, "
	       "%llu ACKs deferred; %.0f hours went by\n",
	       N(delivered), N(aborted), N(timed_out), N(refused), N(reset),
	       N(again), N(strays), N(grown), N(deferred),
	       t->sum.time / 3.6e9);
	printf("# digest of all that happened: %016llx\n", N(digest));
	printf("sim: %llu runs, %llu failed, %llu events, %.1f s\n",
	       (unsigned long long)t->done, (unsigned long long)t->failed,
	       N(events), took);
#undef N
}

static int many(void)
{
	u64 n = command->jobs, i;
	double began = seconds();
	struct job ignored = { 0 };
	struct job *jobs, sum;
	bool good;

	if (!n && command->runs >= RUNS_FOR_TWO)
		n = (u64)max_t(long, sysconf(_SC_NPROCESSORS_ONLN), 1);
	n = min(max_t(u64, n, 1), command->runs);
	jobs = mmap(NULL, n * sizeof(*jobs), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 1; i < n; i++)
		start(jobs, n, i);
	work(jobs, n, 0);
	good = await_all();
	sum = total(jobs, n);
	for (i = 0; i < sum.failed; i++)
		run_one(sum.seeds[i], &ignored, report);
	if (command->slow)
		slow_print(&sum.slow, sum.done, command->beyond);
	print_counts(&sum, seconds() - began);
	return good && !sum.failed ? 0 : 1;
}

static void show(const struct world *w)
{
	if (command->events)
		trace_events(w, stdout);
	if (w->failure[0])
		fprintf(stderr, "not ok: %s\n", w->failure);
}

/* Returns the exit status. */
int runs_all(const struct command *c)
{
	struct job ignored = { 0 };

	command = c;
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(on_death);
	if (c->events || c->fates)
		return run_one(c->seed, &ignored, show) ? 0 : 1;
	return many();
}
