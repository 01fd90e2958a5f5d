// SPDX-License-Identifier: GPL-2.0
/*
 * Initial sequence numbers, RFC 6528: a clock that all connections share, and
 * for each four-tuple a distance that nobody else can know.
 */
#include <linux/net.h>
#include <linux/siphash.h>

#include "toytcp.h"

#define TICK_NS		(4 * NSEC_PER_USEC)	/* RFC 9293 MUST-8 */

/**
 * toytcp_isn_new() - ISN = M + F(local, lport, remote, rport, secret)
 * @local: our address
 * @lport: our port, host order
 * @remote: the peer's address
 * @rport: the peer's port, host order
 *
 * A four-tuple that comes again soon gets a number beyond its former ones, so
 * that old duplicates and TIME-WAIT tell the two connections apart.
 *
 * Return: the initial sequence number; any context.
 */
u32 toytcp_isn_new(__be32 local, u16 lport, __be32 remote, u16 rport)
{
	static siphash_key_t secret;
	u32 distance;

	net_get_random_once(&secret, sizeof(secret));
	distance = siphash_3u32((__force u32)local, (__force u32)remote,
				(u32)lport << 16 | rport, &secret);
	return distance + (u32)div_u64(ktime_get_ns(), TICK_NS);
}
