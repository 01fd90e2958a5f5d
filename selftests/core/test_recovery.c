// SPDX-License-Identifier: GPL-2.0
/* recovery.c: what follows from a loss, with SACK and without. */
#include "host.h"
#include "kselftest_harness.h"

/* Eight segments are out; the first, and perhaps more of them, got lost. */
static void make_flight(struct host *h)
{
	make_established(h);
	host_send(h, 8 * MSS);
}

static void duplicate(struct host *h, int n)
{
	while (n--)
		ARRIVE_NEXT(h);
}

TEST(recovery_duplicate__the_third_repeats_the_first_segment)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 2);
	EXPECT_TRUE(h.act.notes & NOTE_DUPACK);
	EXPECT_QUIET(&h);
	duplicate(&h, 1);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
}

/* PRR: one new segment for every second that has left. */
TEST(reduce__half_as_much_as_is_delivered)
{
	struct host h;
	int i, sent = 0;

	make_flight(&h);
	host_send(&h, 20 * MSS);	/* two more fit cwnd */
	EXPECT_EQ(h.sent, 2);
	duplicate(&h, 3);
	/* Two more by limited transmit: they do not count as FlightSize. */
	EXPECT_EQ(h.tcb.cc.ssthresh, 5 * MSS);
	for (i = 0; i < 8; i++) {
		duplicate(&h, 1);
		EXPECT_LE(h.sent, 1);
		sent += h.sent;
	}
	EXPECT_EQ(sent, 4);
	EXPECT_EQ(toytcp_recovery_pipe(&h.tcb), 5 * MSS);
}

/* RFC 3042: the first two each let one new segment out. */
TEST(recovery_extra__limited_transmit)
{
	struct host h;

	make_established(&h);
	host_send(&h, 20 * MSS);
	EXPECT_EQ(h.sent, 10);
	duplicate(&h, 1);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1 + 10 * MSS, IRS + 1, MSS);
	duplicate(&h, 1);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1 + 11 * MSS, IRS + 1, MSS);
}

TEST(is_duplicate__what_is_none)
{
	struct host h;

	make_flight(&h);
	ARRIVE_NEXT(&h, .wnd = WND + 1);	/* a window update */
	EXPECT_FALSE(h.act.notes & NOTE_DUPACK);
	ARRIVE_NEXT(&h, .wnd = WND + 1, .len = 1);	/* text */
	EXPECT_FALSE(h.act.notes & NOTE_DUPACK);
	ARRIVE_NEXT(&h, .wnd = WND + 1, .ack = ISS);	/* an old ACK */
	EXPECT_FALSE(h.act.notes & NOTE_DUPACK);
	make_established(&h);
	ARRIVE_NEXT(&h);	/* nothing is outstanding */
	EXPECT_FALSE(h.act.notes & NOTE_DUPACK);
}

/* RFC 6582 step 3: the next hole at once, and the window deflates. */
TEST(recovery_acked__partial)
{
	struct host h;
	u32 cwnd;

	make_flight(&h);
	duplicate(&h, 5);
	cwnd = h.tcb.cc.cwnd;
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 3 * MSS);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1 + 3 * MSS, IRS + 1, MSS);
	EXPECT_LE(h.tcb.cc.cwnd, cwnd);
	EXPECT_TRUE(h.tcb.cc.recovering == 1);
}

/* Karn's rule: what is timed while holes are filled says nothing. */
TEST(recovery_acked__partial_ends_the_sample)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 3);
	host_send(&h, 2 * MSS);
	duplicate(&h, 3);
	EXPECT_TRUE(h.tcb.rtt.timing == 1);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 3 * MSS);
	EXPECT_TRUE(h.tcb.rtt.timing == 0);
}

TEST(recovery_acked__full)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 5);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 8 * MSS);
	EXPECT_TRUE(h.tcb.cc.recovering == 0);
	EXPECT_EQ(h.tcb.cc.cwnd, 4 * MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
}

