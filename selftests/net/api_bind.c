// SPDX-License-Identifier: GPL-2.0
/* bind(2), the rules for sharing ports, getsockname(2). */
#include "api_test.h"

static int try_bind(int fd, const char *address, int port)
{
	struct sockaddr_in here = at(address, port);

	return bind(fd, (void *)&here, sizeof(here));
}

static int reusing(int option)
{
	int fd = new_socket(0);

	set_int(fd, SOL_SOCKET, option, 1);
	return fd;
}

API_TEST(bind__ephemeral)
{
	int first = bound(0), second = bound(0);

	ASSERT_GE(port_of(first), 32768);
	ASSERT_GE(port_of(second), 32768);
	ASSERT_NE(port_of(first), port_of(second));
}

API_TEST(bind__in_use)
{
	int port = port_of(bound(0));

	ASSERT_ERRNO(EADDRINUSE, try_bind(new_socket(0), LOCALHOST, port));
	ASSERT_ERRNO(EADDRINUSE, try_bind(new_socket(0), "0.0.0.0", port));
	ASSERT_OK(try_bind(new_socket(0), "127.0.0.2", port));
}

API_TEST(bind__free_again_after_close)
{
	int fd = bound(0), port = port_of(fd);

	close(fd);
	ASSERT_OK(try_bind(new_socket(0), LOCALHOST, port));
}

API_TEST(bind__failed_bind_leaves_socket_usable)
{
	int port = port_of(bound(0)), fd = new_socket(0);

	ASSERT_ERRNO(EADDRINUSE, try_bind(fd, LOCALHOST, port));
	ASSERT_OK(try_bind(fd, LOCALHOST, 0));
}

API_TEST(bind__foreign_address)
{
	int fd = new_socket(0), one = 1;

	ASSERT_ERRNO(EADDRNOTAVAIL, try_bind(fd, "10.9.9.9", 0));
	ASSERT_OK(setsockopt(fd, SOL_IP, IP_FREEBIND, &one, sizeof(one)));
	ASSERT_OK(try_bind(fd, "10.9.9.9", 0));
}

API_TEST(bind__privileged_port)
{
	int fd = new_socket(0);

	ASSERT_OK(try_bind(new_socket(0), LOCALHOST, 81));
	drop_privileges();
	ASSERT_ERRNO(EACCES, try_bind(fd, LOCALHOST, 80));
	ASSERT_OK(try_bind(fd, LOCALHOST, 1024));
}

API_TEST(bind__twice)
{
	ASSERT_ERRNO(EINVAL, try_bind(bound(0), LOCALHOST, 0));
}

API_TEST(bind__connected)
{
	struct pair pair = new_pair();

	ASSERT_ERRNO(EINVAL, try_bind(pair.client, LOCALHOST, 0));
	ASSERT_ERRNO(EINVAL, try_bind(pair.server, LOCALHOST, 0));
}

API_TEST(bind__wrong_family)
{
	struct sockaddr_in6 other = { .sin6_family = AF_INET6 };
	struct sockaddr_in here = at(LOCALHOST, 0);
	int fd = new_socket(0);

	ASSERT_ERRNO(EAFNOSUPPORT, bind(fd, (void *)&other, sizeof(other)));
	here.sin_family = AF_UNSPEC;
	ASSERT_ERRNO(EAFNOSUPPORT, bind(fd, (void *)&here, sizeof(here)));
	here.sin_addr.s_addr = INADDR_ANY;
	ASSERT_OK(bind(fd, (void *)&here, sizeof(here)));
}

API_TEST(bind__bad_address_argument)
{
	struct sockaddr_in here = at(LOCALHOST, 0);
	int fd = new_socket(0);

	ASSERT_ERRNO(EINVAL, bind(fd, (void *)&here, 8));
	ASSERT_ERRNO(EFAULT, bind(fd, (void *)8, sizeof(here)));
}

API_TEST(bind__reuseaddr_until_one_listens)
{
	int first = reusing(SO_REUSEADDR), second = reusing(SO_REUSEADDR);

	ASSERT_OK(try_bind(first, LOCALHOST, 4000));
	ASSERT_OK(try_bind(second, LOCALHOST, 4000));
	ASSERT_OK(listen(first, 1));
	ASSERT_ERRNO(EADDRINUSE, listen(second, 1));
	ASSERT_ERRNO(EADDRINUSE,
		     try_bind(reusing(SO_REUSEADDR), LOCALHOST, 4000));
}

