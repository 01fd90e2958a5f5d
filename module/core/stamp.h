/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The timestamps option, RFC 7323: what a connection keeps, checks and sends.
 */
#ifndef TOYTCP_CORE_STAMP_H
#define TOYTCP_CORE_STAMP_H

#include "limits.h"
#include "segment.h"
#include "seq.h"

/**
 * struct timestamps - RFC 7323's variables
 * @offset: added to the clock, milliseconds: random for each connection, so
 *	that no peer learns our uptime
 * @recent: TS.Recent, what is echoed next
 */
struct timestamps {
	u32 offset;
	u32 recent;
};

/*
 * RFC 7323 section 3.2: only a reset may lack it. A SYN is of another
 * connection and needs a challenge ACK: a host that has crashed could not
 * connect again without it.
 */
static inline bool toytcp_stamp_missing(const struct segment *seg)
{
	return !(seg->options & HAS_TIMESTAMPS) &&
	       !(seg->ctl & (CTL_RST | CTL_SYN));
}

/** toytcp_stamp_old() - PAWS, RFC 7323 section 5.3; not for a reset either */
static inline bool toytcp_stamp_old(const struct timestamps *ts,
				    const struct segment *seg)
{
	return (s32)(seg->tsval - ts->recent) < 0 && !(seg->ctl & CTL_RST);
}

/** toytcp_stamp() - the timestamp clock at @now, microseconds */
static inline u32 toytcp_stamp(const struct timestamps *ts, u64 now)
{
	return ts->offset + (u32)div_u64(now, MSEC);
}

/* Is the echo of what we said since @first? From some SYNs' answers it is 0. */
static inline bool toytcp_stamp_echoed(const struct timestamps *ts, u64 first,
				       const struct segment *seg, u64 now)
{
	return !seg->tsecr || seq_between(toytcp_stamp(ts, first), seg->tsecr,
					  toytcp_stamp(ts, now));
}

/*
 * RFC 7323 section 3.2: on all segments, or on none. @seg: its @ctl is set:
 * nothing is echoed without an ACK.
 */
static inline void toytcp_stamp_put(const struct timestamps *ts, u64 now,
				    struct segment *seg)
{
	seg->options |= HAS_TIMESTAMPS;
	seg->tsval = toytcp_stamp(ts, now);
	seg->tsecr = seg->ctl & CTL_ACK ? ts->recent : 0;
}

#endif /* TOYTCP_CORE_STAMP_H */
