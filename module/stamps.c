// SPDX-License-Identifier: GPL-2.0
/*
 * Control messages: time stamps of text that was received (SO_TIMESTAMP...), and
 * of the moment when the peer has acknowledged what was sent (TX_ACK of
 * SO_TIMESTAMPING). Context: the socket lock; toytcp_stamps_asked(): process.
 *
 * If a node's @fin is set in the send queue, where nodes mean nothing to the
 * core, the user wants to hear when all before its @range_end is acknowledged.
 */
#include <linux/errqueue.h>

#include "core/seq.h"
#include "toytcp.h"

/*
 * What was read came with @skb: only one message, of the last segment, stays.
 * @len: how much room the user has for control messages.
 */
void toytcp_stamps_received(struct sock *sk, struct msghdr *msg,
			    size_t len, struct sk_buff *skb)
{
	size_t used = len - msg->msg_controllen;

	if (!skb->tstamp && !skb_hwtstamps(skb)->hwtstamp)
		return;
	msg->msg_control -= used;
	msg->msg_controllen += used;
	sock_recv_timestamp(msg, sk, skb);
}

/* The text of @from joins that of @to. */
void toytcp_stamps_copy(struct sk_buff *to, struct sk_buff *from)
{
	to->tstamp = from->tstamp;
	*skb_hwtstamps(to) = *skb_hwtstamps(from);
}

/* Returns the flags of SO_TIMESTAMPING that hold for this send(), or -EINVAL. */
int toytcp_stamps_asked(struct sock *sk, struct msghdr *msg)
{
	struct sockcm_cookie cookie;

	sockcm_init(&cookie, sk);
	if (msg->msg_controllen && sock_cmsg_send(sk, msg, &cookie))
		return -EINVAL;
	return cookie.tsflags;
}

/*
 * @sent bytes were queued, with @flags. To the user they have numbers from when
 * he asked for that on: sk_tskey counts, which the kernel then sets to 0. (For
 * TCP alone it would subtract sk_tskey from what is reported.)
 */
void toytcp_stamps_sent(struct sock *sk, u32 flags, u32 sent)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);
	u32 key = 0;

	if (flags & SOF_TIMESTAMPING_OPT_ID)
		key = atomic_add_return(sent, &sk->sk_tskey) - 1;
	if (!skb || !(flags & SOF_TIMESTAMPING_TX_ACK))
		return;
	skb_shinfo(skb)->tskey = key;
	toytcp_node(skb)->range_end = toytcp_sk(sk)->tcb.snd.end;
	toytcp_node(skb)->fin = 1;
}

/* Some of what is queued in @skb may be acknowledged. */
void toytcp_stamps_acked(struct sock *sk, struct sk_buff *skb)
{
	struct reassembly_node *node = toytcp_node(skb);

	if (likely(!node->fin) ||
	    seq_after(node->range_end, toytcp_sk(sk)->tcb.snd.una))
		return;
	node->fin = 0;
	__skb_tstamp_tx(skb, NULL, NULL, sk, SCM_TSTAMP_ACK);
}
