// SPDX-License-Identifier: GPL-2.0
/*
 * SYN cookies: a listener with too many requests stores what it must know of a
 * SYN in the sequence number of its answer (RFC 4987 section 3.6).
 *
 * From the highest bit: 24 bits of a keyed hash; 5 bits of a clock
 * that ticks every 64 seconds, two of which it is valid; 3 bits for the MSS.
 *
 * The other options of the SYN are stored in the lowest bits of the SYN,ACK's
 * timestamp, which the peer echoes: 1 for ECN, 1 for SACK, 4 for the window
 * scale. Without timestamps they are lost. A peer that changes them only harms
 * its own connection. Context: any.
 */
#include <linux/siphash.h>

#include "core/seq.h"
#include "toytcp.h"

#define TICKS		32	/* until the clock's 5 bits repeat */
#define TICKS_GOOD	2
#define TICK_SECONDS	(TOYTCP_COOKIE_SECONDS / TICKS_GOOD)
#define STAMP_ECN	0x20
#define STAMP_SACK	0x10
#define STAMP_WSCALE	0x0f	/* all bits set: no scaling */
#define STAMP_BITS	0x3f

/* Usual announcements: the least, Ethernet with and without tunnels, jumbo. */
static const u16 sizes[8] = {
	MSS_MIN, 256, MSS_DEFAULT, 1024, 1360, 1440, 1460, 8960,
};

/* Hashed byte by byte: it has no padding. */
struct cookie_input {
	struct toytcp_tuple who;
	u32 irs;
	u32 tick;
	u32 size;
};

/* With the table's secret: one namespace cannot forge cookies of another. */
static u32 make_cookie(const struct toytcp_net *tn,
		       const struct toytcp_tuple *who, u32 irs, u32 tick,
		       u32 size)
{
	const struct cookie_input input = {
		.who = *who, .irs = irs, .tick = tick, .size = size,
	};

	return (u32)siphash(&input, sizeof(input), &tn->table.key) << 8 |
	       tick % TICKS << 3 | size;
}

/* toytcp_cookie_make() - an initial sequence number that stores a SYN */
u32 toytcp_cookie_make(const struct toytcp_net *tn,
		       const struct toytcp_tuple *who,
		       const struct segment *syn)
{
	u16 mss = syn->options & HAS_MSS ? syn->mss : MSS_DEFAULT;
	u32 tick = (u32)ktime_get_seconds() / TICK_SECONDS;
	u32 size = ARRAY_SIZE(sizes) - 1;

	while (size && sizes[size] > mss)
		size--;
	return make_cookie(tn, who, syn->seq, tick, size);
}

/*
 * toytcp_cookie_synack() - build the SYN,ACK from a request with a cookie, as
 * toytcp_request_synack() does; options that cannot be stored are cleared in @e
 *
 * The timestamp is never ahead of the clock, or the next one might be older.
 */
void toytcp_cookie_synack(struct syn_request *e, u64 now, struct segment *seg)
{
	u32 bits = e->scaled ? e->snd_wscale : STAMP_WSCALE;
	u32 stamp;

	if (!e->timestamps) {
		e->scaled = 0;
		e->sack_ok = 0;
		e->ecn = 0;
	}
	bits |= (e->sack_ok ? STAMP_SACK : 0) | (e->ecn ? STAMP_ECN : 0);
	toytcp_request_synack(e, now, seg);
	stamp = (seg->tsval & ~STAMP_BITS) | bits;
	seg->tsval = seq_after(stamp, seg->tsval) ? stamp - STAMP_BITS - 1 :
						    stamp;
}

/*
 * Does @ack echo a timestamp that one of our cookies may have carried? A peer
 * may send timestamps without having offered them.
 */
static bool echoes_ours(const struct toytcp_net *tn,
			const struct toytcp_tuple *who,
			const struct segment *ack)
{
	struct timestamps ts = { .offset = toytcp_isn_stamp(tn, who) };

	return ack->options & HAS_TIMESTAMPS &&
	       toytcp_stamp(&ts, toytcp_now()) - ack->tsecr <=
	       TOYTCP_COOKIE_SECONDS * SECOND / MSEC;
}

/*
 * toytcp_cookie_open() - reconstruct the SYN, with its MSS rounded down, from
 * the peer's first segment after it. Returns false if that does not acknowledge
 * a cookie of ours that is still valid.
 */
bool toytcp_cookie_open(const struct toytcp_net *tn,
			const struct toytcp_tuple *who,
			const struct segment *ack, struct segment *syn)
{
	u32 now = (u32)ktime_get_seconds() / TICK_SECONDS;
	u32 cookie = ack->ack - 1, size = cookie % 8;
	u32 age = (now - (cookie >> 3)) % TICKS;

	if (age >= TICKS_GOOD ||
	    cookie != make_cookie(tn, who, ack->seq - 1, now - age, size))
		return false;
	*syn = (struct segment) {
		.ctl = CTL_SYN, .seq = ack->seq - 1, .wnd = ack->wnd,
		.options = HAS_MSS, .mss = sizes[size],
	};
	if (!echoes_ours(tn, who, ack))
		return true;
	syn->options |= HAS_TIMESTAMPS;
	syn->tsval = ack->tsval;
	syn->wscale = ack->tsecr & STAMP_WSCALE;
	if (syn->wscale <= WSCALE_MAX)
		syn->options |= HAS_WSCALE;
	if (ack->tsecr & STAMP_SACK)
		syn->options |= HAS_SACK_OK;
	if (ack->tsecr & STAMP_ECN)
		syn->ctl |= CTL_ECE | CTL_CWR;
	return true;
}
