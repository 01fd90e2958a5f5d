// SPDX-License-Identifier: GPL-2.0
/*
 * cause.h: each kind of segment and each transition names the clause that is
 * behind it, whatever else happened at the same time.
 */
#include "host.h"
#include "kselftest_harness.h"

#define EXPECT_CAUSE(cause, wanted)					\
	EXPECT_STREQ(toytcp_cause_name(cause), toytcp_cause_name(wanted))

/* All that was sent for the last event, and nothing but these @n. */
#define EXPECT_CAUSES(h, n, wanted) do {				\
	int i_;								\
									\
	EXPECT_EQ((h)->sent, n);					\
	for (i_ = 0; i_ < (h)->sent; i_++)				\
		EXPECT_CAUSE((h)->out[i_].cause, wanted);		\
} while (0)

#define ACK(h, una_, ...) \
	ARRIVE(h, .ctl = CTL_ACK, .seq = (h)->tcb.rcv.nxt, .ack = AT(una_), \
	       __VA_ARGS__)

static void make_sack(struct host *h)
{
	make_established(h);
	h->tcb.sack_ok = 1;
}

static void make_newreno(struct host *h)
{
	make_established(h);
	h->tcb.sack_ok = 0;
}

/* --- opening --- */

TEST(cause__open)
{
	struct host h;

	make_syn_sent(&h);
	EXPECT_CAUSES(&h, 1, CAUSE_OPEN);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_CAUSES(&h, 1, CAUSE_RETRANSMISSION);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_CAUSE(h.act.cause, CAUSE_SYN_SENT_SYN);
	EXPECT_CAUSES(&h, 1, CAUSE_SYN_SENT_SYN);
}

TEST(cause__simultaneous_open)
{
	struct host h;

	make_syn_received(&h);
	EXPECT_CAUSE(h.act.cause, CAUSE_SYN_SENT_SYN);
	EXPECT_CAUSES(&h, 1, CAUSE_SYN_SENT_SYN);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_CAUSE(h.act.cause, CAUSE_ACK);
}

TEST(cause__syn_sent_refusals)
{
	struct host h;

	make_syn_sent(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS, .ack = ISS);
	EXPECT_TRUE(h.act.reset);
	EXPECT_CAUSE(h.act.cause, CAUSE_SYN_SENT_ACK);
	ARRIVE(&h, .ctl = CTL_RST | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_CAUSE(h.act.cause, CAUSE_SYN_SENT_RST);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS, .ack = ISS);
	EXPECT_TRUE(h.act.reset);
	EXPECT_CAUSE(h.act.cause, CAUSE_CLOSED);
}

/* A close that came too early is carried out by the ACK; its FIN says why. */
TEST(cause__close_in_syn_received)
{
	struct host h;

	make_syn_received(&h);
	host_close(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1);
	EXPECT_STATE(&h, TCP_FIN_WAIT1);
	EXPECT_CAUSE(h.act.cause, CAUSE_CLOSE);
}

/* --- text and its acknowledgement --- */

TEST(cause__text_that_the_user_sends)
{
	struct host h;

	make_established(&h);
	host_send(&h, 100);
	EXPECT_CAUSES(&h, 1, CAUSE_SEND);
}

TEST(cause__text_that_an_ack_lets_out)
{
	struct host h;

	make_established(&h);
	host_send(&h, 20 * MSS);
	EXPECT_CAUSES(&h, 10, CAUSE_SEND);
	ACK(&h, 2);
	EXPECT_CAUSE(h.act.cause, CAUSE_ACK);
	EXPECT_CAUSES(&h, 4, CAUSE_ACK);
	/* Also if the segment brings text of its own. */
	ACK(&h, 4, .len = MSS);
	EXPECT_CAUSE(h.act.cause, CAUSE_TEXT);
	EXPECT_CAUSES(&h, 4, CAUSE_ACK);
}

TEST(cause__acknowledgement_of_text)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_CAUSE(h.act.cause, CAUSE_TEXT);
	EXPECT_CAUSES(&h, 1, CAUSE_TEXT);
	/* Out of order; then the gap closes. */
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1 + 2 * MSS, .ack = ISS + 1,
	       .len = MSS);
	EXPECT_CAUSES(&h, 1, CAUSE_TEXT);
	ARRIVE_NEXT(&h, .len = MSS);
	EXPECT_CAUSES(&h, 1, CAUSE_TEXT);
}

TEST(cause__delayed_ack)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = 10);
	EXPECT_QUIET(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_CAUSES(&h, 1, CAUSE_DELAYED_ACK);
}

TEST(cause__window_update)
{
	struct host h;
	u32 i;

	make_established(&h);
	for (i = 0; i < BUF / MSS; i++)
		ARRIVE_NEXT(&h, .len = MSS);
	host_read(&h, BUF);
	EXPECT_CAUSES(&h, 1, CAUSE_WINDOW_UPDATE);
}

