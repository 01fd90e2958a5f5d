// SPDX-License-Identifier: GPL-2.0
/*
 * What to send next.
 *
 * Each call of toytcp_emit_next() describes one segment and counts it as sent.
 * If the caller cannot transmit it, for lack of memory for example, that is a
 * loss like any other.
 *
 * In order: the SYN; retransmissions; a window probe; new text and the FIN; a
 * keep-alive probe; a bare ACK.
 */
#include "internal.h"
#include "seq.h"

#define STATES_TEXT	(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | \
			 TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK)
#define STATES_NONE	(TCPF_CLOSE | TCPF_LISTEN)

/* The segment carries an ACK, alone or with text. */
static void acknowledge(struct tcb *tcb, struct segment *seg)
{
	seg->ctl |= CTL_ACK | (tcb->ecn_echo ? CTL_ECE : 0);
	seg->ack = tcb->rcv.nxt;
	seg->wnd = toytcp_window_announce(tcb);
	toytcp_delack_sent(tcb);
}

/* Something arrived out of order, or twice: SACK or DSACK. */
static bool has_sacks(const struct tcb *tcb)
{
	return tcb->sack_ok && (tcb->ooo.ranges || tcb->rcv.dsack_len);
}

/* SACK, RFC 2018 section 4; first the duplicate, RFC 2883 section 4. */
static void put_sacks(struct tcb *tcb, struct segment *seg)
{
	u32 n = 0, room = tcb->timestamps ? SACKS_MAX - 1 : SACKS_MAX;

	if (!has_sacks(tcb))
		return;
	if (tcb->rcv.dsack_len) {
		seg->sack[0].from = tcb->rcv.dsack;
		seg->sack[0].to = tcb->rcv.dsack + tcb->rcv.dsack_len;
		tcb->rcv.dsack_len = 0;
		n++;
	}
	seg->sacks = (u8)(n + toytcp_reassembly_report(&tcb->ooo, seg->sack + n,
						       room - n));
}

/*
 * Numbers go out for the first time, and their timers start. Text that waited
 * for a closed window is timed already: arm_persist().
 */
static void advance(struct tcb *tcb, u32 seq, u64 now)
{
	if (tcb->snd.nxt == tcb->snd.una &&
	    (!tcb->deadline[TIMER_PERSIST] || tcb->snd.wnd))
		tcb->progress = now;
	tcb->snd.nxt = seq;
	toytcp_rtt_start(&tcb->rtt, seq, now);
	toytcp_deadline_sent(tcb, now);
}

static bool emit_syn(struct tcb *tcb, u64 now, struct segment *seg)
{
	if (!tcb->syn_pending)
		return false;
	tcb->syn_pending = 0;
	seg->seq = tcb->snd.iss;
	seg->ctl = CTL_SYN;
	seg->options = HAS_MSS;
	seg->mss = tcb->rcv.announced;
	/* In a SYN,ACK only if the peer's SYN offered to scale. */
	if (tcb->state == TCP_SYN_SENT || tcb->scaled) {
		seg->options |= HAS_WSCALE;
		seg->wscale = tcb->rcv.wscale;
	}
	if (tcb->sack_ok)
		seg->options |= HAS_SACK_OK;
	if (tcb->state == TCP_SYN_RECV) {
		acknowledge(tcb, seg);
		seg->ctl |= tcb->ecn ? CTL_ECE : 0;
	} else if (tcb->ecn && !tcb->retransmits) {
		/* RFC 3168 6.1.1.1: some drop such a SYN, so only the first. */
		seg->ctl |= CTL_ECE | CTL_CWR;
	}
	/* The window of a SYN is never scaled: RFC 7323 section 2.2. */
	seg->wnd = min_t(u32, tcb->rcv.adv - tcb->rcv.nxt, 65535);
	if (tcb->snd.nxt == tcb->snd.iss)
		advance(tcb, tcb->snd.iss + 1, now);
	return true;
}

/* Text [seq, seq + n), and the FIN if it follows and @fin allows it. */
static void describe(struct tcb *tcb, struct segment *seg, u32 from, u32 n,
		     bool fin)
{
	u8 owed = tcb->ack_now;

	seg->seq = from;
	seg->len = n;
	/* RFC 9293 MUST-61: the last of what is queued is pushed. */
	if (n && from + n == tcb->snd.end)
		seg->ctl |= CTL_PSH;
	if (fin && from + n == tcb->snd.end)
		seg->ctl |= CTL_FIN;
	acknowledge(tcb, seg);
	/* Beside text there is no room for SACKs: a bare ACK follows. */
	if (has_sacks(tcb))
		toytcp_delack_owe(tcb, owed);
}

