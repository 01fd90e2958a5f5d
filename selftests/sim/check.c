// SPDX-License-Identifier: GPL-2.0
/*
 * What must be true after every event, whatever the network and the users do.
 */
#include "invariants.h"
#include "sim.h"

#define HOLE_TRIES	4u	/* what the core may send that is too large */

/* The world at hand, for what has no other way to it. */
static struct world *current;

/* The linker puts this in front of the one function that changes a state. */
void __real_toytcp_tcb_set_state(struct tcb *tcb, u8 state, enum cause cause,
				 struct actions *act);
void __wrap_toytcp_tcb_set_state(struct tcb *tcb, u8 state, enum cause cause,
				 struct actions *act);

void __wrap_toytcp_tcb_set_state(struct tcb *tcb, u8 state, enum cause cause,
				 struct actions *act)
{
	if (current && !invariant_edge(tcb->state, state))
		FAIL(current, "%s -> %s is not in RFC 9293's diagram (%s)",
		     toytcp_tcb_state_name(tcb->state),
		     toytcp_tcb_state_name(state), toytcp_cause_name(cause));
	if (current && cause == CAUSE_NONE)
		FAIL(current, "%s -> %s for no reason",
		     toytcp_tcb_state_name(tcb->state),
		     toytcp_tcb_state_name(state));
	__real_toytcp_tcb_set_state(tcb, state, cause, act);
}

static u8 shift_of(const struct endpoint *e, const struct segment *seg)
{
	if (seg->ctl & CTL_SYN)
		return 0;
	if (e->kind == REQUEST)
		return e->request.rcv_wscale;
	return e->kind == TIMEWAIT ? e->timewait.rcv_wscale : e->tcb.rcv.wscale;
}

/*
 * What was once promised stays promised (RFC 9293 SHLD-14), but for what the
 * scale cannot express (RFC 7323 section 2.4).
 */
static void check_right_edge(struct endpoint *e, const struct segment *seg)
{
	u32 edge = seg->ack + ((u32)seg->wnd << shift_of(e, seg));

	if (e->kind == NOTHING || seg->ctl & CTL_RST || !(seg->ctl & CTL_ACK))
		return;
	if (!e->edge_known)
		e->edge = edge;
	else if (seg->ctl & CTL_SYN)	/* again: it cannot say more */
		return;
	e->edge_known = true;
	if (seq_after(e->edge, edge + (1u << shift_of(e, seg)) - 1))
		FAIL(e->world, "%s: the window's right edge shrinks by %u",
		     e->name, e->edge - edge);
	e->edge = seq_max(e->edge, edge);
}

static bool is_perfect(const struct settings *s)
{
	static const enum knob faults[] = { LOSS, DUP, REORDER, EARLY, CORRUPT,
					    RATE };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(faults); i++)
		if (s->path[faults[i]][0] || s->path[faults[i]][1])
			return false;
	/* ... and the first timeout is long enough for the round trip. */
	return !s->changed && !s->forged && !s->mischief && !s->lose[0][0] && !s->lose[1][0] &&
	       s->path[DELAY][0] + s->path[DELAY][1] < RTO_INITIAL / 2;
}

static u32 sent_by(const struct endpoint *e)
{
	return e->kind == TIMEWAIT ? e->timewait.snd_nxt : e->tcb.snd.nxt;
}

/* What is acknowledged was sent. */
static void check_ack_field(struct endpoint *e, const struct segment *seg)
{
	const struct endpoint *peer = other(e);

	if (e->kind == FULL && !e->forged && peer->kind >= FULL &&
	    seg->ctl & CTL_ACK && seq_after(seg->ack, sent_by(peer)))
		FAIL(e->world, "%s acknowledges what was never sent", e->name);
}

/*
 * SND.NXT =< the right edge: beyond the furthest that the peer ever offered may
 * go one octet, as a probe, and the FIN if it follows.
 */
static void check_window(struct endpoint *e, const struct segment *seg)
{
	u32 end = seg->seq + toytcp_segment_length(seg);

	if (e->kind != FULL || end == seg->seq || seg->ctl & CTL_SYN)
		return;
	e->offered = seq_max(e->offered, e->tcb.snd.una + e->tcb.snd.wnd);
	if (seg->seq == e->tcb.snd.una)
		end -= 1 + !!(seg->ctl & CTL_FIN);
	if (seq_after(end, e->offered))
		FAIL(e->world, "%s sends beyond the peer's window", e->name);
}

/*
 * While a window is closed, an octet that probes it may make the ACK that
 * follows an old one, which is not looked at.
 */
static bool is_smooth(struct endpoint *e)
{
	return is_perfect(&e->world->set) && !e->was_closed &&
	       !other(e)->was_closed;
}

/* Where nothing is lost or queues, nothing has to be sent again. */
static void check_repeats(struct endpoint *e, const struct segment *seg)
{
	bool again = e->sent_to && seq_before(seg->seq, e->sent_to);

	if (e->kind != FULL || !seg->len)
		return;
	e->was_closed |= !e->tcb.snd.wnd;
	if (again && is_smooth(e) && other(e)->kind == FULL)
		FAIL(e->world, "%s repeats what was not lost", e->name);
	if (!again)
		e->sent_to = seg->seq + seg->len;
	e->sent_again = again;
}

/* Called for each segment, on its way out. */
void check_segment(struct endpoint *e, const struct segment *seg)
{
	check_right_edge(e, seg);
	check_ack_field(e, seg);
	check_window(e, seg);
	check_repeats(e, seg);
}

static void check_words(struct endpoint *e, const char *broken)
{
	if (broken)
		FAIL(e->world, "%s in %s: not so: %s", e->name,
		     toytcp_tcb_state_name(e->tcb.state), broken);
}

