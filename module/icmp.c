// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors, and with them path MTU discovery.
 *
 * ICMP errors are easily forged. One is accepted only if it quotes a
 * sequence number that is outstanding (RFC 5927), and even then it ends no
 * connection that has been established, raises no MTU and lowers none below
 * the system's minimum.
 */
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/tcp.h>
#include <net/icmp.h>

#include "compat/compat.h"
#include "core/seq.h"
#include "ipv4.h"

/* An ICMP error and the segment that it quotes. */
struct quote {
	struct sk_buff *skb;		/* its data: the IP header quoted */
	u8 type;
	u8 code;
	u32 info;			/* the next hop's MTU, or 0 */
	struct toytcp_tuple who;	/* from our side */
	u32 seq;			/* SEG.SEQ of the segment quoted */
	int error;			/* the errno for the user, or 0 */
};

/* The errno of a failed connection attempt, as TCP's; 0: ignore the error. */
static int error_of(u8 type, u8 code)
{
	int error = 0;

	if (type == ICMP_PARAMETERPROB)
		error = EPROTO;
	else if (type == ICMP_TIME_EXCEEDED)
		error = EHOSTUNREACH;
	else if (type == ICMP_DEST_UNREACH && code <= NR_ICMP_UNREACH)
		error = icmp_err_convert[code].errno;
	return error;
}

/* The error queue of IP_RECVERR, read by recvmsg() with MSG_ERRQUEUE. */
static void queue_error(struct sock *sk, const struct quote *q)
{
	struct sk_buff *skb = skb_clone(q->skb, GFP_ATOMIC);
	const struct iphdr *ip;
	struct sock_exterr_skb *err;

	if (!skb)
		return;
	ip = (const struct iphdr *)skb->data;
	err = SKB_EXT_ERR(skb);
	memset(&err->ee, 0, sizeof(err->ee));
	err->ee.ee_errno = q->error;
	err->ee.ee_origin = SO_EE_ORIGIN_ICMP;
	err->ee.ee_type = q->type;
	err->ee.ee_code = q->code;
	err->ee.ee_info = q->info;
	err->addr_offset = (u8 *)&ip->daddr - skb_network_header(skb);
	err->port = htons(q->who.rport);
	__skb_pull(skb, ip->ihl * 4);
	skb_reset_transport_header(skb);
	if (sock_queue_err_skb(sk, skb))
		kfree_skb(skb);
}

/* RFC 9293 section 3.9.2.2: giving up in SYN-SENT loses nothing. */
static void fail(struct sock *sk, int error)
{
	struct actions act;

	toytcp_user_unreachable(&toytcp_sk(sk)->tcb, error, &act);
	toytcp_settle(sk, &act, NULL);
}

/* Leaves the rest to toytcp_icmp_deferred(). */
static void defer(struct sock *sk)
{
	if (!test_and_set_bit(TOYTCP_ICMP_DEFERRED, &sk->sk_tsq_flags))
		sock_hold(sk);
}

static bool connecting(const struct sock *sk)
{
	return (1 << READ_ONCE(sk->sk_state)) & STATES_SYN;
}

/* On lo and veth the error arrives while connect() still holds the lock. */
static void refuse(struct sock *sk, const struct quote *q)
{
	if (toytcp_compat_recverr(sk))
		queue_error(sk, q);
	if (!sock_owned_by_user(sk)) {
		fail(sk, q->error);
		return;
	}
	WRITE_ONCE(sk->sk_err_soft, q->error);
	defer(sk);
}

/*
 * In other states the error is soft, RFC 9293 MUST-56: the user gets it if the
 * connection times out, or at once with IP_RECVERR.
 */
static void advise(struct sock *sk, int error)
{
	if (sock_owned_by_user(sk) || !toytcp_compat_recverr(sk)) {
		WRITE_ONCE(sk->sk_err_soft, error);
		return;
	}
	WRITE_ONCE(sk->sk_err, error);
	sk_error_report(sk);
}

static bool believes_mtu(const struct sock *sk, const struct dst_entry *dst)
{
	return READ_ONCE(inet_sk(sk)->pmtudisc) != IP_PMTUDISC_DONT &&
	       ip_sk_accept_pmtu(sk) &&
	       !(dst && dst_metric_locked(dst, RTAX_MTU));
}

/* The route learns the MTU too, for other connections and for fragmentation. */
static void fit_path(struct sock *sk, u32 mtu)
{
	u32 least = READ_ONCE(sock_net(sk)->ipv4.ip_rt_min_pmtu);
	struct dst_entry *dst = __sk_dst_check(sk, 0);

	if (dst)
		dst->ops->update_pmtu(dst, sk, NULL, mtu, true);
	if (believes_mtu(sk, dst) &&
	    toytcp_transmit_sync_mss(sk, max(mtu, least)))
		toytcp_settle_call(sk, CAUSE_ICMP);
}

