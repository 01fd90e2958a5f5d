// SPDX-License-Identifier: GPL-2.0
/*
 * The connection table of a namespace: its sockets, its requests
 * (SYN-RECEIVED) and its TIME-WAIT entries, by four-tuple and bound device.
 *
 * Look-ups run under RCU; they take no lock and never wait. The table grows
 * while they run: grow() links a larger array of chains to the one in use
 * (@larger). From then on new entries go into the larger array, and grow()
 * moves the old ones, with table.lock held for one entry at a time. A look-up
 * searches the smaller array, then the larger one.
 *
 * Why a look-up finds an entry that is in the table all the time:
 *
 *  - move_last() adds an entry to its new chain before it takes it off the old
 *    one, with release semantics. A reader that no longer sees it in the old
 *    chain executes smp_rmb() (larger_of()) and sees it in the new one.
 *  - move_last() takes the last entry of the old chain. A reader that stands on
 *    it is led into the new chain, but has nothing left to see in the old one.
 *  - A socket that is closed and connected anew within a grace period also
 *    leads the readers on it into another chain. Therefore each chain of each
 *    array ends in a number of its own (hlist_nulls): a reader that ends at a
 *    foreign number searches its chain again. Growth moves an entry once, so
 *    it cannot keep a reader busy.
 *  - Entries join a chain at its head only. (An entry that replaces another one
 *    is new memory: no reader can stand on it.) So a reader that is led away,
 *    and then back into its chain, is in front of all that was there before.
 *
 * An entry's chain is given by the highest bits of its hash, so all arrays have
 * the entries in the same order. toytcp_table_next() relies on that. Context:
 * any, and table.lock is taken here; to look up or iterate, RCU or table.lock;
 * to begin and end, process.
 */
#include <net/l3mdev.h>

#include "toytcp.h"

#define BITS_FIRST	8	/* 256 chains to begin with */
#define BITS_STEP	2	/* four times as many when it grows */
#define BITS_MAX	20
#define LOAD		2	/* entries for each chain at which it grows */

/* The chains of a table. */
struct toytcp_buckets {
	struct toytcp_buckets __rcu *larger;	/* they move to; set once */
	u32 bits;			/* there are 1 << @bits chains */
	struct hlist_nulls_head chain[]; /* each ends in chain_number() */
};

/* Unique among all chains of all arrays of a table. */
static u32 chain_number(const struct toytcp_buckets *b, u32 slot)
{
	return (1u << b->bits) + slot;
}

static struct toytcp_buckets *make_buckets(u32 bits)
{
	struct toytcp_buckets *b = kvmalloc(struct_size(b, chain, 1ul << bits),
					    GFP_KERNEL);
	u32 i;

	if (!b)
		return NULL;
	RCU_INIT_POINTER(b->larger, NULL);
	b->bits = bits;
	for (i = 0; i < 1u << bits; i++)
		INIT_HLIST_NULLS_HEAD(&b->chain[i], chain_number(b, i));
	return b;
}

static struct toytcp_buckets *buckets_of(const struct toytcp_table *t)
{
	return rcu_dereference_check(t->buckets, lockdep_is_held(&t->lock));
}

/* Where to search next, after @b. */
static struct toytcp_buckets *larger_of(const struct toytcp_table *t,
					const struct toytcp_buckets *b)
{
	smp_rmb();	/* pairs with the release in move_last() */
	return rcu_dereference_check(b->larger, lockdep_is_held(&t->lock));
}

/* The highest of 63 bits, which a file's position has (proc.c). */
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

/* The table's own reference; requests and TIME-WAIT have owners elsewhere. */
static void hold_entry(struct toytcp_entry *entry)
{
	if (entry->kind == ENTRY_SOCKET)
		sock_hold(toytcp_entry_sock(entry));
}

static void put_entry(struct toytcp_entry *entry)
{
	if (entry->kind == ENTRY_SOCKET)
		sock_put(toytcp_entry_sock(entry));
}

/* The chain may have become empty since the caller has looked. */
static void move_last(struct toytcp_table *t, struct hlist_nulls_head *from,
		      struct toytcp_buckets *to)
{
	struct hlist_nulls_node *last, **link, *end = from->first;
	struct toytcp_entry *e;

	lockdep_assert_held(&t->lock);
	if (is_a_nulls(end))
		return;
	for (last = end; !is_a_nulls(last->next); last = last->next)
		;
	end = last->next;
	link = last->pprev;
	e = hlist_nulls_entry(last, struct toytcp_entry, node);
	hlist_nulls_add_head_rcu(last,
				 &to->chain[slot_of(to, hash_of(t, &e->who))]);
	smp_store_release(link, end);	/* pairs with larger_of() */
}

static bool is_crowded(const struct toytcp_table *t,
		       const struct toytcp_buckets *b)
{
	return b->bits < BITS_MAX &&
	       READ_ONCE(t->count) > (u32)LOAD << b->bits;
}

