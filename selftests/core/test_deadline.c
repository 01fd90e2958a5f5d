// SPDX-License-Identifier: GPL-2.0
/* deadline.c: the 32 bits of each timer, and which timer stops which. */
#include "host.h"
#include "kselftest_harness.h"

#define TICK (1u << TICK_SHIFT)

/* When the low 32 bits of the clock become 0, for the @n-th time. */
static u64 wrap(u32 n)
{
	return (u64)n << (32 + TICK_SHIFT);
}

/* --- 32 bits --- */

TEST(deadline__is_never_early_and_at_most_a_tick_late)
{
	struct host h;
	u32 i;

	make_established(&h);
	for (i = 0; i <= 2 * TICK; i++) {
		u64 at = h.now + i, set;

		toytcp_deadline_set(&h.tcb, TIMER_RTO, at, h.now);
		set = toytcp_deadline_at(&h.tcb, TIMER_RTO);
		EXPECT_GE(set, at);
		EXPECT_GT(at + TICK, set);
		EXPECT_EQ(toytcp_deadline_next(&h.tcb), set);
		toytcp_timeout_expire(&h.tcb, set - 1, &h.act);
		EXPECT_NE(h.tcb.deadline[TIMER_RTO], 0);
	}
}

/* A process holds the lock for @hours, or the machine stands still. */
static void make_overdue(struct host *h, u64 hours)
{
	make_established(h);
	toytcp_deadline_set(&h->tcb, TIMER_ACK, h->now + SECOND, h->now);
	h->now += hours * 3600 * SECOND;
}

TEST(deadline__long_overdue_is_due)
{
	struct host h;
	u64 hours;

	for (hours = 1; hours < 100; hours++) {
		make_overdue(&h, hours);
		EXPECT_GE(h.now, toytcp_deadline_next(&h.tcb));
		toytcp_timeout_expire(&h.tcb, h.now, &h.act);
		EXPECT_EQ(h.tcb.deadline[TIMER_ACK], 0);
	}
}

TEST(deadline__long_overdue_stays_due_if_another_is_set)
{
	struct host h;
	u64 hours;

	for (hours = 1; hours < 100; hours++) {
		make_overdue(&h, hours);
		toytcp_deadline_set(&h.tcb, TIMER_RTO, h.now + SECOND, h.now);
		EXPECT_GE(h.now + TICK, toytcp_deadline_next(&h.tcb));
		EXPECT_GE(h.now + TICK, toytcp_deadline_at(&h.tcb, TIMER_ACK));
	}
}

/* Around the wrap of the 32 bits, a second at a time, each by itself. */
TEST(deadline__each_timer_crosses_the_wrap)
{
	static const u64 waits[TIMERS] = {
		[TIMER_RTO] = RTO_MAX, [TIMER_PERSIST] = RTO_MAX,
		[TIMER_LOSS] = 2 * SECOND, [TIMER_ACK] = DELAYED_ACK,
		[TIMER_IDLE] = 65535ull * SECOND,
	};
	int timer, i;

	for (timer = 0; timer < TIMERS; timer++) {
		for (i = -3; i <= 3; i++) {
			u64 at = wrap(3) + i * (s64)SECOND;
			struct host h;

			make_established(&h);
			h.now = at - waits[timer];
			toytcp_deadline_set(&h.tcb, timer, at, h.now);
			at += at == wrap(3) ? TICK : 0;	/* 0 is "not set" */
			EXPECT_EQ(toytcp_deadline_at(&h.tcb, timer), at);
			EXPECT_EQ(toytcp_deadline_next(&h.tcb), at);
			toytcp_timeout_expire(&h.tcb, at - 1, &h.act);
			EXPECT_NE(h.tcb.deadline[timer], 0);
			EXPECT_EQ(toytcp_deadline_at(&h.tcb, timer), at);
		}
	}
}

/* The one that is behind the wrap is not the first one. */
TEST(deadline_next__on_both_sides_of_the_wrap)
{
	struct host h;

	make_established(&h);
	h.now = wrap(1) - SECOND;
	toytcp_deadline_set(&h.tcb, TIMER_IDLE, wrap(1) + SECOND, h.now);
	toytcp_deadline_set(&h.tcb, TIMER_ACK, wrap(1) - MSEC, h.now);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), wrap(1) - MSEC + 8);
	host_expire(&h);
	EXPECT_EQ(h.tcb.deadline[TIMER_ACK], 0);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), wrap(1) + SECOND);
}

