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

TEST(answer__two_in_a_second)
{
	u32 first = toytcp_policy_answer(0, START);

	EXPECT_TRUE(first);
	EXPECT_FALSE(toytcp_policy_answer(first, START));
	EXPECT_FALSE(toytcp_policy_answer(first, START + CHALLENGE_GAP - 4096));
	EXPECT_TRUE(toytcp_policy_answer(first, START + CHALLENGE_GAP + 4096));
}

/* Its 32 bits go round once in seven weeks. */
TEST(answer__when_the_time_goes_round)
{
	const u64 round = 1ull << 42;
	u32 last = toytcp_policy_answer(0, round - 1);

	EXPECT_TRUE(last);
	EXPECT_FALSE(toytcp_policy_answer(last, round + MSEC));
	EXPECT_TRUE(toytcp_policy_answer(last, round + SECOND));
	EXPECT_TRUE(toytcp_policy_answer(0, round));
}

static void give(struct host *h, u32 n)
{
	struct scoreboard *b = &h->tcb.board;

	while (b->spares > n)
		toytcp_scoreboard_return(b);
	while (b->spares < n)
		toytcp_scoreboard_lend(b, &h->records[b->spares]);
}

TEST(records__as_many_as_the_event_may_need)
{
	struct host h;

	make_established(&h);
	give(&h, 1);
	EXPECT_EQ(toytcp_policy_records(&h.tcb, 0), 1);
	EXPECT_EQ(toytcp_policy_records(&h.tcb, 1), 9);
	give(&h, 2);
	EXPECT_EQ(toytcp_policy_records(&h.tcb, 0), 0);
}

TEST(records__what_is_too_much_goes_back)
{
	struct host h;

	make_established(&h);
	give(&h, 32);
	EXPECT_EQ(toytcp_policy_records(&h.tcb, 4), 0);
	give(&h, 35);
	EXPECT_EQ(toytcp_policy_records(&h.tcb, 0), -3);
}

TEST(records__none_when_closed)
{
	struct host h;

	make_closed(&h);
	give(&h, 0);
	EXPECT_EQ(toytcp_policy_records(&h.tcb, 0), 0);
}

TEST_HARNESS_MAIN
