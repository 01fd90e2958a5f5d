// SPDX-License-Identifier: GPL-2.0
/* Options at SOL_SOCKET and SOL_IP: buffers, time-outs, filters, marks. */
#include <linux/filter.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netpacket/packet.h>

#include "api_test.h"

API_TEST(sockopt__what_it_is)
{
	int fd = new_socket(0);

	ASSERT_EQ(SOCK_STREAM, get_int(fd, SOL_SOCKET, SO_TYPE));
	ASSERT_EQ(AF_INET, get_int(fd, SOL_SOCKET, SO_DOMAIN));
	ASSERT_EQ(variant->protocol, get_int(fd, SOL_SOCKET, SO_PROTOCOL));
	ASSERT_EQ(0, get_int(fd, SOL_SOCKET, SO_ERROR));
	ASSERT_ERRNO(ENOPROTOOPT, set_int(fd, SOL_SOCKET, SO_ERROR, 1));
	ASSERT_ERRNO(ENOPROTOOPT, set_int(fd, SOL_SOCKET, SO_TYPE, 1));
}

API_TEST(sockopt__wrong_kinds_of_socket)
{
	ASSERT_ERRNO(ESOCKTNOSUPPORT, socket(AF_INET, SOCK_SEQPACKET,
					     variant->protocol));
	ASSERT_ERRNO(EPROTONOSUPPORT, socket(AF_INET, SOCK_DGRAM,
					     variant->protocol));
}

API_TEST(sockopt__booleans)
{
	static const int options[] = {
		SO_KEEPALIVE, SO_REUSEADDR, SO_REUSEPORT, SO_OOBINLINE,
		SO_DONTROUTE, SO_TIMESTAMP,
	};
	int fd = new_socket(0);

	for (int i = 0; i < ARRAY_SIZE(options); i++) {
		ASSERT_EQ(0, get_int(fd, SOL_SOCKET, options[i]));
		ASSERT_OK(set_int(fd, SOL_SOCKET, options[i], 5));
		ASSERT_EQ(1, get_int(fd, SOL_SOCKET, options[i]));
		ASSERT_OK(set_int(fd, SOL_SOCKET, options[i], 0));
		ASSERT_EQ(0, get_int(fd, SOL_SOCKET, options[i]));
	}
}

API_TEST(sockopt__unknown)
{
	int fd = new_socket(0), value = 0;
	socklen_t len = sizeof(value);

	ASSERT_ERRNO(ENOPROTOOPT, set_int(fd, SOL_SOCKET, 9999, 1));
	ASSERT_ERRNO(ENOPROTOOPT, set_int(fd, SOL_IP, 9999, 1));
	ASSERT_ERRNO(ENOPROTOOPT, set_int(fd, SOL_TCP, 9999, 1));
	ASSERT_ERRNO(ENOPROTOOPT, set_int(fd, 250, 1, 1));
	ASSERT_ERRNO(ENOPROTOOPT, getsockopt(fd, SOL_SOCKET, 9999, &value,
					     &len));
	ASSERT_ERRNO(ENOPROTOOPT, getsockopt(fd, SOL_IP, 9999, &value, &len));
	ASSERT_ERRNO(ENOPROTOOPT, getsockopt(fd, SOL_TCP, 9999, &value,
					     &len));
	ASSERT_ERRNO(EOPNOTSUPP, getsockopt(fd, 250, 1, &value, &len));
}

API_TEST(sockopt__bad_arguments)
{
	int fd = new_socket(0), value = 1;
	socklen_t len = sizeof(value);

	ASSERT_ERRNO(EINVAL, setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value,
					2));
	ASSERT_ERRNO(EINVAL, setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value,
					-1));
	ASSERT_ERRNO(EFAULT, setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE,
					(void *)8, sizeof(value)));
	ASSERT_ERRNO(EFAULT, getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE,
					(void *)8, &len));
	len = -1;
	ASSERT_ERRNO(EINVAL, getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value,
					&len));
}

