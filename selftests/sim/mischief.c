// SPDX-License-Identifier: GPL-2.0
/*
 * What peers and strangers do on purpose.
 *
 * A liar is one end of the first connection: an honest core, whose segments are
 * changed on their way out. A stranger is not on the path: it sees nothing, and
 * sends what it has guessed. What each of them may not bring about is in
 * kinds[]; and none may ever break an invariant, or touch other connections.
 */
#include <stdlib.h>

#include "sim.h"

#define BURST_MOST	20
#define ACTS_MOST	200
#define FAR		(1u << 20)	/* beyond what is sent in a round trip */
#define JUDGEMENT	(3600ull * SECOND)
#define STRAYS		(STRAY_RST | STRAY_SYN | STRAY_DATA | STRAY_ACK | \
			 HIJACK | FLOOD)

/*
 * FATAL: the connection may end early or hang, but what is read is what was
 * sent. FORGED: not even that. The others only cost time.
 */
static const struct {
	const char *name;
	u32 bit;
	enum { HARMLESS, FATAL, FORGED } may_be;
} kinds[] = {
	/* A liar's windows shrink at random, to nothing at times. */
	{ "shrink", SHRINK, HARMLESS },
	/* It acknowledges again what it had long acknowledged. */
	{ "old-ack", OLD_ACK, HARMLESS },
	/* It acknowledges what has not yet arrived: then it may never do. */
	{ "optimistic", OPTIMISTIC, FATAL },
	/* Many ACKs for one: it wants the congestion window to grow. */
	{ "division", DIVISION, HARMLESS },
	/* SACK blocks of text that never arrived, or was never sent. */
	{ "sack", SACK_LIE, HARMLESS },
	/* Options that nobody knows, and some that are no options. */
	{ "garbage", GARBAGE, HARMLESS },
	/* Segments arrive again, up to half a minute late. */
	{ "ancient", ANCIENT, HARMLESS },
	/* A stranger's resets, in the window or out of it, never exact. */
	{ "rst", STRAY_RST, HARMLESS },
	/* Its SYNs. */
	{ "syn", STRAY_SYN, HARMLESS },
	/* Its text, whose ACK cannot be the peer's: RFC 5961 section 5. */
	{ "data", STRAY_DATA, HARMLESS },
	/* ACKs of what was never sent, or too old to be true. */
	{ "ack", STRAY_ACK, HARMLESS },
	/* It has guessed all numbers. */
	{ "hijack", HIJACK, FORGED },
	/* SYNs from hosts that do not exist, to the same server. */
	{ "flood", FLOOD, HARMLESS },
};

/* "rst,syn". Returns whether these are names. */
bool mischief_parse(const char *text, u32 *set)
{
	size_t length;
	u32 i;

	for (*set = 0;; text += length + 1) {
		length = strcspn(text, ",");
		for (i = 0; i < ARRAY_SIZE(kinds); i++)
			if (strlen(kinds[i].name) == length &&
			    !memcmp(kinds[i].name, text, length))
				break;
		if (i == ARRAY_SIZE(kinds))
			return false;
		*set |= kinds[i].bit;
		if (!text[length])
			return true;
	}
}

/* The names of @set, or of all, with commas between. */
void mischief_print(u32 set, FILE *to)
{
	const char *comma = "";
	u32 i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!(set & kinds[i].bit))
			continue;
		fprintf(to, "%s%s", comma, kinds[i].name);
		comma = ",";
	}
}

u32 mischief_draw(struct dice *d)
{
	u32 set = 0;

	do {
		set |= kinds[dice_below(d, ARRAY_SIZE(kinds))].bit;
	} while (dice_below(d, 3) == 0);
	return set;
}

static bool may_be(const struct world *w, u32 what)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (w->set.mischief & kinds[i].bit && kinds[i].may_be >= what)
			return true;
	return false;
}

/* The flood's connections are the last: each has a server, but no client. */
static void make_ghosts(struct world *w)
{
	u32 i;

	for (i = 2 * (u32)w->set.connections; i < w->ends; i += 2) {
		excuse(&w->end[i]);
		w->end[i].ghost = true;
		w->end[i].timer = NEVER;
	}
}

