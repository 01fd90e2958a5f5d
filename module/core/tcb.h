/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The transmission control block: all that the protocol knows of a connection.
 *
 * Named as RFC 9293 section 3.3.1 names it: SND.UNA is snd.una, RCV.NXT is
 * rcv.nxt. Each sequence variable is defined by an identity below; where two
 * of them stand beside each other, they are ordered as the identity says.
 */
#ifndef TOYTCP_CORE_TCB_H
#define TOYTCP_CORE_TCB_H

#include "cause.h"
#include "congestion.h"
#include "deadline.h"
#include "limits.h"
#include "reassembly.h"
#include "recovery.h"
#include "rtt.h"
#include "scoreboard.h"
#include "stamp.h"

/**
 * struct send_space - the send sequence space, RFC 9293 section 3.3.1
 * @iss: initial send sequence number: the SYN's own
 * @una: oldest number not yet acknowledged
 * @nxt: next number to be sent for the first time
 * @end: one past the last byte the user has sent; a FIN has this number
 * @wnd: the peer's window counted from @una, bytes, scaled
 * @up: one past the last urgent byte; @una, or a number before it, if none is
 *	outstanding
 * @wl1: SEG.SEQ of the last window update
 * @wl2: SEG.ACK of the last window update
 * @max_wnd: the largest window the peer has offered, bytes
 * @small: one past the last segment sent that was not full: Nagle's algorithm
 * @mss: largest text of a segment, bytes: RFC 9293's Eff.snd.MSS
 * @mss_max: what both ends accept, options included, bytes; @mss may be lower
 *	because of the path
 * @mss_former: the size of segments before a black hole made them smaller,
 *	bytes of text and options; 0: it did not, or the size is restored
 * @wscale: shift of the windows the peer sends
 * @mss_trials: how often @mss_former was tried, up to BLACKHOLE_DOUBLINGS
 * @smalls: segments sent that were not full, since none of those was outstanding
 *
 * una <= nxt <= end, or end + 1 once a FIN was sent.
 */
struct send_space {
	u32 iss;
	u32 una;
	u32 nxt;
	u32 end;
	u32 wnd;
	u32 up;
	u32 wl1;
	u32 wl2;
	u32 max_wnd;
	u32 small;
	u16 mss;
	u16 mss_max;
	u16 mss_former;
	u8 wscale;
	u8 mss_trials : 4;
	u8 smalls : 4;
};

/**
 * struct receive_space - the receive sequence space, RFC 9293 section 3.3.1
 * @irs: initial receive sequence number: the peer's SYN
 * @copied: next byte the user will read; copied <= nxt
 * @nxt: next number expected
 * @dsack: first number of the duplicate to report (DSACK, RFC 2883)
 * @adv: one past the last number the peer may send: the furthest RCV.NXT +
 *	RCV.WND ever announced. Never goes back (RFC 9293 SHLD-14)
 * @acked: the RCV.NXT of the last ACK that was sent
 * @up: the mark: the last urgent byte, if @urgent says that there is one
 * @buf: the receive buffer, bytes of text
 * @since_tx: text that arrived in order since we last sent any, bytes, modulo 2^32
 * @mss: the largest text seen, at most what was announced, bytes: the
 *	"full-sized segment" of RFC 9293 SHLD-18
 * @announced: the MSS option we sent or will send, bytes
 * @dsack_len: its length, bytes; 0: none to report
 * @wscale: shift of the windows we send
 * @urgent: URGENT_*: what became of the byte at @up
 * @pushed: segments since the last ACK that were pushed or not full, few
 * @quick_acks: how many more full-sized segments are acknowledged at once
 * @oob_inline: urgent bytes stay among the others (SO_OOBINLINE)
 * @eager: the peer's small segments do not wait for ACKs (TCP_NODELAY)
 * @ended: the last segment was pushed: the peer has nothing more to send
 */
struct receive_space {
	u32 irs;
	u32 copied;
	u32 nxt;
	u32 dsack;
	u32 adv;
	u32 acked;
	u32 up;
	u32 buf;
	u32 since_tx;
	u16 mss;
	u16 announced;
	u16 dsack_len;
	u8 wscale;
	u8 urgent;
	u8 pushed;
	u8 quick_acks;
	u8 oob_inline : 1;
	u8 eager : 1;
	u8 ended : 1;
};

