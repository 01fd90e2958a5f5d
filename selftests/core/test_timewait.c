// SPDX-License-Identifier: GPL-2.0
/* timewait.c: TIME-WAIT. */
#include "host.h"
#include "kselftest_harness.h"

#define OURS	(ISS + 2)	/* SND.NXT, beyond our FIN */
#define THEIRS	(IRS + 2)	/* RCV.NXT, beyond the peer's */

static struct timewait make_timewait(void)
{
	struct timewait r;
	struct host h;

	make_time_wait(&h);
	toytcp_timewait_from_tcb(&r, &h.tcb);
	return r;
}

static enum verdict arrives(struct segment seg)
{
	struct timewait r = make_timewait();

	return toytcp_timewait_verdict(&r, &seg);
}

#define ARRIVES(...) arrives((struct segment){ __VA_ARGS__ })

TEST(timewait__keeps_the_numbers)
{
	struct timewait r = make_timewait();

	EXPECT_EQ(r.snd_nxt, OURS);
	EXPECT_EQ(r.rcv_nxt, THEIRS);
}

TEST(timewait__the_fin_again_starts_the_2_msl_anew)
{
	EXPECT_EQ(ARRIVES(.ctl = CTL_FIN | CTL_ACK, .seq = THEIRS - 1,
			  .ack = OURS), VERDICT_RESTART);
	EXPECT_EQ(ARRIVES(.ctl = CTL_FIN | CTL_ACK, .seq = THEIRS - 11,
			  .len = 10, .ack = OURS), VERDICT_RESTART);
}

TEST(timewait__its_ack)
{
	struct timewait r = make_timewait();
	struct segment seg;

	toytcp_timewait_ack(&r, START, &seg);
	EXPECT_EQ(seg.ctl, CTL_ACK);
	EXPECT_EQ(seg.seq, OURS);
	EXPECT_EQ(seg.ack, THEIRS);
	EXPECT_EQ(seg.len, 0);
	EXPECT_EQ(seg.hdrlen, 20);
}

TEST(timewait__its_ack_is_stamped)
{
	struct timewait r = make_timewait();
	struct segment seg;

	r.timestamps = 1;
	r.ts.offset = 5;
	r.ts.recent = 123;
	toytcp_timewait_ack(&r, START, &seg);
	EXPECT_EQ(seg.options, HAS_TIMESTAMPS);
	EXPECT_EQ(seg.tsval, START / MSEC + 5);
	EXPECT_EQ(seg.tsecr, 123);
	EXPECT_EQ(seg.hdrlen, 32);
}

TEST(timewait__old_text_is_acked)
{
	EXPECT_EQ(ARRIVES(.ctl = CTL_ACK, .seq = THEIRS - 10, .len = 5,
			  .ack = OURS), VERDICT_ACK);
}

/* Or two TIME-WAIT entries would talk to each other for ever. */
TEST(timewait__a_bare_ack_is_dropped)
{
	EXPECT_EQ(ARRIVES(.ctl = CTL_ACK, .seq = THEIRS, .ack = OURS),
		  VERDICT_DROP);
}

/* MAY-2: a SYN beyond the old connection's numbers may open a new one. */
TEST(timewait__a_new_syn)
{
	EXPECT_EQ(ARRIVES(.ctl = CTL_SYN, .seq = THEIRS + 1), VERDICT_CREATE);
	EXPECT_EQ(ARRIVES(.ctl = CTL_SYN, .seq = THEIRS + 0x7fffffff),
		  VERDICT_CREATE);
}

TEST(timewait__an_old_syn_is_acked)
{
	EXPECT_EQ(ARRIVES(.ctl = CTL_SYN, .seq = IRS), VERDICT_ACK);
	EXPECT_EQ(ARRIVES(.ctl = CTL_SYN | CTL_ACK, .seq = THEIRS + 9,
			  .ack = OURS), VERDICT_ACK);
}

