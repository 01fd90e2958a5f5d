// SPDX-License-Identifier: GPL-2.0
/*
 * The BSD socket API: a socket's life from socket() to its last reference.
 *
 * The first reference belongs to the struct socket, or to the accept queue
 * until accept(); the connection table holds a second one while the entry is
 * hashed. So a closed socket lives on until its connection has ended.
 */
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "compat/compat.h"
#include "toytcp.h"

#define STATES_FIN_UNACKED	(TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK)

/* Of all namespaces. */
static atomic_t all_orphans;

static void select_congestion(struct sock *sk, int algorithm)
{
	if (!toytcp_sk(sk)->congestion_set)
		algorithm = READ_ONCE(toytcp_sock_net(sk)->
				      sysctl_congestion_control);
	toytcp_congestion_select(&toytcp_sk(sk)->tcb, algorithm);
}

/* A tcb as new, but for the options a user may have set on the old one. */
static void reset_tcb(struct sock *sk)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct tcb old = tp->tcb;

	toytcp_tcb_init(&tp->tcb, toytcp_buffers_text(sk), MSS_DEFAULT);
	tp->tcb.nodelay = old.nodelay;
	tp->tcb.quickack = old.quickack;
	tp->tcb.keepalive = old.keepalive;
	tp->tcb.user_timeout = old.user_timeout;
	tp->tcb.keep_idle = old.keep_idle;
	tp->tcb.keep_interval = old.keep_interval;
	tp->tcb.keep_count = old.keep_count;
	tp->tcb.fin_wait_2 = old.fin_wait_2;
	tp->tcb.syn_retries = old.syn_retries;
	tp->tcb.cork = tp->corked;
	select_congestion(sk, old.cc.algorithm);
	memset(&tp->tuning, 0, sizeof(tp->tuning));
}

/* All text that is on its way in either direction; what can be read stays. */
static void purge(struct sock *sk)
{
	struct tcb *tcb = &toytcp_sk(sk)->tcb;
	struct reassembly_node *node, *later;
	struct sent_record *record, *next;

	toytcp_queue_forget(sk, tcb->snd.end);
	for (node = toytcp_reassembly_purge(&tcb->ooo); node; node = later) {
		later = node->next;
		kfree_skb(toytcp_node_skb(node));
	}
	for (record = toytcp_scoreboard_purge(&tcb->board); record;
	     record = next) {
		next = record->next;
		kfree(record);
	}
}

/* The last reference is gone; RCU readers too (SOCK_RCU_FREE). */
static void destruct(struct sock *sk)
{
	purge(sk);
	xfrm_sk_free_policy(sk);	/* IP_XFRM_POLICY: a child has copies */
	inet_sock_destruct(sk);
}

/* What every socket of ours has, created by socket() or by a handshake. */
static void init_common(struct sock *sk)
{
	struct toytcp_sock *tp = toytcp_sk(sk);

	tp->tn = toytcp_net(sock_net(sk));
	tp->entry.kind = ENTRY_SOCKET;
	sock_set_flag(sk, SOCK_RCU_FREE);
	sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
	sk->sk_destruct = destruct;
	sk->sk_write_space = toytcp_stream_write_space;
	sk->sk_gso_type = TOYTCP_GSO_TYPE;
	toytcp_timer_init(sk);
}

/* proto.init: the end of socket(2). */
static int init(struct sock *sk)
{
	const struct toytcp_net *tn = toytcp_net(sock_net(sk));

	init_common(sk);
	sk->sk_rcvbuf = READ_ONCE(tn->sysctl_rmem[1]);
	sk->sk_sndbuf = READ_ONCE(tn->sysctl_wmem[1]);
	toytcp_tcb_init(&toytcp_sk(sk)->tcb, toytcp_buffers_text(sk),
			MSS_DEFAULT);
	toytcp_sk(sk)->tcb.syn_retries = READ_ONCE(tn->sysctl_syn_retries);
	select_congestion(sk, 0);
	return 0;
}

/**
 * toytcp_socket_done() - the connection has ended: back to CLOSED
 * @sk: locked; its tcb is in CLOSED
 *
 * What was received stays to be read. The table's reference goes: the caller
 * has one, or is within an RCU read-side section.
 */
