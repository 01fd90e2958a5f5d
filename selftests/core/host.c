// SPDX-License-Identifier: GPL-2.0
/*
 * One end of a connection under test.
 */
#include <stdlib.h>

#include "host.h"

/* Takes all that the core wants to send after the event that @act tells of. */
void host_settle(struct host *h)
{
	h->sent = 0;
	while (toytcp_emit_next(&h->tcb, h->now, h->act.sends,
				&h->out[h->sent]))
		if (++h->sent == SENT_MOST)
			abort();	/* it never stops */
}

void host_arrive(struct host *h, struct segment seg)
{
	struct reassembly_node *node = NULL;

	toytcp_segment_measure(&seg);
	if (seg.len || seg.ctl & CTL_FIN)
		node = &h->nodes[h->used++];
	toytcp_arrives(&h->tcb, &seg, node, h->now, &h->act);
	host_settle(h);
}

void host_send(struct host *h, u32 n)
{
	toytcp_actions_init(&h->act, CAUSE_SEND);
	toytcp_user_send(&h->tcb, n);
	host_settle(h);
}

void host_skip(struct host *h, u32 n)
{
	h->tcb.snd.una += n;
	h->tcb.bytes_acked += n;
	h->tcb.snd.nxt = h->tcb.snd.una;
	h->tcb.snd.end = h->tcb.snd.una;
}

void host_send_urgent(struct host *h, u32 n)
{
	toytcp_actions_init(&h->act, CAUSE_SEND);
	toytcp_user_send(&h->tcb, n);
	toytcp_urgent_send(&h->tcb);
	host_settle(h);
}

void host_read(struct host *h, u32 n)
{
	toytcp_actions_init(&h->act, CAUSE_RECEIVE);
	toytcp_user_receive(&h->tcb, n);
	host_settle(h);
}

void host_close(struct host *h)
{
	toytcp_actions_init(&h->act, CAUSE_CLOSE);
	toytcp_user_close(&h->tcb);
	host_settle(h);
}

/* close(2): the user is gone. */
void host_leave(struct host *h)
{
	toytcp_actions_init(&h->act, CAUSE_CLOSE);
	toytcp_user_close(&h->tcb);
	toytcp_user_leave(&h->tcb, h->now);
	host_settle(h);
}

void host_pass(struct host *h, u64 us)
{
	h->now += us;
	toytcp_timeout_expire(&h->tcb, h->now, &h->act);
	host_settle(h);
}

/* On to the next deadline. Returns false if there is none. */
bool host_expire(struct host *h)
{
	u64 next = toytcp_deadline_next(&h->tcb);

	if (!next)
		return false;
	host_pass(h, next > h->now ? next - h->now : 0);
	return true;
}

/* How many bytes the last event made readable; (u32)-1 if there is a gap. */
u32 host_ready(const struct host *h)
{
	const struct reassembly_node *node = h->act.ready;
	u32 first = node ? node->seq : 0, end = first;

	for (; node; node = node->next) {
		if (seq_after(node->seq, end))
			return (u32)-1;
		end = seq_max(end, node->end);
	}
	return end - first;
}

void make_closed(struct host *h)
{
	int i;

	memset(h, 0, sizeof(*h));
	h->now = START;
	toytcp_tcb_init(&h->tcb, BUF, MSS);
	for (i = 0; i < RECORDS; i++)
		toytcp_scoreboard_lend(&h->tcb.board, &h->records[i]);
}

void make_syn_sent(struct host *h)
{
	make_closed(h);
	toytcp_actions_init(&h->act, CAUSE_OPEN);
	toytcp_user_open(&h->tcb, ISS, h->now);
	host_settle(h);
}

/* By simultaneous open: the way of LISTEN is the request's. */
void make_syn_received(struct host *h)
{
	make_syn_sent(h);
	ARRIVE(h, .ctl = CTL_SYN, .seq = IRS, .options = HAS_MSS, .mss = MSS);
}

void make_established(struct host *h)
{
	make_syn_sent(h);
	h->now += 100 * MSEC;
	ARRIVE(h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       .options = HAS_MSS, .mss = MSS);
	h->tcb.nodelay = 1;
}

void make_fin_wait_1(struct host *h)
{
	make_established(h);
	host_close(h);
}

void make_fin_wait_2(struct host *h)
{
	make_fin_wait_1(h);
	ARRIVE(h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 2);
}

void make_closing(struct host *h)
{
	make_fin_wait_1(h);
	ARRIVE(h, .ctl = CTL_FIN | CTL_ACK, .seq = IRS + 1, .ack = ISS + 1);
}

void make_time_wait(struct host *h)
{
	make_fin_wait_2(h);
	ARRIVE(h, .ctl = CTL_FIN | CTL_ACK, .seq = IRS + 1, .ack = ISS + 2);
}

void make_close_wait(struct host *h)
{
	make_established(h);
	ARRIVE(h, .ctl = CTL_FIN | CTL_ACK, .seq = IRS + 1, .ack = ISS + 1);
}

void make_last_ack(struct host *h)
{
	make_close_wait(h);
	host_close(h);
}

maker *const synchronised[SYNCHRONISED] = {
	make_established, make_fin_wait_1, make_fin_wait_2, make_closing,
	make_close_wait, make_last_ack,
};
