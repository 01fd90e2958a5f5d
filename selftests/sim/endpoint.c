// SPDX-License-Identifier: GPL-2.0
/*
 * One host: what the module's shell does around the core, with arrays instead
 * of socket buffers. endpoint_settle() is the place where the two meet.
 */
#include <stdlib.h>

#include "sim.h"

#define SYNACK_REPEATS	5
#define EMIT_MOST	100000	/* more segments at once mean a live-lock */

static const u16 ports[2] = { 40000, 80 };

void endpoint_init(struct endpoint *e, struct world *w, u8 id)
{
	memset(e, 0, sizeof(*e));
	e->world = w;
	e->id = id;
	e->timer = NEVER;
	e->window = (u32)w->set.window;
	e->mss = (u16)min_t(s64, w->set.mtu - IP_HEADER - SEGMENT_HEADER_MIN,
			    65495);
}

static void free_text(struct endpoint *e, struct text *t)
{
	e->world->live--;
	free(t);
}

static void purge(struct endpoint *e)
{
	struct reassembly_node *node, *next;

	node = toytcp_reassembly_purge(&e->tcb.ooo);
	for (; node; node = next) {
		next = node->next;
		e->lent--;
		free_text(e, (struct text *)node);
	}
	if (e->lent)
		FAIL(e->world, "%s: %u nodes leaked", name_of(e), e->lent);
}

void endpoint_end(struct endpoint *e)
{
	purge(e);
	user_end(e);
}

static void send_one(struct endpoint *e, struct segment *seg, const u8 *text)
{
	u8 state = trace_state(e);

	seg->source = ports[e->id];
	seg->destination = ports[!e->id];
	check_segment(e, seg);
	trace_add(e, 'o', seg, state, state,
		  e->kind == FULL ? e->tcb.cause : CAUSE_NONE);
	wire_send(e->world, e, seg, text);
}

/* Cuts what is larger than a segment, as segmentation offload would. */
static void transmit(struct endpoint *e, const struct segment *whole)
{
	u32 offset = whole->seq - (e->tcb.snd.iss + 1), done = 0;
	u32 mss = e->tcb.snd.mss;
	const u8 *text = NULL;

	if (whole->len) {
		if (offset > e->user.written ||
		    whole->len > e->user.written - offset) {
			FAIL(e->world, "%s sends what the user never wrote",
			     name_of(e));
			return;
		}
		text = e->out + offset;
	}
	do {
		struct segment part = *whole;

		part.seq += done;
		part.len = min(whole->len - done, mss);
		if (done + part.len < whole->len)
			part.ctl &= (u8)~(CTL_FIN | CTL_PSH);
		send_one(e, &part, text ? text + done : NULL);
		done += part.len;
	} while (done < whole->len);
}

static void reset(struct endpoint *e, const struct segment *seg)
{
	struct segment rst;

	if (seg->ctl & CTL_RST)
		FAIL(e->world, "%s answers a reset by a reset", name_of(e));
	toytcp_segment_reset_for(seg, &rst);
	e->world->counts.reset++;
	send_one(e, &rst, NULL);
}

/* A node's text joins what came before it; what is known is skipped. */
static void append(struct endpoint *e, const struct text *t)
{
	u32 at = e->tcb.rcv.irs + 1 + e->arrived;
	u32 n = t->node.end - at;

	if (seq_after(t->node.seq, at)) {
		FAIL(e->world, "%s: a gap in what is ready", name_of(e));
		return;
	}
	if (!seq_after(t->node.end, at))
		return;
	if (e->arrived + n > e->in_room) {
		FAIL(e->world, "%s: more arrived than was sent", name_of(e));
		return;
	}
	memcpy(e->in + e->arrived, t->bytes + (at - t->seq), n);
	e->arrived += n;
}

/* @arrived is the text of the segment at hand, which was never lent. */
static void take_ready(struct endpoint *e, struct reassembly_node *node,
		       const struct text *arrived)
{
	struct reassembly_node *next;

	for (; node; node = next) {
		struct text *t = (struct text *)node;

		next = node->next;
		append(e, t);
		if (t != arrived) {
			e->lent--;
			e->lent_bytes -= t->len;
		}
		free_text(e, t);
	}
}

static void end_connection(struct endpoint *e)
{
	purge(e);
	e->fin_seen |= e->tcb.fin_received;
	e->kind = e->tcb.state == TCP_TIME_WAIT ? REMNANT : NOTHING;
	e->timer = NEVER;
	if (e->kind == REMNANT) {
		toytcp_remnant_init(&e->remnant, &e->tcb);
		e->timer = e->world->now + e->world->time_wait;
	}
}

static void emit_all(struct endpoint *e)
{
	struct segment seg;
	int n = 0;

	while (toytcp_emit_next(&e->tcb, e->world->now, &seg)) {
		transmit(e, &seg);
		if (++n > EMIT_MOST || e->world->failure[0]) {
			FAIL(e->world, "%s never stops sending", name_of(e));
			return;
		}
	}
}

