// SPDX-License-Identifier: GPL-2.0
/* rack.c: losses by time, and the tail loss probe, RFC 8985. */
#include "host.h"
#include "kselftest_harness.h"

/* Eight segments go out, 10 ms apart; the round trip takes 100 ms. */
static void make_paced(struct host *h)
{
	int i;

	make_established(h);
	h->tcb.sack_ok = 1;
	h->tcb.rack.min_rtt = 100 * MSEC;
	for (i = 0; i < 8; i++, h->now += 10 * MSEC)
		host_send(h, MSS);
	h->now += 20 * MSEC;	/* of the first one's ACK */
}

/* One SACK is enough, if a quarter of a round trip goes by after it. */
TEST(rack_detect__a_quarter_of_a_round_trip_later)
{
	struct host h;

	make_paced(&h);
	h.now += 10 * MSEC;
	SACK(&h, 0, 1, 2);
	EXPECT_QUIET(&h);
	EXPECT_NE(h.tcb.deadline[TIMER_LOSS], 0);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), NEXT_TICK(h.now + 15 * MSEC));
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, AT(0), IRS + 1, MSS);
	EXPECT_TRUE(h.act.notes & NOTE_RECOVERY);
	/* From now on it is the retransmission timer again. */
	EXPECT_EQ(h.tcb.deadline[TIMER_LOSS], 0);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb),
		  h.now + toytcp_rtt_timeout(&h.tcb.rtt));
}

/* Two are missing: the timer is the first one's, then the second one's. */
TEST(rack_detect__one_after_the_other)
{
	struct host h;
	u64 missing;

	make_paced(&h);
	h.now += 20 * MSEC;
	missing = h.now;
	SACK(&h, 0, 2, 3);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), NEXT_TICK(h.now + 5 * MSEC));
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_EQ(h.out[0].seq, AT(0));
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), NEXT_TICK(missing + 15 * MSEC));
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ((u32)h.tcb.board.first->next->flags, RECORD_LOST);
}

/* What comes within that time was only late. */
TEST(rack_detect__reordering_is_no_loss)
{
	struct host h;

	make_paced(&h);
	h.now += 10 * MSEC;
	SACK(&h, 0, 1, 2);
	h.now += 5 * MSEC;
	ARRIVE_NEXT(&h, .ack = AT(2));
	EXPECT_TRUE(h.act.notes & NOTE_REORDERED);
	EXPECT_EQ(h.tcb.retransmits, 0);
	EXPECT_GE(h.tcb.cc.cwnd, 10 * MSS);
}

/* Once the order was changed, three segments prove nothing any more. */
TEST(rack_detect__three_are_not_enough_after_reordering)
{
	struct host h;

	make_paced(&h);
	h.now += 30 * MSEC;
	SACK(&h, 0, 1, 4);
	EXPECT_EQ(h.sent, 1);
	make_paced(&h);
	h.tcb.rack.reordering_seen = 1;
	h.tcb.rack.reo_wnd_steps = 1;
	h.now += 30 * MSEC;
	SACK(&h, 0, 1, 4);	/* the third was sent 30 ms after the first */
	EXPECT_QUIET(&h);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), NEXT_TICK(h.now + 20 * MSEC));
}

/* A repetition that was lost is noticed by what was sent after it. */
TEST(rack_detect__a_lost_repetition)
{
	struct host h;
	u32 again;

	make_paced(&h);
	h.now += 30 * MSEC;
	SACK(&h, 0, 1, 4);
	EXPECT_SENT(&h, 0, CTL_ACK, AT(0), IRS + 1, MSS);
	h.now += 10 * MSEC;
	host_send(&h, 10 * MSS);
	SACK(&h, 0, 1, 8);
	ASSERT_GE(h.sent, 1);
	EXPECT_EQ(h.out[0].seq, AT(8));
	again = h.tcb.retransmits;
	h.now += 110 * MSEC;
	SACK(&h, 0, 1, 9);
	EXPECT_EQ(h.tcb.retransmits, again + 1);
	EXPECT_EQ(h.out[0].seq, AT(0));
}

/* RFC 8985 section 6.2: of what was delivered, whole segments count. */
TEST(rack_detect__a_part_of_a_segment_has_arrived)
{
	struct host h;
	u32 i;

	for (i = 0; i < 2; i++) {
		make_paced(&h);
		h.now += 10 * MSEC;
		ARRIVE(&h, .ctl = CTL_ACK, .seq = h.tcb.rcv.nxt, .ack = AT(1),
		       .sacks = 1,
		       .sack = { { AT(1) + 500, AT(1) + (i ? 501 : 1000) } });
		EXPECT_QUIET(&h);
		EXPECT_EQ(toytcp_rack_detect(&h.tcb, h.now + 70 * MSEC), 0);
		EXPECT_EQ(h.tcb.board.lost, 0);
		h.now += 10 * MSEC;
		SACK(&h, 1, 2, 3);	/* that was sent after it */
		ASSERT_TRUE(host_expire(&h));
		EXPECT_EQ(h.sent, 1);
		EXPECT_SENT(&h, 0, CTL_ACK, AT(1), IRS + 1, MSS);
	}
}

