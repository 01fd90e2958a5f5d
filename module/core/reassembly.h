/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text that arrived ahead of RCV.NXT, kept as ranges of sequence numbers.
 *
 * The bytes stay with the caller. For each segment it lends one node, which it
 * gets back in a chain once the gap before it has closed.
 */
#ifndef TOYTCP_CORE_REASSEMBLY_H
#define TOYTCP_CORE_REASSEMBLY_H

#include "port.h"
#include "segment.h"

/*
 * A segment that would open one gap more is dropped and will be retransmitted.
 * Bounds the work of one insertion, whatever an attacker sends (the class of
 * CVE-2018-5390). A network that reorders one packet in ten needs some 160 at
 * 1,800 packets a round trip.
 */
#define REASSEMBLY_RANGES_MAX	512

/**
 * struct reassembly_node - one segment's text, waiting or ready
 * @seq: its first byte, not trimmed: for text in order, at or before RCV.NXT
 * @end: one past its last byte, after trimming to the window
 * @fin: a FIN stands at @end
 * @next: the next segment of the same range, or of a chain given back
 * @range_end: (first of a range) one past the range's last byte
 * @last: (first of a range) the range's last node
 * @range_next: (first of a range) the range after this one
 * @range_prev: (first of a range) the range before this one
 *
 * Nodes may overlap; along a range, each begins at or before the end of what
 * stands before it, so whoever reads along it finds no gap.
 */
struct reassembly_node {
	u32 seq;
	u32 end;
	u32 range_end;
	u32 fin;
	struct reassembly_node *next;
	struct reassembly_node *last;
	struct reassembly_node *range_next;
	struct reassembly_node *range_prev;
};

/**
 * struct reassembly - all ranges beyond RCV.NXT, in order, with gaps between
 * @first: the range that begins first, or NULL
 * @final: the range that begins last, or NULL
 * @ranges: how many there are, at most REASSEMBLY_RANGES_MAX
 * @recent: a number that arrived last, be it for the second time
 */
struct reassembly {
	struct reassembly_node *first;
	struct reassembly_node *final;
	u32 ranges;
	u32 recent;
};

bool toytcp_reassembly_add(struct reassembly *r, struct reassembly_node *node);
struct reassembly_node *toytcp_reassembly_take(struct reassembly *r, u32 nxt);
struct reassembly_node *toytcp_reassembly_purge(struct reassembly *r);
u32 toytcp_reassembly_report(const struct reassembly *r,
			     struct sack_block *block, u32 most);

#endif /* TOYTCP_CORE_REASSEMBLY_H */
