// SPDX-License-Identifier: GPL-2.0
/* Options at SOL_TCP, with TCP's numbers and ranges, and at SOL_TOYTCP. */
#include <linux/capability.h>
#include <sys/syscall.h>

#include "api_test.h"

struct range {
	int option, low, high;
};

static const struct range ranges[] = {
	{ TCP_KEEPIDLE, 1, 32767 },
	{ TCP_KEEPINTVL, 1, 32767 },
	{ TCP_KEEPCNT, 1, 127 },
	{ TCP_SYNCNT, 1, 127 },
};

API_TEST(tcpopt__ranges)
{
	int fd = new_socket(0);

	for (int i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct range *r = &ranges[i];

		ASSERT_OK(set_int(fd, SOL_TCP, r->option, r->low));
		ASSERT_EQ(r->low, get_int(fd, SOL_TCP, r->option));
		ASSERT_OK(set_int(fd, SOL_TCP, r->option, r->high));
		ASSERT_EQ(r->high, get_int(fd, SOL_TCP, r->option));
		ASSERT_ERRNO(EINVAL, set_int(fd, SOL_TCP, r->option,
					     r->low - 1));
		ASSERT_ERRNO(EINVAL, set_int(fd, SOL_TCP, r->option,
					     r->high + 1));
		ASSERT_ERRNO(EINVAL, set_int(fd, SOL_TCP, r->option, -1));
		ASSERT_EQ(r->high, get_int(fd, SOL_TCP, r->option));
	}
}

API_TEST(tcpopt__defaults)
{
	int fd = new_socket(0);

	ASSERT_EQ(7200, get_int(fd, SOL_TCP, TCP_KEEPIDLE));
	ASSERT_EQ(75, get_int(fd, SOL_TCP, TCP_KEEPINTVL));
	ASSERT_EQ(9, get_int(fd, SOL_TCP, TCP_KEEPCNT));
	ASSERT_GE(get_int(fd, SOL_TCP, TCP_SYNCNT), 6);
	ASSERT_EQ(60, get_int(fd, SOL_TCP, TCP_LINGER2));
	ASSERT_EQ(0, get_int(fd, SOL_TCP, TCP_DEFER_ACCEPT));
	ASSERT_EQ(0, get_int(fd, SOL_TCP, TCP_USER_TIMEOUT));
	ASSERT_EQ(0, get_int(fd, SOL_TCP, TCP_NODELAY));
	ASSERT_EQ(0, get_int(fd, SOL_TCP, TCP_CORK));
	ASSERT_EQ(536, get_int(fd, SOL_TCP, TCP_MAXSEG));
}

API_TEST(tcpopt__booleans)
{
	int fd = new_socket(0);

	ASSERT_OK(set_int(fd, SOL_TCP, TCP_NODELAY, 1));
	ASSERT_EQ(1, get_int(fd, SOL_TCP, TCP_NODELAY));
	ASSERT_OK(set_int(fd, SOL_TCP, TCP_NODELAY, 0));
	ASSERT_EQ(0, get_int(fd, SOL_TCP, TCP_NODELAY));
	ASSERT_OK(set_int(fd, SOL_TCP, TCP_CORK, 1));
	ASSERT_EQ(1, get_int(fd, SOL_TCP, TCP_CORK));
	ASSERT_OK(set_int(fd, SOL_TCP, TCP_CORK, 0));
	ASSERT_EQ(0, get_int(fd, SOL_TCP, TCP_CORK));
}

API_TEST(tcpopt__bad_arguments)
{
	int fd = new_socket(0), value = 1;
	socklen_t len = 2;

	ASSERT_ERRNO(EINVAL, setsockopt(fd, SOL_TCP, TCP_NODELAY, &value, 3));
	ASSERT_ERRNO(EINVAL, setsockopt(fd, SOL_TCP, TCP_NODELAY, &value, 0));
	ASSERT_ERRNO(EFAULT, setsockopt(fd, SOL_TCP, TCP_NODELAY, (void *)8,
					sizeof(value)));
	ASSERT_OK(getsockopt(fd, SOL_TCP, TCP_KEEPCNT, &value, &len));
	ASSERT_EQ(2, len);
	len = -1;
	ASSERT_ERRNO(EINVAL, getsockopt(fd, SOL_TCP, TCP_NODELAY, &value,
					&len));
	len = sizeof(value);
	ASSERT_ERRNO(EFAULT, getsockopt(fd, SOL_TCP, TCP_NODELAY, (void *)8,
					&len));
}

