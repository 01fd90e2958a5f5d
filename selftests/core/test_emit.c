// SPDX-License-Identifier: GPL-2.0
/* emit.c: what is sent, how much of it, and what window goes with it. */
#include "host.h"
#include "kselftest_harness.h"

/* --- The silly window, from the sender's side: 3.8.6.2.1 --- */

TEST(sendable__whole_segments_and_the_rest)
{
	struct host h;

	make_established(&h);
	host_send(&h, 2 * MSS + 500);
	ASSERT_EQ(h.sent, 3);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, MSS);
	EXPECT_SENT(&h, 1, CTL_ACK, ISS + 1 + MSS, IRS + 1, MSS);
	EXPECT_SENT(&h, 2, CTL_PSH | CTL_ACK, ISS + 1 + 2 * MSS, IRS + 1, 500);
}

TEST(sendable__super_segments)
{
	struct host h;

	make_established(&h);
	h.tcb.gso_goal = 3 * MSS + 1;	/* no multiple: whole segments count */
	host_send(&h, 7 * MSS);
	ASSERT_EQ(h.sent, 3);
	EXPECT_EQ(h.out[0].len, 3 * MSS);
	EXPECT_EQ(h.out[1].len, 3 * MSS);
	EXPECT_EQ(h.out[2].len, MSS);
}

TEST(sendable__no_more_than_the_window)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .wnd = 2 * MSS + 100);
	host_send(&h, 10 * MSS);
	EXPECT_EQ(h.sent, 2);	/* a window of 100 is silly */
	EXPECT_EQ(h.tcb.snd.nxt, ISS + 1 + 2 * MSS);
}

/* (3): at least half the largest window there ever was, if that is all. */
TEST(sendable__half_the_largest_window)
{
	struct host h;

	make_established(&h);
	h.tcb.snd.max_wnd = 400;
	ARRIVE_NEXT(&h, .wnd = 199);
	host_send(&h, 1000);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .wnd = 200);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, 200);
}

/* Not what is left of it beside text that is outstanding. */
TEST(sendable__half_the_window_is_not_half_of_it_left)
{
	struct host h;

	make_established(&h);
	h.tcb.snd.max_wnd = 400;
	ARRIVE_NEXT(&h, .wnd = 400);
	host_send(&h, 1000);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, 400);
	ARRIVE_NEXT(&h, .ack = ISS + 201, .wnd = 400);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .ack = ISS + 401, .wnd = 400);
	EXPECT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].len, 400);
}

/* (4): the override timeout ends every hesitation. */
TEST(sendable__the_override_timeout)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .wnd = 100);
	host_send(&h, 1000);
	EXPECT_QUIET(&h);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + OVERRIDE);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, 100);
	EXPECT_EQ(h.tcb.deadline[TIMER_PERSIST], 0);
}

TEST(sendable__no_more_than_cwnd)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = 3 * MSS;
	host_send(&h, 10 * MSS);
	EXPECT_EQ(h.sent, 3);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + MSS);
	EXPECT_EQ(h.sent, 2);	/* slow start */
}

/* SHLD-15, SHLD-16: a peer that takes its window back. */
TEST(sendable__the_window_shrinks)
{
	struct host h;

	make_established(&h);
	host_send(&h, 10 * MSS);
	ARRIVE_NEXT(&h, .wnd = 3 * MSS);
	EXPECT_EQ(h.tcb.snd.nxt, ISS + 1 + 10 * MSS);
	host_send(&h, MSS);
	EXPECT_QUIET(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 10 * MSS, .wnd = 3 * MSS);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 1 + 10 * MSS, IRS + 1,
		    MSS);
}

/* --- Nagle: SHLD-7 --- */

TEST(nagle__a_small_segment_waits_for_the_ack)
{
	struct host h;

	make_established(&h);
	h.tcb.nodelay = 0;
	host_send(&h, 10);
	EXPECT_EQ(h.sent, 1);
	host_send(&h, 10);
	host_send(&h, 10);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .ack = ISS + 11);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 11, IRS + 1, 20);
}

TEST(nagle__a_full_segment_does_not)
{
	struct host h;

	make_established(&h);
	h.tcb.nodelay = 0;
	host_send(&h, 10);
	host_send(&h, MSS + 5);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 11, IRS + 1, MSS);
}

/* The end of a message does not wait for the ACK of what is before it. */
TEST(nagle__a_small_segment_does_not_wait_for_a_full_one)
{
	struct host h;

	make_established(&h);
	h.tcb.nodelay = 0;
	host_send(&h, MSS);
	host_send(&h, MSS + 10);
	ASSERT_EQ(h.sent, 2);
	EXPECT_SENT(&h, 1, CTL_PSH | CTL_ACK, ISS + 1 + 2 * MSS, IRS + 1, 10);
	host_send(&h, MSS + 20);
	EXPECT_EQ(h.sent, 1);	/* but for a small one, whatever follows that */
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 2 * MSS + 10);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 1 + 3 * MSS + 10, IRS + 1,
		    20);
}

