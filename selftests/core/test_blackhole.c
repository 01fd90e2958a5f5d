// SPDX-License-Identifier: GPL-2.0
/* blackhole.c: paths that swallow large packets, RFC 4821 section 7.7. */
#include "host.h"
#include "kselftest_harness.h"

#define LARGE	1400u

static void make_large(struct host *h)
{
	make_established(h);
	toytcp_tcb_set_mss(&h->tcb, LARGE);
	h->tcb.rcv.announced = LARGE;
	h->tcb.cc.cwnd = 10 * LARGE;
	host_send(h, 5 * LARGE);
}

/* The path takes segments of up to @most: what arrives is acknowledged. */
static void let_pass(struct host *h, u32 most)
{
	u32 una = h->tcb.snd.una;
	int i;

	for (i = 0; i < h->sent; i++)
		if (h->out[i].len <= most && h->out[i].seq == una)
			una += h->out[i].len;
	if (una != h->tcb.snd.una)
		ARRIVE_NEXT(h, .ack = una);
}

TEST(blackhole__the_third_timeout_makes_segments_smaller)
{
	struct host h;

	make_large(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_FALSE(h.act.notes & NOTE_SHRUNK);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.out[0].len, LARGE);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_TRUE(h.act.notes & NOTE_SHRUNK);
	ASSERT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, BLACKHOLE_MSS);
	EXPECT_EQ(h.tcb.cc.cwnd, BLACKHOLE_MSS);
}

TEST(blackhole__and_the_fifth_yet_smaller_but_not_below)
{
	struct host h;
	int i;

	make_large(&h);
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.out[0].len, BLACKHOLE_MSS);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.out[0].len, MSS_DEFAULT);
	for (i = 0; i < 6; i++)
		ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.out[0].len, MSS_DEFAULT);
}

/* The user goes on sending, over a path that takes @most: one round trip. */
static void go_on(struct host *h, u32 most)
{
	u32 una = h->tcb.snd.una;

	h->now += 10 * MSEC;
	if (una == h->tcb.snd.end)
		host_send(h, 3 * LARGE);
	let_pass(h, most);
	if (h->tcb.snd.una == una)
		host_expire(h);
}

/* A smaller segment was lost, too: the size was not to blame. */
static void end_outage(struct host *h)
{
	u64 end = h->now;
	int i;

	for (i = 0; i < 100 && h->tcb.snd.mss_former; i++)
		go_on(h, LARGE);
	if (h->tcb.snd.mss != LARGE || h->now - end > SECOND)
		abort();
}

TEST(blackhole__an_outage)
{
	static const int timeouts[] = { 4, 6, 7, 15 };
	struct host h;
	u32 i;
	int n;

	for (i = 0; i < ARRAY_SIZE(timeouts); i++) {
		make_large(&h);
		for (n = 0; n < timeouts[i]; n++)
			ASSERT_TRUE(host_expire(&h));
		EXPECT_LT(h.tcb.snd.mss, LARGE);
		let_pass(&h, LARGE);
		EXPECT_LT(h.tcb.snd.mss, LARGE);	/* backed off */
		end_outage(&h);
	}
}

/* With timestamps the first ACK ends the backoff, and the trial begins. */
TEST(blackhole__an_outage_with_timestamps)
{
	struct host h;
	int i;

	make_large(&h);
	h.tcb.timestamps = 1;
	toytcp_tcb_set_mss(&h.tcb, LARGE);
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(host_expire(&h));
	ARRIVE_NEXT(&h, .ack = h.tcb.snd.una + h.out[0].len,
		    .options = HAS_TIMESTAMPS, .tsval = 1,
		    .tsecr = h.out[0].tsval);
	EXPECT_EQ(toytcp_tcb_mss(&h.tcb), LARGE);
}

/* One after the other, and none leaves anything behind. */
TEST(blackhole__many_outages)
{
	struct host h;
	int i, n;

	make_large(&h);
	for (i = 0; i < 20; i++) {
		for (n = 0; n < 4; n++)
			ASSERT_TRUE(host_expire(&h));
		let_pass(&h, LARGE);
		end_outage(&h);
		host_send(&h, LARGE);
	}
}