API_TEST(tcpopt__user_timeout)
{
	int fd = new_socket(0);

	ASSERT_OK(set_int(fd, SOL_TCP, TCP_USER_TIMEOUT, 12345));
	ASSERT_EQ(12345, get_int(fd, SOL_TCP, TCP_USER_TIMEOUT));
	ASSERT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_USER_TIMEOUT, -1));
	ASSERT_OK(set_int(fd, SOL_TCP, TCP_USER_TIMEOUT, 0));
}

API_TEST(tcpopt__linger2)
{
	int fd = new_socket(0);

	ASSERT_OK(set_int(fd, SOL_TCP, TCP_LINGER2, 7));
	ASSERT_EQ(7, get_int(fd, SOL_TCP, TCP_LINGER2));
	ASSERT_OK(set_int(fd, SOL_TCP, TCP_LINGER2, -5));
	ASSERT_EQ(-1, get_int(fd, SOL_TCP, TCP_LINGER2));
	ASSERT_OK(set_int(fd, SOL_TCP, TCP_LINGER2, 1 << 20));
	ASSERT_EQ(120, get_int(fd, SOL_TCP, TCP_LINGER2));
	ASSERT_OK(set_int(fd, SOL_TCP, TCP_LINGER2, 0));
	ASSERT_EQ(60, get_int(fd, SOL_TCP, TCP_LINGER2));
}

/* With a negative value, an orphan does not wait in FIN-WAIT-2: RST. */
API_TEST(tcpopt__linger2_negative_forgets)
{
	struct pair pair = new_pair();

	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_LINGER2, -1));
	ASSERT_OK(shutdown(pair.client, SHUT_WR));
	wait_until(state_of(pair.client) == FIN_WAIT2);
	close(pair.client);
	wait_events(pair.server, POLLHUP);
	ASSERT_EQ(EPIPE, error_of(pair.server));
}

API_TEST(tcpopt__maxseg_range)
{
	int fd = new_socket(0);

	ASSERT_OK(set_int(fd, SOL_TCP, TCP_MAXSEG, 1000));
	ASSERT_OK(set_int(fd, SOL_TCP, TCP_MAXSEG, 0));
	ASSERT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_MAXSEG, 87));
	ASSERT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_MAXSEG, 32768));
	ASSERT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_MAXSEG, -1));
}

/* The client's MSS limits the server's segments. */
API_TEST(tcpopt__maxseg_is_announced)
{
	int listener = listening(1), fd = new_socket(0), server;

	ASSERT_OK(set_int(fd, SOL_TCP, TCP_MAXSEG, 700));
	ASSERT_OK(try_connect(fd, port_of(listener)));
	server = accept_one(listener);
	ASSERT_LE(get_int(server, SOL_TCP, TCP_MAXSEG), 700);
	ASSERT_GE(get_int(server, SOL_TCP, TCP_MAXSEG), 600);
	ASSERT_LE(get_int(fd, SOL_TCP, TCP_MAXSEG), 700);
	ASSERT_LE(info_of(server).tcpi_snd_mss, 700);
}

API_TEST(tcpopt__info)
{
	struct pair pair = new_pair();
	struct tcp_info info;

	send_all(pair.client, "0123456789", 10);
	drain(pair.server, 10);
	wait_until(unsent(pair.client) == 0);
	info = info_of(pair.client);
	ASSERT_EQ(ESTABLISHED, info.tcpi_state);
	ASSERT_GE(info.tcpi_snd_mss, 536);
	ASSERT_GE(info.tcpi_rcv_mss, 1);
	ASSERT_GE(info.tcpi_snd_cwnd, 2);
	ASSERT_GT(info.tcpi_rto, 0);
	ASSERT_GT(info.tcpi_rtt, 0);
	ASSERT_EQ(0, info.tcpi_retransmits);
	ASSERT_EQ(0, info.tcpi_total_retrans);
	ASSERT_EQ(0, info.tcpi_unacked);
	ASSERT_GE(info.tcpi_bytes_acked, 10);
	ASSERT_EQ(10, info_of(pair.server).tcpi_bytes_received);
	ASSERT_EQ(1, info_of(pair.server).tcpi_data_segs_in);
}

/* Some servers use this to watch the length and limit of their queue. */
API_TEST(tcpopt__info_of_a_listener)
{
	int listener = listening(7);
	struct tcp_info info;
	socklen_t len = sizeof(info);

	dial(port_of(listener));
	dial(port_of(listener));
	wait_events(listener, POLLIN);
	ASSERT_OK(getsockopt(listener, SOL_TCP, TCP_INFO, &info, &len));
	ASSERT_EQ(LISTENING, info.tcpi_state);
	ASSERT_EQ(2, info.tcpi_unacked);
	ASSERT_EQ(7, info.tcpi_sacked);
}

