// SPDX-License-Identifier: GPL-2.0
/*
 * An end that is no full connection: a listener, a request (SYN-RECEIVED),
 * TIME-WAIT, or nothing at all.
 */
#include "sim.h"

#define SYNACK_REPEATS	5

/*
 * Starts the timer anew, even if the peer's SYN is the reason to send. It goes
 * off a tick late, as a connection's, which is rounded up, may.
 */
static void send_synack(struct endpoint *e)
{
	struct segment seg;

	e->timer = e->world->now + (RTO_INITIAL << e->request.repeated) +
		   (1 << TICK_SHIFT);
	toytcp_request_synack(&e->request, e->world->now, &seg);
	endpoint_send(e, &seg, NULL);
}

static void conceive(struct endpoint *e, const struct segment *syn, u32 iss)
{
	const struct offer offer = endpoint_offer(e, e->ecn);
	u8 before = trace_state(e);

	toytcp_request_init(&e->request, syn, iss, e->window, &offer,
			    e->world->now);
	e->kind = REQUEST;
	e->edge_known = false;
	trace_add(e, 'i', syn, before, TCP_SYN_RECV, CAUSE_LISTEN_SYN);
	send_synack(e);
}

static void promote(struct endpoint *e, const struct packet *p,
		    const struct segment *seg)
{
	if (e->connected && !e->forged)
		FAIL(e->world, "old segments made a second connection");
	toytcp_tcb_init(&e->tcb, e->window, e->mss);
	memset(&e->path, 0, sizeof(e->path));
	user_configure(e);
	toytcp_request_promote(&e->request, &e->tcb, e->world->now);
	e->offered = e->tcb.snd.iss;
	e->kind = FULL;
	endpoint_connection(e, p, seg);
}

static void drop_stub(struct endpoint *e)
{
	e->kind = NOTHING;
	e->timer = NEVER;
}

static bool answer_due(struct endpoint *e)
{
	u32 time = toytcp_policy_answer(e->answered, e->world->now);

	if (time)
		e->answered = time;
	return time;
}

static void request_input(struct endpoint *e, const struct packet *p,
			  const struct segment *seg)
{
	enum verdict verdict = toytcp_request_arrives(&e->request, seg,
						      e->world->now);
	struct segment reply;

	if (verdict == VERDICT_PROMOTE) {
		promote(e, p, seg);
		return;
	}
	trace_add(e, 'i', seg, TCP_SYN_RECV,
		  verdict == VERDICT_END ? TCP_LISTEN : TCP_SYN_RECV,
		  CAUSE_NONE);
	if (verdict == VERDICT_RETRANSMIT && answer_due(e)) {
		send_synack(e);
	} else if (verdict == VERDICT_ACK && answer_due(e)) {
		toytcp_request_ack(&e->request, e->world->now, &reply);
		endpoint_send(e, &reply, NULL);
	}
	if (verdict == VERDICT_RESET)
		endpoint_reset(e, seg);
	if (verdict == VERDICT_END)
		drop_stub(e);
}

static void timewait_input(struct endpoint *e, const struct segment *seg)
{
	enum verdict verdict = toytcp_timewait_verdict(&e->timewait, seg);
	struct segment ack;

	if (verdict == VERDICT_CREATE && e->listening) {
		conceive(e, seg, e->timewait.snd_nxt + 1 +
			 (dice_roll(&e->host) & 0xffff));
		return;
	}
	trace_add(e, 'i', seg, TCP_TIME_WAIT,
		  verdict == VERDICT_END ? TCP_CLOSE : TCP_TIME_WAIT,
		  CAUSE_TIME_WAIT);
	if (verdict == VERDICT_END) {
		drop_stub(e);
	} else if (verdict != VERDICT_DROP &&
		   (seg->len || seg->ctl & CTL_FIN || answer_due(e))) {
		toytcp_timewait_ack(&e->timewait, e->world->now, &ack);
		endpoint_send(e, &ack, NULL);
	}
	if (verdict == VERDICT_RESTART)
		e->timer = e->world->now + e->world->time_wait;
}

static u32 listener_iss(struct endpoint *e)
{
	u32 iss = e->iss ? e->iss : dice_roll(&e->host);

	e->iss = 0;
	return iss;
}

static void nothing_input(struct endpoint *e, const struct segment *seg)
{
	enum verdict verdict = seg->ctl & CTL_RST ? VERDICT_DROP :
						    VERDICT_RESET;

	if (e->listening)
		verdict = toytcp_listen_arrives(seg);
	if (verdict == VERDICT_CREATE) {
		conceive(e, seg, listener_iss(e));
		return;
	}
	trace_add(e, 'i', seg, trace_state(e), trace_state(e), CAUSE_CLOSED);
	if (verdict == VERDICT_RESET)
		endpoint_reset(e, seg);
}

void stub_input(struct endpoint *e, const struct packet *p,
		const struct segment *seg)
{
	if (e->kind == REQUEST)
		request_input(e, p, seg);
	else if (e->kind == TIMEWAIT)
		timewait_input(e, seg);
	else
		nothing_input(e, seg);
}

static void request_expire(struct endpoint *e)
{
	if (e->request.repeated >= SYNACK_REPEATS) {
		excuse(e);
		drop_stub(e);
		return;
	}
	e->request.repeated++;
	send_synack(e);
}

void stub_expire(struct endpoint *e)
{
	if (e->kind == REQUEST)
		request_expire(e);
	else
		drop_stub(e);
}
