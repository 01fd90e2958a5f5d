// SPDX-License-Identifier: GPL-2.0
/* tuning.c: does the receive buffer hold the peer up? */
#include "host.h"
#include "kselftest_harness.h"

/* A window is read; the shell allows a buffer of up to @limit. Has it grown? */
static bool grows(struct tuning *t, struct host *h, u32 limit)
{
	u32 before = h->tcb.rcv.buf;
	u32 wish = toytcp_tuning_read(t, &h->tcb, h->now);

	if (min(wish, limit) > before)
		toytcp_user_buffer(&h->tcb, min(wish, limit),
				   toytcp_tuning_streams(t));
	return h->tcb.rcv.buf > before;
}

/* Windows are read, each in so many microseconds: what the last one does. */
static u32 read_in(u32 first, u32 second, u32 third)
{
	u32 times[] = { 0, first, second, third }, grown = 1, i;
	struct tuning t = { 0 };
	struct host h;

	make_established(&h);
	for (i = 0; i < ARRAY_SIZE(times); i++) {
		u32 before = h.tcb.rcv.buf;

		h.now += times[i];
		if (!times[i] && i)
			continue;
		grows(&t, &h, WINDOW_MAX);
		grown = h.tcb.rcv.buf / before;
	}
	return grown;
}

TEST(tuning_due__at_first_and_beyond_the_edge)
{
	struct tuning t = { 0 };
	struct host h;

	make_established(&h);
	EXPECT_TRUE(toytcp_tuning_due(&t, &h.tcb));
	EXPECT_TRUE(grows(&t, &h, WINDOW_MAX));
	EXPECT_FALSE(toytcp_tuning_due(&t, &h.tcb));
	h.tcb.rcv.copied += BUF;
	EXPECT_FALSE(toytcp_tuning_due(&t, &h.tcb));
	h.tcb.rcv.copied += 1;
	EXPECT_TRUE(toytcp_tuning_due(&t, &h.tcb));
}

/* As soon as one has been read: it may be that the peer waits for us. */
TEST(tuning_read__a_window_a_round_trip)
{
	EXPECT_EQ(read_in(0, 0, 0), 2);
	EXPECT_EQ(read_in(20 * MSEC, 0, 0), 4);
	EXPECT_EQ(read_in(20 * MSEC, 25 * MSEC, 0), 4);
	EXPECT_EQ(read_in(25 * MSEC, 20 * MSEC, 0), 4);
}

/* The window was larger than what path, peer or reader can use. */
TEST(tuning_read__longer_than_a_round_trip)
{
	EXPECT_EQ(read_in(20 * MSEC, 110 * MSEC, 0), 1);
	EXPECT_EQ(read_in(20 * MSEC, 110 * MSEC, 30 * MSEC), 4);
}

/* Sums stay within 32 bits, and no wish makes a buffer smaller. */
TEST(tuning_read__wishes_no_more_than_the_largest_window)
{
	struct tuning t = { 0 };
	struct host h;

	make_established(&h);
	h.tcb.rcv.buf = WINDOW_MAX / 2 + 1;
	EXPECT_EQ(toytcp_tuning_read(&t, &h.tcb, h.now), WINDOW_MAX);
	h.tcb.rcv.buf = WINDOW_MAX + 5;
	h.now += 20 * MSEC;
	EXPECT_EQ(toytcp_tuning_read(&t, &h.tcb, h.now), WINDOW_MAX + 5);
}

/* Now and then a request: no stream at all, and no measure for one. */
TEST(tuning_read__after_a_pause)
{
	EXPECT_EQ(read_in(60 * SECOND, 0, 0), 1);
	EXPECT_EQ(read_in(60 * SECOND, 60 * SECOND, 0), 1);
	EXPECT_EQ(read_in(60 * SECOND, 20 * MSEC, 0), 4);
}

/* Once a stream is known to wait for the window, the peer hears at once. */
TEST(tuning_read__within_the_limit)
{
	struct tuning t = { 0 };
	struct host h;

	make_established(&h);
	EXPECT_TRUE(grows(&t, &h, 3 * BUF));
	EXPECT_EQ(h.tcb.rcv.buf, 2 * BUF);
	EXPECT_FALSE(!!h.tcb.ack_now);
	h.now += 20 * MSEC;
	EXPECT_TRUE(grows(&t, &h, 3 * BUF));
	EXPECT_EQ(h.tcb.rcv.buf, 3 * BUF);
	EXPECT_TRUE(!!h.tcb.ack_now);
	h.now += 20 * MSEC;
	EXPECT_FALSE(grows(&t, &h, 3 * BUF));
	h.now += 20 * MSEC;
	EXPECT_FALSE(grows(&t, &h, BUF));
	EXPECT_EQ(h.tcb.rcv.buf, 3 * BUF);
}

TEST(tuning_send__three_windows)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = CWND_MAX;
	EXPECT_EQ(toytcp_tuning_send(&h.tcb), 3u * CWND_MAX);
}

TEST_HARNESS_MAIN
