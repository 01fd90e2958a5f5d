// SPDX-License-Identifier: GPL-2.0
/* ecn.c: Explicit Congestion Notification, RFC 3168. */
#include "host.h"
#include "kselftest_harness.h"

#define SETUP	(CTL_ECE | CTL_CWR)

static void make_asking(struct host *h)
{
	make_closed(h);
	h->tcb.ecn = 1;
	toytcp_user_open(&h->tcb, ISS, h->now);
	host_settle(h);
}

static void make_marked(struct host *h)
{
	make_asking(h);
	ARRIVE(h, .ctl = CTL_SYN | CTL_ACK | CTL_ECE, .seq = IRS,
	       .ack = ISS + 1, .options = HAS_MSS, .mss = MSS);
	h->tcb.nodelay = 1;
}

/* --- Who speaks it: section 6.1.1 --- */

TEST(ecn_agrees__by_the_right_bits)
{
	struct segment seg = { .ctl = CTL_SYN | SETUP };

	EXPECT_TRUE(toytcp_ecn_agrees(&seg));
	seg.ctl = CTL_SYN | CTL_ECE;
	EXPECT_FALSE(toytcp_ecn_agrees(&seg));
	seg.ctl = CTL_SYN | CTL_ACK | CTL_ECE;
	EXPECT_TRUE(toytcp_ecn_agrees(&seg));
	seg.ctl = CTL_SYN | CTL_ACK | SETUP;	/* it sends back what it got */
	EXPECT_FALSE(toytcp_ecn_agrees(&seg));
}

TEST(ecn__the_syn_asks_once)
{
	struct host h;

	make_asking(&h);
	EXPECT_EQ(h.out[0].ctl, CTL_SYN | SETUP);
	EXPECT_EQ(h.out[0].ecn, 0);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.out[0].ctl, CTL_SYN);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK | CTL_ECE, .seq = IRS,
	       .ack = ISS + 1);		/* the answer to the first */
	EXPECT_TRUE(!!h.tcb.ecn);
}

TEST(ecn__not_if_the_peer_does_not)
{
	struct host h;

	make_asking(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	host_send(&h, 10);
	EXPECT_EQ(h.out[0].ecn, 0);
}

TEST(ecn__not_if_we_did_not_ask)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK | CTL_ECE, .seq = IRS,
	       .ack = ISS + 1);
	EXPECT_FALSE(!!h.tcb.ecn);
}

TEST(ecn__a_simultaneous_open)
{
	struct host h;

	make_asking(&h);
	ARRIVE(&h, .ctl = CTL_SYN | SETUP, .seq = IRS);
	EXPECT_EQ(h.out[0].ctl, CTL_SYN | CTL_ACK | CTL_ECE);
	EXPECT_TRUE(!!h.tcb.ecn);
}

TEST(ecn__a_request_answers)
{
	struct segment syn = { .ctl = CTL_SYN | SETUP, .seq = IRS }, seg;
	const struct offer offer = { .window = BUF, .mss = MSS, .ecn = true };
	struct syn_request e;
	struct host h;

	toytcp_request_init(&e, &syn, ISS, BUF, &offer, START);
	toytcp_request_synack(&e, START, &seg);
	EXPECT_EQ(seg.ctl, CTL_SYN | CTL_ACK | CTL_ECE);
	make_closed(&h);
	toytcp_request_promote(&e, &h.tcb, START);
	EXPECT_TRUE(!!h.tcb.ecn);
}

/* --- What may be marked: sections 5 and 6.1.4 to 6.1.6 --- */

TEST(ecn_mark__new_text_and_nothing_else)
{
	struct host h;

	make_marked(&h);
	EXPECT_EQ(h.out[0].ecn, 0);		/* the ACK of the SYN,ACK */
	host_send(&h, 10);
	EXPECT_EQ(h.out[0].ecn, ECN_ECT0);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.out[0].len, 10);
	EXPECT_EQ(h.out[0].ecn, 0);		/* the same again */
	ARRIVE_NEXT(&h, .ack = ISS + 11);
	host_close(&h);
	EXPECT_EQ(h.out[0].ctl, CTL_FIN | CTL_ACK);
	EXPECT_EQ(h.out[0].ecn, 0);
}

