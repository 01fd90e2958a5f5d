// SPDX-License-Identifier: GPL-2.0
/*
 * LISTEN: SYNs come in, connections go out to accept().
 *
 * The packet path never takes the listener's socket lock. It finds the listener
 * under RCU, perhaps while it is being stopped. requests.lock decides: under it
 * toytcp_sock.listener becomes NULL; no request is added after that. Then their
 * lists (synq.c) are emptied, and the accept queue at last. Context: process;
 * for a segment, RCU with BH disabled.
 */
#include "core/seq.h"
#include "ipv4.h"

/* From SND.NXT of a connection in TIME-WAIT to the ISN of its successor. */
#define ISS_GAP		65537

/* TOYTCP_ISN is for one connection, even if many SYNs arrive at once. */
static u32 choose_iss(struct toytcp_listener *l, const struct toytcp_tuple *who,
		      const struct toytcp_timewait *old)
{
	struct toytcp_sock *tp = toytcp_sk(l->sk);
	u32 iss;

	if (READ_ONCE(tp->isn_set) && xchg(&tp->isn_set, 0))
		return READ_ONCE(tp->isn);
	iss = toytcp_isn_new(l->tn, who);
	if (old && !seq_after(iss, old->core.snd_nxt))
		iss = old->core.snd_nxt + ISS_GAP;
	return iss;
}

/* The answer is routed and marked as the listener's own packets would be. */
static void route_as(const struct sock *sk, const struct sk_buff *skb, int dev,
		     struct toytcp_route *route)
{
	const struct inet_sock *inet = inet_sk(sk);
	u32 mark = READ_ONCE(sk->sk_mark);
	int ttl = READ_ONCE(inet->uc_ttl);

	toytcp_ipv4_route_to(sock_net(sk), skb, route);
	route->uid = sk->sk_uid;
	route->tos = READ_ONCE(inet->tos);
	route->priority = READ_ONCE(sk->sk_priority);
	if (mark)
		route->mark = mark;
	if (dev)
		route->oif = dev;
	if (ttl > 0)
		route->ttl = ttl;
}

/*
 * @now: 0: a cookie has come back, which does not say when it was sent. Returns
 * NULL: no memory or no route; else the caller owns route.dst, too.
 */
static struct toytcp_request *make_request(struct toytcp_listener *l,
					   const struct toytcp_tuple *who,
					   const struct sk_buff *skb,
					   const struct segment *syn, u32 iss,
					   u64 now)
{
	struct sock *sk = l->sk;
	/* Does not write. In a VRF with tcp_l3mdev_accept: the VRF's device. */
	int dev = inet_request_bound_dev_if(sk, (struct sk_buff *)skb);
	struct toytcp_request *e = toytcp_waiting_new(sizeof(*e), ENTRY_REQUEST,
						      who, dev);
	struct dst_entry *dst;
	struct offer offer;

	if (!e) {
		toytcp_count(l->tn, drop_memory);
		return NULL;
	}
	e->listener = l;
	route_as(sk, skb, dev, &e->route);
	dst = toytcp_ipv4_route_reply(sock_net(sk), who, &e->route);
	if (IS_ERR(dst)) {
		toytcp_count(l->tn, drop_listen_overflow);
		kfree(e);
		return NULL;
	}
	e->route.dst = dst;
	offer = toytcp_route_offer(sk, who, dst, true);
	toytcp_request_init(&e->core, syn, iss,
			    min(toytcp_buffers_text(sk), offer.window), &offer,
			    now);
	return e;
}

/* Answers from a request that is freed at once. */
static void send_cookie(struct toytcp_listener *l,
			const struct toytcp_tuple *who,
			const struct sk_buff *skb, const struct segment *syn)
{
	struct toytcp_request *e = make_request(l, who, skb, syn,
						toytcp_cookie_make(l->tn, who,
								   syn),
						toytcp_now());
	struct segment synack;

	if (!e)
		return;
	toytcp_cookie_synack(&e->core, toytcp_now(), &synack);
	WRITE_ONCE(l->cookies_until, jiffies + TOYTCP_COOKIE_SECONDS * HZ);
	toytcp_count(l->tn, cookies_sent);
	toytcp_event(l->tn, who, EVENT_IN, syn, TCP_LISTEN, TCP_LISTEN,
		     CAUSE_LISTEN_SYN);
	toytcp_transmit_reply(l->tn, who, &e->route, &synack, l->sk,
			      TCP_LISTEN, CAUSE_COOKIE);
	kfree(e);
}

/*
 * An ACK of no known connection may acknowledge a cookie. It counts only within
 * 128 s of the last cookie sent, to leave attackers little time to guess. Takes
 * over the skb if it does. If there is no room, the peer's next segment gets
 * another chance.
 */
