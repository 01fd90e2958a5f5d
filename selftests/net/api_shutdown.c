// SPDX-License-Identifier: GPL-2.0
/* shutdown(2), close(2), linger, resets: every way a connection ends. */
#include "api_test.h"

static long recv_byte(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0);
}

static long send_forever(int fd)
{
	static char block[65536];
	ssize_t sent;

	do {
		sent = send(fd, block, sizeof(block), MSG_NOSIGNAL);
	} while (sent > 0);
	return sent;
}

API_TEST(shutdown__half_close_each_way)
{
	struct pair pair = new_pair();
	char text[8] = "";

	ASSERT_OK(shutdown(pair.client, SHUT_WR));
	ASSERT_EQ(0, recv_byte(pair.server));
	wait_until(state_of(pair.client) == FIN_WAIT2);
	ASSERT_EQ(CLOSE_WAIT, state_of(pair.server));
	send_all(pair.server, "still", 5);
	recv_all(pair.client, text, 5);
	ASSERT_STREQ("still", text);
	ASSERT_OK(shutdown(pair.server, SHUT_WR));
	ASSERT_EQ(0, recv_byte(pair.client));
	wait_until(state_of(pair.server) == CLOSED);
	wait_until(state_of(pair.client) == CLOSED);
}

API_TEST(shutdown__end_comes_after_the_data)
{
	struct pair pair = new_pair();
	char text[8] = "";

	send_all(pair.client, "final", 5);
	ASSERT_OK(shutdown(pair.client, SHUT_WR));
	recv_all(pair.server, text, 5);
	ASSERT_STREQ("final", text);
	ASSERT_EQ(0, recv_byte(pair.server));
	ASSERT_EQ(0, recv_byte(pair.server));
}

API_TEST(shutdown__write_then_send)
{
	struct pair pair = new_pair();

	ASSERT_OK(shutdown(pair.client, SHUT_WR));
	ASSERT_ERRNO(EPIPE, send(pair.client, "x", 1, MSG_NOSIGNAL));
	ASSERT_OK(shutdown(pair.client, SHUT_WR));
}

static volatile int pipe_signals;

static void on_sigpipe(int signal)
{
	pipe_signals++;
}