TEST(ecn_mark__no_window_probe)
{
	struct host h;

	make_marked(&h);
	ARRIVE_NEXT(&h, .wnd = 0);
	host_send(&h, 10);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.out[0].len, 1);
	EXPECT_EQ(h.out[0].ecn, 0);
}

/* --- The receiver: section 6.1.3 --- */

TEST(take_mark__echoed_until_cwr)
{
	struct host h;

	make_marked(&h);
	h.tcb.rcv.quick_acks = 0;
	ARRIVE_NEXT(&h, .len = 10, .ecn = ECN_CE);
	EXPECT_EQ(h.sent, 1);			/* at once */
	EXPECT_EQ(h.out[0].ctl, CTL_ACK | CTL_ECE);
	host_send(&h, 10);
	EXPECT_EQ(h.out[0].ctl, CTL_ACK | CTL_PSH | CTL_ECE);
	ARRIVE_NEXT(&h, .len = 10, .ecn = ECN_ECT0);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.out[0].ctl, CTL_ACK | CTL_ECE);
	ARRIVE(&h, .ctl = CTL_ACK | CTL_CWR, .seq = IRS + 21, .len = 10,
	       .ack = ISS + 11);
	h.tcb.ack_now = CAUSE_TEXT;
	host_settle(&h);
	EXPECT_EQ(h.out[0].ctl, CTL_ACK);
}

TEST(take_mark__cwr_with_another_mark)
{
	struct host h;

	make_marked(&h);
	ARRIVE_NEXT(&h, .len = 10, .ecn = ECN_CE);
	ARRIVE(&h, .ctl = CTL_ACK | CTL_CWR, .seq = IRS + 11, .len = 10,
	       .ack = ISS + 1, .ecn = ECN_CE);
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].ctl, CTL_ACK | CTL_ECE);
}

/* Nobody can have marked them in good faith. */
TEST(take_mark__not_of_bare_acks_nor_outside_the_window)
{
	struct host h;

	make_marked(&h);
	ARRIVE_NEXT(&h, .ecn = ECN_CE);
	EXPECT_FALSE(!!h.tcb.ecn_echo);
	ARRIVE_NEXT(&h, .seq = IRS + 1 + BUF, .len = 10, .ecn = ECN_CE);
	EXPECT_FALSE(!!h.tcb.ecn_echo);
}

TEST(take_mark__not_if_it_was_not_agreed)
{
	struct host h;

	make_established(&h);
	h.tcb.quickack = 1;
	ARRIVE_NEXT(&h, .len = 10, .ecn = ECN_CE);
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].ctl, CTL_ACK);
}

/* --- The sender: section 6.1.2 --- */

#define ECHO(h, n) ARRIVE(h, .ctl = CTL_ACK | CTL_ECE, .seq = IRS + 1, \
			  .ack = ISS + 1 + (n))

