/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's contract: what the shell around it may call, and what it gets.
 * internal.h has what the core's files offer each other.
 *
 * State, an event and the time go in; new state and actions come out. The core
 * does no I/O, reads no clock, takes no lock and allocates nothing. @now is
 * always a u64 of microseconds from any monotonic clock that never shows 0.
 * Calls for one tcb must not run at the same time: the caller holds the
 * socket's lock. The shell reads a tcb, but never writes to one
 * (scripts/check.d/contract). A struct segment that a function fills in lacks
 * the ports only, and is measured.
 *
 * After every call, the shell
 *   1. carries out struct actions (text, errors, wake-ups);
 *   2. calls toytcp_emit_next() until it returns false, and transmits each
 *      segment it describes. No other call makes a connection send anything,
 *      except that struct actions and toytcp_user_abort() ask for resets;
 *   3. looks at tcb->state: TCP_CLOSE and TCP_TIME_WAIT end the tcb's life (the
 *      latter lives on as a struct timewait);
 *   4. arms its one timer by toytcp_deadline_next().
 */
#ifndef TOYTCP_CORE_H
#define TOYTCP_CORE_H

#include "path.h"
#include "policy.h"
#include "segment.h"
#include "tcb.h"

/* Which sleepers to wake (struct actions, @wake). */
#define WAKE_READ	0x01	/* text or the peer's FIN became readable */
#define WAKE_WRITE	0x02	/* text was acknowledged: there is room */
#define WAKE_STATE	0x04	/* established, half-closed or ended */
#define WAKE_URGENT	0x08	/* the peer has announced urgent text */

/* What the counters count (struct actions, @notes). */
#define NOTE_RECOVERY	0x001	/* fast recovery began */
#define NOTE_UNDO	0x002	/* a loss turned out to be none */
#define NOTE_REORDERED	0x004	/* the network reordered, for the first time */
#define NOTE_PROBE	0x008	/* a tail loss probe */
#define NOTE_DSACK_IN	0x010	/* the peer reports a duplicate (DSACK) */
#define NOTE_DSACK_OUT	0x020	/* we report a duplicate (DSACK) */
#define NOTE_DUPACK	0x040	/* a duplicate ACK */
#define NOTE_SHRUNK	0x080	/* segments are smaller from now on */
#define NOTES_COUNTED	8	/* so many have counters of their own */
#define NOTE_OUTSIDE	0x100	/* no part of a segment was within the window */
#define NOTE_PAWS	0x200	/* its timestamp was too old, or missing */

/*
 * What the shell has to do after an event. If the node a segment came with is
 * neither in @ready nor @kept, its text is of no use and the caller frees it. A
 * user's call that fills in no actions gets those of toytcp_actions_init().
 */
struct actions {
	/*
	 * Text that is now in order, from the old RCV.NXT on, linked by @next:
	 * append it to what the user reads. The nodes are the caller's again.
	 */
	struct reassembly_node *ready;
	int error;	/* it failed: a positive errno for the user, or 0 */
	u8 wake;	/* WAKE_* bits */
	/*
	 * The event's node was kept (out of order): it belongs to the core
	 * until it comes back in @ready or from toytcp_user_end().
	 */
	bool kept;
	bool reset;	/* answer by toytcp_segment_reset_for() */
	bool advise;	/* R1 was reached: tell IP and the user, MUST-20 */
	bool urgent;	/* the byte at RCV.UP is in the text: keep it */
	u16 notes;	/* NOTE_* bits */
	u8 cause;	/* of the transition, the segment, and its reset */
	u8 sends;	/* the clause by which new text may go out now */
};

/*
 * Actions that ask for nothing but sending. @cause: the event's clause; a
 * user's call has one of its own: CAUSE_OPEN, _SEND, _RECEIVE or _CLOSE.
 */
static inline void toytcp_actions_init(struct actions *act, enum cause cause)
{
	*act = (struct actions){ .cause = cause, .sends = cause };
}

/* tcb.c: a new connection, and the size of its segments */
void toytcp_tcb_init(struct tcb *tcb, u32 rcv_buf, u16 mss);
void toytcp_tcb_set_mss(struct tcb *tcb, u32 mss);

/* What a user may set of a connection, in any state: see struct tcb. */
enum user_option {
	OPTION_NODELAY = 1,	/* TCP_NODELAY; ends a cork, too */
	OPTION_QUICK_ACKS,	/* TCP_QUICKACK */
	OPTION_KEEPALIVE,	/* SO_KEEPALIVE */
	OPTION_KEEP_IDLE,	/* seconds */
	OPTION_KEEP_INTERVAL,	/* seconds */
	OPTION_KEEP_COUNT,
	OPTION_USER_TIMEOUT,	/* milliseconds */
	OPTION_SYN_RETRIES,
	OPTION_FIN_WAIT_2,	/* seconds */
};