/* How much both windows allow from number @from on. */
static u32 room_from(const struct tcb *tcb, u32 from)
{
	u32 pipe = toytcp_recovery_pipe(tcb), used = from - tcb->snd.una;
	u32 cwnd = tcb->cc.cwnd, wnd = tcb->snd.wnd;

	return cwnd > pipe && wnd > used ? min(cwnd - pipe, wnd - used) : 0;
}

/*
 * The largest super-segment. Urgent text goes out in single segments: the
 * pointer of a larger one would not be right for its parts.
 */
static u32 goal(const struct tcb *tcb)
{
	return toytcp_urgent_pending(tcb) ? tcb->snd.mss : tcb->gso_goal;
}

/* At most one super-segment, in full segments. */
static u32 round_to_mss(const struct tcb *tcb, u32 n)
{
	n = min(n, goal(tcb));
	return n - n % tcb->snd.mss;
}

/* Retransmit what is lost; if the window is closed, as a probe. */
static bool emit_lost(struct tcb *tcb, u64 now, struct segment *seg)
{
	struct sent_record *r = toytcp_scoreboard_lost(&tcb->board);
	u32 from, text, n;

	if (!r || (!tcb->snd.wnd && !tcb->probe))
		return false;
	seg->cause = tcb->snd.wnd ? r->cause : CAUSE_PROBE;
	tcb->probe = 0;
	from = r->seq;
	text = seq_min(toytcp_scoreboard_lost_end(r, goal(tcb)),
		       tcb->snd.nxt - tcb->fin_sent) - from;
	n = min(text, room_from(tcb, from));
	if (n < text || n > goal(tcb))
		n = round_to_mss(tcb, n);
	/* The first one and a tail loss probe ignore cwnd. */
	if (from == tcb->snd.una || tcb->rack.probing)
		n = max_t(u32, n, min_t(u32, text, tcb->snd.wnd ?
					tcb->snd.mss : 1));
	if (!n && text)
		return false;
	describe(tcb, seg, from, n, tcb->fin_sent);
	toytcp_recovery_retransmitted(tcb, from, n, now);
	toytcp_scoreboard_retransmit(&tcb->board, r,
				     from + toytcp_segment_length(seg), now);
	return true;
}

/*
 * Nagle's algorithm (RFC 9293 SHLD-7) allows one of these at a time (Minshall's
 * variant). A full one does not count, or the end of each message would wait for
 * an ACK that is delayed. snd.small may be older than half the numbers.
 */
static bool is_small_outstanding(const struct tcb *tcb)
{
	return seq_after(tcb->snd.small, tcb->snd.una) &&
	       !seq_after(tcb->snd.small, tcb->snd.nxt);
}

/*
 * Nagle's algorithm for super-segments: two full segments are outstanding, or
 * many small ones where it is off, so an ACK comes without delay, and soon. More
 * text may be there by then.
 */
static bool may_fill_up(const struct tcb *tcb)
{
	bool enough = tcb->nodelay ?
		tcb->snd.smalls >= SMALLS_MOST && is_small_outstanding(tcb) :
		toytcp_tcb_flight(tcb) >= 2u * tcb->snd.mss;

	return enough && tcb->rtt.srtt && tcb->rtt.srtt < DEFER_RTT_MAX;
}

/*
 * How much new text to send: the sender's side of the silly window syndrome,
 * RFC 9293 section 3.8.6.2.1.
 */
static u32 sendable(const struct tcb *tcb, u32 unsent)
{
	u32 room = room_from(tcb, tcb->snd.nxt), n = min(unsent, room);
	bool wait = tcb->cork || (!tcb->nodelay && is_small_outstanding(tcb));

	if (n > goal(tcb))
		return round_to_mss(tcb, n);
	if (n == unsent && (tcb->fin_queued || toytcp_urgent_pending(tcb)))
		return n;
	if (n == unsent && n < goal(tcb) && may_fill_up(tcb))
		return 0;
	if (n == unsent)
		return wait && n % tcb->snd.mss ? round_to_mss(tcb, n) : n;
	if (n >= tcb->snd.mss)
		return round_to_mss(tcb, n);
	/* (3): half the largest window the peer ever offered. */
	return n >= tcb->snd.max_wnd / 2 && room >= tcb->snd.wnd ? n : 0;
}

