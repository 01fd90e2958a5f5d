// SPDX-License-Identifier: GPL-2.0
/* poll, select and epoll: what a socket reports in each condition. */
#include <sys/epoll.h>
#include <sys/select.h>

#include "api_test.h"

#define ALL	(POLLIN | POLLOUT | POLLPRI | POLLRDHUP)

static int watch(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	int epoll = epoll_create1(0);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		abort();
	return epoll;
}

static uint32_t epoll_events(int epoll, int timeout)
{
	struct epoll_event event = {};
	int n = epoll_wait(epoll, &event, 1, timeout);

	if (n < 0)
		abort();
	return n ? event.events : 0;
}

API_TEST(poll__fresh)
{
	ASSERT_EQ(POLLOUT | POLLHUP, poll_now(new_socket(0), ALL));
	ASSERT_EQ(POLLOUT | POLLHUP, poll_now(bound(0), ALL));
}

API_TEST(poll__listening)
{
	int listener = listening(4);

	ASSERT_EQ(0, poll_now(listener, ALL));
	dial(port_of(listener));
	ASSERT_EQ(POLLIN, wait_events(listener, ALL));
	accept_one(listener);
	ASSERT_EQ(0, poll_now(listener, ALL));
}

API_TEST(poll__connected)
{
	struct pair pair = new_pair();

	ASSERT_EQ(POLLOUT, poll_now(pair.client, ALL));
	ASSERT_EQ(POLLOUT, poll_now(pair.server, ALL));
	ASSERT_EQ(POLLOUT | POLLWRNORM,
		  poll_now(pair.server, ALL | POLLWRNORM | POLLRDNORM));
}

API_TEST(poll__readable)
{
	struct pair pair = new_pair();

	send_all(pair.client, "ab", 2);
	wait_events(pair.server, POLLIN);
	ASSERT_EQ(POLLIN | POLLOUT, poll_now(pair.server, ALL));
	drain(pair.server, 1);
	ASSERT_EQ(POLLIN | POLLRDNORM, poll_now(pair.server,
						POLLIN | POLLRDNORM));
	drain(pair.server, 1);
	ASSERT_EQ(0, poll_now(pair.server, POLLIN));
}

API_TEST(poll__peer_half_closed)
{
	struct pair pair = new_pair();

	shutdown(pair.client, SHUT_WR);
	wait_events(pair.server, POLLRDHUP);
	ASSERT_EQ(POLLIN | POLLOUT | POLLRDHUP, poll_now(pair.server, ALL));
	wait_until(state_of(pair.client) == FIN_WAIT2);
	ASSERT_EQ(POLLOUT, poll_now(pair.client, ALL));
}

API_TEST(poll__own_read_side_shut)
{
	struct pair pair = new_pair();

	shutdown(pair.client, SHUT_RD);
	ASSERT_EQ(POLLIN | POLLOUT | POLLRDHUP, poll_now(pair.client, ALL));
}

API_TEST(poll__both_sides_shut)
{
	struct pair pair = new_pair();

	shutdown(pair.client, SHUT_WR);
	wait_events(pair.server, POLLRDHUP);
	shutdown(pair.server, SHUT_WR);
	wait_events(pair.client, POLLHUP);
	ASSERT_EQ(POLLIN | POLLOUT | POLLHUP | POLLRDHUP,
		  poll_now(pair.client, ALL));
	ASSERT_EQ(POLLIN | POLLOUT | POLLHUP | POLLRDHUP,
		  poll_now(pair.server, ALL));
}

API_TEST(poll__reset)
{
	struct pair pair = new_pair();

	reset(pair.client);
	wait_events(pair.server, POLLIN);
	ASSERT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP,
		  poll_now(pair.server, ALL));
	ASSERT_EQ(ECONNRESET, error_of(pair.server));
	ASSERT_EQ(POLLIN | POLLOUT | POLLHUP | POLLRDHUP,
		  poll_now(pair.server, ALL));
}

API_TEST(poll__full_then_drained)
{
	struct pair pair = small_pair();
	size_t total = stuff(pair.client);

	ASSERT_EQ(0, poll_now(pair.client, ALL));
	drain(pair.server, total);
	ASSERT_EQ(POLLOUT, wait_events(pair.client, ALL));
}

