// SPDX-License-Identifier: GPL-2.0
/*
 * Out-of-order text as ranges in a tree: a peer may open a gap with every byte
 * (the class of CVE-2018-5390), and a network that reorders does not do it in
 * any order, either.
 */
#include "limits.h"
#include "reassembly.h"
#include "seq.h"

/* Its first member is the node in the tree. */
static struct reassembly_node *range_of(struct order_node *node)
{
	return (struct reassembly_node *)node;
}

/* The last range that does not begin behind @seq, now the root. */
static struct reassembly_node *range_at(struct reassembly *r, u32 seq)
{
	return range_of(toytcp_order_at(&r->ranges, seq));
}

static bool has(const struct reassembly_node *range, u32 seq)
{
	return seq_between(range->seq, seq, range->range_end);
}

/* Joins the chain that begins at @more to the end of @range. */
static void append(struct reassembly_node *range, struct reassembly_node *more,
		   struct reassembly_node *last, u32 end)
{
	range->last->next = more;
	range->last = last;
	range->range_end = seq_max(range->range_end, end);
}

/* @range, which has @seq, is the most recent now. */
static void note_recent(struct reassembly *r,
			const struct reassembly_node *range, u32 seq)
{
	u32 i, earlier;

	for (i = 0; i < SACKS_MAX; i++) {
		earlier = r->recent[i];
		r->recent[i] = seq;
		if (has(range, earlier))
			break;
		seq = earlier;
	}
}

/*
 * Keep a segment's text for later. @node has its @seq, @end and @fin; @end is
 * after @seq, or @fin is set. Returns true if @node was kept and now belongs to
 * @r; false if it brings nothing new: the caller keeps it.
 */
bool toytcp_reassembly_add(struct reassembly *r, struct reassembly_node *node)
{
	struct reassembly_node *range = range_at(r, node->seq), *after;
	bool kept = true;

	node->next = NULL;
	if (!range || !has(range, node->seq)) {
		toytcp_order_add(&r->ranges, &node->order);
		node->range_end = node->end;
		node->last = node;
		range = node;
	} else if (seq_after(node->end, range->range_end) ||
		   (node->fin && !range->last->fin)) {
		append(range, node, node, node->end);
	} else {
		kept = false;
	}
	/* A range that has grown may now touch the ones behind it. */
	while ((after = range_of(toytcp_order_behind(&range->order))) &&
	       !seq_after(after->seq, range->range_end)) {
		range->order.child[1] = after->order.child[1];
		append(range, after, after->last, after->range_end);
	}
	note_recent(r, range, node->seq);
	return kept;
}

/*
 * Take out the text that has become in-order. Returns a chain of nodes without
 * a gap, linked by @next, which begins at or before @nxt; NULL if the next byte
 * is not there.
 */
struct reassembly_node *toytcp_reassembly_take(struct reassembly *r, u32 nxt)
{
	struct reassembly_node *chain = NULL, **tail = &chain, *range;

	/* Text that arrived in order may have covered more than one range. */
	while (r->ranges) {
		/* A look-up in front of all makes the first one the root. */
		range_at(r, r->ranges->seq - WINDOW_MAX);
		range = range_of(r->ranges);
		if (seq_after(range->seq, nxt))
			break;
		r->ranges = range->order.child[1];
		*tail = range;
		tail = &range->last->next;
		nxt = seq_max(nxt, range->range_end);
	}
	return chain;
}

/*
 * Give everything back, gaps or not. Returns all nodes, linked by @next, for
 * the caller to free.
 */
struct reassembly_node *toytcp_reassembly_purge(struct reassembly *r)
{
	return r->ranges ? toytcp_reassembly_take(r, r->ranges->seq +
						     WINDOW_MAX) : NULL;
}

/*
 * What to tell the peer: RFC 2018 section 4. First the range that the latest
 * segment is in, then those that grew before it, each once. @most: how many
 * @block has room for. Returns how many were filled in.
 */
u32 toytcp_reassembly_report(struct reassembly *r, struct sack_block *block,
			     u32 most)
{
	struct reassembly_node *range;
	u32 i, j, n = 0;

	for (i = 0; i < SACKS_MAX && n < most; i++) {
		range = range_at(r, r->recent[i]);
		if (!range || !has(range, r->recent[i]))
			continue;	/* it is in order now */
		for (j = 0; j < n && block[j].from != range->seq; j++)
			;
		if (j < n)
			continue;
		block[n].from = range->seq;
		block[n++].to = range->range_end + range->last->fin;
	}
	return n;
}
