// SPDX-License-Identifier: GPL-2.0
/*
 * The byte stream: sendmsg() and recvmsg(), with tcp(7)'s rules for blocking,
 * errors and flags. Context: process, without the socket lock.
 */
#include <net/busy_poll.h>

#include "compat/compat.h"
#include "core/seq.h"
#include "toytcp.h"

/*
 * Takes text until there is no more. A full skb goes out at once, so that the
 * peer works while we copy.
 */
static int send_locked(struct sock *sk, struct msghdr *msg, int *sent)
{
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	int n, err = 0;

	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		err = sk_stream_wait_connect(sk, &timeo);
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	while (!err) {
		if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
			return -EPIPE;
		if (!msg_data_left(msg))
			return 0;
		n = sk_stream_memory_free(sk) ? toytcp_sendq_add(sk, msg) :
			-ENOMEM;
		if (n < 0 && n != -ENOMEM)
			return n;
		*sent += max(n, 0);
		if (n > 0 && msg_data_left(msg))
			toytcp_transmit_pending(sk, CAUSE_SEND);
		/*
		 * Segments that arrive meanwhile go to the backlog. Long sends
		 * on both ends at once would fill it and cause drops.
		 */
		if (READ_ONCE(sk->sk_backlog.len) >
		    READ_ONCE(sk->sk_rcvbuf) / 4 && sk_flush_backlog(sk)) {
			toytcp_receive_ack_deferred(sk);
		} else if (n < 0) {
			/* A cork ends: no text can complete its segment. */
			toytcp_user_cork(&toytcp_sk(sk)->tcb, false);
			set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
			toytcp_settle_call(sk, CAUSE_SEND);
			err = sk_stream_wait_memory(sk, &timeo);
		}
	}
	return err;
}

/*
 * SEND, proto.sendmsg: with MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL or MSG_OOB.
 * Returns the bytes taken, or a negative errno as in tcp(7).
 */
int toytcp_stream_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	int sent = 0, err, stamps = toytcp_stamps_asked(sk, msg);

	if (msg->msg_flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;
	if (stamps < 0)
		return stamps;
	lock_sock(sk);
	err = send_locked(sk, msg, &sent);
	if (sent) {
		if (stamps)
			toytcp_stamps_sent(sk, stamps, sent);
		toytcp_user_cork(&tp->tcb,
				 tp->corked || msg->msg_flags & MSG_MORE);
		if (msg->msg_flags & MSG_OOB)
			toytcp_urgent_send(&tp->tcb);
		if (!toytcp_emit_waits(&tp->tcb))
			toytcp_settle_call(sk, CAUSE_SEND);
		err = sent;
	} else if (err) {
		err = sk_stream_error(sk, msg->msg_flags, err);
	}
	/* Edge-triggered pollers need an event for the room that is left. */
	if (err == -EAGAIN)
		sk->sk_write_space(sk);
	release_sock(sk);
	return err;
}

/*
 * proto_ops.splice_eof: sendfile() was asked for more than the file has, and has
 * announced it (MSG_MORE). TCP_CORK stays.
 */
void toytcp_stream_splice_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;

	lock_sock(sk);
	toytcp_user_cork(&toytcp_sk(sk)->tcb, toytcp_sk(sk)->corked);
	toytcp_settle_call(sk, CAUSE_SEND);
	release_sock(sk);
}

/*
 * recv(MSG_OOB): the urgent byte, which tcp(7) treats as out-of-band data and
 * RFC 9293 as a mark in the stream. It never waits.
 */
static int receive_urgent(struct sock *sk, struct msghdr *msg, size_t len,
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
		toytcp_urgent_read(&tp->tcb);
	msg->msg_flags |= MSG_OOB;
	if (!len) {
		msg->msg_flags |= MSG_TRUNC;
		return 0;
	}
	if (!(flags & MSG_TRUNC) && memcpy_to_msg(msg, &tp->oob, 1))
		return -EFAULT;
	return 1;
}

/* A recv() under way. Unless it peeks, rcv.copied follows its position. */
struct reader {
	struct sock *sk;
	struct msghdr *msg;
	size_t control;		/* room for control messages */
	size_t left;
	u32 seq;
	int flags;
	int copied;
};

/* The first skb that holds something from @seq on. */
static struct sk_buff *first_unread(const struct sock *sk, u32 seq)
{
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb)
		if (seq_after(toytcp_node(skb)->end, seq))
			return skb;
	return NULL;
}