static bool take_cookie(struct toytcp_listener *l,
			const struct toytcp_tuple *who, struct sk_buff *skb,
			const struct segment *ack, bool *again)
{
	struct toytcp_request *e = NULL;
	struct segment syn;

	if (ack->ctl & CTL_SYN ||
	    time_after(jiffies, READ_ONCE(l->cookies_until)))
		return false;
	if (!toytcp_cookie_open(l->tn, who, ack, &syn)) {
		toytcp_count(l->tn, cookies_failed);
		return false;
	}
	toytcp_count(l->tn, cookies_received);
	if (!toytcp_synq_overflows(l))
		e = make_request(l, who, skb, &syn, ack->ack - 1, 0);
	if (e) {
		dst_release(e->route.dst);
		e->route.dst = NULL;
	}
	if (e && toytcp_synq_insert(l, e))
		*again = toytcp_synq_arrives(l, e, skb, ack);
	else
		kfree_skb(skb);
	return true;
}

/*
 * Makes a request, which takes the place of @old if that is not NULL. If there
 * are too many, sends a cookie.
 */
static bool answer_syn(struct toytcp_listener *l,
		       const struct toytcp_tuple *who,
		       const struct sk_buff *skb, const struct segment *syn,
		       struct toytcp_timewait *old)
{
	u32 most = max_t(u32, READ_ONCE(l->sk->sk_max_ack_backlog),
			 TOYTCP_REQUESTS_MIN);
	struct toytcp_request *e;

	if (toytcp_synq_overflows(l))
		return false;
	if (READ_ONCE(l->requests.count) < most) {
		e = make_request(l, who, skb, syn, choose_iss(l, who, old),
				 toytcp_now());
		if (!e)
			return false;
		if (old)
			toytcp_timewait_reuse(l->tn, old, CAUSE_SYN);
		toytcp_synq_add(l, e, syn);
		return true;
	}
	if (old || !READ_ONCE(l->tn->sysctl_syncookies)) {
		toytcp_count(l->tn, drop_listen_overflow);
		return false;
	}
	send_cookie(l, who, skb, syn);
	return true;
}

static bool listen_arrives(struct toytcp_listener *l, struct sk_buff *skb,
			   const struct segment *seg,
			   struct toytcp_timewait *old)
{
	const struct toytcp_tuple who = toytcp_tuple_of(skb, seg);
	enum verdict verdict = toytcp_listen_arrives(seg);
	bool again = false;

	/* RFC 9293 MUST-63: IP accepts a subnet's broadcast as a source. */
	if (verdict == VERDICT_CREATE &&
	    toytcp_ipv4_is_group(sock_net(l->sk), skb)) {
		toytcp_drop(l->tn, skb, drop_martian);
		return false;
	}
	if (verdict == VERDICT_CREATE && answer_syn(l, &who, skb, seg, old)) {
		consume_skb(skb);
		return false;
	}
	if (verdict == VERDICT_RESET && take_cookie(l, &who, skb, seg, &again))
		return again;
	toytcp_event(l->tn, &who, EVENT_IN, seg, TCP_LISTEN, TCP_LISTEN,
		     seg->ctl & CTL_ACK ? CAUSE_LISTEN_ACK : CAUSE_NONE);
	if (verdict == VERDICT_RESET)
		toytcp_transmit_reset(sock_net(l->sk), skb, seg,
				      CAUSE_LISTEN_ACK);
	if (verdict == VERDICT_CREATE)
		toytcp_drop_counted(skb, drop_listen_overflow);
	else
		toytcp_drop_counted(skb, drop_no_socket);
	return false;
}

/**
 * toytcp_listener_arrives() - a segment arrived for a listener or its request
 * @l: the listener, found under RCU; its socket is not locked
 * @e: the request, found likewise; NULL if there is none
 * @skb: data at our header; taken over
 * @seg: its header
 * @old: the TIME-WAIT entry that a new connection may replace, or NULL
 * @asked: the socket whose policy and filter have let @skb pass, or NULL;
 *	updated
 *
 * If the listener has stopped meanwhile, the segment is dropped.
 *
 * Context: under RCU, BH disabled.
 *
 * Return: true if another CPU got there first: the caller still owns @skb, and
 * must look up its entry again.
 */
bool toytcp_listener_arrives(struct toytcp_listener *l,
			     struct toytcp_request *e, struct sk_buff *skb,
			     const struct segment *seg,
			     struct toytcp_timewait *old,
			     const struct sock **asked)
{
	if (*asked != l->sk && toytcp_receive_refuses(l->sk, skb, seg))
		return false;
	*asked = l->sk;
	return e ? toytcp_synq_arrives(l, e, skb, seg) :
		   listen_arrives(l, skb, seg, old);
}

