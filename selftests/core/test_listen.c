// SPDX-License-Identifier: GPL-2.0
/* listen.c: LISTEN, RFC 9293 3.10.7.2, and the request's SYN-RECEIVED. */
#include "host.h"
#include "kselftest_harness.h"

static enum verdict listener(struct segment seg)
{
	return toytcp_listen_arrives(&seg);
}

static enum verdict request(const struct syn_request *e, struct segment seg)
{
	return toytcp_request_arrives(e, &seg, START + SECOND);
}

#define LISTEN(...) listener((struct segment){ __VA_ARGS__ })
#define REQUEST(e, ...) request(e, (struct segment){ .wnd = WND, __VA_ARGS__ })

static const struct offer plain = { .window = BUF, .mss = MSS, .sack = true };

static struct syn_request make_request(u32 buf, u8 options)
{
	const struct offer offer = { .window = buf, .mss = MSS, .sack = true };
	struct segment syn = { .ctl = CTL_SYN, .seq = IRS, .wnd = WND,
			       .options = options, .mss = 900, .wscale = 5 };
	struct syn_request e;

	toytcp_request_init(&e, &syn, ISS, buf, &offer, START);
	return e;
}

/* --- LISTEN --- */

TEST(listen__a_reset_is_dropped)
{
	EXPECT_EQ(LISTEN(.ctl = CTL_RST), VERDICT_DROP);
	EXPECT_EQ(LISTEN(.ctl = CTL_RST | CTL_ACK), VERDICT_DROP);
	EXPECT_EQ(LISTEN(.ctl = CTL_RST | CTL_SYN), VERDICT_DROP);
}

TEST(listen__an_ack_is_reset)
{
	EXPECT_EQ(LISTEN(.ctl = CTL_ACK), VERDICT_RESET);
	EXPECT_EQ(LISTEN(.ctl = CTL_SYN | CTL_ACK), VERDICT_RESET);
	EXPECT_EQ(LISTEN(.ctl = CTL_FIN | CTL_ACK, .len = 3), VERDICT_RESET);
}

TEST(listen__a_syn_makes_a_request)
{
	EXPECT_EQ(LISTEN(.ctl = CTL_SYN), VERDICT_CREATE);
	EXPECT_EQ(LISTEN(.ctl = CTL_SYN, .len = 100), VERDICT_CREATE);
	EXPECT_EQ(LISTEN(.ctl = CTL_SYN | CTL_ECE | CTL_CWR), VERDICT_CREATE);
}

TEST(listen__anything_else_is_dropped)
{
	EXPECT_EQ(LISTEN(.ctl = 0), VERDICT_DROP);
	EXPECT_EQ(LISTEN(.ctl = CTL_FIN), VERDICT_DROP);
	EXPECT_EQ(LISTEN(.ctl = CTL_SYN | CTL_FIN), VERDICT_DROP);
}

/* --- The SYN,ACK --- */

TEST(request_synack__without_scaling)
{
	struct syn_request e = make_request(BUF, HAS_MSS);
	struct segment seg;

	toytcp_request_synack(&e, START, &seg);
	EXPECT_EQ(seg.ctl, CTL_SYN | CTL_ACK);
	EXPECT_EQ(seg.seq, ISS);
	EXPECT_EQ(seg.ack, IRS + 1);
	EXPECT_EQ(seg.wnd, BUF);
	EXPECT_EQ(seg.options, HAS_MSS);
	EXPECT_EQ(seg.mss, MSS);
}

/* RFC 7323: only if the SYN offered it; the SYN,ACK's window is unscaled. */
TEST(request_synack__with_scaling)
{
	struct syn_request e = make_request(1 << 20, HAS_MSS | HAS_WSCALE);
	struct segment seg;

	toytcp_request_synack(&e, START, &seg);
	EXPECT_EQ(seg.options, HAS_MSS | HAS_WSCALE);
	EXPECT_EQ(seg.wscale, 5);
	EXPECT_EQ(seg.wnd, 65535);
	toytcp_request_ack(&e, START, &seg);
	EXPECT_EQ(seg.wnd, 65535 >> 5);
}

/* DESIGN: data on a SYN is not acknowledged by the SYN,ACK. */
TEST(request_synack__text_on_the_syn_is_not_acked)
{
	struct segment syn = { .ctl = CTL_SYN, .seq = IRS, .len = 100 }, seg;
	struct syn_request e;

	toytcp_request_init(&e, &syn, ISS, BUF, &plain, START);
	toytcp_request_synack(&e, START, &seg);
	EXPECT_EQ(seg.ack, IRS + 1);
}

/* --- Timestamps, RFC 7323 --- */

#define OFFSET	77000u
#define STAMPED(val, ecr) \
	.options = HAS_TIMESTAMPS, .tsval = val, .tsecr = ecr
#define STAMP	(OFFSET + (u32)(START / MSEC))

static const struct offer stamps = { .window = BUF, .stamp_offset = OFFSET,
				     .mss = MSS, .timestamps = true };

