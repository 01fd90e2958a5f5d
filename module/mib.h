/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counters of /proc/net/toytcp/stats: one list makes the enum and the
 * names people read. Drops are counted by reason.
 */
#ifndef TOYTCP_MIB_H
#define TOYTCP_MIB_H

#define TOYTCP_MIBS(X)		\
	X(in_segments)		\
	X(out_segments)		\
	X(retransmitted)	\
	X(in_errors)		\
	X(active_opens)		\
	X(passive_opens)	\
	X(attempt_fails)	\
	X(cookies_sent)		\
	X(cookies_received)	\
	X(cookies_failed)	\
	X(established_resets)	\
	X(in_resets)		\
	X(out_resets)		\
	X(duplicate_acks)	\
	X(out_of_order)		\
	X(in_marked)		\
	X(timeouts)		\
	X(fast_recoveries)	\
	X(spurious_losses)	\
	X(reordered)		\
	X(tail_probes)		\
	X(dsacks_received)	\
	X(dsacks_sent)		\
	X(black_holes)		\
	X(time_wait_reused)	\
	X(time_wait_overflow)	\
	X(orphan_overflow)	\
	X(drop_short)		\
	X(drop_offset)		\
	X(drop_checksum)	\
	X(drop_options)		\
	X(drop_martian)		\
	X(drop_no_socket)	\
	X(drop_listen_overflow)	\
	X(drop_backlog)		\
	X(drop_filter)		\
	X(drop_policy)		\
	X(drop_icmp)		\
	X(drop_window)		\
	X(drop_paws)		\
	X(drop_memory)

#define MIB_ENUM(name)	MIB_##name,
enum toytcp_mib_item {
	TOYTCP_MIBS(MIB_ENUM)
	MIB_COUNT,
};
#undef MIB_ENUM

/**
 * struct toytcp_mib - one CPU's counters
 * @counter: since the namespace began
 */
struct toytcp_mib {
	unsigned long counter[MIB_COUNT];
};

#endif /* TOYTCP_MIB_H */