#define URGENT_NONE	0	/* there is no mark, or it was passed */
#define URGENT_AWAITED	1	/* announced; the byte has not come yet */
#define URGENT_ARRIVED	2	/* the caller has it */
#define URGENT_READ	3	/* the user has read it; the mark remains */

/**
 * struct tcb - transmission control block
 * @deadline: when each timer goes off, in ticks, rounded up so that none is
 *	early: the low 32 bits; 0 if it is not set
 * @deadline_base: when one was last set, in units of 2^20 microseconds: from it
 *	follow the high bits
 * @heard: when the peer's last acceptable ACK arrived, microseconds
 * @progress: when the oldest outstanding number was first sent, or last moved
 *	on, microseconds: the user timeout counts from here
 * @bytes_acked: numbers the peer has acknowledged beyond our SYN
 * @bytes_received: text received in order, bytes
 * @snd: send sequence space
 * @rcv: receive sequence space
 * @ooo: text beyond rcv.nxt
 * @board: what is outstanding
 * @rtt: round-trip estimation
 * @rack: loss detection
 * @prr: the rate in fast recovery
 * @undo: whether it was needed, if @undoable
 * @cc: congestion control
 * @ts: timestamps, if @timestamps
 * @ts_taken: when ts.recent was taken, in units of 2^20 microseconds
 * @ecn_high: SND.NXT when a mark last reduced cwnd; kept close to SND.UNA
 * @challenged: when a useless segment was last answered, as
 *	toytcp_policy_answer() returned it
 * @mss_proven: the smaller size that got through; 0: none yet
 * @mss_since: when it did, or @mss_former was last tried, microseconds, 32 bits
 * @retransmits: segments retransmitted, except SYN,ACKs for a repeated SYN
 * @gso_goal: the largest text of a super-segment, bytes: the caller or
 *	segmentation offload cuts it into segments of snd.mss
 * @user_timeout: milliseconds without progress until ETIMEDOUT; 0: count
 *	retransmissions instead
 * @keep_idle: seconds of silence before the first keep-alive probe
 * @keep_interval: seconds between probes
 * @fin_wait_2: seconds an orphan stays in FIN-WAIT-2; 0: it is reset instead
 * @state: TCP_ESTABLISHED..., changed by toytcp_tcb_set_state() alone
 * @ack_now: an ACK is owed at once, by this clause (enum cause); CAUSE_NONE:
 *	none is
 * @syn_retries: how often a SYN is retransmitted
 * @keep_count: unanswered probes until ETIMEDOUT
 * @probes: keep-alive or window probes sent since the peer was last heard
 * @tries: timeouts, or probes of a closed window, since the peer last
 *	acknowledged anything new
 * @fin_queued: the user has closed: a FIN stands at snd.end
 * @fin_sent: that FIN was sent at least once
 * @fin_received: the peer's FIN stands before rcv.nxt
 * @probe: send the next number, whatever the window and Nagle say
 * @syn_pending: send the SYN, for the first time or again
 * @keep_probe: send a keep-alive probe
 * @nodelay: no Nagle algorithm (TCP_NODELAY)
 * @held: send no text: too much of it waits in this host
 * @cork: hold incomplete segments back (TCP_CORK, MSG_MORE)
 * @quickack: never delay an ACK (TCP_QUICKACK)
 * @keepalive: keep-alive is on (SO_KEEPALIVE)
 * @orphan: the user has closed the socket: nobody reads, retries are fewer
 * @scaled: both sides scale their windows
 * @interactive: our last text answered the peer's: an ACK may ride on the next
 * @timestamps: each segment carries them; in SYN-SENT: our SYN offers to
 * @ecn: both sides speak ECN; in SYN-SENT: our SYN asks for it
 * @ecn_echo: a mark arrived: every ACK says so
 * @ecn_seen: an ECN-capable segment arrived: the path lets ECN through
 * @ecn_reduced: the next new text carries CWR
 * @ecn_slowed: a mark reduced cwnd, and @ecn_high is not acknowledged yet
 * @sack_ok: both sides speak SACK; in SYN-SENT: our SYN offers it
 * @timed_out: what was outstanding at the last timeout, up to cc.recover, is
 *	not all acknowledged yet
 * @frto: that timeout had no other sign of loss before it: it may be spurious.
 *	FRTO_*: which ACK F-RTO waits for
 * @partial_acked: NewReno: a partial ACK has come in this fast recovery
 * @undoable: the last reduction of cwnd may turn out to be spurious
 * @redial: REDIAL_*: a SYN follows our reset, in SYN-SENT
 * @mss_innocent: the last timeout was of a smaller segment: an outage
 */
