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
#include "port.h"
#include "reassembly.h"
#include "scoreboard.h"
#include "segment.h"

/* Limits and constants of the protocol: each stands here and nowhere else. */
#define MSEC		1000u		/* microseconds */
#define SECOND		1000000u	/* microseconds */

#define RTO_INITIAL	(1 * SECOND)	/* RFC 6298 (2.1) */
/*
 * RFC 6298 (2.4) says SHOULD one second. Like Linux and the BSDs we go lower,
 * but stay this much above the round trip, however steady that is: the peer
 * may delay its ACK. It stands for G, the clock's granularity, in (2.3).
 */
#define RTO_MARGIN	(200 * MSEC)
#define RTO_MAX		(120 * SECOND)	/* RFC 6298 (2.5): at least 60 s */
/* RFC 6298 (5.7): after a retransmitted SYN, data starts at three seconds. */
#define RTO_AFTER_SYN	(3 * SECOND)

#define DELAYED_ACK	(40 * MSEC)	/* RFC 9293 MUST-40: below 0.5 s */
#define STREAM_ACK	(4 * MSEC)	/* the same, not interactive */
#define STREAM_SEGMENTS	16		/* full-sized ones, none of ours between */
#define STREAM_SHARE	8		/* a share of rcv.buf, worth an ACK */
#define QUICK_ACKS	8		/* undelayed ACKs at the start */
#define OVERRIDE	(200 * MSEC)	/* RFC 9293 3.8.6.2.1: 0.1 to 1 s */
#define DEFER_RTT_MAX	(10 * MSEC)	/* short enough to wait for an ACK */
#define BLACKHOLE_TIMEOUTS 3		/* in a row, of large segments */
#define BLACKHOLE_MSS	984		/* fits 1024, RFC 4821 section 7.2 */
/* RFC 7323 section 5.5: 24 days, after which TS.Recent says nothing. */
#define PAWS_IDLE	((u32)(24ull * 86400 * SECOND >> 20))	/* 2^20 us */
/*
 * RFC 8985 section 7.2: a peer may delay its ACK of a last segment, and timers
 * are late; below PROBE_MIN the host may just be busy.
 */
#define PROBE_DELAY	(100 * MSEC)
#define PROBE_MIN	(20 * MSEC)
#define CHALLENGE_GAP	(500 * MSEC)	/* between ACKs of useless segments */

/* R2 as a number of retransmissions: 1+2+4...+64 s, and RTO_MAX at last. */
#define SYN_RETRIES	7		/* RFC 9293 MUST-23: at least 3 minutes */
#define DATA_RETRIES	15		/* RFC 9293 SHLD-11: at least 100 s */
#define ORPHAN_RETRIES	8
/* R1: after so many, the path may be to blame (RFC 9293 SHLD-10). */
#define ADVISE_RETRIES	3

#define KEEP_IDLE	7200		/* seconds, RFC 9293 MUST-28 */
#define KEEP_INTERVAL	75		/* seconds */
#define KEEP_COUNT	9
#define FIN_WAIT_2_MAX	60		/* seconds an orphan waits for the FIN */

#define DUPACKS		3		/* RFC 5681 section 3.2 */
#define INITIAL_WINDOW	10		/* segments, RFC 6928 */
#define CWND_MAX	(1u << 30)	/* bytes; keeps sums within 32 bits */
#define WINDOW_MAX	(1u << 30)	/* bytes, RFC 7323 section 2.3 */

/**
 * enum tcb_timer - what a connection may wait for
 * @TIMER_RTO: the retransmission timeout
 * @TIMER_PERSIST: the time to probe a closed window, or to send less than a
 *	full segment after all
 * @TIMER_LOSS: the reordering timer or the probe timeout of RFC 8985
 * @TIMER_ACK: a delayed acknowledgement
 * @TIMER_IDLE: keep-alive; for an orphan in FIN-WAIT-2, the end of patience
 * @TIMERS: how many there are
 */
enum tcb_timer {
	TIMER_RTO,
	TIMER_PERSIST,
	TIMER_LOSS,
	TIMER_ACK,
	TIMER_IDLE,
	TIMERS,
};

/*
 * Deadlines are 32 bits of a clock that ticks every 2^5 us. Half of its range,
 * 19 hours, spans the longest wait, 2^16 seconds; the kernel's timers are
 * coarser.
 */