TEST(cause__urgent_news)
{
	struct host h;

	make_established(&h);
	ACK(&h, 0, .wnd = 0);
	host_send_urgent(&h, 10);
	EXPECT_CAUSES(&h, 1, CAUSE_URGENT);
}

/* --- what is of no use, and is answered --- */

TEST(cause__outside_the_window)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1 + 2 * BUF, .ack = ISS + 1,
	       .len = 10);
	EXPECT_CAUSE(h.act.cause, CAUSE_SEQUENCE);
	EXPECT_CAUSES(&h, 1, CAUSE_SEQUENCE);
}

TEST(cause__challenge_acks)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_RST, .seq = IRS + 2);
	EXPECT_CAUSE(h.act.cause, CAUSE_RST);
	EXPECT_CAUSES(&h, 1, CAUSE_CHALLENGE_RST);
	h.now += SECOND;
	ARRIVE(&h, .ctl = CTL_SYN, .seq = IRS + 1);
	EXPECT_CAUSE(h.act.cause, CAUSE_SYN);
	EXPECT_CAUSES(&h, 1, CAUSE_CHALLENGE_SYN);
	h.now += SECOND;
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1000);
	EXPECT_CAUSE(h.act.cause, CAUSE_ACK);
	EXPECT_CAUSES(&h, 1, CAUSE_CHALLENGE_ACK);
}

TEST(cause__paws)
{
	struct host h;

	make_established(&h);
	h.tcb.timestamps = 1;
	h.tcb.ts.recent = 1000000;
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1, .len = 10,
	       .options = HAS_TIMESTAMPS, .tsval = 1);
	EXPECT_CAUSE(h.act.cause, CAUSE_PAWS);
	EXPECT_CAUSES(&h, 1, CAUSE_PAWS);
}

TEST(cause__reset)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = CTL_RST, .seq = IRS + 1);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_CAUSE(h.act.cause, CAUSE_RST);
}

/* Text for a connection without a user is answered by a reset. */
TEST(cause__text_that_nobody_reads)
{
	struct host h;

	make_established(&h);
	host_leave(&h);
	ARRIVE_NEXT(&h, .len = 10);
	EXPECT_TRUE(h.act.reset);
	EXPECT_CAUSE(h.act.cause, CAUSE_TEXT);
}

/* --- losses: the cause is how it was noticed, whatever comes in between --- */

/* The eighth to tenth of ten are lost: three ACKs, three retransmissions. */
TEST(cause__three_losses_by_rack)
{
	struct host h;

	make_sack(&h);
	host_send(&h, 20 * MSS);
	EXPECT_EQ(h.sent, 10);
	h.now += 100 * MSEC;
	ACK(&h, 7);
	ASSERT_GT(h.sent, 3);
	EXPECT_CAUSES(&h, h.sent, CAUSE_ACK);
	h.now += 100 * MSEC;
	SACK(&h, 7, 10, 14);
	EXPECT_CAUSE(h.act.cause, CAUSE_RACK);
	EXPECT_CAUSES(&h, 1, CAUSE_RACK);
	EXPECT_EQ(h.out[0].seq, AT(7));
	h.now += 100 * MSEC;
	SACK(&h, 8, 10, 14);
	EXPECT_CAUSE(h.act.cause, CAUSE_ACK);
	ASSERT_GE(h.sent, 2);
	EXPECT_EQ(h.out[0].seq, AT(8));
	EXPECT_CAUSE(h.out[0].cause, CAUSE_RACK);
	EXPECT_EQ(h.out[1].seq, AT(9));
	EXPECT_CAUSE(h.out[1].cause, CAUSE_RACK);
}