/* Step 1: duplicate ACKs of what was repeated are not a second loss. */
TEST(recovery_duplicate__not_again_for_the_same_flight)
{
	struct host h;

	make_flight(&h);
	ASSERT_TRUE(host_expire(&h));	/* recover := SND.NXT */
	ARRIVE_NEXT(&h, .ack = ISS + 1 + MSS);
	duplicate(&h, 4);
	EXPECT_TRUE(h.tcb.cc.recovering == 0);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
}

TEST(recovery_duplicate__a_new_flight_is_another_matter)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 3);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 8 * MSS);
	h.tcb.cc.cwnd = 20 * MSS;
	host_send(&h, 8 * MSS);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + 9 * MSS);
	duplicate(&h, 3);
	EXPECT_TRUE(h.tcb.cc.recovering == 1);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1 + 9 * MSS, IRS + 1, MSS);
}

/* However much was sent since: RECOVER must not fall half the space behind. */
TEST(recovery_duplicate__gigabytes_after_the_last_loss)
{
	struct host h;
	int i;

	make_established(&h);
	for (i = 0; i < 10; i++) {
		host_skip(&h, 1u << 28);
		host_send(&h, MSS);
		ARRIVE_NEXT(&h, .ack = h.tcb.snd.nxt);
	}
	host_send(&h, 8 * MSS);
	duplicate(&h, 3);
	EXPECT_TRUE(h.tcb.cc.recovering == 1);
}

TEST(recovery__a_timeout_ends_it)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 3);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_TRUE(h.tcb.cc.recovering == 0);
	EXPECT_EQ(h.tcb.cc.cwnd, MSS);
	EXPECT_EQ(h.tcb.cc.dupacks, 0);
}

/* The FIN belongs to the segment that is sent again. */
TEST(recovery__the_last_segment_has_its_fin)
{
	struct host h;

	make_established(&h);
	host_send(&h, 500);
	host_close(&h);
	duplicate(&h, 3);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_FIN | CTL_PSH | CTL_ACK, ISS + 1, IRS + 1, 500);
}

/* A closed window is probed; nothing is pushed into it. */
TEST(recovery__not_into_a_closed_window)
{
	struct host h;

	make_flight(&h);
	duplicate(&h, 2);
	ARRIVE_NEXT(&h, .ack = ISS + 1 + MSS, .wnd = 0);
	duplicate(&h, 1);
	EXPECT_TRUE(h.tcb.syn_pending == 0);
}

/* --- With SACK --- */

/* Eight segments are out; the round trip takes 100 ms. */
static void make_sack_flight(struct host *h)
{
	make_established(h);
	h->tcb.sack_ok = 1;
	host_send(h, 8 * MSS);
	h->now += 100 * MSEC;
}

TEST(recovery__the_third_sacked_segment_repeats_the_first)
{
	struct host h;

	make_sack_flight(&h);
	SACK(&h, 0, 1, 2);
	SACK(&h, 0, 1, 3);
	EXPECT_QUIET(&h);
	SACK(&h, 0, 1, 4);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, AT(0), IRS + 1, MSS);
	EXPECT_TRUE(h.act.notes & NOTE_RECOVERY);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
}

/* Each hole once, and nothing that has arrived. */
TEST(recovery__all_holes_in_one_round_trip)
{
	struct host h;

	make_sack_flight(&h);
	SACK(&h, 0, 1, 2);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = h.tcb.rcv.nxt, .ack = AT(0),
	       .sacks = 2, .sack = { { AT(5), AT(8) }, { AT(1), AT(2) } });
	ASSERT_GE(h.sent, 1);
	EXPECT_EQ(h.out[0].seq, AT(0));
	SACK(&h, 2, 5, 8);
	EXPECT_EQ(h.tcb.retransmits, 4);
	h.now += 100 * MSEC;
	SACK(&h, 4, 5, 8);
	ARRIVE_NEXT(&h, .ack = AT(8));
	EXPECT_EQ(h.tcb.retransmits, 4);
	EXPECT_FALSE(!!h.tcb.cc.recovering);
	EXPECT_EQ(h.tcb.board.first, NULL);
}

