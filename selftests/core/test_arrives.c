// SPDX-License-Identifier: GPL-2.0
/* arrives.c: SEGMENT ARRIVES, RFC 9293 section 3.10.7, up to the ACK field. */
#include "host.h"
#include "kselftest_harness.h"

typedef void maker(struct host *h);

/* The states of 3.10.7.4 that have a tcb and a peer who has our SYN. */
static maker *const synchronised[] = {
	make_established, make_fin_wait_1, make_fin_wait_2, make_closing,
	make_close_wait, make_last_ack,
};

#define EACH(h, i, makers)						\
	for (i = 0; i < ARRAY_SIZE(makers) && (makers[i](h), true); i++)

/* --- 3.10.7.1 CLOSED --- */

TEST(arrives_closed__everything_is_reset)
{
	struct host h;

	make_closed(&h);
	ARRIVE(&h, .ctl = CTL_SYN, .seq = IRS);
	EXPECT_TRUE(h.act.reset);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS, .ack = ISS);
	EXPECT_TRUE(h.act.reset);
	EXPECT_STATE(&h, TCP_CLOSE);
}

TEST(arrives_closed__but_not_a_reset)
{
	struct host h;

	make_closed(&h);
	ARRIVE(&h, .ctl = CTL_RST, .seq = IRS);
	EXPECT_FALSE(h.act.reset);
}

/* --- 3.10.7.3 SYN-SENT --- */

TEST(syn_sent__the_syn)
{
	struct host h;

	make_syn_sent(&h);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_SYN, ISS, 0, 0);
	EXPECT_EQ(h.out[0].mss, MSS);
	EXPECT_EQ(h.out[0].wnd, BUF);
	EXPECT_STATE(&h, TCP_SYN_SENT);
}

TEST(syn_sent_check_ack__wrong_ack_is_reset)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS);
	EXPECT_TRUE(h.act.reset);
	EXPECT_STATE(&h, TCP_SYN_SENT);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS, .ack = ISS + 2);
	EXPECT_TRUE(h.act.reset);
	EXPECT_STATE(&h, TCP_SYN_SENT);
}

TEST(syn_sent_check_ack__wrong_ack_with_rst_is_dropped)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_RST | CTL_ACK, .seq = IRS, .ack = ISS);
	EXPECT_FALSE(h.act.reset);
	EXPECT_EQ(h.act.error, 0);
	EXPECT_STATE(&h, TCP_SYN_SENT);
}

TEST(syn_sent_check_rst__refused)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_RST | CTL_ACK, .seq = 0, .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.act.error, ECONNREFUSED);
	EXPECT_FALSE(h.act.reset);
	EXPECT_TRUE(h.act.wake & WAKE_STATE);
	EXPECT_EQ(toytcp_timeout_next(&h.tcb), 0);
}

TEST(syn_sent_check_rst__without_ack_is_dropped)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_RST, .seq = 0);
	EXPECT_STATE(&h, TCP_SYN_SENT);
	EXPECT_EQ(h.act.error, 0);
}

TEST(syn_sent_check_syn__established)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       .options = HAS_MSS, .mss = 700);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1);
	EXPECT_EQ(h.act.wake, WAKE_STATE | WAKE_WRITE);
	EXPECT_EQ(h.tcb.snd.una, ISS + 1);
	EXPECT_EQ(h.tcb.snd.wnd, WND);
	EXPECT_EQ(h.tcb.snd.mss, 700);
	EXPECT_EQ(toytcp_timeout_next(&h.tcb), 0);
}

/* MUST-15: no MSS option means 536. */
TEST(syn_sent_check_syn__no_mss_option)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_EQ(h.tcb.snd.mss, 536);
}

TEST(syn_sent_check_syn__tiny_mss)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       .options = HAS_MSS, .mss = 0);
	EXPECT_EQ(h.tcb.snd.mss, MSS_MIN);
}

/* RFC 7323: the window of a SYN is never scaled, later ones are. */
TEST(syn_sent_check_syn__window_scale)
{
	struct host h;

	make_syn_sent(&h);
	EXPECT_TRUE(h.out[0].options & HAS_WSCALE);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       .options = HAS_MSS | HAS_WSCALE, .mss = MSS, .wscale = 3,
	       .wnd = 5000);
	EXPECT_EQ(h.tcb.snd.wnd, 5000);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
	       .wnd = 5000);
	EXPECT_EQ(h.tcb.snd.wnd, 40000);
}

