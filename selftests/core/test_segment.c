// SPDX-License-Identifier: GPL-2.0
/* segment.c: header on the wire <-> struct segment. */
#include "host.h"
#include "kselftest_harness.h"

/* A SYN with room for options: the data offset says how many words. */
struct wire {
	u8 b[SEGMENT_HEADER_MAX];
};

static struct wire make_wire(u8 words, u8 ctl)
{
	struct wire w = { { 0x9c, 0x40, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8,
			    (u8)(words << 4), ctl, 0x12, 0x34 } };

	return w;
}

static enum segment_fault parse(struct segment *seg, const struct wire *w)
{
	return toytcp_segment_parse(seg, w->b, toytcp_segment_hdrlen(w->b));
}

/* Parses a SYN whose options are @bytes, padded with zero. */
static enum segment_fault options(struct segment *seg, const u8 *bytes, u32 n)
{
	struct wire w = make_wire((u8)(5 + (n + 3) / 4), CTL_SYN);

	memcpy(w.b + SEGMENT_HEADER_MIN, bytes, n);
	return parse(seg, &w);
}

#define OPTIONS(seg, ...) ({						\
	const u8 bytes_[] = { __VA_ARGS__ };				\
	options(seg, bytes_, sizeof(bytes_));				\
})

TEST(parse__every_field)
{
	struct wire w = make_wire(5, CTL_PSH | CTL_ACK | CTL_URG);
	struct segment seg;

	w.b[18] = 0xab;
	w.b[19] = 0xcd;
	ASSERT_EQ(toytcp_segment_parse(&seg, w.b, 27), SEGMENT_OK);
	EXPECT_EQ(seg.source, 40000);
	EXPECT_EQ(seg.destination, 80);
	EXPECT_EQ(seg.seq, 0x01020304);
	EXPECT_EQ(seg.ack, 0x05060708);
	EXPECT_EQ(seg.ctl, CTL_PSH | CTL_ACK | CTL_URG);
	EXPECT_EQ(seg.wnd, 0x1234);
	EXPECT_EQ(seg.up, 0xabcd);
	EXPECT_EQ(seg.len, 7);
	EXPECT_EQ(seg.hdrlen, 20);
	EXPECT_EQ(seg.options, 0);
}

TEST(parse__large_numbers)
{
	struct wire w = make_wire(5, CTL_ACK);
	struct segment seg;

	memset(w.b, 0xff, 12);
	memset(w.b + 14, 0xff, 2);
	ASSERT_EQ(parse(&seg, &w), SEGMENT_OK);
	EXPECT_EQ(seg.seq, 0xffffffff);
	EXPECT_EQ(seg.ack, 0xffffffff);
	EXPECT_EQ(seg.wnd, 65535);	/* MUST-1: unsigned */
	EXPECT_EQ(seg.source, 65535);
}

TEST(parse__short)
{
	struct wire w = make_wire(5, CTL_ACK);
	struct segment seg;
	u32 n;

	for (n = 0; n < SEGMENT_HEADER_MIN; n++)
		EXPECT_EQ(toytcp_segment_parse(&seg, w.b, n), SEGMENT_SHORT);
}

TEST(parse__offset_too_small)
{
	struct segment seg;
	u8 words;

	for (words = 0; words < 5; words++) {
		struct wire w = make_wire(words, CTL_ACK);

		EXPECT_EQ(toytcp_segment_parse(&seg, w.b, 60), SEGMENT_OFFSET);
	}
}

TEST(parse__offset_beyond_the_end)
{
	struct wire w = make_wire(15, CTL_ACK);
	struct segment seg;

	EXPECT_EQ(toytcp_segment_parse(&seg, w.b, 59), SEGMENT_OFFSET);
	EXPECT_EQ(toytcp_segment_parse(&seg, w.b, 60), SEGMENT_OK);
}

