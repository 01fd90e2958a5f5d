// SPDX-License-Identifier: GPL-2.0
/*
 * What must be true after every event, whatever the network and the users do.
 */
#include "sim.h"

/* The world at hand, for what has no other way to it. */
static struct world *current;

/* RFC 9293, figure 5, with ABORT, resets and timeouts: where each state may go. */
static const u32 edges[] = {
	[TCP_CLOSE] = TCPF_SYN_SENT | TCPF_SYN_RECV,
	[TCP_SYN_SENT] = TCPF_SYN_RECV | TCPF_ESTABLISHED | TCPF_CLOSE,
	[TCP_SYN_RECV] = TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_CLOSE,
	[TCP_ESTABLISHED] = TCPF_FIN_WAIT1 | TCPF_CLOSE_WAIT | TCPF_CLOSE,
	[TCP_FIN_WAIT1] = TCPF_FIN_WAIT2 | TCPF_CLOSING | TCPF_TIME_WAIT |
			  TCPF_CLOSE,
	[TCP_FIN_WAIT2] = TCPF_TIME_WAIT | TCPF_CLOSE,
	[TCP_CLOSING] = TCPF_TIME_WAIT | TCPF_CLOSE,
	[TCP_CLOSE_WAIT] = TCPF_LAST_ACK | TCPF_CLOSE,
	[TCP_LAST_ACK] = TCPF_CLOSE,
	[TCP_TIME_WAIT] = TCPF_CLOSE,
};

bool check_edge(u8 from, u8 to)
{
	return from < ARRAY_SIZE(edges) && edges[from] >> to & 1;
}

/* The linker puts this in front of the one function that changes a state. */
void __real_toytcp_tcb_set_state(struct tcb *tcb, u8 state, enum cause cause);
void __wrap_toytcp_tcb_set_state(struct tcb *tcb, u8 state, enum cause cause);

void __wrap_toytcp_tcb_set_state(struct tcb *tcb, u8 state, enum cause cause)
{
	if (current && !check_edge(tcb->state, state) &&
	    !(tcb->state == TCP_CLOSE && state == TCP_CLOSE))
		FAIL(current, "%s -> %s is not in RFC 9293's diagram (%s)",
		     toytcp_tcb_state_name(tcb->state),
		     toytcp_tcb_state_name(state), toytcp_cause_name(cause));
	__real_toytcp_tcb_set_state(tcb, state, cause);
}

static u8 shift_of(const struct endpoint *e, const struct segment *seg)
{
	if (seg->ctl & CTL_SYN)
		return 0;
	if (e->kind == EMBRYO)
		return e->embryo.rcv_wscale;
	return e->kind == REMNANT ? e->remnant.rcv_wscale : e->tcb.rcv.wscale;
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
		     name_of(e), e->edge - edge);
	e->edge = seq_max(e->edge, edge);
	if (e->kind == FULL && seq_after(edge, e->tcb.rcv.adv))
		FAIL(e->world, "%s promises more than it will take",
		     name_of(e));
}

/* Called for each segment, on its way out. */
void check_segment(struct endpoint *e, const struct segment *seg)
{
	check_right_edge(e, seg);
	if (e->kind == FULL && seg->len && !(seg->ctl & CTL_RST) &&
	    seq_before(seg->seq, e->tcb.snd.una))
		FAIL(e->world, "%s sends what is acknowledged already",
		     name_of(e));
}

#define MUST(e, condition) do {						\
	if (!(condition))						\
		FAIL((e)->world, "%s in %s: not so: %s", name_of(e),	\
		     toytcp_tcb_state_name((e)->tcb.state), #condition);\
} while (0)

static void check_send_space(struct endpoint *e)
{
	const struct send_space *snd = &e->tcb.snd, *was = &e->before.snd;
	u32 end = snd->end + e->tcb.fin_sent;

	MUST(e, !seq_before(snd->rtx, snd->una));
	MUST(e, !seq_before(snd->nxt, snd->rtx));
	MUST(e, !seq_before(end, snd->nxt));
	MUST(e, !seq_before(snd->una, was->una));
	MUST(e, !seq_before(snd->nxt, was->nxt));
	MUST(e, snd->mss >= MSS_MIN);
	MUST(e, e->tcb.state == TCP_SYN_SENT || e->tcb.state == TCP_SYN_RECV ||
	     snd->nxt - snd->una <= snd->max_wnd + 2);
}

static void check_receive_space(struct endpoint *e)
{
	const struct receive_space *rcv = &e->tcb.rcv, *was = &e->before.rcv;

	MUST(e, !seq_before(rcv->nxt, rcv->copied));
	MUST(e, !seq_before(rcv->nxt, rcv->acked));
	MUST(e, !seq_before(rcv->adv, rcv->nxt));
	MUST(e, rcv->nxt - rcv->copied <= rcv->buf + e->tcb.fin_received);
	if (e->before.state == TCP_SYN_SENT || e->before.state == TCP_CLOSE)
		return;
	MUST(e, !seq_before(rcv->nxt, was->nxt));
	MUST(e, !seq_before(rcv->adv, was->adv));
}