/*
 * RFC 5681 section 4.1. Everything was acknowledged at tcb.progress, so the
 * last transmission is older; segments that arrived since say nothing about the
 * path to the peer.
 */
static void notice_pause(struct tcb *tcb, u64 now)
{
	if (tcb->snd.nxt == tcb->snd.una &&
	    now - tcb->progress > toytcp_rtt_timeout(&tcb->rtt))
		toytcp_congestion_idle(tcb);
}

static void send_new(struct tcb *tcb, u64 now, struct segment *seg, u32 n,
		     bool fin)
{
	u32 from = tcb->snd.nxt;

	notice_pause(tcb, now);
	toytcp_delack_text_sent(tcb, n);
	describe(tcb, seg, from, n, fin);
	tcb->prr.sent += n;
	if (n % tcb->snd.mss) {
		tcb->snd.smalls = is_small_outstanding(tcb) ?
			min(tcb->snd.smalls + 1, SMALLS_MOST) : 1;
		tcb->snd.small = from + n;
	}
	if (fin)
		tcb->fin_sent = 1;
	/* RTT / 16: short beside the reordering window, but few records. */
	toytcp_scoreboard_send(&tcb->board, from, from + n + fin, now,
			       tcb->rtt.srtt / 16, tcb->snd.mss);
	advance(tcb, from + n + fin, now);
	toytcp_rack_arm(tcb, now, 0);
}

static bool emit_new(struct tcb *tcb, u64 now, struct segment *seg)
{
	u32 unsent = toytcp_tcb_unsent(tcb);
	u32 n = unsent ? sendable(tcb, unsent) : 0;
	u32 after = tcb->snd.nxt + n;
	/* The FIN takes room in the peer's window, but not in cwnd. */
	bool fin = tcb->fin_queued && !tcb->fin_sent &&
		   after == tcb->snd.end &&
		   after - tcb->snd.una < tcb->snd.wnd;

	if ((!n && !fin) || !toytcp_scoreboard_has_room(&tcb->board))
		return false;
	/* In recovery, PRR decides how much goes out. */
	if (n && tcb->cc.recovering)
		seg->cause = CAUSE_PRR;
	send_new(tcb, now, seg, n, fin);
	toytcp_ecn_mark(tcb, seg);
	return true;
}

/*
 * RFC 9293 section 3.8.6.1: one octet beyond a closed window; or as much as a
 * small window takes, as ordinary text.
 */
static bool emit_probe(struct tcb *tcb, u64 now, struct segment *seg)
{
	u32 n = clamp_t(u32, tcb->snd.wnd, 1, tcb->snd.mss);
	u32 text = tcb->snd.end - tcb->snd.una;

	if (!tcb->probe)
		return false;
	tcb->probe = 0;
	if (tcb->snd.nxt != tcb->snd.una || tcb->fin_sent ||
	    (!text && !tcb->fin_queued) ||
	    !toytcp_scoreboard_has_room(&tcb->board))
		return false;
	n = min(n, text);
	send_new(tcb, now, seg, n, tcb->fin_queued && n == text);
	return true;
}

/*
 * The number of a segment without text: ACK or RST. Returns SND.NXT; but the
 * edge of the window if that has moved back, or only a probe went beyond it:
 * the peer would discard the segment. Less than a unit of the window scale does
 * not count (RFC 7323 section 2.4). If the peer answers no probe, it may have
 * accepted one and expect SND.NXT: so every second time.
 */
u32 toytcp_emit_number(const struct tcb *tcb)
{
	u32 edge = tcb->snd.una + tcb->snd.wnd;
	u32 rounded = tcb->snd.wnd ? (1u << tcb->snd.wscale) - 1 : 0;

	if (toytcp_tcb_in(tcb, STATES_SYN) ||
	    !seq_after(tcb->snd.nxt, edge + rounded) ||
	    (tcb->probes && tcb->probes % 2 == 0))
		return tcb->snd.nxt;
	return edge;
}