API_TEST(poll__low_water_mark)
{
	struct pair pair = new_pair();

	ASSERT_OK(set_int(pair.server, SOL_SOCKET, SO_RCVLOWAT, 5));
	send_all(pair.client, "abcd", 4);
	wait_until(queued(pair.server) == 4);
	ASSERT_EQ(0, poll_now(pair.server, POLLIN));
	send_all(pair.client, "e", 1);
	ASSERT_EQ(POLLIN, wait_events(pair.server, POLLIN));
}

API_TEST(poll__low_water_mark_and_end)
{
	struct pair pair = new_pair();

	ASSERT_OK(set_int(pair.server, SOL_SOCKET, SO_RCVLOWAT, 5));
	send_all(pair.client, "abcd", 4);
	shutdown(pair.client, SHUT_WR);
	ASSERT_EQ(POLLIN, wait_events(pair.server, POLLIN));
}

/* A mark above the buffer's size makes the buffer grow. */
API_TEST(poll__a_high_low_water_mark)
{
	struct pair pair = new_pair();
	int mark = 300000, sent = 0;
	char *text = calloc(1, mark);

	ASSERT_NE(NULL, text);
	ASSERT_OK(set_int(pair.server, SOL_SOCKET, SO_RCVLOWAT, mark));
	while (sent < mark) {
		ssize_t n = send(pair.client, text, mark - sent, 0);

		ASSERT_GT(n, 0);
		sent += n;
	}
	ASSERT_EQ(POLLIN, wait_events(pair.server, POLLIN));
	ASSERT_GE(queued(pair.server), mark);
	free(text);
}

API_TEST(select__all_three_sets)
{
	struct pair pair = new_pair();
	fd_set readable, writable, except;
	int top = pair.server + 1;

	send_all(pair.client, "x", 1);
	wait_events(pair.server, POLLIN);
	FD_ZERO(&readable);
	FD_SET(pair.server, &readable);
	FD_SET(pair.client, &readable);
	writable = readable;
	except = readable;
	top = pair.client > pair.server ? pair.client + 1 : top;
	ASSERT_EQ(3, select(top, &readable, &writable, &except, NULL));
	ASSERT_TRUE(FD_ISSET(pair.server, &readable));
	ASSERT_FALSE(FD_ISSET(pair.client, &readable));
	ASSERT_TRUE(FD_ISSET(pair.server, &writable));
	ASSERT_TRUE(FD_ISSET(pair.client, &writable));
}

API_TEST(epoll__level)
{
	struct pair pair = new_pair();
	int epoll = watch(pair.server, EPOLLIN);

	ASSERT_EQ(0, epoll_events(epoll, 0));
	send_all(pair.client, "ab", 2);
	ASSERT_EQ(EPOLLIN, epoll_events(epoll, DEADLINE_MS));
	ASSERT_EQ(EPOLLIN, epoll_events(epoll, 0));
	drain(pair.server, 1);
	ASSERT_EQ(EPOLLIN, epoll_events(epoll, 0));
	drain(pair.server, 1);
	ASSERT_EQ(0, epoll_events(epoll, 0));
}

API_TEST(epoll__edge)
{
	struct pair pair = new_pair();
	int epoll = watch(pair.server, EPOLLIN | EPOLLET);

	send_all(pair.client, "a", 1);
	ASSERT_EQ(EPOLLIN, epoll_events(epoll, DEADLINE_MS));
	ASSERT_EQ(0, epoll_events(epoll, 0));
	send_all(pair.client, "b", 1);
	ASSERT_EQ(EPOLLIN, epoll_events(epoll, DEADLINE_MS));
	ASSERT_EQ(0, epoll_events(epoll, 0));
	ASSERT_EQ(2, queued(pair.server));
}

API_TEST(epoll__edge_out_after_drain)
{
	struct pair pair = small_pair();
	int epoll = watch(pair.client, EPOLLOUT | EPOLLET);
	size_t total;

	ASSERT_EQ(EPOLLOUT, epoll_events(epoll, 0));
	total = stuff(pair.client);
	while (epoll_events(epoll, 0))
		;
	drain(pair.server, total);
	ASSERT_EQ(EPOLLOUT, epoll_events(epoll, DEADLINE_MS));
	ASSERT_EQ(0, epoll_events(epoll, 0));
}

