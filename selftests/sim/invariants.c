// SPDX-License-Identifier: GPL-2.0
/*
 * What is true of a tcb after every event, whatever the peer, the network and
 * the user do. Each function says in words what is not so, or NULL.
 */
#include "invariants.h"
#include "../../module/core/seq.h"

#define STATES_SYN	(TCPF_SYN_SENT | TCPF_SYN_RECV)

/* RFC 9293, figure 5, with ABORT, resets and timeouts: where each may go. */
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

/* To end what has ended is no step. */
bool invariant_edge(u8 from, u8 to)
{
	if (from == TCP_CLOSE && to == TCP_CLOSE)
		return true;
	return from < ARRAY_SIZE(edges) && edges[from] >> to & 1;
}

#define MUST(condition) do {						\
	if (!(condition))						\
		return #condition;					\
} while (0)

static const char *send_space(const struct tcb *was, const struct tcb *tcb)
{
	const struct send_space *snd = &tcb->snd;
	u32 end = snd->end + tcb->fin_sent;

	MUST(!seq_before(snd->nxt, snd->una));
	MUST(!seq_before(end, snd->nxt));
	MUST(!seq_before(snd->una, was->snd.una));
	MUST(!seq_before(snd->nxt, was->snd.nxt));
	MUST(!seq_after(snd->up, end));
	MUST(snd->mss + toytcp_tcb_overhead(tcb) >= MSS_MIN);
	/* A window that is older than the one we know is no news. */
	MUST(toytcp_tcb_in(was, STATES_SYN | TCPF_CLOSE) ||
	     snd->una != was->snd.una || !seq_before(snd->wl1, was->snd.wl1));
	/* One byte and a FIN may have gone beyond a window as probes. */
	MUST(toytcp_tcb_in(tcb, STATES_SYN) ||
	     snd->nxt - snd->una <= snd->max_wnd + 2);
	return NULL;
}

static const char *receive_space(const struct tcb *was, const struct tcb *tcb)
{
	const struct receive_space *rcv = &tcb->rcv;
	u32 room = max(rcv->buf, 1u << rcv->wscale) + tcb->fin_received;

	MUST(!seq_before(rcv->nxt, rcv->copied));
	MUST(!seq_before(rcv->nxt, rcv->acked));
	MUST(!seq_before(rcv->adv, rcv->nxt));
	if (toytcp_tcb_in(was, TCPF_CLOSE | TCPF_SYN_SENT))
		return NULL;
	MUST(!seq_before(rcv->nxt, was->rcv.nxt));
	MUST(!seq_before(rcv->adv, was->rcv.adv));
	/* The user may make the buffer smaller: what was announced stands. */
	MUST(rcv->adv == was->rcv.adv ||
	     !seq_after(rcv->adv, rcv->copied + room));
	/* The mark is ahead of the reader, and never goes back. */
	MUST(!rcv->urgent || !seq_before(rcv->up, rcv->copied));
	MUST(!rcv->urgent || was->rcv.urgent == URGENT_NONE ||
	     !seq_before(rcv->up, was->rcv.up));
	return NULL;
}

/* A range has no gap within; its first node knows its end and its last. */
static const char *range_is_whole(const struct order_node *at)
{
	const struct reassembly_node *range = (const void *)at;
	const struct reassembly_node *node, *last = range;
	u32 end = range->seq;

	for (node = range; node; node = node->next) {
		MUST(!seq_after(node->seq, end));
		end = seq_max(end, node->end);
		last = node;
	}
	MUST(end == range->range_end);
	MUST(last == range->last);
	return NULL;
}

/*
 * The ranges of a tree stand in order, with gaps between; *@edge: what is before
 * them, and then their own end.
 */
static const char *ranges(const struct order_node *at, u32 *edge)
{
	const char *broken;

	if (!at)
		return NULL;
	broken = ranges(at->child[0], edge);
	if (!broken)
		broken = range_is_whole(at);
	if (broken)
		return broken;
	MUST(seq_after(at->seq, *edge));
	*edge = ((const struct reassembly_node *)at)->range_end;
	return ranges(at->child[1], edge);
}

