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

/**
 * struct fate - what chance has in store for a packet, or for its copy
 * @age: (ancient) how long it is under way, microseconds
 * @delay: (late) how much longer than others, microseconds
 * @bit: (corrupt) a place in it, as a share of 2^32
 * @dither: bytes of the queue that it does not find
 */
struct fate {
	bool lost, marked, corrupt, ancient, early, late;
	u32 age, delay, bit, dither;
};

/*
 * The dice of the next packet that @from sends. Its number and the run's seed
 * alone decide, so that to lose a packet changes the consequences and not the
 * luck of all that follow. Each end counts for itself: what one connection
 * sends again shall not change the luck of those that share the path.
 */
static struct dice next_packet(struct endpoint *from)
{
	struct dice d;

	dice_seed(&d, from->world->seed, DICE_PATH,
		  (u64)from->id << 32 | ++from->packets);
	return d;
}

/* Unlike dice_chance() always one roll, so that the next is the same one. */
static bool hits(struct dice *d, s64 of_a_million)
{
	return dice_below(d, MILLION) < of_a_million;
}

static struct fate draw_fate(struct world *w, struct dice *d, u32 way)
{
	struct fate f = { .lost = hits(d, w->path[LOSS][way]) };

	f.marked = hits(d, w->path[MARK][way]);
	f.corrupt = hits(d, w->path[CORRUPT][way]);
	f.bit = dice_roll(d);
	f.ancient = dice_below(d, 30) == 0 && w->set.mischief & ANCIENT;
	f.age = dice_below(d, AGE_MOST >> dice_below(d, 12));
	f.early = hits(d, w->path[EARLY][way]);
	f.late = hits(d, w->path[REORDER][way]);
	f.delay = dice_below(d, 2 * (u32)w->path[DELAY][way] + MSEC);
	if (w->set.dither)
		f.dither = dice_below(d, (u32)w->set.dither);
	return f;
}

/* A line of --fates. */
static void list_fate(const struct world *w, const struct endpoint *from,
		      const char *fate)
{
	if (w->fates)
		fprintf(w->fates, "%s %u %s\n", from->name, from->packets,
			fate);
}

/* The checksum is modelled: the damage is real, and is always noticed. */
static void damage(struct packet *p, const struct fate *f)
{
	u32 bit = (u32)((u64)f->bit * (p->total * 8) >> 32);

	p->bytes[bit / 8] ^= (u8)(1 << bit % 8);
	p->corrupt = true;
}

/*
 * When the last bit of it is out: a link of limited rate has a queue, and what
 * does not fit it any more is dropped. Returns NEVER for that.
 */
static u64 departure(struct world *w, const struct packet *p,
		     const struct fate *f, u32 way)
{
	u64 rate = (u64)w->path[RATE][way], queue = (u64)w->path[QUEUE][way];
	u64 busy = max(w->wire.busy[way], w->now), waiting;

	if (!rate)
		return w->now;
	waiting = (busy - w->now) * rate / SECOND;
	if (queue && waiting &&
	    waiting + p->total + IP_HEADER + f->dither > queue)
		return NEVER;
	busy += (u64)(p->total + IP_HEADER) * SECOND / rate;
	w->wire.busy[way] = busy;
	return busy;
}

/* Returns false if it found the queue full. */
static bool launch(struct world *w, struct packet *p, const struct fate *f)
{
	u32 way = !(p->to & 1);
	u64 out = departure(w, p, f, way);

	if (out == NEVER) {
		w->counts.queued++;
		wire_free(w, p);
		return false;
	}
	p->order = w->wire.order++;
	p->when = out + (u32)w->path[DELAY][way];
	if (f->ancient) {
		p->when += f->age;
	} else if (f->early) {
		p->when = out;
		w->counts.reordered++;
	} else if (f->late) {
		p->when += f->delay;
		w->counts.reordered++;
	} else {
		p->when = max(p->when, w->wire.latest[way]);
		w->wire.latest[way] = p->when;
	}
	heap_add(&w->wire, p);
	return true;
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

static bool is_lost(struct world *w, const struct fate *f, u32 way)
{
	if (!w->path[DOWN][way] && !f->lost)
		return false;
	w->counts.lost++;
	return true;
}

/* A router cannot pass it on, and says so: RFC 1191. */
static void refuse(struct world *w, const struct endpoint *from, struct dice *d)
{
	u32 back = !is_server(from);
	struct fate f = draw_fate(w, d, back);
	struct packet *p;

	list_fate(w, from, "too large");
	w->counts.too_big++;
	if (w->set.silent || is_lost(w, &f, back))
		return;
	p = make_packet(w, 0);
	p->news = (u32)w->path[MTU][!back];
	p->to = from->id;
	launch(w, p, &f);
}

static void describe(const struct fate *f, char *text, size_t room)
{
	int n = snprintf(text, room, "arrives%s%s%s%s",
			 f->ancient ? " ancient" : "",
			 f->early ? " early" : "", f->marked ? " marked" : "",
			 f->corrupt ? " damaged" : "");

	if (f->late && !f->early)
		snprintf(text + n, room - (size_t)n, " late by %u us",
			 f->delay);
}

static void take_toll(struct endpoint *from, const struct segment *seg,
		      const struct packet *p, const struct fate *f)
{
	if (f->early || f->late)
		toll_overtook(from, seg);
	if (p->sent.ecn == ECN_CE)
		toll_marked(from, seg);
	toll_passed(from, p->when - from->world->now);
}

/*
 * One packet, or its copy, is in the network's hands. Returns whether it will
 * arrive, whole and soon.
 */
static bool pass_on(struct world *w, struct endpoint *from, struct packet *p,
		    const struct fate *f)
{
	char text[80] = "finds the queue full";
	bool good = false;

	p->to = from->id ^ 1;
	if (p->sent.ecn && f->marked)	/* a queue grows: RFC 3168 */
		p->sent.ecn = ECN_CE;
	if (f->corrupt)
		damage(p, f);
	if (launch(w, p, f)) {
		describe(f, text, sizeof(text));
		good = !f->corrupt && !f->ancient;
		if (good)
			take_toll(from, &p->sent, p, f);
	}
	list_fate(w, from, text);
	return good;
}

/* One segment of at most the interface's MTU leaves @from. */
void wire_send(struct world *w, struct endpoint *from,
	       const struct segment *as_sent, const u8 *text,
	       const struct junk *junk)
{
	u32 way = is_server(from);
	struct dice d = next_packet(from);
	int copies = hits(&d, w->path[DUP][way]) ? 2 : 1;
	struct segment seg = *as_sent;
	bool good = false;
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
		refuse(w, from, &d);
		toll_lost(from, &seg);
		return;
	}
	while (copies--) {
		struct fate f = draw_fate(w, &d, way);

		if (is_lost(w, &f, way) || is_chosen(w, from))
			list_fate(w, from, "lost");
		else
			good |= pass_on(w, from,
					wire_make(w, &seg, text, junk), &f);
	}
	if (!good)
		toll_lost(from, &seg);
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