static struct syn_request make_stamped(void)
{
	struct segment syn = { .ctl = CTL_SYN, .seq = IRS, STAMPED(500, 0) };
	struct syn_request e;

	toytcp_request_init(&e, &syn, ISS, BUF, &stamps, START);
	return e;
}

TEST(request_stamp__only_if_the_syn_had_one)
{
	struct syn_request e = make_stamped();
	struct segment syn = { .ctl = CTL_SYN, .seq = IRS }, seg;

	toytcp_request_synack(&e, START + SECOND, &seg);
	EXPECT_EQ(seg.options, HAS_MSS | HAS_TIMESTAMPS);
	EXPECT_EQ(seg.tsval, STAMP + 1000);
	EXPECT_EQ(seg.tsecr, 500);
	toytcp_request_init(&e, &syn, ISS, BUF, &stamps, START);
	toytcp_request_synack(&e, START, &seg);
	EXPECT_EQ(seg.options, HAS_MSS);
}

TEST(request_stamp__what_promotes)
{
	struct syn_request e = make_stamped();

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
			  STAMPED(500, STAMP)), VERDICT_PROMOTE);
	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
			  STAMPED(501, STAMP + 1000)), VERDICT_PROMOTE);
}

TEST(request_stamp__an_echo_of_what_was_not_said)
{
	struct syn_request e = make_stamped();

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
			  STAMPED(500, STAMP - 1)), VERDICT_DROP);
	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
			  STAMPED(500, STAMP + 1001)), VERDICT_DROP);
}

/* Some peers have no echo in the handshake: TCP takes that, too. */
TEST(request_stamp__no_echo)
{
	struct syn_request e = make_stamped();

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
			  STAMPED(500, 0)), VERDICT_PROMOTE);
}

/* Nobody knows when a cookie was sent: before the clock wrapped, perhaps. */
TEST(request_stamp__of_a_cookie)
{
	struct segment syn = { .ctl = CTL_SYN, .seq = IRS, STAMPED(500, 0) };
	const u64 wrap = 1ull << 32;		/* of milliseconds */
	struct segment ack = {
		.ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
		STAMPED(500, OFFSET + (u32)(wrap - 10)),
	};
	struct syn_request e;

	toytcp_request_init(&e, &syn, ISS, BUF, &stamps, 0);
	EXPECT_EQ(toytcp_request_arrives(&e, &ack, (wrap + 10) * MSEC),
		  VERDICT_PROMOTE);
}

TEST(request_stamp__paws)
{
	struct syn_request e = make_stamped();

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
			  STAMPED(499, STAMP)), VERDICT_ACK);
	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1),
		  VERDICT_DROP);
	EXPECT_EQ(REQUEST(&e, .ctl = CTL_RST, .seq = IRS + 1), VERDICT_END);
}

/* --- SYN-RECEIVED --- */

TEST(request__the_syn_again)
{
	struct syn_request e = make_request(BUF, HAS_MSS);

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_SYN, .seq = IRS), VERDICT_RETRANSMIT);
}

TEST(request__another_syn)
{
	struct syn_request e = make_request(BUF, HAS_MSS);

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_SYN, .seq = IRS + 5), VERDICT_END);
	EXPECT_EQ(REQUEST(&e, .ctl = CTL_SYN, .seq = IRS - 500), VERDICT_ACK);
}

TEST(request__outside_the_window)
{
	struct syn_request e = make_request(BUF, HAS_MSS);

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 2 + BUF,
			  .ack = ISS + 1), VERDICT_ACK);
	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS, .ack = ISS + 1),
		  VERDICT_ACK);
	EXPECT_EQ(REQUEST(&e, .ctl = CTL_RST, .seq = IRS), VERDICT_DROP);
}

TEST(request__reset)
{
	struct syn_request e = make_request(BUF, HAS_MSS);

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_RST, .seq = IRS + 1), VERDICT_END);
	EXPECT_EQ(REQUEST(&e, .ctl = CTL_RST, .seq = IRS + 2), VERDICT_ACK);
}

TEST(request__wrong_ack_is_reset)
{
	struct syn_request e = make_request(BUF, HAS_MSS);

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS),
		  VERDICT_RESET);
	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 2),
		  VERDICT_RESET);
}

TEST(request__no_ack_is_dropped)
{
	struct syn_request e = make_request(BUF, HAS_MSS);

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_FIN, .seq = IRS + 1), VERDICT_DROP);
}

TEST(request__ack_promotes)
{
	struct syn_request e = make_request(BUF, HAS_MSS);

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1),
		  VERDICT_PROMOTE);
	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK | CTL_FIN, .seq = IRS + 1,
			  .len = 50, .ack = ISS + 1), VERDICT_PROMOTE);
}

/* The first segments were overtaken or lost: any in the window will do. */
TEST(request__ack_with_later_text_promotes)
{
	struct syn_request e = make_request(BUF, HAS_MSS);

	EXPECT_EQ(REQUEST(&e, .ctl = CTL_ACK, .seq = IRS + 1001, .len = 50,
			  .ack = ISS + 1), VERDICT_PROMOTE);
}

