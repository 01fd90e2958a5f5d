/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the shell share: a socket, what it holds, and the locks.
 *
 * Locks, outermost first (Documentation/design.rst has the essay):
 *   socket lock (lock_sock, bh_lock_sock)
 *     requests.lock		accept queue and requests of one listener
 *     timewaits.lock		TIME-WAIT of one namespace
 *       table.lock		entries of one namespace, taken for writing only
 *       ports.lock		claims of one namespace
 * The first two are never held together, nor the other two. The packet path
 * looks up under RCU.
 */
#ifndef TOYTCP_H
#define TOYTCP_H

#include <linux/hashtable.h>
#include <linux/ip.h>
#include <linux/llist.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/rculist_nulls.h>
#include <linux/seq_file.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>
#include <linux/toytcp.h>

#include "core/core.h"

extern int toytcp_protocol;		/* 253 or 254: the only copy */
extern unsigned int toytcp_net_id;
extern struct proto toytcp_prot;
extern const struct proto_ops toytcp_stream_ops;

#include "entry.h"
#include "mib.h"
#include "netns.h"

#define TOYTCP_VERSION	"0.1"

/* Limits. */
#define TOYTCP_HEADROOM		(MAX_HEADER + 60 + SEGMENT_HEADER_MAX)
#define TOYTCP_REQUESTS_MIN	128	/* of a listener, whatever its backlog */
#define TOYTCP_COOKIE_SECONDS	128	/* how long a cookie is valid */
#define TOYTCP_BACKLOG_SLACK	(64 * 1024)	/* bytes, for bare ACKs */

/*
 * A device is given a large skb only if it supports every bit of this. No real
 * one supports both, so none cuts our segments as if they were TCP's.
 */
#define TOYTCP_GSO_TYPE		(SKB_GSO_TCPV4 | SKB_GSO_SCTP)

/* Bits of sk->sk_tsq_flags: work that found the socket owned by its user. */
#define TOYTCP_TIMER_DEFERRED	0
#define TOYTCP_ICMP_DEFERRED	1
#define TOYTCP_ACK_DEFERRED	2
#define TOYTCP_ROOM_DEFERRED	3
/* Others, see smallq.c. */
#define TOYTCP_THROTTLED	4
#define TOYTCP_QUEUED		5

/**
 * struct toytcp_sock - a socket
 * @inet: must be first
 * @entry: in the connection table from SYN-SENT or promotion until CLOSED;
 *	while it is there, the table holds a reference to the socket
 * @claim: its local port
 * @tn: the namespace; net_generic() would enter RCU each time
 * @tcb: the connection
 * @tuning: of the receive buffer
 * @listener: in LISTEN, else NULL; changed under the socket lock and its own
 * @accept_link: in listener.accept_queue of its listener
 * @waiting: in a list of smallq.c
 * @armed: the deadline the timer is set for, microseconds; 0 if it is not
 * @send_next: the skb of the send queue that holds snd.nxt, or NULL
 * @path: what the size of segments was fitted to
 * @isn: what TOYTCP_ISN has set, if @isn_set
 * @isn_set: @isn is to be used once
 * @user_mss: TCP_MAXSEG, bytes; 0: none
 * @defer_accept: TCP_DEFER_ACCEPT, seconds
 * @mtu: from an ICMP error that found the socket owned, bytes, else 0
 * @segs_in: segments that arrived
 * @segs_out: segments that were sent
 * @data_segs_in: those of @segs_in with text
 * @data_segs_out: those of @segs_out with text
 * @dsacks: how many DSACKs the peer has sent
 * @congestion_set: TCP_CONGESTION counts, not the namespace's default
 * @corked: TCP_CORK is on (tcb.cork also follows MSG_MORE)
 * @oob: the urgent byte, while tcb.rcv.urgent is URGENT_ARRIVED
 *
 * sk_receive_queue holds text in order from rcv.copied on, sk_write_queue text
 * from snd.una to snd.end; on both, an skb's cb is a struct reassembly_node
 * whose seq and end say which.
 */
struct toytcp_sock {
	struct inet_sock inet;
	struct toytcp_entry entry;
	struct toytcp_claim claim;
	struct toytcp_net *tn;
	struct tcb tcb;
	struct tuning tuning;
	struct toytcp_listener *listener;
	struct list_head accept_link;
	struct llist_node waiting;
	u64 armed;
	struct sk_buff *send_next;
	struct path_fit path;
	u32 segs_in;
	u32 segs_out;
	u32 data_segs_in;
	u32 data_segs_out;
	u32 dsacks;
	u32 isn;
	u32 isn_set;
	u16 user_mss;
	u16 defer_accept;
	u16 mtu;
	bool congestion_set;
	bool corked;
	u8 oob;
};

static inline struct toytcp_sock *toytcp_sk(const struct sock *sk)
{
	return (struct toytcp_sock *)sk;
}

static inline struct toytcp_net *toytcp_sock_net(const struct sock *sk)
{
	return toytcp_sk(sk)->tn;
}

static inline struct sock *toytcp_entry_sock(struct toytcp_entry *entry)
{
	return (struct sock *)container_of(entry, struct toytcp_sock, entry);
}

/* A segment's text while it waits: the core's node owns all of skb->cb. */
static inline struct reassembly_node *toytcp_node(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct reassembly_node) >
		     sizeof_field(struct sk_buff, cb));
	return (struct reassembly_node *)skb->cb;
}

static inline struct sk_buff *toytcp_node_skb(struct reassembly_node *node)
{
	return container_of((void *)node, struct sk_buff, cb);
}

/** toytcp_now() - the shell's clock, microseconds, never 0 */
static inline u64 toytcp_now(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC) + 1;
}

/** toytcp_answer_due() - toytcp_policy_answer() for an entry without a lock */
static inline bool toytcp_answer_due(u32 *last)
{
	u32 time = toytcp_policy_answer(READ_ONCE(*last), toytcp_now());

	if (time)
		WRITE_ONCE(*last, time);
	return time;
}

#include "shell.h"

#endif /* TOYTCP_H */
