// SPDX-License-Identifier: GPL-2.0
/* Urgent data: MSG_OOB, the mark, SIGURG, SO_OOBINLINE. */
#include "api_test.h"

static volatile sig_atomic_t urgent_signals;

static void count_signal(int number)
{
	urgent_signals += number == SIGURG;
}

static void catch_sigurg(int fd)
{
	struct sigaction action = { .sa_handler = count_signal };

	urgent_signals = 0;
	sigaction(SIGURG, &action, NULL);
	if (fcntl(fd, F_SETOWN, getpid()))
		abort();
}

static int at_mark(int fd)
{
	return sockatmark(fd);
}

static bool has_urgent(int fd)
{
	return poll_now(fd, POLLPRI) & POLLPRI;
}

static void send_urgent(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_OOB) != (ssize_t)strlen(text))
		abort();
}

/* "abc", of which c is urgent, then "def"; everything has arrived. */
static struct pair marked_pair(void)
{
	struct pair pair = new_pair();

	send_urgent(pair.client, "abc");
	send_all(pair.client, "def", 3);
	return pair;
}

#define wait_marked(pair) do {						\
	wait_until(has_urgent((pair).server));				\
	wait_until(!queued((pair).client));				\
} while (0)

static ssize_t get_oob(int fd, char *byte)
{
	return recv(fd, byte, 1, MSG_OOB);
}

API_TEST(oob__nothing_there)
{
	struct pair pair = new_pair();
	char byte;

	ASSERT_ERRNO(EINVAL, get_oob(pair.server, &byte));
	ASSERT_EQ(0, at_mark(pair.server));
	send_all(pair.client, "a", 1);
	wait_until(queued(pair.server) == 1);
	ASSERT_ERRNO(EINVAL, get_oob(pair.server, &byte));
	ASSERT_FALSE(has_urgent(pair.server));
}

API_TEST(oob__not_connected)
{
	int fd = new_socket(0), listener = listening(1);
	char byte;

	ASSERT_ERRNO(EINVAL, get_oob(fd, &byte));
	ASSERT_ERRNO(ENOTCONN, get_oob(listener, &byte));
	ASSERT_EQ(0, at_mark(fd));
	signal(SIGPIPE, SIG_IGN);
	ASSERT_ERRNO(EPIPE, send(fd, "a", 1, MSG_OOB));
}

API_TEST(oob__the_byte)
{
	struct pair pair = marked_pair();
	char byte = 0;

	wait_marked(pair);
	ASSERT_EQ(1, recv(pair.server, &byte, 1, MSG_OOB | MSG_PEEK));
	ASSERT_EQ('c', byte);
	byte = 0;
	ASSERT_EQ(1, get_oob(pair.server, &byte));
	ASSERT_EQ('c', byte);
	ASSERT_FALSE(has_urgent(pair.server));
	ASSERT_ERRNO(EINVAL, get_oob(pair.server, &byte));
}

API_TEST(oob__message_flags)
{
	struct pair pair = marked_pair();
	char bytes[4] = "";
	struct iovec vec = { bytes, 4 };
	struct msghdr msg = { .msg_iov = &vec, .msg_iovlen = 1 };

	wait_marked(pair);
	ASSERT_EQ(1, recvmsg(pair.server, &msg, MSG_OOB | MSG_PEEK));
	ASSERT_EQ(MSG_OOB, msg.msg_flags);
	vec.iov_len = 0;
	ASSERT_EQ(0, recvmsg(pair.server, &msg, MSG_OOB | MSG_PEEK));
	ASSERT_EQ(MSG_OOB | MSG_TRUNC, msg.msg_flags);
	ASSERT_EQ(1, recv(pair.server, NULL, 1, MSG_OOB | MSG_TRUNC));
	ASSERT_ERRNO(EINVAL, get_oob(pair.server, bytes));
}

API_TEST(oob__a_read_stops_at_the_mark)
{
	struct pair pair = marked_pair();
	char text[8] = "";

	wait_marked(pair);
	ASSERT_EQ(0, at_mark(pair.server));
	ASSERT_EQ(2, queued(pair.server));
	ASSERT_EQ(2, recv(pair.server, text, 8, MSG_WAITALL));
	ASSERT_EQ(1, at_mark(pair.server));
	ASSERT_EQ(0, queued(pair.server));
	ASSERT_EQ(3, recv(pair.server, text, 8, 0));
	ASSERT_STREQ("def", text);
	ASSERT_EQ(0, at_mark(pair.server));
	ASSERT_FALSE(has_urgent(pair.server));
	ASSERT_ERRNO(EINVAL, get_oob(pair.server, text));
}