/* They are within the window. */
static const char *reassembly(const struct tcb *tcb)
{
	/* Text beyond a FIN is nonsense that nobody will ever ask for. */
	u32 edge = tcb->rcv.nxt - tcb->fin_received;
	const char *broken = ranges(tcb->ooo.ranges, &edge);

	if (broken)
		return broken;
	MUST(!seq_after(edge, tcb->rcv.adv));
	return NULL;
}

/* Each record that is not SACKED is in a queue; adds how many these are. */
static const char *queue(const struct sent_record *first, u32 flag, u32 *n)
{
	const struct sent_record *r = first;

	do {
		if (!r)
			break;
		MUST((r->flags & (RECORD_SACKED | RECORD_LOST)) == flag);
		MUST(r->later->earlier == r);
		r = r->later;
		++*n;
	} while (r != first);
	return NULL;
}

/* The tree of records has @next and those behind it, as the list has. */
static const char *tree(const struct order_node *at,
			const struct sent_record **next)
{
	const char *broken;

	if (!at)
		return NULL;
	broken = tree(at->child[0], next);
	if (broken)
		return broken;
	MUST(*next && at == &(*next)->order);
	*next = (*next)->next;
	return tree(at->child[1], next);
}

/* The records cover [una, nxt) in order, and the sums are theirs. */
static const char *scoreboard(const struct tcb *tcb)
{
	const struct scoreboard *b = &tcb->board;
	const struct sent_record *r, *last = b->first, *next = b->first;
	u32 at = tcb->snd.una, sacked = 0, lost = 0, records = 0;
	u32 n = 0, queued = 0;		/* those that are not SACKED */
	const char *broken = queue(b->sent, 0, &queued);

	if (!broken)
		broken = queue(b->losses, RECORD_LOST, &queued);
	if (!broken)
		broken = tree(b->order, &next);
	if (broken)
		return broken;
	MUST(!next || !b->order);

	for (r = b->first; r; r = r->next) {
		u32 len = r->end - r->seq;

		MUST(r->seq == at);
		MUST(seq_before(r->seq, r->end));
		MUST(r == b->first || r->prev->next == r);
		MUST(!(r->flags & RECORD_SACKED && r->flags & RECORD_LOST));
		sacked += r->flags & RECORD_SACKED ? len : 0;
		lost += r->flags & RECORD_LOST ? len : 0;
		at = r->end;
		last = r;
		n += !(r->flags & RECORD_SACKED);
		records++;
	}
	MUST(at == tcb->snd.nxt);
	MUST(!last || b->first->prev == last);
	MUST(b->sacked == sacked && b->lost == lost);
	MUST(sacked + lost <= toytcp_tcb_flight(tcb));
	MUST(b->records == records && queued == n);
	MUST(!sacked || tcb->sack_ok);
	return NULL;
}

static const char *congestion(const struct tcb *tcb)
{
	MUST(tcb->cc.cwnd >= tcb->snd.mss);
	MUST(tcb->cc.cwnd <= CWND_MAX);
	MUST(tcb->cc.ssthresh >= 2u * tcb->snd.mss);
	return NULL;
}

static const char *clocks(const struct tcb *tcb, u64 now)
{
	MUST(tcb->rtt.rto >= RTO_MARGIN && tcb->rtt.rto <= RTO_MAX);
	MUST(tcb->heard <= now);
	MUST(tcb->progress <= now);
	return NULL;
}

/* What is told to have arrived is here, or has been; its FIN counts. */
static bool has(const struct tcb *tcb, const struct sack_block *b)
{
	const struct order_node *at = tcb->ooo.ranges;

	while (at) {
		const struct reassembly_node *range = (const void *)at;

		if (!seq_before(b->from, range->seq) &&
		    !seq_after(b->to, range->range_end + range->last->fin))
			return true;
		at = at->child[!seq_before(b->from, range->seq)];
	}
	return !seq_after(b->to, tcb->rcv.nxt);
}

