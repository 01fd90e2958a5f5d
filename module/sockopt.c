// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options: level SOL_TCP with the numbers, ranges and errors of tcp(7),
 * SOL_TOYTCP for our own, SOL_IP passed on to IP; and ioctl(2). Context:
 * process.
 */
#include <asm/ioctls.h>
#include <linux/nospec.h>
#include <linux/sockios.h>
#include <linux/sockptr.h>
#include <linux/tcp.h>

#include "toytcp.h"

#define KEEP_SECONDS_MAX	32767
#define RETRIES_MAX		127
#define LINGER2_MAX		120	/* seconds */
#define USER_MSS_MIN		88
#define USER_MSS_MAX		32767
#define CONGESTION_NAME_MAX	16	/* TCP_CA_NAME_MAX */

/* An option of level SOL_TCP whose value is one int. */
struct option {
	int low, high;			/* the values that are allowed */
	enum user_option core;		/* or 0: set_own() and get_own() */
};

#define ANY	INT_MIN, INT_MAX

static const struct option options[] = {
	[TCP_NODELAY]	   = { ANY, OPTION_NODELAY },
	[TCP_MAXSEG]	   = { 0, USER_MSS_MAX },
	[TCP_CORK]	   = { ANY },
	[TCP_KEEPIDLE]	   = { 1, KEEP_SECONDS_MAX, OPTION_KEEP_IDLE },
	[TCP_KEEPINTVL]	   = { 1, KEEP_SECONDS_MAX, OPTION_KEEP_INTERVAL },
	[TCP_KEEPCNT]	   = { 1, RETRIES_MAX, OPTION_KEEP_COUNT },
	[TCP_SYNCNT]	   = { 1, RETRIES_MAX, OPTION_SYN_RETRIES },
	[TCP_LINGER2]	   = { ANY },
	[TCP_DEFER_ACCEPT] = { ANY },
	[TCP_QUICKACK]	   = { ANY, OPTION_QUICK_ACKS },
	[TCP_USER_TIMEOUT] = { 0, INT_MAX, OPTION_USER_TIMEOUT },
};

static const struct option *find_option(int name)
{
	const struct option *o;

	if (name < 0 || name >= ARRAY_SIZE(options))
		return NULL;
	o = &options[array_index_nospec(name, ARRAY_SIZE(options))];
	return o->high ? o : NULL;
}

static int set_own(struct toytcp_sock *tp, int name, int val)
{
	switch (name) {
	case TCP_MAXSEG:
		if (val && val < USER_MSS_MIN)
			return -EINVAL;
		WRITE_ONCE(tp->user_mss, val);
		break;
	case TCP_CORK:
		WRITE_ONCE(tp->corked, !!val);
		toytcp_user_cork(&tp->tcb, val);
		break;
	case TCP_LINGER2:
		val = val ? clamp(val, 0, LINGER2_MAX) : FIN_WAIT_2_MAX;
		toytcp_user_set(&tp->tcb, OPTION_FIN_WAIT_2, val, toytcp_now());
		break;
	case TCP_DEFER_ACCEPT:
		WRITE_ONCE(tp->defer_accept, clamp(val, 0, 65535));
		break;
	}
	return 0;
}

static int get_own(const struct toytcp_sock *tp, int name)
{
	bool idle = (1 << tp->inet.sk.sk_state) & (TCPF_CLOSE | TCPF_LISTEN);
	int seconds = toytcp_user_get(&tp->tcb, OPTION_FIN_WAIT_2);

	switch (name) {
	case TCP_MAXSEG:
		return idle && tp->user_mss ? tp->user_mss : tp->tcb.snd.mss;
	case TCP_CORK:
		return tp->corked;
	case TCP_LINGER2:
		return seconds ? seconds : -1;
	}
	return tp->defer_accept;
}

static int set_congestion(struct sock *sk, sockptr_t optval, unsigned int len)
{
	char name[CONGESTION_NAME_MAX] = "";
	int algorithm;

	if (!len)
		return -EINVAL;
	len = min_t(size_t, len, sizeof(name) - 1);
	if (copy_from_sockptr(name, optval, len))
		return -EFAULT;
	algorithm = toytcp_congestion_find(name);
	if (algorithm < 0)
		return algorithm;
	lock_sock(sk);
	toytcp_congestion_select(&toytcp_sk(sk)->tcb, algorithm);
	WRITE_ONCE(toytcp_sk(sk)->congestion_set, true);
	release_sock(sk);
	return 0;
}

static int get_int(sockptr_t optval, unsigned int len, int *val)
{
	if (len < sizeof(*val))
		return -EINVAL;
	return copy_from_sockptr(val, optval, sizeof(*val)) ? -EFAULT : 0;
}

static int set_tcp(struct sock *sk, int name, sockptr_t optval,
		   unsigned int len)
{
	const struct option *o = find_option(name);
	struct toytcp_sock *tp = toytcp_sk(sk);
	int val, err;

	if (name == TCP_CONGESTION)
		return set_congestion(sk, optval, len);
	err = get_int(optval, len, &val);
	if (err)
		return err;
	if (!o)
		return -ENOPROTOOPT;
	if (val < o->low || val > o->high)
		return -EINVAL;
	lock_sock(sk);
	if (o->core)
		toytcp_user_set(&tp->tcb, o->core, val, toytcp_now());
	else
		err = set_own(tp, name, val);
	/* What Nagle, a cork or a delayed ACK held back may go out now. */
	if (!err)
		toytcp_settle_call(sk, CAUSE_SEND);
	release_sock(sk);
	return err;
}

