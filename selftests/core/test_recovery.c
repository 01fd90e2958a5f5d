// SPDX-License-Identifier: GPL-2.0
/* recovery.c: fast retransmit and NewReno, RFC 5681 3.2, RFC 6582, RFC 3042. */
#include "host.h"
#include "kselftest_harness.h"

/* Eight segments are out; the first, and perhaps more of them, got lost. */
static void make_flight(struct host *h)
{
	make_established(h);
	host_send(h, 8 * MSS);
}

static void duplicate(struct host *h, int n)
{
	while (n--)
		ARRIVE_NEXT(h);
}

TEST(recovery_duplicate__the_third_repeats_the_first_segment)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 2);
	EXPECT_TRUE(h.act.duplicate);
	EXPECT_QUIET(&h);
	duplicate(&h, 1);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
	EXPECT_EQ(h.tcb.cc.cwnd, 7 * MSS);
}

/* Step 4: each further one lets the window grow, and new text out. */
TEST(recovery_duplicate__further_ones_inflate)
{
	struct host h;

	make_flight(&h);
	host_send(&h, 10 * MSS);	/* two more fit cwnd */
	EXPECT_EQ(h.sent, 2);
	duplicate(&h, 3);
	/* Two more by limited transmit: they do not count as FlightSize. */
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
	EXPECT_EQ(h.tcb.cc.cwnd, 8 * MSS);
	duplicate(&h, 3);
	EXPECT_EQ(h.tcb.cc.cwnd, 11 * MSS);
	ARRIVE_NEXT(&h);
	EXPECT_EQ(h.tcb.cc.cwnd, 12 * MSS);
}

/* RFC 3042: the first two each let one new segment out. */
TEST(recovery_extra__limited_transmit)
{
	struct host h;

	make_established(&h);
	host_send(&h, 20 * MSS);
	EXPECT_EQ(h.sent, 10);
	duplicate(&h, 1);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1 + 10 * MSS, IRS + 1, MSS);
	duplicate(&h, 1);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1 + 11 * MSS, IRS + 1, MSS);
}

TEST(is_duplicate__what_is_none)
{
	struct host h;

	make_flight(&h);
	ARRIVE_NEXT(&h, .wnd = WND + 1);	/* a window update */
	EXPECT_FALSE(h.act.duplicate);
	ARRIVE_NEXT(&h, .wnd = WND + 1, .len = 1);	/* text */
	EXPECT_FALSE(h.act.duplicate);
	ARRIVE_NEXT(&h, .wnd = WND + 1, .ack = ISS);	/* an old ACK */
	EXPECT_FALSE(h.act.duplicate);
	make_established(&h);
	ARRIVE_NEXT(&h);	/* nothing is outstanding */
	EXPECT_FALSE(h.act.duplicate);
}

/* RFC 6582 step 3: the next hole at once, and the window deflates. */
TEST(recovery_acked__partial)
{
	struct host h;
	u32 cwnd;

	make_flight(&h);
	duplicate(&h, 5);
	cwnd = h.tcb.cc.cwnd;
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 3 * MSS);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1 + 3 * MSS, IRS + 1, MSS);
	EXPECT_EQ(h.tcb.cc.cwnd, cwnd - 3 * MSS + MSS);
	EXPECT_TRUE(h.tcb.cc.recovering == 1);
}

/* Karn's rule: what is timed while holes are filled says nothing. */
TEST(recovery_acked__partial_ends_the_sample)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 3);
	host_send(&h, 2 * MSS);
	duplicate(&h, 3);
	EXPECT_TRUE(h.tcb.rtt.timing == 1);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 3 * MSS);
	EXPECT_TRUE(h.tcb.rtt.timing == 0);
}

TEST(recovery_acked__full)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 5);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 8 * MSS);
	EXPECT_TRUE(h.tcb.cc.recovering == 0);
	/* Option 1: min(ssthresh, max(FlightSize, MSS) + MSS) */
	EXPECT_EQ(h.tcb.cc.cwnd, 2 * MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
}

/* Step 1: duplicate ACKs of what was repeated are not a second loss. */
TEST(recovery_duplicate__not_again_for_the_same_flight)
{
	struct host h;

	make_flight(&h);
	ASSERT_TRUE(host_expire(&h));	/* recover := SND.NXT */
	ARRIVE_NEXT(&h, .ack = ISS + 1 + MSS);
	duplicate(&h, 4);
	EXPECT_TRUE(h.tcb.cc.recovering == 0);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
}

TEST(recovery_duplicate__a_new_flight_is_another_matter)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 3);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 8 * MSS);
	h.tcb.cc.cwnd = 20 * MSS;
	host_send(&h, 8 * MSS);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 9 * MSS);
	duplicate(&h, 3);
	EXPECT_TRUE(h.tcb.cc.recovering == 1);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1 + 9 * MSS, IRS + 1, MSS);
}

TEST(recovery__a_timeout_ends_it)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 3);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_TRUE(h.tcb.cc.recovering == 0);
	EXPECT_EQ(h.tcb.cc.cwnd, MSS);
	EXPECT_EQ(h.tcb.cc.dupacks, 0);
}

/* The FIN belongs to the segment that is sent again. */
TEST(recovery__the_last_segment_has_its_fin)
{
	struct host h;

	make_established(&h);
	host_send(&h, 500);
	host_close(&h);
	duplicate(&h, 3);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_PSH | CTL_ACK, ISS + 1, IRS + 1, 500);
}

/* A closed window is probed; nothing is pushed into it. */
TEST(recovery__not_into_a_closed_window)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 2);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + MSS, .wnd = 0);
	duplicate(&h, 1);
	EXPECT_TRUE(h.tcb.resend == 0);
}

TEST_HARNESS_MAIN