TEST(timewait__whatever_the_peer_still_says_starts_the_2_msl_anew)
{
	EXPECT_EQ(ARRIVES(.ctl = CTL_ACK, .seq = THEIRS, .len = 5,
			  .ack = OURS), VERDICT_RESTART);
	EXPECT_EQ(ARRIVES(.ctl = CTL_ACK, .seq = THEIRS + 1, .ack = OURS),
		  VERDICT_RESTART);
	EXPECT_EQ(ARRIVES(.ctl = CTL_FIN | CTL_ACK, .seq = THEIRS,
			  .ack = OURS), VERDICT_RESTART);
	EXPECT_EQ(ARRIVES(.ctl = CTL_FIN | CTL_ACK, .seq = THEIRS + 9,
			  .ack = OURS), VERDICT_RESTART);
	EXPECT_EQ(ARRIVES(.ctl = CTL_ACK, .seq = THEIRS + BUF + 1,
			  .ack = OURS), VERDICT_ACK);
}

TEST(timewait__what_has_no_ack_is_dropped)
{
	EXPECT_EQ(ARRIVES(.seq = THEIRS, .len = 5), VERDICT_DROP);
}

TEST(timewait__an_ack_of_what_was_never_sent)
{
	EXPECT_EQ(ARRIVES(.ctl = CTL_ACK, .seq = THEIRS, .ack = OURS + 1),
		  VERDICT_ACK);
}

/* RFC 1337: only the very number ends it early. */
TEST(timewait__resets)
{
	EXPECT_EQ(ARRIVES(.ctl = CTL_RST, .seq = THEIRS), VERDICT_END);
	EXPECT_EQ(ARRIVES(.ctl = CTL_RST, .seq = THEIRS + 1), VERDICT_ACK);
	EXPECT_EQ(ARRIVES(.ctl = CTL_RST, .seq = THEIRS - 1), VERDICT_DROP);
}

/* --- Timestamps: RFC 6191, and PAWS --- */

#define RECENT	1000u

static enum verdict arrives_stamped(struct segment seg)
{
	struct timewait r = make_timewait();

	r.timestamps = 1;
	r.ts.recent = RECENT;
	return toytcp_timewait_verdict(&r, &seg);
}

#define ARRIVES_STAMPED(...) arrives_stamped((struct segment){ __VA_ARGS__ })
#define STAMPED(val) .options = HAS_TIMESTAMPS, .tsval = val

TEST(timewait__a_syn_that_is_later_by_the_clock)
{
	EXPECT_EQ(ARRIVES_STAMPED(.ctl = CTL_SYN, .seq = IRS,
				  STAMPED(RECENT + 1)), VERDICT_CREATE);
	EXPECT_EQ(ARRIVES_STAMPED(.ctl = CTL_SYN, .seq = IRS,
				  STAMPED(RECENT)), VERDICT_ACK);
	EXPECT_EQ(ARRIVES_STAMPED(.ctl = CTL_SYN, .seq = THEIRS + 1,
				  STAMPED(RECENT)), VERDICT_CREATE);
	EXPECT_EQ(ARRIVES_STAMPED(.ctl = CTL_SYN, .seq = THEIRS + 1),
		  VERDICT_CREATE);
}

TEST(timewait__a_syn_from_before)
{
	EXPECT_EQ(ARRIVES_STAMPED(.ctl = CTL_SYN, .seq = THEIRS + 1,
				  STAMPED(RECENT - 1)), VERDICT_ACK);
}

TEST(timewait__paws)
{
	EXPECT_EQ(ARRIVES_STAMPED(.ctl = CTL_FIN | CTL_ACK, .seq = THEIRS - 1,
				  STAMPED(RECENT - 1)), VERDICT_ACK);
	EXPECT_EQ(ARRIVES_STAMPED(.ctl = CTL_FIN | CTL_ACK, .seq = THEIRS - 1,
				  STAMPED(RECENT + 1)), VERDICT_RESTART);
	EXPECT_EQ(ARRIVES_STAMPED(.ctl = CTL_FIN | CTL_ACK, .seq = THEIRS - 1),
		  VERDICT_DROP);
	EXPECT_EQ(ARRIVES_STAMPED(.ctl = CTL_RST, .seq = THEIRS), VERDICT_END);
}

TEST_HARNESS_MAIN
