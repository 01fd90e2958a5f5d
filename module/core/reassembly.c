// SPDX-License-Identifier: GPL-2.0
/*
 * Out-of-order text as a list of ranges.
 *
 * Insertion looks from the end, since a segment usually follows what came
 * just before it: one step in the common case, REASSEMBLY_RANGES_MAX at worst.
 */
#include "reassembly.h"
#include "seq.h"

static void unlink_range(struct reassembly *r, struct reassembly_node *range)
{
	if (range->range_prev)
		range->range_prev->range_next = range->range_next;
	else
		r->first = range->range_next;
	if (range->range_next)
		range->range_next->range_prev = range->range_prev;
	else
		r->final = range->range_prev;
	r->ranges--;
}

/* Makes @node a range of its own, behind @before (NULL: in front of all). */
static void link_range(struct reassembly *r, struct reassembly_node *node,
		       struct reassembly_node *before)
{
	struct reassembly_node *after = before ? before->range_next : r->first;

	node->next = NULL;
	node->last = node;
	node->range_end = node->end;
	node->range_prev = before;
	node->range_next = after;
	if (before)
		before->range_next = node;
	else
		r->first = node;
	if (after)
		after->range_prev = node;
	else
		r->final = node;
	r->ranges++;
}

/* Joins the chain that begins at @more to the end of @range. */
static void append(struct reassembly_node *range, struct reassembly_node *more,
		   struct reassembly_node *last, u32 end)
{
	range->last->next = more;
	range->last = last;
	range->range_end = seq_max(range->range_end, end);
}

/* The last range that does not begin behind @seq. */
static struct reassembly_node *range_at(const struct reassembly *r, u32 seq)
{
	struct reassembly_node *range = r->final;

	while (range && seq_after(range->seq, seq))
		range = range->range_prev;
	return range;
}

/*
 * Keep a segment's text for later. @node has its @seq, @end and @fin; @end is
 * after @seq, or @fin is set. Returns true if @node was kept and now belongs to
 * @r; false if it brings nothing new or would open one gap too many: the caller
 * keeps it.
 */
bool toytcp_reassembly_add(struct reassembly *r, struct reassembly_node *node)
{
	struct reassembly_node *range = range_at(r, node->seq), *after;

	r->recent = node->seq;
	node->next = NULL;
	if (range && !seq_after(node->seq, range->range_end)) {
		/* It brings nothing, nor a FIN, that is not there already. */
		if (!seq_after(node->end, range->range_end) &&
		    (!node->fin || range->last->fin))
			return false;
		append(range, node, node, node->end);
	} else {
		if (r->ranges >= REASSEMBLY_RANGES_MAX)
			return false;
		link_range(r, node, range);
		range = node;
	}
	/* A range that has grown may now touch the ones behind it. */
	while ((after = range->range_next) &&
	       !seq_after(after->seq, range->range_end)) {
		unlink_range(r, after);
		append(range, after, after->last, after->range_end);
	}
	return true;
}

/*
 * Take out the text that has become in-order. Returns a chain of nodes without
 * a gap, linked by @next, which begins at or before @nxt; NULL if the next byte
 * is not there.
 */
struct reassembly_node *toytcp_reassembly_take(struct reassembly *r, u32 nxt)
{
	struct reassembly_node *range = r->first;
	struct reassembly_node *chain = NULL, **tail = &chain;

	/* Text that arrived in order may have covered more than one range. */
	while (range && !seq_after(range->seq, nxt)) {
		unlink_range(r, range);
		*tail = range;
		tail = &range->last->next;
		nxt = seq_max(nxt, range->range_end);
		range = r->first;
	}
	return chain;
}

/*
 * Give everything back, gaps or not. Returns all nodes, linked by @next, for
 * the caller to free.
 */
struct reassembly_node *toytcp_reassembly_purge(struct reassembly *r)
{
	struct reassembly_node *range, *next, *chain = NULL;

	for (range = r->first; range; range = next) {
		next = range->range_next;
		range->last->next = chain;
		chain = range;
	}
	memset(r, 0, sizeof(*r));
	return chain;
}

static u32 report(const struct reassembly_node *range, struct sack_block *block)
{
	block->from = range->seq;
	block->to = range->range_end + range->last->fin;
	return block->from != block->to;
}

/*
 * What to tell the peer: RFC 2018 section 4. @most: how many @block has room
 * for. First the range that grew last. Then those that begin last: as a rule
 * they are the ones that grew before it. Returns how many were filled in.
 */
u32 toytcp_reassembly_report(const struct reassembly *r,
			     struct sack_block *block, u32 most)
{
	const struct reassembly_node *recent = range_at(r, r->recent), *range;
	u32 n = 0;

	if (recent && most)
		n += report(recent, block);
	for (range = r->final; range && n < most; range = range->range_prev)
		if (range != recent)
			n += report(range, block + n);
	return n;
}
