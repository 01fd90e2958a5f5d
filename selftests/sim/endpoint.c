// SPDX-License-Identifier: GPL-2.0
/*
 * One host: what the module's shell does around the core, with arrays instead
 * of socket buffers. endpoint_settle() is the place where the two meet.
 */
#include <stdlib.h>

#include "../../module/core/cut.h"
#include "sim.h"

#define EMIT_MOST	100000	/* more segments at once mean a live-lock */

static u16 port_of(const struct endpoint *e)
{
	return is_server(e) ? PORT_SERVER : PORT_CLIENT + e->id / 2;
}

/* What was asked for, or as chance has it. */
static bool speaks(s64 asked, u32 drawn)
{
	return asked < 0 ? drawn : asked;
}

void endpoint_init(struct endpoint *e, struct world *w, u8 id)
{
	u32 way = id & 1;

	memset(e, 0, sizeof(*e));
	e->world = w;
	e->id = id;
	e->timer = NEVER;
	e->window = (u32)w->set.window;
	e->window_most = (u32)max(w->set.window, w->set.buffer);
	dice_seed(&e->host, w->seed, DICE_HOST, id);
	dice_seed(&e->dice, w->seed, DICE_USER, id);
	e->mtu = (u32)w->set.path[MTU][is_server(e)];
	e->mss = toytcp_path_mss(e->mtu - IP_HEADER, 0);
	snprintf(e->name, sizeof(e->name), id < 2 ? "%s" : "%s %d",
		 is_server(e) ? "server" : "client", id / 2 + 1);
	e->ecn = w->set.path[MARK][0] ? 1 : 2;
	if (!w->set.calm)
		e->ecn = (u8)dice_below(&e->host, 3);
	e->stamps = speaks(w->set.stamps[way], dice_below(&e->host, 4));
	e->no_sack = !speaks(w->set.sack[way], dice_below(&e->host, 8));
	e->no_dsack = !speaks(w->set.dsack[way], dice_below(&e->host, 8));
	e->stamp_offset = dice_roll(&e->host);
	backlog_init(e);
}

static void free_text(struct endpoint *e, struct text *t)
{
	e->world->live--;
	free(t);
}

static void purge(struct endpoint *e)
{
	struct reassembly_node *node, *next;
	struct sent_record *r, *after;

	node = toytcp_reassembly_purge(&e->tcb.ooo);
	for (; node; node = next) {
		next = node->next;
		e->lent--;
		free_text(e, (struct text *)node);
	}
	r = toytcp_scoreboard_purge(&e->tcb.board);
	for (; r; r = after) {
		after = r->next;
		e->records--;
		free(r);
	}
	if (e->records)
		FAIL(e->world, "%s: %u records leaked", e->name, e->records);
	if (e->lent)
		FAIL(e->world, "%s: %u nodes leaked", e->name, e->lent);
}

void endpoint_end(struct endpoint *e)
{
	backlog_end(e);
	purge(e);
	user_end(e);
	toll_end(e);
}

void endpoint_address(const struct endpoint *e, struct segment *seg)
{
	seg->source = port_of(e);
	seg->destination = port_of(&e->world->end[e->id ^ 1]);
}

/* A request's or a TIME-WAIT entry's segments come without one. */
static u8 cause_of(const struct segment *seg)
{
	if (seg->cause)
		return seg->cause;
	return seg->ctl & CTL_SYN ? CAUSE_LISTEN_SYN : CAUSE_NONE;
}

void endpoint_send(struct endpoint *e, struct segment *seg, const u8 *text)
{
	u8 state = trace_state(e);

	endpoint_address(e, seg);
	e->said++;
	check_segment(e, seg);
	toll_sent(e, seg);
	trace_add(e, 'o', seg, state, state, cause_of(seg));
	mischief_send(e, seg, text);
}

