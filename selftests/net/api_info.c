// SPDX-License-Identifier: GPL-2.0
/* TCP_INFO: its fields have TCP's meaning. */
#include <linux/filter.h>

#include "api_test.h"

#define PAUSE	200	/* ms */

/* Text and bare ACKs have times of their own. */
API_TEST(info__last_times)
{
	struct pair pair = new_pair();
	struct tcp_info client, server;
	char byte;

	wait_until(info_of(pair.client).tcpi_last_data_sent >= PAUSE);
	send_all(pair.client, "abc", 3);
	drain(pair.server, 3);
	wait_until(unsent(pair.client) == 0);
	ASSERT_LT(info_of(pair.client).tcpi_last_data_sent, PAUSE);
	ASSERT_LT(info_of(pair.server).tcpi_last_data_recv, PAUSE);
	/* Nothing was ever sent the other way: since the beginning. */
	ASSERT_GE(info_of(pair.server).tcpi_last_data_sent, PAUSE);
	ASSERT_GE(info_of(pair.client).tcpi_last_data_recv, PAUSE);
	ASSERT_LT(info_of(pair.client).tcpi_last_ack_recv, PAUSE);
	wait_until(info_of(pair.client).tcpi_last_data_sent >= 2 * PAUSE);
	send_all(pair.server, "x", 1);
	recv_all(pair.client, &byte, 1);
	client = info_of(pair.client);
	server = info_of(pair.server);
	ASSERT_GE(client.tcpi_last_data_sent, 2 * PAUSE);
	ASSERT_GE(server.tcpi_last_data_recv, 2 * PAUSE);
	ASSERT_LT(client.tcpi_last_data_recv, 2 * PAUSE);
	ASSERT_LT(server.tcpi_last_data_sent, 2 * PAUSE);
}

API_TEST(info__counts)
{
	struct pair pair = new_pair();
	struct tcp_info client, server;
	static char text[100000];

	client = info_of(pair.client);
	ASSERT_EQ(0, client.tcpi_bytes_sent);
	ASSERT_EQ(0, client.tcpi_busy_time);
	send_all(pair.client, text, sizeof(text));
	drain(pair.server, sizeof(text));
	wait_until(unsent(pair.client) == 0);
	client = info_of(pair.client);
	server = info_of(pair.server);
	ASSERT_EQ(sizeof(text), client.tcpi_bytes_sent);
	ASSERT_EQ(0, client.tcpi_bytes_retrans);
	ASSERT_GE(client.tcpi_delivered, 2);
	ASSERT_LE(client.tcpi_delivered, 100);
	ASSERT_GT(client.tcpi_min_rtt, 0);
	ASSERT_GT(client.tcpi_delivery_rate, 0);
	ASSERT_GT(client.tcpi_reordering, 0);
	ASSERT_EQ(sizeof(text), server.tcpi_bytes_received);
	ASSERT_GT(server.tcpi_rcv_ssthresh, 0);
	ASSERT_EQ(0, server.tcpi_busy_time);
	ASSERT_EQ(0, server.tcpi_bytes_sent);
}

static int attach(int fd, struct sock_filter *code, int count)
{
	struct sock_fprog program = { .len = count, .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program));
}

/* The time in which nothing is on its way does not count as busy. */
API_TEST(info__busy_time)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct pair pair = new_pair();
	uint64_t busy;
	char byte;

	ASSERT_OK(attach(pair.server, &none, 1));
	send_all(pair.client, "x", 1);
	wait_until(info_of(pair.client).tcpi_busy_time >= 100000);
	none.k = -1;
	ASSERT_OK(attach(pair.server, &none, 1));
	recv_all(pair.server, &byte, 1);
	wait_until(unsent(pair.client) == 0);
	busy = info_of(pair.client).tcpi_busy_time;
	wait_until(info_of(pair.client).tcpi_last_data_sent >= PAUSE);
	ASSERT_EQ(busy, info_of(pair.client).tcpi_busy_time);
}

/* Who limits the transfer: here the peer, which does not read. */
API_TEST(info__window_limited)
{
	struct pair pair = small_pair();
	size_t total = stuff(pair.client);
	uint64_t limited;

	ASSERT_GT(info_of(pair.client).tcpi_rwnd_limited, 0);
	ASSERT_GE(info_of(pair.client).tcpi_busy_time,
		  info_of(pair.client).tcpi_rwnd_limited);
	drain(pair.server, total);
	wait_until(unsent(pair.client) == 0);
	limited = info_of(pair.client).tcpi_rwnd_limited;
	send_all(pair.client, "abc", 3);
	drain(pair.server, 3);
	wait_until(unsent(pair.client) == 0);
	ASSERT_EQ(limited, info_of(pair.client).tcpi_rwnd_limited);
}

API_TEST(info__retransmissions)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct pair pair = new_pair();
	struct tcp_info client;
	char byte;

	ASSERT_OK(attach(pair.server, &none, 1));
	send_all(pair.client, "x", 1);
	wait_until(info_of(pair.client).tcpi_total_retrans >= 2);
	none.k = -1;
	ASSERT_OK(attach(pair.server, &none, 1));
	recv_all(pair.server, &byte, 1);
	wait_until(unsent(pair.client) == 0);
	client = info_of(pair.client);
	ASSERT_EQ(client.tcpi_total_retrans, client.tcpi_bytes_retrans);
	ASSERT_EQ(1 + client.tcpi_bytes_retrans, client.tcpi_bytes_sent);
}

/* The first segment is lost, the second is longer and arrives. */
API_TEST(info__out_of_order)
{
	struct sock_filter not_one[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 33, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, -1),
	};
	struct pair pair = new_pair();

	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_NODELAY, 1));
	ASSERT_OK(attach(pair.server, not_one, 4));
	send_all(pair.client, "a", 1);
	send_all(pair.client, "bc", 2);
	wait_until(info_of(pair.server).tcpi_rcv_ooopack >= 1);
	not_one[2].k = -1;
	ASSERT_OK(attach(pair.server, not_one, 4));
	drain(pair.server, 3);
}

API_TEST(info__pacing_rate)
{
	struct pair pair = new_pair();

	ASSERT_EQ(UINT64_MAX, info_of(pair.client).tcpi_max_pacing_rate);
	ASSERT_OK(set_int(pair.client, SOL_SOCKET, SO_MAX_PACING_RATE,
			  123456));
	ASSERT_EQ(123456, info_of(pair.client).tcpi_max_pacing_rate);
	ASSERT_LE(info_of(pair.client).tcpi_pacing_rate, 123456);
}

/* A second connection of the same socket begins with nothing. */
API_TEST(info__begins_anew)
{
	int listener = listening(2), fd = new_socket(0);
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	ASSERT_OK(try_connect(fd, port_of(listener)));
	send_all(fd, "abc", 3);
	wait_until(unsent(fd) == 0);
	ASSERT_OK(connect(fd, &none, sizeof(none)));
	ASSERT_OK(try_connect(fd, port_of(listener)));
	ASSERT_EQ(0, info_of(fd).tcpi_bytes_sent);
	ASSERT_EQ(0, info_of(fd).tcpi_bytes_received);
	/* TCP is busy with the SYN, or remembers: it depends on the kernel. */
	if (variant->protocol != IPPROTO_TCP)
		ASSERT_EQ(0, info_of(fd).tcpi_busy_time);
}

TEST_HARNESS_MAIN
