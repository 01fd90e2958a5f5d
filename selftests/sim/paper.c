// SPDX-License-Identifier: GPL-2.0
/*
 * What a path is like at its worst and at its best; and how a sender of the
 * textbook (RFC 5681, 6298, 6582, 6675, 8985) gets on there, round trip by
 * round trip, when it meets the same mishaps as an end has met.
 */
#include <math.h>

#include "paper.h"

#define HEADERS		60.0	/* of IP and TCP, with options */
#define LEAST_TEXT	4.0
#define NO_LIMIT	1e30

/* Bytes a microsecond; a rate of 0 is none. */
static double as_value(enum knob knob, s64 value)
{
	if (knob != RATE)
		return (double)value;
	return value ? (double)value / SECOND : NO_LIMIT;
}

/* The largest or the smallest value that a knob has in the run. */
static double extreme(const struct world *w, enum knob knob, u32 way, bool most)
{
	double value = as_value(knob, w->set.path[knob][way]);
	u32 i;

	for (i = 0; i < w->changed; i++) {
		const struct change *c = &w->set.changes[i];
		double to = as_value(knob, c->to[way]);

		if (c->knob == knob && (most ? to > value : to < value))
			value = to;
	}
	return value;
}

/** path_changes() - does it, in that respect? */
bool path_changes(const struct world *w, enum knob knob)
{
	u32 i;

	for (i = 0; i < w->changed; i++)
		if (w->set.changes[i].knob == knob)
			return true;
	return false;
}

static bool is_worse(const struct world *w, enum knob knob, const s64 *values)
{
	u32 way;

	for (way = 0; way < 2; way++)
		if (as_value(knob, values[way]) !=
		    extreme(w, knob, way, knob == RATE))
			return true;
	return false;
}

/**
 * path_worse() - for how long the path was slower, longer or more often down
 * than at its best
 * @w: the run
 * @knob: RATE, DELAY or DOWN
 * @end: until then
 *
 * Return: microseconds.
 */
double path_worse(const struct world *w, enum knob knob, u64 end)
{
	bool worse = is_worse(w, knob, w->set.path[knob]);
	u64 since = w->started;
	double sum = 0;
	u32 i;

	for (i = 0; i < w->changed; i++) {
		const struct change *c = &w->set.changes[i];
		u64 when = w->started + (u64)c->when;

		if (c->knob != knob || when >= end)
			continue;
		sum += worse ? (double)(when - since) : 0;
		worse = is_worse(w, knob, c->to);
		since = when;
	}
	return sum + (worse ? (double)(end - since) : 0);
}

/* What may stand in the queue of a way before something, in microseconds. */
static double queueing(struct endpoint *from, double others, double rate)
{
	const struct world *w = from->world;
	u32 way = is_server(from);
	double queue = (double)w->set.path[QUEUE][way];
	double held = others * max(from->window_most, other(from)->window_most);

	if (queue > 0 && queue < held)
		held = queue;
	return held / rate;
}

/* Bytes of text that every segment may have. */
static double text_of(const struct world *w)
{
	double mtu = fmin(extreme(w, MTU, 0, false), extreme(w, MTU, 1, false));

	return fmax(mtu - HEADERS, LEAST_TEXT);
}

/* A round trip without a queue of its own. */
static double trip_of(const struct paper *p, struct endpoint *e, bool worst)
{
	const struct world *w = e->world;
	struct endpoint *peer = other(e);
	double ends = w->ends / 2.0, whole = p->mss + HEADERS;
	double rate = extreme(w, RATE, is_server(e), !worst);
	double returns = extreme(w, RATE, is_server(peer), !worst);
	double trip = extreme(w, DELAY, 0, worst) + extreme(w, DELAY, 1, worst);

	trip += whole / rate + HEADERS / returns;
	trip += queueing(e, ends - 1, rate);
	/* ACKs stand behind the other way's text */
	trip += fmin(queueing(peer, ends, returns),
		     (peer->user.plan + HEADERS) * ends / returns);
	/* what is late is so by another round trip, both ways */
	if (extreme(w, REORDER, 0, true) + extreme(w, REORDER, 1, true) > 0)
		trip += 2 * trip + 2 * MS;
	return trip;
}

static void set_windows(struct paper *p, const struct endpoint *e)
{
	const struct settings *set = &e->world->set;
	const struct endpoint *peer = &e->world->end[e->id ^ 1];
	bool cubic;

	/* RFC 6928; after a lost SYN, RFC 5681 section 3.1 */
	p->cwnd = fmin(FIRST_WINDOW * p->mss, fmax(2 * p->mss, 14600));
	if (e->toll.syns || peer->toll.syns)
		p->cwnd = p->mss;
	p->ssthresh = NO_LIMIT;
	/* RFC 5681 section 3.1; RFC 9438 sections 4.3 and 4.6 */
	cubic = set->congestion[is_server(e)] ==
		toytcp_congestion_find("cubic");
	p->alpha = cubic ? 0.53 : 1;
	p->beta = cubic ? 0.7 : 0.5;
	p->window_most = set->unscaled ? 65535 : peer->window_most;
	if (!set->buffer)
		p->window_most = fmin(p->window_most, e->user.sndbuf);
	p->window = fmin(peer->window, p->window_most);
}

/**
 * paper_set_out() - the connection is there, and nothing was sent
 * @p: the sender
 * @e: the end whose fate it shares
 * @worst: on the path at its worst, or at its best
 */