static void fall_into_hole(struct host *h)
{
	int i;

	make_large(h);
	for (i = 0; i < 3; i++)
		host_expire(h);
	let_pass(h, BLACKHOLE_MSS);
}

/* The first smaller segment gets through: another trial later, and later. */
TEST(blackhole__trials)
{
	struct host h;
	u64 since;
	u32 i;

	fall_into_hole(&h);
	EXPECT_EQ(h.tcb.snd.mss, BLACKHOLE_MSS);
	EXPECT_EQ(h.tcb.rtt.backoff, 3);	/* and there was no trial yet */
	since = h.now;
	for (i = 0; i < 10; i++) {
		u32 wait = BLACKHOLE_WAIT << min(i, BLACKHOLE_DOUBLINGS);

		while (h.tcb.snd.mss != LARGE)
			go_on(&h, BLACKHOLE_MSS);
		EXPECT_GE(h.now - since, wait);
		EXPECT_LE(h.now - since, wait + SECOND);
		since = h.now;
		while (h.tcb.snd.mss == LARGE)
			go_on(&h, BLACKHOLE_MSS);
		EXPECT_LT(h.now - since, SECOND);	/* one timeout */
		EXPECT_EQ(h.out[0].len, BLACKHOLE_MSS);
	}
}

/* The hole is gone: one large segment is enough, and timeouts are as before. */
TEST(blackhole__a_trial_that_succeeds)
{
	struct host h;

	fall_into_hole(&h);
	while (h.tcb.snd.mss_former)
		go_on(&h, LARGE);
	EXPECT_LT(h.now, START + BLACKHOLE_WAIT + 15 * SECOND);
	EXPECT_EQ(h.tcb.snd.mss, LARGE);
	host_send(&h, 3 * LARGE);
	while (!h.tcb.tries)
		ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.snd.mss, LARGE);
}

/* Small segments say nothing about large ones. */
TEST(blackhole__a_trial_without_large_segments)
{
	struct host h;
	int i;

	fall_into_hole(&h);
	while (h.tcb.snd.una != h.tcb.snd.end)
		ARRIVE_NEXT(&h, .ack = h.tcb.snd.nxt);
	host_pass(&h, BLACKHOLE_WAIT);
	for (i = 0; i < 5; i++) {
		host_send(&h, 600);
		ARRIVE_NEXT(&h, .ack = h.tcb.snd.nxt);
		EXPECT_EQ(h.tcb.snd.mss, LARGE);
		EXPECT_EQ(h.tcb.mss_proven, BLACKHOLE_MSS);
	}
	host_send(&h, LARGE);
	while (!h.tcb.tries)
		ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.snd.mss, BLACKHOLE_MSS);
}

/* The path has become worse meanwhile. */
TEST(blackhole__in_a_black_hole)
{
	struct host h;
	int i;

	fall_into_hole(&h);
	host_send(&h, 3 * LARGE);
	for (i = 0; i < 100 && h.tcb.snd.mss != MSS_DEFAULT; i++)
		ASSERT_TRUE(host_expire(&h));
	let_pass(&h, MSS_DEFAULT);
	EXPECT_EQ(h.tcb.mss_proven, MSS_DEFAULT);
	EXPECT_EQ(h.tcb.snd.mss_former, LARGE);
}

/* Less than a full segment, but more than the path takes. */
TEST(blackhole__short_segments_too)
{
	struct host h;
	int i;

	make_established(&h);
	host_send(&h, MSS_DEFAULT + 1);
	for (i = 0; i < 5; i++)
		ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.out[0].len, MSS_DEFAULT);
}

TEST(blackhole__what_fits_every_path_proves_nothing)
{
	struct host h;
	int i;

	make_established(&h);
	host_send(&h, MSS_DEFAULT);
	for (i = 0; i < 6; i++)
		ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.snd.mss, MSS);
}

/* What fits 576 bytes fits every path: RFC 9293 3.7.1. */
TEST(blackhole__small_segments_are_not_made_smaller)
{
	struct host h;
	int i;

	make_large(&h);
	toytcp_tcb_set_mss(&h.tcb, 500);
	for (i = 0; i < 6; i++)
		ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.snd.mss, 500);
}

TEST_HARNESS_MAIN