/*
 * A work item runs once at a time, so nothing else replaces t->buckets. Nothing
 * is added to a chain of @old once @larger is visible under the lock: a chain
 * found empty stays empty.
 */
static void grow(struct work_struct *work)
{
	struct toytcp_table *t = container_of(work, struct toytcp_table, grow);
	struct toytcp_buckets *larger, *old;
	u32 slot;

	old = rcu_dereference_protected(t->buckets, true);
	if (!is_crowded(t, old))
		return;
	larger = make_buckets(min(old->bits + BITS_STEP, (u32)BITS_MAX));
	if (!larger)
		return;		/* the next insertion tries again */
	spin_lock_bh(&t->lock);
	rcu_assign_pointer(old->larger, larger);
	spin_unlock_bh(&t->lock);
	for (slot = 0; slot < 1u << old->bits; slot++) {
		while (!hlist_nulls_empty(&old->chain[slot])) {
			spin_lock_bh(&t->lock);
			move_last(t, &old->chain[slot], larger);
			spin_unlock_bh(&t->lock);
		}
		cond_resched();
	}
	spin_lock_bh(&t->lock);
	rcu_assign_pointer(t->buckets, larger);
	spin_unlock_bh(&t->lock);
	synchronize_rcu();
	kvfree(old);
}

/* @t is all zero. If memory is short, returns false: then only destroy it. */
bool toytcp_table_init(struct toytcp_table *t)
{
	struct toytcp_buckets *b = make_buckets(BITS_FIRST);

	spin_lock_init(&t->lock);
	get_random_bytes(&t->key, sizeof(t->key));
	INIT_WORK(&t->grow, grow);
	RCU_INIT_POINTER(t->buckets, b);
	return b;
}

/* Frees an empty table; no reader is left. */
void toytcp_table_destroy(struct toytcp_table *t)
{
	cancel_work_sync(&t->grow);	/* ends a growth that has begun */
	WARN_ON(t->count);
	kvfree(rcu_dereference_protected(t->buckets, true));
}

/* Returns whether *@found is final: as with TCP, one bound is preferred. */
static bool search_array(const struct toytcp_net *tn,
			 const struct toytcp_buckets *b, u64 hash,
			 const struct toytcp_tuple *who,
			 const struct toytcp_ingress *in,
			 struct toytcp_entry **found)
{
	struct hlist_nulls_node *node;
	u32 slot = slot_of(b, hash);
	struct toytcp_entry *e;

	do {
		hlist_nulls_for_each_entry_rcu(e, node, &b->chain[slot], node) {
			int dev = READ_ONCE(e->dev);

			if (!toytcp_tuple_same(&e->who, who) ||
			    (in && (dev || in->sdif) &&
			     !inet_sk_bound_dev_eq(tn->net, dev, in->dif,
						   in->sdif)))
				continue;
			*found = e;
			if (dev || !READ_ONCE(tn->table.has_bound))
				return true;
		}
	} while (get_nulls_value(node) != chain_number(b, slot));
	return false;
}

static struct toytcp_entry *search_table(const struct toytcp_net *tn, u64 hash,
					 const struct toytcp_tuple *who,
					 const struct toytcp_ingress *in)
{
	const struct toytcp_table *t = &tn->table;
	struct toytcp_entry *found = NULL;
	const struct toytcp_buckets *b;

	for (b = buckets_of(t); b; b = larger_of(t, b))
		if (search_array(tn, b, hash, who, in, &found))
			break;
	return found;
}

/*
 * Finds the entry that a segment is for, or NULL; @in is NULL for any device.
 * Under table.lock, or RCU: no reference is taken, and by the time the caller
 * has locked a socket, it may have left the table, or even be in it again with
 * another four-tuple: the caller must check that.
 */
struct toytcp_entry *toytcp_table_find(struct toytcp_net *tn,
				       const struct toytcp_tuple *who,
				       const struct toytcp_ingress *in)
{
	return search_table(tn, hash_of(&tn->table, who), who, in);
}

static struct toytcp_entry *rival_of(const struct toytcp_net *tn, u64 hash,
				     const struct toytcp_entry *entry)
{
	struct toytcp_ingress in = { .dif = entry->dev };

	if (in.dif)
		in.sdif = l3mdev_master_ifindex_by_index(tn->net, in.dif);
	return search_table(tn, hash, &entry->who, &in);
}

/*
 * Finds what keeps @entry out of the table: as with TCP, one that would get its
 * segments. An unbound entry may be added beside one that is bound. Context and
 * result are those of toytcp_table_find().
 */
struct toytcp_entry *toytcp_table_rival(struct toytcp_net *tn,
					const struct toytcp_entry *entry)
{
	return rival_of(tn, hash_of(&tn->table, &entry->who), entry);
}

