// SPDX-License-Identifier: GPL-2.0
/* timeout.c: RFC 9293 3.10.8, RFC 6298 section 5, probes and keep-alive. */
#include "host.h"
#include "kselftest_harness.h"

/* Lets everything time out. Returns the microseconds until the end. */
static u64 wait_for_end(struct host *h)
{
	u64 began = h->now;
	int i;

	for (i = 0; i < 1000 && h->tcb.state != TCP_CLOSE; i++)
		if (!host_expire(h))
			break;
	return h->now - began;
}

/* --- Retransmission --- */

TEST(retransmit__from_una)
{
	struct host h;

	make_established(&h);
	host_send(&h, 3 * MSS);
	EXPECT_EQ(h.sent, 3);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + h.tcb.rtt.rto);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);	/* cwnd is one segment */
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, MSS);
	EXPECT_EQ(h.tcb.retransmits, 1);
}

/* (5.6): the timer runs on, and doubles. */
TEST(retransmit__backs_off)
{
	struct host h;
	u64 last = 0;
	int i;

	make_established(&h);
	host_send(&h, 10);
	for (i = 0; i < 5; i++) {
		u64 wait = toytcp_deadline_next(&h.tcb) - h.now;

		EXPECT_TRUE(!last || wait == 2 * last);
		last = wait;
		ASSERT_TRUE(host_expire(&h));
		EXPECT_EQ(h.sent, 1);
	}
}

/* R1 of RFC 9293 3.8.3: after the third in vain, and once. */
TEST(retransmit__r1_is_told_once)
{
	struct host h;
	int i;

	make_established(&h);
	host_send(&h, 10);
	for (i = 1; i <= 6; i++) {
		ASSERT_TRUE(host_expire(&h));
		EXPECT_EQ(h.act.advise, i == 3);
	}
}

/* (5.2), (5.3) */
TEST(retransmit__the_timer_restarts_with_an_ack)
{
	struct host h;

	make_established(&h);
	host_send(&h, 2 * MSS);
	h.now += 50 * MSEC;
	ARRIVE_NEXT(&h, .ack = ISS + 1 + MSS);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb),
		  NEXT_TICK(h.now + toytcp_rtt_timeout(&h.tcb.rtt)));
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 2 * MSS);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
}

TEST(retransmit__the_fin)
{
	struct host h;

	make_fin_wait_1(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_ACK, ISS + 1, IRS + 1, 0);
	make_last_ack(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_ACK, ISS + 1, IRS + 2, 0);
}

TEST(retransmit__text_and_fin_in_one)
{
	struct host h;

	make_established(&h);
	host_send(&h, 10);
	host_close(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_PSH | CTL_ACK, ISS + 1, IRS + 1, 10);
}

/* After a timeout everything outstanding goes out again, as cwnd grows. */
TEST(retransmit__goes_on_after_the_ack)
{
	struct host h;

	make_established(&h);
	host_send(&h, 4 * MSS);
	ASSERT_TRUE(host_expire(&h));
	ARRIVE_NEXT(&h, .ack = ISS + 1 + MSS);
	ASSERT_EQ(h.sent, 2);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1 + MSS, IRS + 1, MSS);
	EXPECT_SENT(&h, 1, CTL_ACK, ISS + 1 + 2 * MSS, IRS + 1, MSS);
	/* What comes of the first transmission need not be sent again. */
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 4 * MSS);
	EXPECT_QUIET(&h);
	EXPECT_EQ(h.tcb.board.first, NULL);
}

/* --- R2: SHLD-11, MUST-23 --- */

TEST(patience__data_is_repeated_for_long)
{
	struct host h;
	u64 took;

	make_established(&h);
	host_send(&h, 10);
	took = wait_for_end(&h);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.act.error, ETIMEDOUT);
	EXPECT_GE(took, 100ull * SECOND);
	EXPECT_EQ(h.tcb.retransmits, DATA_RETRIES);
}

TEST(patience__a_syn_is_repeated_for_three_minutes)
{
	struct host h;
	u64 took;

	make_syn_sent(&h);
	took = wait_for_end(&h);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.act.error, ETIMEDOUT);
	EXPECT_GE(took, 180ull * SECOND);
	EXPECT_EQ(h.tcb.retransmits, SYN_RETRIES);
}

TEST(patience__tcp_syncnt)
{
	struct host h;

	make_syn_sent(&h);
	h.tcb.syn_retries = 1;
	ASSERT_TRUE(host_expire(&h));
	EXPECT_SENT(&h, 0, CTL_SYN, ISS, 0, 0);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.now - START, 3 * SECOND);
}