TEST(syn_sent_check_syn__text_on_it_is_not_taken)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       .len = 10);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 1);
	EXPECT_TRUE(!h.act.ready);
	EXPECT_FALSE(h.act.kept);
}

TEST(syn_sent_check_syn__simultaneous_open)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_SYN, .seq = IRS, .options = HAS_MSS, .mss = MSS);
	EXPECT_STATE(&h, TCP_SYN_RECV);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_SYN | CTL_ACK, ISS, IRS + 1, 0);
	EXPECT_TRUE(h.out[0].options & HAS_MSS);
	EXPECT_FALSE(h.out[0].options & HAS_WSCALE);
}

TEST(syn_sent_check_syn__neither_syn_nor_rst)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_SYN_SENT);
	EXPECT_QUIET(&h);
	ARRIVE(&h, .ctl = CTL_FIN, .seq = IRS);
	EXPECT_STATE(&h, TCP_SYN_SENT);
	EXPECT_QUIET(&h);
}

/* --- 3.10.7.4, first: the sequence number --- */

TEST(check_sequence__below_the_window_is_acked)
{
	struct host h;
	u32 i;

	EACH(&h, i, synchronised) {
		u8 state = h.tcb.state;
		u32 nxt = h.tcb.rcv.nxt;

		ARRIVE(&h, .ctl = CTL_ACK, .seq = nxt - 5, .len = 5,
		       .ack = h.tcb.snd.una);
		EXPECT_ONLY_ACK(&h, h.tcb.snd.nxt, nxt);
		EXPECT_STATE(&h, state);
	}
}

TEST(check_sequence__beyond_the_window_is_acked)
{
	struct host h;
	u32 i;

	EACH(&h, i, synchronised) {
		u32 nxt = h.tcb.rcv.nxt;

		ARRIVE(&h, .ctl = CTL_ACK, .seq = h.tcb.rcv.adv, .len = 5,
		       .ack = h.tcb.snd.una);
		EXPECT_ONLY_ACK(&h, h.tcb.snd.nxt, nxt);
		EXPECT_FALSE(h.act.kept);
	}
}

TEST(check_sequence__outside_with_rst_is_dropped)
{
	struct host h;
	u32 i;

	EACH(&h, i, synchronised) {
		u8 state = h.tcb.state;

		ARRIVE(&h, .ctl = CTL_RST, .seq = h.tcb.rcv.nxt - 1);
		EXPECT_QUIET(&h);
		EXPECT_STATE(&h, state);
		ARRIVE(&h, .ctl = CTL_RST, .seq = h.tcb.rcv.adv + 1);
		EXPECT_QUIET(&h);
		EXPECT_STATE(&h, state);
	}
}

TEST(check_sequence__outside_its_ack_means_nothing)
{
	struct host h;

	make_established(&h);
	host_send(&h, 100);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS, .len = 1, .ack = ISS + 101);
	EXPECT_EQ(h.tcb.snd.una, ISS + 1);
}

/* RFC 5961 section 7: two who find each other's ACKs useless fall silent. */
TEST(challenge__is_limited)
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

TEST(trim__overlapping_text_brings_only_what_is_new)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = 10);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 6, .ack = ISS + 1, .len = 10);
	/* The node says where the segment's text begins; who reads skips. */
	EXPECT_EQ(h.act.ready->seq, IRS + 6);
	EXPECT_EQ(h.act.ready->end, IRS + 16);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 16);
}

TEST(trim__what_is_beyond_the_window_is_cut)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = BUF + 10, .ctl = CTL_ACK | CTL_FIN);
	EXPECT_EQ(host_ready(&h), BUF);
	EXPECT_EQ(h.tcb.rcv.nxt, h.tcb.rcv.adv);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1 + BUF);
	EXPECT_EQ(h.out[0].wnd, 0);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
}