/* A predictable ISN invites forged segments: for the administrator only. */
static int set_isn(struct sock *sk, sockptr_t optval, unsigned int len)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	int val, err;

	if (!ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	err = get_int(optval, len, &val);
	if (err)
		return err;
	lock_sock(sk);
	WRITE_ONCE(tp->isn, val);
	smp_store_release(&tp->isn_set, 1);	/* see choose_iss() */
	release_sock(sk);
	return 0;
}

/* proto.setsockopt: errors as in tcp(7). */
int toytcp_sockopt_set(struct sock *sk, int level, int name, sockptr_t optval,
		       unsigned int len)
{
	if (level == SOL_TCP)
		return set_tcp(sk, name, optval, len);
	/* A connection has no use for a group; ip_setsockopt() would join. */
	if (level == SOL_IP &&
	    (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP))
		return -EPROTO;
	if (level == SOL_TOYTCP)
		return name == TOYTCP_ISN ? set_isn(sk, optval, len) :
			-ENOPROTOOPT;
	return ip_setsockopt(sk, level, name, optval, len);
}

/* proto.keepalive: SO_KEEPALIVE has changed. */
void toytcp_sockopt_keepalive(struct sock *sk, int on)
{
	toytcp_user_set(&toytcp_sk(sk)->tcb, OPTION_KEEPALIVE, on,
			toytcp_now());
	toytcp_settle_call(sk, CAUSE_SEND);
}

/* Cut to the length the user has room for. */
static int put_value(char __user *optval, int __user *optlen, const void *from,
		     int size)
{
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = min(len, size);
	if (put_user(len, optlen) || copy_to_user(optval, from, len))
		return -EFAULT;
	return 0;
}

static int get_tcp(struct sock *sk, int name, char __user *optval,
		   int __user *optlen)
{
	const struct toytcp_sock *tp = toytcp_sk(sk);
	const struct option *o = find_option(name);
	char congestion[CONGESTION_NAME_MAX] = "";
	struct tcp_info info;
	int val;

	switch (name) {
	case TCP_INFO:
		memset(&info, 0, sizeof(info));	/* padding, too */
		lock_sock(sk);
		toytcp_info_fill(sk, &info);
		release_sock(sk);
		return put_value(optval, optlen, &info, sizeof(info));
	case TCP_CONGESTION:
		/* One word: read without the lock, as it is now. */
		val = data_race((int)tp->tcb.cc.algorithm);
		strscpy(congestion, toytcp_congestion_name(val),
			sizeof(congestion));
		return put_value(optval, optlen, congestion,
				 sizeof(congestion));
	}
	if (!o)
		return -ENOPROTOOPT;
	/* Likewise. */
	val = data_race(o->core ? (int)toytcp_user_get(&tp->tcb, o->core) :
				  get_own(tp, name));
	return put_value(optval, optlen, &val, sizeof(val));
}

/* proto.getsockopt: errors as in tcp(7). */
int toytcp_sockopt_get(struct sock *sk, int level, int name,
		       char __user *optval, int __user *optlen)
{
	/* One word: read without the lock, as it is now. */
	u32 isn = data_race(toytcp_sk(sk)->tcb.snd.iss);

	if (level == SOL_TCP)
		return get_tcp(sk, name, optval, optlen);
	if (level == SOL_TOYTCP)
		return name == TOYTCP_ISN ?
			put_value(optval, optlen, &isn, sizeof(isn)) :
			-ENOPROTOOPT;
	return ip_getsockopt(sk, level, name, optval, optlen);
}

/* proto.ioctl. Before a connection is made and after its end, no text waits. */
int toytcp_sockopt_ioctl(struct sock *sk, int cmd, int *value)
{
	const struct tcb *tcb = &toytcp_sk(sk)->tcb;
	bool early, idle;
	u32 unread;
	int err;

	lock_sock(sk);
	early = (1 << sk->sk_state) & STATES_SYN;
	idle = early || sk->sk_state == TCP_CLOSE;
	err = sk->sk_state == TCP_LISTEN ? -EINVAL : 0;
	switch (cmd) {
	case SIOCINQ:
		unread = toytcp_tcb_unread(tcb);
		if (tcb->rcv.urgent && !sock_flag(sk, SOCK_URGINLINE))
			unread = min(unread, tcb->rcv.up - tcb->rcv.copied);
		*value = early ? 0 : unread;
		break;
	case SIOCOUTQ:
		*value = idle ? 0 : tcb->snd.end + tcb->fin_sent - tcb->snd.una;
		break;
	case SIOCOUTQNSD:
		*value = idle ? 0 : toytcp_tcb_unsent(tcb);
		break;
	case SIOCATMARK:
		*value = toytcp_urgent_at(tcb, tcb->rcv.copied);
		err = 0;
		break;
	default:
		err = -ENOIOCTLCMD;
	}
	release_sock(sk);
	return err;
}
