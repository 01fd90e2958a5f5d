// SPDX-License-Identifier: GPL-2.0
/*
 * The only file that touches the timer API.
 *
 * A socket has one timer, sk->sk_timer, for the earliest deadline of the core.
 * It is set anew only when that moves earlier; a timer that goes off too early
 * is set again. Each list of waiting.c has a timer, too.
 */
#include "compat/compat.h"
#include "toytcp.h"

/* Not before the deadline: a timer that asks too early would spin. */
static unsigned long to_jiffies(u64 deadline, u64 now)
{
	u64 wait = deadline > now ? deadline - now : 0;

	wait = min_t(u64, wait, U32_MAX);
	return jiffies + usecs_to_jiffies((u32)wait) + 1;
}

/* toytcp_timer_arm() - set a locked socket's timer for the next deadline */
void toytcp_timer_arm(struct sock *sk)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	u64 next = toytcp_deadline_next(&tp->tcb);

	sock_owned_by_me(sk);
	if (!next || (tp->armed && tp->armed <= next))
		return;
	tp->armed = next;
	sk_reset_timer(sk, &sk->sk_timer, to_jiffies(next, toytcp_now()));
}

/* toytcp_timer_stop() - stop the timer of a locked or new socket */
void toytcp_timer_stop(struct sock *sk)
{
	toytcp_sk(sk)->armed = 0;
	sk_stop_timer(sk, &sk->sk_timer);
}

/**
 * toytcp_timer_init() - give a new socket its timer
 * @sk: the socket
 * @expired: called when it goes off, with BH disabled, with a reference to the
 *	socket that is the callee's
 */
void toytcp_timer_init(struct sock *sk, void (*expired)(struct timer_list *))
{
	timer_setup(&sk->sk_timer, expired, 0);
}

/** toytcp_timer_setup_list() - prepare a timer for a list of deadlines */
void toytcp_timer_setup_list(struct timer_list *timer,
			     void (*expired)(struct timer_list *))
{
	timer_setup(timer, expired, 0);
}

/**
 * toytcp_timer_set() - let a list's timer go off at @when at the latest
 * @timer: prepared; the lock of its list is held
 * @when: jiffies
 */
void toytcp_timer_set(struct timer_list *timer, unsigned long when)
{
	if (!timer_pending(timer) || time_before(when, timer->expires))
		mod_timer(timer, when);
}

/**
 * toytcp_timer_kill() - stop a list's timer for good, wait for its callback
 * @timer: prepared; its list is and stays empty, so nobody sets it again. The
 *	caller holds no lock that the callback takes
 */
void toytcp_timer_kill(struct timer_list *timer)
{
	timer_delete_sync(timer);
}