/* The ACK that ends an episode counts for what it alone has brought. */
TEST(recovery_acked__the_last_one_lets_cwnd_grow)
{
	struct host h;

	make_sack_flight(&h);
	SACK(&h, 0, 1, 5);
	ARRIVE_NEXT(&h, .ack = AT(8));	/* the first, and three more */
	EXPECT_TRUE(h.tcb.cc.recovering == 0);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
	EXPECT_EQ(h.tcb.cc.cwnd, 5 * MSS);
}

/* Karn's rule: a window that was closed for long is no round trip. */
TEST(recovery_acked__of_what_a_window_probe_repeated)
{
	struct host h;
	u64 later;

	make_sack_flight(&h);
	SACK(&h, 0, 1, 4);
	ARRIVE_NEXT(&h, .ack = AT(4), .wnd = 0);
	ASSERT_TRUE(h.tcb.cc.recovering == 1);
	for (later = h.now + 600ull * SECOND; h.now < later;) {
		ASSERT_TRUE(host_expire(&h));
		ARRIVE_NEXT(&h, .wnd = 0);
	}
	ARRIVE_NEXT(&h, .ack = AT(5));
	EXPECT_LT(h.tcb.rtt.rto, SECOND);
}

/* SACKs that are forgotten for want of records and come again. */
TEST(reduce__what_is_delivered_time_and_again)
{
	struct host h;
	int i;

	make_sack_flight(&h);
	SACK(&h, 0, 1, 4);
	ASSERT_TRUE(h.tcb.cc.recovering == 1);
	for (i = 0; i < 10; i++) {
		SACK(&h, 0, 1, 8);
		toytcp_scoreboard_clear(&h.tcb.board, RECORD_SACKED);
	}
	ARRIVE_NEXT(&h);
	EXPECT_LE(h.tcb.cc.cwnd, h.tcb.cc.prior_cwnd);
}

/* Text in between that is already there is not sent again by a timeout. */
TEST(recovery_timeout__spares_what_was_sacked)
{
	struct host h;

	make_sack_flight(&h);
	SACK(&h, 0, 1, 3);
	h.tcb.deadline[TIMER_LOSS] = 0;
	ASSERT_TRUE(host_expire(&h));
	EXPECT_SENT(&h, 0, CTL_ACK, AT(0), IRS + 1, MSS);
	EXPECT_EQ(h.tcb.board.lost, 5 * MSS);
	EXPECT_EQ(h.tcb.board.sacked, 2 * MSS);
}

/* RFC 2018 section 8: it has thrown away what it had. */
TEST(recovery_lose_all__the_peer_reneges)
{
	struct host h;

	make_sack_flight(&h);
	SACK(&h, 0, 2, 8);
	ARRIVE_NEXT(&h, .ack = AT(2));	/* and no further? */
	h.tcb.deadline[TIMER_LOSS] = 0;
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.tcb.board.sacked, 0);
	EXPECT_SENT(&h, 0, CTL_ACK, AT(2), IRS + 1, MSS);
}

TEST(take_blocks__nonsense_is_ignored)
{
	struct host h;

	make_sack_flight(&h);
	SACK(&h, 0, 1, 9);	/* never sent */
	SACK(&h, 0, 3, 3);	/* nothing */
	SACK(&h, 0, 4, 2);	/* the wrong way round */
	SACK(&h, 0, 0, 2);	/* what should have been acknowledged */
	EXPECT_EQ(h.tcb.board.sacked, 0);
	EXPECT_EQ(h.tcb.board.records, 1);
}

