// SPDX-License-Identifier: GPL-2.0
/*
 * The receive queue: text from rcv.copied to rcv.nxt. The nodes in the skbs say
 * which numbers each of them holds. Context: the socket lock.
 */
#include <net/xfrm.h>

#include "core/seq.h"
#include "toytcp.h"

#define ONE_PAGE	SKB_MAX_ORDER(0, 0)	/* bytes of text that fit it */

/**
 * toytcp_recvq_charge() - charge an skb to the receive buffer
 * @sk: locked
 * @skb: keeps its text, and forgets the rest of the packet: a slow reader must
 *	not hold up a device, a route or conntrack
 */
void toytcp_recvq_charge(struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	skb->dev = NULL;
	skb_dst_drop(skb);
	secpath_reset(skb);
	if (skb->sk != sk)
		skb_set_owner_r(skb, sk);
}

/* A short segment costs a whole skb: joined, many of them fit the buffer. */
static bool coalesce(struct sk_buff *tail, struct sk_buff *skb)
{
	struct reassembly_node *last, *node = toytcp_node(skb);
	bool stolen;
	int delta;

	if (!tail)
		return false;
	last = toytcp_node(tail);
	if (last->end != node->seq || last->end - last->seq != tail->len ||
	    skb->len > PAGE_SIZE)
		return false;
	if (!skb_try_coalesce(tail, skb, &stolen, &delta))
		return false;
	atomic_add(delta, &tail->sk->sk_rmem_alloc);
	sk_mem_charge(tail->sk, delta);
	last->end = node->end;
	toytcp_stamps_copy(tail, skb);
	kfree_skb_partial(skb, stolen);
	return true;
}

/*
 * If they cannot be joined (a sender on the same machine still has a clone),
 * and half of the buffer is in use, a short segment is copied to an skb that
 * has room for those that follow.
 */
static struct sk_buff *move_to_page(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *page;

	if (skb->truesize <= 2 * skb->len || skb->len > ONE_PAGE ||
	    atomic_read(&sk->sk_rmem_alloc) < READ_ONCE(sk->sk_rcvbuf) / 2)
		return skb;
	page = alloc_skb(ONE_PAGE, GFP_ATOMIC | __GFP_NOWARN);
	if (!page)
		return skb;
	*toytcp_node(page) = *toytcp_node(skb);
	skb_copy_bits(skb, 0, skb_put(page, skb->len), skb->len);
	toytcp_stamps_copy(page, skb);
	consume_skb(skb);
	skb_set_owner_r(page, sk);
	return page;
}

/**
 * toytcp_recvq_add() - queue text that is in order
 * @sk: locked
 * @ready: chain of nodes from the core
 *
 * A node whose text is queued already is freed. One of which a part is queued
 * overlaps the one before it: readers go by rcv.copied and the nodes' numbers.
 */
void toytcp_recvq_add(struct sock *sk, struct reassembly_node *ready)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_receive_queue);
	u32 have = tail ? toytcp_node(tail)->end : toytcp_sk(sk)->tcb.rcv.copied;
	struct reassembly_node *next;

	sock_owned_by_me(sk);
	for (; ready; ready = next) {
		struct sk_buff *skb = toytcp_node_skb(ready);

		next = ready->next;
		if (!seq_after(ready->end, have)) {
			kfree_skb(skb);
			continue;
		}
		have = ready->end;
		toytcp_recvq_charge(sk, skb);
		if (coalesce(tail, skb))
			continue;
		skb = move_to_page(sk, skb);
		__skb_queue_tail(&sk->sk_receive_queue, skb);
		tail = skb;
	}
}

/** toytcp_recvq_forget() - free text that was read or skipped: sk locked */
void toytcp_recvq_forget(struct sock *sk)
{
	u32 copied = toytcp_sk(sk)->tcb.rcv.copied;
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	while ((skb = skb_peek(&sk->sk_receive_queue)) &&
	       !seq_after(toytcp_node(skb)->end, copied)) {
		__skb_unlink(skb, &sk->sk_receive_queue);
		consume_skb(skb);
	}
}
