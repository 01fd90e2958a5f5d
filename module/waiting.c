// SPDX-License-Identifier: GPL-2.0
/*
 * Small entries of the connection table that wait for a deadline: a listener's
 * requests (synq.c) and a namespace's TIME-WAIT (timewait.c).
 *
 * One is in the table if and only if it is in its list; both change under the
 * list's lock. Whoever removes it frees it after a grace period; others that
 * found it under RCU see an empty link: too late. Context: the list's lock;
 * to begin, none; to clear, process.
 */
#include "compat/compat.h"
#include "toytcp.h"

#define AT_ONCE	256	/* then others get the CPU, for a jiffy */

/* The entry with the earliest deadline, in *@when, or NULL. */
static struct toytcp_waiting *earliest_of(struct toytcp_waitlist *list,
					  unsigned long *when)
{
	struct toytcp_waiting *w, *earliest = NULL;
	int n;

	lockdep_assert_held(&list->lock);
	for (n = 0; n < TOYTCP_QUEUES; n++) {
		w = list_first_entry_or_null(&list->queue[n],
					     struct toytcp_waiting, link);
		if (w && (!earliest ||
			  time_before(w->since + list->wait[n], *when))) {
			*when = w->since + list->wait[n];
			earliest = w;
		}
	}
	return earliest;
}

/*
 * The timer has expired, and @n entries have been dealt with: the next one that
 * is due, to be forgotten or queued again; NULL if there is none, or the rest
 * has to wait: the timer is set.
 */
struct toytcp_waiting *toytcp_waiting_due(struct toytcp_waitlist *list, int n)
{
	unsigned long when;
	struct toytcp_waiting *w = earliest_of(list, &when);

	if (!w || (n < AT_ONCE && !time_before(jiffies, when)))
		return w;
	toytcp_timer_set(&list->timer, when);
	return NULL;
}

/* Prepares an empty list, all zero; @expired is the timer's function. */
void toytcp_waiting_init(struct toytcp_waitlist *list, struct toytcp_net *tn,
			 void (*expired)(struct timer_list *))
{
	int n;

	spin_lock_init(&list->lock);
	for (n = 0; n < TOYTCP_QUEUES; n++)
		INIT_LIST_HEAD(&list->queue[n]);
	toytcp_timer_init(&list->timer, expired);
	list->tn = tn;
}

/*
 * Returns an entry of @size bytes that begins with a struct toytcp_waiting, all
 * zero but for its head, in no list yet; or NULL.
 */
void *toytcp_waiting_new(size_t size, enum entry_kind kind,
			 const struct toytcp_tuple *who, int dev)
{
	struct toytcp_waiting *w = kzalloc(size, GFP_ATOMIC | __GFP_NOWARN);

	if (!w)
		return NULL;
	w->entry.who = *who;
	w->entry.dev = dev;
	w->entry.kind = kind;
	INIT_LIST_HEAD(&w->link);
	return w;
}

/* Puts an entry last in queue @n: from now on, all in it wait @wait jiffies. */
void toytcp_waiting_queue(struct toytcp_waitlist *list,
			  struct toytcp_waiting *w, int n, unsigned long wait)
{
	lockdep_assert_held(&list->lock);
	if (list_empty(&w->link))
		WRITE_ONCE(list->count, list->count + 1);
	WRITE_ONCE(list->wait[n], wait);
	WRITE_ONCE(w->since, jiffies);
	list_move_tail(&w->link, &list->queue[n]);
	toytcp_timer_set(&list->timer, jiffies + wait);
}

/*
 * Removes an entry from its list and the table, and frees it once no RCU reader
 * is left: those that hold the lock are some.
 */
void toytcp_waiting_forget(struct toytcp_waitlist *list,
			   struct toytcp_waiting *w)
{
	lockdep_assert_held(&list->lock);
	list_del_init(&w->link);
	WRITE_ONCE(list->count, list->count - 1);
	toytcp_table_remove(list->tn, &w->entry);
	kfree_rcu(w, rcu);
}

/* All entries. None is added any more, but there may be very many: one by one. */
void toytcp_waiting_clear(struct toytcp_waitlist *list,
			  void (*forget)(struct toytcp_waitlist *list,
					 struct toytcp_waiting *w))
{
	struct toytcp_waiting *w;
	unsigned long when;

	do {
		spin_lock_bh(&list->lock);
		w = earliest_of(list, &when);
		if (w)
			forget(list, w);
		spin_unlock_bh(&list->lock);
		cond_resched();
	} while (w);
}
