// SPDX-License-Identifier: GPL-2.0
/* seq.h: comparison modulo 2^32, RFC 9293 section 3.4. */
#include "host.h"
#include "kselftest_harness.h"

TEST(seq_before__plain)
{
	EXPECT_TRUE(seq_before(1, 2));
	EXPECT_FALSE(seq_before(2, 2));
	EXPECT_FALSE(seq_before(3, 2));
}

TEST(seq_before__across_zero)
{
	EXPECT_TRUE(seq_before(0xffffffff, 0));
	EXPECT_TRUE(seq_before(0xfffffff0, 0x10));
	EXPECT_FALSE(seq_before(0x10, 0xfffffff0));
}

TEST(seq_before__across_the_sign)
{
	EXPECT_TRUE(seq_before(0x7fffffff, 0x80000000));
	EXPECT_TRUE(seq_before(1, 0x80000000));
	EXPECT_FALSE(seq_before(0x80000000, 0x7fffffff));
}

TEST(seq_after__is_the_mirror)
{
	EXPECT_TRUE(seq_after(0, 0xffffffff));
	EXPECT_FALSE(seq_after(7, 7));
	EXPECT_FALSE(seq_after(0xffffffff, 0));
}

TEST(seq_between__includes_both_ends)
{
	EXPECT_TRUE(seq_between(10, 10, 20));
	EXPECT_TRUE(seq_between(10, 20, 20));
	EXPECT_FALSE(seq_between(10, 9, 20));
	EXPECT_FALSE(seq_between(10, 21, 20));
}

TEST(seq_between__across_zero)
{
	EXPECT_TRUE(seq_between(0xfffffff0, 0, 0x10));
	EXPECT_TRUE(seq_between(0xfffffff0, 0xfffffff0, 0x10));
	EXPECT_FALSE(seq_between(0xfffffff0, 0x11, 0x10));
	EXPECT_FALSE(seq_between(0xfffffff0, 0xffffffef, 0x10));
}

TEST(seq_max__across_zero)
{
	EXPECT_EQ(seq_max(0xffffffff, 1), 1);
	EXPECT_EQ(seq_max(1, 0xffffffff), 1);
	EXPECT_EQ(seq_min(0xffffffff, 1), 0xffffffff);
	EXPECT_EQ(seq_min(1, 0xffffffff), 0xffffffff);
}

TEST_HARNESS_MAIN
