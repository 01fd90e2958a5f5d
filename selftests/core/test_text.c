// SPDX-License-Identifier: GPL-2.0
/* arrives.c, second half: text and FIN, RFC 9293 3.10.7.4 seventh and eighth. */
#include "host.h"
#include "kselftest_harness.h"

/* --- Seventh: the segment text --- */

TEST(accept_text__in_order)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = 100);
	EXPECT_EQ(host_ready(&h), 100);
	EXPECT_EQ(h.act.ready->seq, IRS + 1);
	EXPECT_TRUE(h.act.wake & WAKE_READ);
	EXPECT_FALSE(h.act.kept);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 101);
}

TEST(accept_text__in_both_half_closed_states)
{
	struct host h;

	make_fin_wait_1(&h);
	ARRIVE_NEXT(&h, .len = 7);
	EXPECT_EQ(host_ready(&h), 7);
	make_fin_wait_2(&h);
	ARRIVE_NEXT(&h, .len = 7);
	EXPECT_EQ(host_ready(&h), 7);
}

TEST(process_text__after_the_peers_fin_is_ignored)
{
	struct host h;

	make_close_wait(&h);
	ARRIVE_NEXT(&h, .len = 7);
	EXPECT_EQ(host_ready(&h), 0);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 2);
	EXPECT_STATE(&h, TCP_CLOSE_WAIT);
}

/* The text is lost, which the peer learns at once; its ACK is not. */
TEST(process_text__no_room_for_it)
{
	struct segment seg = {
		.ctl = CTL_ACK | CTL_FIN, .seq = IRS + 1, .len = 100,
		.ack = ISS + 1 + MSS, .wnd = WND,
	};
	struct host h;

	make_established(&h);
	host_send(&h, MSS);
	toytcp_segment_measure(&seg);
	toytcp_arrives(&h.tcb, &seg, NULL, h.now, &h.act);
	host_settle(&h);
	EXPECT_EQ(h.tcb.snd.una, ISS + 1 + MSS);
	EXPECT_TRUE(!h.act.ready);
	EXPECT_FALSE(h.act.notes & NOTE_DUPACK);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_ONLY_ACK(&h, ISS + 1 + MSS, IRS + 1);
}

TEST(keep_text__out_of_order_is_kept_and_acked_at_once)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 101, .ack = ISS + 1,
	       .len = 100);
	EXPECT_TRUE(h.act.kept);
	EXPECT_TRUE(!h.act.ready);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1);
	ARRIVE_NEXT(&h, .len = 100);
	EXPECT_EQ(host_ready(&h), 200);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 201);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 201);
}

TEST(keep_text__the_same_again_is_not_kept)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 101, .ack = ISS + 1,
	       .len = 100);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 101, .ack = ISS + 1,
	       .len = 100);
	EXPECT_FALSE(h.act.kept);
	EXPECT_EQ(h.sent, 1);
}

TEST(keep_text__a_fin_out_of_order_waits)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_ACK | CTL_FIN, .seq = IRS + 6, .ack = ISS + 1);
	EXPECT_TRUE(h.act.kept);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	ARRIVE_NEXT(&h, .len = 5);
	EXPECT_STATE(&h, TCP_CLOSE_WAIT);
	EXPECT_EQ(host_ready(&h), 5);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 7);
}

TEST(accept_text__covers_what_was_kept)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 11, .ack = ISS + 1, .len = 5);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 21, .ack = ISS + 1, .len = 5);
	ARRIVE_NEXT(&h, .len = 100);
	EXPECT_EQ(host_ready(&h), 100);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 101);
	EXPECT_EQ(h.tcb.ooo.ranges, NULL);
}

/* A FIN in the middle of text that follows it cannot be one. */
TEST(accept_text__a_fin_with_text_behind_it_is_none)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 6, .ack = ISS + 1, .len = 5);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_FIN, .len = 5);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 11);
}