/* A number already acknowledged makes the peer answer: RFC 9293 3.8.4. */
static bool emit_keep_probe(struct tcb *tcb, struct segment *seg)
{
	if (!tcb->keep_probe)
		return false;
	tcb->keep_probe = 0;
	seg->cause = CAUSE_KEEP_ALIVE;
	seg->seq = tcb->snd.nxt - 1;
	acknowledge(tcb, seg);
	return true;
}

static bool emit_ack(struct tcb *tcb, struct segment *seg)
{
	if (!tcb->ack_now)
		return false;
	seg->cause = tcb->ack_now;
	seg->seq = toytcp_emit_number(tcb);
	acknowledge(tcb, seg);
	put_sacks(tcb, seg);
	return true;
}

/*
 * Nothing is outstanding, but text or a FIN waits for the window, or for more
 * text to fill a segment: the persist timer limits the wait.
 */
static void arm_persist(struct tcb *tcb, u64 now)
{
	u32 wait = tcb->snd.wnd ? OVERRIDE : toytcp_rtt_timeout(&tcb->rtt);

	if (tcb->deadline[TIMER_PERSIST] || tcb->snd.nxt != tcb->snd.una ||
	    (!toytcp_tcb_unsent(tcb) && (!tcb->fin_queued || tcb->fin_sent)))
		return;
	notice_pause(tcb, now);
	tcb->progress = now;
	toytcp_deadline_persist(tcb, now, wait);
}

static bool emit_text(struct tcb *tcb, u64 now, struct segment *seg)
{
	if (tcb->held)	/* toytcp_emit_next() will be called when it has left */
		return false;
	/* F-RTO, step 2b: new text, if there is any; the next ACK decides. */
	if (tcb->frto == FRTO_SECOND && !tcb->probe) {
		bool sent = emit_new(tcb, now, seg);

		if (sent || seq_after(tcb->snd.nxt, tcb->cc.recover))
			return sent;
	}
	if (emit_lost(tcb, now, seg) || emit_probe(tcb, now, seg) ||
	    emit_new(tcb, now, seg))
		return true;
	arm_persist(tcb, now);
	return false;
}

/*
 * A quick test: is there nothing to send? Returns true if all text is sent,
 * none of it is known to be lost, and no ACK is owed.
 */
bool toytcp_emit_nothing(const struct tcb *tcb)
{
	return !toytcp_tcb_unsent(tcb) && tcb->fin_queued == tcb->fin_sent &&
	       !tcb->board.lost && !tcb->ack_now && !tcb->probe &&
	       !tcb->keep_probe && !tcb->syn_pending;
}

/*
 * A quick test for SEND: must all that is unsent wait? Returns true if an ACK will
 * come, for text that is outstanding, and nothing else is to be sent until then.
 */
bool toytcp_emit_waits(const struct tcb *tcb)
{
	return tcb->snd.nxt != tcb->snd.una && !tcb->ack_now && !tcb->probe &&
	       !tcb->board.lost && !sendable(tcb, toytcp_tcb_unsent(tcb));
}

/*
 * Describe the next segment to send. @cause: the clause that allows a SYN, a
 * probe or new text now: @sends of the event's struct actions. The text of @seg
 * is [seq, seq + len) of what the user sent; its @cause is why it goes out.
 * Returns true: transmit @seg and call again.
 */
bool toytcp_emit_next(struct tcb *tcb, u64 now, enum cause cause,
		      struct segment *seg)
{
	if (toytcp_tcb_in(tcb, STATES_NONE) || toytcp_emit_nothing(tcb))
		return false;
	memset(seg, 0, sizeof(*seg));
	seg->cause = cause;
	if (!(toytcp_tcb_in(tcb, STATES_SYN) && emit_syn(tcb, now, seg)) &&
	    !(toytcp_tcb_in(tcb, STATES_TEXT) && emit_text(tcb, now, seg)) &&
	    (tcb->state == TCP_SYN_SENT ||
	     (!emit_keep_probe(tcb, seg) && !emit_ack(tcb, seg))))
		return false;
	if (!(seg->ctl & CTL_SYN))
		toytcp_urgent_mark(tcb, seg);
	if (tcb->timestamps)
		toytcp_stamp_put(&tcb->ts, now, seg);
	toytcp_segment_measure(seg);
	return true;
}
