// SPDX-License-Identifier: GPL-2.0
/* order.c: ranges in a tree. */
#include <stdlib.h>

#include "../../module/core/order.h"
#include "host.h"
#include "kselftest_harness.h"

#define NODES	4096u
#define FROM	0xfffffff0u	/* numbers wrap on the way */

static struct order_node nodes[NODES];

static struct order_node *fill(u32 step)
{
	struct order_node *root = NULL;
	u32 i, at = 0;

	for (i = 0; i < NODES; i++, at = (at + step) % NODES) {
		nodes[at] = (struct order_node){ .seq = FROM + 2 * at };
		toytcp_order_add(&root, &nodes[at]);
	}
	return root;
}

TEST(at__what_is_there_and_what_is_between)
{
	struct order_node *root = fill(1);
	u32 i;

	EXPECT_EQ(toytcp_order_at(&root, FROM - 1), NULL);
	EXPECT_EQ(root, &nodes[0]);
	for (i = 0; i < 2 * NODES; i++)
		ASSERT_EQ(toytcp_order_at(&root, FROM + i), &nodes[i / 2]);
	EXPECT_EQ(toytcp_order_at(&root, FROM + 10 * NODES), &nodes[NODES - 1]);
}

TEST(at__nothing)
{
	struct order_node *root = NULL;

	EXPECT_EQ(toytcp_order_at(&root, FROM), NULL);
}

/* Half the number space away, what lies before and behind is turned round. */
TEST(at__a_number_of_long_ago)
{
	struct order_node *root = fill(1001);
	u32 i;

	for (i = 0; i < 4 * NODES; i++)
		toytcp_order_at(&root, FROM + (1u << 31) + i * 1001 % NODES);
	for (i = 0; i < 2 * NODES; i++)
		ASSERT_EQ(toytcp_order_at(&root, FROM + i), &nodes[i / 2]);
}

/* From the first to the last, however they came. */
TEST(behind__one_after_the_other)
{
	static const u32 steps[] = { 1, NODES - 1, 1001 };
	u32 i, n;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		struct order_node *root = fill(steps[i]);

		for (n = 0; n < NODES - 1; n++) {
			toytcp_order_at(&root, FROM + 2 * n);
			ASSERT_EQ(toytcp_order_behind(root), &nodes[n + 1]);
		}
		toytcp_order_at(&root, FROM + 2 * n);
		EXPECT_EQ(toytcp_order_behind(root), NULL);
	}
}

TEST(remove__every_other_one)
{
	struct order_node *root = fill(1001);
	u32 i;

	for (i = 0; i < NODES; i += 2)
		toytcp_order_remove(&root, &nodes[i]);
	EXPECT_EQ(toytcp_order_at(&root, FROM), NULL);
	for (i = 2; i < 2 * NODES; i++)
		ASSERT_EQ(toytcp_order_at(&root, FROM + i),
			  &nodes[((i + 2) / 4) * 2 - 1]);
	for (i = 1; i < NODES; i += 2)
		toytcp_order_remove(&root, &nodes[i]);
	EXPECT_EQ(root, NULL);
}

TEST_HARNESS_MAIN