static void promote(struct host *h, const struct syn_request *e)
{
	memset(h, 0, sizeof(*h));
	h->now = START + 50 * MSEC;
	toytcp_tcb_init(&h->tcb, BUF, MSS);
	toytcp_request_promote(e, &h->tcb, h->now);
}

TEST(promote__the_ack_establishes)
{
	struct syn_request e = make_request(BUF, HAS_MSS);
	struct host h;

	promote(&h, &e);
	EXPECT_STATE(&h, TCP_SYN_RECV);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1, .len = 7);
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_EQ(host_ready(&h), 7);
	EXPECT_EQ(h.tcb.snd.mss, 900);
	EXPECT_EQ(h.tcb.rtt.srtt, 50 * MSEC);
	EXPECT_EQ(h.tcb.snd.wnd, WND);
}

TEST(promote__windows_are_scaled_from_now_on)
{
	struct syn_request e = make_request(BUF, HAS_MSS | HAS_WSCALE);
	struct host h;

	promote(&h, &e);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
	       .wnd = 1000);
	EXPECT_EQ(h.tcb.snd.wnd, 32000);
}

/* RFC 6691: the MSS options do not count what each segment carries. */
TEST(promote__timestamps_take_room)
{
	struct syn_request e = make_stamped();
	struct host h;

	promote(&h, &e);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1,
	       STAMPED(600, STAMP));
	EXPECT_STATE(&h, TCP_ESTABLISHED);
	EXPECT_EQ(h.tcb.ts.recent, 600);
	EXPECT_EQ(h.tcb.snd.mss, MSS_DEFAULT - 12);
}

/* Only what the SYN,ACK could say was promised, whatever the buffer. */
TEST(promote__the_promised_window)
{
	struct syn_request e = make_request(1 << 20, HAS_MSS | HAS_WSCALE);
	struct host h;

	memset(&h, 0, sizeof(h));
	toytcp_tcb_init(&h.tcb, 1 << 20, MSS);
	toytcp_request_promote(&e, &h.tcb, START);
	EXPECT_EQ(h.tcb.rcv.adv, IRS + 1 + 65535);
}

/* The request of a SYN cookie: the SYN, and when it came, was forgotten. */
TEST(promote__nobody_knows_when_the_syn_came)
{
	const struct segment syn = { .ctl = CTL_SYN, .seq = IRS };
	struct syn_request e;
	struct tcb tcb;

	toytcp_request_init(&e, &syn, ISS, BUF, &plain, 0);
	toytcp_tcb_init(&tcb, BUF, MSS);
	toytcp_request_promote(&e, &tcb, START);
	EXPECT_TRUE(!tcb.rtt.timing);
	EXPECT_EQ(tcb.rtt.srtt, 0);
	EXPECT_EQ(tcb.retransmits, 0);
}

static void send_synacks(struct syn_request *e, u32 n)
{
	struct segment seg;

	while (n--)
		toytcp_request_synack(e, START, &seg);
}

TEST(promote__after_one_synack_its_round_trip_counts)
{
	struct syn_request e = make_request(BUF, HAS_MSS);
	struct host h;

	send_synacks(&e, 1);
	promote(&h, &e);
	EXPECT_EQ(h.tcb.retransmits, 0);
	EXPECT_TRUE(!!h.tcb.rtt.timing);
}

/*
 * Karn's rule, for a SYN,ACK that was sent twice, by the timer or because the
 * SYN came again. RFC 6298 (5.7) and RFC 6928 section 2 are for the timer: a
 * SYN that comes again may be a duplicate that the network has made.
 */
TEST(promote__after_a_retransmission)
{
	static const struct {
		u8 synacks, repeated;
		u32 rto, segments;
	} rows[] = {
		{ 2, 0, RTO_INITIAL, INITIAL_WINDOW },
		{ 2, 1, RTO_AFTER_SYN, INITIAL_WINDOW },
		{ 3, 2, RTO_AFTER_SYN, 1 },
		{ 2, 5, RTO_AFTER_SYN, INITIAL_WINDOW },	/* deferred */
	};
	struct host h;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct syn_request e = make_request(BUF, HAS_MSS);

		send_synacks(&e, rows[i].synacks);
		e.repeated = rows[i].repeated;
		promote(&h, &e);
		ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1, .ack = ISS + 1);
		EXPECT_STATE(&h, TCP_ESTABLISHED);
		EXPECT_EQ(h.tcb.rtt.srtt, 0);
		EXPECT_EQ(h.tcb.rtt.rto, rows[i].rto);
		EXPECT_EQ(h.tcb.cc.cwnd, rows[i].segments * h.tcb.snd.mss);
	}
}

TEST(request_synack__counts_and_does_not_go_round)
{
	struct syn_request e = make_request(BUF, HAS_MSS);

	send_synacks(&e, 300);
	EXPECT_EQ(e.synacks, 255);
}

TEST_HARNESS_MAIN