void toytcp_socket_done(struct sock *sk)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct toytcp_net *tn = toytcp_sock_net(sk);

	inet_sk_set_state(sk, TCP_CLOSE);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	toytcp_timer_stop(sk);
	purge(sk);
	if (tp->tcb.orphan) {
		atomic_dec(&tn->orphans);
		atomic_dec(&all_orphans);
	}
	/* A port that bind() asked for stays the socket's. */
	if (sock_flag(sk, SOCK_DEAD) ||
	    !(sk->sk_userlocks & SOCK_BINDPORT_LOCK)) {
		toytcp_ports_release(tn, &tp->claim);
		inet_sk(sk)->inet_num = 0;
	}
	toytcp_table_remove(tn, &tp->entry);
}

/* Both ends' addresses and ports are known: a four-tuple, and a route for it. */
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
	err = toytcp_ports_connect(sk);
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

	toytcp_socket_done(sk);
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
	u32 iss = tp->isn_set ? tp->isn :
		toytcp_isn_new(&tp->entry.who);

	tp->isn_set = 0;
	reset_tcb(sk);
	tp->tcb.rcv.wscale = toytcp_emit_wscale(toytcp_buffers_window(sk));
	tp->tcb.rcv.announced =
		toytcp_transmit_mss(sk, dst_mtu(__sk_dst_get(sk)));
	WRITE_ONCE(sk->sk_err, 0);
	WRITE_ONCE(sk->sk_err_soft, 0);
	sock_reset_flag(sk, SOCK_DONE);
	tp->tcb.ecn = READ_ONCE(tn->sysctl_ecn) == 1;
	tp->tcb.timestamps = READ_ONCE(tn->sysctl_timestamps);
	tp->tcb.sack_ok = READ_ONCE(tn->sysctl_sack);
	tp->tcb.ts.offset = toytcp_isn_stamp(&tp->entry.who);
	/* So that the transition from CLOSED is recorded. */
	inet_sk_set_state(sk, TCP_CLOSE);
	toytcp_user_open(&tp->tcb, iss, toytcp_now());
	toytcp_count(tn, active_opens);
	toytcp_settle_call(sk, CAUSE_OPEN);
}

/* proto.pre_connect: bind()'s cgroup programs are inet_bind()'s business. */
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
 * proto.disconnect: connect(AF_UNSPEC), shutdown() of a listener, and a failed
 * connect(). Afterwards the socket is as new, but for its options and for what
 * bind() gave it.
 */
static int disconnect(struct sock *sk, int flags)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	int state = sk->sk_state;

	if (state == TCP_LISTEN) {
		toytcp_listener_stop(sk);
	} else if (state != TCP_CLOSE) {
		toytcp_settle_abort(sk, 0);
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	}
	__skb_queue_purge(&sk->sk_receive_queue);
	detach(sk);
	sk_dst_reset(sk);
	sock_reset_flag(sk, SOCK_DONE);
	reset_tcb(sk);
	tp->isn_set = 0;
	sk_error_report(sk);
	return 0;
}

/* SO_LINGER: until the peer has acknowledged everything, the FIN too. */
static void linger(struct sock *sk, long timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	add_wait_queue(sk_sleep(sk), &wait);
	while (timeout && !signal_pending(current) &&
	       !sk_wait_event(sk, &timeout,
			      !(1 << sk->sk_state & STATES_FIN_UNACKED), &wait))
		;
	remove_wait_queue(sk_sleep(sk), &wait);
}

/*
 * CLOSE, 3.10.4. Text that nobody will read makes it an ABORT, so that the
 * peer learns of it: RFC 9293 SHLD-3.
 */
static void close_connection(struct sock *sk, long timeout)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	bool lost = sk->sk_state != TCP_CLOSE && toytcp_tcb_unread(&tp->tcb);

	__skb_queue_purge(&sk->sk_receive_queue);
	if (lost || (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime)) {
		toytcp_settle_abort(sk, 0);
		return;
	}
	tp->tcb.cork = 0;
	toytcp_user_close(&tp->tcb);
	toytcp_settle_call(sk, CAUSE_CLOSE);
	linger(sk, timeout);
}

/*
 * Peers that vanish, one after the other, could use up all memory. Root in a
 * user namespace may set its own limit, but cannot lift the machine's.
 */
