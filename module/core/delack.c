// SPDX-License-Identifier: GPL-2.0
/*
 * When an acknowledgement goes out: RFC 9293 section 3.8.6.3 and RFC 5681
 * section 4.2. Every rule about it is here; other files report what happened.
 *
 * An ACK is owed at once (tcb.ack_now has the clause), or will be when TIMER_ACK
 * goes off. Either ends when a segment with an ACK goes out, be it text.
 *
 * 1. At once: whatever is out of order, old, outside the window or forged; a
 *    FIN; a closed gap; a CE mark. What is merely useless has a limit.
 * 2. Of text in order: the first few full-sized segments, then every second.
 * 3. Everything else waits: for an answer of the user's to ride on, or for the
 *    timer. Where answers are usual the timer is long, else short.
 * 4. A stream that comes faster than it is read is acknowledged by its reader.
 * 5. A reader acknowledges when the window has grown by something worth while,
 *    and when a stream has been read to its end.
 * 6. Segments in order that waited together for the socket lock are acknowledged
 *    together, though each by itself would have been at once.
 */
#include "arrival.h"
#include "seq.h"

/**
 * toytcp_delack_owe() - an ACK goes out at once
 * @tcb: the connection
 * @cause: the clause that asks for it
 */
void toytcp_delack_owe(struct tcb *tcb, enum cause cause)
{
	tcb->ack_now = cause;
}

/**
 * toytcp_delack_challenge() - an ACK that answers a useless segment
 * @a: the segment
 * @cause: the clause that asks for the ACK
 *
 * Two hosts that each find the other's ACKs useless must not answer each other
 * for ever (RFC 5961 section 7), so for segments with neither text nor FIN
 * there is a limit, for each connection its own.
 */
void toytcp_delack_challenge(struct arrival *a, enum cause cause)
{
	struct tcb *tcb = a->tcb;

	if (!a->seg->len && !(a->seg->ctl & CTL_FIN) && tcb->challenged &&
	    (u32)a->now - tcb->challenged < CHALLENGE_GAP)
		return;
	tcb->challenged = (u32)a->now;
	toytcp_delack_owe(tcb, cause);
}

/*
 * A stream comes faster than it is read. The reader will acknowledge all that it
 * finds at once (toytcp_delack_read()); if it does not come, the timer does it:
 * the short one, for nothing shorter than the peer's tail loss probe will do. So
 * ACKs become fewer as the load grows.
 */
static bool left_to_reader(const struct tcb *tcb, bool unread)
{
	return unread && !tcb->answers && tcb->streak >= STREAM_SEGMENTS &&
	       tcb->rcv.nxt - tcb->rcv.acked < tcb->rcv.buf / STREAM_SHARE;
}

/**
 * toytcp_delack_text() - text arrived in order: RFC 9293 SHLD-18 and SHLD-19
 * @tcb: the connection; rcv.nxt has moved on
 * @len: bytes of the segment
 * @unread: text that came before is still waiting for the user
 * @now: microseconds
 */
void toytcp_delack_text(struct tcb *tcb, u32 len, bool unread, u64 now)
{
	bool full = len >= tcb->rcv.mss;

	tcb->rcv.mss = max_t(u16, tcb->rcv.mss,
			     min_t(u32, len, tcb->rcv.announced -
				   toytcp_tcb_overhead(tcb)));
	if (full && tcb->streak < 255)
		tcb->streak++;
	if (tcb->quickack ||
	    (tcb->rcv.nxt - tcb->rcv.acked >= 2u * tcb->rcv.mss &&
	     !left_to_reader(tcb, unread))) {
		toytcp_delack_owe(tcb, CAUSE_TEXT);
	} else if (full && tcb->quick_acks) {
		tcb->quick_acks--;
		toytcp_delack_owe(tcb, CAUSE_TEXT);
	} else if (!tcb->deadline[TIMER_ACK]) {
		toytcp_deadline_set(tcb, TIMER_ACK, now +
				    (tcb->answers ? DELAYED_ACK : STREAM_ACK),
				    now);
	}
}

/*
 * The window has grown by something worth while, and has at least doubled: a
 * fast reader does not cause an ACK for each read. A stream may be waiting for
 * it at the other end of a long path.
 */
