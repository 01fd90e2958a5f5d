/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What belongs to IPv4 on a packet's way in and out. With the hook, icmp.c and
 * offload.c it is all that a second family would need beside its addresses.
 */
#ifndef TOYTCP_IPV4_H
#define TOYTCP_IPV4_H

#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "toytcp.h"

/** toytcp_tuple_of() - a packet's four-tuple, from our side */
static inline struct toytcp_tuple toytcp_tuple_of(const struct sk_buff *skb,
						  const struct segment *seg)
{
	return (struct toytcp_tuple) {
		.local = ip_hdr(skb)->daddr, .remote = ip_hdr(skb)->saddr,
		.lport = seg->destination, .rport = seg->source,
	};
}

/** toytcp_ingress_of() - a packet's devices; skb->cb is still IP's */
static inline struct toytcp_ingress toytcp_ingress_of(const struct sk_buff *skb)
{
	return (struct toytcp_ingress) {
		.dif = inet_iif(skb), .sdif = inet_sdif(skb),
	};
}

/** toytcp_ipv4_ecn() - the ECN field of a packet that arrived, ECN_CE... */
static inline u8 toytcp_ipv4_ecn(const struct sk_buff *skb)
{
	return ip_hdr(skb)->tos & INET_ECN_MASK;
}

/** toytcp_ipv4_min_ttl() - has it as many hops left as IP_MINTTL asks for? */
static inline bool toytcp_ipv4_min_ttl(const struct sock *sk,
				       const struct sk_buff *skb)
{
	return ip_hdr(skb)->ttl >= READ_ONCE(inet_sk(sk)->min_ttl);
}

/** toytcp_ipv4_policy() - does IPsec's policy allow it? @sk: may be NULL */
static inline bool toytcp_ipv4_policy(struct sock *sk, struct sk_buff *skb)
{
	return xfrm4_policy_check(sk, XFRM_POLICY_IN, skb);
}

/** toytcp_ipv4_is_group() - is it from a broadcast or multicast address? */
static inline bool toytcp_ipv4_is_group(struct net *net,
					const struct sk_buff *skb)
{
	unsigned int type = inet_addr_type_dev_table(net, skb->dev,
						     ip_hdr(skb)->saddr);

	return type == RTN_BROADCAST || type == RTN_MULTICAST;
}

/** toytcp_ipv4_pseudo_sum() - of the pseudo-header, for CHECKSUM_PARTIAL */
static inline __sum16 toytcp_ipv4_pseudo_sum(__be32 saddr, __be32 daddr, u32 len)
{
	return ~csum_tcpudp_magic(saddr, daddr, len, toytcp_protocol, 0);
}

/** toytcp_ipv4_room() - of @mtu bytes, those beside IP's header and options */
static inline u32 toytcp_ipv4_room(const struct sock *sk, u32 mtu)
{
	const struct ip_options_rcu *options =
		rcu_dereference_protected(inet_sk(sk)->inet_opt,
					  lockdep_sock_is_held(sk));
	u32 header = sizeof(struct iphdr);

	if (options)
		header += options->opt.optlen;
	return mtu - min(mtu, header);
}

/** toytcp_ipv4_xmit() - send a socket's packet; @skb is taken over */
static inline int toytcp_ipv4_xmit(struct sock *sk, struct sk_buff *skb, u8 ecn)
{
	struct inet_sock *inet = inet_sk(sk);

	return __ip_queue_xmit(sk, skb, &inet->cork.fl,
			       READ_ONCE(inet->tos) | ecn);
}

void toytcp_ipv4_opened(struct sock *sk, const struct sk_buff *skb);
void toytcp_ipv4_route_to(struct net *net, const struct sk_buff *skb,
			  struct toytcp_route *route);
struct dst_entry *toytcp_ipv4_route_reply(struct net *net,
					  const struct toytcp_tuple *who,
					  const struct toytcp_route *route);
void toytcp_ipv4_reply(struct net *net, struct sk_buff *skb,
		       const struct toytcp_tuple *who,
		       const struct toytcp_route *route);

#endif /* TOYTCP_IPV4_H */