API_TEST(buffers__doubled_and_bounded)
{
	int fd = new_socket(0);

	ASSERT_OK(set_int(fd, SOL_SOCKET, SO_RCVBUF, 20000));
	ASSERT_EQ(40000, get_int(fd, SOL_SOCKET, SO_RCVBUF));
	ASSERT_OK(set_int(fd, SOL_SOCKET, SO_SNDBUF, 30000));
	ASSERT_EQ(60000, get_int(fd, SOL_SOCKET, SO_SNDBUF));
	ASSERT_OK(set_int(fd, SOL_SOCKET, SO_RCVBUF, 1));
	ASSERT_GE(get_int(fd, SOL_SOCKET, SO_RCVBUF), 2048);
	ASSERT_OK(set_int(fd, SOL_SOCKET, SO_SNDBUF, 1));
	ASSERT_GE(get_int(fd, SOL_SOCKET, SO_SNDBUF), 4096);
	ASSERT_OK(set_int(fd, SOL_SOCKET, SO_RCVBUF, INT32_MAX));
	ASSERT_LE(get_int(fd, SOL_SOCKET, SO_RCVBUF), 64 << 20);
	ASSERT_OK(set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 100 << 20));
	ASSERT_EQ(200 << 20, get_int(fd, SOL_SOCKET, SO_RCVBUF));
}

/* A peer that does not read makes the kernel hold a bounded amount. */
API_TEST(buffers__bound_what_is_queued)
{
	struct pair pair = small_pair();
	size_t total = stuff(pair.client);

	ASSERT_LT(total, 256 << 10);
	drain(pair.server, total);
	wait_events(pair.client, POLLOUT);
	ASSERT_EQ(1, send(pair.client, "x", 1, MSG_DONTWAIT));
}

API_TEST(buffers__smallest_still_work)
{
	static uint8_t out[100000], in[100000];
	int listener = bound(0), client, server;
	size_t sent = 0, got = 0;

	set_int(listener, SOL_SOCKET, SO_RCVBUF, 1);
	set_int(listener, SOL_SOCKET, SO_SNDBUF, 1);
	ASSERT_OK(listen(listener, 1));
	client = dial(port_of(listener));
	set_int(client, SOL_SOCKET, SO_SNDBUF, 1);
	server = accept_one(listener);
	fill_pattern(out, sizeof(out), 7);
	while (got < sizeof(out)) {
		ssize_t n = send(client, out + sent, sizeof(out) - sent,
				 MSG_DONTWAIT);

		sent += n > 0 ? n : 0;
		wait_events(server, POLLIN);
		n = recv(server, in + got, sizeof(in) - got, 0);
		ASSERT_GT(n, 0);
		got += n;
	}
	ASSERT_EQ(0, memcmp(in, out, sizeof(out)));
}

API_TEST(timeouts__recv)
{
	struct timeval brief = { .tv_usec = 60000 }, got;
	socklen_t len = sizeof(got);
	struct pair pair = new_pair();
	long before = now_ms();
	char byte;

	ASSERT_OK(setsockopt(pair.server, SOL_SOCKET, SO_RCVTIMEO, &brief,
			     sizeof(brief)));
	ASSERT_ERRNO(EAGAIN, recv(pair.server, &byte, 1, 0));
	ASSERT_TRUE(passed_ms(before, 30));
	ASSERT_OK(getsockopt(pair.server, SOL_SOCKET, SO_RCVTIMEO, &got,
			     &len));
	ASSERT_EQ(60000, got.tv_usec);
	send_all(pair.client, "x", 1);
	wait_events(pair.server, POLLIN);
	ASSERT_EQ(1, recv(pair.server, &byte, 1, 0));
}

API_TEST(timeouts__recv_waitall_gives_part)
{
	struct timeval brief = { .tv_usec = 60000 };
	struct pair pair = new_pair();
	char text[8];

	setsockopt(pair.server, SOL_SOCKET, SO_RCVTIMEO, &brief,
		   sizeof(brief));
	send_all(pair.client, "abc", 3);
	wait_until(queued(pair.server) == 3);
	ASSERT_EQ(3, recv(pair.server, text, 8, MSG_WAITALL));
}

API_TEST(timeouts__send)
{
	struct timeval brief = { .tv_usec = 60000 };
	static char block[1 << 20];
	struct pair pair = small_pair();
	long before;

	ASSERT_OK(setsockopt(pair.client, SOL_SOCKET, SO_SNDTIMEO, &brief,
			     sizeof(brief)));
	ASSERT_LT(0, send(pair.client, block, sizeof(block), 0));
	stuff(pair.client);
	before = now_ms();
	ASSERT_ERRNO(EAGAIN, send(pair.client, block, sizeof(block), 0));
	ASSERT_TRUE(passed_ms(before, 30));
}

