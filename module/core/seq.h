/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Serial arithmetic on sequence numbers, modulo 2^32: "before" means less than
 * half the space ahead (RFC 9293 section 3.4). Every comparison goes through
 * one of these.
 */
#ifndef TOYTCP_CORE_SEQ_H
#define TOYTCP_CORE_SEQ_H

#include "port.h"

/** seq_before() - a < b in sequence space */
static inline bool seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/** seq_after() - a > b in sequence space */
static inline bool seq_after(u32 a, u32 b)
{
	return seq_before(b, a);
}

/** seq_between() - low <= s <= high, going up from low */
static inline bool seq_between(u32 low, u32 s, u32 high)
{
	return s - low <= high - low;
}

/** seq_max() - the later of two sequence numbers */
static inline u32 seq_max(u32 a, u32 b)
{
	return seq_before(a, b) ? b : a;
}

/** seq_min() - the earlier of two sequence numbers */
static inline u32 seq_min(u32 a, u32 b)
{
	return seq_before(a, b) ? a : b;
}

#endif /* TOYTCP_CORE_SEQ_H */
