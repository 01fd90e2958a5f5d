// SPDX-License-Identifier: GPL-2.0
/*
 * Small entries of the connection table that wait for a deadline: a listener's
 * requests (synq.c) and a namespace's TIME-WAIT (timewait.c).
 *
 * One is in the table if and only if it is in its list; both change under the
 * list's lock. Whoever removes it frees it after a grace period; others that
 * found it under RCU see an empty link: too late. Context: the list's lock, or
 * none as yet.
 */
#include "compat/compat.h"
#include "toytcp.h"

#define AT_ONCE	256	/* then others get the CPU, for a jiffy */

/* The entry with the earliest deadline, or NULL. */
static struct toytcp_waiting *earliest_of(struct toytcp_waitlist *list)
{
	struct toytcp_waiting *w, *earliest = NULL;
	int n;

	lockdep_assert_held(&list->lock);
	for (n = 0; n < TOYTCP_QUEUES; n++) {
		w = list_first_entry_or_null(&list->queue[n],
					     struct toytcp_waiting, link);
		if (w && (!earliest ||
			  time_before(w->deadline, earliest->deadline)))
			earliest = w;
	}
	return earliest;
}

/* Nothing is sent under the lock: it may come back to us on this very CPU. */
static void expire_waiting(struct timer_list *timer)
{
	struct toytcp_waitlist *list = timer_container_of(list, timer, timer);
	struct toytcp_waiting *w;
	bool due;
	int n = 0;

	rcu_read_lock();
	do {
		spin_lock(&list->lock);
		w = earliest_of(list);
		due = w && n++ < AT_ONCE && !time_before(jiffies, w->deadline);
		if (due)
			list->ops->expire(list, w);
		else if (w)
			toytcp_timer_set(&list->timer, w->deadline);
		spin_unlock(&list->lock);
		if (due && list->ops->retransmit)
			list->ops->retransmit(list, w);
	} while (due);
	rcu_read_unlock();
}

/* Prepares an empty list; @list is all zero. */
void toytcp_waiting_init(struct toytcp_waitlist *list, struct toytcp_net *tn,
			 const struct toytcp_waiting_ops *ops)
{
	int n;

	spin_lock_init(&list->lock);
	for (n = 0; n < TOYTCP_QUEUES; n++)
		INIT_LIST_HEAD(&list->queue[n]);
	toytcp_timer_init(&list->timer, expire_waiting);
	list->tn = tn;
	list->ops = ops;
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

/* Puts an entry last in queue @n: none in it has a later deadline, jiffies. */
void toytcp_waiting_queue(struct toytcp_waitlist *list,
			  struct toytcp_waiting *w, int n,
			  unsigned long deadline)
{
	lockdep_assert_held(&list->lock);
	if (list_empty(&w->link))
		WRITE_ONCE(list->count, list->count + 1);
	WRITE_ONCE(w->deadline, deadline);
	list_move_tail(&w->link, &list->queue[n]);
	toytcp_timer_set(&list->timer, deadline);
}

/* Removes an entry from its locked list and the table, and frees it. */
void toytcp_waiting_forget(struct toytcp_waitlist *list,
			   struct toytcp_waiting *w)
{
	lockdep_assert_held(&list->lock);
	list_del_init(&w->link);
	WRITE_ONCE(list->count, list->count - 1);
	toytcp_table_remove(list->tn, &w->entry);
	if (list->ops->gone)
		list->ops->gone(list, w);
	kfree_rcu(w, rcu);
}

/* The same for one found under RCU, unlocked. False: another CPU was faster. */
bool toytcp_waiting_end(struct toytcp_waitlist *list, struct toytcp_waiting *w)
{
	bool was_there;

	spin_lock_bh(&list->lock);
	was_there = !list_empty(&w->link);
	if (was_there)
		toytcp_waiting_forget(list, w);
	spin_unlock_bh(&list->lock);
	return was_there;
}

/* Removes all entries of a locked list. */
void toytcp_waiting_clear(struct toytcp_waitlist *list)
{
	struct toytcp_waiting *w, *next;
	int n;

	for (n = 0; n < TOYTCP_QUEUES; n++)
		list_for_each_entry_safe(w, next, &list->queue[n], link)
			toytcp_waiting_forget(list, w);
}