API_TEST(timeouts__bad_values)
{
	struct timeval bad = { .tv_usec = 1000000 }, past = { .tv_sec = -1 };
	struct pair pair = new_pair();
	char byte;

	ASSERT_ERRNO(EDOM, setsockopt(pair.server, SOL_SOCKET, SO_RCVTIMEO,
				      &bad, sizeof(bad)));
	ASSERT_ERRNO(EINVAL, setsockopt(pair.server, SOL_SOCKET, SO_RCVTIMEO,
					&bad, 4));
	ASSERT_OK(setsockopt(pair.server, SOL_SOCKET, SO_RCVTIMEO, &past,
			     sizeof(past)));
	ASSERT_ERRNO(EAGAIN, recv(pair.server, &byte, 1, 0));
}

static long recv_up_to_eight(int fd)
{
	char text[8];

	return recv(fd, text, 8, 0);
}

API_TEST(lowat__recv_waits_for_it)
{
	struct pair pair = new_pair();
	struct worker worker;

	ASSERT_OK(set_int(pair.server, SOL_SOCKET, SO_RCVLOWAT, 5));
	ASSERT_EQ(5, get_int(pair.server, SOL_SOCKET, SO_RCVLOWAT));
	send_all(pair.client, "abc", 3);
	wait_until(queued(pair.server) == 3);
	start_asleep(&worker, recv_up_to_eight, pair.server);
	send_all(pair.client, "defgh", 5);
	ASSERT_GE(finish(&worker), 5);
}

API_TEST(lowat__nonblocking_takes_what_there_is)
{
	struct pair pair = new_pair();
	char text[8];

	ASSERT_OK(set_int(pair.server, SOL_SOCKET, SO_RCVLOWAT, 5));
	send_all(pair.client, "abc", 3);
	wait_until(queued(pair.server) == 3);
	ASSERT_EQ(3, recv(pair.server, text, 8, MSG_DONTWAIT));
}

/* Filters see each segment; rejected segments are dropped. */

static int attach(int fd, uint32_t verdict)
{
	struct sock_filter one = BPF_STMT(BPF_RET | BPF_K, verdict);
	struct sock_fprog program = { .len = 1, .filter = &one };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program));
}

static int detach(int fd)
{
	int none = 0;

	return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none,
			  sizeof(none));
}

API_TEST(filter__drops_until_detached)
{
	struct pair pair = new_pair();
	char byte;

	ASSERT_OK(attach(pair.server, 0));
	send_all(pair.client, "f", 1);
	ASSERT_EQ(0, poll_now(pair.server, POLLIN));
	ASSERT_EQ(1, unsent(pair.client));
	ASSERT_OK(detach(pair.server));
	recv_all(pair.server, &byte, 1);
	ASSERT_EQ('f', byte);
}

API_TEST(filter__passes)
{
	struct pair pair = new_pair();
	char byte;

	ASSERT_OK(attach(pair.server, 0xffffffff));
	send_all(pair.client, "p", 1);
	recv_all(pair.server, &byte, 1);
	ASSERT_ERRNO(ENOENT, detach(pair.client));
}

API_TEST(filter__on_listener_drops_syn)
{
	int listener = listening(1), fd = new_socket(SOCK_NONBLOCK);

	ASSERT_OK(attach(listener, 0));
	ASSERT_ERRNO(EINPROGRESS, try_connect(fd, port_of(listener)));
	ASSERT_EQ(SYN_SENT, state_of(fd));
	ASSERT_OK(detach(listener));
	ASSERT_EQ(POLLOUT, wait_events(fd, POLLOUT));
	accept_one(listener);
}

/* Filters find the port where TCP's filters do: at offset 2. */
API_TEST(filter__sees_the_transport_header)
{
	int listener = bound(4000), client, server;
	struct sock_filter by_port[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4000, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = 4, .filter = by_port };
	char byte;

	ASSERT_OK(setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			     sizeof(program)));
	ASSERT_OK(listen(listener, 1));
	client = dial(4000);
	server = accept_one(listener);
	send_all(client, "x", 1);
	recv_all(server, &byte, 1);
}

