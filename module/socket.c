// SPDX-License-Identifier: GPL-2.0
/*
 * The BSD socket API. A socket's first reference belongs to the struct socket,
 * or to the accept queue until accept(). The connection table has a second one
 * while the entry is hashed, so a closed socket lives on until its connection
 * ends.
 */
#include <net/inet_common.h>
#include <net/route.h>

#include "compat/compat.h"
#include "toytcp.h"

/* proto.init: the end of socket(2). */
static int init(struct sock *sk)
{
	const struct toytcp_net *tn = toytcp_net(sock_net(sk));
	struct tcb *tcb = &toytcp_sk(sk)->tcb;

	toytcp_connection_init(sk, toytcp_receive_timer);
	sk->sk_write_space = toytcp_poll_write_space;
	sk->sk_rcvbuf = READ_ONCE(tn->sysctl_rmem[1]);
	sk->sk_sndbuf = READ_ONCE(tn->sysctl_wmem[1]);
	toytcp_tcb_init(tcb, toytcp_buffers_text(sk), MSS_DEFAULT);
	toytcp_user_set(tcb, OPTION_SYN_RETRIES,
			READ_ONCE(tn->sysctl_syn_retries), toytcp_now());
	toytcp_connection_reset(sk);
	return 0;
}

/* Enters the table with @rt's addresses, and finds a route for the ports. */
static int attach(struct sock *sk, struct rtable *rt, __be16 dport)
{
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	__be16 old_sport = inet->inet_sport;
	int err;

	if (!inet->inet_saddr)
		inet->inet_saddr = fl4->saddr;
	if (!inet->inet_rcv_saddr)
		inet->inet_rcv_saddr = inet->inet_saddr;
	inet->inet_daddr = fl4->daddr;
	inet->inet_dport = dport;
	sk_set_txhash(sk);
	atomic_set(&inet->inet_id, (u16)sk->sk_txhash);	/* as random as that */
	/* SYN-SENT before the entry can be found. */
	inet_sk_set_state(sk, TCP_SYN_SENT);
	err = toytcp_bind_connect(sk);
	if (err) {
		ip_rt_put(rt);
		return err;
	}
	rt = ip_route_newports(fl4, rt, old_sport, dport, inet->inet_sport,
			       dport, sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	sk_setup_caps(sk, &rt->dst);
	return 0;
}

static void detach(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	toytcp_connection_end(sk);
	WRITE_ONCE(sk->sk_shutdown, 0);
	sk->sk_route_caps = 0;
	inet->inet_dport = 0;
	inet->inet_daddr = 0;
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK)) {
		inet->inet_saddr = 0;
		inet->inet_rcv_saddr = 0;
	}
	if (!inet->inet_num)
		inet->inet_sport = 0;
}

/* Active OPEN: 3.10.1. */
static void open_active(struct sock *sk)
{
	struct toytcp_net *tn = toytcp_sock_net(sk);
	struct toytcp_sock *tp = toytcp_sk(sk);
	u32 iss = tp->isn_set ? tp->isn : toytcp_isn_new(tn, &tp->entry.who);
	const struct dst_entry *dst = __sk_dst_get(sk);
	const struct offer offer = toytcp_route_offer(sk, &tp->entry.who, dst,
						      false);

	tp->isn_set = 0;
	toytcp_connection_reset(sk);
	WRITE_ONCE(sk->sk_err, 0);
	WRITE_ONCE(sk->sk_err_soft, 0);
	sock_reset_flag(sk, SOCK_DONE);
	toytcp_route_begin(sk, dst);
	toytcp_user_offer(&tp->tcb, &offer);
	/* Settling records the transition from CLOSED. */
	inet_sk_set_state(sk, TCP_CLOSE);
	toytcp_user_open(&tp->tcb, iss, toytcp_now());
	toytcp_count(tn, active_opens);
	toytcp_settle_call(sk, CAUSE_OPEN);
}

/* proto.pre_connect: inet_bind() has run bind()'s cgroup programs. */
static int pre_connect(struct sock *sk, struct sockaddr_unsized *addr, int len)
{
	if (len < (int)sizeof(struct sockaddr_in))
		return -EINVAL;
	return toytcp_compat_cgroup_connect(sk, addr, &len);
}