API_TEST(bind__reuseaddr_needs_both)
{
	ASSERT_OK(try_bind(new_socket(0), LOCALHOST, 4000));
	ASSERT_ERRNO(EADDRINUSE,
		     try_bind(reusing(SO_REUSEADDR), LOCALHOST, 4000));
}

/* Leave a TIME-WAIT on the listener's port: the server closes first. */
static void leave_time_wait(int listener, int port)
{
	int client, server;

	if (try_bind(listener, LOCALHOST, port) || listen(listener, 1))
		abort();
	client = dial(port);
	server = accept_one(listener);
	shutdown(server, SHUT_WR);
	wait_events(client, POLLIN);
	close(client);
	wait_events(server, POLLHUP);
	close(server);
	close(listener);
}

API_TEST(bind__time_wait_blocks)
{
	leave_time_wait(new_socket(0), 4000);
	ASSERT_ERRNO(EADDRINUSE, try_bind(new_socket(0), LOCALHOST, 4000));
}

API_TEST(bind__time_wait_reuseaddr)
{
	int fd = reusing(SO_REUSEADDR);

	leave_time_wait(reusing(SO_REUSEADDR), 4000);
	ASSERT_ERRNO(EADDRINUSE, try_bind(new_socket(0), LOCALHOST, 4000));
	ASSERT_OK(try_bind(fd, LOCALHOST, 4000));
	ASSERT_OK(listen(fd, 1));
	close(dial(4000));
	accept_one(fd);
}

API_TEST(bind__reuseport)
{
	int first = reusing(SO_REUSEPORT), second = reusing(SO_REUSEPORT);

	ASSERT_OK(try_bind(first, LOCALHOST, 4000));
	ASSERT_ERRNO(EADDRINUSE, try_bind(new_socket(0), LOCALHOST, 4000));
	ASSERT_OK(try_bind(second, LOCALHOST, 4000));
	ASSERT_EQ(1, get_int(second, SOL_SOCKET, SO_REUSEPORT));
}

API_TEST(bind__reuseport_needs_same_user)
{
	int fd;

	ASSERT_OK(try_bind(reusing(SO_REUSEPORT), LOCALHOST, 4000));
	drop_privileges();
	fd = reusing(SO_REUSEPORT);
	ASSERT_ERRNO(EADDRINUSE, try_bind(fd, LOCALHOST, 4000));
}

static int accept_all(int listener)
{
	int count = 0;

	set_nonblocking(listener, true);
	while (accept(listener, NULL, NULL) >= 0)
		count++;
	return count;
}

/* 64 connections are spread over two listeners: each gets some. */
API_TEST(bind__reuseport_shares_connections)
{
	int first = reusing(SO_REUSEPORT), second = reusing(SO_REUSEPORT);
	int at_first = 0, at_second = 0;

	ASSERT_OK(try_bind(first, LOCALHOST, 4000));
	ASSERT_OK(try_bind(second, LOCALHOST, 4000));
	ASSERT_OK(listen(first, 64));
	ASSERT_OK(listen(second, 64));
	for (int i = 0; i < 64; i++)
		dial(4000);
	wait_until((at_first += accept_all(first),
		    at_second += accept_all(second),
		    at_first + at_second == 64));
	ASSERT_GT(at_first, 0);
	ASSERT_GT(at_second, 0);
}

API_TEST(bind__reuseport_survivor_takes_all)
{
	int first = reusing(SO_REUSEPORT), second = reusing(SO_REUSEPORT);

	ASSERT_OK(try_bind(first, LOCALHOST, 4000));
	ASSERT_OK(try_bind(second, LOCALHOST, 4000));
	ASSERT_OK(listen(first, 64));
	ASSERT_OK(listen(second, 64));
	close(first);
	for (int i = 0; i < 8; i++) {
		dial(4000);
		accept_one(second);
	}
}

API_TEST(bind__specific_address_wins)
{
	int any = new_socket(0), one = new_socket(0);

	set_int(any, SOL_SOCKET, SO_REUSEADDR, 1);
	set_int(one, SOL_SOCKET, SO_REUSEPORT, 1);
	set_int(any, SOL_SOCKET, SO_REUSEPORT, 1);
	ASSERT_OK(try_bind(any, "0.0.0.0", 4000));
	ASSERT_OK(try_bind(one, LOCALHOST, 4000));
	ASSERT_OK(listen(any, 8));
	ASSERT_OK(listen(one, 8));
	dial(4000);
	accept_one(one);
	ASSERT_EQ(0, poll_now(any, POLLIN));
}

