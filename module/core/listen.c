// SPDX-License-Identifier: GPL-2.0
/*
 * LISTEN, RFC 9293 section 3.10.7.2, and requests: SYN-RECEIVED while all that
 * is known of a connection is its SYN.
 */
#include "internal.h"
#include "seq.h"

/*
 * A segment of no known connection, for a listener. A SYN with a FIN makes no
 * sense and is dropped. Returns VERDICT_DROP, VERDICT_RESET or VERDICT_CREATE.
 */
enum verdict toytcp_listen_arrives(const struct segment *seg)
{
	if (seg->ctl & CTL_RST)
		return VERDICT_DROP;
	if (seg->ctl & CTL_ACK)
		return VERDICT_RESET;
	return (seg->ctl & (CTL_SYN | CTL_FIN)) == CTL_SYN ? VERDICT_CREATE :
							     VERDICT_DROP;
}

/*
 * LISTEN -> SYN-RECEIVED. @rcv_buf: the receive buffer of the connection to be;
 * @now: 0 if nobody knows when the SYN came.
 */
void toytcp_request_init(struct syn_request *e, const struct segment *syn,
			 u32 iss, u32 rcv_buf, const struct offer *offer,
			 u64 now)
{
	memset(e, 0, sizeof(*e));
	e->sent = now;
	e->iss = iss;
	e->irs = syn->seq;
	e->window = min_t(u32, rcv_buf, 65535);
	e->wnd = syn->wnd;
	e->mss = syn->options & HAS_MSS ? syn->mss : MSS_DEFAULT;
	e->announced = offer->mss;
	e->scaled = !!(syn->options & HAS_WSCALE);
	e->sack_ok = offer->sack && syn->options & HAS_SACK_OK;
	e->ecn = offer->ecn && toytcp_ecn_agrees(syn);
	if (e->scaled) {
		e->snd_wscale = syn->wscale;
		e->rcv_wscale = toytcp_window_scale(offer->window);
	}
	if (offer->timestamps) {
		e->timestamps = !!(syn->options & HAS_TIMESTAMPS);
		e->ts.offset = offer->stamp_offset;
		e->ts.recent = syn->tsval;
	}
}

/*
 * A segment arrived for a request. Returns VERDICT_DROP, VERDICT_RETRANSMIT
 * (the same SYN again: our answer may be lost), VERDICT_ACK, VERDICT_END,
 * VERDICT_RESET or VERDICT_PROMOTE.
 */
enum verdict toytcp_request_arrives(const struct syn_request *e,
				    const struct segment *seg, u64 now)
{
	if ((seg->ctl & (CTL_SYN | CTL_ACK | CTL_RST)) == CTL_SYN &&
	    seg->seq == e->irs)
		return VERDICT_RETRANSMIT;
	if (e->timestamps && toytcp_stamp_missing(seg))
		return VERDICT_DROP;
	if (e->timestamps && toytcp_stamp_old(&e->ts, seg))
		return VERDICT_ACK;
	if (!toytcp_arrives_acceptable(seg, e->irs + 1, e->window))
		return seg->ctl & CTL_RST ? VERDICT_DROP : VERDICT_ACK;
	if (seg->ctl & CTL_RST)
		return seg->seq == e->irs + 1 ? VERDICT_END : VERDICT_ACK;
	if (seg->ctl & CTL_SYN)	/* back to LISTEN */
		return VERDICT_END;
	if (!(seg->ctl & CTL_ACK))
		return VERDICT_DROP;
	if (seg->ack != e->iss + 1)
		return VERDICT_RESET;
	/* A cookie's age is known to be right, but not when it was sent. */
	return !e->timestamps || !e->sent ||
	       toytcp_stamp_echoed(&e->ts, e->sent, seg, now) ?
		VERDICT_PROMOTE : VERDICT_DROP;
}

/*
 * The SYN,ACK, to be sent now. Counts it: Karn's rule asks whether it was sent
 * more than once, be it by the timer or because the SYN came again. The latter
 * is no sign of loss: the network may have duplicated the SYN.
 */
void toytcp_request_synack(struct syn_request *e, u64 now, struct segment *seg)
{
	if (e->synacks < 255)
		e->synacks++;
	*seg = (struct segment){
		.seq = e->iss, .ack = e->irs + 1, .wnd = e->window,
		.ctl = CTL_SYN | CTL_ACK | (e->ecn ? CTL_ECE : 0),
		.options = HAS_MSS, .mss = e->announced,
	};
	if (e->scaled) {
		seg->options |= HAS_WSCALE;
		seg->wscale = e->rcv_wscale;
	}
	if (e->timestamps)
		toytcp_stamp_put(&e->ts, now, seg);
	if (e->sack_ok)
		seg->options |= HAS_SACK_OK;
	toytcp_segment_measure(seg);
}

/* The ACK that answers an unacceptable segment. */
void toytcp_request_ack(const struct syn_request *e, u64 now,
			struct segment *seg)
{
	*seg = (struct segment){
		.seq = e->iss + 1, .ack = e->irs + 1, .ctl = CTL_ACK,
		.wnd = e->window >> e->rcv_wscale,
	};
	if (e->timestamps)
		toytcp_stamp_put(&e->ts, now, seg);
	toytcp_segment_measure(seg);
}

/*
 * Turn a request into a connection. @tcb was initialised with the same buffer
 * and MSS; it is in SYN-RECEIVED afterwards, for the ACK to take it to
 * ESTABLISHED.
 */
void toytcp_request_promote(const struct syn_request *e, struct tcb *tcb,
			    u64 now)
{
	u8 sent = e->synacks;	/* once: another CPU may be counting */

	tcb->snd.iss = e->iss;
	tcb->snd.una = e->iss;
	tcb->snd.up = e->iss;
	tcb->snd.small = e->iss;
	tcb->snd.nxt = e->iss + 1;
	tcb->snd.end = e->iss + 1;
	tcb->snd.wnd = e->wnd;
	tcb->snd.max_wnd = e->wnd;
	tcb->snd.wscale = e->snd_wscale;
	tcb->rcv.irs = e->irs;
	tcb->rcv.nxt = e->irs + 1;
	tcb->rcv.copied = e->irs + 1;
	tcb->rcv.acked = e->irs + 1;
	tcb->rcv.adv = e->irs + 1 + e->window;
	tcb->rcv.announced = e->announced;
	tcb->rcv.wscale = e->rcv_wscale;
	tcb->scaled = e->scaled;
	tcb->timestamps = e->timestamps;
	tcb->ecn = e->ecn;
	tcb->ecn_high = e->iss;
	tcb->ts = e->ts;
	tcb->ts_taken = now >> 20;
	tcb->sack_ok = e->sack_ok;
	tcb->retransmits = sent ? min_t(u8, e->repeated, sent - 1) : 0;
	tcb->heard = now;
	tcb->progress = now;
	tcb->snd.mss_max = min(e->mss, e->announced);
	toytcp_tcb_set_mss(tcb, tcb->snd.mss_max);
	if (sent <= 1 && e->sent)	/* Karn's rule */
		toytcp_rtt_start(&tcb->rtt, e->iss + 1, e->sent);
	toytcp_tcb_set_state(tcb, TCP_SYN_RECV, CAUSE_LISTEN_SYN, NULL);
}
