/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An entry of a connection table and the shell around it, driven by the
 * fuzzer's bytes: a listener or a caller, then request, connection, TIME-WAIT.
 */
#ifndef TOYTCP_FUZZ_MACHINE_H
#define TOYTCP_FUZZ_MACHINE_H

#include "../sim/invariants.h"
#include "input.h"

enum kind { CLOSED, LISTENING, REQUEST, FULL, TIMEWAIT };

struct machine {
	struct input in;
	enum kind kind;
	struct tcb tcb, before;
	struct syn_request request;
	struct timewait timewait;
	struct path_fit path;
	u64 now;
	u32 lent;
	u32 records;
	u32 buf;
	u16 mss;
	bool listens;
};

void machine_init(struct machine *m, const u8 *data, size_t size);
void machine_open(struct machine *m);
void machine_listen(struct machine *m);
void machine_run(struct machine *m);
void machine_end(struct machine *m);

#endif /* TOYTCP_FUZZ_MACHINE_H */
