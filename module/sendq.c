// SPDX-License-Identifier: GPL-2.0
/*
 * The send queue: text from snd.una to snd.end, in skbs whose payload is in
 * page fragments alone.
 *
 * The usual segment is a clone of one such skb, up to 64 KB at once; any other
 * range of numbers is carved out as references to the same pages. A queued skb
 * never changes once a part of it was sent.
 */
#include "core/seq.h"
#include "toytcp.h"

#define SENDQ_PAGES	16	/* of 32 KB, if they are to be had */

/** toytcp_sendq_bare() - an skb without text, with room for headers, or NULL */
struct sk_buff *toytcp_sendq_bare(void)
{
	struct sk_buff *skb = alloc_skb(TOYTCP_HEADROOM, GFP_ATOMIC);

	if (skb)
		skb_reserve(skb, TOYTCP_HEADROOM);
	return skb;
}

/*
 * Adds references to the pages under [offset, ...) of @from's payload, @len
 * bytes at most. Returns how many.
 */
static u32 refer(struct sk_buff *skb, const struct sk_buff *from, u32 offset,
		 u32 len)
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

/* Text of @from, from @offset on, and of those that follow it in the queue. */
static struct sk_buff *carve(struct sock *sk, struct sk_buff *from, u32 offset,
			     u32 len)
{
	struct sk_buff *skb = toytcp_sendq_bare();
	u32 n;

	if (!skb)
		return NULL;
	do {
		n = refer(skb, from, offset, len);
		len -= n;
		from = skb_peek_next(from, &sk->sk_write_queue);
		offset = 0;
	} while (n && len && from);
	skb->data_len = skb->len;
	skb->truesize += skb->len;
	return skb;
}

/**
 * toytcp_sendq_take() - text to put a header in front of
 * @sk: locked
 * @skb: queued
 * @seq: the first number, in @skb
 * @len: bytes, in @skb and those that follow
 *
 * The header goes into the headroom of the queued skb, which its clones share:
 * only one clone at a time, then. While an earlier one is under way (on veth,
 * until the peer has read it) the text is carved out instead.
 *
 * Return: an skb that holds it and nothing else; less of it if it lies in too
 * many pages; or NULL.
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

/**
 * toytcp_sendq_find() - the queued skb that holds a number
 * @sk: locked
 * @seq: the number; usually the one after the last
 *
 * Return: it, or NULL if there is no text from there on.
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

/*
 * How full a queued skb may get: what the device takes in one go, so that the
 * usual segment is one clone of one skb; but a quarter of the send buffer at
 * most, since room comes back by whole skbs.
 */