/* Ranges stand in order, with gaps between, and within the window. */
static void check_reassembly(struct endpoint *e)
{
	const struct reassembly_node *range, *node;
	u32 edge = e->tcb.rcv.nxt, ranges = 0, nodes = 0;

	for (range = e->tcb.ooo.first; range; range = range->range_next) {
		u32 end = range->seq;

		MUST(e, seq_after(range->seq, edge));
		for (node = range; node; node = node->next) {
			MUST(e, !seq_after(node->seq, end));
			end = seq_max(end, node->end);
			nodes++;
		}
		MUST(e, end == range->range_end);
		edge = end;
		ranges++;
	}
	MUST(e, !seq_after(edge, e->tcb.rcv.adv));
	MUST(e, ranges == e->tcb.ooo.ranges);
	MUST(e, ranges <= REASSEMBLY_RANGES_MAX);
	MUST(e, nodes == e->lent);
	MUST(e, e->lent_bytes <= 3 * e->tcb.rcv.buf + 65535);
}

static void check_congestion(struct endpoint *e)
{
	const struct congestion *cc = &e->tcb.cc;

	if (!e->connected)
		return;
	MUST(e, cc->cwnd >= e->tcb.snd.mss);
	MUST(e, cc->cwnd <= CWND_MAX);
	MUST(e, cc->ssthresh >= 2u * e->tcb.snd.mss);
}

static void check_clocks(struct endpoint *e)
{
	const struct round_trip *rtt = &e->tcb.rtt;

	MUST(e, rtt->rto >= RTO_MARGIN && rtt->rto <= RTO_MAX);
	MUST(e, e->tcb.heard <= e->world->now);
	MUST(e, e->tcb.progress <= e->world->now);
}

/* After each event, whatever the state. */
void check_tcb(struct endpoint *e)
{
	current = e->world;
	if (e->tcb.state == TCP_CLOSE)
		return;
	check_send_space(e);
	check_clocks(e);
	if (e->tcb.state == TCP_SYN_SENT)
		return;
	check_receive_space(e);
	check_reassembly(e);
	check_congestion(e);
}

static bool awaits_answer(const struct tcb *tcb)
{
	return tcb->snd.una != tcb->snd.nxt || toytcp_tcb_unsent(tcb) ||
	       (tcb->fin_queued && !tcb->fin_sent);
}

/* A connection that lives on: nothing is forgotten, or it would wait for ever. */
void check_settled(struct endpoint *e)
{
	const struct tcb *tcb = &e->tcb;
	int i;

	MUST(e, !tcb->ack_now && !tcb->probe && !tcb->resend &&
	     !tcb->keep_probe);
	if (awaits_answer(tcb))
		MUST(e, tcb->deadline[TIMER_RETRANSMIT]);
	if (tcb->rcv.acked != tcb->rcv.nxt && tcb->state != TCP_SYN_SENT)
		MUST(e, tcb->deadline[TIMER_ACK]);
	if (tcb->persist)
		MUST(e, tcb->deadline[TIMER_RETRANSMIT]);
	if (tcb->orphan && tcb->state == TCP_FIN_WAIT2)
		MUST(e, tcb->deadline[TIMER_IDLE]);
	for (i = 0; i < TIMERS; i++)
		MUST(e, !tcb->deadline[i] ||
		     tcb->deadline[i] + 1 > e->world->now);
}

static u32 patience(const struct tcb *was)
{
	if (was->state == TCP_SYN_SENT || was->state == TCP_SYN_RECV)
		return was->syn_retries;
	return was->orphan ? ORPHAN_RETRIES : DATA_RETRIES;
}

/* Where nothing is lost or queues, nothing has to be sent again. */
void check_timeout(struct endpoint *e)
{
	const struct settings *s = &e->world->set;
	const struct tcb *tcb = &e->tcb;

	if (s->loss || s->reorder || s->corrupt || s->dup || s->rate ||
	    s->outage[1] || other(e)->kind != FULL)
		return;
	if (tcb->persist || !tcb->snd.wnd || tcb->snd.una == tcb->snd.nxt)
		return;
	FAIL(e->world, "%s repeats what was not lost", name_of(e));
}

/* An error has to have a reason. */
void check_error(struct endpoint *e, int error)
{
	const struct tcb *was = &e->before;

	if (error == ETIMEDOUT) {
		e->world->counts.timed_out++;
		if (!was->user_timeout && !was->keepalive &&
		    e->tries <= patience(was))
			FAIL(e->world, "%s gave up after %u tries",
			     name_of(e), e->tries);
		e->world->excused = true;
	} else if (!e->world->excused) {
		FAIL(e->world, "%s: error %d for no reason", name_of(e),
		     error);
	}
	e->world->counts.refused += error == ECONNREFUSED;
}

/* Everything written is read, and both users know that it is all. */
static void check_delivered(struct endpoint *e)
{
	const struct user *u = &e->user;

	if (u->written != u->plan)
		FAIL(e->world, "%s could write only %u of %u bytes",
		     name_of(e), u->written, u->plan);
	if (other(e)->user.read != u->written)
		FAIL(e->world, "%s: %u of %u bytes were read", name_of(e),
		     other(e)->user.read, u->written);
	if (!u->eof || !u->left)
		FAIL(e->world, "%s never learnt of the end", name_of(e));
}

/* Nothing will ever happen again: was that right? */
void check_end(struct world *w)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct endpoint *e = &w->end[i];

		if (e->kind != NOTHING)
			FAIL(w, "%s hangs in %s", name_of(e),
			     toytcp_tcb_state_name(trace_state(e)));
		if (!w->excused)
			check_delivered(e);
	}
}
