// SPDX-License-Identifier: GPL-2.0
/* Timestamps and PAWS, RFC 7323: arrives.c and emit.c with the option on. */
#include "host.h"
#include "kselftest_harness.h"

#define OFFSET	0xfffff000u	/* the clock wraps around during the tests */
#define THEIRS	0xffffff00u	/* the peer's, in its SYN,ACK */
#define DAY	(86400ull * SECOND)

#define STAMPED(val, ecr) \
	.options = HAS_TIMESTAMPS, .tsval = (val), .tsecr = (ecr)

static u32 clock_of(const struct host *h)
{
	return OFFSET + (u32)(h->now / MSEC);
}

static void make_offering(struct host *h)
{
	make_closed(h);
	h->tcb.timestamps = 1;
	h->tcb.ts.offset = OFFSET;
	toytcp_user_open(&h->tcb, ISS, h->now);
	host_settle(h);
}

static void make_stamped(struct host *h)
{
	make_offering(h);
	h->now += 100 * MSEC;
	ARRIVE(h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       .options = HAS_MSS | HAS_TIMESTAMPS, .mss = MSS,
	       .tsval = THEIRS, .tsecr = clock_of(h) - 100);
	h->tcb.nodelay = 1;
}

TEST(timestamps__offered_in_the_syn)
{
	struct host h;

	make_offering(&h);
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].options, HAS_MSS | HAS_WSCALE | HAS_TIMESTAMPS |
		  HAS_SACK_OK);
	EXPECT_EQ(h.out[0].tsval, clock_of(&h));
	EXPECT_EQ(h.out[0].tsecr, 0);
}

TEST(timestamps__on_every_segment_once_agreed)
{
	struct host h;

	make_stamped(&h);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_EQ(h.out[0].options, HAS_TIMESTAMPS);
	EXPECT_EQ(h.out[0].tsecr, THEIRS);
	h.now += 5 * MSEC;
	host_send(&h, 10);
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].options, HAS_TIMESTAMPS);
	EXPECT_EQ(h.out[0].tsval, clock_of(&h));
	EXPECT_EQ(h.out[0].hdrlen, 32);
}

/* Section 3.2: on a reset it SHOULD be. */
TEST(timestamps__on_our_reset)
{
	struct segment rst;
	struct host h;

	make_stamped(&h);
	EXPECT_TRUE(toytcp_user_abort(&h.tcb, 0, h.now, &h.act, &rst));
	EXPECT_EQ(rst.options, HAS_TIMESTAMPS);
	EXPECT_EQ(rst.tsval, clock_of(&h));
	EXPECT_EQ(rst.tsecr, 0);	/* nothing is echoed without an ACK */
	EXPECT_EQ(rst.hdrlen, 32);
}

TEST(timestamps__not_if_the_peer_has_none)
{
	struct host h;

	make_offering(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_EQ(h.out[0].options, 0);
	EXPECT_EQ(h.tcb.snd.mss, MSS_DEFAULT);
}

TEST(timestamps__not_if_we_did_not_offer)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       STAMPED(THEIRS, 0));
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_EQ(h.out[0].options, 0);
}

/* RFC 6691: the MSS options count none of it. */
TEST(timestamps__take_room_from_the_text)
{
	struct host h;

	make_stamped(&h);
	EXPECT_EQ(h.tcb.snd.mss, MSS - 12);
}

/* SHLD-19: nor does what the peer takes off make its segments small ones. */
TEST(timestamps__every_second_of_the_smallest_full_segments)
{
	struct host h;

	make_stamped(&h);
	h.tcb.rcv.quick_acks = 0;
	ARRIVE_NEXT(&h, .len = MSS_DEFAULT - 12, STAMPED(THEIRS, 0));
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .len = MSS_DEFAULT - 12, STAMPED(THEIRS, 0));
	EXPECT_EQ(h.sent, 1);
}