/* The longest wait, with much going on meanwhile. */
TEST(deadline__far_away_while_others_are_set)
{
	struct host h;
	u64 end;
	u32 i;

	make_established(&h);
	h.now = wrap(1) - 40000ull * SECOND;
	end = h.now + 65535ull * SECOND;
	toytcp_deadline_set(&h.tcb, TIMER_IDLE, end, h.now);
	for (i = 0; i < 65535; i += 15) {
		toytcp_deadline_set(&h.tcb, TIMER_ACK, h.now + DELAYED_ACK,
				    h.now);
		ASSERT_EQ(toytcp_deadline_at(&h.tcb, TIMER_IDLE), end);
		ASSERT_EQ(toytcp_deadline_next(&h.tcb), h.now + DELAYED_ACK);
		toytcp_timeout_expire(&h.tcb, h.now + DELAYED_ACK, &h.act);
		ASSERT_EQ(h.tcb.deadline[TIMER_ACK], 0);
		h.now += 15 * SECOND;
	}
}

/* A connection that was silent for a month has no trace of it. */
TEST(deadline__after_a_long_silence)
{
	struct host h;

	make_established(&h);
	h.now += 30 * 86400ull * SECOND;
	host_send(&h, 10);
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_RTO),
		  h.now + toytcp_rtt_timeout(&h.tcb.rtt));
}

TEST(keepalive__the_longest)
{
	struct host h;

	make_established(&h);
	h.tcb.keepalive = 1;
	h.tcb.keep_idle = 32767;
	h.tcb.keep_interval = 32767;
	toytcp_timeout_keepalive(&h.tcb, h.now);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + 32767ull * SECOND);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_ONLY_ACK(&h, ISS, IRS + 1);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + 32767ull * SECOND);
}

/* 2^31 milliseconds, the longest that TCP_USER_TIMEOUT takes: 24 days. */
TEST(user_timeout__the_longest)
{
	struct host h;
	u64 began;
	int i;

	make_established(&h);
	h.tcb.user_timeout = 1u << 31;
	began = h.now;
	host_send(&h, 10);
	for (i = 0; i < 20000 && h.tcb.state != TCP_CLOSE; i++)
		ASSERT_TRUE(host_expire(&h));
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.now - began, (1ull << 31) * MSEC);
}

/* --- Which timer stops which --- */

TEST(loss__runs_beside_the_timeout)
{
	struct host h;
	u64 rto;

	make_established(&h);
	h.tcb.sack_ok = 1;
	host_send(&h, 4 * MSS);
	rto = toytcp_deadline_at(&h.tcb, TIMER_RTO);
	EXPECT_EQ(rto, h.now + toytcp_rtt_timeout(&h.tcb.rtt));
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_LOSS),
		  h.now + 2 * h.tcb.rtt.srtt);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb),
		  toytcp_deadline_at(&h.tcb, TIMER_LOSS));
	/* RFC 8985 section 7.3: the probe starts the timeout anew. */
	ASSERT_TRUE(host_expire(&h));
	EXPECT_TRUE(h.act.notes & NOTE_PROBE);
	EXPECT_EQ(h.tcb.deadline[TIMER_LOSS], 0);
	EXPECT_GT(toytcp_deadline_at(&h.tcb, TIMER_RTO), rto);
}

TEST(loss__both_are_late)
{
	struct host h;

	make_established(&h);
	h.tcb.sack_ok = 1;
	host_send(&h, 4 * MSS);
	host_pass(&h, 10 * SECOND);
	EXPECT_TRUE(h.act.notes & NOTE_PROBE);
	EXPECT_FALSE(!!h.tcb.timed_out);
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_RTO),
		  h.now + toytcp_rtt_timeout(&h.tcb.rtt));
}

TEST(loss__never_behind_the_timeout)
{
	struct host h;

	make_established(&h);
	host_send(&h, 4 * MSS);
	toytcp_deadline_loss(&h.tcb, h.now,
			     toytcp_rtt_timeout(&h.tcb.rtt) + TICK);
	EXPECT_EQ(h.tcb.deadline[TIMER_LOSS], 0);
	toytcp_deadline_loss(&h.tcb, h.now, 2 * TICK);
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_LOSS), h.now + 2 * TICK);
	toytcp_deadline_loss(&h.tcb, h.now, 3 * TICK);
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_LOSS), h.now + 2 * TICK);
}

TEST(loss__ends_with_what_is_outstanding)
{
	struct host h;

	make_established(&h);
	h.tcb.sack_ok = 1;
	host_send(&h, 4 * MSS);
	ARRIVE_NEXT(&h, .ack = h.tcb.snd.nxt);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
}

/* The user timeout ends before the loss timer would go off. */
TEST(loss__the_user_timeout_comes_first)
{
	struct host h;

	make_established(&h);
	h.tcb.sack_ok = 1;
	host_send(&h, 4 * MSS);
	h.tcb.user_timeout = 20;
	toytcp_deadline_limit(&h.tcb, h.now);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), h.now + 20 * MSEC);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_QUIET(&h);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
}

