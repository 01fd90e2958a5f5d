/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rooms of the shell share: the objects, who owns them, and the one
 * list of what each room offers the others.
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
#include "entry.h"
#include "mib.h"

#define TOYTCP_VERSION	"0.1"

/* Limits. */
#define TOYTCP_HEADROOM		(MAX_HEADER + 60 + SEGMENT_HEADER_MAX)
#define TOYTCP_REQUESTS_MIN	128	/* a listener may have so many anyhow */
#define TOYTCP_COOKIE_SECONDS	128	/* that an answer to a SYN is good for */
#define TOYTCP_TIMEWAITS_MAX	65536	/* for each namespace */
/* For all namespaces but the initial one together. */
#define TOYTCP_TIMEWAITS_OTHERS	(4 * TOYTCP_TIMEWAITS_MAX)
#define TOYTCP_BACKLOG_SLACK	(64 * 1024)	/* bytes, for bare ACKs */

/*
 * A device gets a large skb whole only if it knows every bit of this. No real
 * one knows SCTP, so none ever cuts our segments as if they were TCP's.
 */
#define TOYTCP_GSO_TYPE		(SKB_GSO_TCPV4 | SKB_GSO_SCTP)

extern int toytcp_protocol;		/* 253 or 254: the only copy */
extern unsigned int toytcp_net_id;
extern struct proto toytcp_prot;
extern const struct proto_ops toytcp_stream_ops;

/* Bits of sk->sk_tsq_flags: work that found the socket owned by its user. */
#define TOYTCP_TIMER_DEFERRED	0
#define TOYTCP_ICMP_DEFERRED	1
#define TOYTCP_ACK_DEFERRED	2

/**
 * struct toytcp_sock - a socket
 * @inet: must be first
 * @entry: in the connection table from SYN-SENT or promotion until CLOSED;
 *	while it is there, the table holds a reference to the socket
 * @claim: its local port
 * @tn: the namespace: net_generic() would enter RCU each time
 * @tcb: the connection
 * @tuning: of the receive buffer
 * @listener: in LISTEN, else NULL; changed under the socket lock and its own
 * @accept_link: in listener.accept_queue of its listener
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
 * @dsacks: how often the peer had something twice
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
 * @sysctl_syn_retries: repetitions of a SYN
 * @sysctl_timestamps: 0 or 1
 * @sysctl_syncookies: 0 or 1
 * @sysctl_orphans: how many there may be; the initial namespace's is also the
 *	limit of all others together
 * @sysctl_ecn: 0 no, 1 ask for it, 2 if asked
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
 * what all but the initial one have together. toytcp_others_*() count that; the
 * initial one's share is always 0.
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

static inline struct toytcp_sock *toytcp_sk(const struct sock *sk)
{
	return (struct toytcp_sock *)sk;
}

static inline struct toytcp_net *toytcp_net(const struct net *net)
{
	return net_generic(net, toytcp_net_id);
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

/** toytcp_answer_due() - toytcp_policy_answer() for an entry that has no lock */
static inline bool toytcp_answer_due(u32 *last)
{
	u32 time = toytcp_policy_answer(READ_ONCE(*last), toytcp_now());

	if (time)
		WRITE_ONCE(*last, time);
	return time;
}

/* table.c: insert, remove and replace with BH disabled or from user context */
bool toytcp_table_init(struct toytcp_table *t);
void toytcp_table_destroy(struct toytcp_table *t);
struct toytcp_entry *toytcp_table_find(struct toytcp_net *tn,
				       const struct toytcp_tuple *who,
				       const struct toytcp_ingress *in);
struct toytcp_entry *toytcp_table_rival(struct toytcp_net *tn,
					const struct toytcp_entry *entry);
int toytcp_table_insert(struct toytcp_net *tn, struct toytcp_entry *entry);
void toytcp_table_remove(struct toytcp_net *tn, struct toytcp_entry *entry);
void toytcp_table_replace(struct toytcp_net *tn, struct toytcp_entry *old,
			  struct toytcp_entry *entry);
void toytcp_table_rebind(struct toytcp_net *tn, struct toytcp_entry *entry,
			 int dev);
struct toytcp_entry *toytcp_table_next(struct toytcp_net *tn, u64 *cursor);

/* ports.c */
bool toytcp_ports_take(struct sock *sk, u16 port, enum terms terms);
int toytcp_ports_listen(struct toytcp_listener *l);
void toytcp_ports_unlisten(struct toytcp_listener *l);
void toytcp_ports_share(struct sock *sk, struct toytcp_claim *to, u16 port,
			bool timewait);
void toytcp_ports_release(struct toytcp_net *tn, struct toytcp_claim *claim);
struct toytcp_listener *toytcp_ports_listener(struct toytcp_net *tn,
					      const struct toytcp_tuple *who,
					      const struct toytcp_ingress *in);

/* bind.c */
int toytcp_bind_port(struct sock *sk, unsigned short port);
int toytcp_bind_connect(struct sock *sk);
void toytcp_bind_device(struct sock *sk);