API_TEST(epoll__edge_end_and_reset)
{
	struct pair pair = new_pair();
	int epoll = watch(pair.server, EPOLLIN | EPOLLRDHUP | EPOLLET);

	shutdown(pair.client, SHUT_WR);
	ASSERT_EQ(EPOLLIN | EPOLLRDHUP, epoll_events(epoll, DEADLINE_MS));
	ASSERT_EQ(0, epoll_events(epoll, 0));
	reset(pair.client);
	ASSERT_EQ(EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP,
		  epoll_events(epoll, DEADLINE_MS));
	ASSERT_EQ(0, epoll_events(epoll, 0));
}

API_TEST(epoll__edge_connect)
{
	int listener = listening(1), fd = new_socket(SOCK_NONBLOCK), epoll;

	ASSERT_ERRNO(EINPROGRESS, try_connect(fd, port_of(listener)));
	epoll = watch(fd, EPOLLOUT | EPOLLIN | EPOLLET);
	ASSERT_EQ(EPOLLOUT, epoll_events(epoll, DEADLINE_MS));
	ASSERT_EQ(0, epoll_events(epoll, 0));
}

/* The usual order of event loops: added to epoll first, connected later. */
API_TEST(epoll__added_before_connect)
{
	int listener = listening(1), fd = new_socket(SOCK_NONBLOCK);
	int epoll = watch(fd, EPOLLOUT | EPOLLET);

	ASSERT_EQ(EPOLLOUT | EPOLLHUP, epoll_events(epoll, 0));
	ASSERT_ERRNO(EINPROGRESS, try_connect(fd, port_of(listener)));
	while (epoll_events(epoll, DEADLINE_MS) != EPOLLOUT)
		;
	ASSERT_EQ(ESTABLISHED, state_of(fd));
}

API_TEST(epoll__listener_edge)
{
	int listener = listening(4);
	int epoll = watch(listener, EPOLLIN | EPOLLET);

	for (int i = 0; i < 3; i++) {
		dial(port_of(listener));
		ASSERT_EQ(EPOLLIN, epoll_events(epoll, DEADLINE_MS));
		ASSERT_EQ(0, epoll_events(epoll, 0));
	}
}

API_TEST(epoll__oneshot)
{
	struct pair pair = new_pair();
	int epoll = watch(pair.server, EPOLLIN | EPOLLONESHOT);
	struct epoll_event again = { .events = EPOLLIN | EPOLLONESHOT };

	send_all(pair.client, "a", 1);
	ASSERT_EQ(EPOLLIN, epoll_events(epoll, DEADLINE_MS));
	send_all(pair.client, "b", 1);
	wait_until(queued(pair.server) == 2);
	ASSERT_EQ(0, epoll_events(epoll, 0));
	ASSERT_OK(epoll_ctl(epoll, EPOLL_CTL_MOD, pair.server, &again));
	ASSERT_EQ(EPOLLIN, epoll_events(epoll, 0));
}

API_TEST(epoll__closed_socket_leaves)
{
	struct pair pair = new_pair();
	int epoll = watch(pair.server, EPOLLIN);

	close(pair.server);
	ASSERT_EQ(0, epoll_events(epoll, 0));
}

static long poll_for_input(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return poll(&one, 1, DEADLINE_MS) == 1 ? one.revents : -1;
}

API_TEST(poll__woken_by_data)
{
	struct pair pair = new_pair();
	struct worker worker;

	start_asleep(&worker, poll_for_input, pair.server);
	send_all(pair.client, "x", 1);
	ASSERT_EQ(POLLIN, finish(&worker));
}

API_TEST(poll__woken_by_end)
{
	struct pair pair = new_pair();
	struct worker worker;

	start_asleep(&worker, poll_for_input, pair.server);
	close(pair.client);
	ASSERT_EQ(POLLIN, finish(&worker));
}

API_TEST(poll__woken_by_own_shutdown)
{
	struct pair pair = new_pair();
	struct worker worker;

	start_asleep(&worker, poll_for_input, pair.server);
	ASSERT_OK(shutdown(pair.server, SHUT_RDWR));
	ASSERT_EQ(POLLIN, finish(&worker) & POLLIN);
}

static volatile sig_atomic_t io_signals;

static void on_sigio(int signal)
{
	io_signals++;
}

API_TEST(sigio__on_data)
{
	struct pair pair = new_pair();

	signal(SIGIO, on_sigio);
	ASSERT_OK(fcntl(pair.server, F_SETOWN, getpid()));
	ASSERT_OK(fcntl(pair.server, F_SETFL, O_ASYNC));
	send_all(pair.client, "x", 1);
	wait_until(io_signals > 0);
}

TEST_HARNESS_MAIN