/* SHLD-3: the user is gone; a reset says that the text is lost. */
/* Nor can one within text that had come before it. */
TEST(accept_text__a_fin_within_what_was_kept_is_none)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 6, .ack = ISS + 1, .len = 20);
	ARRIVE(&h, .ctl = CTL_ACK | CTL_FIN, .seq = IRS + 6, .ack = ISS + 1,
	       .len = 10);
	ARRIVE_NEXT(&h, .len = 5);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 26);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
}

/* The ACK that overtakes a FIN stands beyond it, but brings no text. */
TEST(nobody_reads__an_ack_beyond_a_missing_fin_is_no_text)
{
	struct host h;

	make_fin_wait_1(&h);
	host_leave(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 2, .ack = ISS + 2);
	EXPECT_EQ(h.tcb.state, TCP_FIN_WAIT2);
	ARRIVE(&h, .ctl = CTL_ACK | CTL_FIN, .seq = IRS + 1, .ack = ISS + 2);
	EXPECT_EQ(h.tcb.state, TCP_TIME_WAIT);
}

TEST(nobody_reads__text_for_an_orphan_is_reset)
{
	struct host h;

	make_established(&h);
	host_leave(&h);
	ARRIVE_NEXT(&h, .len = 5);
	EXPECT_TRUE(h.act.reset);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.act.error, 0);
}

TEST(nobody_reads__a_fin_alone_is_not_text)
{
	struct host h;

	make_fin_wait_2(&h);
	toytcp_user_leave(&h.tcb, h.now);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_FIN);
	EXPECT_FALSE(h.act.reset);
	EXPECT_STATE(&h, TCP_TIME_WAIT);
}

/* --- Eighth: the FIN bit --- */

TEST(check_fin__established)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_FIN, .len = 5);
	EXPECT_STATE(&h, TCP_CLOSE_WAIT);
	EXPECT_EQ(host_ready(&h), 5);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 7);
	EXPECT_EQ(h.act.wake & (WAKE_READ | WAKE_STATE),
		  WAKE_READ | WAKE_STATE);
}

TEST(check_fin__fin_wait_1_to_closing)
{
	struct host h;

	make_fin_wait_1(&h);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_FIN);
	EXPECT_STATE(&h, TCP_CLOSING);
	EXPECT_ONLY_ACK(&h, ISS + 2, IRS + 2);
}

TEST(check_fin__fin_wait_1_with_the_ack_of_ours)
{
	struct host h;

	make_fin_wait_1(&h);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_FIN, .ack = ISS + 2);
	EXPECT_STATE(&h, TCP_TIME_WAIT);
	EXPECT_ONLY_ACK(&h, ISS + 2, IRS + 2);
}

TEST(check_fin__fin_wait_2_to_time_wait)
{
	struct host h;

	make_fin_wait_2(&h);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_FIN);
	EXPECT_STATE(&h, TCP_TIME_WAIT);
	EXPECT_ONLY_ACK(&h, ISS + 2, IRS + 2);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
}

/* Our ACK of it was lost. */
TEST(check_fin__again)
{
	struct host h;

	make_close_wait(&h);
	ARRIVE(&h, .ctl = CTL_ACK | CTL_FIN, .seq = IRS + 1, .ack = ISS + 1);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 2);
	EXPECT_STATE(&h, TCP_CLOSE_WAIT);
	ARRIVE(&h, .ctl = CTL_ACK | CTL_FIN, .seq = IRS + 1, .ack = ISS + 1);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 2);
}

TEST(check_fin__again_with_its_text)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_FIN, .len = 5);
	ARRIVE(&h, .ctl = CTL_ACK | CTL_FIN, .seq = IRS + 1, .ack = ISS + 1,
	       .len = 5);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 7);
	EXPECT_EQ(host_ready(&h), 0);
}

TEST(check_fin__takes_the_last_number_of_the_window)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_FIN, .len = BUF - 1);
	EXPECT_STATE(&h, TCP_CLOSE_WAIT);
	EXPECT_EQ(h.tcb.rcv.nxt, h.tcb.rcv.adv);
}

TEST_HARNESS_MAIN
