/* SPDX-License-Identifier: GPL-2.0 */
/* Cutting a large segment into small ones, as segmentation offload would. */
#ifndef TOYTCP_CORE_CUT_H
#define TOYTCP_CORE_CUT_H

#include "core.h"

/* What is still to be cut off. */
struct cut {
	u32 seq;	/* where the next piece begins */
	u32 left;	/* bytes from there on */
	u8 last;	/* control bits that only the last piece has */
};

/* @seg, from toytcp_emit_next(), will go out in pieces. */
static inline void toytcp_cut_begin(struct cut *cut, struct segment *seg)
{
	cut->seq = seg->seq;
	cut->left = seg->len;
	cut->last = seg->ctl & (CTL_PSH | CTL_FIN);
	seg->ctl ^= cut->last;
}

/*
 * @seg, the piece before or the whole, becomes the next piece, with @n bytes of
 * text, at most @left; there is another while @left is not 0. Only the first
 * piece says CWR (RFC 3168 section 6.1.2), only the last is pushed and carries
 * the FIN, and the urgent pointer is an offset from each piece's own number.
 */
static inline void toytcp_cut_piece(struct cut *cut, const struct tcb *tcb,
				    struct segment *seg, u32 n)
{
	if (seg->seq != cut->seq) {
		seg->seq = cut->seq;
		seg->ctl &= ~CTL_CWR;
		toytcp_urgent_mark(tcb, seg);
	}
	seg->len = n;
	cut->seq += n;
	cut->left -= n;
	if (!cut->left)
		seg->ctl |= cut->last;
}

#endif /* TOYTCP_CORE_CUT_H */
