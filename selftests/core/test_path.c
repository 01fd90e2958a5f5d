// SPDX-License-Identifier: GPL-2.0
/* path.c: fitting a connection to its path. */
#include "host.h"
#include "kselftest_harness.h"

#define ROOM	1480u	/* Ethernet's, beside a plain IP header */

static const struct path_limits ethernet = {
	.room = ROOM, .gso_size = 65000, .gso_segs = 64,
};

static void make_fitted(struct host *h, struct path_fit *path)
{
	make_established(h);
	h->tcb.snd.mss_max = 1460;
	memset(path, 0, sizeof(*path));
	toytcp_path_fit(path, &h->tcb, &ethernet);
}

TEST(mss__what_the_path_takes)
{
	EXPECT_EQ(toytcp_path_mss(ROOM, 0), 1460);
	EXPECT_EQ(toytcp_path_mss(ROOM, 1000), 1000);
	EXPECT_EQ(toytcp_path_mss(ROOM, 2000), 1460);
	EXPECT_EQ(toytcp_path_mss(0, 0), MSS_MIN);
	EXPECT_EQ(toytcp_path_mss(19, 0), MSS_MIN);
	EXPECT_EQ(toytcp_path_mss(65535, 0), 65495);
}

TEST(fit__goal_is_in_whole_segments)
{
	struct path_fit path;
	struct host h;

	make_fitted(&h, &path);
	EXPECT_EQ(h.tcb.snd.mss, 1460);
	EXPECT_EQ(path.room, ROOM);
	EXPECT_EQ(path.gso_goal, 44 * 1460);
	EXPECT_EQ(h.tcb.gso_goal, 44 * 1460);
}

TEST(fit__goal_is_limited_by_segments)
{
	struct path_limits limits = ethernet;
	struct path_fit path;
	struct host h;

	make_fitted(&h, &path);
	limits.gso_segs = 3;
	toytcp_path_fit(&path, &h.tcb, &limits);
	EXPECT_EQ(path.gso_goal, 3 * 1460);
}

TEST(fit__a_device_that_does_not_cut)
{
	struct path_limits limits = ethernet;
	struct path_fit path;
	struct host h;

	make_fitted(&h, &path);
	limits.gso_size = 0;
	toytcp_path_fit(&path, &h.tcb, &limits);
	EXPECT_EQ(path.gso_goal, 1460);
	EXPECT_EQ(h.tcb.gso_goal, 1460);
}

TEST(fit__never_more_than_both_ends_take)
{
	struct path_limits limits = ethernet;
	struct path_fit path;
	struct host h;

	make_fitted(&h, &path);
	limits.room = 9000;
	toytcp_path_fit(&path, &h.tcb, &limits);
	EXPECT_EQ(h.tcb.snd.mss, 1460);
}

/* The route's MTU was lower for a while: then segments grow again. */
TEST(fit__follows_the_route_both_ways)
{
	struct path_limits limits = ethernet;
	struct path_fit path;
	struct host h;

	make_fitted(&h, &path);
	EXPECT_FALSE(toytcp_path_changed(&path, &h.tcb, ROOM));
	EXPECT_TRUE(toytcp_path_changed(&path, &h.tcb, 600));
	limits.room = 600;
	toytcp_path_fit(&path, &h.tcb, &limits);
	EXPECT_EQ(h.tcb.snd.mss, 580);
	toytcp_path_fit(&path, &h.tcb, &ethernet);
	EXPECT_EQ(h.tcb.snd.mss, 1460);
}

/* What blackhole.c has found out holds while the route says nothing new. */
TEST(fit__leaves_smaller_segments_small)
{
	struct path_fit path;
	struct host h;

	make_fitted(&h, &path);
	toytcp_tcb_set_mss(&h.tcb, BLACKHOLE_MSS);
	EXPECT_TRUE(toytcp_path_changed(&path, &h.tcb, ROOM));
	toytcp_path_fit(&path, &h.tcb, &ethernet);
	EXPECT_EQ(h.tcb.snd.mss, BLACKHOLE_MSS);
	EXPECT_EQ(path.gso_goal % BLACKHOLE_MSS, 0);
	EXPECT_FALSE(toytcp_path_changed(&path, &h.tcb, ROOM));
}

/* The options of each segment are counted, and those of IP are in the room. */
TEST(report__makes_segments_smaller_and_sends_again)
{
	struct path_limits limits = ethernet;
	struct path_fit path;
	struct host h;

	make_fitted(&h, &path);
	h.tcb.timestamps = 1;
	toytcp_path_fit(&path, &h.tcb, &ethernet);
	host_send(&h, 1000);
	limits.room = 1000;
	EXPECT_TRUE(toytcp_path_report(&path, &h.tcb, &limits));
	EXPECT_EQ(h.tcb.snd.mss, 980 - TIMESTAMPS_ROOM);
	EXPECT_EQ(h.tcb.board.lost, 1000);
	EXPECT_EQ(path.room, ROOM);
}

TEST(report__never_makes_them_larger)
{
	struct path_limits limits = ethernet;
	struct path_fit path;
	struct host h;

	make_fitted(&h, &path);
	EXPECT_FALSE(toytcp_path_report(&path, &h.tcb, &ethernet));
	limits.room = 9000;
	EXPECT_FALSE(toytcp_path_report(&path, &h.tcb, &limits));
	EXPECT_EQ(h.tcb.snd.mss, 1460);
}

/* A SYN that is small enough for every path is not sent again for it. */
TEST(report__before_the_connection_is_made)
{
	struct path_limits limits = ethernet;
	struct path_fit path = { 0 };
	struct host h;

	make_syn_sent(&h);
	limits.room = 300;
	EXPECT_FALSE(toytcp_path_report(&path, &h.tcb, &limits));
	EXPECT_EQ(h.tcb.snd.mss, 280);
}

static void begin(struct host *h, u32 initial_window, u32 rto_min, bool quickack)
{
	make_established(h);
	toytcp_path_begin(&h->tcb, initial_window, rto_min, quickack);
	toytcp_congestion_init(&h->tcb);
	h->tcb.rtt.srtt = 0;
	toytcp_rtt_sample(&h->tcb.rtt, 100 * MSEC);
}

TEST(begin__what_the_administrator_knows)
{
	struct host h;

	begin(&h, 3, 900, true);
	EXPECT_EQ(h.tcb.cc.cwnd, 3u * h.tcb.snd.mss);
	EXPECT_EQ(h.tcb.rtt.rto, SECOND);
	EXPECT_EQ(!!h.tcb.quickack, true);
	/* After a pause, too. */
	h.tcb.cc.cwnd = 100u * h.tcb.snd.mss;
	toytcp_congestion_idle(&h.tcb);
	EXPECT_EQ(h.tcb.cc.cwnd, 3u * h.tcb.snd.mss);
}

TEST(begin__nothing_known)
{
	struct host h;

	begin(&h, 0, 0, false);
	EXPECT_EQ(h.tcb.cc.cwnd, 10u * h.tcb.snd.mss);
	EXPECT_EQ(h.tcb.rtt.rto, 100 * MSEC + RTO_MARGIN);
	EXPECT_EQ(!!h.tcb.quickack, false);
}

TEST(begin__bounds)
{
	struct host h;

	begin(&h, 1000000, UINT32_MAX, false);
	EXPECT_EQ(h.tcb.cc.cwnd, 255u * h.tcb.snd.mss);
	EXPECT_EQ(h.tcb.rtt.rto, 60100 * MSEC);
}

TEST_HARNESS_MAIN
