/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A segment on its way through the steps of RFC 9293 section 3.10.7: what
 * arrives.c, ack.c and text.c share.
 */
#ifndef TOYTCP_CORE_ARRIVAL_H
#define TOYTCP_CORE_ARRIVAL_H

#include "internal.h"

#define STATES_RECEIVING (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2)

/**
 * struct arrival - a segment on its way through the steps
 * @tcb: the connection it is for
 * @seg: the segment as it came
 * @node: the caller's node for its text, or NULL: none, or no room for it
 * @act: what the caller will do
 * @now: microseconds
 * @state: what tcb.state was
 * @seq: first number of the text, after trimming
 * @end: one past the last byte of the text, after trimming
 * @fin: a FIN stands at @end, within the window
 */
struct arrival {
	struct tcb *tcb;
	const struct segment *seg;
	struct reassembly_node *node;
	struct actions *act;
	u64 now;
	u32 seq;
	u32 end;
	u8 state;
	bool fin;
};

/** toytcp_arrival_fail() - the connection is over; the user gets @error */
static inline void toytcp_arrival_fail(struct arrival *a, int error,
				       enum cause cause)
{
	toytcp_tcb_fail(a->tcb, error, cause, a->act);
}

void toytcp_delack_challenge(struct arrival *a, enum cause cause);

void toytcp_ack_establish(struct arrival *a, enum cause cause);
bool toytcp_ack_plausible(const struct arrival *a);
bool toytcp_ack_check(struct arrival *a);

void toytcp_text_duplicate(struct arrival *a, u32 from, u32 to);
bool toytcp_text_process(struct arrival *a);
void toytcp_text_check_fin(struct arrival *a);

#endif /* TOYTCP_CORE_ARRIVAL_H */
