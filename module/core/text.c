// SPDX-License-Identifier: GPL-2.0
/* A segment's text and FIN: RFC 9293 section 3.10.7.4, sixth to eighth. */
#include "arrival.h"
#include "seq.h"

/* RFC 2883 section 4: the next ACK reports it, unless RFC 5961 discards @a. */
void toytcp_text_duplicate(struct arrival *a, u32 from, u32 to)
{
	struct tcb *tcb = a->tcb;

	if (!tcb->sack_ok || !toytcp_ack_plausible(a) ||
	    !seq_before(from, to) || to - from > 65535)
		return;
	tcb->rcv.dsack = from;
	tcb->rcv.dsack_len = (u16)(to - from);
	a->act->notes |= NOTE_DSACK_OUT;
}

/* In order: this text, and text that was waiting behind it, is readable. */
static void accept_text(struct arrival *a)
{
	struct tcb *tcb = a->tcb;
	struct reassembly_node *node = a->node;
	bool gap = tcb->ooo.ranges;
	u32 before = tcb->rcv.nxt;

	tcb->rcv.nxt = a->end;
	node->next = toytcp_reassembly_take(&tcb->ooo, a->end);
	a->act->ready = node;
	for (; node; node = node->next) {
		/* A FIN counts where nothing follows it, and only there. */
		if (seq_after(node->end, tcb->rcv.nxt))
			a->fin = false;
		tcb->rcv.nxt = seq_max(tcb->rcv.nxt, node->end);
		a->fin |= node->fin && node->end == tcb->rcv.nxt;
	}
	tcb->bytes_received += tcb->rcv.nxt - before;
	a->act->wake |= WAKE_READ;
	toytcp_delack_text(tcb, a->seg, a->now);
	if (gap)	/* RFC 5681 section 4.2: ACK at once if a gap closes */
		toytcp_delack_owe(tcb, CAUSE_TEXT);
}

/* Out of order: keep it, and ACK at once (RFC 5681 section 4.2). */
static void keep_text(struct arrival *a)
{
	a->act->kept = toytcp_reassembly_add(&a->tcb->ooo, a->node);
	if (!a->act->kept)
		toytcp_text_duplicate(a, a->node->seq, a->node->end);
	toytcp_delack_owe(a->tcb, CAUSE_TEXT);
}

/* Sixth and seventh: URG and text. Returns whether to go on with the FIN. */
bool toytcp_text_process(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	if (!toytcp_tcb_in(tcb, STATES_RECEIVING))
		return false;
	/* RFC 9293 SHLD-3: no user: tell the peer that its text is lost. */
	if (tcb->orphan && a->end != a->seq &&
	    seq_after(a->end, tcb->rcv.nxt)) {
		a->act->reset = true;
		toytcp_arrival_fail(a, 0, CAUSE_TEXT);
		return false;
	}
	toytcp_urgent_arrives(tcb, a->seg, a->act);
	/* If the ACK has changed the state, its clause stays. */
	if ((a->seg->len || a->fin) && tcb->state == a->state)
		a->act->cause = CAUSE_TEXT;
	/* Old, or beyond the window, or the caller has no room for it. */
	if ((a->end == a->seq && !a->fin) || !a->node) {
		if (a->seg->len || a->fin)
			toytcp_delack_owe(tcb, CAUSE_TEXT);
		return false;
	}
	a->node->seq = a->seg->seq + !!(a->seg->ctl & CTL_SYN);
	a->node->end = a->end;
	a->node->fin = a->fin;
	if (seq_after(a->seq, tcb->rcv.nxt)) {
		keep_text(a);
		return false;
	}
	if (a->end != a->seq)
		accept_text(a);
	return true;
}

/* Eighth, check the FIN bit. */
void toytcp_text_check_fin(struct arrival *a)
{
	struct tcb *tcb = a->tcb;

	if (!a->fin)
		return;
	tcb->rcv.nxt++;
	tcb->rcv.adv = seq_max(tcb->rcv.adv, tcb->rcv.nxt);
	tcb->fin_received = 1;
	a->act->cause = CAUSE_FIN;
	a->act->wake |= WAKE_READ | WAKE_STATE;
	switch (tcb->state) {
	case TCP_ESTABLISHED:
		toytcp_tcb_set_state(tcb, TCP_CLOSE_WAIT, CAUSE_FIN, a->act);
		break;
	case TCP_FIN_WAIT1:	/* had ours been acknowledged: FIN-WAIT-2 */
		toytcp_tcb_set_state(tcb, TCP_CLOSING, CAUSE_FIN, a->act);
		break;
	case TCP_FIN_WAIT2:
		toytcp_tcb_set_state(tcb, TCP_TIME_WAIT, CAUSE_FIN, a->act);
		break;
	}
	toytcp_delack_owe(tcb, CAUSE_FIN);
}