API_TEST(shutdown__sigpipe_unless_nosignal)
{
	struct pair pair = new_pair();

	signal(SIGPIPE, on_sigpipe);
	ASSERT_OK(shutdown(pair.client, SHUT_WR));
	ASSERT_ERRNO(EPIPE, send(pair.client, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(0, pipe_signals);
	ASSERT_ERRNO(EPIPE, send(pair.client, "x", 1, 0));
	ASSERT_EQ(1, pipe_signals);
	ASSERT_ERRNO(EPIPE, write(pair.client, "x", 1));
	ASSERT_EQ(2, pipe_signals);
}

API_TEST(shutdown__read_ends_own_reading)
{
	struct pair pair = new_pair();

	ASSERT_OK(shutdown(pair.server, SHUT_RD));
	ASSERT_EQ(0, recv_byte(pair.server));
	ASSERT_EQ(ESTABLISHED, state_of(pair.server));
	send_all(pair.server, "out", 3);
	drain(pair.client, 3);
}

API_TEST(shutdown__read_keeps_what_arrived)
{
	struct pair pair = new_pair();
	char text[8] = "";

	send_all(pair.client, "before", 6);
	wait_until(queued(pair.server) == 6);
	ASSERT_OK(shutdown(pair.server, SHUT_RD));
	ASSERT_EQ(6, recv(pair.server, text, 8, 0));
	ASSERT_STREQ("before", text);
	ASSERT_EQ(0, recv_byte(pair.server));
	send_all(pair.client, "after", 5);
	wait_until(queued(pair.server) == 5);
	ASSERT_EQ(5, recv(pair.server, text, 8, 0));
}

API_TEST(shutdown__both)
{
	struct pair pair = new_pair();

	ASSERT_OK(shutdown(pair.client, SHUT_RDWR));
	ASSERT_EQ(0, recv_byte(pair.client));
	ASSERT_ERRNO(EPIPE, send(pair.client, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(0, recv_byte(pair.server));
}

API_TEST(shutdown__not_connected)
{
	int fd = new_socket(0);

	ASSERT_ERRNO(ENOTCONN, shutdown(fd, SHUT_RD));
	ASSERT_ERRNO(ENOTCONN, shutdown(fd, SHUT_WR));
	ASSERT_ERRNO(ENOTCONN, shutdown(fd, SHUT_RDWR));
	ASSERT_ERRNO(ENOTCONN, shutdown(bound(0), SHUT_WR));
}

API_TEST(shutdown__bad_how)
{
	struct pair pair = new_pair();

	ASSERT_ERRNO(EINVAL, shutdown(pair.client, 3));
	ASSERT_ERRNO(EINVAL, shutdown(pair.client, -1));
}

API_TEST(shutdown__after_all_is_over)
{
	struct pair pair = new_pair();

	ASSERT_OK(shutdown(pair.client, SHUT_WR));
	wait_events(pair.server, POLLIN);
	ASSERT_OK(shutdown(pair.server, SHUT_WR));
	wait_until(state_of(pair.client) == CLOSED);
	wait_until(state_of(pair.server) == CLOSED);
	ASSERT_ERRNO(ENOTCONN, shutdown(pair.client, SHUT_WR));
	ASSERT_ERRNO(ENOTCONN, shutdown(pair.server, SHUT_RDWR));
}

API_TEST(shutdown__after_reset)
{
	struct pair pair = new_pair();

	reset(pair.client);
	wait_events(pair.server, POLLIN);
	ASSERT_ERRNO(ENOTCONN, shutdown(pair.server, SHUT_WR));
}

API_TEST(shutdown__crossing)
{
	struct pair pair = new_pair();

	ASSERT_OK(shutdown(pair.client, SHUT_WR));
	ASSERT_OK(shutdown(pair.server, SHUT_WR));
	ASSERT_EQ(0, recv_byte(pair.client));
	ASSERT_EQ(0, recv_byte(pair.server));
	wait_until(state_of(pair.client) == CLOSED);
	wait_until(state_of(pair.server) == CLOSED);
}

API_TEST(shutdown__wakes_reader)
{
	struct pair pair = new_pair();
	struct worker worker;

	start_asleep(&worker, recv_byte, pair.server);
	ASSERT_OK(shutdown(pair.server, SHUT_RD));
	ASSERT_EQ(0, finish(&worker));
}

API_TEST(shutdown__wakes_writer)
{
	struct pair pair = small_pair();
	struct worker worker;

	stuff(pair.client);
	start_asleep(&worker, send_forever, pair.client);
	ASSERT_OK(shutdown(pair.client, SHUT_WR));
	ASSERT_EQ(-1, finish(&worker));
	ASSERT_EQ(EPIPE, errno);
}

API_TEST(close__gives_end_of_stream)
{
	struct pair pair = new_pair();

	close(pair.client);
	ASSERT_EQ(0, recv_byte(pair.server));
	ASSERT_EQ(CLOSE_WAIT, state_of(pair.server));
	close(pair.server);
}

API_TEST(close__delivers_all_that_was_sent)
{
	struct pair pair = small_pair();
	size_t total = stuff(pair.client);

	close(pair.client);
	drain(pair.server, total);
	ASSERT_EQ(0, recv_byte(pair.server));
}

API_TEST(close__with_unread_data_resets)
{
	struct pair pair = new_pair();

	send_all(pair.client, "unread", 6);
	wait_until(queued(pair.server) == 6);
	close(pair.server);
	wait_events(pair.client, POLLIN);
	ASSERT_ERRNO(ECONNRESET, recv_byte(pair.client));
	ASSERT_EQ(CLOSED, state_of(pair.client));
}

API_TEST(close__with_unread_end_does_not_reset)
{
	struct pair pair = new_pair();

	ASSERT_OK(shutdown(pair.client, SHUT_WR));
	wait_events(pair.server, POLLIN);
	close(pair.server);
	ASSERT_EQ(0, recv_byte(pair.client));
	ASSERT_EQ(0, error_of(pair.client));
}

/* Data for a closed socket: RST, reported as EPIPE after the peer's FIN. */
API_TEST(close__then_data_for_it)
{
	struct pair pair = new_pair();

	close(pair.server);
	wait_events(pair.client, POLLRDHUP);
	ASSERT_EQ(1, send(pair.client, "1", 1, MSG_NOSIGNAL));
	wait_events(pair.client, POLLHUP);
	ASSERT_ERRNO(EPIPE, send(pair.client, "2", 1, MSG_NOSIGNAL));
	ASSERT_EQ(0, recv_byte(pair.client));
}

API_TEST(reset__told_once_by_recv)
{
	struct pair pair = new_pair();

	reset(pair.client);
	wait_events(pair.server, POLLIN);
	ASSERT_EQ(CLOSED, state_of(pair.server));
	ASSERT_ERRNO(ECONNRESET, recv_byte(pair.server));
	ASSERT_EQ(0, recv_byte(pair.server));
	ASSERT_ERRNO(EPIPE, send(pair.server, "x", 1, MSG_NOSIGNAL));
}

API_TEST(reset__told_once_by_send)
{
	struct pair pair = new_pair();

	reset(pair.client);
	wait_events(pair.server, POLLIN);
	ASSERT_ERRNO(ECONNRESET, send(pair.server, "x", 1, MSG_NOSIGNAL));
	ASSERT_ERRNO(EPIPE, send(pair.server, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(0, recv_byte(pair.server));
}

API_TEST(reset__told_once_by_so_error)
{
	struct pair pair = new_pair();

	reset(pair.client);
	wait_events(pair.server, POLLIN);
	ASSERT_EQ(ECONNRESET, error_of(pair.server));
	ASSERT_EQ(0, error_of(pair.server));
	ASSERT_EQ(0, recv_byte(pair.server));
}

/* Text that arrived before the reset can be read, then the error. */
API_TEST(reset__after_data)
{
	struct pair pair = new_pair();
	char text[8] = "";

	send_all(pair.client, "early", 5);
	wait_until(queued(pair.server) == 5);
	reset(pair.client);
	wait_events(pair.server, POLLHUP);
	ASSERT_EQ(5, recv(pair.server, text, 8, 0));
	ASSERT_ERRNO(ECONNRESET, recv_byte(pair.server));
}

API_TEST(reset__after_end_of_stream_is_epipe)
{
	struct pair pair = new_pair();

	ASSERT_OK(shutdown(pair.client, SHUT_WR));
	wait_events(pair.server, POLLRDHUP);
	reset(pair.client);
	wait_events(pair.server, POLLHUP);
	ASSERT_EQ(EPIPE, error_of(pair.server));
}

API_TEST(reset__wakes_reader)
{
	struct pair pair = new_pair();
	struct worker worker;

	start_asleep(&worker, recv_byte, pair.server);
	reset(pair.client);
	ASSERT_EQ(-1, finish(&worker));
	ASSERT_EQ(ECONNRESET, errno);
}

API_TEST(reset__wakes_writer)
{
	struct pair pair = small_pair();
	struct worker worker;

	stuff(pair.client);
	start_asleep(&worker, send_forever, pair.client);
	reset(pair.server);
	ASSERT_EQ(-1, finish(&worker));
	ASSERT_EQ(ECONNRESET, errno);
}

API_TEST(linger__get_and_set)
{
	struct linger got = { 1, 1 }, wanted = { 1, 33 };
	int fd = new_socket(0);
	socklen_t len = sizeof(got);

	ASSERT_OK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &got, &len));
	ASSERT_EQ(0, got.l_onoff);
	ASSERT_ERRNO(EINVAL, setsockopt(fd, SOL_SOCKET, SO_LINGER, &wanted,
					sizeof(int)));
	ASSERT_OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &wanted,
			     sizeof(wanted)));
	ASSERT_OK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &got, &len));
	ASSERT_EQ(1, got.l_onoff);
	ASSERT_EQ(33, got.l_linger);
}