static u32 size_goal(const struct sock *sk)
{
	const struct toytcp_sock *tp = toytcp_sk(sk);
	u32 goal = min_t(u32, tp->path.gso_goal,
			 READ_ONCE(sk->sk_sndbuf) / 4);

	return goal > tp->tcb.snd.mss ? goal - goal % tp->tcb.snd.mss : goal;
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
	/* The header part is a clone's to write; the payload is shared. */
	__skb_header_release(skb);
	node = toytcp_node(skb);
	node->seq = toytcp_sk(sk)->tcb.snd.end;
	node->end = node->seq;
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
 * How much may be added to the last skb: nothing while a clone is under way,
 * which would see it grow. What was not sent yet comes to whole segments, so
 * that the next skb begins with one.
 */
static u32 room_in(const struct sock *sk, const struct sk_buff *skb)
{
	const struct tcb *tcb = &toytcp_sk(sk)->tcb;
	u32 goal = size_goal(sk), sent, unsent;

	if (skb_cloned(skb))
		return 0;
	sent = seq_max(tcb->snd.nxt, toytcp_node(skb)->seq) -
	       toytcp_node(skb)->seq;
	if (sent >= goal)
		return 0;
	unsent = goal - sent;
	if (goal > tcb->snd.mss)
		unsent -= unsent % tcb->snd.mss;
	return sent + unsent > skb->len ? sent + unsent - skb->len : 0;
}

static bool extends(struct sk_buff *skb, const struct page_frag *pfrag)
{
	return skb_can_coalesce(skb, skb_shinfo(skb)->nr_frags, pfrag->page,
				pfrag->offset);
}

/* The bytes are in @pfrag: they become the skb's, and the connection's. */
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
 * Pages that were filled, in the order in which they were. When one more is
 * needed, what was in the oldest has often been read already, and nobody but
 * us refers to it: it is as good as a new page, is in the cache, and need not
 * be cleared (init_on_alloc). Kept by CPU, not by socket: idle sockets hold
 * none.
 */
static DEFINE_PER_CPU(struct used_pages {
	struct page *page[SENDQ_PAGES];
	u32 oldest;
}, used_pages);

/* Returns the oldest page, the caller's now, in exchange for @page, or NULL. */
static struct page *exchange(struct page *page)
{
	struct used_pages *used = get_cpu_ptr(&used_pages);
	u32 oldest = used->oldest++ % SENDQ_PAGES;

	swap(used->page[oldest], page);
	put_cpu_ptr(&used_pages);
	if (!page || page_ref_count(page) == 1)
		return page;
	put_page(page);
	return NULL;
}

/* Room for a little text at least. */
static bool refill(struct sock *sk, struct page_frag *pfrag)
{
	if (pfrag->page && pfrag->offset + 32 > pfrag->size) {
		pfrag->page = exchange(pfrag->page);
		pfrag->offset = 0;
		if (pfrag->page)
			pfrag->size = page_size(pfrag->page);
	}
	return sk_page_frag_refill(sk, pfrag);
}

/** toytcp_sendq_exit() - give the pages back; no socket is left */
void toytcp_sendq_exit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < SENDQ_PAGES; i++)
			if (per_cpu(used_pages, cpu).page[i])
				put_page(per_cpu(used_pages, cpu).page[i]);
}

/*
 * Takes something from the user, and goes on until the skb is full, or the
 * send buffer. Returns bytes, 0 if the skb takes no more, or an error.
 */
static int fill(struct sock *sk, struct sk_buff *skb, struct msghdr *msg)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	size_t n, room = room_in(sk, skb);
	int taken = 0;

	do {
		if (!room || !msg_data_left(msg))
			break;
		if (!refill(sk, pfrag))
			return taken ? taken : -ENOMEM;
		if (!extends(skb, pfrag) &&
		    skb_shinfo(skb)->nr_frags >= MAX_SKB_FRAGS)
			break;
		n = min3(room, (size_t)(pfrag->size - pfrag->offset),
			 msg_data_left(msg));
		if (!sk_wmem_schedule(sk, n))
			return taken ? taken : -ENOMEM;
		/* In one go: copy_page_from_iter() would go by single pages. */
		n = copy_from_iter(page_address(pfrag->page) + pfrag->offset, n,
				   &msg->msg_iter);
		if (!n)
			return taken ? taken : -EFAULT;
		commit(sk, skb, pfrag, n);
		room -= n;
		taken += n;
	} while (sk_stream_memory_free(sk));
	return taken;
}

/**
 * toytcp_sendq_add() - text from the user, up to the end of an skb
 * @sk: locked, with room in the send buffer
 * @msg: with something left
 *
 * Return: bytes taken, one at least; -ENOMEM or -EFAULT.
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
	if (n < 0)	/* an empty skb would hold no number */
		unlink_skb(sk, skb);
	return n;
}

/**
 * toytcp_sendq_forget() - free text of the send queue
 * @sk: locked, or nobody else's
 * @end: all whole skbs before this number
 */
void toytcp_sendq_forget(struct sock *sk, u32 end)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct sk_buff *skb;

	while ((skb = skb_peek(&sk->sk_write_queue)) &&
	       !seq_after(toytcp_node(skb)->end, end)) {
		if (tp->send_next == skb)
			tp->send_next = NULL;
		unlink_skb(sk, skb);
	}
}
