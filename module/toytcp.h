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
 *
 * "Context:" at a function or at the top of its file says from where it may be
 * called: "process" may sleep; "any" is process or softirq, never a hard IRQ.
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
#include "info.h"
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

/*
 * A socket. sk_receive_queue holds text in order from rcv.copied on,
 * sk_write_queue text from snd.una to snd.end; on both, an skb's cb is a struct
 * reassembly_node whose seq and end say which.
 */
struct toytcp_sock {
	struct inet_sock inet;		/* must be first */
	/* In the table, which holds us, from SYN-SENT or promotion to CLOSED. */
	struct toytcp_entry entry;
	struct toytcp_claim claim;	/* its local port */
	struct toytcp_net *tn;	/* net_generic() would enter RCU each time */
	struct tcb tcb;
	struct tuning tuning;		/* of the receive buffer */
	/* In LISTEN, else NULL; changed under the socket lock and its own. */
	struct toytcp_listener *listener;
	struct list_head accept_link;	/* in its listener's accept_queue */
	struct llist_node waiting;	/* in a list of smallq.c */
	u64 armed;	/* the timer's deadline, microseconds; 0: not set */
	u64 paced;	/* when SO_MAX_PACING_RATE lets the next text go */
	struct sk_buff *send_next;	/* the skb with snd.nxt, or NULL */
	struct path_fit path;		/* what segments were fitted to */
	struct toytcp_info info;
	u32 segs_in;
	u32 segs_out;
	u32 data_segs_in;		/* those with text */
	u32 data_segs_out;
	u32 dsacks;			/* how many the peer has sent */
	u32 isn;			/* what TOYTCP_ISN has set */
	u32 isn_set;			/* @isn is to be used, once */
	u32 window_limit;		/* the route's, bytes; 0: none */
	u16 user_mss;			/* TCP_MAXSEG, bytes; 0: none */
	u16 defer_accept;		/* TCP_DEFER_ACCEPT, seconds */
	u16 mtu;	/* of an ICMP error that found the socket owned, or 0 */
	bool congestion_set;	/* by TCP_CONGESTION: no longer the default */
	bool pacing;		/* text waits for @paced */
	bool corked;		/* by TCP_CORK; tcb.cork: also by MSG_MORE */
	u8 oob;			/* urgent byte, if rcv.urgent: URGENT_ARRIVED */
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
