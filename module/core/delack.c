// SPDX-License-Identifier: GPL-2.0
/*
 * When an acknowledgement goes out: RFC 9293 section 3.8.6.3 and RFC 5681
 * section 4.2. Every rule about it is here; other files report what happened.
 *
 * An ACK is owed at once (tcb.ack_now has the clause) or when TIMER_ACK goes
 * off. Any segment with an ACK settles both, text included.
 *
 * 1. At once: for segments that are out of order, old, outside the window or
 *    forged; for a FIN, a closed gap, a CE mark. The rate is limited where the
 *    segment was useless.
 * 2. For text in order: the first few full-sized segments, then every second.
 * 3. Otherwise the ACK waits for text of ours to ride on, or the timer: long
 *    on an interactive connection, else short.
 * 4. In a stream that nobody answers, the reader sends the ACK.
 * 5. The reader sends an ACK when the window has grown enough; when it has read
 *    all there is, and that was more than one segment; and when it waits for
 *    more, since the peer may be waiting for just that ACK (Nagle's algorithm).
 * 6. Segments in order that waited together for the socket lock share one ACK.
 */
#include "arrival.h"
#include "seq.h"

/*
 * An ACK that answers a useless segment; the rate is limited for segments with
 * neither text nor FIN, for each connection separately: RFC 5961 section 7.
 */
void toytcp_delack_challenge(struct arrival *a, enum cause cause)
{
	struct tcb *tcb = a->tcb;
	bool limited = !a->seg->len && !(a->seg->ctl & CTL_FIN);
	u32 time = toytcp_policy_answer(limited ? tcb->challenged : 0, a->now);

	if (!time)
		return;
	tcb->challenged = time;
	toytcp_delack_owe(tcb, cause);
}

/* Nobody has answered for long, and it is not just a long answer. */
static bool is_stream(const struct tcb *tcb)
{
	return tcb->rcv.since_tx >= STREAM_SEGMENTS * tcb->rcv.mss &&
	       !tcb->interactive;
}

/*
 * The reader of a stream will acknowledge all that it finds at once
 * (toytcp_delack_read()), so the number of ACKs falls as the load grows, and
 * a sender that is on the same machine fills segments up until then. If the
 * reader does not come, the short timer sends the ACK: it must be shorter than
 * the peer's tail loss probe.
 */
static bool left_to_reader(const struct tcb *tcb)
{
	return is_stream(tcb) &&
	       tcb->rcv.nxt - tcb->rcv.acked < tcb->rcv.buf / STREAM_SHARE;
}

/* Text arrived in order: RFC 9293 SHLD-18 and SHLD-19. rcv.nxt has moved on. */
void toytcp_delack_text(struct tcb *tcb, const struct segment *seg, u64 now)
{
	u32 wait = tcb->interactive ? DELAYED_ACK : STREAM_ACK;
	u32 most = tcb->rcv.announced - toytcp_tcb_overhead(tcb);
	bool full = seg->len >= tcb->rcv.mss;

	tcb->rcv.mss = max_t(u16, tcb->rcv.mss, min(seg->len, most));
	tcb->rcv.since_tx += seg->len;
	tcb->rcv.ended = !!(seg->ctl & CTL_PSH);
	if (tcb->rcv.ended && tcb->rcv.pushed && seg->len % most)
		tcb->rcv.eager = 1;
	if (tcb->rcv.pushed < SMALLS_MOST)
		tcb->rcv.pushed += !full || seg->ctl & CTL_PSH;
	if (tcb->quickack ||
	    (tcb->rcv.nxt - tcb->rcv.acked >= 2u * tcb->rcv.mss &&
	     !left_to_reader(tcb))) {
		toytcp_delack_owe(tcb, CAUSE_TEXT);
	} else if (full && tcb->rcv.quick_acks) {
		tcb->rcv.quick_acks--;
		toytcp_delack_owe(tcb, CAUSE_TEXT);
	} else if (!tcb->deadline[TIMER_ACK]) {
		toytcp_deadline_set(tcb, TIMER_ACK, now + wait, now);
	}
}

/*
 * The window has at least doubled, so that a fast reader does not cause an ACK
 * for each read; or it has grown by a share of the buffer, and the sender of a
 * stream may be waiting for that at the other end of a long path.
 */
static bool must_update_window(const struct tcb *tcb)
{
	u32 growth = toytcp_window_growth(tcb);
	bool much = tcb->rcv.since_tx >= 2u * tcb->rcv.mss &&
		    !tcb->rcv.ended && growth >= tcb->rcv.buf / STREAM_SHARE;

	return growth && (much || growth >= tcb->rcv.adv - tcb->rcv.nxt);
}