/* The times of what arrived before a window was closed for long are no use. */
TEST(rack_update__as_a_window_opens)
{
	struct host h;
	u64 opened;

	make_established(&h);
	h.tcb.sack_ok = 1;
	ARRIVE_NEXT(&h, .wnd = 0);
	host_send(&h, 4 * MSS);
	while (h.now < START + 2400ull * SECOND) {
		ASSERT_TRUE(host_expire(&h));
		ARRIVE_NEXT(&h, .wnd = 0);
	}
	opened = h.now;
	ARRIVE_NEXT(&h);
	EXPECT_EQ(h.sent, 5);	/* the probe's octet, and the rest */
	h.now += 100 * MSEC;
	ARRIVE_NEXT(&h, .ack = ISS + 2);
	EXPECT_EQ(h.tcb.rack.xmit_ts, opened);
	EXPECT_EQ(h.tcb.rack.end_seq, ISS + 2);
}

/* Nobody answers for longer than 32 bits have microseconds. */
TEST(rack_update__what_is_outstanding_for_two_hours)
{
	struct host h;
	u64 last;

	make_paced(&h);
	h.tcb.user_timeout = 3 * 3600 * 1000;
	for (last = h.now; h.now < START + 7200ull * SECOND; last = h.now)
		ASSERT_TRUE(host_expire(&h));
	h.now += 100 * MSEC;
	ARRIVE_NEXT(&h, .ack = AT(1));
	EXPECT_EQ(h.tcb.rack.xmit_ts, last);
	EXPECT_EQ(h.tcb.rack.rtt, 100 * MSEC);
	h.now += 100 * MSEC;
	ARRIVE_NEXT(&h, .ack = AT(8));	/* most arrived hours ago */
	EXPECT_LT(h.tcb.rtt.srtt, SECOND);
}

/*
 * Karn's rule for a range: the ACK came too soon to be for the retransmission,
 * and what it covers beyond may have arrived long before.
 */
TEST(rack_update__no_sample_across_a_retransmission)
{
	struct host h;
	u32 srtt;

	make_paced(&h);
	h.now += 30 * MSEC;
	SACK(&h, 0, 3, 6);	/* the first three are lost */
	ASSERT_TRUE(h.tcb.cc.recovering == 1);
	ASSERT_EQ(h.out[0].seq, AT(0));
	srtt = h.tcb.rtt.srtt;
	h.now += 50 * MSEC;	/* half a round trip: they were only late */
	ARRIVE_NEXT(&h, .ack = AT(7));
	EXPECT_EQ(h.tcb.rtt.srtt, srtt);
}

/* Once the path has become longer, the reordering window does, too. */
/*
 * RFC 8985 section 6.2, step 2: the echo says that the ACK is for the original,
 * however long ago the retransmission was. It tells nothing about others.
 */
TEST(rack_update__the_original_of_what_was_repeated)
{
	struct host h;
	u32 stamp;

	make_established(&h);
	h.tcb.sack_ok = 1;
	h.tcb.timestamps = 1;
	host_send(&h, 4 * MSS);
	stamp = h.out[0].tsval;
	h.tcb.rack.probing = 1;		/* no other probe */
	h.now = toytcp_deadline_at(&h.tcb, TIMER_RTO) - MSEC;
	host_send(&h, 4 * MSS);
	h.tcb.deadline[TIMER_LOSS] = 0;
	ASSERT_TRUE(host_expire(&h));
	ASSERT_EQ(h.tcb.board.lost, 3 * MSS);
	h.tcb.undoable = 0;
	h.now += 50 * MSEC;
	ARRIVE_NEXT(&h, .ack = AT(1), .options = HAS_TIMESTAMPS,
		    .tsval = h.tcb.ts.recent, .tsecr = stamp);
	EXPECT_LE(h.tcb.board.lost, 3 * MSS);
	EXPECT_LE(h.sent, 2);
}

TEST(rack_update__the_least_of_five_minutes)
{
	struct host h;
	int i;

	make_established(&h);
	h.tcb.sack_ok = 1;
	for (i = 0; i < 7; i++) {
		host_send(&h, MSS);
		h.now += i ? 200 * MSEC : 20 * MSEC;
		ARRIVE_NEXT(&h, .ack = AT(i + 1));
		EXPECT_EQ(h.tcb.rack.min_rtt, (i < 6 ? 20 : 200) * MSEC);
		h.now += 50 * SECOND;
	}
}

