// SPDX-License-Identifier: GPL-2.0
/*
 * How much work a segment causes at most, whatever the peer has sent before it:
 * with a window of 16 MB full of gaps as small as it can make them.
 *
 * Steps are the basic blocks that the core runs through, so the same number in
 * each run. How many a segment takes depends on the compiler, so these limits
 * are three times what was measured; work that grows with the number of gaps
 * is hundreds of times as much.
 */
#include <stdlib.h>

#include "host.h"
#include "kselftest_harness.h"

#define WINDOW	(16u << 20)
#define MOST	20000u		/* gaps: nodes and records to lend */

static u64 steps;

void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

/* Which of @n places is the @i-th. */
typedef u32 order(u32 i, u32 n);

static u32 upwards(u32 i, u32 n)
{
	(void)n;
	return i;
}

static u32 downwards(u32 i, u32 n)
{
	return n - 1 - i;
}

static u32 from_both_ends(u32 i, u32 n)
{
	return i % 2 ? n - 1 - i / 2 : i / 2;
}

/* The worst for a search from wherever the last one ended. */
static u32 here_and_there(u32 i, u32 n)
{
	return i % 2 ? n / 2 + i / 2 : i / 2;
}

static u32 anywhere(u32 i, u32 n)	/* @n has no factor 7919 */
{
	return (u32)((u64)i * 7919 % n);
}

static order *const orders[] = {
	upwards, downwards, from_both_ends, here_and_there, anywhere,
};

static struct reassembly_node nodes[MOST];
static struct sent_record records[MOST + 100];

static void make_large(struct host *h)
{
	u32 i;

	make_established(h);
	h->tcb.sack_ok = 1;
	h->tcb.rcv.buf = WINDOW;
	h->tcb.rcv.adv = h->tcb.rcv.nxt + WINDOW;
	h->tcb.snd.wscale = 14;
	h->tcb.snd.max_wnd = 2 * WINDOW;
	h->tcb.snd.wnd = 2 * WINDOW;
	h->tcb.cc.cwnd = 2 * WINDOW;
	h->tcb.gso_goal = MSS;
	for (i = 0; i < ARRAY_SIZE(records); i++)
		toytcp_scoreboard_lend(&h->tcb.board, &records[i]);
}

/* A segment arrives, and what there is to send goes out. Returns how many. */
static u32 arrive(struct host *h, struct segment *seg,
		   struct reassembly_node *node)
{
	struct segment out;
	u32 n = 0;

	seg->ctl = CTL_ACK;
	toytcp_segment_measure(seg);
	toytcp_arrives(&h->tcb, seg, node, h->now, &h->act);
	while (toytcp_emit_next(&h->tcb, h->now, CAUSE_ACK, &out))
		n++;
	return n;
}

/* Steps per segment, to open @n gaps in this order, and to close the first. */
static u64 gaps(order *order, u32 n)
{
	struct segment seg = { .wnd = 2 * WINDOW >> 14 };
	struct host h;
	u32 i;

	make_large(&h);
	steps = 0;
	for (i = 0; i < n; i++) {
		seg.seq = IRS + 2 + 2 * order(i, n);
		seg.ack = ISS + 1;
		seg.len = 1;
		arrive(&h, &seg, &nodes[i]);
		if (!h.act.kept)
			abort();
	}
	toytcp_reassembly_purge(&h.tcb.ooo);
	return steps / n;
}

TEST(reassembly__gaps_in_any_order)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		u64 few = gaps(orders[i], MOST / 16);
		u64 many = gaps(orders[i], MOST);

		TH_LOG("order %u: %llu, %llu steps", i,
		       (unsigned long long)few, (unsigned long long)many);
		EXPECT_LT(many, 1200);
		EXPECT_LT(many, 2 * few);
	}
}

enum peer { LETS_US_WAIT, LETS_US_RESEND, CLOSES_ITS_WINDOW, PEERS };

