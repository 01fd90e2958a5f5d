/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text that arrived ahead of RCV.NXT, kept as ranges of sequence numbers.
 *
 * The bytes stay with the caller. For each segment it lends one node, which it
 * gets back in a chain once the gap before it has closed.
 */
#ifndef TOYTCP_CORE_REASSEMBLY_H
#define TOYTCP_CORE_REASSEMBLY_H

#include "order.h"
#include "segment.h"

/**
 * struct reassembly_node - one segment's text, waiting or ready
 * @seq: its first byte, not trimmed: for text in order, at or before RCV.NXT
 * @end: one past its last byte, after trimming to the window
 * @order: (first of a range) where the range is among the others
 * @range_end: (first of a range) one past the range's last byte
 * @fin: a FIN stands at @end
 * @next: the next segment of the same range, or of a chain given back
 * @last: (first of a range) the range's last node
 *
 * Nodes may overlap; along a range, each begins at or before the end of what
 * stands before it, so whoever reads along it finds no gap.
 */
struct reassembly_node {
	union {
		struct order_node order;
		struct {
			u32 seq;
			u32 end;
		};
	};
	u32 range_end;
	u32 fin;
	struct reassembly_node *next;
	struct reassembly_node *last;
};

/**
 * struct reassembly - all ranges beyond RCV.NXT, with gaps between
 * @ranges: a tree of them, or NULL. How many there are is not limited but by
 *	the buffer: the caller has paid for each node
 * @recent: numbers of the ranges that grew last, the latest first; each stands
 *	for the range it is in, if it still is in one
 */
struct reassembly {
	struct order_node *ranges;
	u32 recent[SACKS_MAX];
};

bool toytcp_reassembly_add(struct reassembly *r, struct reassembly_node *node);
struct reassembly_node *toytcp_reassembly_take(struct reassembly *r, u32 nxt);
struct reassembly_node *toytcp_reassembly_purge(struct reassembly *r);
u32 toytcp_reassembly_report(struct reassembly *r, struct sack_block *block,
			     u32 most);

#endif /* TOYTCP_CORE_REASSEMBLY_H */
