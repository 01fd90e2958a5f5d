/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counters of /proc/net/toytcp/stats: the lists define the enum and names
 * to show. The second maps drops to the kernel's reasons: dropwatch shows them.
 */
#ifndef TOYTCP_MIB_H
#define TOYTCP_MIB_H

#define TOYTCP_MIBS(X)							\
	X(in_segments) X(out_segments) X(retransmitted) X(in_errors)	\
	X(active_opens) X(passive_opens) X(attempt_fails)		\
	X(cookies_sent) X(cookies_received) X(cookies_failed)		\
	X(established_resets) X(in_resets) X(out_resets)		\
	X(duplicate_acks) X(out_of_order) X(in_marked)			\
	X(timeouts) X(fast_recoveries) X(spurious_losses)		\
	X(reordered) X(tail_probes) X(dsacks_received) X(dsacks_sent)	\
	X(black_holes) X(time_wait_reused) X(time_wait_overflow)	\
	X(orphan_overflow)

/* Only reasons that all supported kernels have. */
#define TOYTCP_DROPS(X)					\
	X(drop_short, PKT_TOO_SMALL)			\
	X(drop_offset, HDR_TRUNC)			\
	X(drop_checksum, TCP_CSUM)			\
	X(drop_options, HDR_TRUNC)			\
	X(drop_martian, IP_INADDRERRORS)		\
	X(drop_no_socket, NO_SOCKET)			\
	X(drop_listen_overflow, SOCKET_BACKLOG)		\
	X(drop_backlog, SOCKET_BACKLOG)			\
	X(drop_filter, SOCKET_FILTER)			\
	X(drop_policy, XFRM_POLICY)			\
	X(drop_icmp, NOT_SPECIFIED)			\
	X(drop_window, TCP_INVALID_SEQUENCE)		\
	X(drop_paws, TCP_RFC7323_PAWS)			\
	X(drop_memory, PROTO_MEM)

#define MIB_ENUM(name, ...)	MIB_##name,
enum toytcp_mib_item {
	TOYTCP_MIBS(MIB_ENUM)
	TOYTCP_DROPS(MIB_ENUM)
	MIB_COUNT,
};
#undef MIB_ENUM

#define DROP_ENUM(name, reason)	REASON_##name = SKB_DROP_REASON_##reason,
enum {
	TOYTCP_DROPS(DROP_ENUM)
};
#undef DROP_ENUM

/* One CPU's counters. */
struct toytcp_mib {
	unsigned long counter[MIB_COUNT];
};

/** toytcp_count() - add one to a counter; any context */
#define toytcp_count(tn, field)	this_cpu_inc((tn)->mib->counter[MIB_##field])

/** toytcp_drop_counted() - free an skb and tell the kernel why; any context */
#define toytcp_drop_counted(skb, why)					\
	kfree_skb_reason(skb, (enum skb_drop_reason)REASON_##why)

/** toytcp_drop() - the same, and count it */
#define toytcp_drop(tn, skb, why) do {					\
	toytcp_count(tn, why);						\
	toytcp_drop_counted(skb, why);					\
} while (0)

#endif /* TOYTCP_MIB_H */
