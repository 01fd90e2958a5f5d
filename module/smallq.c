// SPDX-License-Identifier: GPL-2.0
/*
 * How much of a connection's text may wait in this host, mostly in the queue of
 * a device: what waits there delays everybody. It is about what leaves within a
 * millisecond; the rest stays in the send queue ("TCP small queues").
 *
 * sk_wmem_alloc counts the packets. Who finds too many sets TOYTCP_THROTTLED,
 * and the destructor of the next one that leaves lets the socket send again. It
 * may run with that socket's lock held, when the queue drops what it is given:
 * so it puts the socket on its CPU's list, for a tasklet. Context: the socket
 * lock; for the destructor, any but a hard interrupt.
 *
 * SO_MAX_PACING_RATE is kept here, too, unless the queue does it (fq): by the
 * socket's timer. So at once goes what the rate allows in a jiffy or two.
 */
#include <linux/interrupt.h>

#include "toytcp.h"

#define SMALLQ_MIN	(2 * 1024)	/* beside the text of two segments */
#define SMALLQ_MAX	(1024 * 1024)	/* bytes: TCP's limit, too */

static DEFINE_PER_CPU(struct smallq {
	struct llist_head list;
	struct tasklet_struct tasklet;
}, smallqs);

/*
 * How much may wait, bytes; sk is locked. At twice the present rate, since slow
 * start doubles it, or at the user's (SO_MAX_PACING_RATE). Devices that need
 * more at once lower sk_pacing_shift, which is 10 by default. Below two
 * milliseconds of round trip, cwnd is less.
 */
u32 toytcp_smallq_limit(struct sock *sk)
{
	const struct tcb *tcb = &toytcp_sk(sk)->tcb;
	unsigned long rate = READ_ONCE(sk->sk_max_pacing_rate);
	u64 fast = U64_MAX;

	if (READ_ONCE(sk->sk_pacing_rate) != rate)
		WRITE_ONCE(sk->sk_pacing_rate, rate);	/* for fq */
	if (tcb->rtt.srtt >= 2 * MSEC)
		fast = div_u64(2ull * SECOND * tcb->cc.cwnd, tcb->rtt.srtt);
	else if (rate == ~0ul)
		return SMALLQ_MAX;
	fast = min_t(u64, fast, rate) >> READ_ONCE(sk->sk_pacing_shift);
	return clamp_t(u64, fast, 2 * tcb->snd.mss + SMALLQ_MIN, SMALLQ_MAX);
}

/* The rate to keep, bytes per second; 0: none, or the queue's task (fq). */
static unsigned long own_rate(const struct sock *sk)
{
	unsigned long rate = READ_ONCE(sk->sk_max_pacing_rate);

	return READ_ONCE(sk->sk_pacing_status) == SK_PACING_NEEDED &&
	       rate != ~0ul ? rate : 0;
}

/* Is it too early for more text? If so, the timer will see to it. */
bool toytcp_smallq_early(struct sock *sk, u64 now)
{
	struct toytcp_sock *tp = toytcp_sk(sk);

	tp->pacing = own_rate(sk) && tp->paced > now;
	return tp->pacing;
}

/* @n bytes of text go out. What a late timer has cost is made up for. */
void toytcp_smallq_pace(struct sock *sk, u32 n, u64 now)
{
	unsigned long rate = own_rate(sk);
	struct toytcp_sock *tp = toytcp_sk(sk);
	u64 late;

	if (likely(!rate))
		return;
	late = min_t(u64, now, 2 * jiffies_to_usecs(1));
	tp->paced = max(tp->paced, now - late) +
		    div64_ul((u64)n * SECOND, rate);
}

/*
 * Is it to wait with more? If so, the tasklet will run; sk is locked. Where
 * nothing is outstanding, devices that free packets late do not count.
 */
bool toytcp_smallq_full(struct sock *sk, u32 limit)
{
	if (likely(refcount_read(&sk->sk_wmem_alloc) <= limit) ||
	    !toytcp_tcb_flight(&toytcp_sk(sk)->tcb))
		return false;
	set_bit(TOYTCP_THROTTLED, &sk->sk_tsq_flags);
	smp_mb__after_atomic();	/* pairs with toytcp_smallq_free() */
	return refcount_read(&sk->sk_wmem_alloc) > limit;
}

/* The socket is on the list of at most one CPU: while it is TOYTCP_QUEUED. */
static bool wants_room(struct sock *sk)
{
	return test_bit(TOYTCP_THROTTLED, &sk->sk_tsq_flags) &&
	       test_and_clear_bit(TOYTCP_THROTTLED, &sk->sk_tsq_flags) &&
	       !test_and_set_bit(TOYTCP_QUEUED, &sk->sk_tsq_flags);
}

/*
 * The destructor of a packet, which has left this host; in any context but a
 * hard interrupt. The packet's last byte is the reference that the list has;
 * sk_free() gives it back.
 */
void toytcp_smallq_free(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct smallq *queue;

	WARN_ON_ONCE(refcount_sub_and_test(skb->truesize - 1,
					   &sk->sk_wmem_alloc));
	smp_mb__after_atomic();	/* bytes before flag */
	if (!wants_room(sk)) {
		sk_free(sk);
		return;
	}
	queue = raw_cpu_ptr(&smallqs);	/* any will do */
	if (llist_add(&toytcp_sk(sk)->waiting, &queue->list))
		tasklet_schedule(&queue->tasklet);
}

/** toytcp_smallq_own() - charge a packet to its socket until it has left */
void toytcp_smallq_own(struct sk_buff *skb, struct sock *sk)
{
	skb_orphan(skb);
	skb->sk = sk;
	skb->destructor = toytcp_smallq_free;
	refcount_add(skb->truesize, &sk->sk_wmem_alloc);
}

/* The tasklet's sockets, TOYTCP_QUEUED, with a reference. Context: softirq. */
struct llist_node *toytcp_smallq_take(struct tasklet_struct *tasklet)
{
	struct smallq *queue = container_of(tasklet, struct smallq, tasklet);

	return llist_del_all(&queue->list);
}

/* @room takes its list's sockets: they may send more. Context: module init. */
void __init toytcp_smallq_init(void (*room)(struct tasklet_struct *tasklet))
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_setup(&per_cpu(smallqs, cpu).tasklet, room);
}

/* No packet of ours is left. Context: module exit. */
void toytcp_smallq_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu(smallqs, cpu).tasklet);
}
