// SPDX-License-Identifier: GPL-2.0
/*
 * The only file that touches the timer API.
 *
 * A socket has one timer, sk->sk_timer, for the earliest deadline of the core.
 * It is set anew only when that moves earlier; a timer that goes off too early
 * is set again. Each list of waiting.c has a timer, too. Context: the lock of
 * the socket or list.
 */
#include "toytcp.h"

/* Sets a socket's timer for the next deadline. */
void toytcp_timer_arm(struct sock *sk)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	u64 now, next = toytcp_deadline_next(&tp->tcb);
	u32 wait = 0;

	sock_owned_by_me(sk);
	if (tp->pacing && (!next || tp->paced < next))
		next = tp->paced;
	if (!next || (tp->armed && tp->armed <= next))
		return;
	tp->armed = next;
	now = toytcp_now();
	if (next > now)
		wait = min_t(u64, next - now, U32_MAX);
	/*
	 * The kernel adds a jiffy, and half a tick of the core must not add
	 * another. A timer that is early after all is set again.
	 */
	wait -= min(wait, 1u << TICK_SHIFT);
	sk_reset_timer(sk, &sk->sk_timer, jiffies + usecs_to_jiffies(wait));
}

/* sk is locked, or new. */
void toytcp_timer_stop(struct sock *sk)
{
	toytcp_sk(sk)->armed = 0;
	sk_stop_timer(sk, &sk->sk_timer);
}

/* A socket's @expired gets a reference to the socket that is its own. */
void toytcp_timer_init(struct timer_list *timer,
		       void (*expired)(struct timer_list *))
{
	timer_setup(timer, expired, 0);
}

/* A list's timer goes off at @when, jiffies, or earlier. The list is locked. */
void toytcp_timer_set(struct timer_list *timer, unsigned long when)
{
	if (!timer_pending(timer) || time_before(when, timer->expires))
		mod_timer(timer, when);
}

/* The list is and stays empty; the caller holds no lock of the callback's. */
void toytcp_timer_kill(struct timer_list *timer)
{
	timer_delete_sync(timer);
}