static void transmit(struct endpoint *e, struct segment *seg)
{
	u32 first = e->tcb.snd.iss + 1, offset = seg->seq - first;
	struct cut cut;

	if (seg->len && (offset > e->user.written ||
			 seg->len > e->user.written - offset)) {
		FAIL(e->world, "%s sends what the user never wrote", e->name);
		return;
	}
	toytcp_cut_begin(&cut, seg);
	do {
		toytcp_cut_piece(&cut, &e->tcb, seg,
				 min(cut.left, e->tcb.snd.mss));
		endpoint_send(e, seg,
			      seg->len ? e->out + (seg->seq - first) : NULL);
	} while (cut.left);
}

void endpoint_reset(struct endpoint *e, const struct segment *seg)
{
	struct segment rst;

	if (seg->ctl & CTL_RST)
		FAIL(e->world, "%s answers a reset by a reset", e->name);
	toytcp_segment_reset_for(seg, &rst);
	e->world->counts.reset++;
	endpoint_send(e, &rst, NULL);
}

/* A node's text joins what came before it; what is known is skipped. */
static void append(struct endpoint *e, const struct text *t)
{
	u32 at = e->tcb.rcv.irs + 1 + e->arrived;
	u32 n = t->node.end - at;

	if (seq_after(t->node.seq, at)) {
		FAIL(e->world, "%s: a gap in what is ready", e->name);
		return;
	}
	if (!seq_after(t->node.end, at))
		return;
	if (e->forged && e->arrived + n > e->in_room) {
		e->in_room = e->arrived + n;
		e->in = realloc(e->in, e->in_room);
	}
	if (e->arrived + n > e->in_room) {
		FAIL(e->world, "%s: more arrived than was sent", e->name);
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
	e->kind = e->tcb.state == TCP_TIME_WAIT ? TIMEWAIT : NOTHING;
	e->timer = NEVER;
	if (e->kind == TIMEWAIT) {
		toytcp_timewait_from_tcb(&e->timewait, &e->tcb);
		e->timer = e->world->now + e->world->time_wait;
	}
}

static struct path_limits path_limits(const struct endpoint *e, u32 mtu)
{
	return (struct path_limits) {
		.room = mtu - IP_HEADER, .gso_size = e->gso_size,
		.gso_segs = UINT32_MAX,
	};
}

static void fit_path(struct endpoint *e)
{
	const struct path_limits limits = path_limits(e, e->mtu);

	toytcp_path_fit(&e->path, &e->tcb, &limits);
}

/* Sometimes memory is short. */
static void lend(struct endpoint *e, u8 sacks)
{
	struct scoreboard *b = &e->tcb.board;
	int n = toytcp_policy_records(&e->tcb, sacks);

	if (n > 0 && toytcp_scoreboard_has_room(b) && e->short_of_memory)
		return;
	e->records += (u32)n;
	for (; n > 0; n--)
		toytcp_scoreboard_lend(b, malloc(sizeof(struct sent_record)));
	for (; n < 0; n++)
		free(toytcp_scoreboard_return(b));
}

static void emit_all(struct endpoint *e, enum cause cause)
{
	u64 now = e->world->now;
	struct segment seg;
	int n = 0;

	if (toytcp_path_changed(&e->path, &e->tcb, e->mtu - IP_HEADER))
		fit_path(e);
	while (lend(e, 0), toytcp_emit_next(&e->tcb, now, cause, &seg)) {
		check_emitted(e, &seg);
		transmit(e, &seg);
		if (++n > EMIT_MOST || e->world->failure[0]) {
			FAIL(e->world, "%s never stops sending", e->name);
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
	if (act->error) {
		e->error = act->error;
		check_error(e, act->error);
	}
	if (toytcp_tcb_in(&e->before, STATES_SYN) &&
	    e->before.state != e->tcb.state)
		fit_path(e);
	emit_all(e, act->sends);
	check_tcb(e);
	toll_settled(e);
	if (e->tcb.snd.una != e->before.snd.una ||
	    (e->tcb.heard != e->before.heard && !e->tcb.snd.wnd &&
	     e->tcb.state != TCP_SYN_RECV))
		e->tries = 0;
	if (e->tcb.state == TCP_ESTABLISHED)
		e->connected = true;
	if (act->wake & WAKE_WRITE)
		user_acked(e);
	if (toytcp_tcb_in(&e->tcb, TCPF_CLOSE | TCPF_TIME_WAIT)) {
		end_connection(e);
	} else {
		/* While a user has the socket, timers may be late. */
		if (e->backlog.until == NEVER)
			check_settled(e);
		e->timer = toytcp_deadline_next(&e->tcb);
		if (!e->timer)
			e->timer = NEVER;
	}
	if (e->kind != FULL || act->wake)
		user_wake(e);
}

/* After a user's call, which has no actions: @call is its clause. */
void endpoint_called(struct endpoint *e, enum cause call)
{
	struct actions act;

	toytcp_actions_init(&act, call);
	endpoint_settle(e, &act);
}

static void note_change(struct endpoint *e, u8 before, u8 cause)
{
	if (e->tcb.state != before)
		trace_add(e, '-', NULL, before, e->tcb.state, cause);
}

/* An active OPEN asks for ECN only if e->ecn is 1; 2 is: agree to it. */
struct offer endpoint_offer(const struct endpoint *e, bool ecn)
{
	return (struct offer) {
		.window = e->window_most,
		.stamp_offset = e->stamp_offset,
		.mss = e->mss,
		.timestamps = e->stamps,
		.sack = !e->no_sack,
		.ecn = ecn,
	};
}

void endpoint_open(struct endpoint *e)
{
	const struct offer offer = endpoint_offer(e, e->ecn == 1);

	toytcp_tcb_init(&e->tcb, e->window, e->mss);
	memset(&e->path, 0, sizeof(e->path));
	user_configure(e);
	e->kind = FULL;
	toytcp_user_offer(&e->tcb, &offer);
	endpoint_begin(e);
	toytcp_user_open(&e->tcb, e->iss, e->world->now);
	e->offered = e->iss;
	note_change(e, TCP_CLOSE, CAUSE_OPEN);
	e->before.snd = e->tcb.snd;
	endpoint_called(e, CAUSE_OPEN);
}

void endpoint_abort(struct endpoint *e)
{
	struct segment rst;
	struct actions act;
	u8 before = e->tcb.state;
	bool tell;

	excuse(e);
	e->world->counts.aborted++;
	endpoint_begin(e);
	tell = toytcp_user_abort(&e->tcb, 0, e->world->now, &act, &rst);
	if (tell)
		note_change(e, before, CAUSE_ABORT);
	endpoint_settle(e, &act);
	if (tell)
		endpoint_send(e, &rst, NULL);
}

/* Text was read: buffers.c's toytcp_buffers_read(). */
void endpoint_tune(struct endpoint *e)
{
	u32 wish;

	if (!toytcp_tuning_due(&e->tuning, &e->tcb))
		return;
	wish = toytcp_tuning_read(&e->tuning, &e->tcb, e->world->now);
	if (min(wish, e->window_most) <= e->tcb.rcv.buf)
		return;
	toytcp_user_buffer(&e->tcb, min(wish, e->window_most),
			   toytcp_tuning_streams(&e->tuning));
	e->world->counts.grown++;
}

/* How much of what the user wrote is not yet acknowledged. */
u32 endpoint_outstanding(const struct endpoint *e)
{
	if (e->kind != FULL)
		return 0;
	return e->tcb.snd.end - seq_max(e->tcb.snd.una, e->tcb.snd.iss + 1);
}

/* What the receive buffer pays for: text, and what is around it. */
u32 endpoint_memory(const struct endpoint *e)
{
	return e->arrived - e->user.read + e->lent_bytes + NODE_COST * e->lent;
}

static struct text *make_text(struct endpoint *e, const struct packet *p,
			      const struct segment *seg)
{
	struct text *t;

	if (!seg->len && !(seg->ctl & CTL_FIN))
		return NULL;
	if (!toytcp_policy_admits(&e->tcb, seg, endpoint_memory(e),
				  2 * e->tcb.rcv.buf,
				  e->arrived != e->user.read)) {
		toll_lost(other(e), seg);
		return NULL;
	}
	t = malloc(sizeof(*t) + seg->len);
	memset(&t->node, 0xa5, sizeof(t->node));
	t->seq = seg->seq + !!(seg->ctl & CTL_SYN);
	t->len = seg->len;
	memcpy(t->bytes, p->bytes + seg->hdrlen, seg->len);
	e->world->live++;
	return t;
}

void endpoint_connection(struct endpoint *e, const struct packet *p,
			 const struct segment *seg)
{
	struct text *t = make_text(e, p, seg);
	u8 before = e->tcb.state;
	struct actions act;

	if (seg->sacks)
		lend(e, seg->sacks);
	endpoint_begin(e);
	toytcp_arrives(&e->tcb, seg, t ? &t->node : NULL, e->world->now, &act);
	if (e->no_dsack)
		e->tcb.rcv.dsack_len = 0;
	trace_add(e, 'i', seg, before, e->tcb.state, act.cause);
	if (act.kept) {
		e->lent++;
		e->lent_bytes += t->len;
	} else if (t && act.ready != &t->node) {
		free_text(e, t);
	}
	take_ready(e, act.ready, t);
	backlog_hold(e, &act);
	endpoint_settle(e, &act);
	if (act.reset)
		endpoint_reset(e, seg);
}

/* What was built and what was parsed must be the same. */
static bool same(const struct segment *a, const struct segment *b)
{
	return a->seq == b->seq && a->len == b->len && a->ctl == b->ctl &&
	       (a->ack == b->ack || !(a->ctl & CTL_ACK)) &&
	       a->wnd == b->wnd && a->up == b->up && a->hdrlen == b->hdrlen &&
	       a->options == b->options && a->sacks == b->sacks &&
	       !memcmp(a->sack, b->sack, a->sacks * sizeof(a->sack[0])) &&
	       a->source == b->source &&
	       a->destination == b->destination &&
	       (a->mss == b->mss || !(a->options & HAS_MSS)) &&
	       (a->wscale == b->wscale || !(a->options & HAS_WSCALE)) &&
	       ((a->tsval == b->tsval && a->tsecr == b->tsecr) ||
		!(a->options & HAS_TIMESTAMPS));
}

/* The path takes no more than this; the route learns it, too. */
static void news_input(struct endpoint *e, u32 mtu)
{
	const struct path_limits limits = path_limits(e, mtu);

	e->mtu = min(e->mtu, mtu);
	if (e->kind != FULL)
		return;
	endpoint_begin(e);
	if (toytcp_path_report(&e->path, &e->tcb, &limits))
		endpoint_called(e, CAUSE_ICMP);
}

static void segment_input(struct endpoint *e, const struct packet *p)
{
	struct segment seg;
	bool good = toytcp_segment_parse(&seg, p->bytes, p->total) ==
		    SEGMENT_OK;

	if (p->odd && !good) {
		toll_lost(other(e), &p->sent);
		return;
	}
	if (!p->odd && (!good || !same(&seg, &p->sent))) {
		FAIL(e->world, "a header was not parsed as it was built");
		return;
	}
	seg.ecn = p->sent.ecn;
	if (e->kind == FULL)
		endpoint_connection(e, p, &seg);
	else
		stub_input(e, p, &seg);
}

void endpoint_input(struct endpoint *e, const struct packet *p)
{
	if (p->corrupt)
		e->world->counts.corrupt++;
	else if (e->ghost)
		return;
	else if (p->news)
		news_input(e, p->news);
	else
		segment_input(e, p);
}

static bool is_due(const struct endpoint *e, enum tcb_timer timer)
{
	u64 at = toytcp_deadline_at(&e->tcb, timer);

	return at && at <= e->world->now;
}

static void connection_expire(struct endpoint *e)
{
	bool loss = is_due(e, TIMER_LOSS);
	u8 before = e->tcb.state;
	struct actions act;

	if (loss || is_due(e, TIMER_RTO) || is_due(e, TIMER_PERSIST)) {
		e->tries++;
		e->world->counts.expired += !loss;
		check_timeout(e);
	}
	endpoint_begin(e);
	toytcp_timeout_expire(&e->tcb, e->world->now, &act);
	note_change(e, before, act.cause);
	endpoint_settle(e, &act);
}

void endpoint_expire(struct endpoint *e)
{
	if (e->kind == FULL)
		connection_expire(e);
	else
		stub_expire(e);
}
