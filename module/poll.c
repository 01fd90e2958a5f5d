// SPDX-License-Identifier: GPL-2.0
/*
 * poll(): which events a socket has, and when it wakes those who wait for them.
 */
#include <linux/poll.h>

#include "toytcp.h"

/*
 * sk->sk_write_space: text was acknowledged. Sleepers wake when a third of the
 * buffer is free, not at each ACK. Context: the socket lock.
 */
void toytcp_poll_write_space(struct sock *sk)
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

/*
 * proto_ops.set_rcvlowat: fewer than @bytes do not count as readable; 0 means
 * 1. Context: process, with the socket lock, in any state.
 */
int toytcp_poll_low_mark(struct sock *sk, int bytes)
{
	u32 mark = min_t(u32, bytes, toytcp_buffers_window(sk));
	bool open = sk->sk_state == TCP_ESTABLISHED;

	sock_owned_by_me(sk);
	WRITE_ONCE(sk->sk_rcvlowat, mark ? mark : 1);
	/* The buffer must hold as many. Windows are rounded to the scale. */
	toytcp_buffers_grow(sk, mark + (1u << toytcp_sk(sk)->tcb.rcv.wscale),
			    open);
	if (open) {
		toytcp_settle_call(sk, CAUSE_RECEIVE);
		sk->sk_data_ready(sk);	/* the mark may be lower now */
	}
	return 0;
}

/* A full buffer is readable, too: SO_RCVLOWAT would never be reached. */
static __poll_t poll_in(const struct sock *sk)
{
	const struct receive_space *rcv = &toytcp_sk(sk)->tcb.rcv;
	const struct tcb *tcb = &toytcp_sk(sk)->tcb;
	u32 copied = READ_ONCE(rcv->copied), next = READ_ONCE(rcv->nxt);
	int ready = next - copied - tcb->fin_received -
		(toytcp_urgent_at(tcb, copied) &&
		 !sock_flag(sk, SOCK_URGINLINE));
	bool full = READ_ONCE(rcv->adv) - next <= rcv->mss ||
		atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf);
	bool readable = ready >= sock_rcvlowat(sk, 0, INT_MAX) ||
		(ready > 0 && full);

	return (readable ? EPOLLIN | EPOLLRDNORM : 0) |
	       (rcv->urgent == URGENT_ARRIVED ? EPOLLPRI : 0);
}

static __poll_t poll_out(struct sock *sk)
{
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
	    sk_stream_is_writeable(sk))
		return EPOLLOUT | EPOLLWRNORM;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/* Flag before room; pairs with toytcp_poll_write_space(). */
	smp_mb__after_atomic();
	return sk_stream_is_writeable(sk) ? EPOLLOUT | EPOLLWRNORM : 0;
}

/* proto_ops.poll. Context: process, without the lock: a snapshot. */
__poll_t toytcp_poll_events(struct file *file, struct socket *sock,
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
