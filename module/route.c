// SPDX-License-Identifier: GPL-2.0
/*
 * What the administrator has set for a route (ip-route(8)): advmss, window,
 * initcwnd, rto_min, quickack and features ecn. transmit.c follows its MTU.
 * Context: any.
 */
#include "toytcp.h"

/*
 * The MSS to announce, RFC 9293 section 3.7.1. Returns bytes of text and
 * options; those of IP do not count (RFC 6691).
 */
static u16 announced_mss(const struct sock *sk, const struct dst_entry *dst)
{
	u32 mtu = dst_mtu(dst), header = sizeof(struct iphdr);
	u32 mss = toytcp_path_mss(mtu - min(mtu, header),
				  READ_ONCE(toytcp_sk(sk)->user_mss));

	return max_t(u32, min(mss, dst_metric_advmss(dst)), MSS_MIN);
}

/**
 * toytcp_route_offer() - what a SYN offers over a route, or a SYN,ACK accepts
 * @sk: the socket, or its listener, which need not be locked
 * @who: the four-tuple
 * @dst: the route
 * @accepts: the peer has begun
 */
struct offer toytcp_route_offer(const struct sock *sk,
				const struct toytcp_tuple *who,
				const struct dst_entry *dst, bool accepts)
{
	const struct toytcp_net *tn = toytcp_sock_net(sk);
	int ecn = READ_ONCE(tn->sysctl_ecn);
	u32 window = dst_metric(dst, RTAX_WINDOW);

	return (struct offer){
		.window = min_not_zero(toytcp_buffers_window(sk), window),
		.stamp_offset = toytcp_isn_stamp(tn, who),
		.mss = announced_mss(sk, dst),
		.timestamps = READ_ONCE(tn->sysctl_timestamps),
		.sack = READ_ONCE(tn->sysctl_sack),
		.ecn = ecn == 1 || (ecn && accepts) ||
		       dst_feature(dst, RTAX_FEATURE_ECN),
	};
}

/* A connection begins over this route; @sk is locked, or nobody else's. */
void toytcp_route_begin(struct sock *sk, const struct dst_entry *dst)
{
	struct toytcp_sock *tp = toytcp_sk(sk);

	toytcp_path_begin(&tp->tcb, dst_metric(dst, RTAX_INITCWND),
			  dst_metric_locked(dst, RTAX_RTO_MIN) ?
			  dst_metric(dst, RTAX_RTO_MIN) : 0,
			  dst_metric(dst, RTAX_QUICKACK));
	tp->window_limit = dst_metric(dst, RTAX_WINDOW);
	toytcp_user_buffer(&tp->tcb, toytcp_buffers_text(sk), false);
}