/* The last small segment was sent half the numbers ago, or more. */
TEST(nagle__an_old_small_segment_does_not_count)
{
	struct host h;

	make_established(&h);
	h.tcb.nodelay = 0;
	host_send(&h, 10);
	host_skip(&h, 1u << 31);
	host_send(&h, MSS);
	host_send(&h, 10);
	EXPECT_EQ(h.sent, 1);
}

/* MUST-17: it can be switched off. */
TEST(nagle__nodelay)
{
	struct host h;

	make_established(&h);
	host_send(&h, 10);
	host_send(&h, 10);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 11, IRS + 1, 10);
}

/*
 * Where an ACK comes soon and ten small segments are waiting for it, more text
 * makes the next one larger.
 */
TEST(nagle__nodelay_has_an_end)
{
	struct host h;
	u32 i;

	make_established(&h);
	h.tcb.rtt.srtt = DEFER_RTT_MAX - 1;
	for (i = 0; i < SMALLS_MOST; i++) {
		host_send(&h, 10);
		EXPECT_EQ(h.sent, 1);
	}
	host_send(&h, 10);
	host_send(&h, 10);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 5 * 10);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + SMALLS_MOST * 10);
	EXPECT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].len, 20);
	host_send(&h, 10);	/* and it begins anew */
	EXPECT_EQ(h.sent, 1);
}

/* On a long path the user waits for none of them. */
TEST(nagle__nodelay_on_a_long_path)
{
	struct host h;
	u32 i;

	make_established(&h);
	h.tcb.rtt.srtt = DEFER_RTT_MAX;
	for (i = 0; i < 2 * SMALLS_MOST; i++) {
		host_send(&h, 10);
		EXPECT_EQ(h.sent, 1);
	}
}

TEST(nagle__closing_sends_the_rest)
{
	struct host h;

	make_established(&h);
	h.tcb.nodelay = 0;
	host_send(&h, 10);
	host_send(&h, 10);
	host_close(&h);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_PSH | CTL_ACK, ISS + 11, IRS + 1, 10);
}

TEST(cork__holds_back_until_it_is_pulled)
{
	struct host h;

	make_established(&h);
	h.tcb.cork = 1;
	host_send(&h, MSS + 10);
	EXPECT_EQ(h.sent, 1);
	h.tcb.cork = 0;
	host_settle(&h);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 1 + MSS, IRS + 1, 10);
}

TEST(cork__not_for_ever)
{
	struct host h;

	make_established(&h);
	h.tcb.cork = 1;
	host_send(&h, 10);
	EXPECT_QUIET(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_EQ(h.now - START, 300 * MSEC);
}

/* --- Too much waits in this host --- */

TEST(emit_hold__no_text_but_acks)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = 4 * MSS;
	host_send(&h, 3 * MSS);
	toytcp_emit_hold(&h.tcb, true);
	host_send(&h, MSS);
	host_close(&h);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_ONLY_ACK(&h, ISS + 1 + 3 * MSS, IRS + 1 + MSS);
	toytcp_emit_hold(&h.tcb, false);
	host_settle(&h);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_PSH | CTL_ACK, ISS + 1 + 3 * MSS,
		    IRS + 1 + MSS, MSS);
}

/* --- FIN --- */

/* A window that closes has room for no number beyond it, but for rounding. */
TEST(emit_number__within_the_window_as_far_as_it_can_be_told)
{
	struct host h;

	make_established(&h);
	h.tcb.quickack = 1;
	h.tcb.snd.wscale = 4;
	host_send(&h, MSS);
	ARRIVE_NEXT(&h, .len = 1, .wnd = (MSS - 8) / 16);
	EXPECT_ONLY_ACK(&h, ISS + 1 + MSS, IRS + 2);
	ARRIVE_NEXT(&h, .len = 1, .wnd = (MSS - 24) / 16);
	EXPECT_ONLY_ACK(&h, ISS + 1 + MSS - 24, IRS + 3);
	ARRIVE_NEXT(&h, .len = 1, .wnd = 0);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 4);
}

/* Nobody answers the probes: the first may have been taken, or refused. */
TEST(emit_number__of_a_probe_that_may_have_been_taken)
{
	struct host h;
	u32 i;

	make_established(&h);
	ARRIVE_NEXT(&h, .wnd = 0);
	host_send(&h, 2);
	for (i = 1; i <= 4; i++) {
		ASSERT_TRUE(host_expire(&h));
		ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS, .ack = ISS + 1, .len = 1);
		EXPECT_ONLY_ACK(&h, i % 2 ? ISS + 1 : ISS + 2, IRS + 1);
	}
}

