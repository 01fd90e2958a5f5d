// SPDX-License-Identifier: GPL-2.0
/*
 * The network: one path that all connections share. Packets are bytes, in a
 * heap by time of arrival. It loses, repeats, overtakes, damages, queues and
 * delays them as the settings say.
 */
#include <stdlib.h>

#include "sim.h"

#define AGE_MOST	(30 * SECOND)	/* half of TIME-WAIT */

static bool earlier(const struct packet *a, const struct packet *b)
{
	return a->when != b->when ? a->when < b->when : a->order < b->order;
}

static void swap(struct packet **a, struct packet **b)
{
	struct packet *p = *a;

	*a = *b;
	*b = p;
}

static void heap_add(struct wire *wire, struct packet *p)
{
	u32 i = wire->used++;

	if (wire->used > wire->room) {
		wire->room = wire->room ? 2 * wire->room : 64;
		wire->heap = realloc(wire->heap,
				     wire->room * sizeof(struct packet *));
	}
	wire->heap[i] = p;
	for (; i && earlier(p, wire->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&wire->heap[i], &wire->heap[(i - 1) / 2]);
}

static struct packet *heap_take(struct wire *wire)
{
	struct packet *top = wire->heap[0];
	u32 i = 0, child;

	wire->heap[0] = wire->heap[--wire->used];
	while ((child = 2 * i + 1) < wire->used) {
		if (child + 1 < wire->used &&
		    earlier(wire->heap[child + 1], wire->heap[child]))
			child++;
		if (!earlier(wire->heap[child], wire->heap[i]))
			break;
		swap(&wire->heap[child], &wire->heap[i]);
		i = child;
	}
	return top;
}

void wire_free(struct world *w, struct packet *p)
{
	w->live--;
	free(p);
}

static struct packet *make_packet(struct world *w, u32 total)
{
	struct packet *p = calloc(1, sizeof(*p) + total);

	p->total = total;
	w->live++;
	return p;
}

/* @junk may be NULL, as may @text where there is none. */
struct packet *wire_make(struct world *w, const struct segment *seg,
			 const u8 *text, const struct junk *junk)
{
	u32 more = junk ? junk->len : 0, hdrlen = seg->hdrlen + more;
	struct packet *p = make_packet(w, hdrlen + seg->len);

	p->sent = *seg;
	p->sent.hdrlen = (u8)hdrlen;
	p->odd = more > 0;
	toytcp_segment_build(&p->sent, p->bytes);
	if (more)
		memcpy(p->bytes + seg->hdrlen, junk->bytes, more);
	if (seg->len)
		memcpy(p->bytes + hdrlen, text, seg->len);
	return p;
}

/* The checksum is modelled: the damage is real, and is always noticed. */
static void damage(struct world *w, struct packet *p)
{
	u32 bit = dice_below(&w->dice, p->total * 8);

	p->bytes[bit / 8] ^= (u8)(1 << bit % 8);
	p->corrupt = true;
}

/*
 * When the last bit of it is out: a link of limited rate has a queue, and what
 * does not fit it any more is dropped. Returns NEVER for that.
 */
static u64 departure(struct world *w, const struct packet *p, u32 way)
{
	u64 rate = (u64)w->path[RATE][way], queue = (u64)w->path[QUEUE][way];
	u64 busy = max(w->wire.busy[way], w->now), waiting;

	if (!rate)
		return w->now;
	waiting = (busy - w->now) * rate / SECOND;
	if (queue && waiting && waiting + p->total + IP_HEADER > queue)
		return NEVER;
	busy += (u64)(p->total + IP_HEADER) * SECOND / rate;
	w->wire.busy[way] = busy;
	return busy;
}

static void launch(struct world *w, struct packet *p)
{
	u32 way = !(p->to & 1), trip = (u32)w->path[DELAY][way];
	u64 out = departure(w, p, way);

	if (out == NEVER) {
		w->counts.queued++;
		wire_free(w, p);
		return;
	}
	p->order = w->wire.order++;
	p->when = out + trip;
	if (w->set.mischief & ANCIENT && dice_below(&w->dice, 30) == 0) {
		p->when += dice_below(&w->dice, AGE_MOST >>
					       dice_below(&w->dice, 12));
	} else if (dice_chance(&w->dice, (u32)w->path[EARLY][way])) {
		p->when = out;
		w->counts.reordered++;
	} else if (dice_chance(&w->dice, (u32)w->path[REORDER][way])) {
		p->when += dice_below(&w->dice, 2 * trip + MSEC);
		w->counts.reordered++;
	} else {
		p->when = max(p->when, w->wire.latest[way]);
		w->wire.latest[way] = p->when;
	}
	heap_add(&w->wire, p);
}

/* Some boxes on the path take away options that they do not know. */
static void strip(struct segment *seg)
{
	seg->options &= (u8)~HAS_WSCALE;
	toytcp_segment_measure(seg);
}

/* Was this one, the latest of the first connection, to be lost by its number? */
static bool is_chosen(const struct world *w, const struct endpoint *from)
{
	u32 i;

	for (i = 0; from->id < 2 && i < LOSE_MOST; i++)
		if (w->set.lose[from->id][i] &&
		    w->set.lose[from->id][i] == from->said)
			return true;
	return false;
}

static bool is_lost(struct world *w, u32 way)
{
	if (!w->path[DOWN][way] &&
	    !dice_chance(&w->dice, (u32)w->path[LOSS][way]))
		return false;
	w->counts.lost++;
	return true;
}

/* A router cannot pass it on, and says so: RFC 1191. */
static void refuse(struct world *w, const struct endpoint *from)
{
	struct packet *p;

	w->counts.too_big++;
	if (w->set.silent || is_lost(w, is_server(from) ? 0 : 1))
		return;
	p = make_packet(w, 0);
	p->news = (u32)w->path[MTU][is_server(from)];
	p->to = from->id;
	launch(w, p);
}

/* A router whose queue grows: RFC 3168. */
static void mark(struct world *w, struct packet *p, u32 way)
{
	if (p->sent.ecn && dice_chance(&w->dice, (u32)w->path[MARK][way]))
		p->sent.ecn = ECN_CE;
}

/* One segment of at most the interface's MTU leaves @from. */
void wire_send(struct world *w, struct endpoint *from,
	       const struct segment *as_sent, const u8 *text,
	       const struct junk *junk)
{
	u32 way = is_server(from);
	int copies = dice_chance(&w->dice, (u32)w->path[DUP][way]) ? 2 : 1;
	struct segment seg = *as_sent;
	u64 size;

	if (w->set.unscaled)
		strip(&seg);
	size = seg.hdrlen + seg.len + IP_HEADER;
	if (junk && (size + junk->len > (u64)w->path[MTU][way] ||
		     seg.hdrlen + junk->len > SEGMENT_HEADER_MAX))
		junk = NULL;
	w->counts.sent++;
	w->counts.dup += copies - 1;
	if (size > (u64)w->set.path[MTU][way])
		FAIL(w, "%s sent %u bytes of text over an MTU of %u",
		     from->name, seg.len, (u32)w->set.path[MTU][way]);
	if (size > (u64)w->path[MTU][way]) {
		refuse(w, from);
		return;
	}
	while (copies--) {
		struct packet *p;

		if (is_lost(w, way) || is_chosen(w, from))
			continue;
		p = wire_make(w, &seg, text, junk);
		p->to = from->id ^ 1;
		mark(w, p, way);
		if (dice_chance(&w->dice, (u32)w->path[CORRUPT][way]))
			damage(w, p);
		launch(w, p);
	}
}

u64 wire_next(const struct world *w)
{
	return w->wire.used ? w->wire.heap[0]->when : NEVER;
}

struct packet *wire_take(struct world *w)
{
	return heap_take(&w->wire);
}

void wire_end(struct world *w)
{
	while (w->wire.used)
		wire_free(w, heap_take(&w->wire));
	free(w->wire.heap);
	memset(&w->wire, 0, sizeof(w->wire));
}
