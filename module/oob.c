// SPDX-License-Identifier: GPL-2.0
/*
 * Urgent data as a user meets it, and as tcp(7) has it: one byte "out of band",
 * a mark in the stream where it was, SIGURG. The core knows where the mark is.
 */
#include "compat/compat.h"
#include "toytcp.h"

/**
 * toytcp_oob_keep() - the urgent byte has come: keep it for the user
 * @sk: locked
 * @skb: data at the segment's text
 * @seg: the segment; struct actions says that the byte at the mark is in it
 */
void toytcp_oob_keep(struct sock *sk, const struct sk_buff *skb,
		     const struct segment *seg)
{
	struct toytcp_sock *tp = toytcp_sk(sk);

	skb_copy_bits(skb, tp->tcb.rcv.up - seg->seq, &tp->oob, 1);
}

/**
 * toytcp_oob_receive() - recv(MSG_OOB)
 * @sk: locked
 * @msg: where to put the byte
 * @len: 0 or more
 * @flags: MSG_PEEK and MSG_TRUNC count
 *
 * Return: 1, or 0 if @len is or nothing will come any more; -EINVAL if there is
 * no urgent byte, it was read already, or is inline; -EAGAIN if it is still on
 * its way: this never waits.
 */
int toytcp_oob_receive(struct sock *sk, struct msghdr *msg, size_t len,
		       int flags)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	u8 urgent = tp->tcb.rcv.urgent;

	if (sock_flag(sk, SOCK_URGINLINE) || urgent == URGENT_NONE ||
	    urgent == URGENT_READ)
		return -EINVAL;
	if (sk->sk_state == TCP_CLOSE && !sock_flag(sk, SOCK_DONE))
		return -ENOTCONN;
	if (urgent == URGENT_AWAITED)
		return sk->sk_state == TCP_CLOSE ||
		       sk->sk_shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;
	if (!(flags & MSG_PEEK))
		tp->tcb.rcv.urgent = URGENT_READ;
	msg->msg_flags |= MSG_OOB;
	if (!len) {
		msg->msg_flags |= MSG_TRUNC;
		return 0;
	}
	if (!(flags & MSG_TRUNC) && memcpy_to_msg(msg, &tp->oob, 1))
		return -EFAULT;
	return 1;
}

/** toytcp_oob_hole() - how many bytes at @seq, 0 or 1, a reader passes over */
u32 toytcp_oob_hole(const struct sock *sk, u32 seq)
{
	return toytcp_urgent_at(&toytcp_sk(sk)->tcb, seq) &&
	       !sock_flag(sk, SOCK_URGINLINE);
}

/**
 * toytcp_oob_until_mark() - how much may be read in one go
 * @tcb: the connection
 * @seq: where the reader stands; at the mark, it is beyond it by now
 * @n: bytes there are
 */
u32 toytcp_oob_until_mark(const struct tcb *tcb, u32 seq, u32 n)
{
	u32 ahead = tcb->rcv.up - seq;

	return tcb->rcv.urgent && ahead ? min(n, ahead) : n;
}