struct tcb {
	u32 deadline[TIMERS];
	u32 deadline_base;
	u64 heard;
	u64 progress;
	u64 bytes_acked;
	u64 bytes_received;
	struct send_space snd;
	struct receive_space rcv;
	u32 ts_taken;
	struct reassembly ooo;
	struct scoreboard board;
	struct round_trip rtt;
	struct rack rack;
	struct prr prr;
	struct undo undo;
	struct congestion cc;
	struct timestamps ts;
	u32 ecn_high;
	u32 challenged;
	u32 mss_since;
	u16 mss_proven;
	u32 retransmits;
	u32 gso_goal;
	u32 user_timeout;
	u16 keep_idle;
	u16 keep_interval;
	u16 fin_wait_2;
	u8 state;
	u8 ack_now;
	u8 syn_retries;
	u8 keep_count;
	u8 probes;
	u8 tries;
	u8 fin_queued : 1;
	u8 fin_sent : 1;
	u8 fin_received : 1;
	u8 probe : 1;
	u8 syn_pending : 1;
	u8 keep_probe : 1;
	u8 nodelay : 1;
	u8 cork : 1;
	u8 held : 1;
	u8 quickack : 1;
	u8 keepalive : 1;
	u8 orphan : 1;
	u8 scaled : 1;
	u8 interactive : 1;
	u8 timestamps : 1;
	u8 ecn : 1;
	u8 ecn_echo : 1;
	u8 ecn_reduced : 1;
	u8 ecn_slowed : 1;
	u8 ecn_seen : 1;
	u8 sack_ok : 1;
	u8 timed_out : 1;
	u8 frto : 2;
	u8 undoable : 1;
	u8 partial_acked : 1;
	u8 mss_innocent : 1;
	u8 redial : 2;
};

#define REDIAL_NONE	0
#define REDIAL_SOON	1
#define REDIAL_DONE	2	/* until the next timeout */

#define FRTO_OFF	0
#define FRTO_FIRST	1	/* RFC 5682 section 3.1, step 2 */
#define FRTO_SECOND	2	/* step 3 */

#define STATES_SYN	(TCPF_SYN_SENT | TCPF_SYN_RECV)

/* Small is the point: a cache line more needs a reason. */
static_assert(sizeof(struct tcb) <= 432, "struct tcb has grown");

const char *toytcp_tcb_state_name(u8 state);

/** toytcp_tcb_flight() - FlightSize of RFC 5681: numbers outstanding */
static inline u32 toytcp_tcb_flight(const struct tcb *tcb)
{
	return tcb->snd.nxt - tcb->snd.una;
}

/** toytcp_tcb_overhead() - bytes of options in every segment but a SYN */
static inline u32 toytcp_tcb_overhead(const struct tcb *tcb)
{
	return tcb->timestamps ? TIMESTAMPS_ROOM : 0;
}

/** toytcp_tcb_mss() - bytes of text and options in a full segment */
static inline u32 toytcp_tcb_mss(const struct tcb *tcb)
{
	return tcb->snd.mss + toytcp_tcb_overhead(tcb);
}

/** toytcp_tcb_unsent() - bytes the user has sent that never went out */
static inline u32 toytcp_tcb_unsent(const struct tcb *tcb)
{
	return tcb->snd.end + tcb->fin_sent - tcb->snd.nxt;
}

/** toytcp_tcb_unread() - bytes received and not read, an urgent one included */
static inline u32 toytcp_tcb_unread(const struct tcb *tcb)
{
	return tcb->rcv.nxt - tcb->rcv.copied - tcb->fin_received;
}

/** toytcp_tcb_in() - is the state one of a set of TCPF_* bits? */
static inline bool toytcp_tcb_in(const struct tcb *tcb, u32 states)
{
	return states >> tcb->state & 1;
}

#endif /* TOYTCP_CORE_TCB_H */
