// SPDX-License-Identifier: GPL-2.0
/* TIME-WAIT: what is left of a connection, RFC 9293 section 3.10.7.4. */
#include "internal.h"
#include "seq.h"

/* Keep what TIME-WAIT needs of a connection. Nothing more is to be emitted. */
void toytcp_timewait_from_tcb(struct timewait *r, const struct tcb *tcb)
{
	r->snd_nxt = tcb->snd.nxt;
	r->rcv_nxt = tcb->rcv.nxt;
	r->ts = tcb->ts;
	r->wnd = (tcb->rcv.adv - tcb->rcv.nxt) >> tcb->rcv.wscale;
	r->rcv_wscale = tcb->rcv.wscale;
	r->timestamps = tcb->timestamps;
}

static bool is_stamped(const struct timewait *r, const struct segment *seg)
{
	return r->timestamps && seg->options & HAS_TIMESTAMPS;
}

/*
 * RFC 9293 section 3.6.1 (MAY-2) and RFC 6191: a new SYN beyond all the old
 * connection's numbers, or later than it by the peer's clock, may open a new
 * one at once.
 */
static bool reopens(const struct timewait *r, const struct segment *seg)
{
	u8 ctl = seg->ctl & (CTL_SYN | CTL_ACK | CTL_RST | CTL_FIN);

	return ctl == CTL_SYN &&
	       (seq_after(seg->seq, r->rcv_nxt) ||
		(is_stamped(r, seg) && seg->tsval != r->ts.recent));
}

/*
 * A segment arrived for a connection in TIME-WAIT. The peer's FIN again means
 * that our ACK was lost, and what is beyond it needs one, too: the 2 MSL start
 * anew. Returns VERDICT_DROP, VERDICT_ACK, VERDICT_RESTART, VERDICT_END (a reset
 * with the very next number) or VERDICT_CREATE.
 */
enum verdict toytcp_timewait_verdict(const struct timewait *r,
				     const struct segment *seg)
{
	bool inside = toytcp_arrives_acceptable(seg, r->rcv_nxt,
						(u32)r->wnd << r->rcv_wscale);

	if (seg->ctl & CTL_RST && seg->seq == r->rcv_nxt)
		return VERDICT_END;	/* RFC 5961 section 3: no other does */
	if (seg->ctl & CTL_RST)
		return inside ? VERDICT_ACK : VERDICT_DROP;
	if (is_stamped(r, seg) && toytcp_stamp_old(&r->ts, seg))
		return VERDICT_ACK;
	if (reopens(r, seg))
		return VERDICT_CREATE;
	if (r->timestamps && toytcp_stamp_missing(seg))
		return VERDICT_DROP;
	if (seg->ctl & CTL_FIN && seg->seq + seg->len + 1 == r->rcv_nxt)
		return VERDICT_RESTART;
	if (!inside || seg->ctl & CTL_SYN)
		return VERDICT_ACK;
	if (!(seg->ctl & CTL_ACK))
		return VERDICT_DROP;
	if (seq_after(seg->ack, r->snd_nxt))
		return VERDICT_ACK;
	/* Useless: two hosts could answer each other for ever. */
	return seg->seq == r->rcv_nxt && !toytcp_segment_length(seg) ?
		VERDICT_DROP : VERDICT_RESTART;
}

/* The only segment that TIME-WAIT sends. */
void toytcp_timewait_ack(const struct timewait *r, u64 now, struct segment *seg)
{
	*seg = (struct segment){
		.seq = r->snd_nxt, .ack = r->rcv_nxt, .ctl = CTL_ACK,
		.wnd = r->wnd,
	};
	if (r->timestamps)
		toytcp_stamp_put(&r->ts, now, seg);
	toytcp_segment_measure(seg);
}
