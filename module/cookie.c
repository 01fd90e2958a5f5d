// SPDX-License-Identifier: GPL-2.0
/*
 * SYN cookies: what a listener with too many requests remembers of a SYN stands
 * in the sequence number of its answer (RFC 4987 section 3.6).
 *
 * From the highest bit: 24 bits that nobody else can compute; 5 bits of a clock
 * that ticks every 64 seconds; 3 bits that name an MSS. A cookie is good for
 * two ticks.
 *
 * The other options of the SYN stand in the lowest bits of the SYN,ACK's
 * timestamp, which the peer echoes: 1 for ECN, 1 for SACK, 4 for the window
 * scale. Without timestamps they are lost. Who changes them harms himself.
 */
#include <linux/siphash.h>

#include "core/seq.h"
#include "toytcp.h"

#define TICKS		32	/* until the clock's 5 bits repeat */
#define TICKS_GOOD	2
#define TICK_SECONDS	(TOYTCP_COOKIE_SECONDS / TICKS_GOOD)
#define STAMP_ECN	0x20
#define STAMP_SACK	0x10
#define STAMP_WSCALE	0x0f	/* all of them: it has none */
#define STAMP_BITS	0x3f

/* What peers announce: the least, Ethernet with all its tunnels, jumbo. */
static const u16 sizes[8] = {
	MSS_MIN, 256, MSS_DEFAULT, 1024, 1360, 1440, 1460, 8960,
};

/* Hashed as it is: without gaps. */
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

/* By the table's secret: who has a namespace must not bake for another one. */
static u32 bake(const struct toytcp_net *tn, const struct toytcp_tuple *who,
		u32 irs, u32 tick, u32 size)
{
	const struct seal seal = {
		.who = *who, .irs = irs, .tick = tick, .size = size,
	};

	return (u32)siphash(&seal, sizeof(seal), &tn->table.key) << 8 |
	       tick % TICKS << 3 | size;
}

/** toytcp_cookie_make() - an initial sequence number that remembers a SYN */
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
 * toytcp_cookie_synack() - the SYN,ACK, which remembers options if it can
 * @e: made from the SYN, with a cookie; loses what cannot be remembered
 * @now: microseconds
 * @seg: filled in, but for the ports; measured
 *
 * A timestamp is never later than the clock: the next one may come at once.
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
 * Does it echo a timestamp that a cookie of ours may have had? A peer may send
 * some that nobody asked for.
 */
static bool echoes_ours(const struct toytcp_tuple *who,
			const struct segment *ack)
{
	struct timestamps ts = { .offset = toytcp_isn_stamp(who) };

	return ack->options & HAS_TIMESTAMPS &&
	       toytcp_stamp(&ts, toytcp_now()) - ack->tsecr <=
	       TOYTCP_COOKIE_SECONDS * SECOND / MSEC;
}

/* What else was in the SYN, if timestamps were. */
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
 * toytcp_cookie_open() - does a segment acknowledge a cookie of ours?
 * @tn: the namespace
 * @who: the four-tuple
 * @ack: with an ACK; the first segment after the SYN, or it fails
 * @syn: the SYN again, if it does; its MSS rounded down
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
