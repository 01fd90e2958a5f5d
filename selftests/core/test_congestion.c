// SPDX-License-Identifier: GPL-2.0
/* congestion.c: RFC 5681 and RFC 6928. */
#include "host.h"
#include "kselftest_harness.h"

TEST(congestion_find__by_name)
{
	struct host h;
	int i;

	for (i = 0; toytcp_congestion_name(i); i++)
		EXPECT_EQ(toytcp_congestion_find(toytcp_congestion_name(i)), i);
	EXPECT_EQ(i, 2);
	EXPECT_EQ(toytcp_congestion_find("nosuch"), -ENOENT);
	EXPECT_EQ(toytcp_congestion_find(""), -ENOENT);
	make_closed(&h);
	EXPECT_STREQ(toytcp_congestion_name(h.tcb.cc.algorithm), "reno");
}

static u32 initial_window(u16 mss, u32 syn_repeated)
{
	struct host h;

	make_established(&h);
	toytcp_tcb_set_mss(&h.tcb, mss);
	h.tcb.retransmits = syn_repeated;
	toytcp_congestion_init(&h.tcb);
	return h.tcb.cc.cwnd;
}

/* RFC 6928: min(10 MSS, max(2 MSS, 14600)) */
TEST(congestion_init__initial_window)
{
	EXPECT_EQ(initial_window(536, 0), 5360);
	EXPECT_EQ(initial_window(1460, 0), 14600);
	EXPECT_EQ(initial_window(2000, 0), 14600);
	EXPECT_EQ(initial_window(9000, 0), 18000);
}

/* RFC 5681 3.1: one segment; RFC 6928 2: but the first timeout may be spurious. */
TEST(congestion_init__after_lost_syns)
{
	EXPECT_EQ(initial_window(1460, 1), 14600);
	EXPECT_EQ(initial_window(1460, 2), 1460);
}

TEST(congestion_acked__slow_start)
{
	struct host h;
	u32 cwnd;

	make_established(&h);
	cwnd = h.tcb.cc.cwnd;
	host_send(&h, 10 * MSS);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + MSS);
	EXPECT_EQ(h.tcb.cc.cwnd, cwnd + MSS);
}

TEST(congestion_acked__slow_start_ends_at_ssthresh)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = 4 * MSS;
	h.tcb.cc.ssthresh = 4 * MSS + 300;
	toytcp_congestion_acked(&h.tcb, 2 * MSS, 4 * MSS, h.now);
	EXPECT_EQ(h.tcb.cc.cwnd, 4 * MSS + 300);
}

/* One segment for each window of acknowledged bytes. */
TEST(congestion_acked__avoidance)
{
	struct host h;
	int i;

	make_established(&h);
	h.tcb.cc.cwnd = 4 * MSS;
	h.tcb.cc.ssthresh = 4 * MSS;
	for (i = 0; i < 3; i++)
		toytcp_congestion_acked(&h.tcb, MSS, 4 * MSS, h.now);
	EXPECT_EQ(h.tcb.cc.cwnd, 4 * MSS);
	toytcp_congestion_acked(&h.tcb, MSS, 4 * MSS, h.now);
	EXPECT_EQ(h.tcb.cc.cwnd, 5 * MSS);
}

/* What does not make a whole segment never goes out: nobody can ack it. */
TEST(congestion_acked__avoidance_in_whole_segments)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = 4 * MSS + MSS / 2;
	h.tcb.cc.ssthresh = 4 * MSS;
	toytcp_congestion_acked(&h.tcb, 4 * MSS, 4 * MSS, h.now);
	EXPECT_EQ(h.tcb.cc.cwnd, 5 * MSS + MSS / 2);
	h.tcb.cc.cwnd = MSS / 2;	/* the MSS has risen since */
	h.tcb.cc.ssthresh = MSS / 2;
	toytcp_congestion_acked(&h.tcb, MSS / 4, MSS / 2, h.now);
	EXPECT_EQ(h.tcb.cc.cwnd, MSS / 2);
}

/* RFC 7661: what was not used says nothing about the path. */
TEST(congestion_acked__an_unused_window_does_not_grow)
{
	struct host h;
	u32 cwnd;
	u32 i;

	make_established(&h);
	cwnd = h.tcb.cc.cwnd;
	for (i = 1; i <= 100; i++) {
		host_send(&h, 10);
		ARRIVE_NEXT(&h, .ack = ISS + 1 + 10 * i);
	}
	EXPECT_EQ(h.tcb.cc.cwnd, cwnd);
}

/* The window was full, though the last ACK of it finds two segments out. */
TEST(congestion_peak__a_burst_is_acknowledged_bit_by_bit)
{
	struct host h;
	u32 i;

	make_established(&h);
	host_send(&h, 10 * MSS);
	for (i = 1; i <= 5; i++) {
		ARRIVE_NEXT(&h, .ack = ISS + 1 + 2 * i * MSS);
		EXPECT_EQ(h.tcb.cc.cwnd, (10 + 2 * i) * MSS);
	}
	host_send(&h, 5 * MSS);	/* the next round trip does not fill it */
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 15 * MSS);
	EXPECT_EQ(h.tcb.cc.cwnd, 20 * MSS);
}

