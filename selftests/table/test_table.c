// SPDX-License-Identifier: GPL-2.0
/*
 * The connection table grows to 185,000 entries while other threads look up
 * entries that stay, remove entries and insert them under another four-tuple
 * without a grace period, try to insert twins, and walk.
 *
 * Every third entry that stays is bound to a device and has an unbound twin.
 */
#include "toytcp.h"

#define KEPT		5000
#define ADDED		200000
#define CHURNED		512
#define READERS		3
#define WALKS_MIN	3
#define DEVICE		7

enum { WALKER, CHURNER, WORKER, FILLER, READER, THREADS = READER + READERS };

static struct toytcp_net tn;
static struct toytcp_entry kept[KEPT], twin[KEPT], churned[CHURNED];
static struct toytcp_entry *added;
static atomic_bool done;
static atomic_ulong lookups, walks, churns, holds, slow_holds;
static atomic_ulong generation = 1, began[THREADS];
static u64 longest;		/* hold of the lock by the worker, ns */
static _Thread_local u64 locked_at;
static _Thread_local long me;

#define expect(what, ...) do {						\
	if (!(what)) {							\
		printf("# not so: " #what ": " __VA_ARGS__);		\
		printf("\n");						\
		exit(1);						\
	}								\
} while (0)

/* --- the kernel's part --- */

static void rcu_read_lock(void)
{
	atomic_store(&began[me], atomic_load(&generation));
	atomic_thread_fence(memory_order_seq_cst);
}

static void rcu_read_unlock(void)
{
	atomic_store_explicit(&began[me], 0, memory_order_release);
}

void synchronize_rcu(void)
{
	unsigned long now = atomic_fetch_add(&generation, 1) + 1, then;
	int i;

	for (i = 0; i < THREADS; i++)
		while ((then = atomic_load(&began[i])) && then < now)
			usleep(1);
}

/* The thread's own clock: a thread that was preempted is not slow. */
static u64 cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void spin_lock_bh(spinlock_t *lock)
{
	while (pthread_spin_trylock(lock))
		usleep(1);
	locked_at = cpu_time();
}

void spin_unlock_bh(spinlock_t *lock)
{
	u64 held = cpu_time() - locked_at;

	if (me == WORKER) {
		atomic_fetch_add(&holds, 1);
		if (held >= 50000)
			atomic_fetch_add(&slow_holds, 1);
		if (held > longest)
			longest = held;
	}
	pthread_spin_unlock(lock);
}

void dawdle(void)
{
	static _Thread_local u32 steps;

	if (me >= READER && ++steps % 1021 == 0)
		usleep(500);
}

/* --- the threads --- */

/* As a socket that is connected anew: readers may stand on it. */
static void set_name(struct toytcp_entry *e, u32 remote, u16 rport)
{
	WRITE_ONCE(e->who.local, 1);
	WRITE_ONCE(e->who.remote, remote);
	WRITE_ONCE(e->who.lport, 80);
	WRITE_ONCE(e->who.rport, rport);
}

static void *look_up(void *arg)
{
	const struct toytcp_ingress in = { .dif = DEVICE };
	u32 random = me = (long)arg, i;

	while (!atomic_load(&done)) {
		random = random * 1664525 + 1013904223;
		i = (random >> 8) % KEPT;
		rcu_read_lock();
		expect(toytcp_table_find(&tn, &kept[i].who, &in) == &kept[i],
		       "entry %u", i);
		rcu_read_unlock();
		atomic_fetch_add_explicit(&lookups, 1, memory_order_relaxed);
	}
	return NULL;
}

static void walk_once(u8 *met)
{
	u64 cursor = 0, before;
	struct toytcp_entry *e;
	int i;

	memset(met, 0, KEPT);
	do {
		before = cursor;
		rcu_read_lock();
		e = toytcp_table_next(&tn, &cursor);
		expect(!e || cursor > before, "the order");
		if (e >= kept && e < kept + KEPT)
			expect(!met[e - kept]++, "entry %ld twice",
			       (long)(e - kept));
		rcu_read_unlock();
	} while (e);
	for (i = 0; i < KEPT; i++)
		expect(met[i], "entry %d", i);
}

static void *walk(void *arg)
{
	static u8 met[KEPT];

	me = (long)arg;
	while (!atomic_load(&done)) {
		walk_once(met);
		atomic_fetch_add(&walks, 1);
	}
	return NULL;
}

static void *churn(void *arg)
{
	struct toytcp_entry same = { 0 };
	u32 n;

	me = (long)arg;
	for (n = 0; !atomic_load(&done); n++) {
		struct toytcp_entry *e = &churned[n % CHURNED];

		toytcp_table_remove(&tn, e);
		set_name(e, 0x40000000 + n / 7, n);
		toytcp_table_insert(&tn, e);
		same.who = kept[n % KEPT].who;
		same.dev = kept[n % KEPT].dev;
		expect(toytcp_table_insert(&tn, &same) == -EADDRNOTAVAIL,
		       "a twin of entry %u", n % KEPT);
		atomic_fetch_add(&churns, 1);
	}
	return NULL;
}

static void *work(void *arg)
{
	me = (long)arg;
	while (!atomic_load(&done)) {
		if (atomic_exchange(&tn.table.grow.pending, 0))
			tn.table.grow.call(&tn.table.grow);
		usleep(1);
	}
	return NULL;
}

static void keep(void)
{
	u32 i;

	for (i = 0; i < KEPT; i++) {
		set_name(&kept[i], 0x20000000 + i, i);
		set_name(&twin[i], 0x20000000 + i, i);
		kept[i].dev = i % 3 ? 0 : DEVICE;
		expect(!toytcp_table_insert(&tn, &kept[i]), "%u", i);
		if (kept[i].dev)
			expect(!toytcp_table_insert(&tn, &twin[i]), "%u", i);
	}
}

static void add(void)
{
	u32 i;

	for (i = 0; i < ADDED; i++) {
		set_name(&added[i], 0x30000000 + i, i);
		expect(!toytcp_table_insert(&tn, &added[i]), "%u", i);
		if (i % 10 == 9)
			toytcp_table_remove(&tn, &added[i - 5]);
		if (i % 4096 == 0)
			usleep(1);
	}
}

int main(void)
{
	void *(*const calls[THREADS])(void *) = {
		[WALKER] = walk, [CHURNER] = churn, [WORKER] = work,
	};
	pthread_t threads[THREADS];
	long i;

	me = FILLER;
	added = calloc(ADDED, sizeof(*added));
	expect(added && toytcp_table_init(&tn.table), "memory");
	keep();
	for (i = 0; i < THREADS; i++)
		if (i != FILLER)
			pthread_create(&threads[i], NULL, calls[i] ?: look_up,
				       (void *)i);
	add();
	while (atomic_load(&tn.table.grow.pending) ||
	       atomic_load(&walks) < WALKS_MIN)
		usleep(1000);
	atomic_store(&done, true);
	for (i = 0; i < THREADS; i++)
		if (i != FILLER)
			pthread_join(threads[i], NULL);
	printf("# %u entries; %lu look-ups, %lu walks, %lu removals and insertions\n",
	       tn.table.count, lookups, walks, churns);
	printf("# growth held the lock %lu times, for %lu ns at most, %lu times for 50 us or more\n",
	       holds, (unsigned long)longest, slow_holds);
	return 0;
}