/*
 * SHLD-29: a window that closes while the loss timer runs is probed when the
 * retransmission timeout would have come, not when the loss timer would have.
 */
TEST(persist__takes_the_place_of_timeout_and_loss_timer)
{
	struct host h;
	u64 rto;

	make_established(&h);
	h.tcb.sack_ok = 1;
	host_send(&h, 4 * MSS);
	rto = toytcp_deadline_at(&h.tcb, TIMER_RTO);
	EXPECT_NE(h.tcb.deadline[TIMER_LOSS], 0);
	h.now += MSEC;
	ARRIVE_NEXT(&h, .wnd = 0);
	EXPECT_EQ(h.tcb.deadline[TIMER_RTO], 0);
	EXPECT_EQ(h.tcb.deadline[TIMER_LOSS], 0);
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_PERSIST), rto);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_ACK, ISS + 1, IRS + 1, 1);
	EXPECT_FALSE(h.act.notes & NOTE_PROBE);
	EXPECT_EQ(h.out[0].cause, CAUSE_PROBE);
	/* A SACK of what is beyond starts no loss timer. */
	ARRIVE_NEXT(&h, .wnd = 0, .sacks = 1,
		    .sack = { { ISS + 1 + MSS, ISS + 1 + 2 * MSS } });
	EXPECT_EQ(h.tcb.deadline[TIMER_LOSS], 0);
	EXPECT_NE(h.tcb.deadline[TIMER_PERSIST], 0);
	ARRIVE_NEXT(&h, .wnd = WND);
	EXPECT_EQ(h.tcb.deadline[TIMER_PERSIST], 0);
	EXPECT_NE(h.tcb.deadline[TIMER_RTO], 0);
}

/* The probe's own byte is outstanding, and yet there is no timeout for it. */
TEST(persist__runs_on_beside_its_probe)
{
	struct host h;
	u64 next;

	make_established(&h);
	ARRIVE_NEXT(&h, .wnd = 0);
	host_send(&h, 100);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_NE(h.tcb.snd.una, h.tcb.snd.nxt);
	EXPECT_EQ(h.tcb.deadline[TIMER_RTO], 0);
	next = toytcp_deadline_at(&h.tcb, TIMER_PERSIST);
	EXPECT_EQ(next, h.now + toytcp_rtt_timeout(&h.tcb.rtt));
	/* The peer takes it, and still has no room for more. */
	ARRIVE_NEXT(&h, .ack = ISS + 2, .wnd = 0);
	EXPECT_EQ(h.tcb.deadline[TIMER_RTO], 0);
	EXPECT_NE(h.tcb.deadline[TIMER_PERSIST], 0);
}

/* What the override lets out, the retransmission timer watches. */
TEST(persist__the_override_gives_way_to_the_timeout)
{
	struct host h;

	make_established(&h);
	h.tcb.cork = 1;
	host_send(&h, 10);
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_PERSIST), h.now + OVERRIDE);
	EXPECT_EQ(h.tcb.deadline[TIMER_RTO], 0);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(h.sent, 1);
	EXPECT_EQ(h.tcb.deadline[TIMER_PERSIST], 0);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb),
		  h.now + toytcp_rtt_timeout(&h.tcb.rtt));
}

/* A SYN is sent before there is a window: its timer is the timeout. */
TEST(rto__of_a_syn)
{
	struct host h;

	make_syn_sent(&h);
	EXPECT_EQ(h.tcb.snd.wnd, 0);
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_RTO), h.now + RTO_INITIAL);
	ASSERT_TRUE(host_expire(&h));
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_RTO),
		  h.now + 2 * RTO_INITIAL);
	EXPECT_EQ(h.tcb.deadline[TIMER_PERSIST], 0);
}

/* A delayed ACK, a timeout and keep-alive at one time: each does its own. */
TEST(expire__all_at_once)
{
	struct host h;

	make_established(&h);
	h.tcb.keepalive = 1;
	h.tcb.keep_idle = 1;
	h.tcb.rcv.quick_acks = 0;
	toytcp_timeout_keepalive(&h.tcb, h.now);
	host_send(&h, 10);
	ARRIVE_NEXT(&h, .len = 10);
	EXPECT_NE(h.tcb.deadline[TIMER_ACK], 0);
	host_pass(&h, 2 * SECOND);
	EXPECT_EQ(h.sent, 1);	/* text again, and the ACK rides on it */
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 1, IRS + 11, 10);
	EXPECT_EQ(h.tcb.deadline[TIMER_ACK], 0);
	/* Text is outstanding, so nothing is asked by a keep-alive probe. */
	EXPECT_EQ(h.tcb.probes, 0);
	EXPECT_EQ(toytcp_deadline_at(&h.tcb, TIMER_IDLE), h.now + SECOND);
}

TEST_HARNESS_MAIN
