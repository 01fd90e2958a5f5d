// SPDX-License-Identifier: GPL-2.0
/*
 * Checksums that would be wrong on the wire. To the rest of the kernel ours is
 * an unknown protocol: NAT does not correct what the checksum covers of the IP
 * addresses, and a device that sums only TCP and UDP is asked to sum ours.
 * Context: a netfilter hook's, RCU.
 */
#include "compat/compat.h"
#include "ipv4.h"

/*
 * Corrects the sum, complete or not, after NAT: it was made for the addresses
 * that conntrack knows this direction by. nf_conntrack need not be loaded. @skb:
 * data at the IP header. Returns false if memory is short.
 */
bool toytcp_checksum_nat(struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	u32 at = ip_hdrlen(skb) + SEGMENT_CHECKSUM_OFFSET;
	const struct nf_conntrack_tuple *was;
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);
	__sum16 *sum;

	if (!ct || !(READ_ONCE(ct->status) & IPS_NAT_MASK) ||
	    skb->len < at + sizeof(*sum))
		return true;
	if (skb_ensure_writable(skb, at + sizeof(*sum)))
		return false;
	sum = (__sum16 *)(skb->data + at);
	was = &ct->tuplehash[CTINFO2DIR(info)].tuple;
	inet_proto_csum_replace4(sum, skb, was->src.u3.ip, ip_hdr(skb)->saddr,
				 true);
	inet_proto_csum_replace4(sum, skb, was->dst.u3.ip, ip_hdr(skb)->daddr,
				 true);
#endif
	return true;
}

/*
 * May a device be left to sum packets of ours? Only hardware, which has a parent,
 * says what it can do itself. VLANs, bridges and the like say that they sum
 * anything, and pass the packet on to a card that may not. What lo takes, or a
 * veth that is in no bridge, is for IP in this host: it need not be summed.
 */
bool toytcp_checksum_device(struct net_device *dev)
{
	const struct net_device_ops *ops = dev->netdev_ops;
	const struct net_device *peer = NULL;

	if (ops->ndo_get_peer_dev)
		peer = ops->ndo_get_peer_dev(dev);
	if (peer)
		return !rcu_access_pointer(peer->rx_handler);
	return dev->flags & IFF_LOOPBACK ||
	       (dev->dev.parent && dev->features & NETIF_F_HW_CSUM);
}

/*
 * Completes the sum of a packet that leaves, unless the device will; large ones
 * are summed when cut: gso_segment(). Returns false if memory is short.
 */
bool toytcp_checksum_leave(struct sk_buff *skb, struct net_device *dev)
{
	return skb->ip_summed != CHECKSUM_PARTIAL || skb_is_gso(skb) ||
	       toytcp_checksum_device(dev) || !skb_checksum_help(skb);
}