/* A peer that never agreed to SACK is not believed. */
TEST(take_blocks__not_agreed_upon)
{
	struct host h;

	make_flight(&h);
	SACK(&h, 0, 2, 8);
	EXPECT_EQ(h.tcb.board.sacked, 0);
}

/* RFC 3708: all that was repeated had arrived before. */
/* An ACK that was overtaken: what it SACKs has arrived all the same. */
TEST(take_ack__an_old_one_with_sacks)
{
	struct host h;

	make_sack_flight(&h);
	ARRIVE_NEXT(&h, .ack = AT(2));
	SACK(&h, 1, 4, 7);
	EXPECT_FALSE(h.act.notes & NOTE_DUPACK);
	EXPECT_EQ(h.tcb.snd.una, AT(2));
	EXPECT_EQ(h.tcb.board.sacked, 3 * MSS);
	ASSERT_GE(h.sent, 1);
	EXPECT_EQ(h.out[0].seq, AT(2));
}

/* What is acknowledged by now was not when it was SACKed: no duplicate. */
TEST(is_dsack__not_by_an_old_ack)
{
	struct host h;

	make_sack_flight(&h);
	SACK(&h, 0, 1, 4);
	EXPECT_EQ(h.sent, 1);
	ARRIVE_NEXT(&h, .ack = AT(4));
	SACK(&h, 0, 1, 2);
	EXPECT_FALSE(h.act.notes & (NOTE_DSACK_IN | NOTE_UNDO));
	SACK(&h, 2, 1, 2);
	EXPECT_TRUE(h.act.notes & NOTE_DSACK_IN);
}

TEST(take_duplicate__undoes_the_reduction)
{
	struct host h;

	make_sack_flight(&h);
	SACK(&h, 0, 1, 4);
	EXPECT_TRUE(h.tcb.cc.recovering == 1);
	ARRIVE_NEXT(&h, .ack = AT(8));
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
	SACK(&h, 8, 0, 1);
	EXPECT_TRUE(h.act.notes & NOTE_DSACK_IN);
	EXPECT_TRUE(h.act.notes & NOTE_UNDO);
	EXPECT_EQ(h.tcb.cc.cwnd, 10 * MSS);
}

#define ECHO(h, una_, ecr) \
	ARRIVE_NEXT(h, .ack = AT(una_), .options = HAS_TIMESTAMPS, \
		    .tsval = (h)->tcb.ts.recent, .tsecr = ecr)

/* Repeats the first of eight segments; returns the timestamp it bears. */
static u32 repeat_with_timestamp(struct host *h)
{
	make_established(h);
	h->tcb.sack_ok = 1;
	h->tcb.timestamps = 1;
	host_send(h, 8 * MSS);
	h->now += 100 * MSEC;
	ARRIVE_NEXT(h, .options = HAS_TIMESTAMPS, .tsval = h->tcb.ts.recent,
		    .tsecr = h->out[0].tsval, .sacks = 1,
		    .sack = { { AT(1), AT(4) } });
	return h->out[0].tsval;
}

/* RFC 3522: the ACK for it was on its way already. */
TEST(echoes_original__undoes_the_reduction)
{
	struct host h;
	u32 stamp = repeat_with_timestamp(&h);

	ASSERT_TRUE(h.tcb.cc.recovering == 1);
	ECHO(&h, 4, stamp - 1);
	EXPECT_TRUE(h.act.notes & NOTE_UNDO);
	EXPECT_FALSE(!!h.tcb.cc.recovering);
	EXPECT_GE(h.tcb.cc.cwnd, 10 * MSS);
}

TEST(echoes_original__not_if_the_repetition_is_answered)
{
	struct host h;
	u32 stamp = repeat_with_timestamp(&h);

	ECHO(&h, 4, stamp);
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
	EXPECT_TRUE(h.tcb.cc.recovering == 1);
}

