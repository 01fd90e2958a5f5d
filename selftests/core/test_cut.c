// SPDX-License-Identifier: GPL-2.0
/* cut.h: a large segment in pieces. */
#include "../../module/core/cut.h"
#include "host.h"
#include "kselftest_harness.h"

static struct segment large(struct cut *cut)
{
	struct segment seg = {
		.seq = ISS + 1, .len = 2500,
		.ctl = CTL_ACK | CTL_PSH | CTL_FIN | CTL_CWR,
	};

	toytcp_cut_begin(cut, &seg);
	return seg;
}

TEST(piece__cwr_first_push_and_fin_last)
{
	static const u8 ctl[] = { CTL_CWR, 0, CTL_PSH | CTL_FIN };
	struct segment seg;
	struct cut cut;
	struct host h;
	u32 i;

	make_established(&h);
	seg = large(&cut);
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(cut.left);
		toytcp_cut_piece(&cut, &h.tcb, &seg, min(cut.left, MSS));
		EXPECT_EQ(seg.seq, ISS + 1 + i * MSS);
		EXPECT_EQ(seg.len, i < 2 ? MSS : 500);
		EXPECT_EQ(seg.ctl, CTL_ACK | ctl[i]);
	}
	EXPECT_EQ(cut.left, 0);
}

TEST(piece__one_piece_is_the_whole)
{
	struct segment seg;
	struct cut cut;
	struct host h;

	make_established(&h);
	seg = large(&cut);
	toytcp_cut_piece(&cut, &h.tcb, &seg, 2500);
	EXPECT_EQ(cut.left, 0);
	EXPECT_EQ(seg.ctl, CTL_ACK | CTL_PSH | CTL_FIN | CTL_CWR);
}

TEST(piece__a_segment_without_text)
{
	struct segment seg = { .seq = ISS + 1, .ctl = CTL_ACK | CTL_FIN };
	struct cut cut;
	struct host h;

	make_established(&h);
	toytcp_cut_begin(&cut, &seg);
	toytcp_cut_piece(&cut, &h.tcb, &seg, 0);
	EXPECT_EQ(seg.ctl, CTL_ACK | CTL_FIN);
	EXPECT_EQ(cut.left, 0);
}

/*
 * The mark stands at a number: each piece is as much nearer as it begins later.
 */
TEST(piece__the_urgent_pointer_is_its_own)
{
	struct segment seg;
	struct cut cut;
	struct host h;

	make_established(&h);
	host_send(&h, 2500);
	h.tcb.snd.up = ISS + 1 + 1200;
	seg = large(&cut);
	toytcp_urgent_mark(&h.tcb, &seg);
	EXPECT_EQ(seg.up, 1200);
	toytcp_cut_piece(&cut, &h.tcb, &seg, MSS);
	EXPECT_EQ(seg.up, 1200);
	toytcp_cut_piece(&cut, &h.tcb, &seg, MSS);
	EXPECT_TRUE(seg.ctl & CTL_URG);
	EXPECT_EQ(seg.up, 200);
	toytcp_cut_piece(&cut, &h.tcb, &seg, 500);
	EXPECT_FALSE(seg.ctl & CTL_URG);
	EXPECT_EQ(seg.up, 0);
}

TEST_HARNESS_MAIN
