// SPDX-License-Identifier: GPL-2.0
/* cubic.c: RFC 9438, against its formulas in floating point. */
#include "host.h"
#include "kselftest_harness.h"

#define FULL	(1u << 30)	/* so much outstanding that cwnd is used */
#define RTT	(100 * MSEC)

/* Congestion was met at @w_max segments; cwnd is @cwnd segments since. */
static void make_avoiding(struct host *h, u32 w_max, u32 cwnd)
{
	make_established(h);
	toytcp_congestion_select(&h->tcb, toytcp_congestion_find("cubic"));
	h->tcb.rtt.srtt = RTT;
	h->tcb.cc.w_max = w_max * MSS;
	h->tcb.cc.prior_cwnd = w_max * MSS;
	h->tcb.cc.cwnd = cwnd * MSS;
	h->tcb.cc.ssthresh = cwnd * MSS;
}

/* A window is acknowledged in @us, by ACKs of two segments each. */
static void round_trip(struct host *h, u32 us)
{
	u32 acks = h->tcb.cc.cwnd / MSS / 2, i;

	for (i = 0; i < acks; i++) {
		h->now += us / acks;
		toytcp_congestion_acked(&h->tcb, 2 * MSS, FULL, h->now);
	}
}

static u32 near(u32 a, u32 b, u32 by)
{
	return a > b ? a - b <= by : b - a <= by;
}

/* (1) with C = 0.4, segments; t and K in seconds */
static double w_cubic(double w_max, double t, double k)
{
	return w_max + 0.4 * (t - k) * (t - k) * (t - k);
}

/* K = cbrt((W_max - cwnd_epoch) / C): cbrt(30 / 0.4) = 4.217 s */
TEST(begin__k)
{
	struct host h;

	make_avoiding(&h, 100, 70);
	toytcp_congestion_acked(&h.tcb, MSS, FULL, h.now);
	EXPECT_TRUE(near(h.tcb.cc.k, 4217, 1));
	make_avoiding(&h, 1000000, 700000);
	toytcp_congestion_acked(&h.tcb, MSS, FULL, h.now);
	EXPECT_TRUE(near(h.tcb.cc.k, 90856, 1));
}

/* Section 4.8: after a timeout nothing is known, and K is 0. */
TEST(begin__nothing_known)
{
	struct host h;

	make_avoiding(&h, 0, 50);
	toytcp_congestion_acked(&h.tcb, MSS, FULL, h.now);
	EXPECT_EQ(h.tcb.cc.k, 0);
	EXPECT_EQ(h.tcb.cc.w_max, 50 * MSS);
	make_avoiding(&h, 40, 50);
	toytcp_congestion_acked(&h.tcb, MSS, FULL, h.now);
	EXPECT_EQ(h.tcb.cc.k, 0);
	EXPECT_EQ(h.tcb.cc.w_max, 50 * MSS);
}

/* cwnd is on the curve, a round trip ahead, on both sides of K = 9.09 s. */
TEST(acked__follows_the_curve)
{
	struct host h;
	double t, want;
	int i;

	make_avoiding(&h, 1000, 700);
	for (i = 1; i <= 150; i++) {
		round_trip(&h, RTT);
		t = i * 0.1;
		want = w_cubic(1000, t, 9.0856) * MSS;
		EXPECT_TRUE(h.tcb.cc.cwnd + 6 * MSS >= want);
		want = w_cubic(1000, t + 0.1, 9.0856) * MSS;
		EXPECT_TRUE(h.tcb.cc.cwnd <= want + MSS);
	}
	EXPECT_GT(h.tcb.cc.cwnd, 1070 * MSS);
}