/* Without SACK, too: timestamps are all that RFC 3522 needs. */
TEST(echoes_original__without_sack)
{
	struct host h;
	u32 stamp;
	int i;

	make_established(&h);
	h.tcb.timestamps = 1;
	host_send(&h, 8 * MSS);
	stamp = h.out[0].tsval;
	h.now += 100 * MSEC;
	for (i = 0; i < 3; i++)
		ECHO(&h, 0, stamp);
	ASSERT_TRUE(h.tcb.cc.recovering == 1);
	ASSERT_EQ(h.sent, 1);
	ECHO(&h, 4, stamp);
	EXPECT_TRUE(h.act.notes & NOTE_UNDO);
	EXPECT_FALSE(!!h.tcb.cc.recovering);
	EXPECT_GE(h.tcb.cc.cwnd, 10 * MSS);
}

/*
 * A queue grows: a tail loss probe is answered, and then a timeout comes too
 * soon. What counts is what the timeout retransmitted, not the probe.
 */
TEST(echoes_original__after_a_probe)
{
	struct host h;
	u32 stamp;

	make_established(&h);
	h.tcb.sack_ok = 1;
	h.tcb.timestamps = 1;
	host_send(&h, 2 * MSS);
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(h.tcb.rack.probing == 1);
	h.now += 50 * MSEC;
	ECHO(&h, 2, h.out[0].tsval);
	ASSERT_TRUE(h.tcb.rack.probing == 1);
	host_send(&h, 8 * MSS);
	stamp = h.out[0].tsval;
	h.tcb.deadline[TIMER_LOSS] = 0;
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(h.tcb.timed_out == 1);
	h.now += 50 * MSEC;
	ECHO(&h, 3, stamp);
	EXPECT_TRUE(h.act.notes & NOTE_UNDO);
	EXPECT_GE(h.tcb.cc.cwnd, 10 * MSS);
	EXPECT_EQ(h.tcb.retransmits, 2);
}

/*
 * The first timeout came too soon. Its backoff stays, since Karn's rule leaves
 * no sample; the next one is of another episode nevertheless.
 */
TEST(echoes_original__of_a_second_timeout)
{
	struct host h;
	u32 stamp;
	int i;

	make_established(&h);
	h.tcb.sack_ok = 1;
	h.tcb.timestamps = 1;
	for (i = 1; i <= 2; i++) {
		host_send(&h, 8 * MSS);
		stamp = h.out[0].tsval;
		h.tcb.deadline[TIMER_LOSS] = 0;
		ASSERT_TRUE(host_expire(&h));
		ASSERT_TRUE(h.tcb.timed_out == 1);
		EXPECT_TRUE(h.tcb.frto == FRTO_FIRST);
		ECHO(&h, 8 * i, stamp);
		EXPECT_TRUE(h.act.notes & NOTE_UNDO);
		EXPECT_GE(h.tcb.cc.cwnd, 10 * MSS);
		EXPECT_EQ(h.tcb.rtt.backoff, i);
		EXPECT_EQ(h.tcb.retransmits, i);
	}
}

/* But if the probe's own text is waited for, the echo may be the probe's. */
TEST(echoes_original__of_the_probe)
{
	struct host h;
	u32 stamp;

	make_established(&h);
	h.tcb.sack_ok = 1;
	h.tcb.timestamps = 1;
	host_send(&h, MSS);
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(h.tcb.rack.probing == 1);
	ASSERT_EQ(h.sent, 1);
	stamp = h.out[0].tsval;
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(h.tcb.timed_out == 1);
	ECHO(&h, 1, stamp);
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
}

/* What an episode retransmits was needed: a duplicate is the network's. */
TEST(echoes_original__the_repetition_is_answered_and_duplicated)
{
	struct host h;
	u32 stamp = repeat_with_timestamp(&h);

	h.now += 100 * MSEC;
	ECHO(&h, 8, stamp);
	ASSERT_FALSE(!!h.tcb.cc.recovering);
	ARRIVE_NEXT(&h, .ack = AT(8), .options = HAS_TIMESTAMPS,
		    .tsval = h.tcb.ts.recent, .tsecr = stamp,
		    .sacks = 1, .sack = { { AT(0), AT(1) } });
	EXPECT_TRUE(h.act.notes & NOTE_DSACK_IN);
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
}