API_TEST(oob__peeking_stops_there_too)
{
	struct pair pair = marked_pair();
	char text[8] = "";

	wait_marked(pair);
	ASSERT_EQ(2, recv(pair.server, text, 8, MSG_PEEK));
	ASSERT_EQ(2, recv(pair.server, text, 8, 0));
	ASSERT_EQ(3, recv(pair.server, text, 8, MSG_PEEK));
	ASSERT_STREQ("def", text);
	ASSERT_EQ(1, at_mark(pair.server));
	ASSERT_EQ(1, get_oob(pair.server, text));
	ASSERT_EQ('c', text[0]);
	ASSERT_EQ(1, at_mark(pair.server));
	ASSERT_EQ(3, recv(pair.server, text, 8, 0));
}

API_TEST(oob__inline)
{
	struct pair pair = new_pair();
	char text[8] = "";

	set_int(pair.server, SOL_SOCKET, SO_OOBINLINE, 1);
	send_urgent(pair.client, "abc");
	send_all(pair.client, "def", 3);
	wait_marked(pair);
	ASSERT_EQ(6, queued(pair.server));
	ASSERT_ERRNO(EINVAL, get_oob(pair.server, text));
	ASSERT_EQ(2, recv(pair.server, text, 8, 0));
	ASSERT_EQ(1, at_mark(pair.server));
	ASSERT_TRUE(has_urgent(pair.server));
	ASSERT_EQ(4, recv(pair.server, text, 8, 0));
	ASSERT_EQ(0, memcmp(text, "cdef", 4));
	ASSERT_FALSE(has_urgent(pair.server));
}

API_TEST(oob__inline_is_inherited)
{
	int listener = listening(1), client, server;

	set_int(listener, SOL_SOCKET, SO_OOBINLINE, 1);
	client = dial(port_of(listener));
	server = accept_one(listener);
	ASSERT_EQ(1, get_int(server, SOL_SOCKET, SO_OOBINLINE));
	send_urgent(client, "x");
	wait_until(queued(server) == 1);
}

/* Alone, the byte makes the socket readable for POLLPRI, not for POLLIN. */
API_TEST(oob__poll)
{
	struct pair pair = new_pair();
	char byte;

	send_urgent(pair.client, "x");
	ASSERT_EQ(POLLPRI, wait_events(pair.server, POLLPRI));
	ASSERT_EQ(POLLPRI, poll_now(pair.server, POLLPRI | POLLIN));
	ASSERT_EQ(1, at_mark(pair.server));
	ASSERT_ERRNO(EAGAIN, recv(pair.server, &byte, 1, MSG_DONTWAIT));
	send_all(pair.client, "y", 1);
	ASSERT_EQ(POLLIN, wait_events(pair.server, POLLIN));
	ASSERT_EQ(1, recv(pair.server, &byte, 1, 0));
	ASSERT_EQ('y', byte);
}

API_TEST(oob__sigurg)
{
	struct pair pair = new_pair();
	char byte;

	catch_sigurg(pair.server);
	send_all(pair.client, "a", 1);
	wait_until(queued(pair.server) == 1);
	ASSERT_EQ(0, urgent_signals);
	send_urgent(pair.client, "b");
	wait_until(urgent_signals == 1);
	ASSERT_EQ(1, get_oob(pair.server, &byte));
	send_urgent(pair.client, "c");
	wait_until(urgent_signals == 2);
}

/* A reader that stops at each mark never reads an urgent byte as ordinary. */
API_TEST(oob__one_after_the_other)
{
	struct pair pair = new_pair();
	char text[8] = "";

	send_urgent(pair.client, "ab");
	wait_until(has_urgent(pair.server));
	ASSERT_EQ(1, recv(pair.server, text, 8, 0));
	send_all(pair.client, "c", 1);
	wait_until(queued(pair.client) == 0);
	send_urgent(pair.client, "d");
	wait_until(queued(pair.client) == 0);
	ASSERT_EQ(1, recv(pair.server, text, 8, 0));
	ASSERT_EQ('c', text[0]);
	ASSERT_EQ(1, get_oob(pair.server, text));
	ASSERT_EQ('d', text[0]);
	ASSERT_ERRNO(EAGAIN, recv(pair.server, text, 8, MSG_DONTWAIT));
}

