/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A socket's byte stream: what stream.c and oob.c offer to other rooms.
 */
#ifndef TOYTCP_STREAM_H
#define TOYTCP_STREAM_H

#include <net/sock.h>

int toytcp_stream_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);
int toytcp_stream_recvmsg(struct sock *sk, struct msghdr *msg, size_t len,
			  int flags);
__poll_t toytcp_stream_poll(struct file *file, struct socket *sock,
			    struct poll_table_struct *wait);
void toytcp_stream_write_space(struct sock *sk);

struct segment;
struct tcb;

void toytcp_oob_keep(struct sock *sk, const struct sk_buff *skb,
		     const struct segment *seg);
int toytcp_oob_receive(struct sock *sk, struct msghdr *msg, size_t len,
		       int flags);
u32 toytcp_oob_hole(const struct sock *sk, u32 seq);
u32 toytcp_oob_until_mark(const struct tcb *tcb, u32 seq, u32 n);

#endif /* TOYTCP_STREAM_H */