TEST(rack_widen__once_in_an_episode)
{
	struct host h;
	int i;

	make_paced(&h);
	toytcp_rack_widen(&h.tcb);
	toytcp_rack_widen(&h.tcb);
	EXPECT_EQ(h.tcb.rack.reo_wnd_steps, 1);
	for (i = 0; i < 16; i++)
		toytcp_rack_narrow(&h.tcb);
	EXPECT_EQ(h.tcb.rack.reo_wnd_steps, 1);
	toytcp_rack_narrow(&h.tcb);
	EXPECT_EQ(h.tcb.rack.reo_wnd_steps, 0);
}

/* --- Tail loss probe --- */

static void make_tail(struct host *h, u32 segments)
{
	make_established(h);
	h->tcb.sack_ok = 1;
	host_send(h, segments * MSS);
}

TEST(rack_probe__after_two_round_trips)
{
	struct host h;

	make_tail(&h, 4);
	EXPECT_NE(h.tcb.deadline[TIMER_LOSS], 0);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + 2 * h.tcb.rtt.srtt);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, AT(3), IRS + 1, MSS);
	EXPECT_TRUE(h.act.notes & NOTE_PROBE);
	EXPECT_EQ(h.tcb.deadline[TIMER_LOSS], 0);
	EXPECT_EQ(h.tcb.cc.cwnd, 10 * MSS);
}

/* Section 7.3: whatever cwnd says, which a mark has just halved, say. */
TEST(rack_probe__beyond_the_congestion_window)
{
	struct host h;

	make_tail(&h, 4);
	h.tcb.cc.cwnd = 2 * MSS;
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, AT(3), IRS + 1, MSS);
	EXPECT_TRUE(h.tcb.rack.probing == 1);
}

/* A single segment's ACK may be delayed: longer, if not beyond the timeout. */
TEST(rack_probe__a_single_segment_waits_longer)
{
	struct host h;

	make_tail(&h, 1);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb),
		  h.now + min(2 * h.tcb.rtt.srtt + PROBE_DELAY,
			      toytcp_rtt_timeout(&h.tcb.rtt)));
}

/* The probe's SACK shows what is missing. */
TEST(rack_probe__finds_the_loss)
{
	struct host h;

	make_tail(&h, 4);
	ASSERT_TRUE(host_expire(&h));
	h.now += 100 * MSEC;
	SACK(&h, 0, 3, 4);
	h.now += 100 * MSEC;
	if (!h.sent)
		host_expire(&h);
	EXPECT_TRUE(h.tcb.cc.recovering == 1);
	EXPECT_EQ(h.out[0].seq, AT(0));
}

/* It mended the only loss: congestion all the same. */
TEST(rack_probe_acked__was_the_loss)
{
	struct host h;

	make_tail(&h, 4);
	ARRIVE_NEXT(&h, .ack = AT(3));
	ASSERT_TRUE(host_expire(&h));
	ARRIVE_NEXT(&h, .ack = AT(4));
	EXPECT_EQ(h.tcb.cc.cwnd, 10 * MSS);
	host_send(&h, MSS);
	ARRIVE_NEXT(&h, .ack = AT(5));
	EXPECT_LT(h.tcb.cc.cwnd, 10 * MSS);
}

/* Congestion of the flight that suffered it, not of what is left of it. */
TEST(rack_probe_acked__of_the_whole_flight)
{
	struct host h;

	make_tail(&h, 8);
	h.now += 50 * MSEC;
	ARRIVE_NEXT(&h, .ack = AT(7));
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(h.tcb.rack.probing == 1);
	ARRIVE_NEXT(&h, .ack = AT(8));
	host_send(&h, 100);
	ARRIVE_NEXT(&h, .ack = AT(8) + 100);
	EXPECT_EQ(h.tcb.cc.ssthresh, 4 * MSS);
	EXPECT_EQ(h.tcb.cc.cwnd, 4 * MSS);
}

/* Section 7.4.2, without DSACK: a duplicate ACK is for the probe. */
TEST(rack_probe_duplicate__nothing_was_lost)
{
	struct host h;

	make_tail(&h, 4);
	ASSERT_TRUE(host_expire(&h));
	ARRIVE_NEXT(&h, .ack = AT(4));	/* it was late */
	ARRIVE_NEXT(&h, .ack = AT(4), .wnd = WND - 1);	/* a window update */
	EXPECT_TRUE(h.tcb.rack.probing == 1);
	ARRIVE_NEXT(&h, .ack = AT(4), .wnd = WND - 1);
	EXPECT_FALSE(!!h.tcb.rack.probing);
	host_send(&h, MSS);
	ARRIVE_NEXT(&h, .ack = AT(5));
	EXPECT_EQ(h.tcb.cc.cwnd, 10 * MSS);
}

