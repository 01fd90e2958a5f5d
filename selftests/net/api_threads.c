// SPDX-License-Identifier: GPL-2.0
/*
 * Several threads on one socket: which of them wake, and which keep waiting.
 * Calls that race must only return. Such races have broken socket protocols
 * before.
 */
#include "api_test.h"

#define ROUNDS	30

static const struct sockaddr unspec = { .sa_family = AF_UNSPEC };

static long recv_byte(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0);
}

static long recv_thousand(int fd)
{
	char text[1000];

	return recv(fd, text, sizeof(text), MSG_WAITALL);
}

static long do_accept(int fd)
{
	return accept(fd, NULL, NULL);
}

static long do_close(int fd)
{
	return close(fd);
}

static long do_disconnect(int fd)
{
	return connect(fd, &unspec, sizeof(unspec));
}

static long do_shutdown(int fd)
{
	return shutdown(fd, SHUT_RDWR);
}

API_TEST(threads__shutdown_wakes_recv)
{
	struct pair pair = new_pair();
	struct worker worker;

	start_asleep(&worker, recv_byte, pair.server);
	ASSERT_OK(shutdown(pair.server, SHUT_RDWR));
	ASSERT_EQ(0, finish(&worker));
}

API_TEST(threads__shutdown_wakes_accept)
{
	struct worker worker;
	int listener = listening(1);

	start_asleep(&worker, do_accept, listener);
	ASSERT_OK(shutdown(listener, SHUT_RDWR));
	ASSERT_EQ(-1, finish(&worker));
	ASSERT_EQ(EINVAL, errno);
}

/* close() in another thread does not end a call, which holds the file. */
API_TEST(threads__close_leaves_recv_waiting)
{
	struct pair pair = new_pair();
	struct worker worker;

	start_asleep(&worker, recv_byte, pair.server);
	close(pair.server);
	send_all(pair.client, "x", 1);
	ASSERT_EQ(1, finish(&worker));
	ASSERT_EQ(0, recv_byte(pair.client));
}

API_TEST(threads__close_leaves_accept_waiting)
{
	int listener = listening(1), port = port_of(listener);
	struct worker worker;

	start_asleep(&worker, do_accept, listener);
	close(listener);
	dial(port);
	ASSERT_LE(0, finish(&worker));
	ASSERT_ERRNO(ECONNREFUSED, try_connect(new_socket(0), port));
}

API_TEST(threads__each_accept_gets_one)
{
	struct worker workers[8];
	int listener = listening(8);

	for (int i = 0; i < 8; i++)
		start_asleep(&workers[i], do_accept, listener);
	for (int i = 0; i < 8; i++)
		dial(port_of(listener));
	for (int i = 0; i < 8; i++)
		ASSERT_LE(0, finish(&workers[i]));
	set_nonblocking(listener, true);
	ASSERT_ERRNO(EAGAIN, do_accept(listener));
}

API_TEST(threads__readers_share_the_bytes)
{
	struct pair pair = new_pair();
	struct worker workers[4];
	static char text[4000];

	for (int i = 0; i < 4; i++)
		start_asleep(&workers[i], recv_thousand, pair.server);
	send_all(pair.client, text, sizeof(text));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(1000, finish(&workers[i]));
	ASSERT_EQ(0, queued(pair.server));
}

static void on_signal(int signal)
{
}

API_TEST(threads__signal_interrupts_recv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct pair pair = new_pair();
	struct worker worker;

	sigaction(SIGUSR1, &action, NULL);
	start_asleep(&worker, recv_byte, pair.server);
	pthread_kill(worker.thread, SIGUSR1);
	ASSERT_EQ(-1, finish(&worker));
	ASSERT_EQ(EINTR, errno);
}

API_TEST(threads__signal_restarts_recv)
{
	struct sigaction action = {
		.sa_handler = on_signal, .sa_flags = SA_RESTART,
	};
	struct pair pair = new_pair();
	struct worker worker;

	sigaction(SIGUSR1, &action, NULL);
	start_asleep(&worker, recv_byte, pair.server);
	pthread_kill(worker.thread, SIGUSR1);
	send_all(pair.client, "x", 1);
	ASSERT_EQ(1, finish(&worker));
}

API_TEST(threads__signal_interrupts_accept)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct worker worker;

	sigaction(SIGUSR1, &action, NULL);
	start_asleep(&worker, do_accept, listening(1));
	pthread_kill(worker.thread, SIGUSR1);
	ASSERT_EQ(-1, finish(&worker));
	ASSERT_EQ(EINTR, errno);
}

