// SPDX-License-Identifier: GPL-2.0
/* arrives.c: the ACK field, RFC 9293 3.10.7.4 fifth, and the window. */
#include "host.h"
#include "kselftest_harness.h"

/* --- Fifth: the ACK field --- */

TEST(check_ack__without_it_the_segment_is_dropped)
{
	struct host h;
	u32 i;

	EACH_SYNCHRONISED(&h, i) {
		u32 nxt = h.tcb.rcv.nxt;

		ARRIVE(&h, .ctl = CTL_FIN, .seq = nxt, .len = 5);
		EXPECT_QUIET(&h);
		EXPECT_EQ(h.tcb.rcv.nxt, nxt);
	}
}

TEST(ack_of_syn__simultaneous_open_completes)
{
	struct host h;

	make_syn_received(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_QUIET(&h);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
	EXPECT_EQ(h.tcb.snd.wnd, WND);
}

/* Its SYN,ACK is outside the window; the ACK it gets completes its side. */
TEST(ack_of_syn__a_syn_ack_is_acked)
{
	struct host h;

	make_syn_received(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1);
}

TEST(ack_of_syn__wrong_ack_is_reset)
{
	struct host h;

	make_syn_received(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS);
	EXPECT_TRUE(h.act.reset);
	EXPECT_STATE(&h, TCP_SYN_RECV);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 2);
	EXPECT_TRUE(h.act.reset);
	EXPECT_STATE(&h, TCP_SYN_RECV);
}

TEST(ack_of_syn__with_text_and_fin)
{
	struct host h;

	make_syn_received(&h);
	ARRIVE(&h, .ctl = CTL_ACK | CTL_FIN, .seq = IRS + 1, .ack = ISS + 1,
	       .len = 5);
	EXPECT_STATE(&h, TCP_CLOSE_WAIT);
	EXPECT_EQ(host_ready(&h), 5);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 7);
}

TEST(establish__a_close_that_waited)
{
	struct host h;

	make_syn_received(&h);
	host_close(&h);
	EXPECT_STATE(&h, TCP_SYN_RECV);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_FIN_WAIT1);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_ACK, ISS + 1, IRS + 1, 0);
}

TEST(plausible_ack__beyond_snd_nxt_is_acked_and_dropped)
{
	struct host h;
	u32 i;

	EACH_SYNCHRONISED(&h, i) {
		u32 nxt = h.tcb.rcv.nxt;

		ARRIVE(&h, .ctl = CTL_ACK, .seq = nxt,
		       .ack = h.tcb.snd.nxt + 1, .len = 3);
		EXPECT_EQ(h.sent, 1);
		EXPECT_EQ(h.tcb.rcv.nxt, nxt);
	}
}

/* RFC 5961 section 5.2 */
TEST(plausible_ack__too_old_is_acked_and_dropped)
{
	struct host h;

	make_established(&h);
	host_skip(&h, 2 * WND);
	ARRIVE_NEXT(&h, .ack = h.tcb.snd.una - WND - 1, .len = 3);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 1);
	EXPECT_EQ(h.sent, 1);
	ARRIVE_NEXT(&h, .ack = h.tcb.snd.una - WND, .len = 3);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 4);
}

/* The peer cannot have acknowledged what we had not sent by then. */
TEST(plausible_ack__of_bytes_never_sent)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .ack = ISS, .len = 3);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1);
	host_send(&h, 100);
	ARRIVE_NEXT(&h, .ack = ISS + 101);
	ARRIVE_NEXT(&h, .ack = ISS, .len = 3);
	EXPECT_ONLY_ACK(&h, ISS + 101, IRS + 1);
	ARRIVE_NEXT(&h, .ack = ISS + 1, .len = 3);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 4);
}

