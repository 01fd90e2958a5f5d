// SPDX-License-Identifier: GPL-2.0
/* IPv4 packets that no socket sends: route and header. Context: any. */
#include "ipv4.h"

/* Fills in how to route the answer to a packet, whose device may be gone. */
void toytcp_ipv4_route_to(struct net *net, const struct sk_buff *skb,
			  struct toytcp_route *route)
{
	memset(route, 0, sizeof(*route));
	route->mark = IP4_REPLY_MARK(net, skb->mark);
	route->uid = sock_net_uid(net, NULL);
	if (netif_index_is_l3_master(net, skb->skb_iif))
		route->oif = skb->skb_iif;
}

/* toytcp_ipv4_opened() - what IP_PKTOPTIONS tells: @skb has opened @sk */
void toytcp_ipv4_opened(struct sock *sk, const struct sk_buff *skb)
{
	inet_sk(sk)->mc_index = inet_iif(skb);
	inet_sk(sk)->mc_ttl = ip_hdr(skb)->ttl;
	inet_sk(sk)->rcv_tos = ip_hdr(skb)->tos;
}

/* Looks up the route of an answer. Returns it, held, or an error pointer. */
struct dst_entry *toytcp_ipv4_route_reply(struct net *net,
					  const struct toytcp_tuple *who,
					  const struct toytcp_route *route)
{
	struct flowi4 fl4 = {
		.flowi4_oif = route->oif,
		.flowi4_mark = route->mark,
		.flowi4_uid = route->uid,
		.flowi4_proto = toytcp_protocol,
		/* Our address may not be local (transparent proxies, DNAT). */
		.flowi4_flags = FLOWI_FLAG_ANYSRC,
		.daddr = who->remote,
		.saddr = who->local,
		.fl4_sport = htons(who->lport),
		.fl4_dport = htons(who->rport),
	};
	struct rtable *rt;

	if (route->dst)
		return route->dst;
	rt = ip_route_output_key(net, &fl4);
	return IS_ERR(rt) ? ERR_CAST(rt) : &rt->dst;
}

/* Sends a packet that no connection sends: data at our header, routed. */
void toytcp_ipv4_reply(struct net *net, struct sk_buff *skb,
		       const struct toytcp_tuple *who,
		       const struct toytcp_route *route)
{
	struct iphdr *ip = skb_push(skb, sizeof(*ip));

	skb_reset_network_header(skb);
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tos = route->tos,
		.frag_off = htons(IP_DF),
		.ttl = route->ttl ? route->ttl : ip4_dst_hoplimit(skb_dst(skb)),
		.protocol = toytcp_protocol,
		.saddr = who->local,
		.daddr = who->remote,
	};
	skb->protocol = htons(ETH_P_IP);
	ip_local_out(net, skb->sk, skb);
}
