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

static u32 ranges_in(const struct order_node *at)
{
	return at ? ranges_in(at->child[0]) + 1 + ranges_in(at->child[1]) : 0;
}

static u32 ranges(const struct reassembly *r)
{
	return ranges_in(r->ranges);
}

static const struct reassembly_node *first(struct reassembly *r)
{
	toytcp_order_at(&r->ranges, r->ranges->seq - WINDOW_MAX);
	return (void *)r->ranges;
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
	EXPECT_EQ(ranges(&r), 1);
	EXPECT_EQ(first(&r)->range_end, 130);
	EXPECT_EQ(count(first(&r)), 3);
}

TEST(add__gaps_make_ranges_in_order)
{
	struct reassembly r = { 0 };

	EXPECT_TRUE(add(&r, 300, 310));
	EXPECT_TRUE(add(&r, 100, 110));
	EXPECT_TRUE(add(&r, 200, 210));
	EXPECT_EQ(ranges(&r), 3);
	EXPECT_EQ(first(&r)->seq, 100);
	EXPECT_EQ(toytcp_order_behind(r.ranges)->seq, 200);
	EXPECT_EQ(toytcp_order_at(&r.ranges, 1000)->seq, 300);
	EXPECT_EQ(ranges(&r), 3);
}

TEST(add__fills_a_gap)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	add(&r, 120, 130);
	EXPECT_TRUE(add(&r, 110, 120));
	EXPECT_EQ(ranges(&r), 1);
	EXPECT_EQ(reach(first(&r), 100), 130);
}

TEST(add__overlaps_on_both_sides)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	add(&r, 120, 130);
	EXPECT_TRUE(add(&r, 105, 125));
	EXPECT_EQ(ranges(&r), 1);
	EXPECT_EQ(reach(first(&r), 100), 130);
}

TEST(add__covers_several_ranges)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	add(&r, 120, 130);
	add(&r, 140, 150);
	add(&r, 200, 210);
	EXPECT_TRUE(add(&r, 90, 160));
	EXPECT_EQ(ranges(&r), 2);
	EXPECT_EQ(first(&r)->seq, 90);
	EXPECT_EQ(first(&r)->range_end, 160);
	EXPECT_EQ(reach(first(&r), 90), 160);
}

TEST(add__a_duplicate_is_refused)
{
	struct reassembly r = { 0 };

	add(&r, 100, 200);
	EXPECT_FALSE(add(&r, 100, 200));
	EXPECT_FALSE(add(&r, 120, 150));
	EXPECT_FALSE(add(&r, 199, 200));
	EXPECT_TRUE(add(&r, 199, 201));
	EXPECT_EQ(first(&r)->range_end, 201);
}

TEST(add__across_zero)
{
	struct reassembly r = { 0 };

	EXPECT_TRUE(add(&r, 0x10, 0x20));
	EXPECT_TRUE(add(&r, 0xfffffff0, 0));
	EXPECT_EQ(ranges(&r), 2);
	EXPECT_EQ(first(&r)->seq, 0xfffffff0);
	EXPECT_TRUE(add(&r, 0xfffffffe, 0x12));
	EXPECT_EQ(ranges(&r), 1);
	EXPECT_EQ(reach(first(&r), 0xfffffff0), 0x20);
}

TEST(add__a_fin_alone)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	EXPECT_TRUE(add_at(&r, 110, 110, 1));
	EXPECT_FALSE(add_at(&r, 110, 110, 1));
	EXPECT_EQ(ranges(&r), 1);
	EXPECT_EQ(count(first(&r)), 2);
}

TEST(add__a_fin_that_comes_with_known_text)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	EXPECT_TRUE(add_at(&r, 100, 110, 1));
	EXPECT_EQ(first(&r)->last->fin, 1);
	EXPECT_FALSE(add_at(&r, 100, 110, 1));
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
	EXPECT_EQ(ranges(&r), 1);
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
	EXPECT_EQ(ranges(&r), 1);
	EXPECT_EQ(first(&r)->seq, 150);
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
	EXPECT_EQ(ranges(&r), 0);
}

#define EXPECT_REPORT(r, room, ...) do {				\
	const u32 wanted[] = { __VA_ARGS__ };				\
	struct sack_block got[SACKS_MAX];				\
	u32 n_ = toytcp_reassembly_report(r, got, room), i_;		\
	ASSERT_EQ(n_, ARRAY_SIZE(wanted) / 2);				\
	for (i_ = 0; i_ < n_; i_++) {					\
		EXPECT_EQ(got[i_].from, wanted[2 * i_]);		\
		EXPECT_EQ(got[i_].to, wanted[2 * i_ + 1]);		\
	}								\
} while (0)

/* RFC 2018 section 4: the one the segment is in, then those reported before. */
TEST(report__in_the_order_of_arrival)
{
	struct reassembly r = { 0 };

	add(&r, 300, 310);
	add(&r, 500, 510);
	add(&r, 100, 110);
	EXPECT_REPORT(&r, 4, 100, 110, 500, 510, 300, 310);
	add(&r, 400, 410);
	add(&r, 200, 210);
	EXPECT_REPORT(&r, 4, 200, 210, 400, 410, 100, 110, 500, 510);
	EXPECT_REPORT(&r, 2, 200, 210, 400, 410);
}

/* A range is reported once, be it that it has grown, or come twice. */
TEST(report__what_has_grown)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	add(&r, 200, 210);
	add(&r, 300, 310);
	add(&r, 110, 120);
	EXPECT_REPORT(&r, 4, 100, 120, 300, 310, 200, 210);
	EXPECT_FALSE(add(&r, 205, 210));
	EXPECT_REPORT(&r, 4, 200, 210, 100, 120, 300, 310);
	add(&r, 120, 200);
	EXPECT_REPORT(&r, 4, 100, 210, 300, 310);
}

/* The latest segment closed a gap: what grew before that comes first. */
TEST(report__what_is_in_order_no_more)
{
	struct reassembly r = { 0 };

	add(&r, 300, 310);
	add(&r, 200, 210);
	add(&r, 100, 110);
	EXPECT_EQ(count(toytcp_reassembly_take(&r, 100)), 1);
	EXPECT_REPORT(&r, 4, 200, 210, 300, 310);
	EXPECT_EQ(count(toytcp_reassembly_take(&r, 305)), 2);
	EXPECT_EQ(toytcp_reassembly_report(&r, NULL, 4), 0);
}

TEST(report__a_fin)
{
	struct reassembly r = { 0 };

	add(&r, 100, 110);
	add_at(&r, 200, 200, 1);
	EXPECT_REPORT(&r, 4, 200, 201, 100, 110);
}

/* Against a plain bitmap, from every order of arrival that chance makes. */
TEST(add__agrees_with_a_bitmap)
{
	u32 state = 1, round;

	for (round = 0; round < 2000; round++) {
		struct reassembly r = { 0 };
		u8 have[64] = { 0 };
		u32 i, wanted = 0;

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
			wanted += have[i] && (!i || !have[i - 1]);
		ASSERT_EQ(ranges(&r), wanted);
	}
}

TEST_HARNESS_MAIN
