/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Policy that every shell needs, decided once: the module, the simulator and
 * the fuzzers call the same lines, pure functions of the shell's numbers.
 */
#ifndef TOYTCP_CORE_POLICY_H
#define TOYTCP_CORE_POLICY_H

#include "seq.h"
#include "tcb.h"

/*
 * Does the receive buffer take a segment's text, before toytcp_arrives()? It
 * has @paid of @limit bytes. @unread: the user has text to read.
 *
 * The window promises room for text, but the buffer also pays for what is
 * around it, and beyond the limit text is dropped. The text expected next has a
 * limit twice as high, or text behind a gap would keep out what fills the gap;
 * if there is nothing to read it has no limit. Text behind a gap must have one,
 * or a peer that never fills the gap could make us hold any amount.
 */
static inline bool toytcp_policy_admits(const struct tcb *tcb,
					const struct segment *seg, u32 paid,
					u32 limit, bool unread)
{
	bool next = !seq_after(seg->seq, tcb->rcv.nxt);

	return !seg->len || paid >> next <= limit || (next && !unread);
}

/*
 * May a useless segment be answered by an ACK? Two hosts that answer each other
 * would never stop, and one forged SYN can set a request on itself (LAND). RFC
 * 5961 section 10 asks for a limit. Returns the @last of the next call, in
 * units of 1024 microseconds: 32 bits are enough for the life of any entry; 0
 * if there is no answer.
 */
static inline u32 toytcp_policy_answer(u32 last, u64 now)
{
	u32 time = (u32)(now >> 10) | 1;

	return last && time - last < CHALLENGE_GAP >> 10 ? 0 : time;
}

/* Records that a connection has in hand, see toytcp_policy_records(). */
#define RECORDS_SEND	2	/* to send: one, and to cut one */
#define RECORDS_SACK	10	/* to cut at both ends of four blocks */
#define RECORDS_MAX	32	/* more, which many losses leave, go back */

/*
 * How many records to lend by toytcp_scoreboard_lend(); if negative, to take
 * back by toytcp_scoreboard_return(). @sacks: SACK blocks of the segment that
 * arrives next; 0 before sending. If memory is short, fewer will do.
 */
static inline int toytcp_policy_records(const struct tcb *tcb, u8 sacks)
{
	int want = sacks ? RECORDS_SACK : RECORDS_SEND;
	int have = tcb->board.spares;

	if (tcb->state == TCP_CLOSE)
		return 0;
	if (have < want)
		return want - have;
	return have > RECORDS_MAX ? RECORDS_MAX - have : 0;
}

#endif /* TOYTCP_CORE_POLICY_H */
