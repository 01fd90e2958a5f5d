// SPDX-License-Identifier: GPL-2.0
/*
 * The netfilter hooks. In the first, packets of our protocol leave IP's ordinary
 * path. It sits behind all the administrator's rules: "drop" means drop. A
 * packet that gets past it (in a namespace without the hook as yet) comes to
 * toytcp_hook_input() by the protocol handler.
 */
#include <linux/netfilter_ipv4.h>
#include <net/route.h>

#include "compat/compat.h"
#include "toytcp.h"

/* If it is right, any other fault is the sender's. */
static bool checksum_ok(struct sk_buff *skb)
{
	return !skb_checksum_init(skb, toytcp_protocol, inet_compute_pseudo) &&
	       !skb_checksum_complete(skb);
}

/* A header that is longer than the segment is left for the parser to reject. */
static bool pull_header(struct sk_buff *skb)
{
	u32 hdrlen;

	if (!pskb_may_pull(skb, SEGMENT_HEADER_MIN))
		return false;
	hdrlen = toytcp_segment_hdrlen(skb->data);
	return hdrlen > skb->len || pskb_may_pull(skb, hdrlen);
}

/* Validates a segment, once and for all; drops it if it is not good. */
static bool parse(struct toytcp_net *tn, struct sk_buff *skb,
		  struct segment *seg)
{
	bool is_short = skb->len < SEGMENT_HEADER_MIN;

	if (!is_short && !pull_header(skb)) {
		toytcp_drop(tn, skb, drop_memory);
		return false;
	}
	if (!is_short && !checksum_ok(skb)) {
		toytcp_count(tn, in_errors);
		toytcp_drop(tn, skb, drop_checksum);
		return false;
	}
	switch (toytcp_segment_parse(seg, skb->data, skb->len)) {
	case SEGMENT_OK:
		return true;
	case SEGMENT_SHORT:
		toytcp_drop(tn, skb, drop_short);
		break;
	case SEGMENT_OFFSET:
		toytcp_drop(tn, skb, drop_offset);
		break;
	case SEGMENT_OPTIONS:
		toytcp_drop(tn, skb, drop_options);
		break;
	}
	toytcp_count(tn, in_errors);
	return false;
}

/*
 * A packet of our protocol is for this host. @skb: data at our header, ip_hdr()
 * valid, with a route; taken over. Context: softirq; process after NFQUEUE.
 */
int toytcp_hook_input(struct sk_buff *skb)
{
	struct toytcp_net *tn = toytcp_net(dev_net(skb->dev));
	struct segment seg;

	local_bh_disable();
	toytcp_count(tn, in_segments);
	if (skb->pkt_type != PACKET_HOST ||
	    skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		toytcp_drop(tn, skb, drop_martian);	/* RFC 9293 MUST-57 */
	} else if (parse(tn, skb, &seg)) {
		if (seg.ctl & CTL_RST)
			toytcp_count(tn, in_resets);
		toytcp_dispatch_packet(tn, skb, &seg);
	}
	local_bh_enable();
	return 0;
}

/*
 * NF_STOLEN: from here on exactly one of us frees the skb, and does what
 * ip_local_deliver_finish() and its callees would have done for us.
 */
static unsigned int local_in(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	unsigned int verdict;

	if (ip_hdr(skb)->protocol != toytcp_protocol)
		return NF_ACCEPT;
	verdict = toytcp_compat_confirm(skb);
	if (verdict != NF_ACCEPT)
		return verdict;
	skb_clear_delivery_time(skb);
	/*
	 * What comes by lo was corrected when it left. A sender with
	 * MSG_ZEROCOPY on this host still owns its pages.
	 */
	if ((skb_nfct(skb) && !(state->in->flags & IFF_LOOPBACK) &&
	     !toytcp_checksum_nat(skb)) ||
	    skb_orphan_frags_rx(skb, GFP_ATOMIC)) {
		toytcp_drop(toytcp_net(state->net), skb, drop_memory);
		return NF_STOLEN;
	}
	__skb_pull(skb, skb_network_header_len(skb));
	toytcp_hook_input(skb);
	return NF_STOLEN;
}

/* A packet leaves, perhaps a forwarded one; NAT may have changed its device. */
static unsigned int post_routing(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	if (ip_hdr(skb)->protocol != toytcp_protocol ||
	    ((!skb_nfct(skb) || toytcp_checksum_nat(skb)) &&
	     toytcp_checksum_leave(skb, state->out)))
		return NF_ACCEPT;
	return NF_DROP;
}

const struct nf_hook_ops toytcp_hook_ops[] = {
	{ .hook = local_in, .pf = NFPROTO_IPV4, .hooknum = NF_INET_LOCAL_IN,
	  .priority = NF_IP_PRI_CONNTRACK_CONFIRM - 1 },
	{ .hook = post_routing, .pf = NFPROTO_IPV4,
	  .hooknum = NF_INET_POST_ROUTING, .priority = NF_IP_PRI_NAT_SRC + 1 },
};
