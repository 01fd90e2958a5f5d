// SPDX-License-Identifier: GPL-2.0
/* policy.h: what every shell decides in the same way. */
#include "host.h"
#include "kselftest_harness.h"

static bool admits(u32 seq, u32 len, u32 paid, bool unread)
{
	const struct segment seg = { .seq = seq, .len = len, .ctl = CTL_ACK };
	struct host h;

	make_established(&h);
	return toytcp_policy_admits(&h.tcb, &seg, paid, 1000, unread);
}

TEST(admits__within_the_limit)
{
	EXPECT_TRUE(admits(IRS + 1, 100, 1000, true));
	EXPECT_TRUE(admits(IRS + 101, 100, 1000, true));
	EXPECT_FALSE(admits(IRS + 101, 100, 1001, true));
}

TEST(admits__twice_as_much_of_what_is_next)
{
	EXPECT_TRUE(admits(IRS + 1, 100, 2001, true));
	EXPECT_FALSE(admits(IRS + 1, 100, 2002, true));
	EXPECT_TRUE(admits(IRS - 49, 100, 2001, true));
}

TEST(admits__anything_next_where_nothing_is_to_be_read)
{
	EXPECT_TRUE(admits(IRS + 1, 100, 100000, false));
	EXPECT_FALSE(admits(IRS + 101, 100, 100000, false));
}

TEST(admits__a_segment_without_text)
{
	EXPECT_TRUE(admits(IRS + 101, 0, 100000, true));
}

TEST_HARNESS_MAIN