API_TEST(tcpopt__info_options)
{
	int wanted = TCPI_OPT_TIMESTAMPS | TCPI_OPT_WSCALE;
	struct pair pair = new_pair();

	ASSERT_EQ(wanted, info_of(pair.client).tcpi_options &
			  (wanted | TCPI_OPT_ECN));
	write_file(variant->protocol == IPPROTO_TCP ?
		   "/proc/sys/net/ipv4/tcp_ecn" : "/proc/sys/net/toytcp/ecn",
		   "1");
	pair = new_pair();
	wanted |= TCPI_OPT_ECN;
	ASSERT_EQ(wanted, info_of(pair.client).tcpi_options & wanted);
	ASSERT_EQ(wanted, info_of(pair.server).tcpi_options & wanted);
	send_all(pair.client, "x", 1);
	wait_events(pair.server, POLLIN);
	wanted |= TCPI_OPT_ECN_SEEN;
	ASSERT_EQ(wanted, info_of(pair.server).tcpi_options & wanted);
	ASSERT_NE(wanted, info_of(pair.client).tcpi_options & wanted);
}

API_TEST(tcpopt__info_partial)
{
	struct pair pair = new_pair();
	struct tcp_info info = { .tcpi_ca_state = 99 };
	socklen_t len = 1;

	ASSERT_OK(getsockopt(pair.client, SOL_TCP, TCP_INFO, &info, &len));
	ASSERT_EQ(1, len);
	ASSERT_EQ(ESTABLISHED, info.tcpi_state);
	ASSERT_EQ(99, info.tcpi_ca_state);
	ASSERT_ERRNO(ENOPROTOOPT, setsockopt(pair.client, SOL_TCP, TCP_INFO,
					     &info, sizeof(info)));
}

API_TEST(tcpopt__congestion)
{
	char name[16] = "";
	socklen_t len = sizeof(name);
	int fd = new_socket(0);

	ASSERT_OK(getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	ASSERT_TRUE(variant->protocol == IPPROTO_TCP ||
		    !strcmp(name, "reno") || !strcmp(name, "cubic"));
	ASSERT_OK(setsockopt(fd, SOL_TCP, TCP_CONGESTION, "reno", 4));
	len = sizeof(name);
	ASSERT_OK(getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	ASSERT_STREQ("reno", name);
	ASSERT_ERRNO(ENOENT, setsockopt(fd, SOL_TCP, TCP_CONGESTION, "nosuch",
					6));
	ASSERT_ERRNO(EINVAL, setsockopt(fd, SOL_TCP, TCP_CONGESTION, "", 0));
	ASSERT_STREQ("reno", name);
}

static const char *congestion_of(int fd)
{
	static char name[16];
	socklen_t len = sizeof(name);

	if (getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len))
		return "";
	return name;
}

API_TEST(tcpopt__congestion_is_inherited)
{
	int listener = listening(1), client, server;

	ASSERT_OK(setsockopt(listener, SOL_TCP, TCP_CONGESTION, "reno", 5));
	client = dial(port_of(listener));
	server = accept_one(listener);
	ASSERT_STREQ("reno", congestion_of(server));
	/* In the middle of a connection, too. */
	ASSERT_OK(setsockopt(client, SOL_TCP, TCP_CONGESTION, "reno", 4));
	send_all(client, "d", 1);
	ASSERT_STREQ("reno", congestion_of(client));
}

API_TEST(tcpopt__quickack)
{
	struct pair pair = new_pair();

	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_QUICKACK, 1));
	ASSERT_EQ(1, get_int(pair.client, SOL_TCP, TCP_QUICKACK));
	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_QUICKACK, 0));
	ASSERT_EQ(0, get_int(pair.client, SOL_TCP, TCP_QUICKACK));
}

API_TEST(tcpopt__defer_accept_value)
{
	int fd = new_socket(0);

	ASSERT_OK(set_int(fd, SOL_TCP, TCP_DEFER_ACCEPT, 5));
	ASSERT_GE(get_int(fd, SOL_TCP, TCP_DEFER_ACCEPT), 5);
	ASSERT_OK(set_int(fd, SOL_TCP, TCP_DEFER_ACCEPT, 0));
	ASSERT_EQ(0, get_int(fd, SOL_TCP, TCP_DEFER_ACCEPT));
}

