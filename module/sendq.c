// SPDX-License-Identifier: GPL-2.0
/*
 * The send queue: text from snd.una to snd.end, in skbs whose payload is in
 * page fragments alone.
 *
 * A segment is usually a clone of one such skb, of up to 64 KB; for any other
 * range of numbers an skb with references to the same pages is made. A queued
 * skb never changes once a part of it was sent. Context: the socket lock.
 */
#include "core/seq.h"
#include "toytcp.h"

#define SENDQ_PAGES	16	/* of 32 KB, or less if memory is short */

/* toytcp_sendq_bare() - an skb with room for headers, or NULL. Context: any. */
struct sk_buff *toytcp_sendq_bare(void)
{
	struct sk_buff *skb = alloc_skb(TOYTCP_HEADROOM, GFP_ATOMIC);

	if (skb)
		skb_reserve(skb, TOYTCP_HEADROOM);
	return skb;
}

/*
 * Adds references to the pages of @from's payload from @offset on, for at most
 * @len bytes. Returns for how many.
 */
static u32 add_page_refs(struct sk_buff *skb, const struct sk_buff *from,
			 u32 offset, u32 len)
{
	const struct skb_shared_info *source = skb_shinfo(from);
	struct skb_shared_info *info = skb_shinfo(skb);
	u32 before = skb->len;
	int i;

	for (i = 0; i < source->nr_frags && len; i++) {
		u32 size = skb_frag_size(&source->frags[i]);
		skb_frag_t *frag = &info->frags[info->nr_frags];

		if (offset >= size) {
			offset -= size;
			continue;
		}
		if (info->nr_frags == MAX_SKB_FRAGS)
			break;
		*frag = source->frags[i];
		skb_frag_off_add(frag, offset);
		skb_frag_size_set(frag, min(size - offset, len));
		get_page(skb_frag_page(frag));
		skb->len += skb_frag_size(frag);
		len -= skb_frag_size(frag);
		offset = 0;
		info->nr_frags++;
	}
	return skb->len - before;
}

/* An skb with text from @offset in @from on, and of the skbs behind it. */
static struct sk_buff *carve(struct sock *sk, struct sk_buff *from, u32 offset,
			     u32 len)
{
	struct sk_buff *skb = toytcp_sendq_bare();
	u32 n;

	if (!skb)
		return NULL;
	do {
		n = add_page_refs(skb, from, offset, len);
		len -= n;
		from = skb_peek_next(from, &sk->sk_write_queue);
		offset = 0;
	} while (n && len && from);
	skb->data_len = skb->len;
	skb->truesize += skb->len;
	return skb;
}

/*
 * toytcp_sendq_take() - an skb with exactly @len bytes of text from @seq on, or
 * with less if they lie in too many pages; NULL if memory is short
 *
 * @skb is the queued one that has @seq. The header goes into its headroom,
 * which its clones share: so there can be only one clone at a time. While an
 * earlier one exists (on veth, until the peer has read it), references to the
 * pages are taken instead.
 */
struct sk_buff *toytcp_sendq_take(struct sock *sk, struct sk_buff *skb, u32 seq,
				  u32 len)
{
	u32 offset = seq - toytcp_node(skb)->seq;

	sock_owned_by_me(sk);
	if (!offset && len == skb->len && !skb_cloned(skb))
		return skb_clone(skb, GFP_ATOMIC);
	return carve(sk, skb, offset, len);
}

/*
 * toytcp_sendq_find() - the queued skb that holds a number, or NULL if there is
 * no text from @seq on; it usually follows that of the previous call
 */
struct sk_buff *toytcp_sendq_find(struct sock *sk, u32 seq)
{
	struct sk_buff *skb = toytcp_sk(sk)->send_next;

	sock_owned_by_me(sk);
	if (!skb || seq_before(seq, toytcp_node(skb)->seq))
		skb = skb_peek(&sk->sk_write_queue);
	while (skb && !seq_before(seq, toytcp_node(skb)->end))
		skb = skb_peek_next(skb, &sk->sk_write_queue);
	return skb;
}

static struct sk_buff *append_skb(struct sock *sk)
{
	struct sk_buff *skb = alloc_skb_fclone(TOYTCP_HEADROOM,
					       sk->sk_allocation);
	struct reassembly_node *node;

	if (!skb)
		return NULL;
	if (!sk_wmem_schedule(sk, skb->truesize)) {
		kfree_skb(skb);
		return NULL;
	}
	skb_reserve(skb, TOYTCP_HEADROOM);
	/* A clone may write its header; the payload is shared. */
	__skb_header_release(skb);
	node = toytcp_node(skb);
	node->seq = toytcp_sk(sk)->tcb.snd.end;
	node->end = node->seq;
	node->fin = 0;		/* see stamps.c */
	__skb_queue_tail(&sk->sk_write_queue, skb);
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
	return skb;
}

static void unlink_skb(struct sock *sk, struct sk_buff *skb)
{
	__skb_unlink(skb, &sk->sk_write_queue);
	sk_wmem_queued_add(sk, -(int)skb->truesize);
	sk_mem_uncharge(sk, skb->truesize);
	__kfree_skb(skb);
}

/*
 * How much may be added to the last skb: nothing while there is a clone, which
 * would grow, too.
 *
 * An skb holds what the device takes at once, so that a segment is usually a
 * clone of one skb. The part that was not sent yet is kept to whole segments, so
 * that the next skb begins with a new one.
 */
static u32 room_in(const struct sock *sk, const struct sk_buff *skb)
{
	const struct toytcp_sock *tp = toytcp_sk(sk);
	u32 goal = tp->path.gso_goal, mss = tp->tcb.snd.mss;
	u32 seq = toytcp_node(skb)->seq, room;
	u32 sent = seq_max(tp->tcb.snd.nxt, seq) - seq;

	if (skb_cloned(skb) || sent >= goal)
		return 0;
	room = goal > mss ? goal - (goal - sent) % mss : goal;
	return room > skb->len ? room - skb->len : 0;
}

