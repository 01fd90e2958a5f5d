// SPDX-License-Identifier: GPL-2.0
/*
 * SYN cookies: a listener with too many requests stores what it must know of a
 * SYN in the sequence number of its answer (RFC 4987 section 3.6).
 *
 * From the highest bit: 24 bits that no one else can compute; 5 bits of a clock
 * that ticks every 64 seconds, two of which it is valid; 3 bits for the MSS.
 *
 * The other options of the SYN are stored in the lowest bits of the SYN,ACK's
 * timestamp, which the peer echoes: 1 for ECN, 1 for SACK, 4 for the window
 * scale. Without timestamps they are lost. A peer that changes them only harms
 * its own connection.
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
struct seal {
	struct toytcp_tuple who;
	u32 irs;
	u32 tick;
	u32 size;
};

static u32 tick_now(void)
{
	return (u32)ktime_get_seconds() / TICK_SECONDS;
}

/* With the table's secret: one namespace cannot forge cookies of another. */
static u32 bake(const struct toytcp_net *tn, const struct toytcp_tuple *who,
		u32 irs, u32 tick, u32 size)
{
	const struct seal seal = {
		.who = *who, .irs = irs, .tick = tick, .size = size,
	};

	return (u32)siphash(&seal, sizeof(seal), &tn->table.key) << 8 |
	       tick % TICKS << 3 | size;
}

/** toytcp_cookie_make() - the initial sequence number that stores a SYN */
u32 toytcp_cookie_make(const struct toytcp_net *tn,
		       const struct toytcp_tuple *who,
		       const struct segment *syn)
{
	u16 mss = syn->options & HAS_MSS ? syn->mss : MSS_DEFAULT;
	u32 size = ARRAY_SIZE(sizes) - 1;

	while (size && sizes[size] > mss)
		size--;
	return bake(tn, who, syn->seq, tick_now(), size);
}

/**
 * toytcp_cookie_synack() - the SYN,ACK with a cookie
 * @e: made from the SYN; options that cannot be stored are taken off
 * @now: microseconds
 * @seg: filled in, but for the ports; measured
 *
 * The timestamp is never later than the clock: the next one may follow at once.
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
	if (e->sack_ok)
		bits |= STAMP_SACK;
	if (e->ecn)
		bits |= STAMP_ECN;
	toytcp_request_synack(e, now, seg);
	stamp = (seg->tsval & ~STAMP_BITS) | bits;
	seg->tsval = seq_after(stamp, seg->tsval) ? stamp - STAMP_BITS - 1 :
						    stamp;
}

/*
 * Does @ack echo a timestamp that one of our cookies may have carried? A peer
 * may send timestamps without having offered them.
 */
static bool echoes_ours(const struct toytcp_tuple *who,
			const struct segment *ack)
{
	struct timestamps ts = { .offset = toytcp_isn_stamp(who) };

	return ack->options & HAS_TIMESTAMPS &&
	       toytcp_stamp(&ts, toytcp_now()) - ack->tsecr <=
	       TOYTCP_COOKIE_SECONDS * SECOND / MSEC;
}

/* The other options of a SYN that had timestamps. */
static void recall(const struct segment *ack, struct segment *syn)
{
	syn->options |= HAS_TIMESTAMPS;
	syn->tsval = ack->tsval;
	syn->wscale = ack->tsecr & STAMP_WSCALE;
	if (syn->wscale <= WSCALE_MAX)
		syn->options |= HAS_WSCALE;
	if (ack->tsecr & STAMP_SACK)
		syn->options |= HAS_SACK_OK;
	if (ack->tsecr & STAMP_ECN)
		syn->ctl |= CTL_ECE | CTL_CWR;
}

/**
 * toytcp_cookie_open() - restore the SYN from the ACK of a cookie
 * @tn: the namespace
 * @who: the four-tuple
 * @ack: with an ACK; the peer's first segment after its SYN
 * @syn: filled in if so: the SYN, its MSS rounded down
 *
 * Return: whether @ack acknowledges a cookie of ours that is still valid.
 */
bool toytcp_cookie_open(const struct toytcp_net *tn,
			const struct toytcp_tuple *who,
			const struct segment *ack, struct segment *syn)
{
	u32 cookie = ack->ack - 1, now = tick_now(), size = cookie % 8;
	u32 age = (now - (cookie >> 3)) % TICKS;

	if (age >= TICKS_GOOD ||
	    cookie != bake(tn, who, ack->seq - 1, now - age, size))
		return false;
	*syn = (struct segment) {
		.ctl = CTL_SYN, .seq = ack->seq - 1, .wnd = ack->wnd,
		.options = HAS_MSS, .mss = sizes[size],
	};
	if (echoes_ours(who, ack))
		recall(ack, syn);
	return true;
}