TEST(timestamps__a_simultaneous_open)
{
	struct host h;

	make_offering(&h);
	ARRIVE(&h, .ctl = CTL_SYN, .seq = IRS, STAMPED(THEIRS, 0));
	EXPECT_STATE(&h, TCP_SYN_RECV);
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].options, HAS_MSS | HAS_TIMESTAMPS);
	EXPECT_EQ(h.out[0].tsecr, THEIRS);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
	       STAMPED(THEIRS, clock_of(&h)));
	EXPECT_STATE(&h, TCP_ESTABLISHED);
}

TEST(syn_sent__an_echo_of_what_was_not_said)
{
	struct host h;

	make_offering(&h);
	h.now += 10 * MSEC;
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       STAMPED(THEIRS, clock_of(&h) + 1));
	EXPECT_STATE(&h, TCP_SYN_SENT);
	EXPECT_TRUE(h.act.reset);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       STAMPED(THEIRS, clock_of(&h) - 11));
	EXPECT_STATE(&h, TCP_SYN_SENT);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       STAMPED(THEIRS, clock_of(&h) - 10));
	EXPECT_STATE(&h, TCP_ESTABLISHED);
}

/* Some peers answer a SYN without an echo: TCP takes that, too. */
TEST(syn_sent__no_echo)
{
	struct host h;

	make_offering(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       STAMPED(THEIRS, 0));
	EXPECT_STATE(&h, TCP_ESTABLISHED);
}

/* Section 4.3: the first of the segments that one ACK is for is echoed. */
TEST(ts_recent__of_the_first_that_is_not_acked_yet)
{
	struct host h;

	make_stamped(&h);
	h.tcb.rcv.quick_acks = 0;
	ARRIVE_NEXT(&h, .len = 10, STAMPED(THEIRS + 1, 0));
	ARRIVE_NEXT(&h, .len = 10, STAMPED(THEIRS + 2, 0));
	EXPECT_EQ(h.tcb.ts.recent, THEIRS + 1);
	ASSERT_TRUE(host_expire(&h));
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].tsecr, THEIRS + 1);
	ARRIVE_NEXT(&h, .len = 10, STAMPED(THEIRS + 0x200, 0));
	EXPECT_EQ(h.tcb.ts.recent, THEIRS + 0x200);
}

/* What fills a gap is echoed, what waits behind it is not. */
TEST(ts_recent__not_of_text_out_of_order)
{
	struct host h;

	make_stamped(&h);
	ARRIVE_NEXT(&h, .seq = IRS + 101, .len = 10, STAMPED(THEIRS + 9, 0));
	EXPECT_EQ(h.tcb.ts.recent, THEIRS);
	ARRIVE_NEXT(&h, .len = 100, STAMPED(THEIRS + 3, 0));
	EXPECT_EQ(h.tcb.ts.recent, THEIRS + 3);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 111);
}

/* An ACK that cannot be the peer's does not move it. */
TEST(ts_recent__not_of_an_implausible_ack)
{
	struct host h;

	make_stamped(&h);
	ARRIVE_NEXT(&h, .ack = ISS + 5000, STAMPED(THEIRS + 99, 0));
	EXPECT_EQ(h.tcb.ts.recent, THEIRS);
}

TEST(paws__from_before)
{
	struct host h;

	make_stamped(&h);
	ARRIVE_NEXT(&h, .len = 10, STAMPED(THEIRS - 1, 0));
	EXPECT_TRUE(h.act.notes & NOTE_PAWS);
	EXPECT_EQ(h.act.ready, NULL);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1);
	ARRIVE_NEXT(&h, .len = 10, STAMPED(THEIRS, 0));
	EXPECT_FALSE(h.act.notes & NOTE_PAWS);
	EXPECT_EQ(host_ready(&h), 10);
}

/* RFC 2883: its repetition was faster, so there was no loss. */
TEST(paws__overtaken_by_its_repetition)
{
	struct host h;

	make_stamped(&h);
	h.tcb.sack_ok = 1;
	ARRIVE_NEXT(&h, .len = 10, STAMPED(THEIRS + 1, 0));
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1, .len = 10,
	       STAMPED(THEIRS, 0));
	EXPECT_TRUE(h.act.notes & NOTE_PAWS);
	ASSERT_EQ(h.sent, 1);
	ASSERT_EQ(h.out[0].sacks, 1);
	EXPECT_EQ(h.out[0].sack[0].from, IRS + 1);
	EXPECT_EQ(h.out[0].sack[0].to, IRS + 11);
}

