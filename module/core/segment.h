/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wire format, in one place: a header on the wire <-> struct segment.
 *
 * The header is TCP's own (RFC 9293 section 3.1). It is validated and its
 * options are parsed exactly once; behind this file nobody sees wire bytes.
 */
#ifndef TOYTCP_CORE_SEGMENT_H
#define TOYTCP_CORE_SEGMENT_H

#include "port.h"

/* Control bits, RFC 9293 section 3.1; named as the RFC writes <CTL=SYN,ACK>. */
#define CTL_FIN	0x01
#define CTL_SYN	0x02
#define CTL_RST	0x04
#define CTL_PSH	0x08
#define CTL_ACK	0x10
#define CTL_URG	0x20
#define CTL_ECE	0x40
#define CTL_CWR	0x80

/* The two bits of the IP header, RFC 3168 section 5. */
#define ECN_ECT0	2	/* may be marked */
#define ECN_CE		3	/* was: congestion experienced */

#define SEGMENT_HEADER_MIN	20	/* bytes, without options */
#define SEGMENT_HEADER_MAX	60	/* bytes: a data offset of 15 words */
#define SEGMENT_CHECKSUM_OFFSET	16	/* bytes from the header's start */

/* Option kinds of the IANA registry that this implementation speaks. */
#define OPTION_END	0
#define OPTION_NOP	1
#define OPTION_MSS	2	/* RFC 9293 section 3.7.1 */
#define OPTION_WSCALE	3	/* RFC 7323 section 2 */
#define OPTION_SACK_OK	4	/* RFC 2018 section 2 */
#define OPTION_SACK	5	/* RFC 2018 section 3 */
#define OPTION_TIMESTAMPS 8	/* RFC 7323 section 3 */

#define SACKS_MAX	4	/* blocks that fit, 3 beside timestamps */
#define TIMESTAMPS_ROOM	12	/* bytes: the option, and two NOPs before it */

#define WSCALE_MAX	14	/* RFC 7323 section 2.3 */
#define MSS_DEFAULT	536	/* RFC 9293 MUST-15: when no option came */
/*
 * The smallest MSS we accept from a peer, like Linux's tcp_min_snd_mss: below
 * it every few bytes of payload would cost a whole header (the class of
 * CVE-2019-11479).
 */
#define MSS_MIN		48

/* Which options a struct segment carries (its @options). */
#define HAS_MSS		0x01
#define HAS_WSCALE	0x02
#define HAS_TIMESTAMPS	0x04
#define HAS_SACK_OK	0x08

/**
 * struct sack_block - a range that has arrived: RFC 2018 section 3
 * @from: its first number
 * @to: one past its last
 */
struct sack_block {
	u32 from;
	u32 to;
};

/**
 * struct segment - a segment, as RFC 9293 speaks of one
 * @seq: SEG.SEQ, the number of the first byte, or of the SYN
 * @ack: SEG.ACK, meaningful if @ctl has CTL_ACK
 * @len: bytes of text. RFC 9293's SEG.LEN also counts SYN and FIN: that is
 *	toytcp_segment_length()
 * @source: port, host order
 * @destination: port, host order
 * @wnd: SEG.WND as on the wire, not scaled
 * @up: SEG.UP, the urgent pointer, an offset from @seq
 * @mss: value of the MSS option if @options has HAS_MSS, bytes
 * @ctl: control bits, CTL_*
 * @hdrlen: bytes of header with its options (20 to 60)
 * @options: HAS_* of the options that are there
 * @wscale: shift count if @options has HAS_WSCALE, 0 to 14
 * @ecn: of the IP header: ECN_ECT0, ECN_CE... The caller fills it in for what
 *	arrives, and sends it
 * @cause: (of what is sent) the clause that asks for it, enum cause; it is not
 *	on the wire
 * @tsval: the sender's clock, milliseconds, if @options has HAS_TIMESTAMPS
 * @tsecr: what it echoes, likewise; nothing if @ctl lacks CTL_ACK
 * @sacks: how many of @sack there are
 * @sack: as they stand in the option; not validated
 */
struct segment {
	u32 seq;
	u32 ack;
	u32 len;
	u16 source;
	u16 destination;
	u16 wnd;
	u16 up;
	u16 mss;
	u8 ctl;
	u8 hdrlen;
	u8 options;
	u8 wscale;
	u8 ecn;
	u8 cause;
	u32 tsval;
	u32 tsecr;
	u8 sacks;
	struct sack_block sack[SACKS_MAX];
};

/**
 * enum segment_fault - why a header was refused
 * @SEGMENT_OK: it was not
 * @SEGMENT_SHORT: fewer than 20 bytes
 * @SEGMENT_OFFSET: data offset below 5 words or beyond the segment's end
 * @SEGMENT_OPTIONS: an option of length 0 or 1, or one that runs over the end
 *	of the header (RFC 9293 MUST-7)
 */
enum segment_fault {
	SEGMENT_OK,
	SEGMENT_SHORT,
	SEGMENT_OFFSET,
	SEGMENT_OPTIONS,
};

/** toytcp_segment_hdrlen() - 0 to 60, as 20 bytes of @header say; unchecked */
static inline u32 toytcp_segment_hdrlen(const u8 *header)
{
	return (header[12] >> 4) * 4u;
}

/** toytcp_segment_length() - SEG.LEN: text, and one for each of SYN and FIN */
static inline u32 toytcp_segment_length(const struct segment *seg)
{
	return seg->len + !!(seg->ctl & CTL_SYN) + !!(seg->ctl & CTL_FIN);
}

enum segment_fault toytcp_segment_parse(struct segment *seg, const u8 *header,
					u32 total);
u32 toytcp_segment_measure(struct segment *seg);
void toytcp_segment_build(const struct segment *seg, u8 *header);
void toytcp_segment_reset_for(const struct segment *seg, struct segment *rst);

#endif /* TOYTCP_CORE_SEGMENT_H */