/* The notes' rule: FIN is the last byte's number + 1. */
TEST(fin__stands_behind_the_last_byte)
{
	struct host h;

	make_established(&h);
	host_send(&h, 35);
	ARRIVE_NEXT(&h, .ack = ISS + 36);
	host_close(&h);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_ACK, ISS + 36, IRS + 1, 0);
}

TEST(fin__waits_for_the_text_before_it)
{
	struct host h;

	make_established(&h);
	h.tcb.cc.cwnd = MSS;
	host_send(&h, 2 * MSS);
	host_close(&h);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + MSS);
	EXPECT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].ctl, CTL_FIN | CTL_PSH | CTL_ACK);
}

/* It takes a number, and so a place in the peer's window. */
TEST(fin__waits_for_the_window)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .wnd = 100);
	host_send(&h, 100);
	host_close(&h);
	EXPECT_EQ(h.tcb.snd.nxt, ISS + 101);
	EXPECT_QUIET(&h);
	ARRIVE_NEXT(&h, .ack = ISS + 101, .wnd = 1);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_ACK, ISS + 101, IRS + 1, 0);
}

TEST(fin__only_once)
{
	struct host h;

	make_fin_wait_1(&h);
	host_close(&h);
	EXPECT_QUIET(&h);
	host_settle(&h);
	EXPECT_QUIET(&h);
}

/* --- Nothing to send --- */

TEST(emit__states_that_send_nothing)
{
	struct host h;

	make_closed(&h);
	h.tcb.ack_now = CAUSE_TEXT;
	host_settle(&h);
	EXPECT_QUIET(&h);
	make_syn_sent(&h);
	h.tcb.ack_now = CAUSE_TEXT;
	host_settle(&h);
	EXPECT_QUIET(&h);
}

TEST(emit__options_only_on_a_syn)
{
	struct host h;

	make_established(&h);
	EXPECT_EQ(h.out[0].options, 0);
	EXPECT_EQ(h.out[0].hdrlen, 20);
	host_send(&h, 10);
	EXPECT_EQ(h.out[0].options, 0);
}

/* Nothing to send is a promise: whatever asks for a segment must break it. */
TEST(emit_nothing__until_something_asks)
{
	struct host h;

	make_established(&h);
	EXPECT_TRUE(toytcp_emit_nothing(&h.tcb));
	h.tcb.ack_now = CAUSE_TEXT;
	EXPECT_FALSE(toytcp_emit_nothing(&h.tcb));
	h.tcb.ack_now = CAUSE_NONE;
	h.tcb.keep_probe = 1;
	EXPECT_FALSE(toytcp_emit_nothing(&h.tcb));
	h.tcb.keep_probe = 0;
	toytcp_user_send(&h.tcb, 1);
	EXPECT_FALSE(toytcp_emit_nothing(&h.tcb));
	h.tcb.snd.nxt = h.tcb.snd.end;	/* all of it is on its way */
	EXPECT_TRUE(toytcp_emit_nothing(&h.tcb));
	h.tcb.board.lost = 1;
	EXPECT_FALSE(toytcp_emit_nothing(&h.tcb));
	h.tcb.board.lost = 0;
	h.tcb.syn_pending = 1;
	EXPECT_FALSE(toytcp_emit_nothing(&h.tcb));
	h.tcb.syn_pending = 0;
	toytcp_user_close(&h.tcb);
	EXPECT_FALSE(toytcp_emit_nothing(&h.tcb));
}

/* Text that waits for an ACK; not text whose wait would have no end. */
TEST(emit_waits__for_an_ack)
{
	struct host h;

	make_established(&h);
	h.tcb.nodelay = 0;
	h.tcb.cork = 1;
	toytcp_user_send(&h.tcb, 10);
	EXPECT_FALSE(toytcp_emit_waits(&h.tcb));	/* the override timer */
	h.tcb.cork = 0;
	EXPECT_FALSE(toytcp_emit_waits(&h.tcb));
	host_settle(&h);
	EXPECT_EQ(h.sent, 1);
	toytcp_user_send(&h.tcb, 10);
	EXPECT_TRUE(toytcp_emit_waits(&h.tcb));
	h.tcb.nodelay = 1;
	EXPECT_FALSE(toytcp_emit_waits(&h.tcb));
	h.tcb.nodelay = 0;
	h.tcb.ack_now = CAUSE_TEXT;
	EXPECT_FALSE(toytcp_emit_waits(&h.tcb));
	h.tcb.ack_now = CAUSE_NONE;
	h.tcb.board.lost = 1;
	EXPECT_FALSE(toytcp_emit_waits(&h.tcb));
	h.tcb.board.lost = 0;
	h.tcb.probe = 1;
	EXPECT_FALSE(toytcp_emit_waits(&h.tcb));
	h.tcb.probe = 0;
	EXPECT_TRUE(toytcp_emit_waits(&h.tcb));
	toytcp_user_send(&h.tcb, MSS);
	EXPECT_FALSE(toytcp_emit_waits(&h.tcb));
}

TEST_HARNESS_MAIN