/* Of each segment that toytcp_emit_next() describes. */
const char *invariant_sent(const struct tcb *tcb, const struct segment *seg)
{
	u8 shift = seg->ctl & CTL_SYN ? 0 : tcb->rcv.wscale;
	u32 edge = seg->ack + ((u32)seg->wnd << shift);
	u32 i;

	MUST(seg->cause != CAUSE_NONE);
	if (seg->ctl & CTL_ACK) {
		MUST(seg->ack == tcb->rcv.nxt);
		MUST(!seq_after(edge, tcb->rcv.adv));
	}
	if (seg->len) {
		MUST(!seq_before(seg->seq, tcb->snd.una));
		MUST(!seq_after(seg->seq + seg->len, tcb->snd.end));
	}
	for (i = 0; i < seg->sacks; i++) {
		MUST(seq_before(seg->sack[i].from, seg->sack[i].to));
		MUST(has(tcb, &seg->sack[i]));
	}
	return NULL;
}

/* After each event; @was is the tcb before it. */
const char *invariant_broken(const struct tcb *was, const struct tcb *tcb,
			     u64 now)
{
	const char *broken;

	if (tcb->state == TCP_CLOSE)
		return NULL;
	broken = send_space(was, tcb);
	if (!broken)
		broken = clocks(tcb, now);
	if (tcb->state == TCP_SYN_SENT)
		return broken;
	if (!broken)
		broken = receive_space(was, tcb);
	if (!broken)
		broken = reassembly(tcb);
	if (!broken && !toytcp_tcb_in(tcb, STATES_SYN | TCPF_TIME_WAIT))
		broken = scoreboard(tcb);
	if (!broken && !toytcp_tcb_in(tcb, STATES_SYN))
		broken = congestion(tcb);
	return broken;
}

static bool awaits_answer(const struct tcb *tcb)
{
	return tcb->snd.una != tcb->snd.nxt || toytcp_tcb_unsent(tcb) ||
	       (tcb->fin_queued && !tcb->fin_sent);
}

#define TICK (1u << TICK_SHIFT)

/*
 * All is sent that could be. What waits, for an answer or to give one, has a
 * deadline, or it would wait for ever.
 */
const char *invariant_forgotten(const struct tcb *tcb, u64 now)
{
	int i;

	MUST(!tcb->ack_now);
	MUST(!tcb->probe);
	MUST(!tcb->syn_pending);
	MUST(!tcb->keep_probe);
	if (awaits_answer(tcb))
		MUST(!tcb->deadline[TIMER_RTO] != !tcb->deadline[TIMER_PERSIST]);
	if (tcb->rcv.acked != tcb->rcv.nxt && tcb->state != TCP_SYN_SENT)
		MUST(tcb->deadline[TIMER_ACK]);
	if (tcb->deadline[TIMER_LOSS])
		MUST(tcb->deadline[TIMER_RTO]);
	if (tcb->orphan && tcb->state == TCP_FIN_WAIT2)
		MUST(tcb->deadline[TIMER_IDLE]);
	for (i = 0; i < TIMERS; i++)
		MUST(!tcb->deadline[i] || toytcp_deadline_at(tcb, i) >= now);
	for (i = 0; i <= TIMER_LOSS; i++)
		MUST(toytcp_deadline_at(tcb, i) < now + RTO_MAX + TICK);
	MUST(toytcp_deadline_at(tcb, TIMER_ACK) < now + DELAYED_ACK + TICK);
	MUST(toytcp_deadline_at(tcb, TIMER_IDLE) < now + 65536ull * SECOND);
	return NULL;
}

static u32 nodes(const struct order_node *at)
{
	const struct reassembly_node *node;
	u32 n = 0;

	for (node = (const void *)at; node; node = node->next)
		n++;
	return at ? nodes(at->child[0]) + n + nodes(at->child[1]) : 0;
}

/* How many of the caller's nodes the core holds. */
u32 invariant_nodes(const struct tcb *tcb)
{
	return nodes(tcb->ooo.ranges);
}

/* How many of the caller's records the core holds. */
u32 invariant_records(const struct tcb *tcb)
{
	const struct sent_record *r;
	u32 n = 0;

	for (r = tcb->board.first; r; r = r->next)
		n++;
	for (r = tcb->board.spare; r; r = r->next)
		n++;
	return n;
}