API_TEST(filter__locked)
{
	struct pair pair = new_pair();

	ASSERT_OK(attach(pair.server, 0xffffffff));
	ASSERT_OK(set_int(pair.server, SOL_SOCKET, SO_LOCK_FILTER, 1));
	ASSERT_ERRNO(EPERM, detach(pair.server));
	ASSERT_ERRNO(EPERM, attach(pair.server, 0));
	ASSERT_ERRNO(EPERM, set_int(pair.server, SOL_SOCKET, SO_LOCK_FILTER,
				    0));
}

API_TEST(mark__needs_a_capability)
{
	int fd = new_socket(0);

	ASSERT_OK(set_int(fd, SOL_SOCKET, SO_MARK, 42));
	ASSERT_EQ(42, get_int(fd, SOL_SOCKET, SO_MARK));
	drop_privileges();
	ASSERT_ERRNO(EPERM, set_int(fd, SOL_SOCKET, SO_MARK, 43));
}

/* A packet socket that sees all packets on lo. */

static int listen_to_lo(void)
{
	struct sockaddr_ll lo = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = 1,
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));

	if (fd < 0 || bind(fd, (void *)&lo, sizeof(lo)))
		abort();
	return fd;
}

static struct iphdr next_header(int packets, uint16_t source_port)
{
	uint8_t packet[128];
	struct iphdr header;
	uint16_t port;

	do {
		wait_events(packets, POLLIN);
		if (recv(packets, packet, sizeof(packet), 0) < 24)
			continue;
		memcpy(&header, packet, sizeof(header));
		memcpy(&port, packet + 4 * header.ihl, sizeof(port));
	} while (header.protocol != protocol || ntohs(port) != source_port);
	return header;
}

API_TEST(ip__tos_and_ttl_on_the_wire)
{
	int listener = listening(1), fd = bound(0), packets = listen_to_lo();
	struct iphdr header;

	ASSERT_OK(set_int(fd, SOL_IP, IP_TOS, 0x48));
	ASSERT_EQ(0x48, get_int(fd, SOL_IP, IP_TOS));
	ASSERT_OK(set_int(fd, SOL_IP, IP_TTL, 77));
	ASSERT_EQ(77, get_int(fd, SOL_IP, IP_TTL));
	ASSERT_OK(try_connect(fd, port_of(listener)));
	header = next_header(packets, port_of(fd));
	ASSERT_EQ(0x48, header.tos);
	ASSERT_EQ(77, header.ttl);
	ASSERT_OK(set_int(fd, SOL_IP, IP_TOS, 0x28));
	header = next_header(packets, port_of(fd));
	send_all(fd, "x", 1);
	header = next_header(packets, port_of(fd));
	ASSERT_EQ(0x28, header.tos);
}

API_TEST(ip__listener_sets_tos_and_ttl)
{
	int listener = bound(0), packets = listen_to_lo();
	struct iphdr header;

	ASSERT_OK(set_int(listener, SOL_IP, IP_TTL, 55));
	ASSERT_OK(listen(listener, 1));
	dial(port_of(listener));
	header = next_header(packets, port_of(listener));
	ASSERT_EQ(55, header.ttl);
}

API_TEST(ip__bad_values)
{
	int fd = new_socket(0);

	ASSERT_ERRNO(EINVAL, set_int(fd, SOL_IP, IP_TTL, 256));
	ASSERT_ERRNO(EINVAL, set_int(fd, SOL_IP, IP_TTL, 0));
	ASSERT_ERRNO(EINVAL, set_int(fd, SOL_IP, IP_MTU_DISCOVER, 99));
}

API_TEST(ip__mtu)
{
	struct pair pair = new_pair();
	int fd = new_socket(0), mtu;
	socklen_t len = sizeof(mtu);

	ASSERT_ERRNO(ENOTCONN, getsockopt(fd, SOL_IP, IP_MTU, &mtu, &len));
	ASSERT_GE(get_int(pair.client, SOL_IP, IP_MTU), 65535);
}

API_TEST(sockopt__cookie_is_unique)
{
	struct pair pair = new_pair();
	uint64_t first, second;
	socklen_t len = sizeof(first);

	ASSERT_OK(getsockopt(pair.client, SOL_SOCKET, SO_COOKIE, &first,
			     &len));
	ASSERT_OK(getsockopt(pair.server, SOL_SOCKET, SO_COOKIE, &second,
			     &len));
	ASSERT_NE(first, second);
}

TEST_HARNESS_MAIN
