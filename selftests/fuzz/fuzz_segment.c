// SPDX-License-Identifier: GPL-2.0
/* Any bytes as a header: parsed within its bounds, and built back the same. */
#include <stdlib.h>

#include "../../module/core/segment.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check_rebuilt(const struct segment *seg, u32 total)
{
	u8 wire[SEGMENT_HEADER_MAX];
	struct segment copy = *seg, got;

	toytcp_segment_measure(&copy);
	toytcp_segment_build(&copy, wire);
	if (toytcp_segment_parse(&got, wire, copy.hdrlen + copy.len) !=
	    SEGMENT_OK || total != seg->hdrlen + seg->len)
		abort();
	if (got.seq != seg->seq || got.ctl != seg->ctl ||
	    got.options != seg->options || got.mss != seg->mss ||
	    got.wscale != seg->wscale || got.len != seg->len ||
	    (got.ack != seg->ack && seg->ctl & CTL_ACK))
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	/* A copy of just this size, so that a byte too far is noticed. */
	u8 *header = malloc(size ? size : 1);
	struct segment seg, rst;

	memcpy(header, data, size);
	if (toytcp_segment_parse(&seg, header, (u32)size) == SEGMENT_OK) {
		check_rebuilt(&seg, (u32)size);
		toytcp_segment_reset_for(&seg, &rst);
	}
	free(header);
	return 0;
}