/* The network has duplicated a segment that nobody retransmitted. */
TEST(take_dsack__of_another_segment)
{
	struct host h;

	make_sack_flight(&h);
	SACK(&h, 0, 1, 4);
	ASSERT_TRUE(h.tcb.cc.recovering == 1);
	ARRIVE_NEXT(&h, .ack = AT(8));
	SACK(&h, 8, 2, 3);
	EXPECT_TRUE(h.act.notes & NOTE_DSACK_IN);
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
	EXPECT_LT(h.tcb.cc.cwnd, 10 * MSS);
}

/* A duplicate of what was retransmitted comes within a round trip, or never. */
TEST(take_dsack__long_after_the_episode)
{
	struct host h;

	make_sack_flight(&h);
	SACK(&h, 0, 1, 4);
	ARRIVE_NEXT(&h, .ack = AT(8));
	host_send(&h, MSS);
	ARRIVE_NEXT(&h, .ack = AT(9));
	SACK(&h, 9, 0, 1);
	EXPECT_TRUE(h.act.notes & NOTE_DSACK_IN);
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
}

/* RFC 6582 section 3.2, step 3: the impatient variant. */
TEST(advance_una__only_the_first_partial_ack_restarts_the_timer)
{
	struct host h;
	u64 due;

	make_flight(&h);
	duplicate(&h, 3);
	h.now += 50 * MSEC;
	ARRIVE_NEXT(&h, .ack = AT(1));
	due = toytcp_deadline_at(&h.tcb, TIMER_RTO);
	EXPECT_EQ(due, NEXT_TICK(h.now + toytcp_rtt_timeout(&h.tcb.rtt)));
	h.now += 50 * MSEC;
	ARRIVE_NEXT(&h, .ack = AT(2));
	ASSERT_TRUE(h.tcb.cc.recovering == 1);
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_RTO), due);
	ARRIVE_NEXT(&h, .ack = AT(8));	/* a full one */
	host_send(&h, MSS);
	EXPECT_GT(toytcp_deadline_at(&h.tcb, TIMER_RTO), due);
}

/* With SACK all holes are filled in one round trip: RFC 6298 (5.3). */
TEST(advance_una__with_sack_each_partial_ack_restarts_it)
{
	struct host h;

	make_sack_flight(&h);
	SACK(&h, 0, 3, 8);
	ASSERT_TRUE(h.tcb.cc.recovering == 1);
	h.now += 50 * MSEC;
	SACK(&h, 1, 3, 8);
	h.now += 50 * MSEC;
	SACK(&h, 2, 3, 8);
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_RTO),
		  NEXT_TICK(h.now + toytcp_rtt_timeout(&h.tcb.rtt)));
}

/* Eight segments are out, and the first of them has timed out. */
static void make_timeout(struct host *h)
{
	make_sack_flight(h);
	h->tcb.deadline[TIMER_LOSS] = 0;
	host_expire(h);
	h->now += 100 * MSEC;
}

/* F-RTO: what nobody has repeated arrives after the timeout. */
TEST(recovery_timeout__was_for_nothing)
{
	struct host h;

	make_timeout(&h);
	EXPECT_EQ(h.tcb.cc.cwnd, MSS);
	toytcp_user_send(&h.tcb, 4 * MSS);
	ARRIVE_NEXT(&h, .ack = AT(1));
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
	EXPECT_EQ(h.sent, 2);	/* step 2b: new text, not old */
	EXPECT_EQ(h.out[0].seq, AT(8));
	ARRIVE_NEXT(&h, .ack = AT(2));
	EXPECT_TRUE(h.act.notes & NOTE_UNDO);
	EXPECT_GE(h.tcb.cc.cwnd, 10 * MSS);
	EXPECT_EQ(h.tcb.retransmits, 1);
}

