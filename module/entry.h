/* SPDX-License-Identifier: GPL-2.0 */
/* The entries that are no sockets, and claims on ports: a part of toytcp.h. */
#ifndef TOYTCP_ENTRY_H
#define TOYTCP_ENTRY_H

#include "table.h"

#define TOYTCP_SYNACK_RETRIES	5	/* retransmissions of a SYN,ACK */

/* A socket's or a TIME-WAIT entry's claim on a local port. Under ports.lock. */
struct toytcp_claim {
	struct hlist_node node;	/* in the hash of claims, or unhashed */
	struct list_head alike;	/* a ring: one of them is in the hash */
	kuid_t uid;		/* SO_REUSEPORT shares within one user */
	__be32 addr;		/* the address claimed, 0 for all */
	int dev;		/* the device claimed, 0 for all */
	u16 port;		/* host order; 0 if nothing is claimed */
	u8 reuse : 1;		/* SO_REUSEADDR */
	u8 reuseport : 1;	/* SO_REUSEPORT */
	u8 listening : 1;
	u8 shared : 1;		/* connect() chose it: others may, too */
	u8 inherited : 1;	/* a child's or TIME-WAIT's: may join a ring */
	u8 timewait : 1;	/* part of a struct toytcp_timewait */
};

/* Which claims a new one tolerates; the table makes four-tuples unique. */
enum terms {
	BIND_PORT,	/* bind() to this port: those that agree to share */
	BIND_ANY,	/* bind() to any port: none */
	CONNECT_ANY,	/* connect() from any port: other connections' */
};

/* How an answer is routed that has no full socket. */
struct toytcp_route {
	struct dst_entry *dst;	/* if it is known already: held; or NULL */
	int oif;	/* output device, or 0 */
	u32 mark;	/* of the packet that is answered, or the socket's */
	u32 priority;	/* SO_PRIORITY */
	kuid_t uid;	/* for routing rules by user */
	u8 tos;
	u8 ttl;		/* 0 for the route's default */
};

/* What requests and TIME-WAIT entries have in common. */
struct toytcp_waiting {
	struct toytcp_entry entry;	/* must be first */
	u32 answered;			/* see toytcp_answer_due() */
	u32 mark;			/* TIME-WAIT's, for answers */
	/* Under the list's lock; empty once it has left the table. */
	struct list_head link;
	unsigned long since;		/* when it was queued, jiffies */
	struct rcu_head rcu;
};

/* SYN,ACKs wait twice as long each time: a queue for each number of times. */
#define TOYTCP_QUEUES	(TOYTCP_SYNACK_RETRIES + 1)

/* A listener's requests, or a namespace's TIME-WAIT. */
struct toytcp_waitlist {
	spinlock_t lock;	/* all of it; see toytcp.h */
	/* In the order of queueing; TIME-WAIT uses the first one only. */
	struct list_head queue[TOYTCP_QUEUES];
	unsigned long wait[TOYTCP_QUEUES];	/* of all in it, jiffies */
	u32 count;
	struct timer_list timer;	/* for the earliest deadline */
	struct toytcp_net *tn;
};

/* waiting.c */
void toytcp_waiting_init(struct toytcp_waitlist *list, struct toytcp_net *tn,
			 void (*expired)(struct timer_list *));
void *toytcp_waiting_new(size_t size, enum entry_kind kind,
			 const struct toytcp_tuple *who, int dev);
void toytcp_waiting_queue(struct toytcp_waitlist *list,
			  struct toytcp_waiting *w, int n, unsigned long wait);
void toytcp_waiting_forget(struct toytcp_waitlist *list,
			   struct toytcp_waiting *w);
void toytcp_waiting_clear(struct toytcp_waitlist *list,
			  void (*forget)(struct toytcp_waitlist *list,
					 struct toytcp_waiting *w));
struct toytcp_waiting *toytcp_waiting_due(struct toytcp_waitlist *list, int n);

/* SYN-RECEIVED that came from LISTEN. */
struct toytcp_request {
	union {
		struct toytcp_waiting waiting;	/* in queue core.repeated */
		struct toytcp_entry entry;	/* its head */
	};
	struct syn_request core;	/* what the protocol knows of it */
	struct toytcp_route route;	/* of the answers */
	/* Valid while in the table, and for an RCU grace period longer. */
	struct toytcp_listener *listener;
	bool acked;	/* without the text TCP_DEFER_ACCEPT waits for */
};

/* TIME-WAIT. */
struct toytcp_timewait {
	union {
		struct toytcp_waiting waiting;
		struct toytcp_entry entry;	/* its head */
	};
	struct timewait core;
	u32 priority;			/* with waiting.mark */
	struct toytcp_claim claim;	/* keeps the port in use */
};

static_assert(sizeof(struct toytcp_request) <= 256);
static_assert(sizeof(struct toytcp_timewait) <= 160);

/* A segment on its way. */
struct incoming {
	struct toytcp_net *tn;
	struct sk_buff *skb;		/* data at our header */
	const struct segment *seg;
	struct toytcp_tuple who;
	struct toytcp_ingress in;
	const struct sock *asked;	/* listener that let it pass, or NULL */
};

/* The additional state of a socket in LISTEN. */
struct toytcp_listener {
	struct hlist_node node;	/* in ports.listeners, read under RCU */
	struct toytcp_waitlist requests;
	/*
	 * Sockets for accept(), under requests.lock, by accept_link; each holds
	 * its socket's first reference. sk_ack_backlog is its length.
	 */
	struct list_head accept_queue;
	unsigned long cookies_until;	/* the last one expires, jiffies */
	struct sock *sk;
	struct toytcp_net *tn;
	struct rcu_head rcu;
};

/* Claims and listeners of a namespace, by port. */
struct toytcp_ports {
	spinlock_t lock;	/* for writing to @listeners; see toytcp.h */
	DECLARE_HASHTABLE(claims, 10);
	DECLARE_HASHTABLE(listeners, 8);	/* read under RCU */
};

#endif /* TOYTCP_ENTRY_H */