void mischief_init(struct world *w)
{
	struct rogue *r = &w->rogue;
	struct dice *d = &r->dice;
	u32 i;

	dice_seed(d, w->seed, DICE_STRANGER, 0);
	dice_seed(&r->lies, w->seed, DICE_LIAR, 0);
	r->next = NEVER;
	r->liar = dice_below(d, 2);
	if (w->set.mischief & STRAYS) {
		r->left = 1 + dice_below(d, ACTS_MOST);
		r->gap = 1 + dice_below(d, 500 * MSEC >> dice_below(d, 10));
		if (w->set.calm) {	/* few enough to be looked at */
			r->left = 5;
			r->gap = 1 + (u32)w->set.path[DELAY][0];
		}
		r->next = w->now + dice_below(d, r->gap);
	} else if (may_be(w, FATAL)) {
		r->next = w->now + JUDGEMENT;
	}
	make_ghosts(w);
	for (i = 0; (may_be(w, FATAL) || w->set.forged) && i < w->ends; i++)
		excuse(&w->end[i]);
	for (i = 0; may_be(w, FORGED) && i < w->ends; i++)
		w->end[i].forged = true;
}

/* --- the liar --- */

static bool one_of(struct world *w, u32 kind, u32 n)
{
	return w->set.mischief & kind && dice_below(&w->rogue.lies, n) == 0;
}

static void put32(u8 *p, u32 v)
{
	p[0] = (u8)(v >> 24);
	p[1] = (u8)(v >> 16);
	p[2] = (u8)(v >> 8);
	p[3] = (u8)v;
}

/* Numbers about what the victim has outstanding, as often wrong as right. */
static void add_blocks(struct junk *junk, const struct tcb *victim,
		       struct dice *d)
{
	u32 n = dice_between(d, 1, 3), i;
	u32 reach = victim->snd.nxt - victim->snd.una + 2000;

	junk->len = 8 * n + 4;
	junk->bytes[0] = OPTION_NOP;
	junk->bytes[1] = OPTION_NOP;
	junk->bytes[2] = 5;
	junk->bytes[3] = (u8)(8 * n + 2);
	for (i = 0; i < 2 * n; i++)
		put32(junk->bytes + 4 + 4 * i,
		      victim->snd.una - 1000 + dice_below(d, reach));
}

/* A kind that nobody knows, or one that all know, of the wrong length. */
static void add_garbage(struct junk *junk, struct dice *d)
{
	static const u8 known[] = { 2, 3, 4, 5, 8 };
	u32 len = dice_between(d, 2, 12), i;
	u8 kind = (u8)dice_between(d, 100, 250);

	if (dice_below(d, 3) == 0) {
		kind = known[dice_below(d, sizeof(known))];
		len = 7;
	}
	junk->len = (len + 3) & ~3u;
	for (i = 0; i < junk->len; i++)
		junk->bytes[i] = (u8)dice_roll(d);
	junk->bytes[0] = kind;
	junk->bytes[1] = (u8)len;
	if (dice_below(d, 8) == 0)	/* no option at all */
		junk->bytes[1] = dice_below(d, 2) ? (u8)dice_below(d, 2) : 200;
	for (i = len; i < junk->len; i++)
		junk->bytes[i] = OPTION_NOP;
}

/* Bare ACKs before the one that is due: old ones, or pieces of the new. */
static void send_more(struct endpoint *e, const struct segment *seg)
{
	struct world *w = e->world;
	u32 step = seg->ack - w->rogue.acked, n, i;
	struct segment more = *seg;

	more.len = 0;
	more.ctl = CTL_ACK;
	if (one_of(w, OLD_ACK, 3)) {
		more.ack -= dice_below(&w->rogue.lies,
				       0x7fffffffu >> dice_below(&w->rogue.lies, 31));
		wire_send(w, e, &more, NULL, NULL);
	}
	if (w->rogue.acked && (s32)step > 1 && one_of(w, DIVISION, 2)) {
		n = dice_between(&w->rogue.lies, 2, 20);
		n = min(n, step);
		for (i = 1; i < n; i++) {
			more.ack = w->rogue.acked + step / n * i;
			wire_send(w, e, &more, NULL, NULL);
		}
	}
	w->rogue.acked = seg->ack;
}

/* What an end sends goes through here; a liar's is changed on the way. */
void mischief_send(struct endpoint *e, const struct segment *seg,
		   const u8 *text)
{
	struct world *w = e->world;
	const struct tcb *victim = &other(e)->tcb;
	struct segment lie = *seg;
	struct junk junk = { 0 };

	if (!w->set.mischief || e->id != w->rogue.liar) {
		wire_send(w, e, seg, text, NULL);
		return;
	}
	if ((seg->ctl & (CTL_ACK | CTL_SYN | CTL_RST)) == CTL_ACK &&
	    other(e)->kind == FULL) {
		send_more(e, seg);
		if (one_of(w, SHRINK, 3))
			lie.wnd = (u16)dice_below(&w->rogue.lies, seg->wnd);
		if (one_of(w, OPTIMISTIC, 3) &&
		    seq_after(victim->snd.nxt, seg->ack))
			lie.ack += dice_below(&w->rogue.lies,
					      victim->snd.nxt - seg->ack + 1);
		if (one_of(w, SACK_LIE, 2))
			add_blocks(&junk, victim, &w->rogue.lies);
	}
	if (!junk.len && one_of(w, GARBAGE, 2))
		add_garbage(&junk, &w->rogue.lies);
	wire_send(w, e, &lie, text, &junk);
}