/* Adds a complete entry, or returns -EADDRNOTAVAIL: the four-tuple is taken. */
int toytcp_table_insert(struct toytcp_net *tn, struct toytcp_entry *entry)
{
	struct toytcp_table *t = &tn->table;
	u64 hash = hash_of(t, &entry->who);
	struct toytcp_buckets *b;

	spin_lock_bh(&t->lock);
	if (rival_of(tn, hash, entry)) {
		spin_unlock_bh(&t->lock);
		return -EADDRNOTAVAIL;
	}
	b = buckets_of(t);
	b = larger_of(t, b) ?: b;
	if (entry->dev)
		WRITE_ONCE(t->has_bound, true);
	hold_entry(entry);
	hlist_nulls_add_head_rcu(&entry->node, &b->chain[slot_of(b, hash)]);
	WRITE_ONCE(t->count, t->count + 1);
	if (is_crowded(t, b))
		schedule_work(&t->grow);
	spin_unlock_bh(&t->lock);
	return 0;
}

/* Removes an entry, if it is there; it lives for a grace period longer. */
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
		put_entry(entry);
}

/*
 * Lets @entry, new memory with the same four-tuple and device, take the place
 * of @old, which its owner's lock keeps in the table. A look-up finds either.
 */
void toytcp_table_replace(struct toytcp_net *tn, struct toytcp_entry *old,
			  struct toytcp_entry *entry)
{
	struct toytcp_table *t = &tn->table;

	hold_entry(entry);
	spin_lock_bh(&t->lock);
	hlist_nulls_replace_init_rcu(&old->node, &entry->node);
	spin_unlock_bh(&t->lock);
	put_entry(old);
}

/*
 * A socket is bound to another device, or 0: to none. If another entry already
 * gets the segments that come in by @dev, the old device keeps counting: nobody
 * can be told, and no key is in the table twice.
 */
void toytcp_table_rebind(struct toytcp_net *tn, struct toytcp_entry *entry,
			 int dev)
{
	const struct toytcp_entry wish = { .who = entry->who, .dev = dev };
	struct toytcp_table *t = &tn->table;
	const struct toytcp_entry *rival;

	spin_lock_bh(&t->lock);
	if (dev)
		WRITE_ONCE(t->has_bound, true);
	rival = toytcp_table_rival(tn, &wish);
	if (!rival || rival == entry)
		WRITE_ONCE(entry->dev, dev);
	spin_unlock_bh(&t->lock);
}

/*
 * The first entry of a chain that is behind @after and before *@place. Entries
 * that differ only in their device share a chain, since a look-up must find
 * them all, but no place in the order of the table.
 */
static struct toytcp_entry *first_in_chain(const struct toytcp_table *t,
					   const struct toytcp_buckets *b,
					   u32 slot, u64 after, u64 *place)
{
	struct toytcp_entry *e, *first;
	struct hlist_nulls_node *node;
	u64 limit = *place, p;

	do {
		first = NULL;
		*place = limit;
		hlist_nulls_for_each_entry_rcu(e, node, &b->chain[slot], node) {
			p = hash_of(t, &e->who) ^ (u32)READ_ONCE(e->dev);
			if (slot_of(b, p) == slot && p > after && p < *place) {
				first = e;
				*place = p;
			}
		}
	} while (get_nulls_value(node) != chain_number(b, slot));
	return first;
}

/* The same for chain @slot of @b and for the chains that it is moving to. */
static struct toytcp_entry *first_in_slot(const struct toytcp_table *t,
					  const struct toytcp_buckets *b,
					  u32 slot, u64 after, u64 *place)
{
	struct toytcp_entry *first = first_in_chain(t, b, slot, after, place);
	const struct toytcp_buckets *larger = larger_of(t, b);
	struct toytcp_entry *e;
	u32 i, parts;

	if (!larger)
		return first;
	parts = 1u << (larger->bits - b->bits);
	for (i = slot * parts; i < (slot + 1) * parts; i++) {
		e = first_in_chain(t, larger, i, after, place);
		if (e)
			first = e;
	}
	return first;
}

/*
 * Iterates over the table; *@cursor is 0 at first. NULL at the end.
 *
 * Entries that are in the table all the time are met exactly once each,
 * whatever is added or removed meanwhile, and if the table grows: the order of
 * the entries is the same in all arrays. RCU may be left and entered again
 * between calls; within one, an array and the next larger one are all there is,
 * since grow() waits for a grace period.
 */
struct toytcp_entry *toytcp_table_next(struct toytcp_net *tn, u64 *cursor)
{
	const struct toytcp_table *t = &tn->table;
	const struct toytcp_buckets *b = buckets_of(t);
	struct toytcp_entry *e = NULL;
	u64 place = U64_MAX;
	u32 slot;

	for (slot = slot_of(b, *cursor); !e && slot < 1u << b->bits; slot++)
		e = first_in_slot(t, b, slot, *cursor, &place);
	if (e)
		*cursor = place;
	return e;
}
