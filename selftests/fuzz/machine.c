// SPDX-License-Identifier: GPL-2.0
/*
 * An entry of a connection table and the shell around it.
 *
 * The peer obeys no rule; the shell and the user keep to core.h's contract.
 */
#include <stdio.h>
#include <stdlib.h>

#include "machine.h"
#include "../../module/core/seq.h"

#define SEND_MOST	65536u	/* bytes that may wait at once */
#define EMIT_MOST	4000	/* segments for one event */
#define STEPS_MOST	200

static void broken(const char *what)
{
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static void must(bool condition, const char *what)
{
	if (!condition)
		broken(what);
}

/* The linker puts this in front of the one function that changes a state. */
void __real_toytcp_tcb_set_state(struct tcb *tcb, u8 state, enum cause cause,
				 struct actions *act);
void __wrap_toytcp_tcb_set_state(struct tcb *tcb, u8 state, enum cause cause,
				 struct actions *act);

void __wrap_toytcp_tcb_set_state(struct tcb *tcb, u8 state, enum cause cause,
				 struct actions *act)
{
	must(invariant_edge(tcb->state, state), "the step is in the diagram");
	__real_toytcp_tcb_set_state(tcb, state, cause, act);
}

static void free_chain(struct machine *m, struct reassembly_node *node,
		       const struct reassembly_node *own)
{
	struct reassembly_node *next;

	for (; node; node = next) {
		next = node->next;
		m->lent -= node != own;
		free(node);
	}
}

/* What is ready begins at or before RCV.NXT as it was, and has no gap. */
static void check_ready(const struct machine *m,
			const struct reassembly_node *node)
{
	u32 edge = m->before.rcv.nxt;

	if (m->before.state == TCP_SYN_SENT)
		must(!node, "text on a SYN is not taken");
	if (!node)
		return;
	for (; node; node = node->next) {
		must(!seq_after(node->seq, edge), "no gap in what is ready");
		edge = seq_max(edge, node->end);
	}
	must(edge == m->tcb.rcv.nxt - (m->tcb.fin_received &&
				       !m->before.fin_received),
	     "RCV.NXT is the end of what is ready");
}

/* A segment can be built, parsed, and is what the state allows. */
static void check_sent(const struct machine *m, const struct segment *seg)
{
	const char *wrong = invariant_sent(&m->tcb, seg);
	u8 wire[SEGMENT_HEADER_MAX];
	struct segment got;

	toytcp_segment_build(seg, wire);
	must(toytcp_segment_parse(&got, wire, seg->hdrlen + seg->len) ==
	     SEGMENT_OK, "what is sent can be parsed");
	must(got.seq == seg->seq && got.ctl == seg->ctl &&
	     got.len == seg->len && got.wnd == seg->wnd,
	     "it is parsed as it was built");
	if (wrong)
		broken(wrong);
}

static void purge(struct machine *m)
{
	struct sent_record *next, *r;

	free_chain(m, toytcp_reassembly_purge(&m->tcb.ooo), NULL);
	must(!m->lent, "every node comes back");
	for (r = toytcp_scoreboard_purge(&m->tcb.board); r; r = next) {
		next = r->next;
		m->records--;
		free(r);
	}
	must(!m->records, "every record comes back");
}

static void end_connection(struct machine *m)
{
	purge(m);
	m->kind = m->listens ? LISTENING : CLOSED;
	if (m->tcb.state == TCP_TIME_WAIT) {
		toytcp_timewait_from_tcb(&m->timewait, &m->tcb);
		m->kind = TIMEWAIT;
	}
}

/* Memory may be short, but not for ever: a record there is. */
static void lend(struct machine *m)
{
	struct scoreboard *b = &m->tcb.board;
	u32 want = m->in.left % 16;

	while (b->spares < want || !toytcp_scoreboard_has_room(b)) {
		toytcp_scoreboard_lend(b, malloc(sizeof(struct sent_record)));
		m->records++;
	}
}

static void settle(struct machine *m, enum cause cause)
{
	struct segment seg;
	const char *wrong;
	int n = 0;

	while (lend(m), toytcp_emit_next(&m->tcb, m->now, cause, &seg)) {
		check_sent(m, &seg);
		must(++n < EMIT_MOST, "sending has an end");
	}
	wrong = invariant_broken(&m->before, &m->tcb, m->now);
	if (!wrong && invariant_nodes(&m->tcb) != m->lent)
		wrong = "all nodes are accounted for";
	if (!wrong && invariant_records(&m->tcb) != m->records)
		wrong = "all records are accounted for";
	if (toytcp_tcb_in(&m->tcb, TCPF_CLOSE | TCPF_TIME_WAIT))
		end_connection(m);
	else if (!wrong)
		wrong = invariant_forgotten(&m->tcb, m->now);
	if (wrong)
		broken(wrong);
	m->before = m->tcb;
}

static void reset(const struct segment *seg)
{
	struct segment rst;

	must(!(seg->ctl & CTL_RST), "a reset is not answered by a reset");
	toytcp_segment_reset_for(seg, &rst);
}

static void connection_input(struct machine *m, const struct segment *seg)
{
	struct reassembly_node *node = NULL;
	struct actions act;

	/* There is not always room for text. */
	if (seg->len ? take8(&m->in) < 240 : !!(seg->ctl & CTL_FIN)) {
		node = malloc(sizeof(*node));
		memset(node, 0xa5, sizeof(*node));
	}
	toytcp_arrives(&m->tcb, seg, node, m->now, &act);
	check_ready(m, act.ready);
	if (act.kept)
		m->lent++;
	else if (act.ready != node)
		free(node);
	free_chain(m, act.ready, node);
	if (act.reset)
		reset(seg);
	settle(m, act.sends);
}

static void conceive(struct machine *m, const struct segment *syn, u32 iss)
{
	const struct offer offer = {
		.window = m->buf, .stamp_offset = m->buf, .mss = m->mss,
		.timestamps = m->mss & 1, .sack = true, .ecn = true,
	};
	struct segment seg;

	toytcp_request_init(&m->request, syn, iss, m->buf, &offer, m->now);
	toytcp_request_synack(&m->request, m->now, &seg);
	must(seg.ack == syn->seq + 1, "the SYN is acknowledged");
	m->kind = REQUEST;
}

static void promote(struct machine *m, const struct segment *seg)
{
	toytcp_tcb_init(&m->tcb, m->buf, m->mss);
	toytcp_request_promote(&m->request, &m->tcb, m->now);
	m->before = m->tcb;
	m->kind = FULL;
	connection_input(m, seg);
	must(m->kind != FULL || m->tcb.state != TCP_SYN_RECV,
	     "what promotes a request establishes it");
}

static void request_input(struct machine *m, const struct segment *seg)
{
	struct segment reply;

	switch (toytcp_request_arrives(&m->request, seg, m->now)) {
	case VERDICT_PROMOTE:
		promote(m, seg);
		break;
	case VERDICT_RETRANSMIT:
		toytcp_request_synack(&m->request, m->now, &reply);
		break;
	case VERDICT_ACK:
		toytcp_request_ack(&m->request, m->now, &reply);
		break;
	case VERDICT_RESET:
		reset(seg);
		break;
	case VERDICT_END:
		m->kind = LISTENING;
		break;
	case VERDICT_DROP:
		break;
	default:
		broken("a request gives no other verdict");
	}
}

static void timewait_input(struct machine *m, const struct segment *seg)
{
	struct segment ack;

	switch (toytcp_timewait_verdict(&m->timewait, seg)) {
	case VERDICT_CREATE:
		if (m->listens)
			conceive(m, seg, m->timewait.snd_nxt + 1000);
		break;
	case VERDICT_ACK:
	case VERDICT_RESTART:
		toytcp_timewait_ack(&m->timewait, m->now, &ack);
		break;
	case VERDICT_END:
		must(seg->ctl & CTL_RST, "only a reset ends TIME-WAIT");
		m->kind = m->listens ? LISTENING : CLOSED;
		break;
	case VERDICT_DROP:
		break;
	default:
		broken("a TIME-WAIT entry gives no other verdict");
	}
}

static void listener_input(struct machine *m, const struct segment *seg)
{
	enum verdict verdict = toytcp_listen_arrives(seg);

	if (verdict == VERDICT_CREATE)
		conceive(m, seg, take32(&m->in));
	else if (verdict == VERDICT_RESET)
		reset(seg);
}

static void input(struct machine *m, const struct segment *seg)
{
	if (m->kind == FULL)
		connection_input(m, seg);
	else if (m->kind == REQUEST)
		request_input(m, seg);
	else if (m->kind == TIMEWAIT)
		timewait_input(m, seg);
	else if (m->kind == LISTENING)
		listener_input(m, seg);
}

/* A number near one that matters, or any at all. */
static u32 number(struct machine *m)
{
	const u32 near[] = {
		m->tcb.snd.una, m->tcb.snd.nxt, m->tcb.rcv.nxt,
		m->tcb.rcv.adv, m->tcb.snd.iss, m->tcb.rcv.irs,
		m->tcb.cc.recover, m->tcb.rack.end_seq,
		m->request.iss, m->request.irs, m->timewait.snd_nxt,
		m->timewait.rcv_nxt, m->tcb.snd.end, 0,
	};
	u8 which = take8(&m->in);

	if (which >= 4 * ARRAY_SIZE(near))
		return take32(&m->in);
	switch (which % 4) {
	case 0:
		return near[which / 4];
	case 1:
		return near[which / 4] + take8(&m->in);
	case 2:
		return near[which / 4] - take8(&m->in);
	default:
		return near[which / 4] + take16(&m->in);
	}
}

/* The peer's clock, near what it said last; and an echo of ours, or not. */
static void stamp(struct machine *m, struct segment *seg)
{
	const struct timestamps *ts = m->kind == FULL ? &m->tcb.ts :
				      m->kind == REQUEST ? &m->request.ts :
				      &m->timewait.ts;
	u8 how = take8(&m->in);

	if (how < 8)
		return;
	seg->options |= HAS_TIMESTAMPS;
	seg->tsval = how < 16 ? take32(&m->in) :
		     ts->recent + (how < 96 ? take8(&m->in) : how & 1) -
		     (how < 32 ? take8(&m->in) : 0);
	seg->tsecr = how < 64 ? take32(&m->in) :
		     toytcp_stamp(ts, m->now) - (how < 128 ? 0 : how);
}

static void arrive(struct machine *m)
{
	struct segment seg = { .source = 1, .destination = 2 };
	u32 i;

	seg.ctl = take8(&m->in);
	seg.seq = number(m);
	seg.ack = number(m);
	seg.len = take8(&m->in);
	if (seg.len > 200)
		seg.len = take16(&m->in);
	seg.wnd = take16(&m->in);
	if (seg.ctl & CTL_URG)
		seg.up = take16(&m->in);
	if (seg.ctl & CTL_SYN) {
		seg.options = take8(&m->in) & (HAS_MSS | HAS_WSCALE |
					       HAS_SACK_OK);
		seg.mss = seg.options & HAS_MSS ? take16(&m->in) : 0;
		if (seg.options & HAS_WSCALE)
			seg.wscale = take8(&m->in) % (WSCALE_MAX + 1);
	}
	if (take8(&m->in) % 2)
		seg.sacks = take8(&m->in) % (SACKS_MAX + 1);
	for (i = 0; i < seg.sacks; i++) {
		seg.sack[i].from = number(m);
		seg.sack[i].to = number(m);
	}
	if (m->mss & 1)
		stamp(m, &seg);
	seg.ecn = take8(&m->in) & 3;
	toytcp_segment_measure(&seg);
	input(m, &seg);
}

static void pass(struct machine *m, u64 us)
{
	struct actions act;

	m->now += us;
	if (m->kind != FULL)
		return;
	toytcp_timeout_expire(&m->tcb, m->now, &act);
	settle(m, act.sends);
}

static void wait_for_deadline(struct machine *m)
{
	u64 next = m->kind == FULL ? toytcp_deadline_next(&m->tcb) : 0;

	if (next)
		pass(m, next > m->now ? next - m->now : 0);
}

static void hand_over(struct machine *m, u32 n, bool urgent)
{
	struct tcb *tcb = &m->tcb;
	u32 waiting = tcb->snd.end - tcb->snd.una;

	if (!tcb->fin_queued && waiting + n <= SEND_MOST &&
	    toytcp_tcb_in(tcb, TCPF_SYN_SENT | TCPF_SYN_RECV |
			  TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) {
		toytcp_user_send(tcb, n);
		if (urgent && n)
			toytcp_urgent_send(tcb);
	}
	settle(m, CAUSE_SEND);
}

static void receive(struct machine *m, u32 n)
{
	struct tcb *tcb = &m->tcb;
	u32 unread = tcb->rcv.nxt - tcb->rcv.copied - tcb->fin_received;

	if (toytcp_tcb_in(tcb, TCPF_SYN_SENT))
		return;
	toytcp_user_receive(tcb, min(n, unread));
	settle(m, CAUSE_RECEIVE);
}

static void shut(struct machine *m, bool leave)
{
	toytcp_user_close(&m->tcb);
	if (leave)
		toytcp_user_leave(&m->tcb, m->now);
	settle(m, CAUSE_CLOSE);
}

static void set_option(struct machine *m, u8 which)
{
	struct tcb *tcb = &m->tcb;
	struct path_limits limits = { .gso_segs = 100 };

	switch (which % 10) {
	case 0:
		tcb->nodelay ^= 1;
		break;
	case 1:
		tcb->cork ^= 1;
		break;
	case 2:
		tcb->quickack ^= 1;
		break;
	case 3:
		tcb->keepalive ^= 1;
		tcb->keep_idle = take8(&m->in);
		tcb->keep_interval = take8(&m->in);
		toytcp_user_set(tcb, OPTION_KEEPALIVE, tcb->keepalive, m->now);
		break;
	case 4:
		toytcp_user_set(tcb, OPTION_USER_TIMEOUT, take16(&m->in),
				m->now);
		break;
	case 5:
		toytcp_path_goal(tcb, 1 + take16(&m->in));
		break;
	case 6:	/* the path's MTU became smaller */
		limits.room = take16(&m->in);
		limits.gso_size = take8(&m->in) << 8;
		toytcp_path_report(&m->path, tcb, &limits);
		break;
	case 7:
		tcb->keep_count = take8(&m->in);
		tcb->syn_retries = take8(&m->in);
		break;
	case 8:
		tcb->rcv.buf = 1 + take16(&m->in);
		break;
	case 9:
		toytcp_congestion_select(tcb, take8(&m->in) & 1);
		break;
	}
	settle(m, CAUSE_SEND);
}

static void abort_connection(struct machine *m)
{
	struct segment rst;
	struct actions act;

	if (toytcp_user_abort(&m->tcb, 0, m->now, &act, &rst))
		must(rst.ctl & CTL_RST, "an abort sends a reset");
	settle(m, CAUSE_ABORT);
}

static void call(struct machine *m, u8 which)
{
	switch (which % 8) {
	case 0:
	case 1:
		hand_over(m, take16(&m->in), take8(&m->in) & 1);
		break;
	case 2:
	case 3:
		receive(m, take16(&m->in));
		break;
	case 4:
		shut(m, false);
		break;
	case 5:
		shut(m, true);
		break;
	case 6:
		set_option(m, take8(&m->in));
		break;
	case 7:
		if (take8(&m->in) == 0x77)	/* seldom: it ends the game */
			abort_connection(m);
		break;
	}
}

static void step(struct machine *m)
{
	u8 what = take8(&m->in);

	m->before = m->tcb;
	if (what < 160)
		arrive(m);
	else if (what < 190)
		wait_for_deadline(m);
	else if (what < 200)
		pass(m, take32(&m->in));
	else if (m->kind == FULL)
		call(m, what);
}

void machine_init(struct machine *m, const u8 *data, size_t size)
{
	memset(m, 0, sizeof(*m));
	m->in.data = data;
	m->in.left = size;
	m->now = 1 + take32(&m->in);
	m->buf = (u32)take16(&m->in) << (take8(&m->in) % 12);
	m->mss = 48 + take16(&m->in) % 9000;
}

void machine_open(struct machine *m)
{
	toytcp_tcb_init(&m->tcb, m->buf, m->mss);
	m->before = m->tcb;
	m->kind = FULL;
	m->tcb.timestamps = m->mss & 1;
	m->tcb.ecn = m->mss >> 1 & 1;
	toytcp_user_open(&m->tcb, take32(&m->in), m->now);
	m->before = m->tcb;
	settle(m, CAUSE_OPEN);
}

void machine_listen(struct machine *m)
{
	m->kind = LISTENING;
	m->listens = true;
}

void machine_run(struct machine *m)
{
	int steps = 0;

	while (m->in.left && m->kind != CLOSED && ++steps < STEPS_MOST)
		step(m);
}

/* Without a word from the peer, every connection that waits for it ends. */
void machine_end(struct machine *m)
{
	int i;

	for (i = 0; i < 1000 && m->kind == FULL; i++) {
		m->before = m->tcb;
		if (m->tcb.keepalive || !toytcp_deadline_next(&m->tcb))
			break;
		wait_for_deadline(m);
	}
	must(i < 1000, "patience has an end");
	purge(m);
}