void endpoint_begin(struct endpoint *e)
{
	e->before = e->tcb;
}

/* What the contract in core.h asks of the shell, after every call. */
void endpoint_settle(struct endpoint *e, struct actions *act)
{
	if (act && act->error) {
		e->error = act->error;
		check_error(e, act->error);
	}
	emit_all(e);
	check_tcb(e);
	if (e->tcb.snd.una != e->before.snd.una ||
	    (e->tcb.heard != e->before.heard && !e->tcb.snd.wnd))
		e->tries = 0;
	if (e->tcb.state == TCP_ESTABLISHED)
		e->connected = true;
	if (toytcp_tcb_in(&e->tcb, TCPF_CLOSE | TCPF_TIME_WAIT)) {
		end_connection(e);
	} else {
		check_settled(e);
		e->timer = toytcp_timeout_next(&e->tcb);
		if (!e->timer)
			e->timer = NEVER;
	}
	if (e->kind != FULL || (act && act->wake))
		user_wake(e);
}

static void note_change(struct endpoint *e, u8 before)
{
	if (e->tcb.state != before)
		trace_add(e, '-', NULL, before, e->tcb.state, e->tcb.cause);
}

void endpoint_open(struct endpoint *e, u32 iss)
{
	toytcp_tcb_init(&e->tcb, e->window, e->mss);
	user_configure(e);
	e->kind = FULL;
	endpoint_begin(e);
	toytcp_user_open(&e->tcb, iss, e->world->now);
	note_change(e, TCP_CLOSE);
	e->before.snd = e->tcb.snd;
	endpoint_settle(e, NULL);
}

void endpoint_abort(struct endpoint *e)
{
	struct segment rst;
	u8 before = e->tcb.state;

	e->world->excused = true;
	e->world->counts.aborted++;
	endpoint_begin(e);
	if (toytcp_user_abort(&e->tcb, &rst)) {
		note_change(e, before);
		send_one(e, &rst, NULL);
	}
	endpoint_settle(e, NULL);
}

/* How much of what the user wrote is not yet acknowledged. */
u32 endpoint_outstanding(const struct endpoint *e)
{
	if (e->kind != FULL)
		return 0;
	return e->tcb.snd.end - seq_max(e->tcb.snd.una, e->tcb.snd.iss + 1);
}

static struct text *make_text(struct endpoint *e, const struct packet *p,
			      const struct segment *seg)
{
	struct text *t;

	if (!seg->len && !(seg->ctl & CTL_FIN))
		return NULL;
	t = malloc(sizeof(*t) + seg->len);
	memset(&t->node, 0xa5, sizeof(t->node));
	t->seq = seg->seq + !!(seg->ctl & CTL_SYN);
	t->len = seg->len;
	memcpy(t->bytes, p->bytes + seg->hdrlen, seg->len);
	e->world->live++;
	return t;
}

static void connection_input(struct endpoint *e, const struct packet *p,
			     const struct segment *seg)
{
	struct text *t = make_text(e, p, seg);
	u8 before = e->tcb.state;
	struct actions act;

	endpoint_begin(e);
	toytcp_arrives(&e->tcb, seg, t ? &t->node : NULL, e->world->now, &act);
	trace_add(e, 'i', seg, before, e->tcb.state, e->tcb.cause);
	if (act.kept) {
		e->lent++;
		e->lent_bytes += t->len;
	} else if (t && act.ready != &t->node) {
		free_text(e, t);
	}
	take_ready(e, act.ready, t);
	if (act.reset)
		reset(e, seg);
	endpoint_settle(e, &act);
}

static void send_synack(struct endpoint *e)
{
	struct segment seg;

	toytcp_embryo_synack(&e->embryo, &seg);
	send_one(e, &seg, NULL);
	e->timer = e->world->now + (RTO_INITIAL << e->embryo.repeated);
}

static void conceive(struct endpoint *e, const struct segment *syn, u32 iss)
{
	u8 before = trace_state(e);

	toytcp_embryo_init(&e->embryo, syn, iss, e->window, e->mss,
			   e->world->now);
	e->kind = EMBRYO;
	e->edge_known = false;
	trace_add(e, 'i', syn, before, TCP_SYN_RECV, CAUSE_LISTEN_SYN);
	send_synack(e);
}

static void promote(struct endpoint *e, const struct packet *p,
		    const struct segment *seg)
{
	if (e->connected)
		FAIL(e->world, "old segments made a second connection");
	toytcp_tcb_init(&e->tcb, e->window, e->mss);
	user_configure(e);
	toytcp_embryo_promote(&e->embryo, &e->tcb, e->world->now);
	e->kind = FULL;
	connection_input(e, p, seg);
}

