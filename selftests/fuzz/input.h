/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fuzzer's bytes, taken one by one; zero when they are used up.
 */
#ifndef TOYTCP_FUZZ_INPUT_H
#define TOYTCP_FUZZ_INPUT_H

#include "../../module/core/port.h"

struct input {
	const u8 *data;
	size_t left;
};

static inline u8 take8(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

static inline u16 take16(struct input *in)
{
	u16 high = take8(in);

	return (u16)(high << 8 | take8(in));
}

static inline u32 take32(struct input *in)
{
	u32 high = take16(in);

	return high << 16 | take16(in);
}

#endif /* TOYTCP_FUZZ_INPUT_H */