static void linger_for(int fd, int seconds)
{
	struct linger linger = { .l_onoff = 1, .l_linger = seconds };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

API_TEST(linger__all_acknowledged)
{
	struct pair pair = new_pair();
	long before = now_ms();

	linger_for(pair.client, 25);
	send_all(pair.client, "quick", 5);
	ASSERT_OK(close(pair.client));
	ASSERT_LT(now_ms() - before, 20000);
	drain(pair.server, 5);
	ASSERT_EQ(0, recv_byte(pair.server));
}

/* The peer does not read: close() waits a second; the data still arrive. */
API_TEST(linger__gives_up_waiting)
{
	struct pair pair = small_pair();
	size_t total = stuff(pair.client);
	long before = now_ms();

	linger_for(pair.client, 1);
	ASSERT_OK(close(pair.client));
	ASSERT_TRUE(passed_ms(before, 500));
	drain(pair.server, total);
	ASSERT_EQ(0, recv_byte(pair.server));
}

static long close_it(int fd)
{
	return close(fd);
}

/* A peer that reads in time ends the wait; 25 s would be too late. */
API_TEST(linger__ends_with_the_acknowledgement)
{
	struct pair pair = small_pair();
	size_t total = stuff(pair.client);
	struct worker worker;
	long before = now_ms();

	linger_for(pair.client, 25);
	start_asleep(&worker, close_it, pair.client);
	drain(pair.server, total);
	ASSERT_EQ(0, finish(&worker));
	ASSERT_LT(now_ms() - before, 20000);
	ASSERT_EQ(0, recv_byte(pair.server));
}

static void on_signal(int number)
{
}

/* A signal ends the wait, not the connection. */
API_TEST(linger__ends_with_a_signal)
{
	struct pair pair = small_pair();
	size_t total = stuff(pair.client);
	struct worker worker;
	long before = now_ms();

	signal(SIGUSR1, on_signal);
	linger_for(pair.client, 25);
	start_asleep(&worker, close_it, pair.client);
	pthread_kill(worker.thread, SIGUSR1);
	ASSERT_EQ(0, finish(&worker));
	ASSERT_LT(now_ms() - before, 20000);
	drain(pair.server, total);
	ASSERT_EQ(0, recv_byte(pair.server));
}

API_TEST(linger__zero_discards)
{
	struct pair pair = small_pair();

	stuff(pair.client);
	reset(pair.client);
	wait_events(pair.server, POLLHUP);
	ASSERT_EQ(ECONNRESET, error_of(pair.server));
}

API_TEST(linger__zero_on_listening_and_fresh)
{
	int listener = listening(1);

	reset(new_socket(0));
	dial(port_of(listener));
	reset(listener);
}

API_TEST(close__twice_as_many_times)
{
	for (int i = 0; i < 200; i++) {
		struct pair pair = new_pair();

		if (i & 1)
			reset(pair.client);
		else
			close(pair.client);
		if (i & 2)
			reset(pair.server);
		else
			close(pair.server);
	}
}

TEST_HARNESS_MAIN