TEST(patience__an_orphan_has_less)
{
	struct host h;

	make_established(&h);
	host_leave(&h);
	wait_for_end(&h);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.tcb.retransmits, ORPHAN_RETRIES);
}

/* A slow path is not a dead one: each segment needs a few tries. */
TEST(patience__starts_anew_with_every_number_acked)
{
	struct host h;
	u32 i;

	make_established(&h);
	host_send(&h, 10 * MSS);
	for (i = 1; i <= 10; i++) {
		ASSERT_TRUE(host_expire(&h));
		ASSERT_TRUE(host_expire(&h));
		ASSERT_TRUE(host_expire(&h));
		ASSERT_EQ(h.tcb.state, TCP_ESTABLISHED);
		ARRIVE_NEXT(&h, .ack = ISS + 1 + i * MSS);
	}
	EXPECT_EQ(h.tcb.snd.una, h.tcb.snd.nxt);
}

/* --- The user timeout --- */

TEST(user_timeout__is_kept_to_the_millisecond)
{
	struct host h;

	make_established(&h);
	h.tcb.user_timeout = 5000;
	host_send(&h, 10);
	EXPECT_EQ(wait_for_end(&h), 5000ull * MSEC);
	EXPECT_EQ(h.act.error, ETIMEDOUT);
}

TEST(user_timeout__longer_than_the_usual_patience)
{
	struct host h;

	make_established(&h);
	h.tcb.user_timeout = 10000 * 1000;
	host_send(&h, 10);
	EXPECT_EQ(wait_for_end(&h), 10000ull * SECOND);
}

TEST(user_timeout__progress_starts_it_anew)
{
	struct host h;

	make_established(&h);
	h.tcb.user_timeout = 5000;
	host_send(&h, 20);
	h.now += 4 * SECOND;
	toytcp_timeout_expire(&h.tcb, h.now, &h.act);
	ARRIVE_NEXT(&h, .ack = ISS + 11);
	EXPECT_EQ(wait_for_end(&h), 5 * SECOND);
}

TEST(user_timeout__set_while_waiting)
{
	struct host h;

	make_established(&h);
	host_send(&h, 10);
	h.tcb.user_timeout = 100;
	toytcp_deadline_limit(&h.tcb, h.now);
	EXPECT_EQ(wait_for_end(&h), 100ull * MSEC);
}

/* That a keep-alive probe is unanswered yet takes nothing from it. */
TEST(user_timeout__begins_when_text_waits_for_the_window)
{
	struct host h;

	make_established(&h);
	h.tcb.keepalive = 1;
	toytcp_timeout_keepalive(&h.tcb, h.now);
	ARRIVE_NEXT(&h, .wnd = 0);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_ONLY_ACK(&h, ISS, IRS + 1);
	h.tcb.user_timeout = 5000;
	host_send(&h, 10);
	EXPECT_EQ(wait_for_end(&h), 5 * SECOND);
}

/* What a cork held back waited for us, not for the peer. */
TEST(user_timeout__begins_when_corked_text_goes_out)
{
	struct host h;

	make_established(&h);
	h.tcb.user_timeout = 100;
	h.tcb.cork = 1;
	host_send(&h, 10);
	EXPECT_QUIET(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_EQ(wait_for_end(&h), 100ull * MSEC);
}

TEST(deadline_limit__has_passed_now_and_not_before)
{
	struct host h;

	make_established(&h);
	host_send(&h, 10);
	h.now += 50 * MSEC;
	h.tcb.user_timeout = 10;
	toytcp_deadline_limit(&h.tcb, h.now);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), NEXT_TICK(h.now));
}

TEST(deadline_limit__postpones_nothing)
{
	struct host h;
	u64 due;

	make_established(&h);
	host_send(&h, 10);
	due = toytcp_deadline_next(&h.tcb);
	h.now += 50 * MSEC;
	h.tcb.user_timeout = 100000;
	toytcp_deadline_limit(&h.tcb, h.now);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), due);
	h.now = due + MSEC;
	toytcp_deadline_limit(&h.tcb, h.now);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), due);
	host_pass(&h, 0);
	EXPECT_EQ(h.sent, 1);
}

/* --- The zero window: RFC 9293 3.8.6.1 --- */

static void close_window(struct host *h)
{
	make_established(h);
	ARRIVE_NEXT(h, .wnd = 0);
}

