/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connection table: a part of toytcp.h, and all that table.c needs of it.
 * selftests/table compiles both in user space.
 */
#ifndef TOYTCP_TABLE_H
#define TOYTCP_TABLE_H

struct toytcp_net;

/* What an entry of the connection table is part of: a struct toytcp_... */
enum entry_kind {
	ENTRY_SOCKET,
	ENTRY_REQUEST,
	ENTRY_TIMEWAIT,
};

/*
 * The head that all entries of the table share. @who is the four-tuple from our
 * side, ports in host order. Freed after an RCU grace period. While it is in
 * the table @who and @kind do not change, and @dev only by
 * toytcp_table_rebind().
 */
struct toytcp_entry {
	struct hlist_nulls_node node;	/* unhashed: not in the table */
	struct_group_tagged(toytcp_tuple, who, __be32 local, remote; u16 lport, rport;);
	int dev;	/* that the connection is bound to, 0 for any */
	u8 kind;	/* enum entry_kind */
	u8 tos, ttl;	/* of answers in TIME-WAIT; here there is room */
};

/* By which device a segment came in. */
struct toytcp_ingress {
	int dif;	/* the device; if that belongs to a VRF, the VRF */
	int sdif;	/* the device, if it belongs to a VRF; else 0 */
};

/* The connection table of a namespace. */
struct toytcp_table {
	spinlock_t lock;	/* to change it, entry by entry; see toytcp.h */
	/* The chains; while the table grows, those that become empty. */
	struct toytcp_buckets __rcu *buckets;
	siphash_key_t key;	/* secret: no attacker can fill one chain */
	u32 count;
	bool has_bound;		/* had an entry with a device: they go first */
	struct work_struct grow;	/* adds chains; allocation may sleep */
};

/** toytcp_tuple_same() - compare four-tuples; @a may change meanwhile */
static inline bool toytcp_tuple_same(const struct toytcp_tuple *a,
				     const struct toytcp_tuple *b)
{
	return READ_ONCE(a->remote) == b->remote &&
	       READ_ONCE(a->local) == b->local &&
	       READ_ONCE(a->rport) == b->rport &&
	       READ_ONCE(a->lport) == b->lport;
}

/* Insert, remove and replace: with BH disabled or from user context. */
bool toytcp_table_init(struct toytcp_table *t);
void toytcp_table_destroy(struct toytcp_table *t);
struct toytcp_entry *toytcp_table_find(struct toytcp_net *tn,
				       const struct toytcp_tuple *who,
				       const struct toytcp_ingress *in);
struct toytcp_entry *toytcp_table_rival(struct toytcp_net *tn,
					const struct toytcp_entry *entry);
int toytcp_table_insert(struct toytcp_net *tn, struct toytcp_entry *entry);
void toytcp_table_remove(struct toytcp_net *tn, struct toytcp_entry *entry);
void toytcp_table_replace(struct toytcp_net *tn, struct toytcp_entry *old,
			  struct toytcp_entry *entry);
void toytcp_table_rebind(struct toytcp_net *tn, struct toytcp_entry *entry,
			 int dev);
struct toytcp_entry *toytcp_table_next(struct toytcp_net *tn, u64 *cursor);

#endif /* TOYTCP_TABLE_H */
