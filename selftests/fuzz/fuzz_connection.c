// SPDX-License-Identifier: GPL-2.0
/* A connection that we open, and a peer that obeys no rule. */
#include "machine.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct machine m;

	machine_init(&m, data, size);
	machine_open(&m);
	machine_run(&m);
	machine_end(&m);
	return 0;
}