/*
 * Disconnecting while another thread sleeps on the connection: kernels differ
 * in what the two calls return (EBUSY, ECONNRESET, EPIPE, end of file), but both
 * must return, and the socket must work afterwards.
 */
API_TEST(race__disconnect_and_recv)
{
	int listener = listening(4);

	for (int i = 0; i < ROUNDS; i++) {
		int fd = dial(port_of(listener)), peer = accept_one(listener);
		struct worker reader;

		start_asleep(&reader, recv_byte, fd);
		do_disconnect(fd);
		close(peer);
		finish(&reader);
		do_disconnect(fd);
		error_of(fd);
		ASSERT_OK(try_connect(fd, port_of(listener)));
		close(accept_one(listener));
		close(fd);
	}
}

API_TEST(race__close_and_data)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct pair pair = new_pair();
		struct worker closer;

		start(&closer, do_close, pair.server);
		send(pair.client, "data", 4, MSG_NOSIGNAL);
		send(pair.client, "more", 4, MSG_NOSIGNAL);
		finish(&closer);
		close(pair.client);
	}
}

API_TEST(race__both_close)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct pair pair = new_pair();
		struct worker closer;

		start(&closer, do_close, pair.server);
		close(pair.client);
		finish(&closer);
	}
}

API_TEST(race__accept_and_listener_shutdown)
{
	for (int i = 0; i < ROUNDS; i++) {
		int listener = listening(4), fd = dial(port_of(listener));
		struct worker accepter, stopper;

		start(&accepter, do_accept, listener);
		start(&stopper, do_shutdown, listener);
		finish(&stopper);
		if (finish(&accepter) >= 0)
			close(accepter.result);
		close(listener);
		close(fd);
	}
}

API_TEST(race__connect_and_listener_close)
{
	for (int i = 0; i < ROUNDS; i++) {
		int listener = listening(4), fd = new_socket(0);
		int port = port_of(listener);
		struct worker closer;

		start(&closer, do_close, listener);
		if (try_connect(fd, port))
			ASSERT_TRUE(errno == ECONNREFUSED ||
				    errno == ECONNRESET);
		finish(&closer);
		close(fd);
	}
}

static long hammer_options(int fd)
{
	static const int options[] = {
		TCP_NODELAY, TCP_CORK, TCP_MAXSEG, TCP_KEEPIDLE,
		TCP_QUICKACK, TCP_LINGER2, TCP_SYNCNT, TCP_WINDOW_CLAMP,
	};
	struct tcp_info info;
	socklen_t len;

	for (int i = 0; i < 500; i++) {
		set_int(fd, SOL_TCP, options[i % 8], i % 3 * 100);
		set_int(fd, SOL_SOCKET, SO_RCVBUF, 4096 + i * 100);
		len = sizeof(info);
		getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len);
		unsent(fd);
	}
	return 0;
}

API_TEST(race__options_and_traffic)
{
	static uint8_t out[500], in[500];
	struct pair pair = new_pair();
	struct worker near, far;

	start(&near, hammer_options, pair.client);
	start(&far, hammer_options, pair.server);
	for (int i = 0; i < 200; i++) {
		fill_pattern(out, sizeof(out), i);
		send_all(pair.client, out, sizeof(out));
		recv_all(pair.server, in, sizeof(in));
		ASSERT_EQ(0, memcmp(in, out, sizeof(out)));
	}
	finish(&near);
	finish(&far);
}

static long connect_and_disconnect(int fd)
{
	struct sockaddr_in there = at(LOCALHOST, 4000);

	for (int i = 0; i < 200; i++) {
		connect(fd, (void *)&there, sizeof(there));
		send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		connect(fd, &unspec, sizeof(unspec));
	}
	return 0;
}

/* Three threads connect, disconnect and shut down the same socket. */
API_TEST(race__everything_on_one_socket)
{
	int listener = bound(4000), fd = new_socket(SOCK_NONBLOCK), child;
	struct worker first, second, third;

	ASSERT_OK(listen(listener, 16));
	set_nonblocking(listener, true);
	start(&first, connect_and_disconnect, fd);
	start(&second, connect_and_disconnect, fd);
	start(&third, hammer_options, fd);
	for (int i = 0; i < 500; i++) {
		child = do_accept(listener);
		if (child >= 0)
			close(child);
		shutdown(fd, SHUT_WR);
	}
	finish(&first);
	finish(&second);
	finish(&third);
}

TEST_HARNESS_MAIN