/* At 10 ms and 50 segments Reno is faster: (4) with alpha = 9/17, then 1. */
TEST(acked__reno_friendly)
{
	struct host h;
	int i;

	make_avoiding(&h, 50, 35);
	h.tcb.rtt.srtt = 10 * MSEC;
	for (i = 0; i < 20; i++)
		round_trip(&h, 10 * MSEC);
	EXPECT_TRUE(near(h.tcb.cc.cwnd, 35 * MSS + 20 * MSS * 9 / 17,
			 2 * MSS));
	while (h.tcb.cc.cwnd < 55 * MSS)
		round_trip(&h, 10 * MSEC);
	for (i = 0; i < 10; i++)
		round_trip(&h, 10 * MSEC);
	EXPECT_TRUE(near(h.tcb.cc.cwnd, 65 * MSS, 2 * MSS));
}

/* Section 4.4: however far the curve has run on, 1.5 times in a round trip. */
TEST(acked__by_half_at_most)
{
	struct host h;

	make_avoiding(&h, 100, 100);
	toytcp_congestion_acked(&h.tcb, MSS, FULL, h.now);
	h.now += 60 * SECOND;
	toytcp_congestion_acked(&h.tcb, FULL, FULL, h.now);
	EXPECT_TRUE(near(h.tcb.cc.cwnd, 150 * MSS, 10));
}

/* 71 minutes without congestion: the clock has come round. */
TEST(acked__never_shrinks)
{
	struct host h;
	u32 cwnd;

	make_avoiding(&h, 1000, 700);
	round_trip(&h, RTT);
	cwnd = h.tcb.cc.cwnd;
	h.now += 1ull << 32;
	round_trip(&h, RTT);
	EXPECT_GE(h.tcb.cc.cwnd, cwnd);
}

/* Section 5.8: time in which the window was not used does not count. */
TEST(acked__a_pause_does_not_count)
{
	struct host h;
	u32 cwnd;
	int i;

	make_avoiding(&h, 1000, 700);
	for (i = 0; i < 30; i++)
		round_trip(&h, RTT);
	cwnd = h.tcb.cc.cwnd;
	toytcp_congestion_acked(&h.tcb, MSS, MSS, h.now);
	h.now += 3600ull * SECOND;
	toytcp_congestion_acked(&h.tcb, MSS, FULL, h.now);
	EXPECT_TRUE(near(h.tcb.cc.cwnd, cwnd, MSS));
	EXPECT_TRUE(near(h.tcb.cc.k, 9086 - 3000, 150));
}

/* Sections 4.6 and 4.7: beta is 0.7; below the old W_max it shrinks by more. */
TEST(ssthresh__beta_and_fast_convergence)
{
	struct host h;

	make_avoiding(&h, 0, 10);
	host_send(&h, 20 * MSS);
	toytcp_congestion_lost(&h.tcb);
	EXPECT_EQ(h.tcb.cc.ssthresh, 7 * MSS);
	EXPECT_EQ(h.tcb.cc.w_max, 10 * MSS);
	h.tcb.cc.cwnd = 9 * MSS;
	toytcp_congestion_lost(&h.tcb);
	EXPECT_EQ(h.tcb.cc.w_max, 9 * MSS * 17 / 20);
}

TEST(ssthresh__a_timeout_forgets_w_max)
{
	struct host h;

	make_avoiding(&h, 100, 10);
	host_send(&h, 10 * MSS);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.cc.ssthresh, 7 * MSS);
	EXPECT_EQ(h.tcb.cc.w_max, 0);
	EXPECT_EQ(h.tcb.cc.cwnd, MSS);
}

/* Section 4.9: the place where it was is found again. */
TEST(undo__the_curve_goes_on_from_where_it_was)
{
	struct host h;

	make_avoiding(&h, 20, 20);
	host_send(&h, 20 * MSS);
	toytcp_congestion_lost(&h.tcb);
	h.tcb.cc.cwnd = h.tcb.cc.ssthresh;
	toytcp_congestion_undo(&h.tcb);
	toytcp_congestion_acked(&h.tcb, MSS, FULL, h.now);
	EXPECT_EQ(h.tcb.cc.w_max, 20 * MSS);
	EXPECT_EQ(h.tcb.cc.k, 0);
}

TEST_HARNESS_MAIN
