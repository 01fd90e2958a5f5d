// SPDX-License-Identifier: GPL-2.0
/* delack.c: when an ACK goes out, RFC 9293 3.8.6.3. */
#include "host.h"
#include "kselftest_harness.h"

/* RFC 5961 section 7: two who find each other's ACKs useless fall silent. */
TEST(delack_challenge__is_limited)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_EQ(h.sent, 1);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_QUIET(&h);
	h.now += CHALLENGE_GAP;
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_EQ(h.sent, 1);
}

/* RFC 5961 section 10 asks for a limit; were it shared, it would tell tales. */
TEST(delack_challenge__the_limit_is_each_connections_own)
{
	struct host one, other;

	make_established(&one);
	make_established(&other);
	ARRIVE(&one, .ctl = CTL_SYN, .seq = IRS + 100);
	EXPECT_EQ(one.sent, 1);
	ARRIVE(&one, .ctl = CTL_SYN, .seq = IRS + 100);
	EXPECT_QUIET(&one);
	ARRIVE(&other, .ctl = CTL_SYN, .seq = IRS + 100);
	EXPECT_EQ(other.sent, 1);
}

/* --- Text in order: SHLD-18, SHLD-19 --- */

static void spend_quick_acks(struct host *h)
{
	h->tcb.rcv.quick_acks = 0;
	h->tcb.rcv.mss = MSS;
}

TEST(delack_text__the_first_full_segments_are_acked_at_once)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1 + MSS);
}

TEST(delack_text__one_segment_waits_a_little)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_QUIET(&h);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + STREAM_ACK);
	host_pass(&h, STREAM_ACK);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1 + MSS);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
}

/* An answer carried the ACK once: the next is waited for, but not twice. */
TEST(delack_text__longer_where_an_answer_is_expected)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = 1);
	host_send(&h, 1);
	EXPECT_EQ(h.sent, 1);
	ARRIVE_NEXT(&h, .len = 1, .ack = ISS + 2);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + DELAYED_ACK);
	host_pass(&h, DELAYED_ACK);
	EXPECT_ONLY_ACK(&h, ISS + 2, IRS + 3);
	ARRIVE_NEXT(&h, .len = 1, .ack = ISS + 2);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + STREAM_ACK);
}

TEST(delack_text__every_second_full_segment)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1 + 2 * MSS);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
}

static void answer_once(struct host *h)
{
	ARRIVE_NEXT(h, .len = 1);
	host_send(h, 1);
	ARRIVE_NEXT(h, .len = 1, .ack = ISS + 2);
}

/* A sender without Nagle's algorithm, whose buffer may be full. */
TEST(delack_read__two_small_segments)
{
	struct host h;

	make_established(&h);
	answer_once(&h);
	host_read(&h, 2);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .len = 1, .ack = ISS + 2);
	EXPECT_QUIET(&h);
	host_read(&h, 1);
	EXPECT_ONLY_ACK(&h, ISS + 2, IRS + 4);
}

static void wait_for_more(struct host *h, bool sleeps)
{
	toytcp_actions_init(&h->act, CAUSE_RECEIVE);
	toytcp_delack_wait(&h->tcb, sleeps);
	host_settle(h);
}

/* A sender with as small a buffer waits for the ACK before it goes on. */
TEST(delack_read__from_a_buffer_smaller_than_a_segment)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	h.tcb.rcv.buf = MSS - 1;
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_PSH, .len = 10);
	EXPECT_QUIET(&h);
	host_read(&h, 10);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 11);
}

/* Half of a request: the sender's Nagle algorithm waits for us, we for it. */
TEST(delack_wait__a_reader_that_sleeps_will_not_answer)
{
	struct host h;

	make_established(&h);
	answer_once(&h);
	wait_for_more(&h, true);
	EXPECT_QUIET(&h);	/* it has not read what is there */
	host_read(&h, 2);
	wait_for_more(&h, true);
	EXPECT_ONLY_ACK(&h, ISS + 2, IRS + 3);
	wait_for_more(&h, true);
	EXPECT_QUIET(&h);
}

/* It has looked for more, found none, and may answer now. */
TEST(delack_wait__a_reader_that_does_not_sleep_may_answer)
{
	struct host h;

	make_established(&h);
	answer_once(&h);
	host_read(&h, 2);
	wait_for_more(&h, false);
	EXPECT_QUIET(&h);
	host_pass(&h, DELAYED_ACK);	/* it did not */
	EXPECT_EQ(h.sent, 1);
	ARRIVE_NEXT(&h, .len = 1, .ack = ISS + 2);
	host_read(&h, 1);
	wait_for_more(&h, false);
	EXPECT_ONLY_ACK(&h, ISS + 2, IRS + 4);
}