/* isn.c */
u32 toytcp_isn_new(const struct toytcp_tuple *who);
u32 toytcp_isn_stamp(const struct toytcp_tuple *who);

/* cookie.c */
u32 toytcp_cookie_make(const struct toytcp_net *tn,
		       const struct toytcp_tuple *who,
		       const struct segment *syn);
void toytcp_cookie_synack(struct syn_request *e, u64 now, struct segment *seg);
bool toytcp_cookie_open(const struct toytcp_net *tn,
			const struct toytcp_tuple *who,
			const struct segment *ack, struct segment *syn);

/* listener.c */
int toytcp_listener_start(struct sock *sk, int backlog);
void toytcp_listener_stop(struct sock *sk);
bool toytcp_listener_arrives(struct toytcp_listener *l,
			     struct toytcp_request *e, struct sk_buff *skb,
			     const struct segment *seg,
			     struct toytcp_timewait *old,
			     const struct sock **asked);
struct sock *toytcp_listener_accept(struct sock *sk, int flags, int *err);

/* waiting.c */
void toytcp_waiting_init(struct toytcp_waitlist *list, struct toytcp_net *tn,
			 const struct toytcp_waiting_ops *ops);
void *toytcp_waiting_new(size_t size, enum entry_kind kind,
			 const struct toytcp_tuple *who, int dev);
void toytcp_waiting_queue(struct toytcp_waitlist *list,
			  struct toytcp_waiting *w, int n,
			  unsigned long deadline);
void toytcp_waiting_forget(struct toytcp_waitlist *list,
			   struct toytcp_waiting *w);
bool toytcp_waiting_end(struct toytcp_waitlist *list, struct toytcp_waiting *w);
void toytcp_waiting_clear(struct toytcp_waitlist *list);

/* synq.c */
bool toytcp_synq_overflows(const struct toytcp_listener *l);
void toytcp_synq_init(struct toytcp_listener *l);
void toytcp_synq_clear(struct toytcp_listener *l);
bool toytcp_synq_insert(struct toytcp_listener *l, struct toytcp_request *e);
void toytcp_synq_add(struct toytcp_listener *l, struct toytcp_request *e,
		     const struct segment *syn);
bool toytcp_synq_arrives(struct toytcp_listener *l, struct toytcp_request *e,
			 struct sk_buff *skb, const struct segment *seg);

/* timewait.c */
void toytcp_timewait_init(struct toytcp_net *tn);
void toytcp_timewait_destroy(struct toytcp_net *tn);
void toytcp_timewait_enter(struct sock *sk);
void toytcp_timewait_reuse(struct toytcp_net *tn, struct toytcp_timewait *r,
			   u8 cause);
bool toytcp_timewait_yield(struct toytcp_net *tn,
			   const struct toytcp_entry *entry);
void toytcp_timewait_arrives(struct toytcp_net *tn, struct toytcp_timewait *r,
			     enum verdict verdict, struct sk_buff *skb,
			     const struct segment *seg);

/* hook.c */
extern const struct nf_hook_ops toytcp_hook_ops;
int toytcp_hook_input(struct sk_buff *skb);

/* dispatch.c */
void toytcp_dispatch_packet(struct toytcp_net *tn, struct sk_buff *skb,
			    const struct segment *seg);

/* receive.c */
bool toytcp_receive_breaks_policy(struct toytcp_net *tn, struct sock *sk,
				  struct sk_buff *skb);
bool toytcp_receive_refuses(struct sock *sk, struct sk_buff *skb,
			    const struct segment *seg);
void toytcp_receive_packet(struct sock *sk, const struct toytcp_tuple *who,
			   struct sk_buff *skb, const struct segment *seg,
			   bool asked);
void toytcp_receive_segment(struct sock *sk, struct sk_buff *skb,
			    const struct segment *seg);
int toytcp_receive_backlog(struct sock *sk, struct sk_buff *skb);
void toytcp_receive_ack_deferred(struct sock *sk);
void toytcp_receive_timer(struct timer_list *t);
void toytcp_receive_timer_deferred(struct sock *sk);

/* recvq.c */
void toytcp_recvq_charge(struct sock *sk, struct sk_buff *skb);
void toytcp_recvq_add(struct sock *sk, struct reassembly_node *ready);
void toytcp_recvq_forget(struct sock *sk);

/* buffers.c */
extern atomic_long_t toytcp_buffers_allocated;
extern long toytcp_buffers_limits[3];
extern int toytcp_buffers_min;
DECLARE_PER_CPU(int, toytcp_buffers_reserve);
void toytcp_buffers_share(void);
u32 toytcp_buffers_text(const struct sock *sk);
u32 toytcp_buffers_window(const struct sock *sk);
void toytcp_buffers_read(struct sock *sk);
void toytcp_buffers_acked(struct sock *sk);
void toytcp_buffers_grow(struct sock *sk, u32 text, bool tell);

/* settle.c: the one place where core and socket meet */
void toytcp_settle(struct sock *sk, struct actions *act,
		   const struct segment *seg);