/* Or a stranger could keep keep-alive from noticing that the peer is gone. */
TEST(plausible_ack__only_such_a_one_is_a_sign_of_life)
{
	struct host h;
	u64 heard;

	make_established(&h);
	heard = h.tcb.heard;
	h.tcb.probes = 3;
	h.now += SECOND;
	ARRIVE_NEXT(&h, .ack = ISS + 2, .len = 3);
	EXPECT_EQ(h.tcb.heard, heard);
	EXPECT_EQ(h.tcb.probes, 3);
	ARRIVE_NEXT(&h, .ack = ISS + 1, .len = 3);
	EXPECT_EQ(h.tcb.heard, h.now);
	EXPECT_EQ(h.tcb.probes, 0);
}

/* Who does not know our numbers cannot have us speak of what came twice. */
TEST(plausible_ack__what_came_twice)
{
	struct host h;

	make_established(&h);
	h.tcb.sack_ok = 1;
	ARRIVE_NEXT(&h, .len = 100);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1 + (1u << 30),
	       .len = 100);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 101);
	EXPECT_EQ(h.out[0].sacks, 0);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1, .len = 100);
	EXPECT_EQ(h.out[0].sacks, 1);
}

/* RFC 5961 5.2: text, a FIN or a pointer injected with a guessed ACK. */
TEST(plausible_ack__blind_injection)
{
	const u32 acks[] = {
		ISS + 102, ISS, ISS + 1 - WND - 1, ISS + 1 + (1u << 31),
		ISS + (1u << 30),
	};
	struct host h;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(acks); i++) {
		make_established(&h);
		host_send(&h, 100);
		ARRIVE(&h, .ctl = CTL_ACK | CTL_FIN | CTL_URG, .seq = IRS + 1,
		       .ack = acks[i], .len = 10, .up = 5, .wnd = 0);
		EXPECT_ONLY_ACK(&h, ISS + 101, IRS + 1);
		EXPECT_STATE(&h, TCP_ESTABLISHED);
		EXPECT_TRUE(!h.act.ready && !h.act.kept && !h.act.wake);
		EXPECT_EQ(h.tcb.snd.una, ISS + 1);
		EXPECT_EQ(h.tcb.snd.wnd, WND);
	}
}

TEST(advance_una__part_of_what_is_outstanding)
{
	struct host h;

	make_established(&h);
	host_send(&h, 300);
	ARRIVE_NEXT(&h, .ack = ISS + 101);
	EXPECT_EQ(h.tcb.snd.una, ISS + 101);
	EXPECT_EQ(h.tcb.snd.nxt, ISS + 301);
	EXPECT_TRUE(h.act.wake & WAKE_WRITE);
	EXPECT_NE(h.tcb.deadline[TIMER_RTO], 0);
	ARRIVE_NEXT(&h, .ack = ISS + 301);
	EXPECT_EQ(h.tcb.deadline[TIMER_RTO], 0);
}

TEST(advance_una__an_old_ack_changes_nothing)
{
	struct host h;

	make_established(&h);
	host_send(&h, 300);
	ARRIVE_NEXT(&h, .ack = ISS + 301);
	ARRIVE_NEXT(&h, .ack = ISS + 101);
	EXPECT_EQ(h.tcb.snd.una, ISS + 301);
	EXPECT_QUIET(&h);
}

TEST(advance_una__across_zero)
{
	struct host h;

	make_closed(&h);
	toytcp_user_open(&h.tcb, 0xffffffffu - 50, h.now);
	host_settle(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = 0xffffffff,
	       .ack = 0xffffffffu - 49, .options = HAS_MSS, .mss = MSS);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_EQ(h.tcb.rcv.nxt, 0);
	host_send(&h, 100);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = 0, .ack = 50);
	EXPECT_EQ(h.tcb.snd.una, 50);
	EXPECT_EQ(h.tcb.snd.nxt, 50);
}

/* --- The window: SND.WL1 and SND.WL2 --- */