TEST(persist__probes_a_closed_window)
{
	struct host h;

	close_window(&h);
	host_send(&h, 100);
	EXPECT_QUIET(&h);
	/* SHLD-29: the first after a retransmission timeout. */
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + h.tcb.rtt.rto);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, 1);
}

/* SHLD-30 */
TEST(persist__backs_off)
{
	struct host h;
	u64 last = 0;
	int i;

	close_window(&h);
	host_send(&h, 100);
	for (i = 0; i < 5; i++) {
		u64 wait = toytcp_deadline_next(&h.tcb) - h.now;

		EXPECT_TRUE(!last || wait == 2 * last);
		last = wait;
		ASSERT_TRUE(host_expire(&h));
		EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, 1);
	}
}

/* MUST-37: for as long as the peer answers. */
TEST(persist__lasts_while_the_peer_answers)
{
	struct host h;
	int i;

	close_window(&h);
	host_send(&h, 100);
	for (i = 0; i < 300; i++) {
		ASSERT_TRUE(host_expire(&h));
		ASSERT_EQ(h.sent, 1);
		ARRIVE_NEXT(&h, .wnd = 0);
		ASSERT_EQ(h.tcb.state, TCP_ESTABLISHED);
	}
	EXPECT_GT(h.now, START + 10000ull * SECOND);
}

/* A closed window is no loss: patience with losses begins when it opens. */
TEST(persist__leaves_patience_for_what_comes_after)
{
	struct host h;
	int i;

	close_window(&h);
	host_send(&h, 100);
	for (i = 0; i < 2 * DATA_RETRIES; i++) {
		ASSERT_TRUE(host_expire(&h));
		ARRIVE_NEXT(&h, .wnd = 0);
	}
	ARRIVE_NEXT(&h, .wnd = 1000);
	EXPECT_GE(h.sent, 1);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.state, TCP_ESTABLISHED);
	EXPECT_GE(h.sent, 1);
}

/* Nobody waits for an orphan: a peer that never reads does not keep it. */
TEST(persist__an_orphan_ends_though_the_peer_answers)
{
	struct host h;
	int i;

	close_window(&h);
	host_send(&h, 100);
	host_close(&h);
	host_leave(&h);
	for (i = 0; i <= ORPHAN_RETRIES && h.tcb.state != TCP_CLOSE; i++) {
		ASSERT_TRUE(host_expire(&h));
		if (h.tcb.state != TCP_CLOSE)
			ARRIVE_NEXT(&h, .wnd = 0);
	}
	EXPECT_EQ(h.tcb.state, TCP_CLOSE);
}

/* A reader that was slow for long, but reads on, gets all of it. */
TEST(persist__an_orphan_is_patient_once_the_window_opens)
{
	struct host h;
	int i;

	close_window(&h);
	host_send(&h, 100);
	for (i = 0; i < 2 * ORPHAN_RETRIES; i++) {
		ASSERT_TRUE(host_expire(&h));
		ARRIVE_NEXT(&h, .wnd = 0);
	}
	host_close(&h);
	host_leave(&h);
	for (i = 0; i < ORPHAN_RETRIES; i++) {
		ASSERT_TRUE(host_expire(&h));
		ARRIVE_NEXT(&h, .wnd = 0);
	}
	ARRIVE_NEXT(&h, .wnd = 1000);
	for (i = 0; i < ORPHAN_RETRIES; i++) {
		ASSERT_TRUE(host_expire(&h));
		EXPECT_EQ(h.tcb.state, TCP_FIN_WAIT1);
	}
}

TEST(persist__ends_if_it_does_not)
{
	struct host h;

	close_window(&h);
	host_send(&h, 100);
	wait_for_end(&h);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.act.error, ETIMEDOUT);
}

TEST(persist__the_window_opens)
{
	struct host h;

	close_window(&h);
	host_send(&h, 100);
	ASSERT_TRUE(host_expire(&h));
	ARRIVE_NEXT(&h, .wnd = WND);
	ASSERT_EQ(h.sent, 2);	/* the probe's byte again, and the rest */
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, 1);
	EXPECT_SENT(&h, 1, CTL_PSH | CTL_ACK, ISS + 2, IRS + 1, 99);
	EXPECT_EQ(h.tcb.deadline[TIMER_PERSIST], 0);
	EXPECT_EQ(h.tcb.rtt.backoff, 0);
}

TEST(persist__the_probe_was_taken)
{
	struct host h;

	close_window(&h);
	host_send(&h, 100);
	ASSERT_TRUE(host_expire(&h));
	ARRIVE_NEXT(&h, .ack = ISS + 2, .wnd = WND);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 2, IRS + 1, 99);
}

