// SPDX-License-Identifier: GPL-2.0
/* listen(2), the accept queue, accept4(2), inheritance. */
#include <linux/filter.h>

#include "api_test.h"

static long do_accept(int fd)
{
	return accept(fd, NULL, NULL);
}

/* A non-blocking connect(); on lo its SYN arrives before it returns. */
static int dial_nonblocking(int port)
{
	int fd = new_socket(SOCK_NONBLOCK);

	if (!try_connect(fd, port) || errno != EINPROGRESS)
		abort();
	return fd;
}

API_TEST(listen__binds_an_unbound_socket)
{
	int fd = new_socket(0);

	ASSERT_OK(listen(fd, 1));
	ASSERT_GE(port_of(fd), 1024);
	dial(port_of(fd));
	accept_one(fd);
}

API_TEST(listen__again_changes_backlog)
{
	int fd = listening(0), late;

	ASSERT_OK(listen(fd, 5));
	for (int i = 0; i < 6; i++)
		dial(port_of(fd));
	late = dial_nonblocking(port_of(fd));
	ASSERT_EQ(SYN_SENT, state_of(late));
}

API_TEST(listen__backlog_counts_one_more)
{
	int fd = listening(1), late;

	dial(port_of(fd));
	dial(port_of(fd));
	late = dial_nonblocking(port_of(fd));
	ASSERT_EQ(0, poll_now(late, POLLOUT));
	ASSERT_EQ(SYN_SENT, state_of(late));
}

API_TEST(listen__overflow_recovers)
{
	int fd = listening(0), late;

	dial(port_of(fd));
	late = dial_nonblocking(port_of(fd));
	ASSERT_EQ(0, poll_now(late, POLLOUT));
	accept_one(fd);
	ASSERT_EQ(POLLOUT, wait_events(late, POLLOUT));
	ASSERT_EQ(0, error_of(late));
	accept_one(fd);
}

API_TEST(listen__negative_backlog_is_the_limit)
{
	int fd = listening(-1);

	for (int i = 0; i < 32; i++)
		dial(port_of(fd));
	ASSERT_OK(listen(fd, INT32_MAX));
	dial(port_of(fd));
}

API_TEST(listen__somaxconn_limits)
{
	int fd;

	write_file("/proc/sys/net/core/somaxconn", "1");
	fd = listening(100);
	dial(port_of(fd));
	dial(port_of(fd));
	ASSERT_EQ(SYN_SENT, state_of(dial_nonblocking(port_of(fd))));
}

API_TEST(listen__connected)
{
	struct pair pair = new_pair();

	ASSERT_ERRNO(EINVAL, listen(pair.client, 1));
	ASSERT_ERRNO(EINVAL, listen(pair.server, 1));
}

API_TEST(listen__while_connecting)
{
	int fd = listening(0);

	dial(port_of(fd));
	ASSERT_ERRNO(EINVAL, listen(dial_nonblocking(port_of(fd)), 1));
}

