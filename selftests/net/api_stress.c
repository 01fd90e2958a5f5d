// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads use a few sockets at once, on several CPUs, on a bad network.
 *
 * The threads of a test open, close, shut down, splice and turn every option of
 * the same sockets, on a bad network (weather.h). The tests only assert that all
 * calls return and that the namespace works afterwards; errors show in the
 * kernel log, above all with two CPUs and sanitizers (scripts/vm --kernel smp).
 *
 * They end after a number of rounds, not after a time; FULL=1 adds rounds.
 */
#include "api_test.h"
#include "weather.h"

#define PORT	7000
#define THREADS	4	/* of one kind */
#define OPEN	100	/* connections of each: enough for a table to grow */

static const struct sockaddr unspec = { .sa_family = AF_UNSPEC };

static int rounds(int few)
{
	const char *full = getenv("FULL");

	return full && *full ? few * 10 : few;
}

static void linger_none(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* --- the threads --- */

static void end_somehow(int fd, unsigned int *seed)
{
	switch (draw(seed, 5)) {
	case 0:
		linger_none(fd);
		break;
	case 1:
		shutdown(fd, SHUT_WR);
		break;
	case 2:
		shutdown(fd, SHUT_RDWR);
		break;
	case 3:
		connect(fd, &unspec, sizeof(unspec));
		break;
	}
	close(fd);
}

static void talk_a_little(int fd, unsigned int *seed)
{
	static char text[20000];

	send(fd, text, draw(seed, sizeof(text)), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (!draw(seed, 3))
		send(fd, text, 1, MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL);
	recv(fd, text, sizeof(text), MSG_DONTWAIT | (draw(seed, 4) ? 0 :
						     MSG_PEEK));
}

/* Makes connections that end at every stage. @fd is a seed, not a socket. */
static long dial_and_end(int fd)
{
	unsigned int seed = fd;

	for (int i = rounds(20); i; i--) {
		bool wait = draw(&seed, 2);
		int sock = new_socket(wait ? 0 : SOCK_NONBLOCK);

		set_int(sock, SOL_TCP, TCP_SYNCNT, 1);
		set_int(sock, SOL_TCP, TCP_USER_TIMEOUT, 2000);
		try_connect(sock, PORT);
		if (draw(&seed, 3))
			talk_a_little(sock, &seed);
		end_somehow(sock, &seed);
	}
	return 0;
}

static long accept_and_end(int listener)
{
	unsigned int seed = listener;

	while (!calm) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

		if (fd < 0) {
			pause_ms(1);
			continue;
		}
		set_int(fd, SOL_TCP, TCP_USER_TIMEOUT, 2000);
		talk_a_little(fd, &seed);
		end_somehow(fd, &seed);
	}
	return 0;
}

/* Stops listening while requests complete, and starts again. */
static long listen_on_and_off(int listener)
{
	for (unsigned int i = 0; !calm; i++) {
		pause_ms(i % 7);
		shutdown(listener, SHUT_RD);
		pause_ms(i % 3);
		listen(listener, i % 20);
	}
	return 0;
}

static long open_and_close_listeners(int seed)
{
	unsigned int number = seed;

	while (!calm) {
		struct sockaddr_in here = at(LOCALHOST, PORT);
		int fd = new_socket(SOCK_NONBLOCK);

		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
		if (!bind(fd, (void *)&here, sizeof(here)) &&
		    !listen(fd, draw(&number, 5)))
			pause_ms(draw(&number, 5));
		close(fd);
	}
	return 0;
}

static long turn_options(int fd)
{
	static const int options[] = {
		TCP_NODELAY, TCP_CORK, TCP_MAXSEG, TCP_KEEPIDLE, TCP_QUICKACK,
		TCP_LINGER2, TCP_SYNCNT, TCP_WINDOW_CLAMP, TCP_USER_TIMEOUT,
		TCP_DEFER_ACCEPT,
	};
	static const int socket_options[] = {
		SO_RCVBUF, SO_SNDBUF, SO_RCVLOWAT, SO_KEEPALIVE, SO_OOBINLINE,
		SO_REUSEADDR, SO_MARK, SO_PRIORITY,
	};
	struct tcp_info info;
	unsigned int seed = fd;
	socklen_t len;

	for (int i = rounds(100); i; i--) {
		set_int(fd, SOL_TCP, options[draw(&seed, 10)],
			draw(&seed, 3000));
		set_int(fd, SOL_SOCKET, socket_options[draw(&seed, 8)],
			draw(&seed, 100000));
		set_int(fd, IPPROTO_IP, IP_TOS, draw(&seed, 256));
		set_int(fd, IPPROTO_IP, IP_RECVERR, draw(&seed, 2));
		len = sizeof(info);
		getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len);
		len = sizeof(int);
		getsockopt(fd, SOL_TCP, options[draw(&seed, 10)], &info, &len);
		ioctl(fd, SIOCINQ, &len);
		ioctl(fd, SIOCOUTQ, &len);
		poll_now(fd, POLLIN | POLLOUT | POLLPRI);
	}
	return 0;
}

