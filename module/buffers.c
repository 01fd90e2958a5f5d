// SPDX-License-Identifier: GPL-2.0
/*
 * How large a socket's buffers are. The administrator sets the first size
 * (sysctl rmem, wmem) and a limit up to which the connection's needs let it
 * grow; SO_RCVBUF and SO_SNDBUF override both.
 *
 * Only sk_rcvbuf says how large the receive buffer is: the core returns a wish
 * (tuning.c) and is given the result. Five eighths of it are text, the window;
 * the rest pays for what surrounds the text: 870 bytes for an Ethernet segment.
 * Context: the socket lock; for toytcp_buffers_text() and _window(), any.
 */
#include <linux/mm.h>

#include "toytcp.h"

/*
 * All buffers together: pages in use, and each CPU's reserve of them. The
 * limits are sysctl_mem's, in pages: pressure above the second; above the third
 * only sockets with less than toytcp_buffers_min bytes get memory.
 */
atomic_long_t toytcp_buffers_allocated;
DEFINE_PER_CPU(int, toytcp_buffers_reserve);
long toytcp_buffers_limits[3] __ro_after_init;
int toytcp_buffers_min = 4096;	/* bytes */

/* As much of this machine's memory as TCP takes. Context: module init. */
void __init toytcp_buffers_share(void)
{
	long share = max(nr_free_buffer_pages() / 16, 128ul);

	toytcp_buffers_limits[0] = share;
	toytcp_buffers_limits[1] = share;
	toytcp_buffers_limits[2] = 2 * share;
}

static int rcvbuf_limit(const struct sock *sk)
{
	int rcvbuf = READ_ONCE(sk->sk_rcvbuf);

	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		return rcvbuf;
	return max(rcvbuf, READ_ONCE(toytcp_sock_net(sk)->sysctl_rmem[2]));
}

/* How much text may be waiting for the user, bytes. */
u32 toytcp_buffers_text(const struct sock *sk)
{
	u32 limit = READ_ONCE(toytcp_sk(sk)->window_limit);
	u32 text = (u32)READ_ONCE(sk->sk_rcvbuf) / 8 * 5;

	return min_not_zero(text, limit);
}

/* The largest window there may ever be, bytes. */
u32 toytcp_buffers_window(const struct sock *sk)
{
	return (u32)rcvbuf_limit(sk) / 8 * 5;
}

/* Makes room for @text bytes, if it may; @tell: see toytcp_user_buffer(). */
void toytcp_buffers_grow(struct sock *sk, u32 text, bool tell)
{
	u64 buffer = DIV_ROUND_UP((u64)text, 5) * 8;

	sock_owned_by_me(sk);
	if (buffer > (u32)READ_ONCE(sk->sk_rcvbuf))
		WRITE_ONCE(sk->sk_rcvbuf, min_t(u64, buffer, rcvbuf_limit(sk)));
	toytcp_user_buffer(&toytcp_sk(sk)->tcb, toytcp_buffers_text(sk), tell);
}

/* Text was read: a larger buffer may be useful. */
void toytcp_buffers_read(struct sock *sk)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	u32 wish;

	sock_owned_by_me(sk);
	if (!toytcp_tuning_due(&tp->tuning, &tp->tcb))
		return;
	wish = toytcp_tuning_read(&tp->tuning, &tp->tcb, toytcp_now());
	toytcp_buffers_grow(sk, wish, toytcp_tuning_streams(&tp->tuning));
}

/* Text was acknowledged: likewise. */
void toytcp_buffers_acked(struct sock *sk)
{
	u32 limit = READ_ONCE(toytcp_sock_net(sk)->sysctl_wmem[2]);
	u32 want = min(toytcp_tuning_send(&toytcp_sk(sk)->tcb), limit);

	sock_owned_by_me(sk);
	if (!(sk->sk_userlocks & SOCK_SNDBUF_LOCK) &&
	    (int)want > READ_ONCE(sk->sk_sndbuf))
		WRITE_ONCE(sk->sk_sndbuf, want);
}
