// SPDX-License-Identifier: GPL-2.0
/* bind() and connect() choose a port. Context: process, with the socket lock. */
#include <net/secure_seq.h>

#include "toytcp.h"

/* RFC 6056 section 3.3.4, double-hash: each class of peers has a counter. */
static u32 next_offset[1 << 16];

/* Few counters, or from 0 on, tell who we are (CVE-2022-32296). Module init. */
void __init toytcp_bind_init(void)
{
	get_random_bytes(next_offset, sizeof(next_offset));
}

static int enter_table(struct sock *sk, u16 port)
{
	struct toytcp_entry *e = &toytcp_sk(sk)->entry;
	struct toytcp_net *tn = toytcp_sock_net(sk);
	struct inet_sock *inet = inet_sk(sk);
	int err;

	inet->inet_num = port;
	inet->inet_sport = htons(port);
	/* A look-up may still be on this entry: see toytcp_table_find(). */
	WRITE_ONCE(e->local, inet->inet_saddr);
	WRITE_ONCE(e->remote, inet->inet_daddr);
	WRITE_ONCE(e->lport, port);
	WRITE_ONCE(e->rport, ntohs(inet->inet_dport));
	WRITE_ONCE(e->dev, sk->sk_bound_dev_if);
	err = toytcp_table_insert(tn, e);
	if (err && toytcp_timewait_yield(tn, e))
		err = toytcp_table_insert(tn, e);
	return err;
}

static bool try_port(struct sock *sk, u16 port, enum terms terms)
{
	if (!toytcp_ports_take(sk, port, terms))
		return false;
	if (terms != CONNECT_ANY || !enter_table(sk, port))
		return true;
	toytcp_ports_release(toytcp_sock_net(sk), &toytcp_sk(sk)->claim);
	return false;
}

/* Returns how many ports could not be taken before one could, or -1. */
static int search_ports(struct sock *sk, u32 start, enum terms terms)
{
	int low, high, count, n;

	inet_sk_get_local_port_range(sk, &low, &high);
	count = high - low + 1;
	for (n = 0; n < count; n++) {
		u16 port = low + (start % count + n) % count;

		if (!inet_is_local_reserved_port(sock_net(sk), port) &&
		    try_port(sk, port, terms))
			return n;
		cond_resched();
	}
	return -1;
}

/*
 * proto.get_port: bind to @port, host order, or any if it is 0. The address is
 * set, and nothing is claimed yet. Sets inet_num, or returns -EADDRINUSE.
 */
int toytcp_bind_port(struct sock *sk, unsigned short port)
{
	sock_owned_by_me(sk);
	if (port ? !toytcp_ports_take(sk, port, BIND_PORT) :
		   search_ports(sk, get_random_u32(), BIND_ANY) < 0)
		return -EADDRINUSE;
	inet_sk(sk)->inet_num = toytcp_sk(sk)->claim.port;
	return 0;
}

/* proto.rehash: SO_BINDTODEVICE. */
void toytcp_bind_device(struct sock *sk)
{
	sock_owned_by_me(sk);
	toytcp_table_rebind(toytcp_sock_net(sk), &toytcp_sk(sk)->entry,
			    sk->sk_bound_dev_if);
}

/*
 * Enters the connection table, with a port that it chooses if none is bound.
 * Both addresses and inet_dport are set. Sets inet_num and inet_sport, or
 * returns -EADDRNOTAVAIL if every four-tuple is taken.
 */
int toytcp_bind_connect(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	u32 *offset;
	u64 hash;
	int n;

	sock_owned_by_me(sk);
	if (toytcp_sk(sk)->claim.port)
		return enter_table(sk, toytcp_sk(sk)->claim.port);
	hash = secure_ipv4_port_ephemeral(inet->inet_saddr, inet->inet_daddr,
					  inet->inet_dport);
	offset = &next_offset[hash % ARRAY_SIZE(next_offset)];
	n = search_ports(sk, READ_ONCE(*offset) + (u32)(hash >> 32),
			 CONNECT_ANY);
	if (n >= 0) {
		n = max_t(u32, n, get_random_u32() % 8) + 1;
		WRITE_ONCE(*offset, READ_ONCE(*offset) + n);
		return 0;
	}
	inet->inet_num = 0;
	inet->inet_sport = 0;
	return -EADDRNOTAVAIL;
}