/* RFC 9293 MUST-66, and ACKs likewise: the window may be closed. */
TEST(acceptable__zero_window_still_sees_acks_and_resets)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = BUF);
	host_send(&h, 100);
	ARRIVE_NEXT(&h, .ack = ISS + 101);
	EXPECT_EQ(h.tcb.snd.una, ISS + 101);
	ARRIVE_NEXT(&h, .len = 1);
	EXPECT_ONLY_ACK(&h, ISS + 101, IRS + 1 + BUF);
	EXPECT_EQ(host_ready(&h), 0);
	ARRIVE_NEXT(&h, .ctl = CTL_RST);
	EXPECT_STATE(&h, TCP_CLOSE);
}

/* A peer that has filled the window, and lost some of it, acknowledges here. */
TEST(acceptable__a_bare_ack_at_the_windows_end)
{
	struct host h;

	make_established(&h);
	host_send(&h, 100);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = h.tcb.rcv.adv, .ack = ISS + 101);
	EXPECT_EQ(h.tcb.snd.una, ISS + 101);
	EXPECT_QUIET(&h);
}

/* --- Second: the RST bit --- */

TEST(check_rst__the_exact_number_ends_it)
{
	static const struct {
		maker *make;
		int error;
	} rows[] = {
		{ make_syn_received, ECONNREFUSED },
		{ make_established, ECONNRESET },
		{ make_fin_wait_1, ECONNRESET },
		{ make_fin_wait_2, ECONNRESET },
		{ make_close_wait, EPIPE },
		{ make_closing, 0 },
		{ make_last_ack, 0 },
	};
	struct host h;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		rows[i].make(&h);
		ARRIVE(&h, .ctl = CTL_RST, .seq = h.tcb.rcv.nxt);
		EXPECT_STATE(&h, TCP_CLOSE);
		EXPECT_EQ(h.act.error, rows[i].error);
		EXPECT_QUIET(&h);
		EXPECT_FALSE(h.act.reset);
		EXPECT_EQ(toytcp_timeout_next(&h.tcb), 0);
	}
}

TEST(check_rst__within_the_window_is_asked_back)
{
	struct host h;
	u32 i;

	EACH(&h, i, synchronised) {
		u8 state = h.tcb.state;

		ARRIVE(&h, .ctl = CTL_RST, .seq = h.tcb.rcv.nxt + 1);
		EXPECT_STATE(&h, state);
		EXPECT_ONLY_ACK(&h, h.tcb.snd.nxt, h.tcb.rcv.nxt);
	}
}

/* --- Fourth: the SYN bit --- */

TEST(check_syn__is_asked_back)
{
	struct host h;
	u32 i;

	EACH(&h, i, synchronised) {
		u8 state = h.tcb.state;

		ARRIVE(&h, .ctl = CTL_SYN, .seq = h.tcb.rcv.nxt + 100);
		EXPECT_STATE(&h, state);
		EXPECT_ONLY_ACK(&h, h.tcb.snd.nxt, h.tcb.rcv.nxt);
	}
}

/* Our ACK of the SYN,ACK was lost: the peer sends it again. */
TEST(check_syn__the_syn_ack_again)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
}

/* --- Fifth: the ACK field --- */

TEST(check_ack__without_it_the_segment_is_dropped)
{
	struct host h;
	u32 i;

	EACH(&h, i, synchronised) {
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
	EXPECT_EQ(toytcp_timeout_next(&h.tcb), 0);
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

	EACH(&h, i, synchronised) {
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
	ARRIVE_NEXT(&h, .ack = ISS + 1 - WND - 1, .len = 3);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 1);
	EXPECT_EQ(h.sent, 1);
	ARRIVE_NEXT(&h, .ack = ISS + 1 - WND, .len = 3);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 4);
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
	EXPECT_NE(h.tcb.deadline[TIMER_RETRANSMIT], 0);
	ARRIVE_NEXT(&h, .ack = ISS + 301);
	EXPECT_EQ(h.tcb.deadline[TIMER_RETRANSMIT], 0);
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
	ARRIVE_NEXT(&h, .len = 5, .wnd = 700);
	EXPECT_EQ(h.tcb.snd.wnd, 700);
	/* Sent before that one, and overtaken by it. */
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1, .len = 5,
	       .wnd = 900);
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
	EXPECT_EQ(toytcp_timeout_next(&h.tcb), 0);
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