TEST(slow_down__once_for_each_window)
{
	struct host h;
	u32 cwnd;

	make_marked(&h);
	host_send(&h, 20 * MSS);
	ECHO(&h, MSS);
	cwnd = h.tcb.cc.cwnd;
	EXPECT_LE(cwnd, 8 * MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
	ECHO(&h, 2 * MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
	EXPECT_EQ(h.tcb.retransmits, 0);
	while (h.tcb.snd.nxt == ISS + 1 + 10 * MSS)
		ECHO(&h, h.tcb.snd.una - ISS - 1 + MSS);
	EXPECT_EQ(h.out[0].ctl & CTL_CWR, CTL_CWR);	/* the first new one */
	ECHO(&h, 10 * MSS);
	EXPECT_EQ(h.out[0].ctl & CTL_CWR, 0);		/* is the only one */
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
	ECHO(&h, 11 * MSS);				/* the window after */
	EXPECT_LT(h.tcb.cc.ssthresh, 5 * MSS);
}

TEST(slow_down__an_old_ack_says_nothing_new)
{
	struct host h;
	u32 cwnd;

	make_marked(&h);
	host_send(&h, 4 * MSS);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 4 * MSS);
	cwnd = h.tcb.cc.cwnd;
	ECHO(&h, MSS);
	EXPECT_EQ(h.tcb.cc.cwnd, cwnd);
}

/* Nor is it a loss, which then is mended, but nothing makes good for it. */
TEST(slow_down__covers_a_loss_of_that_window)
{
	struct host h;

	make_marked(&h);
	h.tcb.sack_ok = 1;
	host_send(&h, 10 * MSS);
	h.now += 100 * MSEC;
	ECHO(&h, MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
	ARRIVE_NEXT(&h, .sacks = 1,
		    .sack = { { ISS + 1 + 2 * MSS, ISS + 1 + 6 * MSS } });
	ASSERT_TRUE(h.tcb.cc.recovering == 1);
	EXPECT_EQ(h.out[0].seq, ISS + 1 + MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
	SACK(&h, 6, 1, 2);
	EXPECT_TRUE(h.act.notes & NOTE_DSACK_IN);
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 10 * MSS);
	EXPECT_FALSE(h.tcb.cc.recovering == 1);
	EXPECT_LE(h.tcb.cc.cwnd, 6 * MSS);
	host_send(&h, 5 * MSS);
	h.now += 100 * MSEC;
	ARRIVE_NEXT(&h, .sacks = 1,
		    .sack = { { ISS + 1 + 11 * MSS, ISS + 1 + 15 * MSS } });
	EXPECT_LT(h.tcb.cc.ssthresh, 5 * MSS);
}

/* The same of a loss that a tail loss probe has mended. */
TEST(slow_down__covers_what_a_probe_mends)
{
	struct host h;

	make_marked(&h);
	h.tcb.sack_ok = 1;
	host_send(&h, MSS);
	h.now += 100 * MSEC;
	ARRIVE_NEXT(&h, .ack = ISS + 1 + MSS);
	host_send(&h, 10 * MSS);
	h.now += 100 * MSEC;
	ECHO(&h, 9 * MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(!!h.tcb.rack.probing);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 11 * MSS);
	host_send(&h, MSS);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 12 * MSS);
	EXPECT_FALSE(!!h.tcb.rack.probing);
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
}

/* Two gigabytes later a number is no longer behind. */
TEST(slow_down__long_after_the_last_time)
{
	struct host h;
	u32 i;

	make_marked(&h);
	for (i = 0; i < 3; i++) {
		host_skip(&h, 1u << 30);
		ARRIVE_NEXT(&h);
	}
	host_send(&h, 10 * MSS);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_ECE, .ack = h.tcb.snd.una + MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
}

/* Fast recovery has slowed down already; the peer is told all the same. */
TEST(slow_down__not_twice_in_recovery)
{
	struct host h;
	u32 ssthresh;

	make_marked(&h);
	host_send(&h, 10 * MSS);
	h.tcb.cc.recovering = 1;
	h.tcb.cc.recover = h.tcb.snd.nxt;
	ssthresh = h.tcb.cc.ssthresh;
	toytcp_ecn_arrives(&h.tcb, &(struct segment){
		.ctl = CTL_ACK | CTL_ECE, .ack = ISS + 1 + MSS }, &h.act);
	EXPECT_EQ(h.tcb.cc.ssthresh, ssthresh);
	EXPECT_TRUE(!!h.tcb.ecn_reduced);
}

/* Nor after a timeout, when cwnd says little about the path. */
TEST(slow_down__not_twice_after_a_timeout)
{
	struct host h;

	make_marked(&h);
	host_send(&h, 10 * MSS);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
	ECHO(&h, MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
	EXPECT_TRUE(!!h.tcb.ecn_reduced);
}

/* CWR was promised: it holds even if what else looked like a loss was none. */
TEST(slow_down__is_not_undone)
{
	struct host h;

	make_marked(&h);
	h.tcb.sack_ok = 1;
	host_send(&h, 10 * MSS);
	h.now += 100 * MSEC;
	ARRIVE_NEXT(&h, .sacks = 1,
		    .sack = { { ISS + 1 + MSS, ISS + 1 + 4 * MSS } });
	ASSERT_TRUE(h.tcb.cc.recovering == 1);
	ECHO(&h, 4 * MSS);
	ARRIVE_NEXT(&h, .sacks = 1, .sack = { { ISS + 1, ISS + 1 + MSS } });
	EXPECT_TRUE(h.act.notes & NOTE_DSACK_IN);
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
	EXPECT_LE(h.tcb.cc.cwnd, 8 * MSS);
}

/* The same of a timeout. */
TEST(slow_down__is_not_undone_after_a_timeout)
{
	struct host h;

	make_marked(&h);
	h.tcb.sack_ok = 1;
	host_send(&h, 10 * MSS);
	while (!h.tcb.timed_out)
		ASSERT_TRUE(host_expire(&h));
	ECHO(&h, 5 * MSS);
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
}

/* That an earlier loss was none says nothing about the mark that came after. */
TEST(slow_down__not_undone_for_an_earlier_loss)
{
	struct host h;
	u32 cwnd;

	make_marked(&h);
	h.tcb.sack_ok = 1;
	host_send(&h, 8 * MSS);
	h.now += 100 * MSEC;
	ARRIVE_NEXT(&h, .sacks = 1,
		    .sack = { { ISS + 1 + MSS, ISS + 1 + 4 * MSS } });
	ASSERT_TRUE(h.tcb.cc.recovering == 1);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 8 * MSS);
	host_send(&h, 4 * MSS);
	ECHO(&h, 10 * MSS);
	cwnd = h.tcb.cc.cwnd;
	EXPECT_LT(cwnd, 4 * MSS);
	ARRIVE_NEXT(&h, .sacks = 1, .sack = { { ISS + 1, ISS + 1 + MSS } });
	EXPECT_TRUE(h.act.notes & NOTE_DSACK_IN);
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
	EXPECT_EQ(h.tcb.cc.cwnd, cwnd);
}

/* --- Congestion in this host --- */

/* Its own queue drops: once for a window, and the loss itself is no news. */
TEST(ecn_local__slows_down_once)
{
	struct host h;
	u32 i, cwnd;

	make_established(&h);
	h.tcb.sack_ok = 0;
	host_send(&h, 10 * MSS);
	cwnd = h.tcb.cc.cwnd;
	toytcp_ecn_local(&h.tcb);
	EXPECT_LT(h.tcb.cc.cwnd, cwnd);
	EXPECT_EQ(h.tcb.cc.cwnd, h.tcb.cc.ssthresh);
	cwnd = h.tcb.cc.cwnd;
	toytcp_ecn_local(&h.tcb);
	EXPECT_EQ(h.tcb.cc.cwnd, cwnd);
	for (i = 0; i < DUPACKS; i++)
		ARRIVE_NEXT(&h, .ack = ISS + 1);
	EXPECT_EQ(!!h.tcb.cc.recovering, true);
	EXPECT_EQ(h.tcb.cc.ssthresh, cwnd);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 10 * MSS);
	host_send(&h, MSS);
	cwnd = h.tcb.cc.cwnd;
	toytcp_ecn_local(&h.tcb);
	EXPECT_LT(h.tcb.cc.cwnd, cwnd);
}

TEST_HARNESS_MAIN
