// SPDX-License-Identifier: GPL-2.0
/*
 * Header on the wire <-> struct segment. Works on bytes, so alignment and byte
 * order matter nowhere else. The checksum is not here: it covers the payload,
 * which the core never sees.
 */
#include "segment.h"

static u16 get16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static u32 get32(const u8 *p)
{
	return (u32)get16(p) << 16 | get16(p + 2);
}

static void put16(u8 *p, u16 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static void put32(u8 *p, u32 v)
{
	put16(p, (u16)(v >> 16));
	put16(p + 2, (u16)v);
}

static void take_sack(struct segment *seg, const u8 *opt, u32 len)
{
	u32 i, blocks = (len - 2) / 8;

	if ((len - 2) % 8)
		return;
	seg->sacks = (u8)min_t(u32, blocks, SACKS_MAX);
	for (i = 0; i < seg->sacks; i++) {
		seg->sack[i].from = get32(opt + 2 + 8 * i);
		seg->sack[i].to = get32(opt + 6 + 8 * i);
	}
}

/* RFC 9293 MUST-6: an unknown option, or one of a wrong length, is skipped. */
static void take_option(struct segment *seg, const u8 *opt, u32 len)
{
	if (opt[0] == OPTION_TIMESTAMPS && len == 10) {
		seg->options |= HAS_TIMESTAMPS;
		seg->tsval = get32(opt + 2);
		seg->tsecr = get32(opt + 6);
	} else if (!(seg->ctl & CTL_SYN)) {
		if (opt[0] == OPTION_SACK)
			take_sack(seg, opt, len);
	} else if (opt[0] == OPTION_MSS && len == 4) {
		seg->options |= HAS_MSS;
		seg->mss = get16(opt + 2);
	} else if (opt[0] == OPTION_WSCALE && len == 3) {
		seg->options |= HAS_WSCALE;
		/* RFC 7323 2.3: a larger shift count is to be used as 14. */
		seg->wscale = min_t(u8, opt[2], WSCALE_MAX);
	} else if (opt[0] == OPTION_SACK_OK && len == 2) {
		seg->options |= HAS_SACK_OK;
	}
}

/* Walks the options; each step is at least one byte, so it ends. */
static bool parse_options(struct segment *seg, const u8 *opt, u32 left)
{
	while (left) {
		u32 len = 1;

		if (opt[0] == OPTION_END)
			return true;
		if (opt[0] != OPTION_NOP) {
			if (left < 2 || opt[1] < 2 || opt[1] > left)
				return false;
			len = opt[1];
			take_option(seg, opt, len);
		}
		opt += len;
		left -= len;
	}
	return true;
}

/*
 * Validate a header and take it apart; @seg is undefined on failure. @header
 * has min(@total, toytcp_segment_hdrlen()) readable bytes, or fewer than 20 if
 * @total, header and text together, says so. The reserved bits are ignored (RFC
 * 9293 section 3.1). Returns SEGMENT_OK, or what is wrong.
 */
enum segment_fault toytcp_segment_parse(struct segment *seg, const u8 *header,
					u32 total)
{
	u32 hdrlen;

	if (total < SEGMENT_HEADER_MIN)
		return SEGMENT_SHORT;
	hdrlen = toytcp_segment_hdrlen(header);
	if (hdrlen < SEGMENT_HEADER_MIN || hdrlen > total)
		return SEGMENT_OFFSET;
	memset(seg, 0, offsetof(struct segment, sack));
	seg->source = get16(header);
	seg->destination = get16(header + 2);
	seg->seq = get32(header + 4);
	seg->ack = get32(header + 8);
	seg->ctl = header[13];
	seg->wnd = get16(header + 14);
	seg->up = get16(header + 18);
	seg->hdrlen = (u8)hdrlen;
	seg->len = total - hdrlen;
	if (hdrlen > SEGMENT_HEADER_MIN &&
	    !parse_options(seg, header + SEGMENT_HEADER_MIN,
			   hdrlen - SEGMENT_HEADER_MIN))
		return SEGMENT_OPTIONS;
	return SEGMENT_OK;
}

/* Fills in and returns @hdrlen for a segment's @options and @sacks. */
u32 toytcp_segment_measure(struct segment *seg)
{
	u32 hdrlen = SEGMENT_HEADER_MIN;

	if (seg->options & HAS_MSS)
		hdrlen += 4;
	if (seg->options & HAS_WSCALE)
		hdrlen += 4;	/* a NOP in front keeps words whole */
	if (seg->options & HAS_TIMESTAMPS)
		hdrlen += TIMESTAMPS_ROOM;
	else if (seg->options & HAS_SACK_OK)
		hdrlen += 4;	/* else in the place of two NOPs */
	if (seg->sacks)
		hdrlen += 4 + 8u * seg->sacks;
	seg->hdrlen = (u8)hdrlen;
	return hdrlen;
}

/* Two bytes: a kind and a length, or two NOPs, which keep words whole. */
static u8 *put8(u8 *opt, u8 first, u8 second)
{
	opt[0] = first;
	opt[1] = second;
	return opt + 2;
}

/* Write all of a measured header. Options stand in the order of Linux's. */
void toytcp_segment_build(const struct segment *seg, u8 *header)
{
	u8 wanted = seg->options & (HAS_SACK_OK | HAS_TIMESTAMPS);
	u8 *opt = header + SEGMENT_HEADER_MIN;
	u32 i;

	put16(header, seg->source);
	put16(header + 2, seg->destination);
	put32(header + 4, seg->seq);
	put32(header + 8, seg->ctl & CTL_ACK ? seg->ack : 0);
	header[12] = (u8)(seg->hdrlen / 4 << 4);
	header[13] = seg->ctl;
	put16(header + 14, seg->wnd);
	put16(header + SEGMENT_CHECKSUM_OFFSET, 0);
	put16(header + 18, seg->up);
	if (seg->options & HAS_MSS) {
		opt = put8(opt, OPTION_MSS, 4);
		put16(opt, seg->mss);
		opt += 2;
	}
	/* Both are an even number of bytes, but not of words. */
	if (wanted == HAS_SACK_OK || wanted == HAS_TIMESTAMPS)
		opt = put8(opt, OPTION_NOP, OPTION_NOP);
	if (wanted & HAS_SACK_OK)
		opt = put8(opt, OPTION_SACK_OK, 2);
	if (wanted & HAS_TIMESTAMPS) {
		opt = put8(opt, OPTION_TIMESTAMPS, 10);
		put32(opt, seg->tsval);
		put32(opt + 4, seg->tsecr);
		opt += 8;
	}
	if (seg->options & HAS_WSCALE) {
		opt = put8(opt, OPTION_NOP, OPTION_WSCALE);
		opt = put8(opt, 3, seg->wscale);
	}
	if (seg->sacks) {
		opt = put8(opt, OPTION_NOP, OPTION_NOP);
		opt = put8(opt, OPTION_SACK, (u8)(2 + 8 * seg->sacks));
		for (i = 0; i < seg->sacks; i++) {
			put32(opt + 8 * i, seg->sack[i].from);
			put32(opt + 4 + 8 * i, seg->sack[i].to);
		}
	}
}

/*
 * The RST that answers a segment, which is none itself; with ports. RFC 9293
 * section 3.5.2, group 1: with an ACK the reset takes its sequence number from
 * it; without one it is zero and the segment is acknowledged.
 */
void toytcp_segment_reset_for(const struct segment *seg, struct segment *rst)
{
	memset(rst, 0, sizeof(*rst));
	rst->source = seg->destination;
	rst->destination = seg->source;
	if (seg->ctl & CTL_ACK) {
		rst->seq = seg->ack;
		rst->ctl = CTL_RST;
	} else {
		rst->ack = seg->seq + toytcp_segment_length(seg);
		rst->ctl = CTL_RST | CTL_ACK;
	}
	toytcp_segment_measure(rst);
}
