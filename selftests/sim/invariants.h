/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is true of a tcb after every event, for the simulator and the fuzzers.
 */
#ifndef TOYTCP_INVARIANTS_H
#define TOYTCP_INVARIANTS_H

#include "../../module/core/core.h"

bool invariant_edge(u8 from, u8 to);
const char *invariant_sent(const struct tcb *tcb, const struct segment *seg);
const char *invariant_broken(const struct tcb *was, const struct tcb *tcb,
			     u64 now);
const char *invariant_forgotten(const struct tcb *tcb, u64 now);
u32 invariant_nodes(const struct tcb *tcb);
u32 invariant_records(const struct tcb *tcb);

#endif /* TOYTCP_INVARIANTS_H */
