// SPDX-License-Identifier: GPL-2.0
/*
 * How large a socket's buffers are: what the administrator says at first, then
 * what the connection needs, within the administrator's limits; and always
 * what the user says, if he has (SO_RCVBUF, SO_SNDBUF).
 *
 * Five eighths of the receive buffer are the window: the rest pays for what is
 * around the text, 870 bytes for a segment of Ethernet's size.
 */
#include <linux/mm.h>

#include "toytcp.h"

/*
 * What the buffers of all sockets together may come to, as struct proto has it:
 * pages in use, and each CPU's reserve of them; up to the first limit there is
 * room for everybody, up to the last one for who has less than the least.
 */
atomic_long_t toytcp_buffers_allocated;
DEFINE_PER_CPU(int, toytcp_buffers_reserve);
long toytcp_buffers_limits[3] __ro_after_init;
int toytcp_buffers_least = 4096;	/* bytes */

/** toytcp_buffers_share() - the share of this machine's memory, as TCP's */
void __init toytcp_buffers_share(void)
{
	long share = max(nr_free_buffer_pages() / 16, 128ul);

	toytcp_buffers_limits[0] = share;
	toytcp_buffers_limits[1] = share;
	toytcp_buffers_limits[2] = 2 * share;
}

static int most(const struct sock *sk)
{
	int rcvbuf = READ_ONCE(sk->sk_rcvbuf);

	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		return rcvbuf;
	return max(rcvbuf, READ_ONCE(toytcp_sock_net(sk)->sysctl_rmem[2]));
}

/* How much text a receive buffer is good for. */
static u32 text_in(u32 buffer)
{
	return buffer / 8 * 5;
}

/* A buffer that is good for so much, or a little more. */
static u32 buffer_for(u32 text)
{
	return text / 5 * 8 + 8;
}

/** toytcp_buffers_text() - how much text may be waiting for the user, bytes */
u32 toytcp_buffers_text(const struct sock *sk)
{
	return text_in(READ_ONCE(sk->sk_rcvbuf));
}

/** toytcp_buffers_window() - the largest window there may ever be, bytes */
u32 toytcp_buffers_window(const struct sock *sk)
{
	return text_in(most(sk));
}

/** toytcp_buffers_read() - text was read: maybe there can be more: sk locked */
void toytcp_buffers_read(struct sock *sk)
{
	struct toytcp_sock *tp = toytcp_sk(sk);

	sock_owned_by_me(sk);
	if (toytcp_tuning_due(&tp->tuning, &tp->tcb) &&
	    toytcp_tuning_read(&tp->tuning, &tp->tcb,
			       toytcp_buffers_window(sk), toytcp_now()))
		WRITE_ONCE(sk->sk_rcvbuf,
			   min_t(u32, buffer_for(tp->tcb.rcv.buf), most(sk)));
}

/** toytcp_buffers_acked() - text was acknowledged: likewise */
void toytcp_buffers_acked(struct sock *sk)
{
	u32 limit = READ_ONCE(toytcp_sock_net(sk)->sysctl_wmem[2]);
	u32 want = min(toytcp_tuning_send(&toytcp_sk(sk)->tcb), limit);

	sock_owned_by_me(sk);
	if (!(sk->sk_userlocks & SOCK_SNDBUF_LOCK) &&
	    (int)want > READ_ONCE(sk->sk_sndbuf))
		WRITE_ONCE(sk->sk_sndbuf, want);
}

/**
 * toytcp_buffers_ask() - SO_RCVLOWAT: the receive buffer must hold so much text
 * @sk: locked
 * @text: bytes; what the buffer may not hold is asked for in vain
 */
void toytcp_buffers_ask(struct sock *sk, u32 text)
{
	sock_owned_by_me(sk);
	if (text > toytcp_buffers_text(sk))
		WRITE_ONCE(sk->sk_rcvbuf,
			   min_t(u32, buffer_for(text), most(sk)));
}
