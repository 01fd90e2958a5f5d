// SPDX-License-Identifier: GPL-2.0
/*
 * How long a transfer may take, and what else its own conditions explain.
 *
 * The network and the users write down what they did (toll.c). A sender of the
 * textbook meets the same on paper (paper.c); its time and the allowances here,
 * a line each with its clause, are the bound. What goes beyond is not explained
 * by the conditions: it is a fault of the core, or of these pages.
 */
#include <math.h>

#include "paper.h"

/*
 * A run that takes so many times as long as its bound has failed: that is no
 * chance. For scenes.sh, once is enough, and --slow lists what is beyond.
 */
#define FAILS_BEYOND	15
#define CHANGE_TIMEOUTS	6u	/* for nothing: a delay grows and grows */
/*
 * What paper does not show, above all that ssthresh follows the FlightSize of
 * the moment (RFC 5681 equation 4), which a closed window makes small.
 */
#define MARGIN		1.25

const char *const bound_names[BOUNDS] = {
	[BOUND_TIME] = "seconds", [BOUND_REPEATS] = "segments sent again",
	[BOUND_MSS] = "bytes of MSS", [BOUND_RTT] = "seconds of SRTT",
	[BOUND_UNDO] = "true losses undone",
};

/**
 * bound_rto() - the retransmission timeout of an end, on the path at its worst
 * @e: the end
 *
 * Return: microseconds.
 */
u64 bound_rto(struct endpoint *e)
{
	struct paper p;

	paper_set_out(&p, e, true);
	return (u64)p.rto;
}

/* From the call until either end may send. */
static double handshake(const struct paper *p, const struct endpoint *client)
{
	const struct endpoint *server = &client->world->end[client->id ^ 1];
	u32 lost = client->toll.syns + server->toll.syns;
	double time = 1.5 * p->trip;

	if (lost)	/* RFC 6298 (2.1), (5.5) */
		time += FIRST_RTO * ((1u << min(lost, 10u)) - 1.0);
	return time;
}

/* What the path's changes explain, beside what they have destroyed. */
static double upheavals(const struct paper *p, struct endpoint *e, u64 end)
{
	const struct world *w = e->world;
	double down = path_worse(w, DOWN, end), time = 0;

	if (down > 0)	/* the timer has backed off as long: RFC 6298 (5.5) */
		time += 2 * down + 2 * p->rto + 10 * p->trip;
	if (path_changes(w, DELAY) || path_changes(w, RATE))	/* RFC 5682 */
		time += p->rto + 10 * p->trip;
	if (path_changes(w, MTU))	/* RFC 4821 section 7.7 */
		time += (w->set.silent ? 63 : 7) * p->rto;
	return time;
}

/* A user that writes and reads whatever it can, at once. */
static bool plain(const struct endpoint *e)
{
	return e->world->set.calm || e->world->set.large;
}

/* What the users explain: their pauses, and text in small pieces. */
static double users(const struct paper *p, const struct endpoint *e)
{
	const struct endpoint *peer = &e->world->end[e->id ^ 1];
	double acts = e->toll.writes - (double)e->world->set.rounds;
	double time = (double)(e->toll.thought + peer->toll.thought);

	/* TCP_CORK: what is incomplete waits, RFC 9293 section 3.8.6.2.1 */
	if (e->toll.corked)
		time += e->toll.writes * PUSH_DELAY;
	if (plain(e))
		return time;
	/* Nagle's algorithm and a delayed ACK: RFC 9293 MUST-17, MUST-40 */
	if (acts > 0)
		time += acts * (p->trip + ACK_DELAY);
	return time;
}

/* Until all of @e was read, on the path at its worst or at its best. */
static double on_path(struct endpoint *e, u64 end, bool worst)
{
	struct endpoint *peer = other(e);
	struct paper p;

	paper_set_out(&p, e, worst);
	paper_transfer(&p, e);
	/* A lost ACK is noticed by its absence. */
	return MARGIN * p.time + handshake(&p, is_server(e) ? peer : e) +
	       (double)peer->toll.silence + upheavals(&p, e, end) +
	       users(&p, e) + ACK_DELAY;
}

/* While the path was worse than its best no more than that time was lost. */
static double explained(struct endpoint *e, u64 end)
{
	const struct world *w = e->world;
	double bad = path_worse(w, DELAY, end) + path_worse(w, RATE, end);
	double bound = on_path(e, end, true);

	if (bad > 0)
		bound = fmin(bound, on_path(e, end, false) + bad +
				    2.0 * (double)bound_rto(e));
	return bound;
}