void toytcp_settle_call(struct sock *sk, u8 call);
void toytcp_settle_abort(struct sock *sk, int error);

/* queue.c */
struct sk_buff *toytcp_sendq_bare(void);
struct sk_buff *toytcp_sendq_take(struct sock *sk, struct sk_buff *skb, u32 seq,
				  u32 len);
struct sk_buff *toytcp_sendq_find(struct sock *sk, u32 seq);
int toytcp_sendq_add(struct sock *sk, struct msghdr *msg);
void toytcp_sendq_forget(struct sock *sk, u32 end);
void toytcp_sendq_exit(void);

/* transmit.c */
void toytcp_transmit_lend(struct sock *sk, u8 sacks);
void toytcp_transmit_pending(struct sock *sk, u8 cause);
void toytcp_transmit_segment(struct sock *sk, struct segment *seg);
void toytcp_transmit_reply(struct toytcp_net *tn,
			   const struct toytcp_tuple *who,
			   const struct toytcp_route *route,
			   struct segment *seg, struct sock *sk, u8 state,
			   u8 cause);
void toytcp_transmit_reset(struct net *net, const struct sk_buff *skb,
			   const struct segment *seg, u8 cause);
void toytcp_transmit_route_to(struct net *net, const struct sk_buff *skb,
			      struct toytcp_route *route);
bool toytcp_transmit_sync_mss(struct sock *sk, u32 mtu);
u16 toytcp_transmit_mss(const struct sock *sk, u32 mtu);

/* timer.c */
void toytcp_timer_init(struct sock *sk, void (*expired)(struct timer_list *));
void toytcp_timer_arm(struct sock *sk);
void toytcp_timer_stop(struct sock *sk);
void toytcp_timer_setup_list(struct timer_list *timer,
			     void (*expire)(struct timer_list *));
void toytcp_timer_set(struct timer_list *timer, unsigned long when);
void toytcp_timer_kill(struct timer_list *timer);

/* stream.c */
int toytcp_stream_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);
int toytcp_stream_recvmsg(struct sock *sk, struct msghdr *msg, size_t len,
			  int flags);
__poll_t toytcp_stream_poll(struct file *file, struct socket *sock,
			    struct poll_table_struct *wait);
void toytcp_stream_write_space(struct sock *sk);

/* connection.c */
void toytcp_connection_init(struct sock *sk,
			    void (*expired)(struct timer_list *));
void toytcp_connection_reset(struct sock *sk, const struct tcb *options);
bool toytcp_connection_orphan(struct sock *sk);
void toytcp_connection_end(struct sock *sk);

/* child.c */
struct sock *toytcp_child_new(struct sock *parent,
			      const struct toytcp_request *e);
void toytcp_child_discard(struct sock *child);

/* sockopt.c */
int toytcp_sockopt_set(struct sock *sk, int level, int name, sockptr_t val,
		       unsigned int len);
int toytcp_sockopt_get(struct sock *sk, int level, int name,
		       char __user *val, int __user *len);
void toytcp_sockopt_keepalive(struct sock *sk, int on);
int toytcp_sockopt_low_mark(struct sock *sk, int bytes);
int toytcp_sockopt_ioctl(struct sock *sk, int cmd, int *value);

/* icmp.c: an inet_protocol's err_handler */
int toytcp_icmp_error(struct sk_buff *skb, u32 info);
void toytcp_icmp_deferred(struct sock *sk);

/* offload.c */
extern const struct net_offload toytcp_offload;

/* procfile.c */
bool toytcp_procfile_add(struct toytcp_net *tn, const char *name,
			 const struct seq_operations *ops, proc_write_t write,
			 unsigned int reader_size);
bool toytcp_procfile_privileged(struct seq_file *seq);

/* proc.c, sysctl.c */
int toytcp_proc_init(struct toytcp_net *tn);
int toytcp_sysctl_init(struct toytcp_net *tn);
void toytcp_sysctl_exit(struct toytcp_net *tn);

/* events.c */
DECLARE_STATIC_KEY_FALSE(toytcp_events_on);

#define EVENT_IN	0	/* a segment that arrived */
#define EVENT_OUT	1	/* a segment that was sent */
#define EVENT_NONE	2	/* a user call or a timeout */

int toytcp_events_init(struct toytcp_net *tn);
void toytcp_events_exit(struct toytcp_net *tn);
int toytcp_events_switch(struct toytcp_net *tn, bool on);
void toytcp_events_record(struct toytcp_net *tn,
			  const struct toytcp_tuple *who, int dir,
			  const struct segment *seg, u8 before, u8 after,
			  u8 cause);

/** toytcp_event() - toytcp_events_record(), if anybody wants to know */
#define toytcp_event(tn, ...) do {					\
	if (static_branch_unlikely(&toytcp_events_on) &&		\
	    READ_ONCE((tn)->sysctl_events))				\
		toytcp_events_record(tn, __VA_ARGS__);			\
} while (0)

#endif /* TOYTCP_H */