API_TEST(tcpopt__defer_accept_waits_for_data)
{
	int listener = listening(1), client;
	char byte;

	ASSERT_OK(set_int(listener, SOL_TCP, TCP_DEFER_ACCEPT, 30));
	client = dial(port_of(listener));
	ASSERT_EQ(0, poll_now(listener, POLLIN));
	send_all(client, "d", 1);
	recv_all(accept_one(listener), &byte, 1);
	ASSERT_EQ('d', byte);
}

API_TEST(tcpopt__keepalive_switches)
{
	struct pair pair = new_pair();

	ASSERT_OK(set_int(pair.client, SOL_SOCKET, SO_KEEPALIVE, 1));
	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_KEEPIDLE, 1));
	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_KEEPINTVL, 1));
	ASSERT_OK(set_int(pair.client, SOL_SOCKET, SO_KEEPALIVE, 0));
	ASSERT_EQ(1, get_int(pair.client, SOL_TCP, TCP_KEEPIDLE));
}

/* A live peer answers probes: a second of idle time does no harm. */
API_TEST(tcpopt__keepalive_answered)
{
	struct pair pair = new_pair();
	unsigned int before = info_of(pair.server).tcpi_segs_in;

	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_KEEPIDLE, 1));
	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_KEEPINTVL, 1));
	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_KEEPCNT, 1));
	ASSERT_OK(set_int(pair.client, SOL_SOCKET, SO_KEEPALIVE, 1));
	wait_until(info_of(pair.server).tcpi_segs_in >= before + 3);
	ASSERT_EQ(ESTABLISHED, state_of(pair.client));
	ASSERT_EQ(0, error_of(pair.client));
}

/* Options of TCP that the README lists as not implemented. */
API_TEST(tcpopt__not_promised)
{
	static const int options[] = {
		TCP_REPAIR, TCP_ULP, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT,
		TCP_MD5SIG, TCP_ZEROCOPY_RECEIVE,
	};
	int fd = new_socket(0), value = 1;
	socklen_t len = sizeof(value);

	if (variant->protocol == IPPROTO_TCP)
		SKIP(return, "TCP has them");
	for (int i = 0; i < ARRAY_SIZE(options); i++) {
		ASSERT_ERRNO(ENOPROTOOPT, set_int(fd, SOL_TCP, options[i], 1));
		ASSERT_ERRNO(ENOPROTOOPT, getsockopt(fd, SOL_TCP, options[i],
						     &value, &len));
	}
}

API_TEST(toytcp__isn_is_no_option_of_tcp)
{
	if (variant->protocol == IPPROTO_TOYTCP)
		SKIP(return, "toytcp has it");
	ASSERT_ERRNO(ENOPROTOOPT, set_int(new_socket(0), SOL_TOYTCP,
					  TOYTCP_ISN, 69));
}

API_TEST(toytcp__isn)
{
	int fd = new_socket(0), value = 69;

	if (variant->protocol == IPPROTO_TCP)
		SKIP(return, "an option of toytcp's");
	ASSERT_OK(set_int(fd, SOL_TOYTCP, TOYTCP_ISN, 69));
	ASSERT_OK(set_int(listening(1), SOL_TOYTCP, TOYTCP_ISN, 420));
	ASSERT_ERRNO(EINVAL, setsockopt(fd, SOL_TOYTCP, TOYTCP_ISN, &value,
					2));
	ASSERT_ERRNO(EFAULT, setsockopt(fd, SOL_TOYTCP, TOYTCP_ISN, (void *)8,
					sizeof(value)));
	ASSERT_ERRNO(ENOPROTOOPT, set_int(fd, SOL_TOYTCP, 9999, 1));
	drop_privileges();
	ASSERT_ERRNO(EPERM, set_int(fd, SOL_TOYTCP, TOYTCP_ISN, 69));
}

/* Every option in every state: the calls must only return. */
API_TEST(tcpopt__every_option_in_every_state)
{
	struct pair pair = new_pair();
	int sockets[] = {
		new_socket(0), bound(0), listening(1), pair.client,
		pair.server,
	};

	shutdown(pair.server, SHUT_WR);
	for (int i = 0; i < ARRAY_SIZE(sockets); i++) {
		for (int option = 0; option < 64; option++) {
			uint8_t value[128] = { 1 };
			socklen_t len = sizeof(value);

			set_int(sockets[i], SOL_TCP, option, 1);
			setsockopt(sockets[i], SOL_TCP, option, value, 128);
			getsockopt(sockets[i], SOL_TCP, option, value, &len);
		}
		close(sockets[i]);
	}
}

TEST_HARNESS_MAIN