static bool window_is_news(const struct tcb *tcb)
{
	u32 growth = toytcp_window_growth(tcb);
	bool much = tcb->streak > 1 && growth >= tcb->rcv.buf / STREAM_SHARE;

	return growth && (much || growth >= tcb->rcv.adv - tcb->rcv.nxt);
}

/*
 * A stream, rather than requests that will be answered, has been read to its
 * end so far, and the ACK of a full-sized segment is still being delayed. With
 * Nagle's algorithm the sender may be waiting for just that one.
 */
static bool stream_is_drained(const struct tcb *tcb)
{
	return tcb->streak > 1 && tcb->deadline[TIMER_ACK] &&
	       tcb->rcv.copied == tcb->rcv.nxt &&
	       tcb->rcv.nxt - tcb->rcv.acked >= tcb->rcv.mss;
}

/**
 * toytcp_delack_read() - the user has taken text, or the buffer has grown
 * @tcb: the connection
 */
void toytcp_delack_read(struct tcb *tcb)
{
	if (tcb->fin_received || !toytcp_tcb_in(tcb, STATES_RECEIVING))
		return;
	if (window_is_news(tcb))
		toytcp_delack_owe(tcb, CAUSE_WINDOW_UPDATE);
	else if (stream_is_drained(tcb))
		toytcp_delack_owe(tcb, CAUSE_RECEIVE);
}

/**
 * toytcp_delack_expire() - TIMER_ACK went off
 * @tcb: the connection
 */
void toytcp_delack_expire(struct tcb *tcb)
{
	toytcp_delack_owe(tcb, CAUSE_DELAYED_ACK);
	tcb->answers = 0;	/* the wait for one was useless */
}

/**
 * toytcp_delack_text_sent() - new text of ours goes out
 * @tcb: the connection, before the ACK that goes with the text
 * @n: bytes
 *
 * If an ACK was due, the user has answered: the next answer is worth waiting for.
 */
void toytcp_delack_text_sent(struct tcb *tcb, u32 n)
{
	if (n && tcb->rcv.acked != tcb->rcv.nxt)
		tcb->answers = 1;
	tcb->streak = 0;
}

/**
 * toytcp_delack_sent() - an ACK of RCV.NXT goes out, alone or with text
 * @tcb: the connection
 */
void toytcp_delack_sent(struct tcb *tcb)
{
	tcb->rcv.acked = tcb->rcv.nxt;
	tcb->ack_now = CAUSE_NONE;
	tcb->deadline[TIMER_ACK] = 0;
}

/**
 * toytcp_delack_hold() - more segments are waiting: put the ACK off
 * @tcb: the connection, right after toytcp_arrives()
 * @act: what that gave
 *
 * What waited together, in order, is acknowledged together, as if it had come as
 * one large segment. Text out of order is told of at once, and so is a FIN, whose
 * ACK may be the last thing the connection does.
 *
 * Return: whether toytcp_delack_release() is to be called once nothing waits.
 */
bool toytcp_delack_hold(struct tcb *tcb, const struct actions *act)
{
	if (!act->ready || !tcb->ack_now || tcb->fin_received)
		return false;
	tcb->ack_now = CAUSE_NONE;
	return true;
}

/**
 * toytcp_delack_release() - nothing waits any more
 * @tcb: the connection
 *
 * Return: whether an ACK is owed now; text may have carried it meanwhile.
 */
bool toytcp_delack_release(struct tcb *tcb)
{
	if (tcb->rcv.acked == tcb->rcv.nxt)
		return false;
	toytcp_delack_owe(tcb, CAUSE_TEXT);
	return true;
}

/**
 * toytcp_delack_quick() - TCP_QUICKACK
 * @tcb: the connection
 * @on: acknowledge everything at once; or delay from now on
 */
void toytcp_delack_quick(struct tcb *tcb, bool on)
{
	tcb->quickack = on;
	tcb->quick_acks = 0;
	if (on && tcb->deadline[TIMER_ACK])
		toytcp_delack_owe(tcb, CAUSE_DELAYED_ACK);
}