TEST(parse__reserved_bits_are_ignored)
{
	struct wire w = make_wire(5, CTL_ACK);
	struct segment seg;

	w.b[12] |= 0x0f;
	ASSERT_EQ(parse(&seg, &w), SEGMENT_OK);
	EXPECT_EQ(seg.hdrlen, 20);
}

TEST(parse__mss)
{
	struct segment seg;

	ASSERT_EQ(OPTIONS(&seg, 2, 4, 0x05, 0xb4), SEGMENT_OK);
	EXPECT_EQ(seg.options, HAS_MSS);
	EXPECT_EQ(seg.mss, 1460);
}

TEST(parse__window_scale)
{
	struct segment seg;

	ASSERT_EQ(OPTIONS(&seg, 3, 3, 7), SEGMENT_OK);
	EXPECT_EQ(seg.options, HAS_WSCALE);
	EXPECT_EQ(seg.wscale, 7);
}

TEST(parse__window_scale_above_14_counts_as_14)
{
	struct segment seg;

	ASSERT_EQ(OPTIONS(&seg, 3, 3, 255), SEGMENT_OK);
	EXPECT_EQ(seg.wscale, 14);
}

TEST(parse__as_linux_sends_them)
{
	struct segment seg;

	ASSERT_EQ(OPTIONS(&seg, 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0,
			  0, 0, 0, 1, 3, 3, 7), SEGMENT_OK);
	EXPECT_EQ(seg.options, HAS_MSS | HAS_WSCALE | HAS_TIMESTAMPS |
		  HAS_SACK_OK);
	EXPECT_EQ(seg.mss, 1460);
	EXPECT_EQ(seg.wscale, 7);
	EXPECT_EQ(seg.tsval, 0x01020304);
	EXPECT_EQ(seg.tsecr, 0);
}

/* MUST-64: whatever the alignment. */
TEST(parse__unaligned_options)
{
	struct segment seg;

	ASSERT_EQ(OPTIONS(&seg, 1, 2, 4, 0x05, 0xb4, 1, 1, 3, 3, 2),
		  SEGMENT_OK);
	EXPECT_EQ(seg.mss, 1460);
	EXPECT_EQ(seg.wscale, 2);
}

/* MUST-6: an option that is not known is skipped by its length. */
TEST(parse__unknown_option)
{
	struct segment seg;

	ASSERT_EQ(OPTIONS(&seg, 253, 6, 2, 4, 9, 9, 2, 4, 0x02, 0x00),
		  SEGMENT_OK);
	EXPECT_EQ(seg.mss, 512);
}

TEST(parse__known_option_of_another_length)
{
	struct segment seg;

	ASSERT_EQ(OPTIONS(&seg, 2, 3, 9, 3, 4, 1, 1), SEGMENT_OK);
	EXPECT_EQ(seg.options, 0);
}

TEST(parse__nothing_counts_behind_the_end)
{
	struct segment seg;

	ASSERT_EQ(OPTIONS(&seg, 0, 2, 4, 0x05, 0xb4, 2, 0, 0), SEGMENT_OK);
	EXPECT_EQ(seg.options, 0);
}

/* MUST-7: illegal lengths. */
TEST(parse__option_length_zero)
{
	struct segment seg;

	EXPECT_EQ(OPTIONS(&seg, 2, 0, 5, 5), SEGMENT_OPTIONS);
	EXPECT_EQ(OPTIONS(&seg, 99, 0, 0, 0), SEGMENT_OPTIONS);
}

TEST(parse__option_length_one)
{
	struct segment seg;

	EXPECT_EQ(OPTIONS(&seg, 2, 1, 5, 5), SEGMENT_OPTIONS);
	EXPECT_EQ(OPTIONS(&seg, 2, 1, 1, 1), SEGMENT_OPTIONS);
}