static void drop_embryo(struct endpoint *e)
{
	e->kind = NOTHING;
	e->timer = NEVER;
}

static void embryo_input(struct endpoint *e, const struct packet *p,
			 const struct segment *seg)
{
	enum verdict verdict = toytcp_embryo_arrives(&e->embryo, seg);
	struct segment reply;

	if (verdict == VERDICT_PROMOTE) {
		promote(e, p, seg);
		return;
	}
	trace_add(e, 'i', seg, TCP_SYN_RECV,
		  verdict == VERDICT_END ? TCP_LISTEN : TCP_SYN_RECV,
		  CAUSE_NONE);
	if (verdict == VERDICT_REPEAT) {
		e->embryo.repeated++;
		send_synack(e);
	} else if (verdict == VERDICT_ACK) {
		toytcp_embryo_ack(&e->embryo, &reply);
		send_one(e, &reply, NULL);
	}
	if (verdict == VERDICT_RESET)
		reset(e, seg);
	if (verdict == VERDICT_END)
		drop_embryo(e);
}

static void remnant_input(struct endpoint *e, const struct segment *seg)
{
	enum verdict verdict = toytcp_remnant_arrives(&e->remnant, seg);
	struct segment ack;

	if (verdict == VERDICT_CREATE && e->listening) {
		conceive(e, seg, e->remnant.snd_nxt + 128000);
		return;
	}
	trace_add(e, 'i', seg, TCP_TIME_WAIT,
		  verdict == VERDICT_END ? TCP_CLOSE : TCP_TIME_WAIT,
		  CAUSE_TIME_WAIT);
	if (verdict == VERDICT_END) {
		drop_embryo(e);
	} else if (verdict != VERDICT_DROP) {
		toytcp_remnant_ack(&e->remnant, &ack);
		send_one(e, &ack, NULL);
	}
	if (verdict == VERDICT_RESTART)
		e->timer = e->world->now + e->world->time_wait;
}

static u32 listener_iss(struct world *w)
{
	u32 iss = w->next_iss ? w->next_iss : dice_roll(&w->dice);

	w->next_iss = 0;
	return iss;
}

static void nothing_input(struct endpoint *e, const struct segment *seg)
{
	enum verdict verdict = seg->ctl & CTL_RST ? VERDICT_DROP :
						    VERDICT_RESET;

	if (e->listening)
		verdict = toytcp_listen_arrives(seg);
	if (verdict == VERDICT_CREATE) {
		conceive(e, seg, listener_iss(e->world));
		return;
	}
	trace_add(e, 'i', seg, trace_state(e), trace_state(e), CAUSE_CLOSED);
	if (verdict == VERDICT_RESET)
		reset(e, seg);
}

/* What was built and what was parsed must be the same. */
static bool same(const struct segment *a, const struct segment *b)
{
	return a->seq == b->seq && a->len == b->len && a->ctl == b->ctl &&
	       (a->ack == b->ack || !(a->ctl & CTL_ACK)) &&
	       a->wnd == b->wnd && a->hdrlen == b->hdrlen &&
	       a->options == b->options && a->source == b->source &&
	       a->destination == b->destination &&
	       (a->mss == b->mss || !(a->options & HAS_MSS)) &&
	       (a->wscale == b->wscale || !(a->options & HAS_WSCALE));
}

void endpoint_input(struct endpoint *e, const struct packet *p)
{
	struct segment seg;

	if (p->corrupt) {
		e->world->counts.corrupt++;
		return;
	}
	if (toytcp_segment_parse(&seg, p->bytes, p->total) != SEGMENT_OK ||
	    !same(&seg, &p->sent)) {
		FAIL(e->world, "a header was not parsed as it was built");
		return;
	}
	if (e->kind == NOTHING)
		nothing_input(e, &seg);
	else if (e->kind == EMBRYO)
		embryo_input(e, p, &seg);
	else if (e->kind == REMNANT)
		remnant_input(e, &seg);
	else
		connection_input(e, p, &seg);
}

static void embryo_expire(struct endpoint *e)
{
	if (e->embryo.repeated >= SYNACK_REPEATS) {
		e->world->excused = true;
		drop_embryo(e);
		return;
	}
	e->embryo.repeated++;
	send_synack(e);
}

static void connection_expire(struct endpoint *e)
{
	u64 first = e->tcb.deadline[TIMER_RETRANSMIT];
	u8 before = e->tcb.state;
	struct actions act;

	if (first && first <= e->world->now) {
		e->tries++;
		check_timeout(e);
	}
	endpoint_begin(e);
	toytcp_timeout_expire(&e->tcb, e->world->now, &act);
	note_change(e, before);
	endpoint_settle(e, &act);
}

void endpoint_expire(struct endpoint *e)
{
	if (e->kind == EMBRYO)
		embryo_expire(e);
	else if (e->kind == REMNANT)
		drop_embryo(e);
	else
		connection_expire(e);
}