/* Exclusive: each connection wakes one process. */
static int wait_for_child(struct sock *sk, long timeout)
{
	DEFINE_WAIT(wait);
	int err = 0;

	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait,
					  TASK_INTERRUPTIBLE);
		err = toytcp_sk(sk)->listener ? 0 : -EINVAL;
		if (!err && READ_ONCE(sk->sk_ack_backlog))
			break;
		if (!err && signal_pending(current))
			err = sock_intr_errno(timeout);
		if (!err && !timeout)
			err = -EAGAIN;
		if (err)
			break;
		release_sock(sk);
		timeout = schedule_timeout(timeout);
		lock_sock(sk);
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

/* Only holders of the socket lock take from the queue: it is not empty. */
static struct sock *take_child(struct toytcp_listener *l)
{
	struct toytcp_sock *tp;

	spin_lock_bh(&l->requests.lock);
	tp = list_first_entry(&l->accept_queue, struct toytcp_sock, accept_link);
	list_del_init(&tp->accept_link);
	sk_acceptq_removed(l->sk);
	spin_unlock_bh(&l->requests.lock);
	return &tp->inet.sk;
}

/**
 * toytcp_listener_accept() - proto.accept
 * @sk: the listener, not locked
 * @flags: O_NONBLOCK or not
 * @err: why there is no socket, or 0
 *
 * Return: a socket with the reference the queue had; or NULL.
 */
struct sock *toytcp_listener_accept(struct sock *sk, int flags, int *err)
{
	struct sock *child = NULL;

	lock_sock(sk);
	*err = wait_for_child(sk, sock_rcvtimeo(sk, flags & O_NONBLOCK));
	if (!*err)
		child = take_child(toytcp_sk(sk)->listener);
	release_sock(sk);
	return child;
}

/*
 * Connections that were not accepted are reset; the queue had the user's
 * reference. lock_sock(), since an administrator's "abort" may own the lock.
 */
static void abort_children(struct list_head *queue)
{
	struct toytcp_sock *tp, *next;

	list_for_each_entry_safe(tp, next, queue, accept_link) {
		struct sock *child = &tp->inet.sk;

		list_del_init(&tp->accept_link);
		lock_sock_nested(child, SINGLE_DEPTH_NESTING);
		toytcp_settle_abort(child, 0);
		sock_orphan(child);
		release_sock(child);
		sock_put(child);
		cond_resched();
	}
}

/* LISTEN -> CLOSED: sk is locked, and keeps its port. May wait. */
void toytcp_listener_stop(struct sock *sk)
{
	struct toytcp_listener *l = toytcp_sk(sk)->listener;
	LIST_HEAD(children);

	sock_owned_by_me(sk);
	toytcp_ports_unlisten(l);
	spin_lock_bh(&l->requests.lock);
	WRITE_ONCE(toytcp_sk(sk)->listener, NULL);
	spin_unlock_bh(&l->requests.lock);
	toytcp_synq_clear(l);
	spin_lock_bh(&l->requests.lock);	/* the last one was promoted */
	list_splice_init(&l->accept_queue, &children);
	WRITE_ONCE(sk->sk_ack_backlog, 0);
	spin_unlock_bh(&l->requests.lock);
	toytcp_user_close(&toytcp_sk(sk)->tcb);
	inet_sk_set_state(sk, TCP_CLOSE);
	abort_children(&children);
	kfree_rcu(l, rcu);
}

/**
 * toytcp_listener_start() - passive OPEN, RFC 9293 section 3.10.1
 * @sk: locked, in CLOSED or LISTEN; bound here if it is not
 * @backlog: see listen(2); in LISTEN, the new one
 *
 * Return: 0, -EADDRINUSE or -ENOMEM.
 */
int toytcp_listener_start(struct sock *sk, int backlog)
{
	struct toytcp_listener *l;
	int err = 0;

	sock_owned_by_me(sk);
	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	if (sk->sk_state == TCP_LISTEN)
		return 0;
	if (!toytcp_sk(sk)->claim.port)
		err = toytcp_bind_port(sk, 0);
	if (err)
		return err;
	inet_sk(sk)->inet_sport = htons(inet_sk(sk)->inet_num);
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return -ENOMEM;
	INIT_LIST_HEAD(&l->accept_queue);
	l->sk = sk;
	l->tn = toytcp_sock_net(sk);
	toytcp_synq_init(l);
	l->cookies_until = jiffies - 1;
	WRITE_ONCE(toytcp_sk(sk)->listener, l);
	sk->sk_ack_backlog = 0;
	sk_dst_reset(sk);	/* before anything can be cloned from it */
	toytcp_user_listen(&toytcp_sk(sk)->tcb);
	inet_sk_set_state(sk, TCP_LISTEN);
	err = toytcp_ports_listen(l);
	if (err)
		toytcp_listener_stop(sk);
	return err;
}