TEST(parse__option_beyond_the_end)
{
	struct segment seg;

	EXPECT_EQ(OPTIONS(&seg, 1, 2, 4, 5), SEGMENT_OPTIONS);
	EXPECT_EQ(OPTIONS(&seg, 99, 5, 0, 0), SEGMENT_OPTIONS);
	EXPECT_EQ(OPTIONS(&seg, 99, 255, 0, 0), SEGMENT_OPTIONS);
}

TEST(parse__option_without_a_length)
{
	struct segment seg;

	EXPECT_EQ(OPTIONS(&seg, 1, 1, 1, 2), SEGMENT_OPTIONS);
	EXPECT_EQ(OPTIONS(&seg, 1, 1, 1, 77), SEGMENT_OPTIONS);
}

TEST(parse__forty_nops)
{
	struct wire w = make_wire(15, CTL_SYN);
	struct segment seg;

	memset(w.b + 20, OPTION_NOP, 40);
	EXPECT_EQ(parse(&seg, &w), SEGMENT_OK);
	w.b[59] = OPTION_MSS;
	EXPECT_EQ(parse(&seg, &w), SEGMENT_OPTIONS);
}

/* MUST-65 seen from the other side: outside a SYN they mean nothing. */
TEST(parse__options_without_syn_are_ignored)
{
	struct wire w = make_wire(6, CTL_ACK);
	struct segment seg;

	memcpy(w.b + 20, "\2\4\5\264", 4);
	ASSERT_EQ(parse(&seg, &w), SEGMENT_OK);
	EXPECT_EQ(seg.options, 0);
}

TEST(build__what_parse_reads)
{
	struct segment seg = {
		.seq = 0xfedcba98, .ack = 0x89abcdef, .source = 65535,
		.destination = 1, .wnd = 65535, .up = 3, .mss = 65535,
		.ctl = CTL_SYN | CTL_ACK, .wscale = 14,
		.options = HAS_MSS | HAS_WSCALE,
	}, got;
	u8 wire[SEGMENT_HEADER_MAX];

	ASSERT_EQ(toytcp_segment_measure(&seg), 28);
	toytcp_segment_build(&seg, wire);
	ASSERT_EQ(toytcp_segment_parse(&got, wire, 28), SEGMENT_OK);
	EXPECT_EQ(got.seq, seg.seq);
	EXPECT_EQ(got.ack, seg.ack);
	EXPECT_EQ(got.source, seg.source);
	EXPECT_EQ(got.destination, seg.destination);
	EXPECT_EQ(got.wnd, seg.wnd);
	EXPECT_EQ(got.up, seg.up);
	EXPECT_EQ(got.mss, seg.mss);
	EXPECT_EQ(got.ctl, seg.ctl);
	EXPECT_EQ(got.wscale, seg.wscale);
	EXPECT_EQ(got.options, seg.options);
}

TEST(build__options_in_linuxs_order)
{
	static const u8 wanted[] = { 2, 4, 0x05, 0xb4, 1, 3, 3, 7 };
	struct segment seg = { .ctl = CTL_SYN, .mss = 1460, .wscale = 7,
			       .options = HAS_MSS | HAS_WSCALE };
	u8 wire[SEGMENT_HEADER_MAX];

	toytcp_segment_measure(&seg);
	toytcp_segment_build(&seg, wire);
	EXPECT_EQ(memcmp(wire + 20, wanted, sizeof(wanted)), 0);
}

/* RFC 7323 appendix A: words stay whole. */
TEST(build__timestamps)
{
	static const u8 wanted[] = { 1, 1, 8, 10, 0x12, 0x34, 0x56, 0x78,
				     0x9a, 0xbc, 0xde, 0xf0 };
	struct segment seg = { .ctl = CTL_ACK, .options = HAS_TIMESTAMPS,
			       .tsval = 0x12345678, .tsecr = 0x9abcdef0 }, got;
	u8 wire[SEGMENT_HEADER_MAX];

	ASSERT_EQ(toytcp_segment_measure(&seg), 32);
	toytcp_segment_build(&seg, wire);
	EXPECT_EQ(memcmp(wire + 20, wanted, sizeof(wanted)), 0);
	ASSERT_EQ(toytcp_segment_parse(&got, wire, 32), SEGMENT_OK);
	EXPECT_EQ(got.options, HAS_TIMESTAMPS);
	EXPECT_EQ(got.tsval, seg.tsval);
	EXPECT_EQ(got.tsecr, seg.tsecr);
}

