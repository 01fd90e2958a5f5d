// SPDX-License-Identifier: GPL-2.0
/* window.c: the receive window, RFC 9293 3.8.6.2.2 and RFC 7323 2. */
#include "host.h"
#include "kselftest_harness.h"

TEST(window_scale__the_smallest_that_will_do)
{
	EXPECT_EQ(toytcp_window_scale(0), 0);
	EXPECT_EQ(toytcp_window_scale(65535), 0);
	EXPECT_EQ(toytcp_window_scale(65536), 1);
	EXPECT_EQ(toytcp_window_scale(131071), 1);
	EXPECT_EQ(toytcp_window_scale(131072), 2);
	EXPECT_EQ(toytcp_window_scale(WINDOW_MAX), 14);
	EXPECT_EQ(toytcp_window_scale(UINT32_MAX), 14);
}

/* --- The window: RFC 9293 3.8.6.2.2 --- */

TEST(announce__shrinks_as_text_arrives)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = MSS);
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].wnd, BUF - MSS);
}

/* A few bytes read are not worth a word; a segment's worth is. */
TEST(announce__opens_by_something_worth_while)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = BUF);
	EXPECT_EQ(h.out[0].wnd, 0);
	host_read(&h, MSS - 1);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .len = 1);	/* a probe */
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].wnd, 0);
	host_read(&h, 1);
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].wnd, MSS);
}

/* With a small buffer, half of it is worth while. */
TEST(announce__a_small_buffer)
{
	struct host h;

	make_established(&h);
	h.tcb.rcv.buf = 100;
	h.tcb.rcv.adv = h.tcb.rcv.nxt + 100;
	ARRIVE_NEXT(&h, .len = 100);
	host_read(&h, 49);
	EXPECT_QUIET(&h);
	host_read(&h, 1);
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].wnd, 50);
}

/* A large buffer that was full: steps of a segment would keep segments small. */
TEST(announce__a_full_buffer_opens_by_a_share)
{
	const u32 buf = 4 * WINDOW_SHARE * MSS;
	struct host h;

	make_established(&h);
	h.tcb.rcv.buf = buf;
	h.tcb.rcv.adv = h.tcb.rcv.nxt + buf;
	ARRIVE_NEXT(&h, .len = buf);
	EXPECT_EQ(h.out[0].wnd, 0);
	host_read(&h, MSS);
	EXPECT_QUIET(&h);
	host_read(&h, 3 * MSS - 1);
	EXPECT_QUIET(&h);
	host_read(&h, 1);
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].wnd, 4 * MSS);
}

/* SHLD-14, even if the buffer was made smaller. */
TEST(announce__never_goes_back)
{
	struct host h;
	u32 edge;

	make_established(&h);
	edge = h.tcb.rcv.adv;
	h.tcb.rcv.buf = 1000;
	ARRIVE_NEXT(&h, .len = 500);
	host_pass(&h, DELAYED_ACK);
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].ack + h.out[0].wnd, edge);
}

/* A connection whose windows count in units of 64 bytes, nobody reads. */
static void make_scaled(struct host *h, u32 buf)
{
	make_established(h);
	h->tcb.rcv.buf = buf;
	h->tcb.rcv.wscale = 6;
	h->tcb.quickack = 1;
	h->tcb.rcv.adv = h->tcb.rcv.nxt + (buf & ~63u);
}

/* One byte at a time does not fill more than the buffer. */
TEST(announce__rounding_up_has_an_end)
{
	struct host h;
	u32 i;

	make_scaled(&h, 1024);
	for (i = 0; i < 2000; i++) {
		h.used = 0;
		ARRIVE_NEXT(&h, .len = 1);
		ASSERT_LE(h.tcb.rcv.nxt - h.tcb.rcv.copied, 1024);
	}
	EXPECT_EQ(h.tcb.rcv.nxt - h.tcb.rcv.copied, 1024);
	EXPECT_EQ(h.out[0].wnd, 0);
}

/* A segment may be worth less than a unit: the edge must not go back for it. */
TEST(announce__small_segments_and_large_units)
{
	struct host h;
	u32 i, edge = 0;

	make_scaled(&h, 100000);
	h.tcb.rcv.announced = 48;
	for (i = 0; i < 200; i++) {
		h.used = 0;
		ARRIVE_NEXT(&h, .len = 61);
		toytcp_user_receive(&h.tcb, 61);
		ASSERT_EQ(h.sent, 1);
		EXPECT_GE((int)(h.out[0].ack + (h.out[0].wnd << 6)),
			  (int)edge);
		edge = h.out[0].ack + (h.out[0].wnd << 6);
	}
}

/* Nor for text that leaves a part of a unit, where the window does not grow. */
TEST(announce__part_of_a_unit)
{
	struct host h;
	u32 edge;

	make_scaled(&h, 2048);
	h.tcb.rcv.adv -= 128;
	edge = h.tcb.rcv.adv;
	ARRIVE_NEXT(&h, .len = 10);
	ASSERT_EQ(h.sent, 1);
	EXPECT_GE((int)(h.out[0].ack + (h.out[0].wnd << 6) - edge), 0);
}

/* The buffer shrank, or grew, after the SYN: what that has said stands. */
TEST(announce__what_the_syn_said)
{
	struct host h;

	make_syn_sent(&h);
	h.tcb.rcv.buf = BUF / 2;
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_EQ(h.tcb.rcv.adv, IRS + 1 + BUF);
	make_syn_received(&h);
	h.tcb.rcv.buf = BUF + 1;
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.out[0].ctl, CTL_SYN | CTL_ACK);
	EXPECT_EQ(h.out[0].ack + h.out[0].wnd, h.tcb.rcv.adv);
}

/* A buffer that became smaller than a unit is not closed for ever. */
TEST(announce__a_buffer_smaller_than_a_unit)
{
	struct host h;

	make_established(&h);
	h.tcb.rcv.wscale = 14;
	h.tcb.rcv.adv = h.tcb.rcv.nxt + 1000;
	h.tcb.quickack = 1;
	ARRIVE_NEXT(&h, .len = 1000);
	EXPECT_EQ(h.out[0].wnd, 0);
	host_read(&h, 1000);
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].wnd, 1);
	ARRIVE_NEXT(&h, .len = 1000);
	EXPECT_EQ(host_ready(&h), 1000);
}

/* The peer does not scale, and the buffer is larger than it can be told. */
TEST(announce__a_full_field_is_no_news)
{
	struct host h;

	make_established(&h);
	h.tcb.rcv.buf = 1 << 20;
	h.tcb.rcv.adv = h.tcb.rcv.nxt + 65535;
	ARRIVE_NEXT(&h, .len = 10);
	host_read(&h, 10);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_EQ(h.out[0].wnd, 65535);
}

TEST_HARNESS_MAIN
