/* SPDX-License-Identifier: GPL-2.0 */
/* The books that info.c keeps for TCP_INFO: a part of toytcp.h. */
#ifndef TOYTCP_INFO_H
#define TOYTCP_INFO_H

/* Counts, and times in microseconds, since the connection began. */
struct toytcp_info {
	u64 began;
	u64 text_sent;		/* the last time */
	u64 text_received;
	u64 bytes_sent;		/* text, retransmissions included */
	u64 bytes_again;	/* retransmissions alone */
	u64 busy;		/* how long text was on its way, until @since */
	u64 window_limited;	/* and how long of that the peer had no room */
	u64 since;
	u32 out_of_order;	/* segments */
	u8 waits;		/* enum wait */
};

#endif /* TOYTCP_INFO_H */