/* Skips an urgent byte that is not in line; stops before one further on. */
static int copy_out(struct reader *r, struct sk_buff *skb)
{
	struct tcb *tcb = &toytcp_sk(r->sk)->tcb;
	u32 skip = r->left && toytcp_urgent_at(tcb, r->seq) &&
		   !sock_flag(r->sk, SOCK_URGINLINE);
	u32 seq = r->seq + skip;
	u32 n = min_t(size_t, toytcp_node(skb)->end - seq, r->left);

	if (tcb->rcv.urgent && tcb->rcv.up != seq)
		n = min(n, tcb->rcv.up - seq);
	if (!(r->flags & MSG_TRUNC) &&
	    skb_copy_datagram_msg(skb, seq - toytcp_node(skb)->seq, r->msg, n))
		return -EFAULT;
	r->seq = seq + n;
	r->left -= n;
	r->copied += n;
	toytcp_stamps_received(r->sk, r->msg, r->control, skb);
	if (r->flags & MSG_PEEK) {
		sk_peek_offset_fwd(r->sk, n);
		return 0;
	}
	sk_peek_offset_bwd(r->sk, n);
	toytcp_user_receive(tcb, skip + n);
	toytcp_buffers_read(r->sk);
	toytcp_recvq_forget(r->sk);
	return 0;
}

/*
 * The queue is empty. Returns 1 to block, 0 at the end of file, or -errno. If
 * something was @copied, a socket error stays for the next call.
 */
static int cannot_read(struct sock *sk, long timeo, int copied)
{
	if (sock_flag(sk, SOCK_DONE))
		return 0;
	if (sk->sk_err)
		return copied ? 0 : sock_error(sk);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return 0;
	if (sk->sk_state == TCP_CLOSE)
		return -ENOTCONN;
	if (!timeo)
		return -EAGAIN;
	return signal_pending(current) ? sock_intr_errno(timeo) : 1;
}

/* Nothing is left to read. What waits for the lock may change that. */
static bool more_arrives(struct reader *r, long timeo)
{
	struct tcb *tcb = &toytcp_sk(r->sk)->tcb;

	if (sk_flush_backlog(r->sk)) {
		toytcp_receive_ack_deferred(r->sk);
		if (first_unread(r->sk, r->seq))
			return true;
	}
	toytcp_delack_wait(tcb, timeo);
	if (tcb->ack_now)
		toytcp_settle_call(r->sk, CAUSE_RECEIVE);
	return false;
}

static int receive_locked(struct reader *r)
{
	struct sock *sk = r->sk;
	const struct tcb *tcb = &toytcp_sk(sk)->tcb;
	long timeo = sock_rcvtimeo(sk, r->flags & MSG_DONTWAIT);
	int target = sock_rcvlowat(sk, r->flags & MSG_WAITALL, r->left);
	struct sk_buff *skb;
	int err;

	do {
		/* With text to return, or a signal, it ends at the mark. */
		if (toytcp_urgent_at(tcb, r->seq) &&
		    (r->copied || signal_pending(current)))
			return timeo ? sock_intr_errno(timeo) : -EAGAIN;
		skb = first_unread(sk, r->seq);
		if (skb) {
			err = copy_out(r, skb);
			if (err)
				return err;
			continue;
		}
		if (r->copied >= target)
			return 0;
		if (more_arrives(r, timeo))
			continue;
		err = cannot_read(sk, timeo, r->copied);
		if (err <= 0)
			return err;
		err = sk_wait_data(sk, &timeo,
				   skb_peek_tail(&sk->sk_receive_queue));
		/* Another thread may have read, or disconnected, meanwhile. */
		if (err < 0)
			return err;
		if (!(r->flags & MSG_PEEK) ||
		    seq_before(r->seq, tcb->rcv.copied))
			r->seq = tcb->rcv.copied;
	} while (r->left);
	return 0;
}

/*
 * RECEIVE, proto.recvmsg: with MSG_PEEK, MSG_WAITALL, MSG_DONTWAIT, MSG_TRUNC
 * (discard), MSG_OOB or MSG_ERRQUEUE. Returns bytes, 0 at the end of the
 * stream, or a negative errno as in tcp(7).
 */
int toytcp_stream_recvmsg(struct sock *sk, struct msghdr *msg, size_t len,
			  int flags)
{
	struct reader r = {
		.sk = sk, .msg = msg, .left = len, .flags = flags,
		.control = msg->msg_controllen,
	};
	int err = -ENOTCONN;

	if (flags & MSG_ERRQUEUE)
		return toytcp_compat_recv_error(sk, msg, len);
	if (sk_can_busy_loop(sk) && sk->sk_state == TCP_ESTABLISHED &&
	    skb_queue_empty_lockless(&sk->sk_receive_queue))
		sk_busy_loop(sk, flags & MSG_DONTWAIT);
	lock_sock(sk);
	r.seq = toytcp_sk(sk)->tcb.rcv.copied +
		max(sk_peek_offset(sk, flags), 0);
	if (sk->sk_state != TCP_LISTEN)
		err = flags & MSG_OOB ?
			receive_urgent(sk, msg, len, flags) :
			receive_locked(&r);
	if (toytcp_sk(sk)->tcb.ack_now)	/* for all that was read */
		toytcp_settle_call(sk, CAUSE_RECEIVE);
	release_sock(sk);
	return r.copied ? r.copied : err;
}