/* Step 2a: it was the last hole, and the SACKs of the others were lost. */
TEST(recovery_timeout__the_first_ack_covers_all)
{
	struct host h;

	make_timeout(&h);
	ARRIVE_NEXT(&h, .ack = AT(8));
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
	EXPECT_LE(h.tcb.cc.cwnd, 4 * MSS);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
}

/* Step 3a: only the new text arrives, and the hole is still there. */
TEST(recovery_timeout__the_second_ack_is_for_new_text)
{
	struct host h;

	make_timeout(&h);
	toytcp_user_send(&h.tcb, 4 * MSS);
	ARRIVE_NEXT(&h, .ack = AT(1));
	ASSERT_EQ(h.sent, 2);
	SACK(&h, 1, 8, 9);
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
	ASSERT_GE(h.sent, 1);
	EXPECT_EQ(h.out[0].seq, AT(1));
}

/* RFC 8985 section 6.3: what left a moment ago is not lost. */
TEST(recovery_timeout__spares_what_has_just_left)
{
	struct host h;
	u64 due;

	make_established(&h);
	h.tcb.sack_ok = 1;
	host_send(&h, 4 * MSS);
	due = toytcp_deadline_at(&h.tcb, TIMER_RTO);
	h.tcb.deadline[TIMER_LOSS] = 0;
	h.tcb.rack.probing = 1;		/* no other probe */
	h.now = due - MSEC;
	host_send(&h, 4 * MSS);
	ASSERT_EQ(h.sent, 4);
	h.tcb.deadline[TIMER_LOSS] = 0;
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(h.tcb.timed_out == 1);
	EXPECT_EQ(h.tcb.board.lost, 3 * MSS);
	EXPECT_EQ(toytcp_recovery_pipe(&h.tcb), 5 * MSS);
	EXPECT_EQ(h.sent, 1);	/* the loss window */
	EXPECT_EQ(h.out[0].seq, AT(0));
}

/* An echo as old as six timeouts: the original arrived, its ACK did not. */
TEST(sample_echo__of_an_original_whose_ack_was_lost)
{
	struct host h;
	u32 stamp, srtt;
	int i;

	make_established(&h);
	h.tcb.timestamps = 1;
	host_send(&h, MSS);
	stamp = h.out[0].tsval;
	srtt = h.tcb.rtt.srtt;
	for (i = 0; i < 6; i++)
		ASSERT_TRUE(host_expire(&h));
	h.now += 100 * MSEC;
	ECHO(&h, 1, stamp);
	EXPECT_EQ(h.tcb.rtt.srtt, srtt);
	EXPECT_EQ(h.tcb.rtt.backoff, 6);
}

/* The retransmission's own: a sample, and the backoff ends. */
TEST(sample_echo__of_the_repetition)
{
	struct host h;

	make_established(&h);
	h.tcb.timestamps = 1;
	host_send(&h, MSS);
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(host_expire(&h));
	ASSERT_EQ(h.sent, 1);
	h.now += 100 * MSEC;
	ECHO(&h, 1, h.out[0].tsval);
	EXPECT_EQ(h.tcb.rtt.backoff, 0);
	EXPECT_LE(h.tcb.rtt.srtt, 200 * MSEC);
}

/* But not if only what was repeated does. */
TEST(recovery_timeout__was_needed)
{
	struct host h;

	make_sack_flight(&h);
	h.tcb.deadline[TIMER_LOSS] = 0;
	ASSERT_TRUE(host_expire(&h));
	ARRIVE_NEXT(&h, .ack = AT(1));
	EXPECT_FALSE(h.act.notes & NOTE_UNDO);
	EXPECT_EQ(h.sent, 2);
	EXPECT_SENT(&h, 0, CTL_ACK, AT(1), IRS + 1, MSS);
}