static void too_big(struct sock *sk, u32 mtu)
{
	mtu = clamp_t(u32, mtu, 1, 65535);
	if (!sock_owned_by_user(sk)) {
		fit_path(sk, mtu);
		return;
	}
	toytcp_sk(sk)->mtu = mtu;
	defer(sk);
}

static void redirect(struct sock *sk, struct sk_buff *skb)
{
	struct dst_entry *dst;

	if (sock_owned_by_user(sk))
		return;
	dst = __sk_dst_check(sk, 0);
	if (dst)
		dst->ops->redirect(dst, sk, skb);
}

/* RFC 5927 section 4.1. Unlocked, it may have become another connection. */
static bool believable(const struct sock *sk, const struct quote *q)
{
	const struct toytcp_sock *tp = toytcp_sk(sk);

	return sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN &&
	       toytcp_tuple_same(&tp->entry.who, &q->who) &&
	       seq_between(tp->tcb.snd.una, q->seq, tp->tcb.snd.nxt);
}

static void arrives(struct sock *sk, const struct quote *q)
{
	/* A user may own the socket: any value that it had will do. */
	if (!data_race(believable(sk, q)))
		toytcp_count(toytcp_sock_net(sk), drop_icmp);
	else if (q->type == ICMP_REDIRECT)
		redirect(sk, q->skb);
	else if (q->type == ICMP_DEST_UNREACH && q->code == ICMP_FRAG_NEEDED)
		too_big(sk, q->info);
	else if (q->error && connecting(sk))
		refuse(sk, q);
	else if (q->error)
		advise(sk, q->error);
}

/* RFC 792: an error quotes the IP header and 8 bytes: our ports and SEG.SEQ. */
static bool parse_quote(struct quote *q)
{
	const struct iphdr *ip = (const struct iphdr *)q->skb->data;
	const struct tcphdr *tcp;

	if (!pskb_may_pull(q->skb, ip->ihl * 4 + 8))
		return false;
	ip = (const struct iphdr *)q->skb->data;
	tcp = (const struct tcphdr *)(q->skb->data + ip->ihl * 4);
	q->who.local = ip->saddr;
	q->who.remote = ip->daddr;
	q->who.lport = ntohs(tcp->source);
	q->who.rport = ntohs(tcp->dest);
	q->seq = ntohl(tcp->seq);
	return true;
}

/* Context: the socket lock, which a user had when the error came. */
void toytcp_icmp_deferred(struct sock *sk)
{
	u16 mtu = toytcp_sk(sk)->mtu;
	int error;

	sock_owned_by_me(sk);
	if (!test_and_clear_bit(TOYTCP_ICMP_DEFERRED, &sk->sk_tsq_flags))
		return;
	toytcp_sk(sk)->mtu = 0;
	if (mtu && sk->sk_state != TCP_CLOSE)
		fit_path(sk, mtu);
	error = connecting(sk) ? xchg(&sk->sk_err_soft, 0) : 0;
	if (error)
		fail(sk, error);
	__sock_put(sk);
}

/*
 * net_protocol.err_handler: an error whose data begins with the IP header that
 * it quotes; not taken over. @info: the next hop's MTU with ICMP_FRAG_NEEDED.
 * Requests and TIME-WAIT time out by themselves. Context: softirq, RCU.
 */
int toytcp_icmp_error(struct sk_buff *skb, u32 info)
{
	const struct icmphdr *icmp = icmp_hdr(skb);
	const struct toytcp_ingress in = toytcp_ingress_of(skb);
	struct net *net = dev_net(skb->dev);
	struct toytcp_entry *entry;
	struct quote q = {
		.skb	= skb,
		.type	= icmp->type,
		.code	= icmp->code,
		.info	= info,
		.error	= error_of(icmp->type, icmp->code),
	};

	if (!parse_quote(&q))
		return 0;
	local_bh_disable();
	entry = toytcp_table_find(toytcp_net(net), &q.who, &in);
	if (entry && entry->kind == ENTRY_SOCKET) {
		bh_lock_sock(toytcp_entry_sock(entry));
		arrives(toytcp_entry_sock(entry), &q);
		bh_unlock_sock(toytcp_entry_sock(entry));
	} else {
		__ICMP_INC_STATS(net, ICMP_MIB_INERRORS);
	}
	local_bh_enable();
	return 0;
}