/* All that arrived has been read, and its ACK is still being delayed. */
static bool is_drained(const struct tcb *tcb)
{
	return tcb->deadline[TIMER_ACK] && tcb->rcv.copied == tcb->rcv.nxt;
}

/*
 * More than a small request, which the reader is about to answer; or in a
 * stream, whose small segments grow while they wait for each other's ACK; only
 * an eager peer's do not before SMALLS_MOST wait. In a buffer smaller than a
 * segment, anything is: the sender may have no more room.
 */
static bool was_much(const struct tcb *tcb)
{
	u32 unacked = tcb->rcv.nxt - tcb->rcv.acked, mss = tcb->rcv.mss;
	bool messages = is_stream(tcb) ?
		tcb->rcv.eager && tcb->rcv.pushed >= SMALLS_MOST / 2 :
		tcb->rcv.pushed > 1;

	return messages || unacked > mss ||
	       (unacked == mss && tcb->rcv.since_tx >= 2 * mss &&
		!tcb->rcv.eager) ||
	       tcb->rcv.buf < tcb->rcv.announced;
}

/* The user has taken text, or the buffer has grown. */
void toytcp_delack_read(struct tcb *tcb)
{
	if (tcb->fin_received || !toytcp_tcb_in(tcb, STATES_RECEIVING))
		return;
	if (must_update_window(tcb))
		toytcp_delack_owe(tcb, CAUSE_WINDOW_UPDATE);
	else if (is_drained(tcb) && was_much(tcb))
		toytcp_delack_owe(tcb, CAUSE_RECEIVE);
}

/*
 * The user wants more text than there is. Who sleeps until it comes will not
 * answer before; who does not may still do, where answers are usual. In a
 * stream, and behind a full-sized segment that was not pushed, there is more on
 * its way; and a peer without Nagle's algorithm does not wait for the ACK.
 */
void toytcp_delack_wait(struct tcb *tcb, bool sleeps)
{
	if (is_drained(tcb) && tcb->rcv.pushed && !is_stream(tcb) &&
	    !tcb->rcv.eager && (sleeps || !tcb->interactive))
		toytcp_delack_owe(tcb, CAUSE_RECEIVE);
}

/* TIMER_ACK went off. */
void toytcp_delack_expire(struct tcb *tcb)
{
	toytcp_delack_owe(tcb, CAUSE_DELAYED_ACK);
	tcb->interactive = 0;	/* no text of ours came in time */
	tcb->rcv.eager = 0;	/* in case it did wait */
}

/*
 * New text of ours goes out. Called before the ACK that goes with it. If an ACK
 * was owed, this text answers the peer's: waiting for the next answer is worth
 * while.
 */
void toytcp_delack_text_sent(struct tcb *tcb, u32 n)
{
	if (n && tcb->rcv.acked != tcb->rcv.nxt)
		tcb->interactive = 1;
	tcb->rcv.since_tx = 0;
}

/* An ACK of RCV.NXT goes out, alone or with text. */
void toytcp_delack_sent(struct tcb *tcb)
{
	tcb->rcv.acked = tcb->rcv.nxt;
	tcb->rcv.pushed = 0;
	tcb->ack_now = CAUSE_NONE;
	tcb->deadline[TIMER_ACK] = 0;
}

/*
 * More segments are waiting: delay the ACK. Called right after
 * toytcp_arrives(). Segments in order that waited together are acknowledged
 * together, as if they were one large segment. Text out of order is
 * acknowledged at once, and so is a FIN: that ACK may be the last thing the
 * connection does. Returns whether toytcp_delack_release() is to be called once
 * nothing waits.
 */
bool toytcp_delack_hold(struct tcb *tcb, const struct actions *act)
{
	if (!act->ready || !tcb->ack_now || tcb->fin_received)
		return false;
	tcb->ack_now = CAUSE_NONE;
	return true;
}

/*
 * Nothing waits any more. Returns whether an ACK is owed now; text may have
 * carried it meanwhile.
 */
bool toytcp_delack_release(struct tcb *tcb)
{
	if (tcb->rcv.acked == tcb->rcv.nxt)
		return false;
	toytcp_delack_owe(tcb, CAUSE_TEXT);
	return true;
}

/* TCP_QUICKACK. @on: acknowledge everything at once; else delay from now on. */
void toytcp_delack_quick(struct tcb *tcb, bool on)
{
	tcb->quickack = on;
	tcb->rcv.quick_acks = 0;
	if (on && tcb->deadline[TIMER_ACK])
		toytcp_delack_owe(tcb, CAUSE_DELAYED_ACK);
}
