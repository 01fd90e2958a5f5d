/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the shell offer each other: a part of toytcp.h. Each
 * function's comment stands where it is defined.
 */
#ifndef TOYTCP_SHELL_H
#define TOYTCP_SHELL_H

/* ports.c */
bool toytcp_ports_take(struct sock *sk, u16 port, enum terms terms);
int toytcp_ports_listen(struct toytcp_listener *l);
void toytcp_ports_unlisten(struct toytcp_listener *l);
void toytcp_ports_share(struct sock *sk, struct toytcp_claim *to, u16 port,
			bool timewait);
void toytcp_ports_release(struct toytcp_net *tn, struct toytcp_claim *claim);
struct toytcp_listener *toytcp_ports_listener(const struct incoming *a);

/* bind.c */
void toytcp_bind_init(void);
int toytcp_bind_port(struct sock *sk, unsigned short port);
int toytcp_bind_connect(struct sock *sk);
void toytcp_bind_device(struct sock *sk);

/* isn.c */
u32 toytcp_isn_new(const struct toytcp_net *tn, const struct toytcp_tuple *who);
u32 toytcp_isn_stamp(const struct toytcp_net *tn,
		     const struct toytcp_tuple *who);

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
extern const struct nf_hook_ops toytcp_hook_ops[2];
int toytcp_hook_input(struct sk_buff *skb);

/* checksum.c */
bool toytcp_checksum_nat(struct sk_buff *skb);
bool toytcp_checksum_device(struct net_device *dev);
bool toytcp_checksum_leave(struct sk_buff *skb, struct net_device *dev);

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
void toytcp_receive_room(struct tasklet_struct *tasklet);
void toytcp_receive_deferred(struct sock *sk);

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

/* info.c */
struct tcp_info;
void toytcp_info_sent(struct sock *sk, u32 len, bool again, u64 now);
void toytcp_info_settle(struct sock *sk);
void toytcp_info_fill(struct sock *sk, struct tcp_info *info);

/* stamps.c */
void toytcp_stamps_received(struct sock *sk, struct msghdr *msg,
			    size_t len, struct sk_buff *skb);
void toytcp_stamps_copy(struct sk_buff *to, struct sk_buff *from);
int toytcp_stamps_asked(struct sock *sk, struct msghdr *msg);
void toytcp_stamps_sent(struct sock *sk, u32 flags, u32 sent);
void toytcp_stamps_acked(struct sock *sk, struct sk_buff *skb);

/* route.c */
struct offer toytcp_route_offer(const struct sock *sk,
				const struct toytcp_tuple *who,
				const struct dst_entry *dst, bool accepts);
void toytcp_route_begin(struct sock *sk, const struct dst_entry *dst);

/* sendq.c */
struct sk_buff *toytcp_sendq_bare(void);
struct sk_buff *toytcp_sendq_take(struct sock *sk, struct sk_buff *skb, u32 seq,
				  u32 len);
struct sk_buff *toytcp_sendq_find(struct sock *sk, u32 seq);
int toytcp_sendq_add(struct sock *sk, struct msghdr *msg);
void toytcp_sendq_forget(struct sock *sk, u32 end);
void toytcp_sendq_exit(void);

/* smallq.c */
u32 toytcp_smallq_limit(struct sock *sk);
bool toytcp_smallq_full(struct sock *sk, u32 limit);
bool toytcp_smallq_early(struct sock *sk, u64 now);
void toytcp_smallq_pace(struct sock *sk, u32 n, u64 now);
void toytcp_smallq_free(struct sk_buff *skb);
void toytcp_smallq_own(struct sk_buff *skb, struct sock *sk);
struct llist_node *toytcp_smallq_take(struct tasklet_struct *tasklet);
void toytcp_smallq_init(void (*room)(struct tasklet_struct *tasklet));
void toytcp_smallq_exit(void);

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
bool toytcp_transmit_sync_mss(struct sock *sk, u32 mtu);

/* timer.c */
void toytcp_timer_init(struct timer_list *timer,
		       void (*expired)(struct timer_list *));
void toytcp_timer_arm(struct sock *sk);
void toytcp_timer_stop(struct sock *sk);
void toytcp_timer_set(struct timer_list *timer, unsigned long when);
void toytcp_timer_kill(struct timer_list *timer);

/* stream.c */
int toytcp_stream_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);
void toytcp_stream_splice_eof(struct socket *sock);
int toytcp_stream_recvmsg(struct sock *sk, struct msghdr *msg, size_t len,
			  int flags);

/* poll.c */
int toytcp_poll_low_mark(struct sock *sk, int bytes);
__poll_t toytcp_poll_events(struct file *file, struct socket *sock,
			    struct poll_table_struct *wait);
void toytcp_poll_write_space(struct sock *sk);

/* connection.c */
void toytcp_connection_init(struct sock *sk,
			    void (*expired)(struct timer_list *));
void toytcp_connection_reset(struct sock *sk);
bool toytcp_connection_orphan(struct sock *sk);
void toytcp_connection_end(struct sock *sk);

/* child.c */
struct sock *toytcp_child_new(struct sock *parent,
			      const struct toytcp_request *e,
			      const struct sk_buff *skb);
void toytcp_child_discard(struct sock *child);

/* sockopt.c */
int toytcp_sockopt_set(struct sock *sk, int level, int name, sockptr_t val,
		       unsigned int len);
int toytcp_sockopt_get(struct sock *sk, int level, int name,
		       char __user *val, int __user *len);
void toytcp_sockopt_keepalive(struct sock *sk, int on);
int toytcp_sockopt_ioctl(struct sock *sk, int cmd, int *value);

/* icmp.c: an inet_protocol's err_handler */
int toytcp_icmp_error(struct sk_buff *skb, u32 info);
void toytcp_icmp_deferred(struct sock *sk);

/* offload.c */
extern const struct net_offload toytcp_offload;
void toytcp_offload_drain(void);

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

#endif /* TOYTCP_SHELL_H */
