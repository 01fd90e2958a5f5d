// SPDX-License-Identifier: GPL-2.0
/* tuning.c: does the receive buffer hold the peer up? */
#include "host.h"
#include "kselftest_harness.h"

/* Windows are read, each in so many microseconds; the last one's verdict. */
static u32 read_in(u32 first, u32 second, u32 third)
{
	u32 times[] = { 0, first, second, third }, want = 0, i;
	struct tuning t = { 0 };
	struct host h;

	make_established(&h);
	for (i = 0; i < ARRAY_SIZE(times); i++) {
		h.now += times[i];
		if (times[i] || !i)
			want = toytcp_tuning_read(&t, &h.tcb, h.now);
	}
	return want;
}

TEST(tuning_due__at_first_and_beyond_the_edge)
{
	struct tuning t = { 0 };
	struct host h;

	make_established(&h);
	EXPECT_TRUE(toytcp_tuning_due(&t, &h.tcb));
	EXPECT_EQ(toytcp_tuning_read(&t, &h.tcb, h.now), 2 * BUF);
	EXPECT_FALSE(toytcp_tuning_due(&t, &h.tcb));
	h.tcb.rcv.copied += BUF;
	EXPECT_FALSE(toytcp_tuning_due(&t, &h.tcb));
	h.tcb.rcv.copied += 1;
	EXPECT_TRUE(toytcp_tuning_due(&t, &h.tcb));
}

/* As soon as one has been read: it may be that the peer waits for us. */
TEST(tuning_read__a_window_a_round_trip)
{
	EXPECT_EQ(read_in(0, 0, 0), 2 * BUF);
	EXPECT_EQ(read_in(20 * MSEC, 0, 0), 4 * BUF);
	EXPECT_EQ(read_in(20 * MSEC, 25 * MSEC, 0), 4 * BUF);
	EXPECT_EQ(read_in(25 * MSEC, 20 * MSEC, 0), 4 * BUF);
}

/* The window was larger than what path, peer or reader can use. */
TEST(tuning_read__longer_than_a_round_trip)
{
	EXPECT_EQ(read_in(20 * MSEC, 110 * MSEC, 0), BUF);
	EXPECT_EQ(read_in(20 * MSEC, 110 * MSEC, 30 * MSEC), 4 * BUF);
}

/* Now and then a request: no stream at all, and no measure for one. */
TEST(tuning_read__after_a_pause)
{
	EXPECT_EQ(read_in(60 * SECOND, 0, 0), BUF);
	EXPECT_EQ(read_in(60 * SECOND, 60 * SECOND, 0), BUF);
	EXPECT_EQ(read_in(60 * SECOND, 20 * MSEC, 0), 4 * BUF);
}

TEST_HARNESS_MAIN
