/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What module/waiting.c and module/entry.h need of the kernel and of
 * module/toytcp.h. Time stands still but for the test.
 */
#ifndef TOYTCP_H
#define TOYTCP_H

#include "../../module/core/core.h"

typedef u32 __be32;
typedef struct { u32 val; } kuid_t;
typedef struct { u64 key[2]; } siphash_key_t;
typedef struct { bool held; } spinlock_t;

#define __rcu
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))
#define container_of(p, t, m) ((t *)((char *)(p) - offsetof(t, m)))
#define struct_group_tagged(tag, name, ...) \
	union { struct { __VA_ARGS__ }; struct tag { __VA_ARGS__ } name; }
#define DECLARE_HASHTABLE(name, bits) void *name
#define GFP_ATOMIC 0
#define __GFP_NOWARN 0

extern unsigned long jiffies;

#define time_before(a, b) ((long)((a) - (b)) < 0)

struct hlist_node { void *next; };
struct hlist_nulls_node { void *next; };
struct work_struct { void *next; };
struct rcu_head { void *next; };
struct sock;
struct toytcp_net;

struct timer_list {
	bool pending;
	unsigned long expires;
};

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h;
	h->prev = h;
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline void list_del_init(struct list_head *e)
{
	e->next->prev = e->prev;
	e->prev->next = e->next;
	INIT_LIST_HEAD(e);
}

static inline void list_move_tail(struct list_head *e, struct list_head *h)
{
	list_del_init(e);
	e->prev = h->prev;
	e->next = h;
	h->prev->next = e;
	h->prev = e;
}

#define list_first_entry_or_null(h, t, m) \
	(list_empty(h) ? NULL : container_of((h)->next, t, m))

#include "../../module/entry.h"

void spin_lock_bh(spinlock_t *lock);
void spin_unlock_bh(spinlock_t *lock);
void cond_resched(void);
void *kzalloc(size_t size, int flags);

#define spin_lock_init(lock) ((lock)->held = false)
#define lockdep_assert_held(lock) assert((lock)->held)
#define kfree_rcu(p, field) free(p)

void toytcp_timer_init(struct timer_list *timer,
		       void (*expired)(struct timer_list *));
void toytcp_timer_set(struct timer_list *timer, unsigned long when);

#include <stdlib.h>

#endif /* TOYTCP_H */
