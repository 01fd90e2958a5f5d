/* SPDX-License-Identifier: GPL-2.0 */
/* The module's part of a network namespace: a part of toytcp.h. */
#ifndef TOYTCP_NETNS_H
#define TOYTCP_NETNS_H

#define TOYTCP_TIMEWAITS_MAX	65536	/* for each namespace */
/* For all namespaces but the initial one together. */
#define TOYTCP_TIMEWAITS_OTHERS	(4 * TOYTCP_TIMEWAITS_MAX)

struct toytcp_ring;	/* events.c */

/* All that belongs to one network namespace. toytcp(7) has the sysctls. */
struct toytcp_net {
	struct net *net;
	struct toytcp_table table;
	struct toytcp_ports ports;
	struct toytcp_waitlist timewaits;
	atomic_t orphans;	/* connections without a user */
	siphash_key_t isn_key;	/* users have any four-tuple in their own */
	struct toytcp_ring *ring;	/* NULL until first switched on */
	struct toytcp_mib __percpu *mib;
	struct ctl_table_header *sysctl_header;	/* net.toytcp */
	struct ctl_table *sysctl_table;	/* the namespace's own copy */
	struct proc_dir_entry *proc;	/* /proc/net/toytcp */
	int sysctl_events;
	int sysctl_time_wait_ms;	/* 2 MSL */
	int sysctl_rmem[3];		/* bytes: minimum, default, maximum */
	int sysctl_wmem[3];		/* likewise */
	int sysctl_syn_retries;
	int sysctl_timestamps;
	int sysctl_syncookies;
	int sysctl_orphans;	/* init_net's also limits all others together */
	int sysctl_ecn;		/* 1: request it, 2: only if the peer does */
	int sysctl_sack;
	int sysctl_congestion_control;	/* see toytcp_congestion_find() */
};

/*
 * Anybody can make a namespace, in a user namespace. So all but the initial one
 * have limits together, which toytcp_others_*() count for; the initial one's
 * count is always 0.
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
