// SPDX-License-Identifier: GPL-2.0
/* reassembly.c: ranges of text that arrived too early. */
#include "host.h"
#include "kselftest_harness.h"

static struct reassembly_node nodes[1000];
static int used;

static bool add_at(struct reassembly *r, u32 seq, u32 end, u32 fin)
{
	struct reassembly_node *node = &nodes[used++];

	memset(node, 0xa5, sizeof(*node));
	node->seq = seq;
	node->end = end;
	node->fin = fin;
	return toytcp_reassembly_add(r, node);
}

static bool add(struct reassembly *r, u32 seq, u32 end)
{
	return add_at(r, seq, end, 0);
}

static int count(const struct reassembly_node *chain)
{
	int n = 0;

	for (; chain; chain = chain->next)
		n++;
	return n;
}

/* Where a chain without gaps that begins at @from ends; 0 if it has a gap. */
static u32 reach(const struct reassembly_node *chain, u32 from)
{
	for (; chain; chain = chain->next) {
		if (seq_after(chain->seq, from))
			return 0;
		from = seq_max(from, chain->end);
	}
	return from;
}

TEST(add__in_order_is_one_range)
{
	struct reassembly r = { 0 };

	EXPECT_TRUE(add(&r, 100, 110));
	EXPECT_TRUE(add(&r, 110, 120));
	EXPECT_TRUE(add(&r, 120, 130));
	EXPECT_EQ(r.ranges, 1);
	EXPECT_EQ(r.first->range_end, 130);
	EXPECT_EQ(count(r.first), 3);
}

TEST(add__gaps_make_ranges_in_order)
{
	struct reassembly r = { 0 };

	EXPECT_TRUE(add(&r, 300, 310));
	EXPECT_TRUE(add(&r, 100, 110));
	EXPECT_TRUE(add(&r, 200, 210));
	EXPECT_EQ(r.ranges, 3);
	EXPECT_EQ(r.first->seq, 100);
	EXPECT_EQ(r.first->range_next->seq, 200);
	EXPECT_EQ(r.final->seq, 300);
	EXPECT_EQ(r.final->range_prev->range_prev, r.first);
}

TEST(add__fills_a_gap)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	add(&r, 120, 130);
	EXPECT_TRUE(add(&r, 110, 120));
	EXPECT_EQ(r.ranges, 1);
	EXPECT_EQ(r.first, r.final);
	EXPECT_EQ(reach(r.first, 100), 130);
}

TEST(add__overlaps_on_both_sides)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	add(&r, 120, 130);
	EXPECT_TRUE(add(&r, 105, 125));
	EXPECT_EQ(r.ranges, 1);
	EXPECT_EQ(reach(r.first, 100), 130);
}

TEST(add__covers_several_ranges)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	add(&r, 120, 130);
	add(&r, 140, 150);
	add(&r, 200, 210);
	EXPECT_TRUE(add(&r, 90, 160));
	EXPECT_EQ(r.ranges, 2);
	EXPECT_EQ(r.first->seq, 90);
	EXPECT_EQ(r.first->range_end, 160);
	EXPECT_EQ(reach(r.first, 90), 160);
}

TEST(add__a_duplicate_is_refused)
{
	struct reassembly r = { 0 };

	add(&r, 100, 200);
	EXPECT_FALSE(add(&r, 100, 200));
	EXPECT_FALSE(add(&r, 120, 150));
	EXPECT_FALSE(add(&r, 199, 200));
	EXPECT_TRUE(add(&r, 199, 201));
	EXPECT_EQ(r.first->range_end, 201);
}

TEST(add__across_zero)
{
	struct reassembly r = { 0 };

	EXPECT_TRUE(add(&r, 0x10, 0x20));
	EXPECT_TRUE(add(&r, 0xfffffff0, 0));
	EXPECT_EQ(r.ranges, 2);
	EXPECT_EQ(r.first->seq, 0xfffffff0);
	EXPECT_TRUE(add(&r, 0xfffffffe, 0x12));
	EXPECT_EQ(r.ranges, 1);
	EXPECT_EQ(reach(r.first, 0xfffffff0), 0x20);
}