TEST(update_window__newest_segment_wins)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = 5, .wnd = 600);
	ARRIVE_NEXT(&h, .len = 5, .wnd = 700);
	EXPECT_EQ(h.tcb.snd.wnd, 700);
	/* Begins before that one, which has overtaken it, but brings more. */
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1, .len = 11,
	       .wnd = 900);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 12);
	EXPECT_EQ(h.tcb.snd.wnd, 700);
	ARRIVE_NEXT(&h, .wnd = 0);
	EXPECT_EQ(h.tcb.snd.wnd, 0);
}

/* Only if SND.UNA =< SEG.ACK: it counts from there. */
TEST(update_window__newer_text_with_an_older_ack)
{
	struct host h;

	make_established(&h);
	host_send(&h, 200);
	ARRIVE_NEXT(&h, .ack = ISS + 201, .wnd = 300, .len = 5);
	ARRIVE_NEXT(&h, .ack = ISS + 101, .wnd = 900, .len = 5);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 11);
	EXPECT_EQ(h.tcb.snd.wnd, 300);
}

/*
 * What fills a gap has a smaller number than what came before it, but the
 * newest ACK: the window that goes with it is the peer's last word.
 */
TEST(update_window__a_repetition_with_a_newer_ack)
{
	struct host h;

	make_established(&h);
	host_send(&h, 10 * MSS);
	ARRIVE_NEXT(&h, .seq = IRS + 1 + MSS, .len = MSS);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .len = MSS,
	       .ack = ISS + 1 + 10 * MSS, .wnd = 2 * MSS);
	EXPECT_EQ(h.tcb.snd.wnd, 2 * MSS);
	host_send(&h, 20 * MSS);
	EXPECT_EQ(h.tcb.snd.nxt, ISS + 1 + 12 * MSS);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1 + 2 * MSS,
	       .ack = ISS + 1 + 12 * MSS, .wnd = 0);
	EXPECT_EQ(h.tcb.snd.wnd, 0);
}

TEST(update_window__older_ack_with_the_same_number)
{
	struct host h;

	make_established(&h);
	host_send(&h, 200);
	ARRIVE_NEXT(&h, .ack = ISS + 201, .wnd = 300);
	ARRIVE_NEXT(&h, .ack = ISS + 101, .wnd = 900);
	EXPECT_EQ(h.tcb.snd.wnd, 300);
}

TEST(update_window__remembers_the_largest)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .wnd = 50000);
	ARRIVE_NEXT(&h, .wnd = 1000);
	EXPECT_EQ(h.tcb.snd.max_wnd, 50000);
}

/* --- The ACK of our FIN --- */

TEST(ack_of_fin__fin_wait_1_to_2)
{
	struct host h;

	make_fin_wait_1(&h);
	EXPECT_STATE(&h, TCP_FIN_WAIT1);
	ARRIVE_NEXT(&h, .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_FIN_WAIT1);
	ARRIVE_NEXT(&h, .ack = ISS + 2);
	EXPECT_STATE(&h, TCP_FIN_WAIT2);
	EXPECT_QUIET(&h);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
}

TEST(ack_of_fin__closing_to_time_wait)
{
	struct host h;

	make_closing(&h);
	EXPECT_STATE(&h, TCP_CLOSING);
	ARRIVE_NEXT(&h, .ack = ISS + 2);
	EXPECT_STATE(&h, TCP_TIME_WAIT);
	EXPECT_QUIET(&h);
}

TEST(ack_of_fin__last_ack_to_closed)
{
	struct host h;

	make_last_ack(&h);
	ARRIVE_NEXT(&h, .ack = ISS + 2);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.act.error, 0);
	EXPECT_QUIET(&h);
}

TEST(ack_of_fin__text_before_it_does_not_count)
{
	struct host h;

	make_established(&h);
	host_send(&h, 10);
	host_close(&h);
	ARRIVE_NEXT(&h, .ack = ISS + 11);
	EXPECT_STATE(&h, TCP_FIN_WAIT1);
	ARRIVE_NEXT(&h, .ack = ISS + 12);
	EXPECT_STATE(&h, TCP_FIN_WAIT2);
}

TEST_HARNESS_MAIN
