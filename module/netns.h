/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's part of a network namespace: a part of toytcp.h.
 */
#ifndef TOYTCP_NETNS_H
#define TOYTCP_NETNS_H

#define TOYTCP_TIMEWAITS_MAX	65536	/* for each namespace */
/* For all namespaces but the initial one together. */
#define TOYTCP_TIMEWAITS_OTHERS	(4 * TOYTCP_TIMEWAITS_MAX)

struct toytcp_ring;	/* events.c */

/**
 * struct toytcp_net - all that belongs to one network namespace
 * @net: the namespace
 * @table: connections
 * @ports: claims and listeners
 * @timewaits: TIME-WAIT
 * @orphans: sockets without a user that still have a connection
 * @ring: recent events, NULL until they are first switched on
 * @mib: counters, one set for each CPU
 * @sysctl_header: net.toytcp; its files are the @sysctl_* (toytcp(7))
 * @sysctl_table: the namespace's own copy
 * @proc: /proc/net/toytcp
 * @sysctl_events: 0 or 1
 * @sysctl_time_wait_ms: 2 MSL
 * @sysctl_rmem: minimum, default, maximum of SO_RCVBUF, bytes
 * @sysctl_wmem: the same of SO_SNDBUF
 * @sysctl_syn_retries: retransmissions of a SYN
 * @sysctl_timestamps: 0 or 1
 * @sysctl_syncookies: 0 or 1
 * @sysctl_orphans: how many there may be; the initial namespace's is also the
 *	limit of all others together
 * @sysctl_ecn: 0 never, 1 request it, 2 only if the peer requests it
 * @sysctl_sack: 0 or 1
 * @sysctl_congestion_control: see toytcp_congestion_find()
 */
struct toytcp_net {
	struct net *net;
	struct toytcp_table table;
	struct toytcp_ports ports;
	struct toytcp_waitlist timewaits;
	atomic_t orphans;
	struct toytcp_ring *ring;
	struct toytcp_mib __percpu *mib;
	struct ctl_table_header *sysctl_header;
	struct ctl_table *sysctl_table;
	struct proc_dir_entry *proc;
	int sysctl_events;
	int sysctl_time_wait_ms;
	int sysctl_rmem[3];
	int sysctl_wmem[3];
	int sysctl_syn_retries;
	int sysctl_timestamps;
	int sysctl_syncookies;
	int sysctl_orphans;
	int sysctl_ecn;
	int sysctl_sack;
	int sysctl_congestion_control;
};

/*
 * Anybody can make a namespace, in a user namespace. So there are limits for
 * all but the initial one together. toytcp_others_*() count for these limits; in
 * the initial namespace the count is always 0.
 */
static inline void toytcp_others_add(const struct toytcp_net *tn,
				     atomic_t *others, int n)
{
	if (tn->net != &init_net)
		atomic_add(n, others);
}

static inline int toytcp_others_count(const struct toytcp_net *tn,
				      const atomic_t *others)
{
	return tn->net != &init_net ? atomic_read(others) : 0;
}

static inline struct toytcp_net *toytcp_net(const struct net *net)
{
	return net_generic(net, toytcp_net_id);
}

#endif /* TOYTCP_NETNS_H */