static long send_and_receive(int fd)
{
	unsigned int seed = fd;

	for (int i = rounds(100); i; i--)
		talk_a_little(fd, &seed);
	return 0;
}

static long splice_through(int fd)
{
	int ends[2];

	if (pipe2(ends, O_NONBLOCK))
		return -1;
	for (int i = rounds(100); i; i--) {
		splice(fd, NULL, ends[1], NULL, 30000, SPLICE_F_NONBLOCK);
		splice(ends[0], NULL, fd, NULL, 30000,
		       SPLICE_F_NONBLOCK | SPLICE_F_MORE * (i & 1));
	}
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* Repeatedly disconnects a socket and connects it again. */
static long connect_anew(int fd)
{
	for (int i = rounds(20); i; i--) {
		connect(fd, &unspec, sizeof(unspec));
		error_of(fd);
		try_connect(fd, PORT);
		pause_ms(i % 3);
		if (i % 8 == 0)
			shutdown(fd, SHUT_WR);
	}
	return 0;
}

static int stress_listener(int backlog)
{
	int fd = new_socket(SOCK_NONBLOCK);
	struct sockaddr_in here = at(LOCALHOST, PORT);

	set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, (void *)&here, sizeof(here)) || listen(fd, backlog))
		abort();
	return fd;
}

#define STRESS_TEST(name)	TEST_F_TIMEOUT(api, name, 1800)

#define start_all(workers, call, fd) do {				\
	for (int i_ = 0; i_ < THREADS; i_++)				\
		start(&(workers)[i_], call, fd);			\
} while (0)

#define finish_all(workers) do {					\
	for (int i_ = 0; i_ < THREADS; i_++)				\
		finish_slow(&(workers)[i_]);				\
} while (0)

/* The namespace still works. */
#define ASSERT_SANE() do {						\
	struct pair pair_ = new_pair();					\
	char byte_ = 'x';						\
									\
	send_all(pair_.client, &byte_, 1);				\
	recv_all(pair_.server, &byte_, 1);				\
	ASSERT_EQ('x', byte_);						\
	reset(pair_.client);						\
	close(pair_.server);						\
	abort_orphans();						\
} while (0)

/* --- tests --- */

STRESS_TEST(stress__accept_and_close)
{
	struct worker dialers[THREADS], accepters[2];
	int listener = stress_listener(8);
	struct weather weather;

	begin_weather(&weather);
	for (int i = 0; i < THREADS; i++)
		start(&dialers[i], dial_and_end, i);
	for (int i = 0; i < 2; i++)
		start(&accepters[i], accept_and_end, listener);
	finish_all(dialers);
	end_weather(&weather);
	for (int i = 0; i < 2; i++)
		finish_slow(&accepters[i]);
	close(listener);
	ASSERT_SANE();
}

STRESS_TEST(stress__listeners_come_and_go)
{
	struct worker dialers[THREADS], accepter, switcher, others[2];
	int listener = stress_listener(8);
	struct weather weather;

	begin_weather(&weather);
	for (int i = 0; i < THREADS; i++)
		start(&dialers[i], dial_and_end, i);
	start(&accepter, accept_and_end, listener);
	start(&switcher, listen_on_and_off, listener);
	for (int i = 0; i < 2; i++)
		start(&others[i], open_and_close_listeners, i);
	finish_all(dialers);
	end_weather(&weather);
	finish_slow(&accepter);
	finish_slow(&switcher);
	for (int i = 0; i < 2; i++)
		finish_slow(&others[i]);
	close(listener);
	ASSERT_SANE();
}

