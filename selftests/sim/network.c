// SPDX-License-Identifier: GPL-2.0
/*
 * The network: packets as bytes, in a heap by time of arrival. It loses,
 * repeats, overtakes, damages and delays them as the settings say.
 */
#include <stdlib.h>

#include "sim.h"

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

static struct packet *make_packet(struct world *w, const struct segment *seg,
				  const u8 *text)
{
	u32 total = seg->hdrlen + seg->len;
	struct packet *p = malloc(sizeof(*p) + total);

	p->total = total;
	p->sent = *seg;
	p->corrupt = false;
	toytcp_segment_build(seg, p->bytes);
	if (seg->len)
		memcpy(p->bytes + seg->hdrlen, text, seg->len);
	w->live++;
	return p;
}

/* The checksum is modelled: the damage is real, and is always noticed. */
static void damage(struct world *w, struct packet *p)
{
	u32 bit = dice_below(&w->dice, p->total * 8);

	p->bytes[bit / 8] ^= (u8)(1 << bit % 8);
	p->corrupt = true;
}

/* When the last bit of it is out: a link of limited rate has a queue. */
static u64 departure(struct world *w, const struct packet *p, u8 from)
{
	u64 out = w->now;

	if (!w->set.rate)
		return out;
	if (w->wire.busy[from] > out)
		out = w->wire.busy[from];
	out += (u64)(p->total + IP_HEADER) * SECOND / (u64)w->set.rate;
	w->wire.busy[from] = out;
	return out;
}

static void launch(struct world *w, struct packet *p, u8 from)
{
	u32 trip = (u32)w->set.rtt / 2;

	p->to = !from;
	p->order = w->wire.order++;
	p->when = departure(w, p, from) + trip;
	if (dice_chance(&w->dice, (u32)w->set.reorder)) {
		p->when += dice_below(&w->dice, 2 * trip + MSEC);
		w->counts.reordered++;
	} else {
		if (p->when < w->wire.latest[from])
			p->when = w->wire.latest[from];
		w->wire.latest[from] = p->when;
	}
	heap_add(&w->wire, p);
}

/* Some boxes on the path take away options that they do not know. */
static void strip(struct segment *seg)
{
	seg->options &= (u8)~HAS_WSCALE;
	toytcp_segment_measure(seg);
}

static bool is_lost(struct world *w)
{
	if (w->now >= w->set.outage[0] && w->now < w->set.outage[1])
		return true;
	return dice_chance(&w->dice, (u32)w->set.loss);
}

/* One segment of at most the path's MTU leaves @from. */
void wire_send(struct world *w, struct endpoint *from,
	       const struct segment *as_sent, const u8 *text)
{
	int copies = dice_chance(&w->dice, (u32)w->set.dup) ? 2 : 1;
	struct segment on_wire = *as_sent, *seg = &on_wire;

	if (w->set.unscaled)
		strip(seg);
	w->counts.sent++;
	w->counts.dup += copies - 1;
	if (seg->hdrlen + seg->len + IP_HEADER > (u64)w->set.mtu)
		FAIL(w, "%s sent %u bytes of text over an MTU of %u",
		     name_of(from), seg->len, (u32)w->set.mtu);
	while (copies--) {
		struct packet *p;

		if (is_lost(w)) {
			w->counts.lost++;
			continue;
		}
		p = make_packet(w, seg, text);
		if (dice_chance(&w->dice, (u32)w->set.corrupt))
			damage(w, p);
		launch(w, p, from->id);
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

void wire_free(struct world *w, struct packet *p)
{
	w->live--;
	free(p);
}

void wire_end(struct world *w)
{
	while (w->wire.used)
		wire_free(w, heap_take(&w->wire));
	free(w->wire.heap);
	memset(&w->wire, 0, sizeof(w->wire));
}