/* What the core has described, before it is cut into segments. */
void check_emitted(struct endpoint *e, const struct segment *seg)
{
	check_words(e, invariant_sent(&e->tcb, seg));
}

/*
 * However many ACKs there are, cwnd grows by no more than they acknowledge, some
 * of it by SACK only.
 */
static void check_growth(struct endpoint *e)
{
	const struct tcb *tcb = &e->tcb;

	if (!tcb->cc.recovering &&
	    tcb->cc.cwnd > tcb->bytes_acked + toytcp_tcb_flight(tcb) +
			   INITIAL_WINDOW * e->mss)
		FAIL(e->world, "%s lets its congestion window grow to %u",
		     e->name, tcb->cc.cwnd);
}

void check_begin(struct world *w)
{
	current = w;
}

/* After each event, whatever the state. */
void check_tcb(struct endpoint *e)
{
	check_words(e, invariant_broken(&e->before, &e->tcb, e->world->now));
	check_growth(e);
	if (invariant_nodes(&e->tcb) != e->lent)
		FAIL(e->world, "%s: the core holds %u nodes of %u", e->name,
		     invariant_nodes(&e->tcb), e->lent);
	if (invariant_records(&e->tcb) != e->records)
		FAIL(e->world, "%s: the core holds %u records of %u",
		     e->name, invariant_records(&e->tcb), e->records);
	if (e->tcb.rcv.buf > e->window_most)
		FAIL(e->world, "%s: a window of %u where %u are allowed",
		     e->name, e->tcb.rcv.buf, e->window_most);
	/* The very next text has twice the room, and a segment may exceed it. */
	if (endpoint_memory(e) > 4 * e->tcb.rcv.buf + 2 * (65535 + NODE_COST))
		FAIL(e->world, "%s pays %u bytes for a window of %u", e->name,
		     endpoint_memory(e), e->tcb.rcv.buf);
}

/* A connection that lives on: nothing is forgotten. */
void check_settled(struct endpoint *e)
{
	check_words(e, invariant_forgotten(&e->tcb, e->world->now));
}

/* A path that changes, or whose queue runs over. */
static bool is_unreliable(const struct settings *s)
{
	return (s->changed && !s->hole) || s->mischief ||
	       s->path[QUEUE][0] || s->path[QUEUE][1];
}

/*
 * How likely it is that every try of a live peer went wrong: the segment or
 * its ACK, lost or damaged.
 */
static bool is_plausible(const struct endpoint *e)
{
	const struct settings *s = &e->world->set;
	double through = 1, chance = 1;
	u32 i;

	if (is_unreliable(s) || e->world->end[e->id ^ 1].kind < FULL)
		return true;
	for (i = 0; i < 2; i++)
		through *= (1 - s->path[LOSS][i] / 1e6) *
			   (1 - s->path[CORRUPT][i] / 1e6);
	for (i = s->hole ? HOLE_TRIES : 0; i < e->tries; i++)
		chance *= 1 - through;
	return chance > 1e-9;
}

static u32 patience(const struct tcb *was)
{
	if (was->state == TCP_SYN_SENT || was->state == TCP_SYN_RECV)
		return was->syn_retries;
	return was->orphan ? ORPHAN_RETRIES : DATA_RETRIES;
}

/* To an orphan, a window that stays closed is no sign of life. */
static bool waited_enough(const struct tcb *was)
{
	return was->orphan && !was->snd.wnd && was->tries >= ORPHAN_RETRIES;
}

void check_timeout(struct endpoint *e)
{
	const struct tcb *tcb = &e->tcb;

	if (!is_smooth(e) || other(e)->kind != FULL)
		return;
	if (tcb->deadline[TIMER_PERSIST] || !tcb->snd.wnd || tcb->snd.una == tcb->snd.nxt)
		return;
	if (tcb->user_timeout &&
	    e->world->now - tcb->progress >= (u64)tcb->user_timeout * MSEC)
		return;		/* nothing is repeated: it ends */
	FAIL(e->world, "%s repeats what was not lost", e->name);
}

/* An error has to have a reason. */
void check_error(struct endpoint *e, int error)
{
	const struct tcb *was = &e->before;

	if (error == ETIMEDOUT) {
		e->world->counts.timed_out++;
		if (!was->user_timeout && !was->keepalive &&
		    !waited_enough(was) &&
		    (e->tries <= patience(was) || !is_plausible(e)))
			FAIL(e->world, "%s gave up after %u tries",
			     e->name, e->tries);
		excuse(e);
	} else if (!e->excused && !toytcp_tcb_in(was, TCPF_CLOSING |
						 TCPF_LAST_ACK)) {
		/* There the peer may have left TIME-WAIT, and forgotten us. */
		FAIL(e->world, "%s: error %d for no reason", e->name,
		     error);
	}
	e->world->counts.refused += error == ECONNREFUSED;
}

/* Everything written is read, and both users know that it is all. */
void check_delivered(struct endpoint *e)
{
	const struct user *u = &e->user;

	if (u->written != u->plan)
		FAIL(e->world, "%s could write only %u of %u bytes",
		     e->name, u->written, u->plan);
	if (other(e)->user.read != u->written)
		FAIL(e->world, "%s: %u of %u bytes were read", e->name,
		     other(e)->user.read, u->written);
	if (!u->eof || !u->left)
		FAIL(e->world, "%s never learnt of the end", e->name);
}

/* Nothing will ever happen again: was that right? */
void check_end(struct world *w)
{
	u32 i;

	for (i = 0; i < w->ends; i++) {
		struct endpoint *e = &w->end[i];

		if (e->kind != NOTHING)
			FAIL(w, "%s hangs in %s", e->name,
			     toytcp_tcb_state_name(trace_state(e)));
		if (!e->excused)
			check_delivered(e);
	}
}
