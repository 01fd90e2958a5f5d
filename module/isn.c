// SPDX-License-Identifier: GPL-2.0
/*
 * Initial sequence numbers, RFC 6528: a clock that all connections share, plus an
 * offset for each four-tuple that outsiders cannot predict.
 */
#include <linux/net.h>
#include <linux/siphash.h>

#include "toytcp.h"

#define TICK_NS		(4 * NSEC_PER_USEC)	/* RFC 9293 MUST-8 */

static u64 secret_of(const struct toytcp_tuple *who)
{
	static siphash_key_t secret;

	net_get_random_once(&secret, sizeof(secret));
	return siphash(who, sizeof(*who), &secret);
}

/**
 * toytcp_isn_stamp() - a connection's own offset of the timestamp clock, ms
 * @who: the connection's four-tuple
 *
 * RFC 7323 section 7.1: no peer learns how long we have been up, yet for the same
 * four-tuple the clock goes on, as TIME-WAIT expects.
 */
u32 toytcp_isn_stamp(const struct toytcp_tuple *who)
{
	return secret_of(who) >> 32;
}

/**
 * toytcp_isn_new() - ISN = M + F(four-tuple, secret)
 * @who: the connection's four-tuple
 *
 * A four-tuple that is used again soon gets a higher number, so that old
 * duplicates and TIME-WAIT can tell the two connections apart.
 */
u32 toytcp_isn_new(const struct toytcp_tuple *who)
{
	return (u32)secret_of(who) + (u32)div_u64(ktime_get_ns(), TICK_NS);
}