/* By the timer: nothing arrives that could be the cause. */
TEST(cause__rack_by_its_timer)
{
	struct host h;
	u32 i;

	make_sack(&h);
	h.tcb.rack.min_rtt = 100 * MSEC;
	for (i = 0; i < 8; i++, h.now += 10 * MSEC)
		host_send(&h, MSS);
	h.now += 30 * MSEC;
	SACK(&h, 0, 1, 2);
	EXPECT_QUIET(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_CAUSE(h.act.cause, CAUSE_RACK);
	EXPECT_CAUSES(&h, 1, CAUSE_RACK);
}

TEST(cause__new_text_in_recovery)
{
	struct host h;

	make_sack(&h);
	host_send(&h, 40 * MSS);
	h.now += 100 * MSEC;
	SACK(&h, 0, 1, 10);
	EXPECT_CAUSE(h.out[0].cause, CAUSE_RACK);
	ASSERT_GT(h.sent, 1);
	EXPECT_CAUSE(h.out[1].cause, CAUSE_PRR);
}

TEST(cause__tail_loss_probe)
{
	struct host h;

	make_sack(&h);
	host_send(&h, 4 * MSS);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_CAUSE(h.act.cause, CAUSE_TAIL_LOSS);
	EXPECT_CAUSES(&h, 1, CAUSE_TAIL_LOSS);
	host_send(&h, 4 * MSS);
	ACK(&h, 8);
	EXPECT_CAUSE(h.act.cause, CAUSE_TAIL_MENDED);
}

TEST(cause__fast_retransmit_and_partial_ack)
{
	struct host h;
	u32 i;

	make_newreno(&h);
	host_send(&h, 10 * MSS);
	for (i = 0; i < 3; i++)
		ACK(&h, 0);
	EXPECT_CAUSE(h.act.cause, CAUSE_FAST_RETRANSMIT);
	EXPECT_CAUSES(&h, 1, CAUSE_FAST_RETRANSMIT);
	ACK(&h, 3);
	EXPECT_CAUSES(&h, 1, CAUSE_PARTIAL_ACK);
}

TEST(cause__retransmission_timeout)
{
	struct host h;

	make_newreno(&h);
	host_send(&h, 10 * MSS);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_CAUSE(h.act.cause, CAUSE_RETRANSMISSION);
	EXPECT_CAUSES(&h, 1, CAUSE_RETRANSMISSION);
	/* What the ACK of the first lets out is of the same timeout. */
	ACK(&h, 1);
	EXPECT_CAUSE(h.act.cause, CAUSE_ACK);
	EXPECT_CAUSES(&h, 2, CAUSE_RETRANSMISSION);
}

TEST(cause__black_hole)
{
	struct host h;

	make_newreno(&h);
	host_send(&h, 2 * MSS);
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(host_expire(&h));
	EXPECT_TRUE(h.act.notes & NOTE_SHRUNK);
	EXPECT_CAUSE(h.act.cause, CAUSE_BLACKHOLE);
}

TEST(cause__path_that_takes_less)
{
	struct host h;

	make_sack(&h);
	host_send(&h, 2 * MSS);
	toytcp_tcb_set_mss(&h.tcb, MSS / 2);
	toytcp_recovery_lose_all(&h.tcb, CAUSE_ICMP);
	toytcp_actions_init(&h.act, CAUSE_ICMP);
	host_settle(&h);
	ASSERT_GE(h.sent, 1);
	EXPECT_CAUSES(&h, h.sent, CAUSE_ICMP);
}

/* --- losses that were none --- */

TEST(cause__f_rto)
{
	struct host h;

	make_sack(&h);
	host_send(&h, 4 * MSS);
	h.tcb.rack.probing = 1;		/* no probe comes before the timeout */
	h.tcb.deadline[TIMER_LOSS] = 0;
	toytcp_deadline_set(&h.tcb, TIMER_RTO, h.now + SECOND, h.now);
	ASSERT_TRUE(host_expire(&h));
	ASSERT_EQ(h.out[0].seq, AT(0));
	toytcp_user_send(&h.tcb, 2 * MSS);
	ACK(&h, 1);
	ACK(&h, 2);	/* of the second, too, which was sent only once */
	EXPECT_TRUE(!h.tcb.timed_out);
	EXPECT_CAUSE(h.act.cause, CAUSE_FRTO);
}

TEST(cause__eifel)
{
	struct host h;

	make_sack(&h);
	h.tcb.timestamps = 1;
	host_send(&h, 10 * MSS);
	h.now += 100 * MSEC;
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = AT(0),
	       .options = HAS_TIMESTAMPS, .tsval = 1, .sacks = 1,
	       .sack = { { AT(1), AT(5) } });
	EXPECT_CAUSE(h.act.cause, CAUSE_RACK);
	h.now += 10 * MSEC;
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = AT(5),
	       .options = HAS_TIMESTAMPS, .tsval = 1,
	       .tsecr = toytcp_stamp(&h.tcb.ts, h.now - 110 * MSEC));
	EXPECT_TRUE(h.act.notes & NOTE_UNDO);
	EXPECT_CAUSE(h.act.cause, CAUSE_EIFEL);
}

TEST(cause__dsack)
{
	struct host h;

	make_sack(&h);
	host_send(&h, 10 * MSS);
	h.now += 100 * MSEC;
	SACK(&h, 0, 1, 5);
	EXPECT_CAUSES(&h, h.sent, CAUSE_RACK);
	SACK(&h, 5, 0, 1);
	EXPECT_TRUE(h.act.notes & NOTE_UNDO);
	EXPECT_CAUSE(h.act.cause, CAUSE_DSACK);
}

/* --- windows and timers --- */