void paper_set_out(struct paper *p, struct endpoint *e, bool worst)
{
	const struct world *w = e->world;
	const struct endpoint *peer = other(e);
	double share = extreme(w, RATE, is_server(e), !worst) / (w->ends / 2.0);

	memset(p, 0, sizeof(*p));
	p->mss = text_of(w);
	p->rate = share * p->mss / (p->mss + HEADERS);
	p->trip = trip_of(p, e, worst);
	/* RFC 6298 (2.2): RTTVAR is half of the first sample */
	p->rto = p->trip + fmax(RTO_LEAST, 2 * p->trip);
	p->probe = 2 * p->trip + PROBE_ALONE;
	if (e->toll.syns || peer->toll.syns) {	/* nothing is measured yet */
		p->rto = fmax(p->rto, SYN_LOST_RTO);
		p->probe = p->rto;
	}
	p->sack = !e->no_sack && !peer->no_sack;
	p->undoes = (e->stamps && peer->stamps) ||
		    (p->sack && !peer->no_dsack);
	set_windows(p, e);
}

/* What cwnd is after a loss: RFC 5681 (4), and section 3.1 after a timeout. */
static void back_off(struct paper *p, bool timeout)
{
	double flight = fmin(p->cwnd, p->window);

	p->ssthresh = fmax(flight * p->beta, 2 * p->mss);
	p->cwnd = timeout ? p->mss : p->ssthresh;
}

/* A round trip passes in which all came through. */
static void grow(struct paper *p)
{
	if (p->cwnd >= 2 * p->window)
		;	/* RFC 7661 section 4.2: it was not used */
	else if (p->cwnd < p->ssthresh)
		p->cwnd = fmin(2 * p->cwnd, fmax(p->ssthresh, p->cwnd));
	else
		p->cwnd += p->alpha * p->mss;
	p->window = fmin(2 * p->window, p->window_most);
}

/**
 * struct event - one or several mishaps within a window: all that congestion
 * control may know of them (RFC 5681 section 3.2)
 * @again: the worst of them was lost so often before
 * @from: the first number of them
 */
struct event {
	u32 again;
	double from;
	bool lost, down, last, marked;
};

/* The next mishaps that left within a round trip of the first. */
static struct event next_event(const struct paper *p, const struct toll *t,
			       u32 *next, double share)
{
	const struct mishap *first = &t->mishaps[*next];
	struct event event = { .from = first->offset };

	for (; *next < t->noted; ++*next) {
		const struct mishap *m = &t->mishaps[*next];

		if (m->when > first->when + p->trip)
			break;
		if (m->kind == MISHAP_OVERTOOK && p->undoes)
			continue;
		event.again = max(event.again, m->before);
		event.from = fmin(event.from, m->offset);
		event.down |= m->kind == MISHAP_DOWN;
		event.marked |= m->kind == MISHAP_MARKED;
		event.lost |= m->kind <= MISHAP_DOWN ||
			      m->kind == MISHAP_OVERTOOK;
		event.last |= m->offset + 4 * p->mss >= share;
	}
	return event;
}

/*
 * What becomes of cwnd, and how long it takes. Returns whether it was by the
 * timer.
 */
static bool mend(struct paper *p, const struct event *event)
{
	bool small = event->last || p->cwnd < 4 * p->mss;

	if (event->down) {	/* its time is the outage's */
		back_off(p, true);
		return true;
	}
	if (event->again) {	/* RFC 6298 (5.5) */
		p->time += p->rto * (1u << min(event->again, 10u));
		back_off(p, true);
		return true;
	}
	if (event->lost && !p->sack) {	/* RFC 6582 section 4, "impatient" */
		p->time += p->rto + p->trip;
		back_off(p, true);
		return true;
	}
	if (event->lost)	/* RFC 8985 section 6.2: RACK */
		p->time += 1.25 * p->trip;
	else if (!event->marked)	/* RFC 4015: for nothing, and undone */
		p->time += p->trip;
	if (event->lost && small)	/* RFC 8985 section 7.2: TLP */
		p->time += p->probe;
	if (event->lost || event->marked)
		back_off(p, false);
	return false;
}

/*
 * All that happened to what a round trip sends, up to @end. Without SACK a
 * timeout sends all again that was under way: @at goes back.
 */
static bool meet(struct paper *p, const struct toll *t, u32 *next, double *at,
		 double end, double share)
{
	bool any = false;

	while (*next < t->noted && t->mishaps[*next].offset < end) {
		struct event event = next_event(p, t, next, share);

		if (mend(p, &event) && !p->sack)
			*at = fmin(*at, event.from);
		any |= event.lost || event.marked;
	}
	return any;
}

/**
 * paper_transfer() - sends what the user has to send, share by share
 * @p: the sender
 * @e: the end, and what the network did to it
 *
 * The time it takes is added to @p.
 */
void paper_transfer(struct paper *p, const struct endpoint *e)
{
	double bytes = e->user.plan, at = 0, share;
	double each = bytes / (double)e->world->set.rounds;
	u32 next = 0;

	for (share = each; at < bytes; share = fmin(share + each, bytes)) {
		while (at < share) {
			double end = fmin(at + fmin(p->cwnd, p->window), share);
			/* the last of a share has only to arrive */
			double trip = end < share ? p->trip : p->trip / 2;

			p->time += fmax(trip, (end - at) / p->rate);
			if (p->window < 2 * p->mss)	/* RFC 9293 3.8.6.2.1 */
				p->time += PUSH_DELAY + ACK_DELAY;
			at = end;
			if (!meet(p, &e->toll, &next, &at, end, share))
				grow(p);
		}
	}
}
