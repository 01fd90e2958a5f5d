// SPDX-License-Identifier: GPL-2.0
/*
 * Segmentation offload. Our header is TCP's, so TCP's functions do the work.
 * They do not know the protocol number in the checksum's pseudo-header: where
 * it matters, the checksum is verified or prepared here. Cutting adjusts a
 * checksum that is there already.
 */
#include <linux/delay.h>
#include <net/gro.h>
#include <net/protocol.h>

#include "compat/compat.h"
#include "ipv4.h"

#define DRAIN_MS	20	/* two jiffies */
#define DRAIN_MAX_MS	10000	/* more, and a device loses packets */

static const struct net_offload *tcp_offload(void)
{
	return rcu_dereference(inet_offloads[IPPROTO_TCP]);
}

/*
 * Segments cut from a packet of ours wait in the queue instead of it. All of
 * them belong to the socket: with sock_wfree() as its destructor the last one
 * alone would, be another flow to veth's GRO, and overtake the others.
 */
static void own_segments(struct sk_buff *segs, struct sock *sk)
{
	for (; !IS_ERR_OR_NULL(segs); segs = segs->next)
		toytcp_smallq_own(segs, sk);
}

static struct sk_buff *gso_segment(struct sk_buff *skb,
				   netdev_features_t features)
{
	struct sk_buff *segs;

	/* Others go by the place of the checksum, and take it for TCP's. */
	if (!(features & NETIF_F_HW_CSUM) || !toytcp_checksum_device(skb->dev))
		features &= ~NETIF_F_CSUM_MASK;
	if (!pskb_may_pull(skb, SEGMENT_HEADER_MIN))
		return ERR_PTR(-EINVAL);
	if (skb->ip_summed != CHECKSUM_PARTIAL) {	/* not one of ours */
		tcp_hdr(skb)->check =
			toytcp_ipv4_pseudo_sum(ip_hdr(skb)->saddr,
					       ip_hdr(skb)->daddr, skb->len);
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_transport_header(skb) - skb->head;
		skb->csum_offset = SEGMENT_CHECKSUM_OFFSET;
	}
	segs = tcp_offload()->callbacks.gso_segment(skb, features);
	if (skb->destructor == toytcp_smallq_free)
		own_segments(segs, skb->sk);
	return segs;
}

static bool draining;		/* segments are no longer joined */
static unsigned long longest_hold;	/* that a device has asked for, ns */

/*
 * TCP must also see a packet that IP does not want to be joined: what GRO holds
 * of the flow must be delivered first. In a list (GRO_FRAGLIST) segments keep
 * their headers, and TCP would later redo the checksums as its own.
 */
static struct sk_buff *gro_receive(struct list_head *head, struct sk_buff *skb)
{
	unsigned long hold = READ_ONCE(skb->dev->gro_flush_timeout);

	if (unlikely(hold > READ_ONCE(longest_hold)))
		WRITE_ONCE(longest_hold, hold);
	if (!NAPI_GRO_CB(skb)->flush) {
		if (READ_ONCE(draining) ||
		    skb->dev->features & NETIF_F_GRO_FRAGLIST ||
		    skb_gro_checksum_validate(skb, toytcp_protocol,
					      inet_gro_compute_pseudo)) {
			NAPI_GRO_CB(skb)->flush = 1;
			return NULL;
		}
		/* One more checksum is known to be good: TCP skips its own. */
		NAPI_GRO_CB(skb)->csum_cnt = 1;
	}
	return tcp_offload()->callbacks.gro_receive(head, skb);
}

/* Packets with IP options are never joined: the IP header has 20 bytes. */
static int gro_complete(struct sk_buff *skb, int thoff)
{
	int err = tcp_offload()->callbacks.gro_complete(skb, thoff);
	struct tcphdr *header = (struct tcphdr *)(skb->data + thoff);
	const struct iphdr *ip = (const struct iphdr *)header - 1;

	if (err)
		return err;
	header->check = toytcp_ipv4_pseudo_sum(ip->saddr, ip->daddr,
					       skb->len - thoff);
	skb_shinfo(skb)->gso_type |= TOYTCP_GSO_TYPE;
	return 0;
}

const struct net_offload toytcp_offload = {
	.callbacks = {
		.gso_segment	= gso_segment,
		.gro_receive	= gro_receive,
		.gro_complete	= gro_complete,
	},
};

/*
 * The module goes: waits until GRO holds nothing joined, for which it would look
 * for gro_complete() in vain. It leaves with a poll in a later jiffy. Context:
 * module exit.
 */
void toytcp_offload_drain(void)
{
	WRITE_ONCE(draining, true);
	synchronize_net();
	msleep(DRAIN_MS + min_t(unsigned long, longest_hold / NSEC_PER_MSEC,
				DRAIN_MAX_MS));
}