/* Steps per segment, if each ACK reports one more of @n segments, or a part. */
static u64 holes(order *order, u32 n, u32 part, enum peer peer)
{
	struct segment seg = { 0 };
	u32 i, segments = 0;
	struct host h;

	make_large(&h);
	for (i = 0; i <= 2 * n / 100; i++)
		host_send(&h, 100 * MSS);
	h.now += 100 * MSEC;
	steps = 0;
	for (i = 0; i < n; i++, h.now += 100) {
		u32 from = ISS + 1 + (2 * order(i, n) + 1) * MSS;

		seg.seq = IRS + 1;
		seg.ack = ISS + 1;
		seg.wnd = peer == CLOSES_ITS_WINDOW && i % 2 ? 0 :
			  2 * WINDOW >> 14;
		seg.sacks = 1;
		seg.sack[0].from = from;
		seg.sack[0].to = from + part;
		h.tcb.cc.cwnd = peer == LETS_US_RESEND ? 2 * WINDOW : MSS;
		segments += 1 + arrive(&h, &seg, NULL);
	}
	if (part == MSS && h.tcb.board.sacked != n * part)
		abort();
	return steps / segments;
}

TEST(scoreboard__holes_in_any_order)
{
	static const u32 n = WINDOW / MSS / 2 - 100;
	u32 i, peer, part;

	for (i = 0; i < ARRAY_SIZE(orders) * PEERS * 2; i++) {
		order *order = orders[i / 2 / PEERS];
		u64 few, many;

		peer = i / 2 % PEERS;
		part = i % 2 ? 1 : MSS;
		few = holes(order, n / 16, part, peer);
		many = holes(order, n, part, peer);
		TH_LOG("order %u, peer %u, %u bytes: %llu, %llu steps",
		       i / 2 / PEERS, peer, part, (unsigned long long)few,
		       (unsigned long long)many);
		EXPECT_LT(many, 1200);
		EXPECT_LT(many, 2 * few);
	}
}

/*
 * Steps per ACK, if a late segment has shown that @n gaps are losses, and each ACK
 * says that what was retransmitted had arrived (DSACK): the reduction is undone,
 * and all are lost once more. The window allows one retransmission at a time.
 */
static u64 undone(u32 n)
{
	struct segment seg = { .seq = IRS + 1, .wnd = MSS, .sacks = 1 };
	struct host h;
	u32 i;

	make_large(&h);
	for (i = 0; i <= 2 * n / 100; i++)
		host_send(&h, 100 * MSS);
	h.now += 200 * MSEC;
	host_send(&h, MSS);
	h.tcb.snd.wscale = 0;
	seg.ack = ISS + 1;
	for (i = 0; i <= n; i++) {
		seg.sack[0].from = i < n ? AT(2 * i + 1) : h.tcb.snd.nxt - MSS;
		seg.sack[0].to = seg.sack[0].from + MSS;
		arrive(&h, &seg, NULL);
	}
	for (i = 0; i < 100; i++) {
		if (i == 1)
			steps = 0;	/* the first one finds the losses */
		h.now += 200 * MSEC;
		seg.sack[0].from = AT(2 * i);
		seg.sack[0].to = AT(2 * i + 1);
		seg.ack = AT(2 * i + 2);
		arrive(&h, &seg, NULL);
		if (i == 0 && !(h.act.notes & NOTE_UNDO))
			abort();
	}
	return steps / (i - 1);
}

TEST(recovery__undone_by_each_ack)
{
	static const u32 n = WINDOW / MSS / 2 - 100;
	u64 few = undone(SCOREBOARD_MIN / 2 - 10), many = undone(n);

	TH_LOG("%llu, %llu steps", (unsigned long long)few,
	       (unsigned long long)many);
	EXPECT_LT(few, 100000);
	EXPECT_LT(many, 1200);
}

TEST_HARNESS_MAIN