TEST(persist__a_fin_alone)
{
	struct host h;

	close_window(&h);
	host_close(&h);
	EXPECT_QUIET(&h);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_ACK, ISS + 1, IRS + 1, 0);
	ARRIVE_NEXT(&h, .wnd = 0);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_ACK, ISS + 1, IRS + 1, 0);
	ARRIVE_NEXT(&h, .ack = ISS + 2, .wnd = 0);
	EXPECT_STATE(&h, TCP_FIN_WAIT2);
}

/* What is outstanding when the window closes is probed, not sent in full. */
TEST(persist__with_text_outstanding)
{
	struct host h;

	make_established(&h);
	host_send(&h, 100);
	ARRIVE_NEXT(&h, .wnd = 0);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, 1);
}

/* RFC 9293 SHLD-17: what a shrinking window left outside is no one's fault. */
TEST(persist__text_outside_a_shrunk_window_ends_nothing)
{
	struct host h;
	int i;

	make_established(&h);
	host_send(&h, 3 * MSS);
	for (i = 0; i < 3 * DATA_RETRIES; i++) {
		ARRIVE_NEXT(&h, .wnd = 0);
		ASSERT_TRUE(host_expire(&h));
		EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, 1);
	}
	ARRIVE_NEXT(&h, .wnd = WND);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, MSS);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
}

/* Beyond the window as our probe left us, the peer must still hear our ACKs. */
TEST(persist__acks_stay_within_the_peers_window)
{
	struct host h;

	close_window(&h);
	h.tcb.quickack = 1;
	host_send(&h, 100);
	ASSERT_TRUE(host_expire(&h));
	ARRIVE_NEXT(&h, .len = 10, .wnd = 0);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 11);
}

/* --- Keep-alive: RFC 9293 3.8.4 --- */

static void make_keepalive(struct host *h)
{
	make_established(h);
	h->tcb.keepalive = 1;
	h->tcb.keep_idle = 10;
	h->tcb.keep_interval = 2;
	h->tcb.keep_count = 3;
	toytcp_timeout_keepalive(&h->tcb, h->now);
}

/* MUST-25, MUST-28: off by default, and then two hours. */
TEST(keepalive__defaults)
{
	struct host h;

	make_established(&h);
	EXPECT_FALSE(!!h.tcb.keepalive);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
	EXPECT_GE(h.tcb.keep_idle, 7200);
}

TEST(keepalive__probes_with_a_number_already_acked)
{
	struct host h;

	make_keepalive(&h);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.tcb.heard + 10 * SECOND);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_ONLY_ACK(&h, ISS, IRS + 1);
}

TEST(keepalive__gives_up)
{
	struct host h;

	make_keepalive(&h);
	EXPECT_EQ(wait_for_end(&h), 16 * SECOND);
	EXPECT_EQ(h.act.error, ETIMEDOUT);
}

TEST(keepalive__an_answer_starts_it_anew)
{
	struct host h;
	int i;

	make_keepalive(&h);
	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(host_expire(&h));
		ARRIVE_NEXT(&h);
	}
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_EQ(h.tcb.probes, 0);
}

/* MUST-26: only if nothing was heard; text counts. */
TEST(keepalive__text_puts_it_off)
{
	struct host h;

	make_keepalive(&h);
	h.now += 9 * SECOND;
	ARRIVE_NEXT(&h, .len = MSS);
	h.now += 1 * SECOND;
	host_pass(&h, 0);
	EXPECT_QUIET(&h);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.tcb.heard + 10 * SECOND);
}

TEST(keepalive__switched_off)
{
	struct host h;

	make_keepalive(&h);
	h.tcb.keepalive = 0;
	toytcp_timeout_keepalive(&h.tcb, h.now);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
}

/* --- FIN-WAIT-2 --- */

TEST(fin_wait_2__an_orphan_does_not_wait_for_ever)
{
	struct host h;

	make_fin_wait_2(&h);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
	toytcp_user_leave(&h.tcb, h.now);
	EXPECT_EQ(wait_for_end(&h), FIN_WAIT_2_MAX * 1ull * SECOND);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.act.error, 0);
}

TEST(fin_wait_2__left_before_it_came)
{
	struct host h;

	make_established(&h);
	host_leave(&h);
	ARRIVE_NEXT(&h, .ack = ISS + 2);
	EXPECT_STATE(&h, TCP_FIN_WAIT2);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb),
		  h.now + FIN_WAIT_2_MAX * 1ull * SECOND);
}

TEST_HARNESS_MAIN