/* proto.connect: sk is locked, and in CLOSED. */
static int connect(struct sock *sk, struct sockaddr_unsized *addr, int len)
{
	const struct sockaddr_in *to = (const struct sockaddr_in *)addr;
	struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;
	int err;

	if (len < (int)sizeof(*to))
		return -EINVAL;
	if (to->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	rt = ip_route_connect(&inet->cork.fl.u.ip4, to->sin_addr.s_addr,
			      inet->inet_saddr, sk->sk_bound_dev_if,
			      toytcp_protocol, inet->inet_sport, to->sin_port,
			      sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (rt->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST)) {
		ip_rt_put(rt);
		return -ENETUNREACH;
	}
	err = attach(sk, rt, to->sin_port);
	if (err) {
		detach(sk);
		return err;
	}
	open_active(sk);
	return 0;
}

/*
 * proto.disconnect: connect(AF_UNSPEC), shutdown() of a listener, or a
 * connect() that failed. Only options and what bind() chose survive.
 */
static int disconnect(struct sock *sk, int flags)
{
	if (sk->sk_state == TCP_LISTEN) {
		toytcp_listener_stop(sk);
	} else if (sk->sk_state != TCP_CLOSE) {
		toytcp_settle_abort(sk, 0);
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	}
	__skb_queue_purge(&sk->sk_receive_queue);
	detach(sk);
	sk_dst_reset(sk);
	sock_reset_flag(sk, SOCK_DONE);
	toytcp_connection_reset(sk);
	toytcp_sk(sk)->isn_set = 0;
	sk_error_report(sk);
	return 0;
}

/* SO_LINGER: until the peer has acknowledged everything, the FIN too. */
static void linger(struct sock *sk, long timeout)
{
	const int unacked = TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	if (!timeout)
		return;
	add_wait_queue(sk_sleep(sk), &wait);
	while (!sk_wait_event(sk, &timeout, !(1 << sk->sk_state & unacked),
			      &wait))
		if (!timeout || signal_pending(current))
			break;
	remove_wait_queue(sk_sleep(sk), &wait);
}

/* proto.close, CLOSE 3.10.4: the connection may live on without a user. */
static void close(struct sock *sk, long timeout)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	bool lost, too_many;

	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sk->sk_state == TCP_LISTEN) {
		toytcp_listener_stop(sk);
		toytcp_connection_end(sk);
	} else {
		lost = sk->sk_state != TCP_CLOSE && toytcp_tcb_unread(&tp->tcb);
		__skb_queue_purge(&sk->sk_receive_queue);
		/* With text unread, an ABORT tells the peer: SHLD-3. */
		if (lost || (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime)) {
			toytcp_settle_abort(sk, 0);
		} else {
			toytcp_user_close(&tp->tcb);
			toytcp_settle_call(sk, CAUSE_CLOSE);
			linger(sk, timeout);
		}
	}
	sock_orphan(sk);
	if (!tp->tcb.fin_wait_2 && sk->sk_state == TCP_FIN_WAIT2)
		toytcp_settle_abort(sk, 0);
	if (sk->sk_state == TCP_CLOSE) {
		toytcp_ports_release(tp->tn, &tp->claim);
	} else {
		too_many = toytcp_connection_orphan(sk);
		toytcp_timer_arm(sk);	/* nothing else changes */
		if (too_many) {
			toytcp_count(tp->tn, orphan_overflow);
			toytcp_settle_abort(sk, 0);
		}
	}
	release_sock(sk);
	sock_put(sk);
}

/* proto.shutdown: for SHUT_RD, the flag of inet_shutdown() is enough. */
static void shutdown(struct sock *sk, int how)
{
	if (!(how & SEND_SHUTDOWN))
		return;
	toytcp_user_close(&toytcp_sk(sk)->tcb);
	toytcp_settle_call(sk, CAUSE_CLOSE);
}

/* proto.release_cb: work that was deferred while the user had the socket. */
static void release_cb(struct sock *sk)
{
	if (!READ_ONCE(sk->sk_tsq_flags)) /* set under our spinlock */
		return;
	toytcp_receive_deferred(sk);
	toytcp_icmp_deferred(sk);
	toytcp_receive_ack_deferred(sk);
}

/* proto.unhash: a cgroup program refused a new socket, not hashed yet. */
static void unhash(struct sock *sk)
{
}

static void put_port(struct sock *sk)
{
	toytcp_ports_release(toytcp_sock_net(sk), &toytcp_sk(sk)->claim);
	inet_sk(sk)->inet_num = 0;
	inet_sk(sk)->inet_sport = 0;
}

/* listen(2), the first time and again with another backlog. */
static int listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state == SS_UNCONNECTED &&
	    (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN))
		err = toytcp_listener_start(sk, backlog);
	release_sock(sk);
	return err;
}

TOYTCP_DEFINE_ACCEPT(proto_accept, toytcp_listener_accept)
TOYTCP_DEFINE_IOCTL(proto_ioctl, toytcp_sockopt_ioctl)
TOYTCP_DEFINE_RECVMSG(proto_recvmsg, toytcp_stream_recvmsg)

struct proto toytcp_prot = {
	.name		= "TOYTCP",
	.owner		= THIS_MODULE,
	.no_autobind	= true,
	.obj_size	= sizeof(struct toytcp_sock),
	.memory_allocated = &toytcp_buffers_allocated,
	.per_cpu_fw_alloc = &toytcp_buffers_reserve,
	.sysctl_mem	= toytcp_buffers_limits,
	.sysctl_rmem	= &toytcp_buffers_min,
	.sysctl_wmem	= &toytcp_buffers_min,
	.init		= init,
	.close		= close,
	.pre_connect	= pre_connect,
	.connect	= connect,
	.disconnect	= disconnect,
	.accept		= proto_accept,
	.shutdown	= shutdown,
	.ioctl		= proto_ioctl,
	.setsockopt	= toytcp_sockopt_set,
	.getsockopt	= toytcp_sockopt_get,
	.keepalive	= toytcp_sockopt_keepalive,
	.sendmsg	= toytcp_stream_sendmsg,
	.recvmsg	= proto_recvmsg,
	.backlog_rcv	= toytcp_receive_backlog,
	.release_cb	= release_cb,
	.unhash		= unhash,
	.rehash		= toytcp_bind_device,
	.get_port	= toytcp_bind_port,
	.put_port	= put_port,
};

const struct proto_ops toytcp_stream_ops = {
	.family		= PF_INET,
	.owner		= THIS_MODULE,
	.release	= inet_release,
	.bind		= inet_bind,
	.connect	= inet_stream_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= inet_accept,
	.getname	= inet_getname,
	.poll		= toytcp_poll_events,
	.ioctl		= inet_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= listen,
	.shutdown	= inet_shutdown,
	.setsockopt	= sock_common_setsockopt,
	.getsockopt	= sock_common_getsockopt,
	.sendmsg	= inet_sendmsg,
	.recvmsg	= inet_recvmsg,
	.mmap		= sock_no_mmap,
	.set_rcvlowat	= toytcp_poll_low_mark,
	.set_peek_off	= sk_set_peek_off,
#ifdef TOYTCP_HAVE_SPLICE_EOF
	.splice_eof	= toytcp_stream_splice_eof,
#endif
};