API_TEST(listen__acceptconn)
{
	int fd = bound(0);

	ASSERT_EQ(0, get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	ASSERT_OK(listen(fd, 1));
	ASSERT_EQ(1, get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	ASSERT_EQ(LISTENING, state_of(fd));
}

API_TEST(listen__close_resets_children)
{
	int fd = listening(4), client = dial(port_of(fd));
	char byte;

	ASSERT_EQ(ESTABLISHED, state_of(client));
	close(fd);
	wait_events(client, POLLIN);
	ASSERT_ERRNO(ECONNRESET, recv(client, &byte, 1, 0));
	ASSERT_ERRNO(ECONNREFUSED,
		     try_connect(new_socket(0), port_of(bound(0))));
}

API_TEST(listen__shutdown_ends_listening)
{
	int fd = listening(4), port = port_of(fd);
	int client = dial(port);

	ASSERT_OK(shutdown(fd, SHUT_RD));
	ASSERT_EQ(CLOSED, state_of(fd));
	wait_events(client, POLLIN);
	ASSERT_EQ(ECONNRESET, error_of(client));
	ASSERT_ERRNO(EINVAL, do_accept(fd));
	ASSERT_ERRNO(ECONNREFUSED, try_connect(new_socket(0), port));
}

API_TEST(listen__shutdown_write_is_ignored)
{
	int fd = listening(4);

	ASSERT_OK(shutdown(fd, SHUT_WR));
	dial(port_of(fd));
	accept_one(fd);
}

API_TEST(listen__again_after_shutdown)
{
	int fd = bound(4000);

	ASSERT_OK(listen(fd, 4));
	ASSERT_OK(shutdown(fd, SHUT_RDWR));
	ASSERT_OK(listen(fd, 4));
	ASSERT_EQ(4000, port_of(fd));
	dial(4000);
	accept_one(fd);
}

API_TEST(listen__send_and_recv)
{
	int fd = listening(4);
	char byte = 0;

	ASSERT_ERRNO(ENOTCONN, recv(fd, &byte, 1, 0));
	ASSERT_ERRNO(EPIPE, send(fd, &byte, 1, MSG_NOSIGNAL));
	ASSERT_ERRNO(EINVAL, ioctl(fd, SIOCINQ, &byte));
	ASSERT_ERRNO(EINVAL, ioctl(fd, SIOCOUTQ, &byte));
}

API_TEST(listen__connect_from_listener)
{
	int fd = listening(4);

	ASSERT_ERRNO(EISCONN, try_connect(fd, port_of(fd)));
	ASSERT_EQ(LISTENING, state_of(fd));
}

API_TEST(listen__unspec_ends_listening)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = listening(4), port = port_of(fd), other;

	ASSERT_OK(connect(fd, &none, sizeof(none)));
	ASSERT_EQ(CLOSED, state_of(fd));
	ASSERT_ERRNO(ECONNREFUSED, try_connect(new_socket(0), port));
	other = listening(1);
	ASSERT_OK(try_connect(fd, port_of(other)));
}

API_TEST(accept__order_and_names)
{
	struct sockaddr_in name;
	socklen_t len = sizeof(name);
	int fd = listening(4), first, second;

	first = dial(port_of(fd));
	second = dial(port_of(fd));
	ASSERT_LE(0, accept(fd, (void *)&name, &len));
	ASSERT_EQ(sizeof(name), len);
	ASSERT_EQ(port_of(first), ntohs(name.sin_port));
	ASSERT_EQ(htonl(INADDR_LOOPBACK), name.sin_addr.s_addr);
	ASSERT_LE(0, accept(fd, (void *)&name, &len));
	ASSERT_EQ(port_of(second), ntohs(name.sin_port));
}

API_TEST(accept__empty_nonblocking)
{
	int fd = listening(4);

	set_nonblocking(fd, true);
	ASSERT_ERRNO(EAGAIN, do_accept(fd));
}

API_TEST(accept__timeout)
{
	struct timeval brief = { .tv_usec = 50000 };
	int fd = listening(4);
	long before = now_ms();

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof(brief));
	ASSERT_ERRNO(EAGAIN, do_accept(fd));
	ASSERT_TRUE(passed_ms(before, 25));
}

API_TEST(accept__not_listening)
{
	struct pair pair = new_pair();

	ASSERT_ERRNO(EINVAL, do_accept(new_socket(0)));
	ASSERT_ERRNO(EINVAL, do_accept(bound(0)));
	ASSERT_ERRNO(EINVAL, do_accept(pair.client));
	ASSERT_ERRNO(EINVAL, do_accept(pair.server));
}

API_TEST(accept4__flags)
{
	int fd = listening(4), child;

	dial(port_of(fd));
	dial(port_of(fd));
	child = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ASSERT_LE(0, child);
	ASSERT_EQ(O_NONBLOCK, fcntl(child, F_GETFL) & O_NONBLOCK);
	ASSERT_EQ(FD_CLOEXEC, fcntl(child, F_GETFD));
	ASSERT_ERRNO(EINVAL, accept4(fd, NULL, NULL, 0x40));
	set_nonblocking(fd, true);
	child = do_accept(fd);
	ASSERT_EQ(0, fcntl(child, F_GETFL) & O_NONBLOCK);
}

API_TEST(accept__bad_pointers)
{
	struct sockaddr_in name;
	socklen_t len = -1;
	int fd = listening(4);

	dial(port_of(fd));
	ASSERT_ERRNO(EINVAL, accept(fd, (void *)&name, &len));
	dial(port_of(fd));
	len = sizeof(name);
	ASSERT_ERRNO(EFAULT, accept(fd, (void *)8, &len));
}

API_TEST(accept__blocks_until_connected)
{
	struct worker worker;
	int fd = listening(4);

	start_asleep(&worker, do_accept, fd);
	dial(port_of(fd));
	ASSERT_LE(0, finish(&worker));
}

API_TEST(accept__after_peer_reset)
{
	int fd = listening(4), child;
	char byte;

	reset(dial(port_of(fd)));
	child = accept_one(fd);
	ASSERT_ERRNO(ECONNRESET, recv(child, &byte, 1, 0));
	ASSERT_EQ(0, recv(child, &byte, 1, 0));
}

API_TEST(accept__after_peer_sent_and_closed)
{
	int fd = listening(4), client = dial(port_of(fd)), child;
	char text[8] = "";

	send_all(client, "last", 4);
	close(client);
	child = accept_one(fd);
	recv_all(child, text, 4);
	ASSERT_STREQ("last", text);
	ASSERT_EQ(0, recv(child, text, 1, 0));
}

API_TEST(accept__listener_closed_later)
{
	struct pair pair = new_pair();
	char byte;

	send_all(pair.client, "x", 1);
	recv_all(pair.server, &byte, 1);
	ASSERT_EQ('x', byte);
}