TEST(cause__window_probe)
{
	struct host h;

	make_established(&h);
	ACK(&h, 0, .wnd = 0);
	host_send(&h, 100);
	EXPECT_QUIET(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_CAUSE(h.act.cause, CAUSE_PROBE);
	EXPECT_CAUSES(&h, 1, CAUSE_PROBE);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_CAUSES(&h, 1, CAUSE_PROBE);
}

/* What the closed window held back goes out by the ACK that opens it. */
TEST(cause__the_window_opens)
{
	struct host h;

	make_established(&h);
	host_send(&h, 4 * MSS);
	ACK(&h, 1, .wnd = 0);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_CAUSES(&h, 1, CAUSE_PROBE);
	ACK(&h, 1);
	ASSERT_GE(h.sent, 1);
	EXPECT_CAUSES(&h, h.sent, CAUSE_ACK);
}

/* A small window holds text back only for so long. */
TEST(cause__override)
{
	struct host h;

	make_established(&h);
	ACK(&h, 0, .wnd = 100);
	host_send(&h, 200);
	EXPECT_QUIET(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_CAUSE(h.act.cause, CAUSE_OVERRIDE);
	EXPECT_CAUSES(&h, 1, CAUSE_OVERRIDE);
}

TEST(cause__keep_alive)
{
	struct host h;

	make_established(&h);
	h.tcb.keepalive = 1;
	h.tcb.keep_count = 1;
	toytcp_timeout_keepalive(&h.tcb, h.now);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_CAUSES(&h, 1, CAUSE_KEEP_ALIVE);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_CAUSE(h.act.cause, CAUSE_KEEP_ALIVE);
}

TEST(cause__user_timeout)
{
	struct host h;

	make_established(&h);
	h.tcb.user_timeout = 500;
	host_send(&h, MSS);
	while (h.tcb.state != TCP_CLOSE)
		ASSERT_TRUE(host_expire(&h));
	EXPECT_CAUSE(h.act.cause, CAUSE_USER_TIMEOUT);
}

TEST(cause__ecn)
{
	struct host h;

	make_sack(&h);
	h.tcb.ecn = 1;
	host_send(&h, 4 * MSS);
	ACK(&h, 2, .ctl = CTL_ACK | CTL_ECE);
	EXPECT_CAUSE(h.act.cause, CAUSE_ECE);
	ARRIVE_NEXT(&h, .len = 10, .ecn = ECN_CE);
	EXPECT_CAUSES(&h, 1, CAUSE_MARK);
}

/* --- the end --- */

TEST(cause__close_and_fin)
{
	struct host h;

	make_established(&h);
	host_close(&h);
	EXPECT_CAUSES(&h, 1, CAUSE_CLOSE);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 2);
	EXPECT_STATE(&h, TCP_FIN_WAIT2);
	EXPECT_CAUSE(h.act.cause, CAUSE_ACK);
	ARRIVE(&h, .ctl = CTL_FIN | CTL_ACK, .seq = IRS + 1, .ack = ISS + 2);
	EXPECT_STATE(&h, TCP_TIME_WAIT);
	EXPECT_CAUSE(h.act.cause, CAUSE_FIN);
	EXPECT_CAUSES(&h, 1, CAUSE_FIN);
}

TEST(cause__passive_close)
{
	struct host h;

	make_close_wait(&h);
	EXPECT_CAUSE(h.act.cause, CAUSE_FIN);
	EXPECT_CAUSES(&h, 1, CAUSE_FIN);
	host_close(&h);
	EXPECT_CAUSES(&h, 1, CAUSE_CLOSE);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 2, .ack = ISS + 2);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_CAUSE(h.act.cause, CAUSE_ACK);
}

/* Its text is not what changes the state. */
TEST(cause__an_ack_with_text_changes_the_state)
{
	struct host h;

	make_syn_received(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1, .len = 5);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_CAUSE(h.act.cause, CAUSE_ACK);
	make_fin_wait_1(&h);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 2, .len = 5);
	EXPECT_STATE(&h, TCP_FIN_WAIT2);
	EXPECT_CAUSE(h.act.cause, CAUSE_ACK);
}

TEST(cause__both_close)
{
	struct host h;

	make_closing(&h);
	EXPECT_CAUSE(h.act.cause, CAUSE_FIN);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 2, .ack = ISS + 2);
	EXPECT_STATE(&h, TCP_TIME_WAIT);
	EXPECT_CAUSE(h.act.cause, CAUSE_ACK);
}

TEST(cause__abort)
{
	struct segment rst;
	struct host h;

	make_established(&h);
	ASSERT_TRUE(toytcp_user_abort(&h.tcb, 0, h.now, &h.act, &rst));
	EXPECT_CAUSE(rst.cause, CAUSE_ABORT);
}

TEST(cause__orphan_in_fin_wait_2)
{
	struct host h;

	make_fin_wait_2(&h);
	host_leave(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_CAUSE(h.act.cause, CAUSE_USER_TIMEOUT);
}

TEST_HARNESS_MAIN
