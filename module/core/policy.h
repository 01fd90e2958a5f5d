/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Policy that every shell needs, decided once: the module, the simulator and
 * the fuzzers call the same lines. Pure functions of numbers that the shell has.
 */
#ifndef TOYTCP_CORE_POLICY_H
#define TOYTCP_CORE_POLICY_H

#include "seq.h"
#include "tcb.h"

/**
 * toytcp_policy_admits() - does the receive buffer take a segment's text?
 * @tcb: the connection, before toytcp_arrives()
 * @seg: the segment
 * @paid: what the buffer holds already, with all that is around the text, bytes
 * @limit: what it may hold, bytes
 * @unread: the user has text to read
 *
 * The window promises room for text, but the buffer also pays for what is
 * around it, and beyond the limit text is dropped. The text expected next has a
 * limit twice as high, or text behind a gap would keep out what fills the gap;
 * if there is nothing to read it has no limit. Text behind a gap must have one,
 * or a peer that never fills the gap could make us hold any amount.
 *
 * Return: whether to keep the text. Without text there is nothing to refuse.
 */
static inline bool toytcp_policy_admits(const struct tcb *tcb,
					const struct segment *seg, u32 paid,
					u32 limit, bool unread)
{
	bool next = !seq_after(seg->seq, tcb->rcv.nxt);

	return !seg->len || paid >> next <= limit || (next && !unread);
}

#endif /* TOYTCP_CORE_POLICY_H */
