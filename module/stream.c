// SPDX-License-Identifier: GPL-2.0
/*
 * The byte stream: sendmsg(), recvmsg() and poll(), with tcp(7)'s rules for
 * blocking, errors and flags.
 */
#include <linux/poll.h>
#include <net/inet_common.h>

#include "compat/compat.h"
#include "core/seq.h"
#include "toytcp.h"

/*
 * Segments that arrive while we hold the lock go to the backlog, which has a
 * limit: long send() calls on both ends at once would reach it and cause drops.
 */
static bool backlog_is_long(const struct sock *sk)
{
	return READ_ONCE(sk->sk_backlog.len) > READ_ONCE(sk->sk_rcvbuf) / 4;
}

/*
 * Takes text until the send buffer is full or the backlog is long. A full skb
 * goes out at once, so that the peer works while we copy.
 */
static int take_text(struct sock *sk, struct msghdr *msg)
{
	int taken = 0, n;

	while (msg_data_left(msg) && sk_stream_memory_free(sk)) {
		n = toytcp_sendq_add(sk, msg);
		if (n < 0)
			return taken ? taken : n;
		taken += n;
		if (!msg_data_left(msg))
			break;
		toytcp_transmit_pending(sk, CAUSE_SEND);
		if (backlog_is_long(sk))
			break;
	}
	return taken;
}

static int send_error(const struct sock *sk)
{
	return sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN ? -EPIPE : 0;
}

/*
 * The buffer is full: send it, and sleep until some is acknowledged. A cork ends
 * here, since no text can be added that would complete a segment.
 */
static int wait_for_room(struct sock *sk, long *timeo)
{
	toytcp_user_cork(&toytcp_sk(sk)->tcb, false);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	toytcp_settle_call(sk, CAUSE_SEND);
	return sk_stream_wait_memory(sk, timeo);
}

static int send_locked(struct sock *sk, struct msghdr *msg, int *sent)
{
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	int n, err = 0;

	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		err = sk_stream_wait_connect(sk, &timeo);
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	while (!err && msg_data_left(msg)) {
		err = send_error(sk);
		if (err)
			break;
		n = take_text(sk, msg);
		*sent += max(n, 0);
		err = min(n, 0);
		if (!err && backlog_is_long(sk) && sk_flush_backlog(sk)) {
			toytcp_receive_ack_deferred(sk);
			continue;
		}
		if (msg_data_left(msg) && (!err || err == -ENOMEM))
			err = wait_for_room(sk, &timeo);
	}
	if (!err && !*sent)
		err = send_error(sk);
	return err;
}

/**
 * toytcp_stream_sendmsg() - SEND: proto.sendmsg
 * @sk: not locked
 * @msg: what to send, with MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL or MSG_OOB
 * @len: bytes
 *
 * Return: bytes taken, or a negative errno as in tcp(7).
 */
int toytcp_stream_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	int sent = 0, err;

	lock_sock(sk);
	err = send_locked(sk, msg, &sent);
	if (sent) {
		toytcp_user_cork(&tp->tcb,
				 tp->corked || msg->msg_flags & MSG_MORE);
		if (msg->msg_flags & MSG_OOB)
			toytcp_urgent_send(&tp->tcb);
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
 * recv(MSG_OOB): the urgent byte, which tcp(7) treats as out-of-band data and RFC
 * 9293 as a mark in the stream. It never waits.
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

/* How many bytes at @seq a reader skips: 1 for the urgent byte, else 0. */
static u32 urgent_hole(const struct sock *sk, u32 seq)
{
	return toytcp_urgent_at(&toytcp_sk(sk)->tcb, seq) &&
	       !sock_flag(sk, SOCK_URGINLINE);
}

/* Of @n bytes from @seq on, those before the mark, or all if it is at @seq. */
static u32 until_mark(const struct tcb *tcb, u32 seq, u32 n)
{
	u32 ahead = tcb->rcv.up - seq;

	return tcb->rcv.urgent && ahead ? min(n, ahead) : n;
}

/* A recv() under way. Only without MSG_PEEK rcv.copied follows its place. */
struct reader {
	struct sock *sk;
	struct msghdr *msg;
	size_t left;
	u32 seq;
	int flags;
	int copied;
};

/* The first skb that holds something from @seq on. */
static struct sk_buff *readable(const struct sock *sk, u32 seq)
{
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb)
		if (seq_after(toytcp_node(skb)->end, seq))
			return skb;
	return NULL;
}