#define TICK_SHIFT		5
#define DEADLINE_BASE_SHIFT	20
static_assert((65536ull * SECOND >> TICK_SHIFT) + (2u << 15) < 1u << 31,
	      "a deadline may be too far away");

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
 * @mss: largest text of a segment, bytes: RFC 9293's Eff.snd.MSS
 * @mss_max: what both ends accept, options included, bytes; @mss may be lower
 *	because of the path
 * @wscale: shift of the windows the peer sends
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
	u16 mss;
	u16 mss_max;
	u8 wscale;
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
 * @mss: the largest text seen, at most what was announced, bytes: the
 *	"full-sized segment" of RFC 9293 SHLD-18
 * @announced: the MSS option we sent or will send, bytes
 * @dsack_len: its length, bytes; 0: none to report
 * @wscale: shift of the windows we send
 * @urgent: URGENT_*: what became of the byte at @up
 * @full_segs_since_tx: full-sized segments since we last sent text, at most 255
 * @oob_inline: urgent bytes stay among the others (SO_OOBINLINE)
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
	u16 mss;
	u16 announced;
	u16 dsack_len;
	u8 wscale;
	u8 urgent;
	u8 full_segs_since_tx;
	bool oob_inline;
};

#define URGENT_NONE	0	/* there is no mark, or it was passed */
#define URGENT_AWAITED	1	/* announced; the byte has not come yet */
#define URGENT_ARRIVED	2	/* the caller has it */
#define URGENT_READ	3	/* the user has read it; the mark remains */

/**
 * struct round_trip - RFC 6298's state
 * @srtt: smoothed round-trip time, microseconds; 0 before the first sample
 * @rttvar: its variation, microseconds
 * @rto: retransmission timeout before backing off, microseconds
 * @seq: the sample under way ends when this number is acknowledged
 * @sent: when that number was sent, microseconds, the low 32 bits
 * @timing: a sample is under way
 * @backoff: how often the timer has doubled
 */
struct round_trip {
	u32 srtt;
	u32 rttvar;
	u32 rto;
	u32 seq;
	u32 sent;
	u8 timing : 1;
	u8 backoff;
};

/**
 * struct congestion - RFC 5681's and RFC 6582's state
 * @cwnd: congestion window, bytes
 * @ssthresh: slow-start threshold, bytes
 * @recover: (RFC 6582) SND.NXT when loss was last noticed
 * @prior_cwnd: @cwnd before the last reduction, bytes, for undo
 * @prior_ssthresh: the same of @ssthresh
 * @acked: bytes acknowledged, in congestion avoidance, of the present window
 * @w_max: (RFC 9438, like the next three) cwnd at the last congestion, bytes; 0
 *	if unknown
 * @w_est: Reno's estimated cwnd, bytes
 * @epoch: when congestion avoidance began, microseconds, the low 32 bits
 * @k: how long after that cwnd reaches @w_max again, milliseconds
 * @dupacks: duplicate ACKs in a row
 * @recovering: fast recovery is under way, until @recover is acknowledged
 * @avoiding: congestion avoidance has begun: @acked, @epoch... are valid
 * @algorithm: which, see toytcp_congestion_find()
 */
struct congestion {
	u32 cwnd;
	u32 ssthresh;
	u32 recover;
	u32 prior_cwnd;
	u32 prior_ssthresh;
	u32 acked;
	u32 w_max;
	u32 w_est;
	u32 epoch;
	u32 k;
	u16 dupacks;
	u8 recovering : 1;
	u8 avoiding : 1;
	u8 algorithm : 2;
};

/**
 * struct timestamps - RFC 7323's variables
 * @offset: added to the clock, milliseconds: random for each connection, so
 *	that no peer learns our uptime
 * @recent: TS.Recent, what is echoed next
 */
struct timestamps {
	u32 offset;
	u32 recent;
};

/**
 * toytcp_stamp_missing() - RFC 7323 section 3.2: only a reset may lack it
 * @seg: the segment. A SYN is of another connection and needs a challenge ACK:
 *	a host that has crashed could not connect again without it
 */
static inline bool toytcp_stamp_missing(const struct segment *seg)
{
	return !(seg->options & HAS_TIMESTAMPS) &&
	       !(seg->ctl & (CTL_RST | CTL_SYN));
}

/** toytcp_stamp_old() - PAWS, RFC 7323 section 5.3; not for a reset either */
static inline bool toytcp_stamp_old(const struct timestamps *ts,
				    const struct segment *seg)
{
	return (s32)(seg->tsval - ts->recent) < 0 && !(seg->ctl & CTL_RST);
}

