// SPDX-License-Identifier: GPL-2.0
/*
 * The records of what is outstanding. No event looks at more of them than it
 * changes: a number is looked up in the tree, and each state has its queue.
 */
#include "scoreboard.h"
#include "seq.h"

#define STEPS_MAX	64	/* along a queue that is not in order */

/*
 * The last record that does not begin behind @seq. There is no tree until the
 * first look-up since nothing was outstanding: without losses it has no use.
 */
static struct sent_record *record_at(struct scoreboard *b, u32 seq)
{
	struct sent_record *r = b->order ? NULL : b->first;

	for (; r; r = r->next)
		toytcp_order_add(&b->order, &r->order);
	/* Its first member is the node in the tree. */
	return (struct sent_record *)toytcp_order_at(&b->order, seq);
}

static u32 length(const struct sent_record *r)
{
	return r->end - r->seq;
}

/* @n numbers with these flags are added (@sign 1) or removed (-1). */
static void add_totals(struct scoreboard *b, u32 flags, u32 n, int sign)
{
	if (flags & RECORD_SACKED)
		b->sacked += (u32)sign * n;
	if (flags & RECORD_LOST)
		b->lost += (u32)sign * n;
}

/* @r joins the queue that @next is in. */
static void queue_before(struct sent_record *r, struct sent_record *next)
{
	r->later = next;
	r->earlier = next->earlier;
	r->earlier->later = r;
	next->earlier = r;
}

static struct sent_record **queue_of(struct scoreboard *b,
				     const struct sent_record *r)
{
	return r->flags & RECORD_LOST ? &b->losses : &b->sent;
}

/*
 * The LOST record that @r, not the first of them, belongs in front of; or the
 * first if @r is the last. As a rule one follows the other. Where it does not,
 * the search ends, and @r is retransmitted out of order.
 */
static struct sent_record *lost_behind(struct scoreboard *b,
				       const struct sent_record *r)
{
	struct sent_record *first = b->losses;
	struct sent_record *at = record_at(b, b->lost_at);
	int steps = STEPS_MAX;

	if (!at || at == r || !(at->flags & RECORD_LOST))
		at = first->earlier;
	while (seq_after(at->seq, r->seq) && steps-- > 0)
		at = at->earlier;
	do {
		at = at->later;
	} while (at != first && seq_before(at->seq, r->seq) && steps-- > 0);
	return at;
}

static void enqueue(struct scoreboard *b, struct sent_record *r)
{
	struct sent_record **queue = queue_of(b, r), *next = *queue;

	r->later = r;
	r->earlier = r;
	if (r->flags & RECORD_SACKED)
		return;
	if (!next || (r->flags & RECORD_LOST && seq_before(r->seq, next->seq)))
		*queue = r;
	else if (r->flags & RECORD_LOST)
		next = lost_behind(b, r);
	if (next)
		queue_before(r, next);
}

static void dequeue(struct scoreboard *b, struct sent_record *r)
{
	struct sent_record **queue = queue_of(b, r);

	r->earlier->later = r->later;
	r->later->earlier = r->earlier;
	if (*queue == r)
		*queue = r->later == r ? NULL : r->later;
}

/* In another queue, or at the end of the same one. */
static void mark(struct scoreboard *b, struct sent_record *r, u32 flags)
{
	dequeue(b, r);
	add_totals(b, r->flags, length(r), -1);
	r->flags = flags;
	r->cause = flags & RECORD_LOST ? r->cause : CAUSE_NONE;
	add_totals(b, r->flags, length(r), 1);
	enqueue(b, r);
}

/* Give one record that is not in use back. Returns the record, or NULL. */
struct sent_record *toytcp_scoreboard_return(struct scoreboard *b)
{
	struct sent_record *r = b->spare;

	if (r) {
		b->spare = r->next;
		b->spares--;
	}
	return r;
}

static struct sent_record *take_spare(struct scoreboard *b)
{
	u32 flight = b->first ? b->first->prev->end - b->first->seq : 0;

	if (!b->spare ||
	    b->records >= SCOREBOARD_MIN + flight / SCOREBOARD_SHARE)
		return NULL;
	b->records++;
	return toytcp_scoreboard_return(b);
}

/* @before: NULL if @r is the only one. */
static void link_behind(struct scoreboard *b, struct sent_record *r,
			struct sent_record *before)
{
	r->prev = before ? before : r;
	r->next = before ? before->next : NULL;
	if (before)
		before->next = r;
	else
		b->first = r;
	if (r->next)
		r->next->prev = r;
	else
		b->first->prev = r;
	if (b->order)
		toytcp_order_add(&b->order, &r->order);
}

