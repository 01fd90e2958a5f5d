/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The entries that are no sockets, and claims on ports: a part of toytcp.h.
 */
#ifndef TOYTCP_ENTRY_H
#define TOYTCP_ENTRY_H

#include "table.h"

#define TOYTCP_SYNACK_RETRIES	5	/* retransmissions of a SYN,ACK */

/**
 * struct toytcp_claim - a claim on a local port
 * @node: in the namespace's hash of claims, or unhashed
 * @alike: the ring of claims that are alike: one of them is in the hash
 * @uid: who claims it; SO_REUSEPORT shares within one user
 * @addr: the address claimed, 0 for all
 * @dev: the device claimed, 0 for all
 * @port: host order; 0 if nothing is claimed
 * @reuse: SO_REUSEADDR
 * @reuseport: SO_REUSEPORT
 * @listening: the owner is in LISTEN
 * @shared: connect() chose the port: others may have it for other peers
 * @inherited: a child's or a TIME-WAIT entry's: it may join a ring
 * @timewait: part of a struct toytcp_timewait, else of a struct toytcp_sock
 *
 * Sockets and TIME-WAIT entries have one. Under ports.lock.
 */
struct toytcp_claim {
	struct hlist_node node;
	struct list_head alike;
	kuid_t uid;
	__be32 addr;
	int dev;
	u16 port;
	u8 reuse : 1;
	u8 reuseport : 1;
	u8 listening : 1;
	u8 shared : 1;
	u8 inherited : 1;
	u8 timewait : 1;
};

/* Which claims a new one tolerates; the table makes four-tuples unique. */
enum terms {
	BIND_PORT,	/* bind() to this port: those that agree to share */
	BIND_ANY,	/* bind() to any port: none */
	CONNECT_ANY,	/* connect() from any port: other connections' */
};

/**
 * struct toytcp_route - how an answer is routed that has no full socket
 * @oif: output device, or 0
 * @mark: of the packet that is answered, or the listener's
 * @uid: for routing rules by user
 * @tos: type of service
 * @ttl: time to live, 0 for the route's default
 */
struct toytcp_route {
	int oif;
	u32 mark;
	kuid_t uid;
	u8 tos;
	u8 ttl;
};

/**
 * struct toytcp_waiting - what requests and TIME-WAIT entries have in common
 * @entry: must be first
 * @answered: see toytcp_answer_due()
 * @link: in a queue of its list, under the list's lock; empty once it has left
 *	the table
 * @deadline: when it expires, jiffies
 * @rcu: for freeing
 */
struct toytcp_waiting {
	struct toytcp_entry entry;
	u32 answered;
	struct list_head link;
	unsigned long deadline;
	struct rcu_head rcu;
};

/* SYN,ACKs wait twice as long each time: a queue for each number of times. */
#define TOYTCP_QUEUES	(TOYTCP_SYNACK_RETRIES + 1)

struct toytcp_waitlist;

/**
 * struct toytcp_waiting_ops - how requests and TIME-WAIT differ
 * @expire: an entry's deadline has passed: forget it or queue it again. Under
 *	the list's lock
 * @retransmit: called afterwards, without the lock, under RCU; or NULL
 * @gone: an entry has left the table, and is freed next. Under the list's
 *	lock; or NULL
 */
struct toytcp_waiting_ops {
	void (*expire)(struct toytcp_waitlist *list, struct toytcp_waiting *w);
	void (*retransmit)(struct toytcp_waitlist *list,
			   struct toytcp_waiting *w);
	void (*gone)(struct toytcp_waitlist *list, struct toytcp_waiting *w);
};

/**
 * struct toytcp_waitlist - a listener's requests, or a namespace's TIME-WAIT
 * @lock: guards all of it
 * @queue: each in the order of deadlines; TIME-WAIT uses the first one only
 * @count: entries
 * @timer: for the earliest deadline
 * @tn: the namespace of the entries
 * @ops: what differs
 */
struct toytcp_waitlist {
	spinlock_t lock;	/* see toytcp.h */
	struct list_head queue[TOYTCP_QUEUES];
	u32 count;
	struct timer_list timer;
	struct toytcp_net *tn;
	const struct toytcp_waiting_ops *ops;
};

/**
 * struct toytcp_request - SYN-RECEIVED that came from LISTEN
 * @waiting: must be first; its queue is that of core.repeated
 * @entry: the head of @waiting
 * @core: what the protocol knows of it
 * @route: how the answers are routed
 * @listener: whose it is; valid while the entry is in the table, and for an
 *	RCU grace period longer
 * @acked: the final ACK came, but without the text TCP_DEFER_ACCEPT waits for
 */
struct toytcp_request {
	union {
		struct toytcp_waiting waiting;
		struct toytcp_entry entry;
	};
	struct syn_request core;
	struct toytcp_route route;
	struct toytcp_listener *listener;
	bool acked;
};

/**
 * struct toytcp_timewait - TIME-WAIT
 * @waiting: must be first
 * @entry: the head of @waiting
 * @core: what the protocol knows of it
 * @claim: keeps the port in use
 */
struct toytcp_timewait {
	union {
		struct toytcp_waiting waiting;
		struct toytcp_entry entry;
	};
	struct timewait core;
	struct toytcp_claim claim;
};

static_assert(sizeof(struct toytcp_request) <= 256);
static_assert(sizeof(struct toytcp_timewait) <= 160);

/**
 * struct toytcp_listener - the additional state of a socket in LISTEN
 * @node: in the namespace's hash of listeners, read under RCU
 * @requests: its lock also guards @accept_queue
 * @accept_queue: sockets for accept(), linked by toytcp_sock.accept_link; each
 *	holds its socket's first reference. sk_ack_backlog is its length
 * @cookies_until: when the last cookie sent expires, jiffies
 * @sk: the socket
 * @tn: its namespace
 * @rcu: for freeing
 */
struct toytcp_listener {
	struct hlist_node node;
	struct toytcp_waitlist requests;
	struct list_head accept_queue;
	unsigned long cookies_until;
	struct sock *sk;
	struct toytcp_net *tn;
	struct rcu_head rcu;
};

/**
 * struct toytcp_ports - claims and listeners of a namespace
 * @lock: guards @claims, and @listeners for writing
 * @claims: by port
 * @listeners: by port, read under RCU
 */
struct toytcp_ports {
	spinlock_t lock;	/* see toytcp.h */
	DECLARE_HASHTABLE(claims, 10);
	DECLARE_HASHTABLE(listeners, 8);
};

#endif /* TOYTCP_ENTRY_H */
