/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What module/table.[ch] need of the kernel and of module/toytcp.h, for threads in
 * user space. RCU counts generations: a reader notes the one that it began in.
 */
#ifndef TOYTCP_H
#define TOYTCP_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef u32 __be32;

#define __rcu
#define __force
#define U64_MAX UINT64_MAX
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))
#define container_of(p, t, m) ((t *)((char *)(p) - offsetof(t, m)))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define struct_group_tagged(tag, name, ...) \
	union { struct { __VA_ARGS__ }; struct tag { __VA_ARGS__ } name; }
#define struct_size(p, m, n) (sizeof(*(p)) + (n) * sizeof((p)->m[0]))
#define lockdep_is_held(l) true
#define lockdep_assert_held(l) ((void)(l))
#define GFP_KERNEL 0
#define kvmalloc(size, flags) malloc(size)
#define kvfree free
#define cond_resched() do { } while (0)
#define get_random_bytes(p, n) memset(p, 7, n)

#define WARN_ON(bad) do {						\
	if (bad) {							\
		printf("# warning: %s\n", #bad);			\
		exit(1);						\
	}								\
} while (0)

/* --- order and RCU --- */

#define smp_rmb() atomic_thread_fence(memory_order_acquire)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define rcu_assign_pointer(p, v) __atomic_store_n(&(p), v, __ATOMIC_RELEASE)
#define RCU_INIT_POINTER(p, v) ((p) = (v))
#define rcu_dereference_check(p, c) __atomic_load_n(&(p), __ATOMIC_CONSUME)
#define rcu_dereference_protected(p, c) (p)

void synchronize_rcu(void);

/* --- locks, whose holders are timed --- */

typedef pthread_spinlock_t spinlock_t;

void spin_lock_bh(spinlock_t *lock);
void spin_unlock_bh(spinlock_t *lock);

#define spin_lock_init(lock) pthread_spin_init(lock, 0)

/* --- work --- */

struct work_struct {
	void (*call)(struct work_struct *work);
	atomic_int pending;
};

#define INIT_WORK(w, f) ((w)->call = (f))
#define schedule_work(w) atomic_store(&(w)->pending, 1)
#define cancel_work_sync(w) atomic_store(&(w)->pending, 0)

/* --- lists --- */

/* Now and then a reader stands on an entry for long. */
void dawdle(void);

struct hlist_nulls_node {
	struct hlist_nulls_node *next, **pprev;
};

struct hlist_nulls_head {
	struct hlist_nulls_node *first;
};

#define INIT_HLIST_NULLS_HEAD(h, value) \
	((h)->first = (void *)(1ul | (unsigned long)(value) << 1))
#define is_a_nulls(p) ((unsigned long)(p) & 1)
#define get_nulls_value(p) ((unsigned long)(p) >> 1)
#define hlist_nulls_entry container_of
#define hlist_nulls_empty(h) is_a_nulls(READ_ONCE((h)->first))
#define hlist_nulls_unhashed(n) (!(n)->pprev)
#define hlist_nulls_for_each_entry_rcu(e, pos, head, m)			\
	for (pos = __atomic_load_n(&(head)->first, __ATOMIC_ACQUIRE);	\
	     !is_a_nulls(pos) &&					\
	     ({ e = container_of(pos, typeof(*e), m); 1; });		\
	     dawdle(), pos = __atomic_load_n(&pos->next, __ATOMIC_ACQUIRE))

static inline void hlist_nulls_add_head_rcu(struct hlist_nulls_node *n,
					    struct hlist_nulls_head *h)
{
	struct hlist_nulls_node *first = h->first;

	WRITE_ONCE(n->next, first);
	WRITE_ONCE(n->pprev, &h->first);
	smp_store_release(&h->first, n);
	if (!is_a_nulls(first))
		WRITE_ONCE(first->pprev, &n->next);
}

static inline void hlist_nulls_del_init_rcu(struct hlist_nulls_node *n)
{
	WRITE_ONCE(*n->pprev, n->next);
	if (!is_a_nulls(n->next))
		WRITE_ONCE(n->next->pprev, n->pprev);
	WRITE_ONCE(n->pprev, NULL);
}

static inline void hlist_nulls_replace_init_rcu(struct hlist_nulls_node *old,
						struct hlist_nulls_node *new)
{
	new->next = old->next;
	WRITE_ONCE(new->pprev, old->pprev);
	smp_store_release(new->pprev, new);
	if (!is_a_nulls(new->next))
		WRITE_ONCE(new->next->pprev, &new->next);
	WRITE_ONCE(old->pprev, NULL);
}

/* --- the module's own --- */

typedef struct {
	u64 key[2];
} siphash_key_t;

static inline u64 siphash_3u32(u32 a, u32 b, u32 c, const siphash_key_t *key)
{
	u64 h = a * 0x9e3779b97f4a7c15ull ^ key->key[0];

	h = (h ^ h >> 29 ^ b) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 32 ^ c) * 0x94d049bb133111ebull;
	return h ^ h >> 31;
}

#include "../../module/table.h"

struct toytcp_net {
	void *net;
	struct toytcp_table table;
};

#define inet_sk_bound_dev_eq(net, dev, dif, sdif) (!(dev) || (dev) == (dif))
#define l3mdev_master_ifindex_by_index(net, dev) 0
#define toytcp_entry_sock(entry) (entry)
#define sock_hold(sk) ((void)(sk))
#define sock_put(sk) ((void)(sk))

#endif /* TOYTCP_H */
