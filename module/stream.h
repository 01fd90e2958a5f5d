/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A socket's byte stream: what stream.c offers to socket.c.
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

#endif /* TOYTCP_STREAM_H */
