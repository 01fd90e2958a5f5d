// SPDX-License-Identifier: GPL-2.0
/*
 * Out of memory: the kernel's fault injection, which only the debug kernels
 * have, makes each allocation of a call fail in turn. The call may return
 * anything, but it must return, leak nothing (the leak check finds out) and
 * leave the namespace usable.
 */
#include "api_test.h"

#define PORT	7000
#define MOST	400	/* allocations of one step, far more than any needs */

static void write_if_there(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		errno = 0;	/* that may fail, too */
	close(fd);
}

/* Includes allocations that may sleep, and logs nothing. */
static void prepare_faults(void)
{
	write_if_there("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	write_if_there("/sys/kernel/debug/failslab/verbose", "0");
	write_if_there("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait",
		       "N");
	write_if_there("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem",
		       "N");
	write_if_there("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	write_if_there("/sys/kernel/debug/fail_page_alloc/verbose", "0");
}

/* Makes the @n-th allocation from now on fail. */
static int begin_fault(int n)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR);

	if (fd >= 0)
		dprintf(fd, "%d", n);
	return fd;
}

static bool end_fault(int fd)
{
	char left[16] = "";

	if (pread(fd, left, sizeof(left) - 1, 0) < 0)
		abort();
	if (pwrite(fd, "0", 1, 0) < 0)
		abort();
	close(fd);
	return !atoi(left);
}

static int listener;

static void prepare_nothing(int *fds)
{
}

static void prepare_pair(int *fds)
{
	struct pair pair = new_pair();

	fds[0] = pair.client;
	fds[1] = pair.server;
	set_nonblocking(fds[1], true);
}

static void prepare_socket(int *fds)
{
	fds[0] = new_socket(0);
}

static void prepare_dialled(int *fds)
{
	fds[0] = dial(PORT);
}

static void make_socket(int *fds)
{
	fds[0] = socket(AF_INET, SOCK_STREAM, protocol);
}

static void bind_and_listen(int *fds)
{
	struct sockaddr_in here = at(LOCALHOST, 0);

	if (!bind(fds[0], (void *)&here, sizeof(here)))
		listen(fds[0], 4);
}

static void connect_to(int *fds)
{
	set_nonblocking(fds[0], true);
	try_connect(fds[0], PORT);
}

static void accept_from(int *fds)
{
	fds[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
}

static void send_much(int *fds)
{
	static char text[100000];

	send(fds[0], text, sizeof(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	send(fds[0], text, 1, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_OOB);
	recv(fds[1], text, sizeof(text), MSG_DONTWAIT);
}

static void splice_it(int *fds)
{
	int ends[2];

	if (pipe2(ends, O_NONBLOCK))
		return;
	send(fds[0], "some text", 9, MSG_DONTWAIT | MSG_NOSIGNAL);
	splice(fds[1], NULL, ends[1], NULL, 9, SPLICE_F_NONBLOCK);
	splice(ends[0], NULL, fds[1], NULL, 9, SPLICE_F_NONBLOCK);
	close(ends[0]);
	close(ends[1]);
}

static void set_options(int *fds)
{
	set_int(fds[0], IPPROTO_IP, IP_TOS, 8);
	set_int(fds[0], SOL_SOCKET, SO_RCVBUF, 100000);
	set_int(fds[0], SOL_TCP, TCP_CORK, 1);
	setsockopt(fds[0], SOL_TCP, TCP_CONGESTION, "reno", 4);
}

static void shut_and_close(int *fds)
{
	send(fds[0], "last", 4, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fds[0], SHUT_WR);
	close(fds[0]);
	fds[0] = -1;
}

static void reset_it(int *fds)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fds[0]);
	fds[0] = -1;
}

static void read_tables(int *fds)
{
	static const char * const names[] = { "connections", "listeners",
					      "stats", "events" };
	char path[64], text[512];

	for (int i = 0; i < 4; i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/self/net/toytcp/%s",
			 names[i]);
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, text, sizeof(text)) < 0)
			errno = 0;
		close(fd);
	}
}

static void record_events(int *fds)
{
	write_if_there("/proc/sys/net/toytcp/events", "1");
	write_if_there("/proc/sys/net/toytcp/events", "0");
}

static void run_without_memory(struct __test_metadata *_metadata,
			       void (*prepare)(int *fds),
			       void (*step)(int *fds))
{
	int n, fault, fds[2];
	bool injected = true;

	if (access("/proc/self/fail-nth", W_OK))
		SKIP(return, "no fault injection in this kernel");
	prepare_faults();
	listener = bound(PORT);
	ASSERT_OK(listen(listener, 4));
	for (n = 1; injected && n < MOST; n++) {
		fds[0] = -1;
		fds[1] = -1;
		prepare(fds);
		fault = begin_fault(n);
		step(fds);
		injected = end_fault(fault);
		while (poll_now(listener, POLLIN))
			close(accept_one(listener));
		close(fds[0]);
		close(fds[1]);
	}
	ASSERT_GT(MOST, n);
	ASSERT_LT(2, n);
	close(dial(PORT));
	close(accept_one(listener));
	close(listener);
}

#define MEMORY_TEST(name, prepare, step)				\
API_TEST(no_memory__##name)						\
{									\
	run_without_memory(_metadata, prepare, step);			\
}

MEMORY_TEST(socket, prepare_nothing, make_socket)
MEMORY_TEST(listen, prepare_socket, bind_and_listen)
MEMORY_TEST(connect, prepare_socket, connect_to)
MEMORY_TEST(accept, prepare_dialled, accept_from)
MEMORY_TEST(send, prepare_pair, send_much)
MEMORY_TEST(splice, prepare_pair, splice_it)
MEMORY_TEST(options, prepare_pair, set_options)
MEMORY_TEST(close, prepare_pair, shut_and_close)
MEMORY_TEST(reset, prepare_pair, reset_it)
MEMORY_TEST(tables, prepare_nothing, read_tables)
MEMORY_TEST(events, prepare_nothing, record_events)

TEST_HARNESS_MAIN