static bool extends(struct sk_buff *skb, const struct page_frag *pfrag)
{
	return skb_can_coalesce(skb, skb_shinfo(skb)->nr_frags, pfrag->page,
				pfrag->offset);
}

/* Adds the @n bytes copied to @pfrag to the skb and to the connection. */
static void commit(struct sock *sk, struct sk_buff *skb,
		   struct page_frag *pfrag, u32 n)
{
	struct skb_shared_info *info = skb_shinfo(skb);

	if (extends(skb, pfrag)) {
		skb_frag_size_add(&info->frags[info->nr_frags - 1], n);
	} else {
		skb_fill_page_desc(skb, info->nr_frags, pfrag->page,
				   pfrag->offset, n);
		get_page(pfrag->page);
	}
	pfrag->offset += n;
	skb->len += n;
	skb->data_len += n;
	skb->truesize += n;
	sk_wmem_queued_add(sk, n);
	sk_mem_charge(sk, n);
	toytcp_node(skb)->end += n;
	toytcp_user_send(&toytcp_sk(sk)->tcb, n);
}

/*
 * Pages that are full, in the order in which they were filled. When another one
 * is needed, the text in the oldest has often been read, and no one else refers
 * to it: it serves as a new page, is in the cache, and need not be cleared
 * (init_on_alloc). They are kept by CPU, not by socket: idle sockets hold none.
 */
static DEFINE_PER_CPU(struct used_pages {
	struct page *page[SENDQ_PAGES];
	u32 oldest;
}, used_pages);

/* Returns whether @pfrag has room for some text; a full page is kept. */
static bool refill(struct sock *sk, struct page_frag *pfrag)
{
	struct used_pages *used;
	u32 oldest;

	if (pfrag->page && pfrag->offset + 32 > pfrag->size) {
		used = get_cpu_ptr(&used_pages);
		oldest = used->oldest++ % SENDQ_PAGES;
		swap(used->page[oldest], pfrag->page);
		put_cpu_ptr(&used_pages);
		pfrag->offset = 0;
		if (pfrag->page && page_ref_count(pfrag->page) > 1) {
			put_page(pfrag->page);
			pfrag->page = NULL;
		}
		if (pfrag->page)
			pfrag->size = page_size(pfrag->page);
	}
	return sk_page_frag_refill(sk, pfrag);
}

/* toytcp_sendq_exit() - give the pages back. Context: module exit. */
void toytcp_sendq_exit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < SENDQ_PAGES; i++)
			if (per_cpu(used_pages, cpu).page[i])
				put_page(per_cpu(used_pages, cpu).page[i]);
}

/*
 * Copies text from the user until the skb is full, and with it perhaps more
 * than the send buffer: it must not make segments small, whose ACKs are delayed.
 * Returns bytes, 0 if the skb was full, or an error.
 */
static int fill(struct sock *sk, struct sk_buff *skb, struct msghdr *msg)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	size_t n, room = room_in(sk, skb);
	int taken = 0;

	while (room && msg_data_left(msg)) {
		if (!refill(sk, pfrag))
			return taken ? taken : -ENOMEM;
		if (!extends(skb, pfrag) &&
		    skb_shinfo(skb)->nr_frags >= MAX_SKB_FRAGS)
			break;
		n = min3(room, (size_t)(pfrag->size - pfrag->offset),
			 msg_data_left(msg));
		if (!sk_wmem_schedule(sk, n))
			return taken ? taken : -ENOMEM;
		/* copy_page_from_iter() would copy page by page. */
		n = copy_from_iter(page_address(pfrag->page) + pfrag->offset, n,
				   &msg->msg_iter);
		if (!n)
			return taken ? taken : -EFAULT;
		commit(sk, skb, pfrag, n);
		room -= n;
		taken += n;
	}
	return taken;
}

/*
 * toytcp_sendq_add() - queue text from the user, until one skb is full; @sk has
 * room in the send buffer. Returns bytes taken, at least 1; -ENOMEM or -EFAULT.
 */
int toytcp_sendq_add(struct sock *sk, struct msghdr *msg)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);
	int n = skb ? fill(sk, skb, msg) : 0;

	sock_owned_by_me(sk);
	if (n)
		return n;
	skb = append_skb(sk);
	if (!skb)
		return -ENOMEM;
	n = fill(sk, skb, msg);
	if (n < 0)	/* an empty skb would stand for no number */
		unlink_skb(sk, skb);
	return n;
}

/*
 * toytcp_sendq_forget() - free the skbs that end at or before a number; @sk is
 * locked, or not yet or no longer shared
 *
 * What was acknowledged of the next one no longer counts: a small buffer would
 * have no room before all of it is.
 */
void toytcp_sendq_forget(struct sock *sk, u32 end)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct sk_buff *skb;
	u32 less;

	while ((skb = skb_peek(&sk->sk_write_queue)) &&
	       !seq_after(toytcp_node(skb)->end, end)) {
		if (tp->send_next == skb)
			tp->send_next = NULL;
		toytcp_stamps_acked(sk, skb);
		unlink_skb(sk, skb);
	}
	if (skb)
		toytcp_stamps_acked(sk, skb);
	if (skb && seq_after(end, toytcp_node(skb)->seq)) {
		less = skb->truesize - (toytcp_node(skb)->end - end) -
		       SKB_TRUESIZE(skb_end_offset(skb));
		skb->truesize -= less;
		sk_wmem_queued_add(sk, -(int)less);
		sk_mem_uncharge(sk, less);
	}
}