static void say(struct world *w, enum bound kind, const struct endpoint *e,
		double found, double allowed)
{
	struct excess *x = &w->excess[kind];
	/* What should never be counts from one. */
	double factor = allowed > 0 ? found / allowed : 1 + found;

	if (factor <= x->factor)
		return;
	*x = (struct excess){ factor, found, allowed, e->id };
	if (kind == BOUND_TIME && factor > FAILS_BEYOND)
		FAIL(w, "%s: %s %g where %g are explained", e->name,
		     bound_names[kind], found, allowed);
}

static void judge_time(struct endpoint *e)
{
	struct endpoint *peer = other(e);
	struct endpoint *client = is_server(e) ? peer : e;
	u64 end = peer->user.last;
	double bound = explained(e, end);

	if (e->world->set.rounds > 1)	/* one after the other */
		bound += explained(peer, end);
	say(e->world, BOUND_TIME, e,
	    (double)(end - client->toll.opened) / SECOND, bound / SECOND);
}

/* Changes of nothing but the time that packets take. */
static bool only_delays(const struct settings *set)
{
	u32 i;

	for (i = 0; i < set->changed; i++)
		if (set->changes[i].knob != DELAY &&
		    set->changes[i].knob != RATE)
			return false;
	return true;
}

/*
 * What was sent again though it had not been lost: a tail loss probe for each
 * silence, whatever was overtaken, and a few timeouts for each longer delay.
 */
static void judge_repeats(struct endpoint *e)
{
	struct endpoint *peer = other(e);
	const struct toll *t = &e->toll;
	double pieces = plain(e) ? (double)e->world->set.rounds : t->writes;
	double allowed = 10 + t->lost + t->syns + t->overtook + pieces +
			 2 * peer->toll.silences;

	if (!only_delays(&e->world->set) || e->world->set.mischief)
		return;
	allowed += CHANGE_TIMEOUTS * e->world->changed;
	say(e->world, BOUND_REPEATS, e, e->tcb.retransmits, allowed);
}

/*
 * Segments as large as the path takes, at the end. After an outage the former
 * size is tried again, but that takes a while.
 */
static void judge_mss(struct endpoint *e)
{
	const struct world *w = e->world;
	const struct tcb *tcb = &e->tcb;
	double mss = tcb->snd.mss + toytcp_tcb_overhead(tcb);

	if (path_changes(w, MTU) || w->set.path[MTU][0] != w->set.path[MTU][1])
		return;
	if (e->toll.fell && other(e)->user.last < e->toll.fell +
						  2 * BLACKHOLE_WAIT)
		return;
	say(e->world, BOUND_MSS, e, min(e->mss, other(e)->mss), mss);
}

/*
 * No smoothed round trip is longer than the slowest packets and a delayed ACK.
 * Where ACKs were lost, a later one ends the sample; but not after a timeout,
 * for what was sent again is not timed (RFC 6298 section 3).
 */
static void judge_rtt(struct endpoint *e)
{
	const struct wire *wire = &e->world->wire;
	const struct endpoint *peer = other(e);
	double most = (double)(wire->slowest[0] + wire->slowest[1]) +
		      ACK_DELAY + 2 * MS;

	if (peer->toll.silences)
		most = fmax(most, (double)bound_rto(e));
	if (e->toll.syns || peer->toll.syns)	/* RFC 6298 (5.7) */
		most = fmax(most, SYN_LOST_RTO);
	say(e->world, BOUND_RTT, e, e->toll.srtt / 1e6, most / 1e6);
}

static void judge(struct endpoint *e)
{
	struct endpoint *peer = other(e);

	if (!e->user.plan || peer->user.read < e->user.plan)
		return;
	judge_time(e);
	judge_repeats(e);
	judge_mss(e);
	judge_rtt(e);
	/* What is very old is counted as lost, and comes nevertheless. */
	if (e->toll.undone && !(e->world->set.mischief & ANCIENT))
		say(e->world, BOUND_UNDO, e, e->toll.undone_wrongly, 0);
}

/* Of these kinds of mischief nothing can be said ... */
#define LIES	(SHRINK | OLD_ACK | OPTIMISTIC | DIVISION | SACK_LIE | HIJACK)
/* ... and answers to strangers fill a link of limited rate. */
#define STRAYS	(STRAY_RST | STRAY_SYN | STRAY_DATA | STRAY_ACK | FLOOD)

static bool is_judged(struct endpoint *client)
{
	const struct settings *set = &client->world->set;
	const struct endpoint *server = other(client);
	bool limited = set->path[RATE][0] || set->path[RATE][1];

	if (set->mischief & LIES || (set->mischief & STRAYS && limited))
		return false;
	return !client->excused && !client->ghost && !client->user.manual &&
	       !client->short_of_memory && !server->short_of_memory &&
	       !client->world->failure[0];
}

/**
 * bound_judge() - a connection has ended: was it within its bounds?
 * @client: its client
 */
void bound_judge(struct endpoint *client)
{
	struct endpoint *server = other(client);

	if (!is_judged(client))
		return;
	judge(client);
	judge(server);
}