/** toytcp_stamp() - the timestamp clock at @now, microseconds */
static inline u32 toytcp_stamp(const struct timestamps *ts, u64 now)
{
	return ts->offset + (u32)div_u64(now, MSEC);
}

/**
 * toytcp_stamp_put() - RFC 7323 section 3.2: on all segments, or on none
 * @ts: the connection's
 * @now: microseconds
 * @seg: its @ctl is set: nothing is echoed without an ACK
 */
static inline void toytcp_stamp_put(const struct timestamps *ts, u64 now,
				    struct segment *seg)
{
	seg->options |= HAS_TIMESTAMPS;
	seg->tsval = toytcp_stamp(ts, now);
	seg->tsecr = seg->ctl & CTL_ACK ? ts->recent : 0;
}

/**
 * struct rack - RFC 8985's state
 * @xmit_ts: of all segments delivered, the latest time of sending, microseconds
 * @end_seq: one past the last number of that segment
 * @rtt: its round-trip time, microseconds
 * @min_rtt: the lowest recent round-trip time, microseconds; 0: none yet
 * @min_since: when that was, microseconds, the low 32 bits
 * @probe_end: TLP.end_seq: SND.NXT when the probe was sent, if @probing
 * @reo_wnd_steps: RACK.reo_wnd_mult - 1: by how many quarters of @min_rtt the
 *	reordering window is wider than the first
 * @reo_wnd_persist: loss episodes until @reo_wnd_steps becomes 0
 * @reordering_seen: the network has delivered segments out of order
 * @reo_wnd_widened: @reo_wnd_steps has grown in this episode
 * @probing: a tail loss probe is under way
 */
struct rack {
	u64 xmit_ts;
	u32 end_seq;
	u32 rtt;
	u32 min_rtt;
	u32 min_since;
	u32 probe_end;
	u8 reo_wnd_steps;
	u8 reo_wnd_persist;
	u8 reordering_seen : 1;
	u8 reo_wnd_widened : 1;
	u8 probing : 1;
};

/**
 * struct prr - RFC 6937's state for the current loss episode
 * @delivered: prr_delivered, bytes
 * @sent: prr_out, bytes
 * @retransmitted: bytes retransmitted and not reported as duplicates (DSACK)
 * @stamp: RFC 3522's RetransmitTS: TSval of the episode's first retransmission
 */
struct prr {
	u32 delivered;
	u32 sent;
	u32 retransmitted;
	u32 stamp;
};

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
 * @cc: congestion control
 * @ts: timestamps, if @timestamps
 * @ts_taken: when ts.recent was taken, in units of 2^20 microseconds
 * @ecn_high: SND.NXT when a mark last reduced cwnd
 * @challenged: when a useless segment was last answered, microseconds, the low
 *	32 bits
 * @mss_former: the size of segments before a black hole made them smaller,
 *	bytes of text and options; 0: it did not, or the size is restored
 * @mss_proven: the smaller size that got through; 0: none yet
 * @retransmits: segments retransmitted since the beginning
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
 * @quick_acks: how many more full-sized segments are acknowledged at once
 * @fin_queued: the user has closed: a FIN stands at snd.end
 * @fin_sent: that FIN was sent at least once
 * @fin_received: the peer's FIN stands before rcv.nxt
 * @probe: send the next number, whatever the window and Nagle say
 * @syn_pending: send the SYN, for the first time or again
 * @keep_probe: send a keep-alive probe
 * @nodelay: no Nagle algorithm (TCP_NODELAY)
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
 * @frto: that timeout had no other sign of loss before it: it may be spurious
 * @undoable: the last reduction of cwnd may turn out to be spurious
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
	struct reassembly ooo;
	struct scoreboard board;
	struct round_trip rtt;
	struct rack rack;
	struct prr prr;
	struct congestion cc;
	struct timestamps ts;
	u32 ts_taken;
	u32 ecn_high;
	u32 challenged;
	u16 mss_former;
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
	u8 quick_acks;
	u8 fin_queued : 1;
	u8 fin_sent : 1;
	u8 fin_received : 1;
	u8 probe : 1;
	u8 syn_pending : 1;
	u8 keep_probe : 1;
	u8 nodelay : 1;
	u8 cork : 1;
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
	u8 frto : 1;
	u8 undoable : 1;
};

#define STATES_SYN	(TCPF_SYN_SENT | TCPF_SYN_RECV)

/* Small is the point: a cache line more needs a reason. */
static_assert(sizeof(struct tcb) <= 384, "struct tcb has grown");

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