/* What our SYN offers, or our SYN,ACK accepts if the peer's SYN offers it. */
struct offer {
	u32 window;		/* the largest ever, for the scale */
	u32 stamp_offset;	/* see struct timestamps */
	u16 mss;		/* bytes */
	bool timestamps;
	bool sack;
	bool ecn;
};

/* What people are shown of a connection: STATUS, RFC 9293 3.10.6. */
struct status {
	const char *timer;	/* what it waits for next, or NULL */
	u64 deadline;		/* of @timer, microseconds */
	u32 send_queue;		/* bytes not yet acknowledged */
	u32 recv_queue;		/* bytes not yet read */
	u32 retransmits;
	u32 cwnd;		/* bytes */
	u32 ssthresh;		/* bytes */
	u32 srtt;		/* microseconds */
	u32 rto;		/* microseconds */
	u32 snd_una;
	u32 snd_nxt;
	u32 rcv_nxt;
	u32 snd_wnd;		/* bytes */
	u32 rcv_wnd;		/* bytes */
	u16 mss;		/* bytes */
	u8 state;
};

/* user.c: the user calls, RFC 9293 3.10.1 to 3.10.6 */
void toytcp_user_set(struct tcb *tcb, enum user_option option, u32 value,
		     u64 now);
u32 toytcp_user_get(const struct tcb *tcb, enum user_option option);
void toytcp_user_reset(struct tcb *tcb, u32 rcv_buf);

/** toytcp_user_cork() - hold incomplete segments back: TCP_CORK, MSG_MORE */
static inline void toytcp_user_cork(struct tcb *tcb, bool on)
{
	tcb->cork = on;
}

/** toytcp_user_send() - SEND: text that the caller keeps, from snd.end on */
static inline void toytcp_user_send(struct tcb *tcb, u32 n)
{
	tcb->snd.end += n;
}

void toytcp_user_offer(struct tcb *tcb, const struct offer *offer);
void toytcp_user_open(struct tcb *tcb, u32 iss, u64 now);
void toytcp_user_listen(struct tcb *tcb);
void toytcp_user_receive(struct tcb *tcb, u32 n);
void toytcp_user_buffer(struct tcb *tcb, u32 bytes, bool tell);
void toytcp_user_close(struct tcb *tcb);
void toytcp_user_leave(struct tcb *tcb, u64 now);
bool toytcp_user_abort(struct tcb *tcb, int error, u64 now,
		       struct actions *act, struct segment *rst);
void toytcp_user_unreachable(struct tcb *tcb, int error, struct actions *act);
void toytcp_user_status(const struct tcb *tcb, struct status *status);
struct sent_record *toytcp_user_end(struct tcb *tcb,
				    struct reassembly_node **text);

/* arrives.c: SEGMENT ARRIVES, RFC 9293 3.10.7 */
void toytcp_arrives(struct tcb *tcb, const struct segment *seg,
		    struct reassembly_node *node, u64 now,
		    struct actions *act);

/* deadline.c: when each timer goes off */
u64 toytcp_deadline_at(const struct tcb *tcb, enum tcb_timer timer);
u64 toytcp_deadline_next(const struct tcb *tcb);

/* timeout.c: RFC 9293 3.10.8 */
void toytcp_timeout_expire(struct tcb *tcb, u64 now, struct actions *act);

/* emit.c: what to send next */
bool toytcp_emit_nothing(const struct tcb *tcb);
bool toytcp_emit_waits(const struct tcb *tcb);
bool toytcp_emit_next(struct tcb *tcb, u64 now, enum cause cause,
		      struct segment *seg);

/** toytcp_emit_hold() - too much text waits in this host: send none for now */
static inline void toytcp_emit_hold(struct tcb *tcb, bool on)
{
	tcb->held = on;
}

/* ecn.c: congestion in this host */
void toytcp_ecn_local(struct tcb *tcb);

/* delack.c: when an ACK goes out */
void toytcp_delack_wait(struct tcb *tcb, bool sleeps);
bool toytcp_delack_hold(struct tcb *tcb, const struct actions *act);
bool toytcp_delack_release(struct tcb *tcb);

/* urgent.c: urgent data, RFC 9293 3.8.5 */
void toytcp_urgent_send(struct tcb *tcb);
void toytcp_urgent_mark(const struct tcb *tcb, struct segment *seg);

/** toytcp_urgent_pending() - is urgent text of ours not yet acknowledged? */
static inline bool toytcp_urgent_pending(const struct tcb *tcb)
{
	return (s32)(tcb->snd.up - tcb->snd.una) > 0;
}

/** toytcp_urgent_inline() - SO_OOBINLINE: urgent bytes stay among the others */
static inline void toytcp_urgent_inline(struct tcb *tcb, bool on)
{
	tcb->rcv.oob_inline = on;
}

/** toytcp_urgent_read() - the user has read the byte that URGENT_ARRIVED */
static inline void toytcp_urgent_read(struct tcb *tcb)
{
	tcb->rcv.urgent = URGENT_READ;
}