/* Nobody answers a stream: its ends are acknowledged as soon as they are read. */
TEST(delack_wait__the_end_of_a_message)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	ARRIVE_NEXT(&h, .len = MSS);
	host_read(&h, MSS);
	wait_for_more(&h, true);
	EXPECT_QUIET(&h);	/* more is on its way */
	ARRIVE_NEXT(&h, .len = 1);
	host_read(&h, 1);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 2 + MSS);
	ARRIVE_NEXT(&h, .len = 1);
	host_read(&h, 1);
	EXPECT_QUIET(&h);
	wait_for_more(&h, false);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 3 + MSS);
}

/* Small segments of a stream become larger while they wait. */
TEST(delack_wait__a_stream_is_not_hurried)
{
	struct host h;
	u32 i;

	make_established(&h);
	spend_quick_acks(&h);
	h.tcb.rcv.since_tx = STREAM_SEGMENTS * MSS;
	for (i = 0; i < 4; i++) {
		ARRIVE_NEXT(&h, .len = MSS / 5);
		host_read(&h, MSS / 5);
		wait_for_more(&h, true);
		EXPECT_QUIET(&h);
	}
	ARRIVE_NEXT(&h, .len = MSS / 5);
	host_read(&h, MSS / 5);
	EXPECT_EQ(h.sent, 1);
}

/*
 * Small segments that do not wait for an ACK: a sender without Nagle's algorithm.
 * It is not hurried; but every second one is acknowledged.
 */
TEST(delack_wait__an_eager_peer_does_not_wait)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_PSH, .len = 10);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_PSH, .len = 10);
	host_read(&h, 20);
	EXPECT_EQ(h.sent, 1);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_PSH, .len = 10);
	host_read(&h, 10);
	wait_for_more(&h, true);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_PSH, .len = 10);
	host_read(&h, 10);
	EXPECT_EQ(h.sent, 1);
	/* It waited, after all: the next one is acknowledged. */
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_PSH, .len = 10);
	host_read(&h, 10);
	wait_for_more(&h, true);
	EXPECT_QUIET(&h);
	host_pass(&h, STREAM_ACK);
	EXPECT_EQ(h.sent, 1);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_PSH, .len = 10);
	host_read(&h, 10);
	EXPECT_QUIET(&h);
	wait_for_more(&h, true);
	EXPECT_EQ(h.sent, 1);
}

/* It sends so many, and then it does wait. */
TEST(delack_read__an_eager_stream)
{
	struct host h;
	u32 i;

	make_established(&h);
	spend_quick_acks(&h);
	h.tcb.rcv.since_tx = STREAM_SEGMENTS * MSS;
	h.sent = 0;
	for (i = 0; i < SMALLS_MOST / 2; i++) {
		EXPECT_QUIET(&h);
		ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_PSH, .len = 10);
		host_read(&h, 10);
	}
	EXPECT_EQ(h.sent, 1);
}

/* A message has ended: the sender does not wait for the window, we answer. */
TEST(delack_read__no_window_update_behind_a_message)
{
	struct host h;
	u32 pushed;

	for (pushed = 0; pushed < 2; pushed++) {
		make_established(&h);
		spend_quick_acks(&h);
		h.tcb.rcv.buf = 4 * BUF;
		h.tcb.rcv.adv = h.tcb.rcv.nxt + 4 * BUF;
		ARRIVE_NEXT(&h, .len = BUF,
			    .ctl = CTL_ACK | (pushed ? CTL_PSH : 0));
		EXPECT_EQ(h.sent, 1);
		host_read(&h, BUF);
		EXPECT_EQ(h.sent, pushed ? 0 : 1);
	}
}

/* But the end of a long answer is: its sender waits with Nagle's algorithm. */
TEST(delack_wait__a_long_answer_is_no_stream)
{
	struct host h;

	make_established(&h);
	answer_once(&h);
	ASSERT_TRUE(h.tcb.interactive == 1);
	host_read(&h, 2);
	wait_for_more(&h, true);
	h.tcb.rcv.since_tx = STREAM_SEGMENTS * MSS;
	ARRIVE_NEXT(&h, .len = MSS / 5, .ack = ISS + 2);
	host_read(&h, MSS / 5);
	EXPECT_QUIET(&h);
	wait_for_more(&h, true);
	EXPECT_ONLY_ACK(&h, ISS + 2, h.tcb.rcv.nxt);
}