API_TEST(bind__ports_exhausted)
{
	write_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40003");
	for (int i = 0; i < 4; i++)
		ASSERT_OK(try_bind(new_socket(0), LOCALHOST, 0));
	ASSERT_ERRNO(EADDRINUSE, try_bind(new_socket(0), LOCALHOST, 0));
}

API_TEST(bind__reserved_ports_not_ephemeral)
{
	write_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40003");
	write_file("/proc/sys/net/ipv4/ip_local_reserved_ports",
		   "40000-40002");
	ASSERT_EQ(40003, port_of(bound(0)));
	ASSERT_OK(try_bind(new_socket(0), LOCALHOST, 40001));
}

static int bind_device(int fd, const char *name)
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name,
			  strlen(name) + 1);
}

API_TEST(bind__device_filters)
{
	int on_lo = new_socket(0), on_tun = new_socket(0);

	tun_up("tun0", "10.1.1.1");
	ASSERT_ERRNO(ENODEV, bind_device(on_lo, "nosuch"));
	ASSERT_OK(bind_device(on_lo, "lo"));
	ASSERT_OK(bind_device(on_tun, "tun0"));
	ASSERT_OK(try_bind(on_lo, "0.0.0.0", 4000));
	ASSERT_OK(try_bind(on_tun, "0.0.0.0", 4000));
	ASSERT_OK(listen(on_tun, 1));
	ASSERT_ERRNO(ECONNREFUSED, try_connect(new_socket(0), 4000));
	ASSERT_OK(listen(on_lo, 1));
	dial(4000);
	accept_one(on_lo);
	ASSERT_EQ(0, poll_now(on_tun, POLLIN));
}

API_TEST(bind__device_inherited)
{
	int listener = bound(0), child;
	char name[16] = "";
	socklen_t len = sizeof(name);

	ASSERT_OK(bind_device(listener, "lo"));
	ASSERT_OK(listen(listener, 1));
	dial(port_of(listener));
	child = accept_one(listener);
	ASSERT_OK(getsockopt(child, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	ASSERT_STREQ("lo", name);
}

API_TEST(names__fresh)
{
	struct sockaddr_in name;
	socklen_t len = sizeof(name);
	int fd = new_socket(0);

	ASSERT_OK(getsockname(fd, (void *)&name, &len));
	ASSERT_EQ(sizeof(name), len);
	ASSERT_EQ(AF_INET, name.sin_family);
	ASSERT_EQ(0, name.sin_port);
	ASSERT_EQ(INADDR_ANY, name.sin_addr.s_addr);
	ASSERT_ERRNO(ENOTCONN, getpeername(fd, (void *)&name, &len));
}

API_TEST(names__listening)
{
	struct sockaddr_in name;
	socklen_t len = sizeof(name);
	int fd = listening(1);

	ASSERT_ERRNO(ENOTCONN, getpeername(fd, (void *)&name, &len));
}

API_TEST(names__connected)
{
	struct sockaddr_in mine, theirs;
	struct pair pair = new_pair();
	socklen_t len = sizeof(mine);

	ASSERT_OK(getsockname(pair.client, (void *)&mine, &len));
	ASSERT_OK(getpeername(pair.server, (void *)&theirs, &len));
	ASSERT_EQ(0, memcmp(&mine, &theirs, sizeof(mine)));
	ASSERT_OK(getpeername(pair.client, (void *)&theirs, &len));
	ASSERT_OK(getsockname(pair.server, (void *)&mine, &len));
	ASSERT_EQ(0, memcmp(&mine, &theirs, sizeof(mine)));
	ASSERT_EQ(htonl(INADDR_LOOPBACK), mine.sin_addr.s_addr);
}

API_TEST(names__short_buffer)
{
	struct sockaddr_in name = {};
	int fd = bound(0);
	socklen_t len = 4;

	ASSERT_OK(getsockname(fd, (void *)&name, &len));
	ASSERT_EQ(sizeof(name), len);
	ASSERT_EQ(port_of(fd), ntohs(name.sin_port));
	ASSERT_EQ(0, name.sin_addr.s_addr);
	len = -1;
	ASSERT_ERRNO(EINVAL, getsockname(fd, (void *)&name, &len));
	len = sizeof(name);
	ASSERT_ERRNO(EFAULT, getsockname(fd, (void *)8, &len));
}

API_TEST(names__after_reset)
{
	struct pair pair = new_pair();
	struct sockaddr_in name;
	socklen_t len = sizeof(name);

	reset(pair.client);
	wait_events(pair.server, POLLIN);
	ASSERT_ERRNO(ENOTCONN, getpeername(pair.server, (void *)&name, &len));
}

TEST_HARNESS_MAIN