/* --- What we tell the peer: RFC 2018 section 4, RFC 2883 --- */

#define PEER(n)	(IRS + 1 + (n) * 100)

static void peer_sends(struct host *h, u32 n)
{
	ARRIVE(h, .ctl = CTL_ACK, .seq = PEER(n), .ack = h->tcb.snd.una,
	       .len = 100);
}

static void make_sack_receiver(struct host *h)
{
	make_established(h);
	h->tcb.sack_ok = 1;
}

TEST(report__the_range_that_grew_last_comes_first)
{
	struct host h;

	make_sack_receiver(&h);
	peer_sends(&h, 1);
	ASSERT_EQ(h.sent, 1);
	ASSERT_EQ(h.out[0].sacks, 1);
	EXPECT_EQ(h.out[0].sack[0].from, PEER(1));
	EXPECT_EQ(h.out[0].sack[0].to, PEER(2));
	peer_sends(&h, 5);
	peer_sends(&h, 2);
	ASSERT_EQ(h.out[0].sacks, 2);
	EXPECT_EQ(h.out[0].sack[0].from, PEER(1));
	EXPECT_EQ(h.out[0].sack[0].to, PEER(3));
	EXPECT_EQ(h.out[0].sack[1].from, PEER(5));
}

TEST(report__no_more_than_fits)
{
	struct host h;
	u32 i;

	make_sack_receiver(&h);
	for (i = 1; i < 20; i += 2)
		peer_sends(&h, i);
	EXPECT_EQ(h.out[0].sacks, 4);
	EXPECT_EQ(h.out[0].hdrlen, 56);
	EXPECT_EQ(h.out[0].sack[0].from, PEER(19));
	EXPECT_EQ(h.out[0].sack[3].from, PEER(13));
}

TEST(report__what_came_twice)
{
	struct host h;

	make_sack_receiver(&h);
	peer_sends(&h, 0);
	peer_sends(&h, 0);
	ASSERT_EQ(h.out[0].sacks, 1);
	EXPECT_EQ(h.out[0].sack[0].from, PEER(0));
	EXPECT_EQ(h.out[0].sack[0].to, PEER(1));
	EXPECT_TRUE(h.act.notes & NOTE_DSACK_OUT);
	h.tcb.quickack = 1;
	peer_sends(&h, 1);	/* it is said once */
	ASSERT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].sacks, 0);
}

TEST(report__what_came_twice_beyond_a_gap)
{
	struct host h;

	make_sack_receiver(&h);
	peer_sends(&h, 2);
	peer_sends(&h, 3);
	peer_sends(&h, 2);
	ASSERT_EQ(h.out[0].sacks, 2);
	EXPECT_EQ(h.out[0].sack[0].from, PEER(2));
	EXPECT_EQ(h.out[0].sack[0].to, PEER(3));
	EXPECT_EQ(h.out[0].sack[1].from, PEER(2));
	EXPECT_EQ(h.out[0].sack[1].to, PEER(4));
}

/* A full-sized segment has no room for it: a bare ACK follows. */
TEST(report__beside_text)
{
	struct host h;

	make_sack_receiver(&h);
	toytcp_user_send(&h.tcb, MSS);
	peer_sends(&h, 1);
	ASSERT_EQ(h.sent, 2);
	EXPECT_EQ(h.out[0].len, MSS);
	EXPECT_EQ(h.out[0].sacks, 0);
	EXPECT_EQ(h.out[1].len, 0);
	EXPECT_EQ(h.out[1].sacks, 1);
}

TEST(report__not_without_consent)
{
	struct host h;

	make_established(&h);
	peer_sends(&h, 1);
	EXPECT_EQ(h.out[0].sacks, 0);
}

TEST_HARNESS_MAIN
