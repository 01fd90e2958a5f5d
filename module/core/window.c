// SPDX-License-Identifier: GPL-2.0
/*
 * The receive window: how much of the buffer the peer is told of, RFC 9293
 * section 3.8.6.2.2 and RFC 7323 section 2.
 */
#include "internal.h"
#include "seq.h"

/**
 * toytcp_window_scale() - the window scale to ask for
 * @rcv_buf: the largest window we may want, bytes
 *
 * Return: the smallest shift that can express it, at most 14.
 */
u8 toytcp_window_scale(u32 rcv_buf)
{
	u8 shift = 0;

	while (shift < WSCALE_MAX && rcv_buf >> shift > 65535)
		shift++;
	return shift;
}

/* What is less than a unit could not be announced, and nothing would come. */
static u32 room_left(const struct receive_space *rcv)
{
	u32 buf = max(rcv->buf, 1u << rcv->wscale);

	return buf - min(rcv->nxt - rcv->copied, buf);
}

/**
 * toytcp_window_growth() - how far the window's right edge may move on
 * @tcb: the connection
 *
 * The receiver's side of the silly window syndrome, RFC 9293 section
 * 3.8.6.2.2: only by what is worth a segment of the peer's.
 *
 * Return: bytes; 0 if it stays where it is.
 */
u32 toytcp_window_growth(const struct tcb *tcb)
{
	const struct receive_space *rcv = &tcb->rcv;
	u32 left = rcv->adv - rcv->nxt;
	u32 room = min_t(u32, room_left(rcv) >> rcv->wscale, 65535);

	room <<= rcv->wscale;
	if (room < left + min_t(u32, rcv->buf / 2, rcv->announced))
		return 0;
	return room - left;
}

/**
 * toytcp_window_announce() - the window of a segment that goes out now
 * @tcb: the connection; rcv.adv follows
 *
 * Rounding up to the scale keeps the right edge where it was. Where the buffer
 * has no room for that, the peer sees the edge less than a unit further back
 * for a while; RCV.ADV remembers what it has been, as RFC 7323 section 2.4
 * says.
 *
 * Return: the field of the header, scaled.
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
