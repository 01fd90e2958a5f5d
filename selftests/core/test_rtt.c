// SPDX-License-Identifier: GPL-2.0
/* rtt.c: RFC 6298, by its numbers. */
#include "host.h"
#include "kselftest_harness.h"

static struct round_trip make_rtt(void)
{
	struct tcb tcb;

	toytcp_tcb_init(&tcb, BUF, MSS);
	return tcb.rtt;
}

/* (2.1) */
TEST(rtt__one_second_at_first)
{
	struct round_trip rtt = make_rtt();

	EXPECT_EQ(toytcp_rtt_timeout(&rtt), SECOND);
}

/* (2.2): SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR = 3 R. */
TEST(rtt_sample__the_first)
{
	struct round_trip rtt = make_rtt();

	toytcp_rtt_sample(&rtt, 400 * MSEC);
	EXPECT_EQ(rtt.srtt, 400 * MSEC);
	EXPECT_EQ(rtt.rttvar, 200 * MSEC);
	EXPECT_EQ(rtt.rto, 1200 * MSEC);
}

/* (2.3): alpha is 1/8, beta 1/4, RTTVAR with the old SRTT. */
TEST(rtt_sample__the_second)
{
	struct round_trip rtt = make_rtt();

	toytcp_rtt_sample(&rtt, 400 * MSEC);
	toytcp_rtt_sample(&rtt, 800 * MSEC);
	EXPECT_EQ(rtt.rttvar, 250 * MSEC);
	EXPECT_EQ(rtt.srtt, 450 * MSEC);
	EXPECT_EQ(rtt.rto, 1450 * MSEC);
}

TEST(rtt_sample__a_smaller_one)
{
	struct round_trip rtt = make_rtt();

	toytcp_rtt_sample(&rtt, 800 * MSEC);
	toytcp_rtt_sample(&rtt, 400 * MSEC);
	EXPECT_EQ(rtt.rttvar, 400 * MSEC);
	EXPECT_EQ(rtt.srtt, 750 * MSEC);
}

/* However steady the path: the peer may delay its ACK. */
TEST(rtt_sample__stays_above_the_round_trip)
{
	struct round_trip rtt = make_rtt();
	int i;

	for (i = 0; i < 200; i++)
		toytcp_rtt_sample(&rtt, 300 * MSEC);
	EXPECT_LE(rtt.rttvar, MSEC);
	EXPECT_GE(rtt.rto, 300 * MSEC + DELAYED_ACK);
	EXPECT_EQ(rtt.rto, rtt.srtt + RTO_MARGIN);
}

TEST(rtt_sample__bounds)
{
	struct round_trip rtt = make_rtt();

	toytcp_rtt_sample(&rtt, 0);
	EXPECT_GT(rtt.srtt, 0);
	toytcp_rtt_sample(&rtt, UINT32_MAX);
	EXPECT_LE(rtt.rto, RTO_MAX);
	EXPECT_GE(RTO_MAX, 60 * SECOND);	/* (2.5) */
}

TEST(rtt_acked__measures)
{
	struct round_trip rtt = make_rtt();

	toytcp_rtt_start(&rtt, 100, START);
	toytcp_rtt_acked(&rtt, 99, START + 10 * MSEC);
	EXPECT_EQ(rtt.srtt, 0);
	toytcp_rtt_acked(&rtt, 100, START + 30 * MSEC);
	EXPECT_EQ(rtt.srtt, 30 * MSEC);
	EXPECT_FALSE(!!rtt.timing);
}

TEST(rtt_start__one_at_a_time)
{
	struct round_trip rtt = make_rtt();

	toytcp_rtt_start(&rtt, 100, START);
	toytcp_rtt_start(&rtt, 200, START + 10 * MSEC);
	toytcp_rtt_acked(&rtt, 200, START + 30 * MSEC);
	EXPECT_EQ(rtt.srtt, 30 * MSEC);
}

TEST(rtt_acked__while_the_clock_wraps)
{
	struct round_trip rtt = make_rtt();

	toytcp_rtt_start(&rtt, 5, 0xfffffff0ull);
	toytcp_rtt_acked(&rtt, 5, 0x100000010ull);
	EXPECT_EQ(rtt.srtt, 0x20);
}

/* (5.5) */
TEST(rtt_timeout__doubles_up_to_a_limit)
{
	struct round_trip rtt = make_rtt();
	u32 last = 0, i;

	toytcp_rtt_sample(&rtt, 100 * MSEC);
	for (i = 0; i < 255; i++) {
		u32 now;

		rtt.backoff = (u8)i;
		now = toytcp_rtt_timeout(&rtt);
		EXPECT_TRUE(now == 2 * last || now == RTO_MAX || !i);
		last = now;
	}
	EXPECT_EQ(last, RTO_MAX);
}

/* Karn's rule: after a timeout the backed-off value stays until a sample. */
TEST(karn__the_back_off_lasts_until_a_sample)
{
	struct host h;

	make_established(&h);
	host_send(&h, 10);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.rtt.backoff, 1);
	ARRIVE_NEXT(&h, .ack = ISS + 11);	/* of which of the two? */
	EXPECT_EQ(h.tcb.rtt.backoff, 1);
	host_send(&h, 10);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + 2 * h.tcb.rtt.rto);
	h.now += 100 * MSEC;
	ARRIVE_NEXT(&h, .ack = ISS + 21);
	EXPECT_EQ(h.tcb.rtt.backoff, 0);
}

TEST(karn__a_repeated_segment_is_not_timed)
{
	struct host h;
	u32 srtt;

	make_established(&h);
	srtt = h.tcb.rtt.srtt;
	host_send(&h, 10);
	ASSERT_TRUE(host_expire(&h));
	h.now += 7 * SECOND;
	ARRIVE_NEXT(&h, .ack = ISS + 11);
	EXPECT_EQ(h.tcb.rtt.srtt, srtt);
}

/* RFC 7323 section 4: an echo says which of the two was acknowledged. */
TEST(rtt_echoed__ends_the_back_off)
{
	struct round_trip rtt = make_rtt();

	toytcp_rtt_sample(&rtt, 100 * MSEC);
	rtt.backoff = 2;
	toytcp_rtt_echoed(&rtt, 300);
	EXPECT_EQ(rtt.backoff, 0);
	EXPECT_EQ(rtt.srtt, 125 * MSEC);
}

/* Our own clock is finer, and one sample in a round trip is enough. */
TEST(rtt_echoed__otherwise_says_nothing_new)
{
	struct round_trip rtt = make_rtt();

	toytcp_rtt_sample(&rtt, 100 * MSEC);
	toytcp_rtt_echoed(&rtt, 300);
	EXPECT_EQ(rtt.srtt, 100 * MSEC);
	rtt.backoff = 1;
	toytcp_rtt_echoed(&rtt, 0xfffffff0);	/* from the future */
	EXPECT_EQ(rtt.srtt, 100 * MSEC);
	EXPECT_EQ(rtt.backoff, 1);
}

TEST_HARNESS_MAIN