static void unlink_record(struct scoreboard *b, struct sent_record *r)
{
	if (r->next)
		r->next->prev = r->prev;
	else
		b->first->prev = r->prev;
	if (r == b->first)
		b->first = r->next;
	else
		r->prev->next = r->next;
	dequeue(b, r);
	if (b->order)
		toytcp_order_remove(&b->order, &r->order);
	b->records--;
	toytcp_scoreboard_lend(b, r);
}

/* Make one record of @r and the next. */
static void join(struct scoreboard *b, struct sent_record *r)
{
	r->end = r->next->end;
	unlink_record(b, r->next);
}

/* The previous record, if it has the same state. */
static struct sent_record *same_before(const struct scoreboard *b,
				       const struct sent_record *r)
{
	return r != b->first && r->prev->flags == r->flags &&
	       r->prev->cause == r->cause ? r->prev : NULL;
}

/*
 * The caller lends a record. It is the core's until toytcp_scoreboard_return()
 * or _purge().
 */
void toytcp_scoreboard_lend(struct scoreboard *b, struct sent_record *r)
{
	r->next = b->spare;
	b->spare = r;
	b->spares++;
}

/*
 * Give everything back. Returns all records, linked by @next, for the caller to
 * free.
 */
struct sent_record *toytcp_scoreboard_purge(struct scoreboard *b)
{
	struct sent_record *r, *next, *chain;

	for (r = b->first; r; r = next) {
		next = r->next;
		toytcp_scoreboard_lend(b, r);
	}
	chain = b->spare;
	memset(b, 0, sizeof(*b));
	return chain;
}

/*
 * Numbers go out for the first time. @seq is the end of the last record, and
 * toytcp_scoreboard_has_room(). @slack: how old the last record may be to be
 * extended. @mss: the size of the segments; the last may be shorter.
 */
void toytcp_scoreboard_send(struct scoreboard *b, u32 seq, u32 end, u64 now,
			    u32 slack, u32 mss)
{
	struct sent_record *last = b->first ? b->first->prev : NULL, *r;

	if (last && !(last->flags & ~RECORD_UNEVEN) && !b->sealed &&
	    now - last->sent <= slack) {
		if (length(last) % mss)
			last->flags |= RECORD_UNEVEN;
		last->end = end;
		return;
	}
	r = take_spare(b);
	if (!r) {	/* no record left: the last one loses its state */
		mark(b, last, RECORD_UNEVEN);
		last->end = end;
		return;
	}
	*r = (struct sent_record){ .seq = seq, .end = end, .sent = now };
	b->sealed = 0;
	if (!last)
		b->highest = seq;
	enqueue(b, r);
	link_behind(b, r, last);
}

/* [.., @end) of @r is newly delivered. */
static void deliver(struct scoreboard *b, struct delivery *d,
		    const struct sent_record *r, u32 end)
{
	bool once = !(r->flags & RECORD_RETRANSMITTED);

	d->bytes += end - r->seq;
	d->original |= once && !seq_after(end, d->recover);
	d->reordered |= once && seq_before(end, b->highest);
	b->highest = seq_max(b->highest, end);
	if (!once && r->sent > d->resent)
		d->resent = r->sent;
	/* RFC 8985 section 6.2, step 2: the ACK is for the original. */
	if (!once && (d->now - r->sent < d->min_rtt ||
		      (d->echo && r->sent > d->echo)))
		return;
	if (d->timed && toytcp_sent_before(r->sent, end, d->sent, d->end))
		return;
	d->timed = true;
	d->once = once;
	d->sent = r->sent;
	d->end = end;
}

/* All below a number is acknowledged. What that delivers is added to @d. */
void toytcp_scoreboard_acked(struct scoreboard *b, u32 una, struct delivery *d)
{
	struct sent_record *r;

	while ((r = b->first) && seq_before(r->seq, una)) {
		u32 end = seq_min(r->end, una);

		if (!(r->flags & RECORD_SACKED))
			deliver(b, d, r, end);
		add_totals(b, r->flags, end - r->seq, -1);
		if (end == r->end)
			unlink_record(b, r);
		else
			r->seq = end;
	}
}

/*
 * Split a record. The second begins @at, within @r. Returns the second one; @r
 * if @at is where it begins; NULL if no record is left for it.
 */