/* A newer mark replaces one not reached: its byte becomes ordinary. */
API_TEST(oob__one_overtakes_the_other)
{
	struct pair pair = new_pair();
	char text[8] = "";

	send_urgent(pair.client, "ab");
	wait_until(has_urgent(pair.server));
	send_urgent(pair.client, "cd");
	wait_until(queued(pair.client) == 0);
	ASSERT_EQ(3, queued(pair.server));
	ASSERT_EQ(3, recv(pair.server, text, 8, 0));
	ASSERT_EQ(0, memcmp(text, "abc", 3));
	ASSERT_EQ(1, get_oob(pair.server, text));
	ASSERT_EQ('d', text[0]);
}

/*
 * A skipped urgent byte is not readable, and must not take up space in even the
 * smallest buffer.
 */
API_TEST(oob__one_passed_over_takes_no_room)
{
	struct pair pair = new_pair();
	char text[8] = "";

	set_int(pair.server, SOL_SOCKET, SO_RCVBUF, 1);
	send_all(pair.client, "a", 1);
	wait_until(queued(pair.client) == 0);
	send_urgent(pair.client, "bc");
	wait_until(has_urgent(pair.server));
	/* The pointer may precede the text, which had no room at first. */
	ASSERT_EQ(2, recv(pair.server, text, 2, MSG_WAITALL));
	send_urgent(pair.client, "de");
	wait_until(queued(pair.client) == 0);
	ASSERT_EQ(1, recv(pair.server, text, 8, 0));
	ASSERT_EQ('d', text[0]);
	ASSERT_EQ(1, get_oob(pair.server, text));
	ASSERT_EQ('e', text[0]);
}

API_TEST(oob__a_read_of_nothing_stays_at_the_mark)
{
	struct pair pair = marked_pair();
	char text[8] = "";

	wait_marked(pair);
	ASSERT_EQ(2, recv(pair.server, text, 8, 0));
	ASSERT_EQ(0, recv(pair.server, text, 0, 0));
	ASSERT_EQ(1, at_mark(pair.server));
	ASSERT_EQ(1, get_oob(pair.server, text));
	ASSERT_EQ('c', text[0]);
}

/* The pointer arrives though no text can, the byte when there is room. */
API_TEST(oob__a_closed_window)
{
	struct pair pair = small_pair();
	char byte, bulk[4096];
	size_t n;

	catch_sigurg(pair.server);
	n = stuff(pair.client);
	set_int(pair.client, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20);
	wait_until(send(pair.client, "x", 1, MSG_OOB | MSG_DONTWAIT) == 1);
	wait_until(urgent_signals == 1);
	ASSERT_ERRNO(EAGAIN, get_oob(pair.server, &byte));
	while (!at_mark(pair.server)) {
		ssize_t got = recv(pair.server, bulk, sizeof(bulk), 0);

		ASSERT_GT(got, 0);
		n -= got;
	}
	ASSERT_EQ(0, n);
	wait_until(has_urgent(pair.server));
	ASSERT_EQ(1, get_oob(pair.server, &byte));
	ASSERT_EQ('x', byte);
}

API_TEST(oob__after_the_end)
{
	struct pair pair = new_pair();
	char text[8] = "";

	send_urgent(pair.client, "ab");
	close(pair.client);
	wait_until(state_of(pair.server) == CLOSE_WAIT);
	ASSERT_EQ(1, recv(pair.server, text, 8, 0));
	ASSERT_EQ(1, get_oob(pair.server, text));
	ASSERT_EQ('b', text[0]);
	ASSERT_EQ(0, recv(pair.server, text, 8, 0));
	ASSERT_ERRNO(EINVAL, get_oob(pair.server, text));
}

/* Inline, each byte keeps its place in a megabyte of ordinary text. */
static uint8_t bulk_out[1 << 20], bulk_in[1 << 20];

static long send_with_marks(int fd)
{
	for (size_t i = 0; i < sizeof(bulk_out); i += 16384) {
		send_all(fd, bulk_out + i, 16383);
		if (send(fd, bulk_out + i + 16383, 1, MSG_OOB) != 1)
			return -1;
	}
	return 0;
}

API_TEST(oob__bulk_inline)
{
	struct pair pair = new_pair();
	struct worker worker;

	fill_pattern(bulk_out, sizeof(bulk_out), 7);
	set_int(pair.server, SOL_SOCKET, SO_OOBINLINE, 1);
	start(&worker, send_with_marks, pair.client);
	recv_all(pair.server, bulk_in, sizeof(bulk_in));
	ASSERT_EQ(0, memcmp(bulk_in, bulk_out, sizeof(bulk_in)));
	ASSERT_EQ(0, finish(&worker));
}

TEST_HARNESS_MAIN