TEST(add__a_fin_alone)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	EXPECT_TRUE(add_at(&r, 110, 110, 1));
	EXPECT_FALSE(add_at(&r, 110, 110, 1));
	EXPECT_EQ(r.ranges, 1);
	EXPECT_EQ(count(r.first), 2);
}

TEST(add__a_fin_that_comes_with_known_text)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	EXPECT_TRUE(add_at(&r, 100, 110, 1));
	EXPECT_EQ(r.first->last->fin, 1);
	EXPECT_FALSE(add_at(&r, 100, 110, 1));
}

/* The class of CVE-2018-5390: the list has a limit. */
TEST(add__no_more_than_so_many_gaps)
{
	struct reassembly r = { 0 };
	u32 i;

	for (i = 0; i < REASSEMBLY_RANGES_MAX; i++)
		EXPECT_TRUE(add(&r, 100 + 10 * i, 105 + 10 * i));
	EXPECT_FALSE(add(&r, 5, 6));
	EXPECT_FALSE(add(&r, 100000, 100001));
	EXPECT_EQ(r.ranges, REASSEMBLY_RANGES_MAX);
	/* What closes a gap is still welcome. */
	EXPECT_TRUE(add(&r, 105, 110));
	EXPECT_EQ(r.ranges, REASSEMBLY_RANGES_MAX - 1);
}

TEST(take__the_first_range_alone)
{
	struct reassembly r = { 0 };
	struct reassembly_node *chain;

	add(&r, 100, 110);
	add(&r, 110, 120);
	add(&r, 130, 140);
	EXPECT_TRUE(!toytcp_reassembly_take(&r, 99));
	chain = toytcp_reassembly_take(&r, 100);
	EXPECT_EQ(count(chain), 2);
	EXPECT_EQ(reach(chain, 100), 120);
	EXPECT_EQ(r.ranges, 1);
	EXPECT_TRUE(r.first == r.final);
	EXPECT_TRUE(!r.first->range_prev);
}

TEST(take__all_that_was_covered)
{
	struct reassembly r = { 0 };
	struct reassembly_node *chain;

	add(&r, 100, 110);
	add(&r, 120, 130);
	add(&r, 150, 160);
	chain = toytcp_reassembly_take(&r, 125);
	EXPECT_EQ(count(chain), 2);
	EXPECT_EQ(r.ranges, 1);
	EXPECT_EQ(r.first->seq, 150);
}

TEST(take__nothing_there)
{
	struct reassembly r = { 0 };

	EXPECT_TRUE(!toytcp_reassembly_take(&r, 5));
	EXPECT_TRUE(!toytcp_reassembly_purge(&r));
}

TEST(purge__gives_everything_back)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	add(&r, 110, 120);
	add(&r, 130, 140);
	add(&r, 150, 160);
	EXPECT_EQ(count(toytcp_reassembly_purge(&r)), 4);
	EXPECT_EQ(r.ranges, 0);
	EXPECT_TRUE(!r.first && !r.final);
}

/* Against a plain bitmap, from every order of arrival that chance makes. */
TEST(add__agrees_with_a_bitmap)
{
	u32 state = 1, round;

	for (round = 0; round < 2000; round++) {
		struct reassembly r = { 0 };
		u8 have[64] = { 0 };
		u32 i, ranges = 0;

		used = 0;
		for (i = 0; i < 20; i++) {
			u32 from, to;

			state = state * 1664525 + 1013904223;
			from = state >> 26;
			to = from + 1 + (state >> 20 & 15);
			to = min(to, 64u);
			add(&r, 0xffffffe0 + from, 0xffffffe0 + to);
			memset(have + from, 1, to - from);
		}
		for (i = 0; i < 64; i++)
			ranges += have[i] && (!i || !have[i - 1]);
		ASSERT_EQ(r.ranges, ranges);
	}
}

TEST_HARNESS_MAIN
