// SPDX-License-Identifier: GPL-2.0
/*
 * The connection table of a namespace: by their four-tuples its sockets, its
 * requests (SYN-RECEIVED) and its TIME-WAIT entries.
 *
 * Look-ups run under RCU and take no lock. Two things can lead one astray,
 * and both make it start again:
 *  - A socket connected anew within a grace period takes the reader that stands
 *    on it along to another chain: a chain ends in its own number (hlist_nulls).
 *  - While the table grows, entries move to the new chains: table.resizing.
 *
 * An entry's chain is the highest bits of its hash: the chains in order are the
 * hashes in order, and growth changes nothing about what comes next.
 */
#include "toytcp.h"

#define BITS_FIRST	8	/* 256 chains to begin with */
#define BITS_STEP	2	/* four times as many when it grows */
#define BITS_MAX	20
#define LOAD		2	/* entries for each chain at which it grows */

/**
 * struct toytcp_buckets - the chains of a table
 * @bits: there are 1 << @bits of them
 * @chain: each ends in its index
 */
struct toytcp_buckets {
	u32 bits;
	struct hlist_nulls_head chain[];
};

static struct toytcp_buckets *make_buckets(u32 bits)
{
	struct toytcp_buckets *b;
	u32 i;

	b = kvmalloc(struct_size(b, chain, 1ul << bits), GFP_KERNEL);
	if (!b)
		return NULL;
	b->bits = bits;
	for (i = 0; i < 1u << bits; i++)
		INIT_HLIST_NULLS_HEAD(&b->chain[i], i);
	return b;
}

/* 63 bits, as a file's position has them (proc.c). */
static u64 hash_of(const struct toytcp_table *t, const struct toytcp_tuple *who)
{
	u32 ports = (u32)READ_ONCE(who->lport) << 16 | READ_ONCE(who->rport);

	return siphash_3u32((__force u32)READ_ONCE(who->local),
			    (__force u32)READ_ONCE(who->remote), ports,
			    &t->key) >> 1;
}

static u32 slot_of(const struct toytcp_buckets *b, u64 hash)
{
	return hash >> (63 - b->bits);
}

/* The table's own reference; what is no socket belongs to others' lists. */
static void hold(struct toytcp_entry *entry)
{
	if (entry->kind == ENTRY_SOCKET)
		sock_hold(toytcp_entry_sock(entry));
}

static void put(struct toytcp_entry *entry)
{
	if (entry->kind == ENTRY_SOCKET)
		sock_put(toytcp_entry_sock(entry));
}

/* A reader on its way through @from is sent back by t->resizing. */
static void move_all(struct toytcp_table *t, struct toytcp_buckets *from,
		     struct toytcp_buckets *to)
{
	struct hlist_nulls_head *head = from->chain;
	struct toytcp_entry *e;
	u32 slot;

	for (; head < from->chain + (1ul << from->bits); head++) {
		while (!hlist_nulls_empty(head)) {
			e = hlist_nulls_entry(head->first, struct toytcp_entry,
					      node);
			hlist_nulls_del_rcu(&e->node);
			slot = slot_of(to, hash_of(t, &e->who));
			hlist_nulls_add_head_rcu(&e->node, &to->chain[slot]);
		}
	}
}

static bool crowded(const struct toytcp_table *t, const struct toytcp_buckets *b)
{
	return b->bits < BITS_MAX && t->count > (u32)LOAD << b->bits;
}

/* Nobody else replaces t->buckets, and no two of these run at once. */
static void grow(struct work_struct *work)
{
	struct toytcp_table *t = container_of(work, struct toytcp_table, grow);
	struct toytcp_buckets *old = rcu_dereference_protected(t->buckets, true);
	struct toytcp_buckets *larger;

	if (!crowded(t, old))
		return;
	larger = make_buckets(min(old->bits + BITS_STEP, (u32)BITS_MAX));
	if (!larger)
		return;		/* the next insertion tries again */
	spin_lock_bh(&t->lock);
	write_seqcount_begin(&t->resizing);
	move_all(t, old, larger);
	rcu_assign_pointer(t->buckets, larger);
	write_seqcount_end(&t->resizing);
	spin_unlock_bh(&t->lock);
	synchronize_rcu();
	kvfree(old);
}

/**
 * toytcp_table_init() - prepare an empty table
 * @t: all zero
 *
 * Return: whether there was memory; if not, it can only be destroyed.
 */
bool toytcp_table_init(struct toytcp_table *t)
{
	struct toytcp_buckets *b = make_buckets(BITS_FIRST);

	spin_lock_init(&t->lock);
	seqcount_spinlock_init(&t->resizing, &t->lock);
	get_random_bytes(&t->key, sizeof(t->key));
	INIT_WORK(&t->grow, grow);
	RCU_INIT_POINTER(t->buckets, b);
	return b;
}

/** toytcp_table_destroy() - free an empty table; no reader is left */
void toytcp_table_destroy(struct toytcp_table *t)
{
	cancel_work_sync(&t->grow);
	WARN_ON(t->count);
	kvfree(rcu_dereference_protected(t->buckets, true));
}

/**
 * toytcp_table_insert() - make an entry known
 * @tn: the namespace
 * @entry: complete, not in the table; a socket is held while it is
 *
 * Return: 0, or -EADDRNOTAVAIL if its four-tuple is taken.
 */