TEST(congestion_acked__has_a_limit)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = CWND_MAX - 10;
	toytcp_congestion_acked(&h.tcb, MSS, CWND_MAX, h.now);
	EXPECT_EQ(h.tcb.cc.cwnd, CWND_MAX);
}

/* Half of what is outstanding; what limited transmit added does not count. */
TEST(congestion_lost__halves_flight_size)
{
	struct host h;

	make_established(&h);
	host_send(&h, 8 * MSS);
	toytcp_congestion_lost(&h.tcb);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
	h.tcb.cc.cwnd = 6 * MSS;
	toytcp_congestion_lost(&h.tcb);
	EXPECT_EQ(h.tcb.cc.ssthresh, 3 * MSS);
}

TEST(congestion_undo__restores_both)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = 20 * MSS;
	h.tcb.cc.ssthresh = 30 * MSS;
	host_send(&h, 20 * MSS);
	toytcp_congestion_lost(&h.tcb);
	h.tcb.cc.cwnd = h.tcb.cc.ssthresh;
	toytcp_congestion_undo(&h.tcb);
	EXPECT_EQ(h.tcb.cc.cwnd, 20 * MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 30 * MSS);
}

TEST(congestion_undo__keeps_what_has_grown_beyond)
{
	struct host h;

	make_established(&h);
	host_send(&h, 8 * MSS);
	ASSERT_TRUE(host_expire(&h));
	h.tcb.cc.cwnd = 15 * MSS;
	toytcp_congestion_undo(&h.tcb);
	EXPECT_EQ(h.tcb.cc.cwnd, 15 * MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, CWND_MAX);
}

/* RFC 5681 (4): half of what is outstanding; the loss window is one MSS. */
TEST(congestion_timeout__halves_flight_size)
{
	struct host h;

	make_established(&h);
	host_send(&h, 8 * MSS);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
	EXPECT_EQ(h.tcb.cc.cwnd, MSS);
}

TEST(congestion_timeout__once_for_a_segment)
{
	struct host h;

	make_established(&h);
	host_send(&h, 8 * MSS);
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
}

TEST(congestion_timeout__at_least_two_segments)
{
	struct host h;

	make_established(&h);
	host_send(&h, 10);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.cc.ssthresh, 2 * MSS);
}

/* Fast recovery has reacted to the loss: a lost repetition is not another. */
TEST(congestion_timeout__after_fast_recovery)
{
	struct host h;

	make_established(&h);
	host_send(&h, 8 * MSS);
	ARRIVE_NEXT(&h);
	ARRIVE_NEXT(&h);
	ARRIVE_NEXT(&h);
	EXPECT_TRUE(h.tcb.cc.recovering == 1);
	h.tcb.cc.cwnd = 4 * MSS;
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
	EXPECT_EQ(h.tcb.cc.cwnd, MSS);
}

/* RFC 5681 4.1: after a silence of an RTO the restart window holds. */
TEST(congestion_idle__restarts)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = 50 * MSS;
	h.now += 2 * SECOND;
	host_send(&h, 20 * MSS);
	EXPECT_EQ(h.sent, INITIAL_WINDOW);
	EXPECT_EQ(h.tcb.cc.cwnd, INITIAL_WINDOW * MSS);
}

/* A request that comes in says nothing of the way out (RFC 5681 4.1). */
TEST(congestion_idle__a_request_does_not_hide_it)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = 50 * MSS;
	h.now += 2 * SECOND;
	ARRIVE_NEXT(&h, .len = 10);
	host_send(&h, 20 * MSS);
	EXPECT_EQ(h.sent, INITIAL_WINDOW);
}

/* Nor does a header that was corked until the rest is there. */
TEST(congestion_idle__a_cork_does_not_hide_it)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = 50 * MSS;
	h.now += 2 * SECOND;
	h.tcb.cork = 1;
	host_send(&h, 10);
	EXPECT_QUIET(&h);
	h.now += MSEC;
	host_send(&h, 20 * MSS);
	EXPECT_EQ(h.sent, INITIAL_WINDOW);
}

/* RFC 7661: what the path has carried is reached by slow start again. */
TEST(congestion_idle__remembers)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = 40 * MSS;
	h.tcb.cc.ssthresh = 20 * MSS;
	toytcp_congestion_idle(&h.tcb);
	EXPECT_EQ(h.tcb.cc.cwnd, INITIAL_WINDOW * MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 30 * MSS);
}

/* RW = min(IW, cwnd), and IW is less than ten segments if they are large. */
TEST(congestion_idle__large_segments)
{
	struct host h;

	make_established(&h);
	toytcp_tcb_set_mss(&h.tcb, 9000);
	h.tcb.cc.cwnd = 50 * 9000;
	toytcp_congestion_idle(&h.tcb);
	EXPECT_EQ(h.tcb.cc.cwnd, 18000);
	toytcp_congestion_idle(&h.tcb);
	EXPECT_EQ(h.tcb.cc.cwnd, 18000);
}

TEST(congestion_idle__not_after_a_short_pause)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = 50 * MSS;
	h.now += 100 * MSEC;
	host_send(&h, 20 * MSS);
	EXPECT_EQ(h.sent, 20);
}

TEST_HARNESS_MAIN