/* Two that answer each other's would never end. */
TEST(paws__bare_acks_are_answered_now_and_then)
{
	struct host h;

	make_stamped(&h);
	ARRIVE_NEXT(&h, STAMPED(THEIRS - 9999, 0));
	EXPECT_EQ(h.sent, 1);
	ARRIVE_NEXT(&h, STAMPED(THEIRS - 9999, 0));
	EXPECT_TRUE(h.act.notes & NOTE_PAWS);
	EXPECT_QUIET(&h);
}

/* The network has changed their order: that is no reason to say anything. */
TEST(paws__a_bare_ack_that_was_overtaken)
{
	struct host h;

	make_stamped(&h);
	ARRIVE_NEXT(&h, .len = 10, STAMPED(THEIRS + 50, 0));
	ARRIVE_NEXT(&h, .seq = IRS + 1, STAMPED(THEIRS, 0));
	EXPECT_TRUE(h.act.notes & NOTE_PAWS);
	EXPECT_QUIET(&h);
	EXPECT_EQ(h.tcb.challenged, 0);
}

/* Section 5.3: an old clock is no reason to ignore a reset. */
TEST(paws__not_for_a_reset)
{
	struct host h;

	make_stamped(&h);
	ARRIVE(&h, .ctl = CTL_RST, .seq = IRS + 1, STAMPED(THEIRS - 1, 0));
	EXPECT_STATE(&h, TCP_CLOSE);
	make_stamped(&h);
	ARRIVE(&h, .ctl = CTL_RST, .seq = IRS + 1);
	EXPECT_STATE(&h, TCP_CLOSE);
}

/* Section 5.5: after 24 days TS.Recent says nothing. */
TEST(paws__not_after_24_days)
{
	struct host h;

	make_stamped(&h);
	h.now += 23 * DAY;
	ARRIVE_NEXT(&h, .len = 10, STAMPED(THEIRS - 5, 0));
	EXPECT_TRUE(h.act.notes & NOTE_PAWS);
	h.now += 2 * DAY;
	ARRIVE_NEXT(&h, .len = 10, STAMPED(THEIRS - 5, 0));
	EXPECT_FALSE(h.act.notes & NOTE_PAWS);
	EXPECT_EQ(h.tcb.ts.recent, THEIRS - 5);
}

/* Section 3.2: dropped without a word. */
TEST(paws__no_timestamp_at_all)
{
	struct host h;

	make_stamped(&h);
	ARRIVE_NEXT(&h, .len = 10);
	EXPECT_TRUE(h.act.notes & NOTE_PAWS);
	EXPECT_QUIET(&h);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 1);
}

/* The peer has crashed, and its SYN does without (RFC 5961 section 4). */
TEST(paws__a_syn_without_a_timestamp)
{
	struct timewait r = { .timestamps = 1, .rcv_nxt = IRS + 100 };
	struct segment syn = { .ctl = CTL_SYN, .seq = IRS };
	struct host h;

	make_stamped(&h);
	ARRIVE(&h, .ctl = CTL_SYN, .seq = 77777);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1);
	make_stamped(&h);
	ARRIVE(&h, .ctl = CTL_SYN, .seq = IRS + 10);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1);
	EXPECT_EQ(toytcp_timewait_verdict(&r, &syn), VERDICT_ACK);
}

/* Section 4.1: Karn's rule need not wait where an echo tells the two apart. */
TEST(rttm__after_a_timeout)
{
	struct host h;

	make_stamped(&h);
	host_send(&h, 10);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.rtt.backoff, 1);
	h.now += 100 * MSEC;
	ARRIVE_NEXT(&h, .ack = ISS + 11,
		    STAMPED(THEIRS, clock_of(&h) - 100));
	EXPECT_EQ(h.tcb.rtt.backoff, 0);
	EXPECT_EQ(h.tcb.rtt.srtt, 100 * MSEC);
}

TEST_HARNESS_MAIN
