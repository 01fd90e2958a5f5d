// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of entries that wait for a deadline (module/waiting.c): how much is done
 * at once, and how long entries wait if the time they wait for changes.
 */
#include "waiting.h"
#include "kselftest_harness.h"

#define MANY		10000
#define AT_ONCE		256	/* as waiting.c says */

unsigned long jiffies = -1000ul;	/* it wraps soon */
static struct toytcp_waitlist list;
static u32 removed, removed_in_hold, most_in_hold, yields;

void spin_lock_bh(spinlock_t *lock)
{
	lock->held = true;
	removed_in_hold = 0;
}

void spin_unlock_bh(spinlock_t *lock)
{
	lock->held = false;
	most_in_hold = max(most_in_hold, removed_in_hold);
}

void cond_resched(void)
{
	yields++;
}

void *kzalloc(size_t size, int flags)
{
	(void)flags;
	return calloc(1, size);
}

void toytcp_table_remove(struct toytcp_net *tn, struct toytcp_entry *entry)
{
	(void)tn;
	(void)entry;
	removed++;
	removed_in_hold++;
}

void toytcp_timer_init(struct timer_list *timer,
		       void (*expired)(struct timer_list *))
{
	(void)expired;
	timer->pending = false;
}

void toytcp_timer_set(struct timer_list *timer, unsigned long when)
{
	if (!timer->pending || time_before(when, timer->expires))
		timer->expires = when;
	timer->pending = true;
}

static struct toytcp_waiting *queue(int n, unsigned long wait)
{
	static const struct toytcp_tuple who;
	struct toytcp_waiting *w = toytcp_waiting_new(sizeof(*w), ENTRY_REQUEST,
						      &who, 0);

	spin_lock_bh(&list.lock);
	toytcp_waiting_queue(&list, w, n, wait);
	spin_unlock_bh(&list.lock);
	return w;
}

/* The timer goes off when it is due. Returns how many entries it ends. */
static int expire(void)
{
	struct toytcp_waiting *w;
	int n = 0;

	jiffies = time_before(jiffies, list.timer.expires) ?
		  list.timer.expires : jiffies + 1;
	list.timer.pending = false;
	do {
		spin_lock_bh(&list.lock);
		w = toytcp_waiting_due(&list, n++);
		if (w)
			toytcp_waiting_forget(&list, w);
		spin_unlock_bh(&list.lock);
	} while (w);
	return n - 1;
}

FIXTURE(list) { };

FIXTURE_SETUP(list)
{
	memset(&list, 0, sizeof(list));
	toytcp_waiting_init(&list, NULL, NULL);
}

FIXTURE_TEARDOWN(list)
{
	toytcp_waiting_clear(&list, toytcp_waiting_forget);
}

TEST_F(list, timer_yields)
{
	int i, n, left = MANY;

	for (i = 0; i < MANY; i++)
		queue(i % 2, 100);
	while (left) {
		n = expire();
		ASSERT_EQ(n, min(left, AT_ONCE));
		left -= n;
		ASSERT_EQ(list.timer.pending, left > 0);
	}
	EXPECT_EQ(removed, MANY);
	EXPECT_EQ(list.count, 0);
}

TEST_F(list, clearing_yields)
{
	int i;

	for (i = 0; i < MANY; i++)
		queue(i % TOYTCP_QUEUES, 100);
	most_in_hold = 0;
	toytcp_waiting_clear(&list, toytcp_waiting_forget);
	EXPECT_EQ(removed, MANY);
	EXPECT_EQ(most_in_hold, 1);
	EXPECT_GE(yields, MANY);
	EXPECT_EQ(list.count, 0);
}

TEST_F(list, the_earliest_of_all_queues)
{
	unsigned long before = jiffies;

	queue(2, 400);
	queue(0, 100);
	queue(1, 200);
	EXPECT_EQ(expire(), 1);
	EXPECT_EQ(jiffies - before, 100);
	EXPECT_EQ(expire(), 1);
	EXPECT_EQ(jiffies - before, 200);
	EXPECT_EQ(expire(), 1);
	EXPECT_EQ(jiffies - before, 400);
}

TEST_F(list, a_shorter_wait_is_for_all)
{
	unsigned long before = jiffies;
	int i;

	for (i = 0; i < 10; i++)
		queue(0, 60000);
	jiffies += 50;
	queue(0, 10);
	EXPECT_EQ(expire(), 11);
	EXPECT_EQ(jiffies - before, 60);
}

TEST_F(list, a_longer_wait_is_for_all)
{
	unsigned long before = jiffies;

	queue(0, 100);
	jiffies += 50;
	queue(0, 1000);
	EXPECT_EQ(expire(), 0);
	EXPECT_EQ(jiffies - before, 100);
	EXPECT_EQ(expire(), 1);
	EXPECT_EQ(jiffies - before, 1000);
	EXPECT_EQ(expire(), 1);
	EXPECT_EQ(jiffies - before, 1050);
}

TEST_HARNESS_MAIN