/* Section 7.2: where two round trips are longer than the timeout. */
TEST(rack_probe__in_place_of_the_timeout)
{
	struct host h;
	u64 due;

	make_established(&h);
	h.tcb.sack_ok = 1;
	h.tcb.rtt.srtt = 300 * MSEC;
	h.tcb.rtt.rto = 500 * MSEC;
	host_send(&h, 4 * MSS);
	due = toytcp_deadline_at(&h.tcb, TIMER_RTO);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), due);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.now, due);
	EXPECT_TRUE(h.act.notes & NOTE_PROBE);
	EXPECT_FALSE(!!h.tcb.timed_out);
	EXPECT_EQ(h.tcb.cc.cwnd, 10 * MSS);
	ASSERT_TRUE(host_expire(&h));	/* and then the timeout comes */
	EXPECT_TRUE(h.tcb.timed_out == 1);
}

TEST(rack_probe_acked__was_not)
{
	struct host h;

	make_tail(&h, 4);
	ARRIVE_NEXT(&h, .ack = AT(3));
	ASSERT_TRUE(host_expire(&h));
	ARRIVE_NEXT(&h, .ack = AT(4));
	SACK(&h, 4, 3, 4);
	host_send(&h, MSS);
	ARRIVE_NEXT(&h, .ack = AT(5));
	EXPECT_EQ(h.tcb.cc.cwnd, 10 * MSS);
}

/* One probe, then the timeout. */
TEST(rack_probe__only_one)
{
	struct host h;

	make_tail(&h, 4);
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(host_expire(&h));
	EXPECT_TRUE(h.tcb.timed_out == 1);
	EXPECT_EQ(h.out[0].seq, AT(0));
}

/* Section 7.4.2: only an ACK of all that was out then ends it. */
TEST(rack_probe__only_one_whatever_else_came_twice)
{
	struct host h;

	make_tail(&h, 4);
	ARRIVE_NEXT(&h, .ack = AT(2));
	ASSERT_TRUE(host_expire(&h));
	ARRIVE_NEXT(&h, .sacks = 1, .sack = { { AT(0), AT(1) } });
	EXPECT_TRUE(h.act.notes & NOTE_DSACK_IN);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_TRUE(h.tcb.timed_out == 1);
}

/*
 * A late SACK tells what is missing, and the probe's time comes before the
 * reordering window ends: that is looked after, not forgotten.
 */
TEST(rack_probe__not_if_something_is_known_to_be_missing)
{
	struct host h;

	make_tail(&h, 3);
	h.now += 2 * h.tcb.rtt.srtt - 5 * MSEC;
	SACK(&h, 0, 2, 3);
	EXPECT_QUIET(&h);
	EXPECT_NE(h.tcb.deadline[TIMER_LOSS], 0);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_FALSE(h.act.notes & NOTE_PROBE);
	EXPECT_NE(h.tcb.deadline[TIMER_LOSS], 0);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_TRUE(h.tcb.cc.recovering == 1);
	EXPECT_FALSE(!!h.tcb.timed_out);
	EXPECT_EQ(h.out[0].seq, AT(0));
}

/* Nor does one that was set before fast recovery began repeat a tail. */
TEST(rack_probe__not_in_recovery)
{
	struct host h;

	make_tail(&h, 8);
	h.now += 2 * h.tcb.rtt.srtt - 5 * MSEC;
	SACK(&h, 0, 1, 4);
	EXPECT_TRUE(h.tcb.cc.recovering == 1);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_FALSE(h.act.notes & NOTE_PROBE);
	EXPECT_FALSE(!!h.tcb.rack.probing);
}

/* A window that opens ends it: all is sent again, and cwnd counts. */
TEST(rack_probe__not_beyond_a_closed_window)
{
	struct host h;

	make_tail(&h, 4);
	ASSERT_TRUE(host_expire(&h));
	ASSERT_TRUE(h.tcb.rack.probing == 1);
	ARRIVE_NEXT(&h, .wnd = 0);
	h.tcb.cc.cwnd = 2 * MSS;
	ARRIVE_NEXT(&h);
	EXPECT_EQ(h.sent, 2);
	EXPECT_FALSE(!!h.tcb.rack.probing);
}

TEST(rack_probe__not_without_sack)
{
	struct host h;

	make_established(&h);
	host_send(&h, 4 * MSS);
	EXPECT_EQ(h.tcb.deadline[TIMER_LOSS], 0);
}

TEST_HARNESS_MAIN
