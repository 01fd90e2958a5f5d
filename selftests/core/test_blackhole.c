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

/* It was an outage: all is as before. */
TEST(blackhole__an_outage)
{
	struct host h;
	int i;

	make_large(&h);
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(host_expire(&h));
	let_pass(&h, LARGE);
	EXPECT_EQ(h.tcb.snd.mss, LARGE);
	EXPECT_EQ(h.out[0].len, LARGE);
}

/* It is none: once more, and then for good, at the size that got through. */
TEST(blackhole__for_good)
{
	struct host h;
	int i;

	make_large(&h);
	for (i = 0; i < 1000 && h.tcb.snd.una != h.tcb.snd.end; i++)
		if (h.sent && h.out[0].len <= 600)
			let_pass(&h, 600);
		else
			host_expire(&h);
	EXPECT_EQ(h.tcb.snd.una, h.tcb.snd.end);
	EXPECT_EQ(h.tcb.snd.mss, MSS_DEFAULT);
	EXPECT_EQ(h.tcb.mss_proven, MSS_DEFAULT);
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
