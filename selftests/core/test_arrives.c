// SPDX-License-Identifier: GPL-2.0
/* arrives.c: SEGMENT ARRIVES, RFC 9293 section 3.10.7, before the ACK field. */
#include "host.h"
#include "kselftest_harness.h"

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

/*
 * The answer to our SYN is a challenge ACK: the peer still has a connection
 * that we have forgotten. The reset ends that: the SYN soon follows it, but a
 * forger cannot make us send one after the other.
 */
TEST(syn_sent_check_ack__the_syn_follows_the_reset)
{
	struct host h;

	make_syn_sent(&h);
	host_pass(&h, 50 * MSEC);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = 77, .ack = 99);
	EXPECT_TRUE(h.act.reset);
	EXPECT_QUIET(&h);
	host_pass(&h, 5 * MSEC);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = 77, .ack = 99);
	host_pass(&h, NEXT_TICK(5 * MSEC));
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_SYN, ISS, 0, 0);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = 77, .ack = 99);
	EXPECT_TRUE(h.act.reset);
	host_pass(&h, RTO_INITIAL);
	EXPECT_QUIET(&h);
	EXPECT_STATE(&h, TCP_SYN_SENT);
	/* The reset was lost: another one after the timeout. */
	ASSERT_TRUE(host_expire(&h));
	ASSERT_EQ(h.sent, 1);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = 77, .ack = 99);
	EXPECT_TRUE(h.act.reset);
	host_pass(&h, NEXT_TICK(10 * MSEC));
	EXPECT_EQ(h.sent, 1);
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
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
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
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
}

/* MUST-15: no MSS option means 536. */
TEST(syn_sent_check_syn__no_mss_option)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_EQ(h.tcb.snd.mss, 536);
	EXPECT_EQ(h.tcb.snd.mss_max, 536);
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

TEST(take_window__thirty_two_bits)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       .options = HAS_MSS | HAS_WSCALE, .mss = MSS, .wscale = 14);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
	       .wnd = 65535);
	EXPECT_EQ(h.tcb.snd.wnd, 65535u << 14);
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

	EACH_SYNCHRONISED(&h, i) {
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

	EACH_SYNCHRONISED(&h, i) {
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

	EACH_SYNCHRONISED(&h, i) {
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

/* A keep-alive probe has a number already acknowledged: RFC 9293 3.8.4. */
TEST(check_sequence__keep_alive_probes_are_answered)
{
	struct host h;
	u32 i;

	EACH_SYNCHRONISED(&h, i) {
		u32 nxt = h.tcb.rcv.nxt;

		ARRIVE(&h, .ctl = CTL_ACK, .seq = nxt - 1,
		       .ack = h.tcb.snd.una);
		EXPECT_ONLY_ACK(&h, h.tcb.snd.nxt, nxt);
		/* Some old ones carry a byte of garbage. */
		ARRIVE(&h, .ctl = CTL_ACK, .seq = nxt - 1, .len = 1,
		       .ack = h.tcb.snd.una);
		EXPECT_ONLY_ACK(&h, h.tcb.snd.nxt, nxt);
		EXPECT_TRUE(!h.act.ready && !h.act.kept);
	}
}

/* Our ACK of the peer's FIN was lost. */
TEST(check_sequence__the_peers_fin_again)
{
	static maker *const makers[] = {
		make_close_wait, make_closing, make_last_ack,
	};
	struct host h;
	u32 i, n;

	for (i = 0; i < ARRAY_SIZE(makers); i++) {
		u8 state = (makers[i](&h), h.tcb.state);

		for (n = 0; n < 3; n++) {
			ARRIVE(&h, .ctl = CTL_FIN | CTL_ACK, .seq = IRS + 1,
			       .ack = ISS + 1);
			EXPECT_ONLY_ACK(&h, h.tcb.snd.nxt, IRS + 2);
			EXPECT_STATE(&h, state);
		}
	}
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
		{ make_closing, ECONNRESET },
		{ make_last_ack, ECONNRESET },
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
		EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
	}
}

TEST(check_rst__within_the_window_is_asked_back)
{
	struct host h;
	u32 i;

	EACH_SYNCHRONISED(&h, i) {
		u8 state = h.tcb.state;

		ARRIVE(&h, .ctl = CTL_RST, .seq = h.tcb.rcv.nxt + 1);
		EXPECT_STATE(&h, state);
		EXPECT_ONLY_ACK(&h, h.tcb.snd.nxt, h.tcb.rcv.nxt);
	}
}

/* RFC 5961 3.2, each edge: one off is asked back, or dropped outside. */
TEST(check_rst__one_off)
{
	static const struct {
		u32 offset;
		int acks;
	} rows[] = {
		{ -1u, 0 }, { 1, 1 }, { BUF - 1, 1 }, { BUF + 1, 0 },
		{ 1u << 31, 0 },
	};
	struct host h;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		make_established(&h);
		ARRIVE(&h, .ctl = CTL_RST | CTL_ACK, .ack = ISS + 1,
		       .seq = IRS + 1 + rows[i].offset);
		EXPECT_STATE(&h, TCP_ESTABLISHED);
		EXPECT_EQ(h.sent, rows[i].acks);
		EXPECT_EQ(h.act.error, 0);
	}
}

/* Both sides have opened: the other one's reset needs the very number, too. */
TEST(check_rst__in_simultaneous_open)
{
	struct host h;

	make_syn_received(&h);
	ARRIVE(&h, .ctl = CTL_RST, .seq = IRS + 2);
	EXPECT_STATE(&h, TCP_SYN_RECV);
	ARRIVE(&h, .ctl = CTL_RST, .seq = IRS);
	EXPECT_STATE(&h, TCP_SYN_RECV);
	ARRIVE(&h, .ctl = CTL_RST, .seq = IRS + 1);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.act.error, ECONNREFUSED);
}