struct inherited {
	int level, option, value;
};

static const struct inherited inherited[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ SOL_SOCKET, SO_REUSEADDR, 1 },
	{ SOL_SOCKET, SO_MARK, 77 },
	{ SOL_SOCKET, SO_RCVLOWAT, 5 },
	{ SOL_TCP, TCP_NODELAY, 1 },
	{ SOL_TCP, TCP_KEEPIDLE, 111 },
	{ SOL_TCP, TCP_KEEPINTVL, 22 },
	{ SOL_TCP, TCP_KEEPCNT, 3 },
	{ SOL_TCP, TCP_USER_TIMEOUT, 44444 },
	{ SOL_TCP, TCP_LINGER2, 9 },
	{ SOL_IP, IP_TTL, 33 },
	{ SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT },
};

API_TEST(accept__inherits_options)
{
	int listener = bound(0), child;

	for (int i = 0; i < ARRAY_SIZE(inherited); i++)
		ASSERT_OK(set_int(listener, inherited[i].level,
				  inherited[i].option, inherited[i].value));
	ASSERT_OK(listen(listener, 1));
	dial(port_of(listener));
	child = accept_one(listener);
	for (int i = 0; i < ARRAY_SIZE(inherited); i++) {
		const struct inherited *one = &inherited[i];

		EXPECT_EQ(one->value, get_int(child, one->level,
					      one->option)) {
			TH_LOG("level %d option %d", one->level, one->option);
		}
	}
}

API_TEST(accept__inherits_buffers_and_linger)
{
	struct linger wanted = { .l_onoff = 1, .l_linger = 7 }, got;
	socklen_t len = sizeof(got);
	int listener = bound(0), child;

	set_int(listener, SOL_SOCKET, SO_RCVBUF, 10000);
	set_int(listener, SOL_SOCKET, SO_SNDBUF, 12000);
	setsockopt(listener, SOL_SOCKET, SO_LINGER, &wanted, sizeof(wanted));
	ASSERT_OK(listen(listener, 1));
	dial(port_of(listener));
	child = accept_one(listener);
	ASSERT_EQ(20000, get_int(child, SOL_SOCKET, SO_RCVBUF));
	ASSERT_EQ(24000, get_int(child, SOL_SOCKET, SO_SNDBUF));
	ASSERT_OK(getsockopt(child, SOL_SOCKET, SO_LINGER, &got, &len));
	ASSERT_EQ(1, got.l_onoff);
	ASSERT_EQ(7, got.l_linger);
}

/* The child's filter is its own: detaching one leaves the other in place. */
API_TEST(accept__inherits_filter)
{
	struct sock_filter pass = BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	struct sock_fprog program = { .len = 1, .filter = &pass };
	int listener = bound(0), child, none = 0;

	ASSERT_OK(setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			     sizeof(program)));
	ASSERT_OK(listen(listener, 1));
	dial(port_of(listener));
	child = accept_one(listener);
	ASSERT_OK(setsockopt(child, SOL_SOCKET, SO_DETACH_FILTER, &none,
			     sizeof(none)));
	ASSERT_ERRNO(ENOENT, setsockopt(child, SOL_SOCKET, SO_DETACH_FILTER,
					&none, sizeof(none)));
	ASSERT_OK(setsockopt(listener, SOL_SOCKET, SO_DETACH_FILTER, &none,
			     sizeof(none)));
}

static uint64_t cookie_of(int fd)
{
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie = 0;

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

/* A listener's own cookie is not passed on to its children. */
API_TEST(accept__has_its_own_cookie)
{
	int listener = listening(1), child;

	ASSERT_NE(0, cookie_of(listener));
	dial(port_of(listener));
	child = accept_one(listener);
	ASSERT_NE(0, cookie_of(child));
	ASSERT_NE(cookie_of(listener), cookie_of(child));
}

API_TEST(listen__no_multicast_membership)
{
	struct ip_mreq group = {
		.imr_multiaddr.s_addr = inet_addr("224.1.1.1"),
		.imr_interface.s_addr = htonl(INADDR_LOOPBACK),
	};

	ASSERT_ERRNO(EPROTO, setsockopt(bound(0), SOL_IP, IP_ADD_MEMBERSHIP,
					&group, sizeof(group)));
}

/* Pointers of the listener are not shared: any order of close() is safe. */
API_TEST(accept__shares_no_memory_with_listener)
{
	char nops[4] = { 1, 1, 1, 1 };
	int listener = bound(0), child;

	ASSERT_OK(setsockopt(listener, SOL_IP, IP_OPTIONS, nops,
			     sizeof(nops)));
	ASSERT_OK(listen(listener, 4));
	dial(port_of(listener));
	dial(port_of(listener));
	child = accept_one(listener);
	ASSERT_OK(close(child));
	child = accept_one(listener);
	ASSERT_OK(close(listener));
	ASSERT_OK(close(child));
}

TEST_HARNESS_MAIN