/* --- the stranger --- */

static u32 expected(const struct endpoint *e)
{
	if (e->kind == REQUEST)
		return e->request.irs + 1;
	return e->kind == TIMEWAIT ? e->timewait.rcv_nxt : e->tcb.rcv.nxt;
}

/* One past the last number that the target has sent. */
static u32 sent(const struct endpoint *e)
{
	if (e->kind == REQUEST)
		return e->request.iss + 1;
	return e->kind == TIMEWAIT ? e->timewait.snd_nxt : e->tcb.snd.nxt;
}

/* Near @number, on either side, or anywhere; never the number itself. */
static u32 about(struct dice *d, u32 number)
{
	u32 away = 1 + dice_below(d, 0x7fffffffu >> dice_below(d, 31));

	return dice_below(d, 3) ? number + away : number - away;
}

static bool is_synchronised(const struct endpoint *e)
{
	return e->kind == FULL &&
	       !toytcp_tcb_in(&e->tcb, TCPF_SYN_SENT | TCPF_SYN_RECV);
}

/*
 * An ACK that cannot be the peer's. Where the answer is a reset, far enough
 * from what will be sent that it cannot become a good one on its way.
 */
static u32 bad_ack(const struct endpoint *e, struct dice *d)
{
	if (!is_synchronised(e))
		return sent(e) + FAR + dice_below(d, 1u << 30);
	if (dice_below(d, 2))
		return e->tcb.snd.una - e->tcb.snd.max_wnd - 1 -
		       dice_below(d, 1u << 29);
	return sent(e) + 1 + dice_below(d, (1u << 30) >> dice_below(d, 30));
}

/*
 * Where a SYN opens a connection, that is no mischief; and a request goes back
 * to LISTEN for one in its window, as 3.10.7.4 has it.
 */
static bool minds_syn(const struct endpoint *e)
{
	return e->kind == NOTHING || e->kind == REQUEST ||
	       (e->kind == FULL && e->tcb.state == TCP_SYN_SENT);
}

/* Without one that may be the peer's, PAWS would drop it unseen. */
static void guess_stamp(const struct endpoint *e, struct segment *seg)
{
	const struct timestamps *ts = &e->tcb.ts;
	bool stamped = e->tcb.timestamps;

	if (e->kind == REQUEST) {
		ts = &e->request.ts;
		stamped = e->request.timestamps;
	} else if (e->kind == TIMEWAIT) {
		ts = &e->timewait.ts;
		stamped = e->timewait.timestamps;
	}
	if (e->kind == NOTHING || !stamped)
		return;
	seg->options |= HAS_TIMESTAMPS;
	seg->tsval = ts->recent;
	seg->tsecr = ts->offset + (u32)(e->world->now / MSEC);
}

static void guess(struct endpoint *e, u32 kind, struct segment *seg)
{
	struct dice *d = &e->world->rogue.dice;

	seg->seq = about(d, expected(e));
	seg->ack = bad_ack(e, d);
	seg->wnd = (u16)dice_roll(d);
	seg->ctl = CTL_ACK;
	if (kind == STRAY_RST) {
		seg->ctl = CTL_RST | (dice_below(d, 2) ? CTL_ACK : 0);
	} else if (kind == STRAY_SYN) {
		seg->ctl = CTL_SYN;
		/* A later one would be welcome, or end a request: 3.10.7.4. */
		if (e->kind != FULL)
			seg->seq = expected(e) - 2 - dice_below(d, 1u << 30);
	} else if (kind == STRAY_DATA) {
		seg->seq = expected(e) + dice_below(d, 1000);
		seg->ctl |= dice_below(d, 4) ? CTL_PSH : CTL_FIN;
		seg->len = dice_between(d, 1, 40);
	} else if (dice_below(d, 2)) {
		seg->seq = expected(e);
	}
}