/* Figure 7, line 6: the SYN,ACKs cross, as the SYNs did. */
TEST(simultaneous_open__the_syn_acks_cross)
{
	struct host h;

	make_syn_received(&h);
	h.now += 100 * MSEC;
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1,
	       .options = HAS_MSS, .mss = MSS, .len = 5, .wnd = 7000);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1);
	EXPECT_EQ(h.tcb.rcv.nxt, IRS + 1);	/* no text on a SYN */
	EXPECT_EQ(h.tcb.snd.wnd, 7000);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
}

TEST(simultaneous_open__and_the_user_has_closed)
{
	struct host h;

	make_syn_received(&h);
	host_close(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_FIN_WAIT1);
}

TEST(simultaneous_open__another_syn_ack)
{
	static const struct segment wrong[] = {
		{ .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS },
		{ .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 2 },
		{ .ctl = CTL_SYN | CTL_ACK, .seq = IRS - 1, .ack = ISS + 1 },
		{ .ctl = CTL_SYN | CTL_ACK, .seq = IRS + 1, .ack = ISS + 1 },
		{ .ctl = CTL_SYN, .seq = IRS, .ack = ISS + 1 },
	};
	struct host h;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		make_syn_received(&h);
		host_arrive(&h, wrong[i]);
		EXPECT_STATE(&h, TCP_SYN_RECV);
		EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1);
	}
	make_syn_received(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK | CTL_RST, .seq = IRS,
	       .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_SYN_RECV);
	EXPECT_QUIET(&h);
}

/* Our SYN,ACK repeats our SYN: which of them was acknowledged? */
TEST(simultaneous_open__karns_rule)
{
	struct host h;

	make_syn_received(&h);
	h.now += 900 * MSEC;
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_EQ(h.tcb.rtt.srtt, 0);
	EXPECT_EQ(h.tcb.rtt.rto, RTO_INITIAL);
}

/* --- Fourth: the SYN bit --- */

TEST(check_syn__is_asked_back)
{
	struct host h;
	u32 i;

	EACH_SYNCHRONISED(&h, i) {
		u8 state = h.tcb.state;

		ARRIVE(&h, .ctl = CTL_SYN, .seq = h.tcb.rcv.nxt + 100);
		EXPECT_STATE(&h, state);
		EXPECT_ONLY_ACK(&h, h.tcb.snd.nxt, h.tcb.rcv.nxt);
	}
}

/* RFC 5961 4.2: whatever its number, and whatever else it carries. */
TEST(check_syn__any_number)
{
	static const u32 offsets[] = { 0, 1, BUF - 1, BUF, -1u, 1u << 31 };
	static const u8 bits[] = { 0, CTL_ACK, CTL_FIN, CTL_PSH | CTL_URG };
	struct host h;
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (k = 0; k < ARRAY_SIZE(bits); k++) {
			make_established(&h);
			ARRIVE(&h, .ctl = CTL_SYN | bits[k], .ack = ISS + 1,
			       .seq = IRS + 1 + offsets[i], .len = 5,
			       .up = 5);
			EXPECT_STATE(&h, TCP_ESTABLISHED);
			EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1);
			EXPECT_TRUE(!h.act.ready && !h.act.kept);
			EXPECT_EQ(h.tcb.rcv.urgent, URGENT_NONE);
		}
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

TEST_HARNESS_MAIN