struct sent_record *toytcp_scoreboard_cut(struct scoreboard *b,
					  struct sent_record *r, u32 at)
{
	struct sent_record *more;

	if (at == r->seq)
		return r;
	more = take_spare(b);
	if (!more)
		return NULL;
	*more = *r;
	more->seq = at;
	r->end = at;
	queue_before(more, r->later);
	link_behind(b, more, r);
	return more;
}

/*
 * Does a range begin with a segment of @r, or have a whole one? If it has only
 * a part of one, its first part would look as if it was sent before this.
 */
static bool has_whole(const struct sent_record *r, u32 from, u32 to, u32 mss)
{
	return seq_min(to, r->end) - from >= mss || !((from - r->seq) % mss) ||
	       r->flags & RECORD_UNEVEN;
}

/*
 * The peer reports a range beyond a gap. What that delivers is added to @d;
 * ranges of one ACK come in ascending order.
 */
void toytcp_scoreboard_sack(struct scoreboard *b, u32 from, u32 to,
			    struct delivery *d)
{
	struct sent_record *r = record_at(b, from), *part;

	for (; r && seq_before(r->seq, to); r = r->next) {
		if (r->flags & RECORD_SACKED || !seq_after(r->end, from))
			continue;
		/* Split @r where the range begins and where it ends. */
		part = r;
		if (seq_before(r->seq, from))
			part = has_whole(r, from, to, d->mss) ?
				toytcp_scoreboard_cut(b, r, from) : NULL;
		if (!part || (seq_after(part->end, to) &&
			      !toytcp_scoreboard_cut(b, part, to)))
			continue;
		r = part;
		deliver(b, d, r, r->end);
		mark(b, r, RECORD_SACKED);
		if (same_before(b, r)) {
			r = r->prev;
			join(b, r);
		}
		if (r->next && r->next->flags == RECORD_SACKED)
			join(b, r);
	}
}

/*
 * A record is lost: retransmit it. @r is neither LOST nor SACKED. It may be
 * joined to the previous record, but the next one stays.
 */
void toytcp_scoreboard_lose(struct scoreboard *b, struct sent_record *r,
			    enum cause cause)
{
	mark(b, r, r->flags | RECORD_LOST);
	b->lost_at = r->seq;
	r->cause = cause;
	if (same_before(b, r) && r->prev->sent == r->sent)
		join(b, r->prev);
}

/*
 * Clear a flag of all records. RECORD_SACKED: the peer has reneged;
 * RECORD_LOST: it was no loss.
 */
void toytcp_scoreboard_clear(struct scoreboard *b, u32 flag)
{
	struct sent_record *r = b->first ? b->first->prev : NULL;

	/* In front of what is on its way: that was sent later. */
	for (; r; r = r == b->first ? NULL : r->prev)
		if (r->flags & flag) {
			mark(b, r, r->flags & ~flag);
			b->sent = r;
		}
	if (flag == RECORD_SACKED && b->first)
		b->highest = b->first->seq;
}

/*
 * Lost text is retransmitted. @r is LOST, the first of it. If @r cannot be
 * split, all of it counts as retransmitted.
 */
void toytcp_scoreboard_retransmit(struct scoreboard *b, struct sent_record *r,
				  u32 end, u64 now)
{
	struct sent_record *next;

	b->sealed = 1;
	for (; r && seq_before(r->seq, end) && r->flags & RECORD_LOST;
	     r = next) {
		if (seq_before(end, r->end))
			toytcp_scoreboard_cut(b, r, end);
		next = r->next;
		mark(b, r, RECORD_RETRANSMITTED);
		r->sent = now;
		if (same_before(b, r) && r->prev->sent == now)
			join(b, r->prev);
	}
}

/*
 * The end of LOST text without a gap. @most: look no further, bytes. Returns
 * one past the last number.
 */
u32 toytcp_scoreboard_lost_end(const struct sent_record *r, u32 most)
{
	u32 first = r->seq;

	while (r->end - first < most && r->next && r->next->flags & RECORD_LOST)
		r = r->next;
	return r->end;
}

/*
 * How much is retransmitted and outstanding. Returns bytes. For statistics: it
 * walks along all records.
 */
u32 toytcp_scoreboard_retransmitted(const struct scoreboard *b)
{
	const struct sent_record *r;
	u32 bytes = 0;

	for (r = b->first; r; r = r->next)
		if (r->flags == RECORD_RETRANSMITTED)
			bytes += length(r);
	return bytes;
}