STRESS_TEST(stress__everything_on_one_socket)
{
	struct worker talkers[THREADS], near, far, splicer, accepter, changer;
	int listener = stress_listener(8), fd = new_socket(SOCK_NONBLOCK);
	struct weather weather;

	begin_weather(&weather);
	try_connect(fd, PORT);
	start(&accepter, accept_and_end, listener);
	start_all(talkers, send_and_receive, fd);
	start(&near, turn_options, fd);
	start(&far, turn_options, listener);
	start(&splicer, splice_through, fd);
	start(&changer, connect_anew, fd);
	finish_all(talkers);
	finish_slow(&near);
	finish_slow(&far);
	finish_slow(&splicer);
	finish_slow(&changer);
	end_weather(&weather);
	finish_slow(&accepter);
	close(fd);
	close(listener);
	ASSERT_SANE();
}

/* Two lasting sockets: only the bad network ends their connection. */
STRESS_TEST(stress__both_ends_at_work)
{
	for (int i = rounds(1); i; i--) {
		struct worker talkers[THREADS], splicer, near, far;
		struct pair pair = new_pair();
		struct weather weather;

		begin_weather(&weather);
		for (int j = 0; j < THREADS; j++)
			start(&talkers[j], send_and_receive,
			      j & 1 ? pair.client : pair.server);
		start(&splicer, splice_through, pair.server);
		start(&near, turn_options, pair.client);
		start(&far, turn_options, pair.server);
		finish_all(talkers);
		close(pair.client);
		finish_slow(&splicer);
		finish_slow(&near);
		finish_slow(&far);
		end_weather(&weather);
		close(pair.server);
	}
	ASSERT_SANE();
}

static long open_many(int listener)
{
	int near[OPEN], far[OPEN], n, m;

	for (int i = rounds(1); i; i--) {
		for (n = 0, m = 0; n < OPEN; n++) {
			near[n] = new_socket(0);
			set_int(near[n], SOL_TCP, TCP_SYNCNT, 1);
			try_connect(near[n], PORT);
			far[m] = accept(listener, NULL, NULL);
			m += far[m] >= 0;
		}
		while (n--) {
			linger_none(near[n]);
			close(near[n]);
		}
		while (m--)
			close(far[m]);
	}
	return 0;
}

/* Look-ups while the table grows and its chains move. */
STRESS_TEST(stress__table_grows)
{
	int listener = stress_listener(OPEN);
	struct worker openers[THREADS];
	struct weather weather;

	begin_weather(&weather);
	start_all(openers, open_many, listener);
	finish_all(openers);
	end_weather(&weather);
	close(listener);
	ASSERT_SANE();
}

/* A namespace that ends with its thread, with connections in every state. */
static long live_and_leave(int seed)
{
	unsigned int number = seed;
	int fds[24], listener;

	for (int i = rounds(2); i; i--) {
		if (!enter_namespace(protocol))
			return -1;
		listener = stress_listener(8);
		for (int j = 0; j < 24; j++) {
			fds[j] = new_socket(SOCK_NONBLOCK);
			set_int(fds[j], SOL_TCP, TCP_USER_TIMEOUT, 1000);
			set_int(fds[j], SOL_TCP, TCP_LINGER2, 1);
			try_connect(fds[j], PORT);
			talk_a_little(fds[j], &number);
			if (draw(&number, 2))
				close(accept(listener, NULL, NULL));
		}
		for (int j = 0; j < 24; j++)
			end_somehow(fds[j], &number);
		close(listener);
	}
	return 0;
}

STRESS_TEST(stress__namespaces_end)
{
	struct worker lives[THREADS];

	for (int i = 0; i < THREADS; i++)
		start(&lives[i], live_and_leave, i);
	finish_all(lives);
	ASSERT_SANE();
}

TEST_HARNESS_MAIN
