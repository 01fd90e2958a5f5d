// SPDX-License-Identifier: GPL-2.0
/* The receive window, RFC 9293 section 3.8.6.2.2 and RFC 7323 section 2. */
#include "internal.h"
#include "seq.h"

/* The smallest shift that can express the largest window we may offer. */
u8 toytcp_window_scale(u32 rcv_buf)
{
	u8 shift = 0;

	while (shift < WSCALE_MAX && rcv_buf >> shift > 65535)
		shift++;
	return shift;
}

/* At least a unit: less could not be announced, and the window stay 0. */
static u32 room_left(const struct receive_space *rcv)
{
	u32 buf = max(rcv->buf, 1u << rcv->wscale);

	return buf - min(rcv->nxt - rcv->copied, buf);
}

/*
 * How far the window's right edge may advance. Avoids the silly window syndrome
 * as a receiver, RFC 9293 section 3.8.6.2.2: by at least a full-sized segment
 * or half the buffer, whichever is less, or not at all. A window that has closed
 * opens by a share of the buffer: segments would be as small as its steps.
 */
u32 toytcp_window_growth(const struct tcb *tcb)
{
	const struct receive_space *rcv = &tcb->rcv;
	u32 left = rcv->adv - rcv->nxt;
	u32 room = min_t(u32, room_left(rcv) >> rcv->wscale, 65535);

	room <<= rcv->wscale;
	if (room < left + min_t(u32, rcv->buf / 2, rcv->announced) ||
	    room_left(rcv) < rcv->buf / WINDOW_SHARE)
		return 0;
	return room - left;
}

/*
 * The header's field, scaled, of a segment that goes out now. Rounding up keeps
 * the right edge where it was. If the buffer has no room for that, the peer
 * sees the edge further back for a while, by less than a unit; RCV.ADV keeps
 * the furthest edge, as RFC 7323 section 2.4 says.
 */
u16 toytcp_window_announce(struct tcb *tcb)
{
	struct receive_space *rcv = &tcb->rcv;
	u32 left = rcv->adv - rcv->nxt + toytcp_window_growth(tcb);
	u32 unit = 1u << rcv->wscale;
	u32 field = left >> rcv->wscale;

	if (left % unit && (field + 1) * unit <= room_left(rcv))
		field++;
	field = min_t(u32, field, 65535);
	rcv->adv = seq_max(rcv->adv, rcv->nxt + field * unit);
	return (u16)field;
}