/* He will come, and the timer is there too. */
TEST(delack_text__left_to_the_reader_of_a_stream)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	h.tcb.rcv.since_tx = STREAM_SEGMENTS * MSS;
	h.tcb.rcv.buf = 4 * STREAM_SHARE * MSS;
	ARRIVE_NEXT(&h, .len = 2 * MSS);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_QUIET(&h);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + STREAM_ACK);
	host_read(&h, 3 * MSS);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1 + 3 * MSS);
}

TEST(delack_text__the_reader_is_not_waited_for_long)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	h.tcb.rcv.since_tx = STREAM_SEGMENTS * MSS;
	h.tcb.rcv.buf = 3 * STREAM_SHARE * MSS;
	ARRIVE_NEXT(&h, .len = MSS);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1 + 3 * MSS);
}

/* Where our text carries ACKs the timer is a longer one: a probe would come. */
TEST(delack_text__not_left_to_a_reader_who_answers)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	h.tcb.rcv.since_tx = STREAM_SEGMENTS * MSS;
	h.tcb.interactive = 1;
	ARRIVE_NEXT(&h, .len = MSS);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1 + 2 * MSS);
}

/* MUST-58: two small ones are not two full ones; still at most 0.5 s. */
TEST(delack_text__small_segments)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	ARRIVE_NEXT(&h, .len = 10);
	ARRIVE_NEXT(&h, .len = 10);
	EXPECT_QUIET(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 21);
	EXPECT_LE(h.now, START + 100 * MSEC + 500 * MSEC);
}

TEST(delack_text__rides_on_text)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	ARRIVE_NEXT(&h, .len = 10);
	host_send(&h, 5);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 1, IRS + 11, 5);
	EXPECT_EQ(h.tcb.deadline[TIMER_ACK], 0);
}

TEST(delack_text__quickack_never_waits)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	h.tcb.quickack = 1;
	ARRIVE_NEXT(&h, .len = 1);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 2);
}

TEST(delack_text__a_closed_gap_is_told_at_once)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 11, .ack = ISS + 1, .len = 10);
	ARRIVE_NEXT(&h, .len = 10);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 21);
}

/* --- Segments that waited together --- */

/* As the backlog does it: the first one's ACK is put off, and then due. */
TEST(delack_hold__until_the_last)
{
	struct actions act;
	struct host h;

	make_established(&h);
	toytcp_arrives(&h.tcb, &(struct segment){ .ctl = CTL_ACK,
		       .seq = IRS + 1, .ack = ISS + 1, .len = MSS, .wnd = WND },
		       &h.nodes[h.used++], h.now, &act);
	EXPECT_TRUE(!!h.tcb.ack_now);
	EXPECT_TRUE(toytcp_delack_hold(&h.tcb, &act));
	host_settle(&h);
	EXPECT_QUIET(&h);
	EXPECT_TRUE(toytcp_delack_release(&h.tcb));
	host_settle(&h);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1 + MSS);
	EXPECT_FALSE(toytcp_delack_release(&h.tcb));
}

/* Out of order, or with a FIN, an ACK is not put off. */
TEST(delack_hold__not_of_a_gap_or_a_fin)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 101, .ack = ISS + 1, .len = 10);
	h.tcb.ack_now = CAUSE_TEXT;
	EXPECT_FALSE(toytcp_delack_hold(&h.tcb, &h.act));
	EXPECT_EQ(h.tcb.ack_now, CAUSE_TEXT);
	make_established(&h);
	ARRIVE_NEXT(&h, .len = 10, .ctl = CTL_ACK | CTL_FIN);
	h.tcb.ack_now = CAUSE_FIN;
	EXPECT_FALSE(toytcp_delack_hold(&h.tcb, &h.act));
	EXPECT_EQ(h.tcb.ack_now, CAUSE_FIN);
}

/* --- TCP_QUICKACK --- */

TEST(delack_quick__what_was_delayed_goes_out)
{
	struct host h;

	make_established(&h);
	spend_quick_acks(&h);
	ARRIVE_NEXT(&h, .len = 10);
	EXPECT_QUIET(&h);
	toytcp_delack_quick(&h.tcb, true);
	host_settle(&h);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 11);
	toytcp_delack_quick(&h.tcb, false);
	ARRIVE_NEXT(&h, .len = 10);
	EXPECT_QUIET(&h);
}

TEST_HARNESS_MAIN