TEST(build__all_options_of_a_syn)
{
	struct segment seg = { .ctl = CTL_SYN, .mss = 1460, .wscale = 7,
			       .options = HAS_MSS | HAS_WSCALE | HAS_TIMESTAMPS,
			       .tsval = 5 }, got;
	u8 wire[SEGMENT_HEADER_MAX];

	ASSERT_EQ(toytcp_segment_measure(&seg), 40);
	toytcp_segment_build(&seg, wire);
	ASSERT_EQ(toytcp_segment_parse(&got, wire, 40), SEGMENT_OK);
	EXPECT_EQ(got.options, seg.options);
	EXPECT_EQ(got.mss, 1460);
	EXPECT_EQ(got.wscale, 7);
	EXPECT_EQ(got.tsval, 5);
}

TEST(build__no_ack_no_number)
{
	struct segment seg = { .ctl = CTL_SYN, .ack = 0x11223344 };
	u8 wire[SEGMENT_HEADER_MAX];

	toytcp_segment_measure(&seg);
	toytcp_segment_build(&seg, wire);
	EXPECT_EQ(memcmp(wire + 8, "\0\0\0\0", 4), 0);
	EXPECT_EQ(memcmp(wire + SEGMENT_CHECKSUM_OFFSET, "\0\0", 2), 0);
}

TEST(measure__writes_no_more_than_it_says)
{
	struct segment seg = { .ctl = CTL_SYN, .options = HAS_MSS };
	u8 wire[SEGMENT_HEADER_MAX];

	memset(wire, 0xa5, sizeof(wire));
	ASSERT_EQ(toytcp_segment_measure(&seg), 24);
	toytcp_segment_build(&seg, wire);
	EXPECT_EQ(wire[24], 0xa5);
	EXPECT_EQ(wire[12], 6 << 4);
}

TEST(length__counts_syn_and_fin)
{
	struct segment seg = { .len = 10 };

	EXPECT_EQ(toytcp_segment_length(&seg), 10);
	seg.ctl = CTL_SYN | CTL_ACK;
	EXPECT_EQ(toytcp_segment_length(&seg), 11);
	seg.ctl = CTL_SYN | CTL_FIN | CTL_PSH;
	EXPECT_EQ(toytcp_segment_length(&seg), 12);
}

/* 3.10.7.1: with an ACK, <SEQ=SEG.ACK><CTL=RST>. */
TEST(reset_for__an_ack)
{
	struct segment seg = { .ctl = CTL_ACK, .seq = 7, .ack = 900,
			       .len = 5, .source = 1, .destination = 2 }, rst;

	toytcp_segment_reset_for(&seg, &rst);
	EXPECT_EQ(rst.ctl, CTL_RST);
	EXPECT_EQ(rst.seq, 900);
	EXPECT_EQ(rst.source, 2);
	EXPECT_EQ(rst.destination, 1);
	EXPECT_EQ(rst.hdrlen, 20);
}

/* Without: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. */
TEST(reset_for__no_ack)
{
	struct segment seg = { .ctl = CTL_SYN, .seq = 0xffffffff }, rst;

	toytcp_segment_reset_for(&seg, &rst);
	EXPECT_EQ(rst.ctl, CTL_RST | CTL_ACK);
	EXPECT_EQ(rst.seq, 0);
	EXPECT_EQ(rst.ack, 0);
	seg.len = 10;
	seg.ctl |= CTL_FIN;
	toytcp_segment_reset_for(&seg, &rst);
	EXPECT_EQ(rst.ack, 11);
}

TEST_HARNESS_MAIN
