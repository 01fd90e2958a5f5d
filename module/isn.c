// SPDX-License-Identifier: GPL-2.0
/*
 * Initial sequence numbers, RFC 6528: a clock that all connections share, plus
 * an offset for each four-tuple that outsiders cannot predict. Context: any.
 */
#include "toytcp.h"

#define TICK_NS		(4 * NSEC_PER_USEC)	/* RFC 9293 MUST-8 */

/*
 * A connection's own offset of the timestamp clock, ms: it hides the uptime
 * (RFC 7323 7.1), yet a four-tuple's clock goes on, as TIME-WAIT expects.
 */
u32 toytcp_isn_stamp(const struct toytcp_net *tn,
		     const struct toytcp_tuple *who)
{
	return siphash(who, sizeof(*who), &tn->isn_key) >> 32;
}

/*
 * ISN = M + F(four-tuple, secret). A four-tuple that is used again soon gets a
 * higher number, which tells the new connection from old duplicates.
 */
u32 toytcp_isn_new(const struct toytcp_net *tn, const struct toytcp_tuple *who)
{
	return (u32)siphash(who, sizeof(*who), &tn->isn_key) +
	       (u32)div_u64(ktime_get_ns(), TICK_NS);
}
