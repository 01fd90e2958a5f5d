// SPDX-License-Identifier: GPL-2.0
/*
 * What the network does to an end's segments, and how long its user takes: the
 * facts from which bound.c says how long a transfer may last. Of the core only
 * what is to be judged is read, by toll_settled().
 */
#include <stdlib.h>

#include "sim.h"

static bool is_text(const struct segment *seg)
{
	return seg->len && !(seg->ctl & CTL_SYN);
}

/* The furthest that was sent, see check.c, is this one if it is new. */
static bool is_repeated(const struct endpoint *e, const struct segment *seg)
{
	return e->sent_again || seg->seq + seg->len != e->sent_to;
}

/* How often the same had been lost before: it is a timeout that mends that. */
static u8 times_lost(const struct toll *t, u32 offset)
{
	u32 i;

	for (i = t->noted; i; i--)
		if (t->mishaps[i - 1].offset == offset &&
		    t->mishaps[i - 1].kind <= MISHAP_DOWN)
			return min_t(u8, t->mishaps[i - 1].before + 1, 250);
	return 0;
}

static void note(struct endpoint *e, const struct segment *seg,
		 enum mishap_kind kind)
{
	struct toll *t = &e->toll;
	u32 offset = seg->seq - (e->tcb.snd.iss + 1);

	if (t->noted == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->mishaps = realloc(t->mishaps,
				     t->room * sizeof(struct mishap));
	}
	t->mishaps[t->noted] = (struct mishap){
		.when = e->world->now, .offset = offset, .kind = kind,
		.before = kind <= MISHAP_DOWN ? times_lost(t, offset) : 0,
		.repeated = is_repeated(e, seg),
	};
	t->noted++;
}

/**
 * toll_lost() - no copy of a segment arrives, or none that is of any use
 * @e: its sender
 * @seg: the segment
 */
void toll_lost(struct endpoint *e, const struct segment *seg)
{
	struct toll *t = &e->toll;
	bool down = e->world->path[DOWN][is_server(e)];

	if (seg->ctl & (CTL_SYN | CTL_RST)) {	/* it clears the way for a SYN */
		t->syns++;
	} else if (is_text(seg)) {
		note(e, seg, down ? MISHAP_DOWN : MISHAP_LOST);
		t->lost++;
	} else {
		t->silent_since = t->silent_since ? t->silent_since :
						    e->world->now;
		t->silent_for = min(t->silent_for + 1, 20);
	}
}

/**
 * toll_passed() - a segment will arrive: the silence since a lost ACK is over
 * @e: its sender
 * @trip: how long it is under way, microseconds
 *
 * A lost ACK explains no more time than it took until the next one, nor more
 * than the peer's timer, backed off if several were lost (RFC 6298 section 5),
 * or for as long as the user has kept the window closed (RFC 9293 3.8.6.1).
 */
void toll_passed(struct endpoint *e, u64 trip)
{
	struct toll *t = &e->toll;
	u64 most = RTO_INITIAL;		/* of a SYN,ACK */

	e->world->wire.slowest[is_server(e)] =
		max(e->world->wire.slowest[is_server(e)], trip);
	if (!t->silent_since)
		return;
	if (other(e)->kind == FULL)
		most = bound_rto(other(e));
	most = (most << (t->silent_for - 1)) + t->thought;
	t->silence += min(e->world->now - t->silent_since, most);
	t->silences++;
	t->silent_since = 0;
	t->silent_for = 0;
}

/** toll_marked() - the receiver will hear of congestion (RFC 3168) */
void toll_marked(struct endpoint *e, const struct segment *seg)
{
	if (is_text(seg))
		note(e, seg, MISHAP_MARKED);
}

/** toll_overtook() - it arrives before or after its turn */
void toll_overtook(struct endpoint *e, const struct segment *seg)
{
	e->toll.overtook++;
	if (is_text(seg))
		note(e, seg, MISHAP_OVERTOOK);
}

/** toll_thought() - the user acts only after so many microseconds */
void toll_thought(struct endpoint *e, u64 us)
{
	e->toll.thought += us;
}

/**
 * toll_sent() - a segment of text is on its way out
 * @e: its sender
 * @seg: the segment
 */
void toll_sent(struct endpoint *e, const struct segment *seg)
{
	struct toll *t = &e->toll;
	u32 end = seg->seq + seg->len - (e->tcb.snd.iss + 1), i;

	if (!is_text(seg) || !is_repeated(e, seg))
		return;
	if (t->repeated_at != e->world->now) {
		t->repeated_now = 0;
		t->first_now = end;
	}
	t->repeated_at = e->world->now;
	t->first_to = t->first_to ? t->first_to : end;
	for (i = 0; i < t->noted; i++) {
		struct mishap *m = &t->mishaps[i];

		if (!m->again && m->offset < end &&
		    m->offset >= end - seg->len && m->when < t->repeated_at)
			m->again = t->repeated_at;
	}
	t->repeated_now = max(t->repeated_now, end);
	t->repeated_to = max(t->repeated_to, end);
}

/*
 * Had anything been lost of what was sent again since @e slowed down? That is,
 * when it left for the first time, before that. DSACK has to tell of all of it
 * (RFC 3708), an echo of the first segment alone (RFC 3522 section 3.2), so far
 * as that is acknowledged, and a timeout is about the oldest byte (RFC 5682).
 */
static bool was_lost(const struct endpoint *e)
{
	const struct toll *t = &e->toll;
	u32 end = t->repeated_to, i;

	if (t->fell_by_timer)
		end = t->fell_una + 1;
	else if (e->tcb.undo.retransmitted)	/* not by DSACK */
		end = min(t->first_to, e->tcb.snd.una - e->tcb.snd.iss - 1);
	for (i = t->noted; i; i--) {
		const struct mishap *m = &t->mishaps[i - 1];

		if (m->kind <= MISHAP_DOWN && !m->repeated &&
		    (!m->again || m->again >= t->fell) &&
		    m->when < t->fell && m->offset >= t->fell_una &&
		    m->offset < end)
			return true;
	}
	return false;
}

/**
 * toll_settled() - after each event: SRTT and cwnd as the core has them
 * @e: a connection
 *
 * cwnd that rises by more than was acknowledged was given back: the core takes
 * the episode for unnecessary.
 */
void toll_settled(struct endpoint *e)
{
	const struct tcb *was = &e->before, *tcb = &e->tcb;
	struct toll *t = &e->toll;
	u32 acked = tcb->snd.una - was->snd.una;

	t->srtt = max(t->srtt, tcb->rtt.srtt);
	if (tcb->cc.ssthresh < was->cc.ssthresh) {
		t->fell = e->world->now;
		t->fell_by_timer = tcb->timed_out;
		t->fell_una = was->snd.una - (tcb->snd.iss + 1);
		t->repeated_to = 0;
		t->first_to = 0;
		if (t->repeated_at == t->fell) {
			t->repeated_to = t->repeated_now;
			t->first_to = t->first_now;
		}
	} else if (t->fell && tcb->cc.ssthresh > was->cc.ssthresh &&
		   tcb->cc.cwnd > was->cc.cwnd + acked + 2 * tcb->snd.mss) {
		t->undone++;
		t->undone_wrongly += was_lost(e);
	}
}

void toll_end(struct endpoint *e)
{
	free(e->toll.mishaps);
	memset(&e->toll, 0, sizeof(e->toll));
}