static void limit_orphans(struct sock *sk)
{
	struct toytcp_net *tn = toytcp_sock_net(sk);
	int own = atomic_inc_return(&tn->orphans);
	int all = atomic_inc_return(&all_orphans);

	if (own <= READ_ONCE(tn->sysctl_orphans) &&
	    all <= READ_ONCE(toytcp_net(&init_net)->sysctl_orphans))
		return;
	toytcp_count(tn, orphan_overflow);
	toytcp_settle_abort(sk, 0);
}

/* proto.close: the user's reference goes; the connection may live on. */
static void close(struct sock *sk, long timeout)
{
	struct toytcp_sock *tp = toytcp_sk(sk);

	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sk->sk_state == TCP_LISTEN) {
		toytcp_listener_stop(sk);
		toytcp_socket_done(sk);
	} else {
		close_connection(sk, timeout);
	}
	sock_orphan(sk);
	if (!tp->tcb.fin_wait_2 && sk->sk_state == TCP_FIN_WAIT2)
		toytcp_settle_abort(sk, 0);
	if (sk->sk_state == TCP_CLOSE) {
		toytcp_ports_release(toytcp_sock_net(sk), &tp->claim);
	} else {
		toytcp_user_leave(&tp->tcb, toytcp_now());
		toytcp_timer_arm(sk);
		limit_orphans(sk);
	}
	release_sock(sk);
	sock_put(sk);
}

/* proto.shutdown: SHUT_RD needs nothing but the flag that is set already. */
static void shutdown(struct sock *sk, int how)
{
	if (!(how & SEND_SHUTDOWN))
		return;
	toytcp_user_close(&toytcp_sk(sk)->tcb);
	toytcp_settle_call(sk, CAUSE_CLOSE);
}

/**
 * toytcp_socket_discard() - free a child that came to nothing
 * @child: from toytcp_socket_child(), not locked; still neither hashed nor
 *	queued, so that nobody else has seen it. The caller's reference goes
 */
void toytcp_socket_discard(struct sock *child)
{
	toytcp_socket_done(child);
	sock_orphan(child);
	sock_put(child);
}

/**
 * toytcp_socket_child() - a socket for a connection that a listener got
 * @parent: the listener; need not be locked
 * @e: the embryo
 *
 * Return: an unlocked socket in SYN-RECEIVED with one reference, the caller's;
 * neither hashed nor queued. NULL if memory is short or there is no route.
 */
struct sock *toytcp_socket_child(struct sock *parent,
				 const struct toytcp_embryo *e)
{
	struct sock *child = sk_clone_lock(parent, GFP_ATOMIC);
	int err;

	if (!child)
		return NULL;
	__acquire(&child->sk_lock.slock);	/* for sparse */
	bh_unlock_sock(child);
	__sock_put(child);		/* of two, as TCP wants them */
	err = toytcp_child_inherit(child, parent, e);
	init_common(child);
	reset_tcb(child);
	toytcp_embryo_promote(&e->core, &toytcp_sk(child)->tcb, toytcp_now());
	inet_sk_set_state(child, TCP_SYN_RECV);
	if (!err)
		return child;
	toytcp_socket_discard(child);
	return NULL;
}

/* proto.release_cb: what timers and ICMP found the user in the way of. */
static void release_cb(struct sock *sk)
{
	toytcp_timer_deferred(sk);
	toytcp_icmp_deferred(sk);
	toytcp_deliver_deferred(sk);
}

/* For a new socket that a cgroup's program refuses; it is hashed nowhere. */
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
	.sysctl_rmem	= &toytcp_buffers_least,
	.sysctl_wmem	= &toytcp_buffers_least,
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
	.backlog_rcv	= toytcp_deliver_backlog,
	.release_cb	= release_cb,
	.unhash		= unhash,
	.get_port	= toytcp_ports_get,
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
	.poll		= toytcp_stream_poll,
	.ioctl		= inet_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= listen,
	.shutdown	= inet_shutdown,
	.setsockopt	= sock_common_setsockopt,
	.getsockopt	= sock_common_getsockopt,
	.sendmsg	= inet_sendmsg,
	.recvmsg	= inet_recvmsg,
	.mmap		= sock_no_mmap,
	.set_rcvlowat	= toytcp_buffers_low_mark,
};