static void consumed(struct sock *sk, u32 n)
{
	struct tcb *tcb = &toytcp_sk(sk)->tcb;

	toytcp_user_receive(tcb, n);
	toytcp_buffers_read(sk);
	toytcp_recvq_forget(sk);
	if (tcb->ack_now)	/* the window has grown enough to tell the peer */
		toytcp_settle_call(sk, CAUSE_RECEIVE);
}

static int copy_out(struct reader *r, struct sk_buff *skb)
{
	u32 hole = r->left ? urgent_hole(r->sk, r->seq) : 0;
	u32 seq = r->seq + hole;
	u32 offset = seq - toytcp_node(skb)->seq;
	u32 n = min_t(size_t, toytcp_node(skb)->end - seq, r->left);

	n = until_mark(&toytcp_sk(r->sk)->tcb, seq, n);
	if (!(r->flags & MSG_TRUNC) &&
	    skb_copy_datagram_msg(skb, offset, r->msg, n))
		return -EFAULT;
	r->seq = seq + n;
	r->left -= n;
	r->copied += n;
	if (!(r->flags & MSG_PEEK))
		consumed(r->sk, hole + n);
	return 0;
}

/* A read that has something to return, or a signal, ends before the mark. */
static bool stops_at_mark(const struct reader *r, long timeo, int *err)
{
	if (!toytcp_urgent_at(&toytcp_sk(r->sk)->tcb, r->seq))
		return false;
	if (!r->copied && !signal_pending(current))
		return false;
	*err = timeo ? sock_intr_errno(timeo) : -EAGAIN;
	return true;
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

/*
 * Another thread may have read while we slept. The queue holds nothing before
 * rcv.copied any more, not even for MSG_PEEK.
 */
static void keep_up(struct reader *r)
{
	u32 copied = toytcp_sk(r->sk)->tcb.rcv.copied;

	if (!(r->flags & MSG_PEEK) || seq_before(r->seq, copied))
		r->seq = copied;
}

static int receive_locked(struct reader *r)
{
	struct sock *sk = r->sk;
	long timeo = sock_rcvtimeo(sk, r->flags & MSG_DONTWAIT);
	int target = sock_rcvlowat(sk, r->flags & MSG_WAITALL, r->left);
	struct sk_buff *skb;
	int err;

	do {
		if (stops_at_mark(r, timeo, &err))
			return err;
		skb = readable(sk, r->seq);
		if (skb) {
			err = copy_out(r, skb);
			if (err)
				return err;
			continue;
		}
		if (r->copied >= target)
			return 0;
		err = cannot_read(sk, timeo, r->copied);
		if (err <= 0)
			return err;
		err = sk_wait_data(sk, &timeo,
				   skb_peek_tail(&sk->sk_receive_queue));
		/* Another thread may have read, or disconnected, meanwhile. */
		if (err < 0)
			return err;
		keep_up(r);
	} while (r->left);
	return 0;
}

/**
 * toytcp_stream_recvmsg() - RECEIVE: proto.recvmsg
 * @sk: not locked
 * @msg: where to put it
 * @len: bytes at most
 * @flags: MSG_PEEK, MSG_WAITALL, MSG_DONTWAIT, MSG_TRUNC (discard), MSG_OOB,
 *	MSG_ERRQUEUE
 *
 * Return: bytes, 0 at the end of the stream, or a negative errno as in tcp(7).
 */
int toytcp_stream_recvmsg(struct sock *sk, struct msghdr *msg, size_t len,
			  int flags)
{
	struct reader r = {
		.sk = sk, .msg = msg, .left = len, .flags = flags,
	};
	int err = -ENOTCONN;

	if (flags & MSG_ERRQUEUE)
		return toytcp_compat_recv_error(sk, msg, len);
	lock_sock(sk);
	r.seq = toytcp_sk(sk)->tcb.rcv.copied;
	if (sk->sk_state != TCP_LISTEN)
		err = flags & MSG_OOB ?
			receive_urgent(sk, msg, len, flags) :
			receive_locked(&r);
	release_sock(sk);
	return r.copied ? r.copied : err;
}

/**
 * toytcp_stream_write_space() - text was acknowledged: sk->sk_write_space
 * @sk: locked
 *
 * Sleepers wake when a third of the buffer is free, not at each ACK.
 */
void toytcp_stream_write_space(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct socket_wq *wq;

	smp_mb();	/* room before flag; pairs with poll_out() */
	if (!sock || !test_bit(SOCK_NOSPACE, &sock->flags) ||
	    !sk_stream_is_writeable(sk))
		return;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT |
					   EPOLLWRNORM | EPOLLWRBAND);
	if (wq && wq->fasync_list && !(sk->sk_shutdown & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

/* No more fits in: SO_RCVLOWAT would never be reached. */
static bool is_full(const struct sock *sk)
{
	const struct receive_space *rcv = &toytcp_sk(sk)->tcb.rcv;

	return READ_ONCE(rcv->adv) - READ_ONCE(rcv->nxt) <= rcv->mss ||
	       atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf);
}

static bool is_readable(const struct sock *sk)
{
	const struct tcb *tcb = &toytcp_sk(sk)->tcb;
	u32 copied = READ_ONCE(tcb->rcv.copied);
	int ready = READ_ONCE(tcb->rcv.nxt) - copied - tcb->fin_received;

	ready -= urgent_hole(sk, copied);
	return ready >= sock_rcvlowat(sk, 0, INT_MAX) ||
	       (ready > 0 && is_full(sk));
}

static __poll_t poll_in(const struct sock *sk)
{
	return (is_readable(sk) ? EPOLLIN | EPOLLRDNORM : 0) |
	       (toytcp_sk(sk)->tcb.rcv.urgent == URGENT_ARRIVED ? EPOLLPRI : 0);
}

static __poll_t poll_out(struct sock *sk)
{
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
	    sk_stream_is_writeable(sk))
		return EPOLLOUT | EPOLLWRNORM;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/* Flag before room; pairs with toytcp_stream_write_space(). */
	smp_mb__after_atomic();
	return sk_stream_is_writeable(sk) ? EPOLLOUT | EPOLLWRNORM : 0;
}

/**
 * toytcp_stream_poll() - proto_ops.poll
 * @file: the socket's
 * @sock: the socket; not locked, so the answer is a snapshot
 * @wait: where to wait
 *
 * Return: EPOLL* as poll(2) and tcp(7) describe.
 */
__poll_t toytcp_stream_poll(struct file *file, struct socket *sock,
			    struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	int state, shut;

	sock_poll_wait(file, sock, wait);
	state = inet_sk_state_load(sk);
	if (state == TCP_LISTEN)
		return READ_ONCE(sk->sk_ack_backlog) ?
			EPOLLIN | EPOLLRDNORM : 0;
	shut = READ_ONCE(sk->sk_shutdown);
	if (shut == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shut & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (state != TCP_SYN_SENT && state != TCP_SYN_RECV) {
		/* The core may write these; whoever called it wakes us then. */
		mask |= data_race(poll_in(sk));
		mask |= poll_out(sk);
	}
	smp_rmb();	/* pairs with the order of sk_err and wake-ups */
	if (READ_ONCE(sk->sk_err) ||
	    !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}
