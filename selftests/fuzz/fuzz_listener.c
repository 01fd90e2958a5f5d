// SPDX-License-Identifier: GPL-2.0
/* A listener, and what becomes of it: request, connection, TIME-WAIT entry, and again. */
#include "machine.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct machine m;

	machine_init(&m, data, size);
	machine_listen(&m);
	machine_run(&m);
	machine_end(&m);
	return 0;
}