/* All numbers as the peer would have them, or nearly. */
static void guess_all(struct endpoint *e, struct segment *seg)
{
	struct dice *d = &e->world->rogue.dice;
	u32 flight = e->tcb.snd.nxt - e->tcb.snd.una;

	seg->seq = expected(e) + (dice_below(d, 2) ? dice_below(d, 2000) : 0);
	seg->ack = e->tcb.snd.una + dice_below(d, flight + 1);
	seg->wnd = (u16)dice_roll(d);
	seg->ctl = CTL_ACK;
	if (dice_below(d, 2))
		seg->ctl |= 1 << dice_below(d, 6);
	if (dice_below(d, 2))
		seg->len = dice_between(d, 1, 40);
}

static void deliver(struct endpoint *e, struct segment *seg)
{
	u8 text[40];
	struct packet *p;

	memset(text, 0x5a, sizeof(text));
	endpoint_address(other(e), seg);
	guess_stamp(e, seg);
	toytcp_segment_measure(seg);
	p = wire_make(e->world, seg, text, NULL);
	endpoint_input(e, p);
	wire_free(e->world, p);
}

/* A stranger's segments change nothing, and are not all answered. */
static void check_strays(struct endpoint *e, const struct endpoint *was,
			 u32 n, bool text)
{
	u32 answers = e->said - was->said, most = n;
	const struct tcb *a = &was->tcb, *b = &e->tcb;

	if (e->kind != was->kind)
		FAIL(e->world, "a stranger ended %s", e->name);
	if (e->kind == FULL &&
	    (a->state != b->state || a->snd.una != b->snd.una ||
	     a->snd.nxt != b->snd.nxt || a->snd.wnd != b->snd.wnd ||
	     a->rcv.nxt != b->rcv.nxt || was->lent != e->lent))
		FAIL(e->world, "a stranger moved %s", e->name);
	if (is_synchronised(e))
		most = text ? n : 1;
	else if (e->kind == FULL)	/* a reset each, and an ACK */
		most = 2 * n;
	if (answers > most)
		FAIL(e->world, "%s answers %u strays by %u segments", e->name,
		     n, answers);
}

static void send_strays(struct endpoint *e, u32 kind)
{
	struct world *w = e->world;
	u32 n = w->set.calm ? 1 : dice_between(&w->rogue.dice, 1, BURST_MOST), i;
	struct endpoint was = *e;

	if (kind == STRAY_SYN && minds_syn(e))
		return;
	if (e->kind == NOTHING && (w->set.calm || dice_below(&w->rogue.dice, 8)))
		return;	/* there is little to find out */
	for (i = 0; i < n && !w->failure[0]; i++) {
		struct segment seg = { 0 };

		if (kind == HIJACK)
			guess_all(e, &seg);
		else
			guess(e, kind, &seg);
		deliver(e, &seg);
	}
	w->counts.strays += n;
	if (kind != HIJACK)
		check_strays(e, &was, n, kind == STRAY_DATA);
}

static void send_ghost(struct world *w)
{
	u32 first = (u32)w->set.connections;
	u32 n = first + dice_below(&w->rogue.dice, w->ends / 2 - first);
	struct segment syn = { .ctl = CTL_SYN, .wnd = 1000 };

	syn.seq = dice_below(&w->rogue.dice, 2) ? n : dice_roll(&w->rogue.dice);
	endpoint_address(&w->end[2 * n], &syn);
	toytcp_segment_measure(&syn);
	wire_send(w, &w->end[2 * n], &syn, NULL, NULL);
}

/* One of what is asked for, at one of the honest ends. */
static void act(struct world *w)
{
	struct dice *d = &w->rogue.dice;
	u32 kind;

	do {
		kind = kinds[dice_below(d, ARRAY_SIZE(kinds))].bit;
	} while (!(kind & w->set.mischief & STRAYS));
	if (kind == FLOOD)
		send_ghost(w);
	else
		send_strays(&w->end[dice_below(d, 2 * (u32)w->set.connections)],
			    kind);
}

/* The next of those that were asked for, one by one. */
void mischief_forge(struct world *w)
{
	const struct forgery *f = &w->set.forgeries[w->forged++];
	struct endpoint *server = &w->end[1];
	struct segment seg = { .ctl = f->ctl };

	seg.seq = expected(server) + f->offset;
	deliver(server, &seg);
}

/* Until it is tired; then what hangs by its fault comes to an end. */
void mischief_act(struct world *w)
{
	struct rogue *r = &w->rogue;

	if (r->left) {
		r->left--;
		act(w);
		r->next = w->now + 1 + dice_below(&w->rogue.dice, r->gap);
		if (!r->left)
			r->next = may_be(w, FATAL) ? w->now + JUDGEMENT : NEVER;
	} else {
		r->next = NEVER;
		world_give_up(w);
	}
}
