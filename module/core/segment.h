/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wire format, TCP's own (RFC 9293 section 3.1): a header is validated and
 * its options are parsed exactly once; behind this file nobody sees wire bytes.
 */
#ifndef TOYTCP_CORE_SEGMENT_H
#define TOYTCP_CORE_SEGMENT_H

#include "port.h"

/* Control bits, named as RFC 9293 writes <CTL=SYN,ACK>. */
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
 * The smallest MSS we accept, like Linux's tcp_min_snd_mss: below it every few
 * bytes would cost a whole header (CVE-2019-11479).
 */
#define MSS_MIN		48

/* Which options a struct segment carries (its @options). */
#define HAS_MSS		0x01
#define HAS_WSCALE	0x02
#define HAS_TIMESTAMPS	0x04
#define HAS_SACK_OK	0x08

/* A range that has arrived: RFC 2018 section 3. */
struct sack_block {
	u32 from;		/* its first number */
	u32 to;			/* one past its last */
};

/* A segment, as RFC 9293 speaks of one. */
struct segment {
	u32 seq;		/* SEG.SEQ: of the first byte, or the SYN */
	u32 ack;		/* SEG.ACK, if @ctl has CTL_ACK */
	u32 len;		/* of text; not yet toytcp_segment_length() */
	u16 source;		/* ports, host order */
	u16 destination;
	u16 wnd;		/* SEG.WND as on the wire, not scaled */
	u16 up;			/* SEG.UP, an offset from @seq */
	u16 mss;		/* bytes, if @options has HAS_MSS */
	u8 ctl;			/* CTL_* */
	u8 hdrlen;		/* 20 to 60 bytes, with the options */
	u8 options;		/* HAS_* */
	u8 wscale;		/* 0 to 14, if @options has HAS_WSCALE */
	u8 ecn;			/* ECN_*: IP's, so the shell's to read, send */
	u8 cause;		/* why it is sent, enum cause: not on wire */
	u32 tsval;		/* milliseconds, if HAS_TIMESTAMPS */
	u32 tsecr;		/* likewise; nothing without CTL_ACK */
	u8 sacks;		/* how many of @sack there are */
	struct sack_block sack[SACKS_MAX];	/* not validated */
};

/* Why a header was refused. */
enum segment_fault {
	SEGMENT_OK,
	SEGMENT_SHORT,		/* fewer than 20 bytes */
	SEGMENT_OFFSET,		/* below 5 words, or beyond the segment's end */
	SEGMENT_OPTIONS,	/* one of length 0 or 1, or too long: MUST-7 */
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
