// SPDX-License-Identifier: GPL-2.0
/*
 * Urgent data: RFC 9293 section 3.8.5, with RFC 6093 and the ways of Linux.
 *
 * The pointer on the wire names the octet that follows the urgent text (RFC
 * 9293 MUST-62). To the user only the text's last octet is special: the mark.
 * Reading stops there; unless inline, it is the user's by another way.
 */
#include "internal.h"
#include "seq.h"

#define UP_MAX		65535u	/* as far as the wire's 16 bits can point */

/* SEND with URGENT, after toytcp_user_send(): all queued text is urgent. */
void toytcp_urgent_send(struct tcb *tcb)
{
	bool news = !toytcp_urgent_pending(tcb);

	tcb->snd.up = tcb->snd.end;
	/*
	 * An ACK carries the pointer even if a closed window holds the text
	 * back; only one, or the peer would take them for duplicate ACKs.
	 */
	if (news && toytcp_tcb_in(tcb, TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))
		toytcp_delack_owe(tcb, CAUSE_URGENT);
}

/*
 * The urgent pointer of a segment, and of each that is cut from it; neither SYN
 * nor RST. If the mark is out of the field's range, it points as far as it can,
 * so that the peer knows early; but only beyond SND.NXT, or the peer would take
 * an ordinary octet for the mark.
 */
void toytcp_urgent_mark(const struct tcb *tcb, struct segment *seg)
{
	u32 up = tcb->snd.up - seg->seq;

	seg->ctl &= (u8)~CTL_URG;
	seg->up = 0;
	if (!toytcp_urgent_pending(tcb) || !seq_after(tcb->snd.up, seg->seq))
		return;
	if (up > UP_MAX && !seq_after(seg->seq + UP_MAX, tcb->snd.nxt))
		return;
	seg->ctl |= CTL_URG;
	seg->up = (u16)min(up, UP_MAX);
}

/*
 * A new pointer. The octet it replaced, where the user stands before it and did
 * not want it inline, does not become ordinary text.
 */
static void take_pointer(struct tcb *tcb, const struct segment *seg,
			 struct actions *act)
{
	u32 mark = seg->seq + max_t(u16, seg->up, 1) - 1;

	if (seq_before(mark, tcb->rcv.nxt) ||
	    (tcb->rcv.urgent && !seq_after(mark, tcb->rcv.up)))
		return;
	if (toytcp_urgent_at(tcb, tcb->rcv.copied) && !tcb->rcv.oob_inline &&
	    tcb->rcv.copied != tcb->rcv.nxt)
		tcb->rcv.copied++;
	tcb->rcv.up = mark;
	tcb->rcv.urgent = URGENT_AWAITED;
	act->wake |= WAKE_URGENT;
}

/* 3.10.7.4, sixth. The octet itself may come with any segment, in any order. */
void toytcp_urgent_arrives(struct tcb *tcb, const struct segment *seg,
			   struct actions *act)
{
	if (seg->ctl & CTL_URG)
		take_pointer(tcb, seg, act);
	if (tcb->rcv.urgent != URGENT_AWAITED ||
	    tcb->rcv.up - seg->seq >= seg->len)
		return;
	tcb->rcv.urgent = URGENT_ARRIVED;
	act->urgent = true;
	act->wake |= WAKE_READ;
}