/** toytcp_urgent_at() - does the mark stand at number @seq? */
static inline bool toytcp_urgent_at(const struct tcb *tcb, u32 seq)
{
	return tcb->rcv.urgent && tcb->rcv.up == seq;
}

/* tuning.c: the size of the buffers */

/* How fast windows are read. Times are the low 32 bits of microseconds. */
struct tuning {
	u32 edge;	/* where the window ended when @since was set */
	u32 since;	/* the edge before was read then; 0: never yet */
	u32 shortest;	/* time from one edge to the next; 0: none */
};

/** toytcp_tuning_due() - is toytcp_tuning_read() to be called? */
static inline bool toytcp_tuning_due(const struct tuning *t,
				     const struct tcb *tcb)
{
	return !t->since || (s32)(tcb->rcv.copied - t->edge) > 0;
}

/** toytcp_tuning_streams() - has a sender filled window after window? */
static inline bool toytcp_tuning_streams(const struct tuning *t)
{
	return t->shortest;
}

u32 toytcp_tuning_read(struct tuning *t, const struct tcb *tcb, u64 now);

/*
 * How large a send buffer the connection can use, bytes: one cwnd is under way,
 * another waits its turn, and a third pays for what is around them.
 */
static inline u32 toytcp_tuning_send(const struct tcb *tcb)
{
	return 3 * tcb->cc.cwnd;
}

/* listen.c: LISTEN, and SYN-RECEIVED that came from it, as a request */

/* A connection between its SYN and the ACK of our SYN,ACK. */
struct syn_request {
	u64 sent;	/* first SYN,ACK, microseconds; 0: unknown (a cookie) */
	u32 iss;
	u32 irs;
	u32 window;	/* we announce, bytes */
	u16 wnd;	/* SEG.WND of the SYN, which is never scaled */
	u16 mss;	/* what the peer takes, bytes */
	u16 announced;	/* our MSS, bytes */
	u8 snd_wscale;	/* shift of the windows the peer will send */
	u8 rcv_wscale;	/* shift of the windows we will send */
	u8 scaled;	/* both sides scale */
	u8 sack_ok;	/* both sides speak SACK */
	u8 repeated;	/* SYN,ACKs by the timer: the shell counts them */
	u8 synacks;	/* SYN,ACKs in all, at most 255 */
	u8 timestamps;	/* both sides send them: @ts */
	u8 ecn;		/* both sides speak ECN */
	struct timestamps ts;
};

/* What to do with a segment that has no tcb. */
enum verdict {
	VERDICT_DROP,
	VERDICT_RESET,		/* reply with toytcp_segment_reset_for() */
	/* Reply by toytcp_..._ack(), rate-limited but for TIME-WAIT's text. */
	VERDICT_ACK,
	/* Make a request; in TIME-WAIT, with an ISS beyond the old one's. */
	VERDICT_CREATE,
	VERDICT_RETRANSMIT,	/* request: retransmit the SYN,ACK */
	VERDICT_PROMOTE,	/* request: make a tcb and pass this on */
	VERDICT_END,		/* remove the request or TIME-WAIT entry */
	VERDICT_RESTART,	/* TIME-WAIT: ACK, restart the 2 MSL timer */
};

enum verdict toytcp_listen_arrives(const struct segment *seg);
void toytcp_request_init(struct syn_request *e, const struct segment *syn,
			 u32 iss, u32 rcv_buf, const struct offer *offer,
			 u64 now);
enum verdict toytcp_request_arrives(const struct syn_request *e,
				    const struct segment *seg, u64 now);
void toytcp_request_synack(struct syn_request *e, u64 now, struct segment *seg);
void toytcp_request_ack(const struct syn_request *e, u64 now,
			struct segment *seg);
void toytcp_request_promote(const struct syn_request *e, struct tcb *tcb,
			    u64 now);

/* timewait.c: TIME-WAIT, all that is left of a connection */

/* Enough to answer for a connection that has ended. */
struct timewait {
	u32 snd_nxt;		/* beyond our FIN */
	u32 rcv_nxt;		/* beyond the peer's FIN */
	struct timestamps ts;
	u16 wnd;		/* last announced, as on the wire */
	u8 rcv_wscale;		/* its shift */
	u8 timestamps;		/* both sides sent them: @ts */
};

void toytcp_timewait_from_tcb(struct timewait *r, const struct tcb *tcb);
enum verdict toytcp_timewait_verdict(const struct timewait *r,
				     const struct segment *seg);
void toytcp_timewait_ack(const struct timewait *r, u64 now,
			 struct segment *seg);

/* congestion.c: which algorithm */
int toytcp_congestion_find(const char *name);
const char *toytcp_congestion_name(unsigned int algorithm);
void toytcp_congestion_select(struct tcb *tcb, int algorithm);

/* rtt.c: for TCP_INFO */
u32 toytcp_rtt_timeout(const struct round_trip *rtt);

#endif /* TOYTCP_CORE_H */