int toytcp_table_insert(struct toytcp_net *tn, struct toytcp_entry *entry)
{
	struct toytcp_table *t = &tn->table;
	struct hlist_nulls_head *chain;
	struct hlist_nulls_node *node;
	struct toytcp_entry *other;
	struct toytcp_buckets *b;

	spin_lock_bh(&t->lock);
	b = rcu_dereference_protected(t->buckets, lockdep_is_held(&t->lock));
	chain = &b->chain[slot_of(b, hash_of(t, &entry->who))];
	hlist_nulls_for_each_entry(other, node, chain, node) {
		if (toytcp_tuple_same(&other->who, &entry->who)) {
			spin_unlock_bh(&t->lock);
			return -EADDRNOTAVAIL;
		}
	}
	hold(entry);
	hlist_nulls_add_head_rcu(&entry->node, chain);
	WRITE_ONCE(t->count, t->count + 1);
	if (crowded(t, b))
		schedule_work(&t->grow);
	spin_unlock_bh(&t->lock);
	return 0;
}

/**
 * toytcp_table_remove() - forget an entry
 * @tn: the namespace
 * @entry: in the table or not; a socket's reference is put. Readers may have
 *	it in their hands for an RCU grace period yet
 */
void toytcp_table_remove(struct toytcp_net *tn, struct toytcp_entry *entry)
{
	struct toytcp_table *t = &tn->table;
	bool was_there;

	spin_lock_bh(&t->lock);
	was_there = !hlist_nulls_unhashed(&entry->node);
	if (was_there) {
		hlist_nulls_del_init_rcu(&entry->node);
		WRITE_ONCE(t->count, t->count - 1);
	}
	spin_unlock_bh(&t->lock);
	if (was_there)
		put(entry);
}

/**
 * toytcp_table_replace() - let one entry take another's place
 * @tn: the namespace
 * @old: in the table, and kept there by its owner's lock
 * @entry: complete, of the same four-tuple, and not in the table
 *
 * A look-up finds the one or the other. References are taken and put as by
 * insertion and removal.
 */
void toytcp_table_replace(struct toytcp_net *tn, struct toytcp_entry *old,
			  struct toytcp_entry *entry)
{
	struct toytcp_table *t = &tn->table;

	hold(entry);
	spin_lock_bh(&t->lock);
	hlist_nulls_replace_init_rcu(&old->node, &entry->node);
	spin_unlock_bh(&t->lock);
	put(old);
}

/* The entry with the least hash above @after among those of one chain. */
static struct toytcp_entry *least_above(const struct toytcp_table *t,
					const struct toytcp_buckets *b,
					u32 slot, u64 after, u64 *hash)
{
	struct toytcp_entry *e, *best;
	struct hlist_nulls_node *node;
	u64 h;

	do {
		best = NULL;
		hlist_nulls_for_each_entry_rcu(e, node, &b->chain[slot], node) {
			h = hash_of(t, &e->who);
			if (slot_of(b, h) == slot && h > after &&
			    (!best || h < *hash)) {
				best = e;
				*hash = h;
			}
		}
	} while (get_nulls_value(node) != slot);
	return best;
}

/**
 * toytcp_table_next() - go through the table
 * @tn: the namespace
 * @cursor: 0 to begin with; afterwards leave it as it is
 *
 * Entries that are there all the time are each met exactly once, whatever
 * comes and goes meanwhile. RCU may be left and entered again between calls.
 *
 * Return: an entry as toytcp_table_find() gives it; NULL at the end.
 */
struct toytcp_entry *toytcp_table_next(struct toytcp_net *tn, u64 *cursor)
{
	const struct toytcp_table *t = &tn->table;
	const struct toytcp_buckets *b;
	struct toytcp_entry *e;
	unsigned int seq;
	u64 hash = 0;
	u32 slot;

	do {
		seq = read_seqcount_begin(&t->resizing);
		b = rcu_dereference(t->buckets);
		e = NULL;
		for (slot = slot_of(b, *cursor); !e && slot < 1u << b->bits;
		     slot++)
			e = least_above(t, b, slot, *cursor, &hash);
	} while (read_seqcount_retry(&t->resizing, seq));
	if (e)
		*cursor = hash;
	return e;
}

/**
 * toytcp_table_find() - whose segment is this?
 * @tn: the namespace
 * @who: its four-tuple
 *
 * Context: under RCU, and the entry is valid as long as that; no reference is
 * taken. A socket may by then have left the table, or even have come back with
 * another four-tuple: once the caller has its lock, it looks again.
 *
 * Return: the entry, or NULL.
 */
struct toytcp_entry *toytcp_table_find(struct toytcp_net *tn,
				       const struct toytcp_tuple *who)
{
	const struct toytcp_table *t = &tn->table;
	u64 hash = hash_of(t, who);
	const struct toytcp_buckets *b;
	struct hlist_nulls_node *node;
	struct toytcp_entry *e;
	unsigned int seq;
	u32 slot;

	do {
		seq = read_seqcount_begin(&t->resizing);
		b = rcu_dereference(t->buckets);
		slot = slot_of(b, hash);
		hlist_nulls_for_each_entry_rcu(e, node, &b->chain[slot], node) {
			if (toytcp_tuple_same(&e->who, who))
				return e;
		}
	} while (get_nulls_value(node) != slot ||
		 read_seqcount_retry(&t->resizing, seq));
	return NULL;
}
