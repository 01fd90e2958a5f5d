// SPDX-License-Identifier: GPL-2.0
/*
 * One stream protocol measured: the same work for TCP and for toytcp.
 *
 *   bench [--protocol N] [--congestion NAME] [--netns NAME] [--address A]
 *         TEST COUNT ...
 *
 * The server is a child process, in another network namespace if one is
 * named. Each TEST is run once, on a connection of its own, and prints a line
 * "TEST UNIT FIGURE":
 *
 *   bulk:BYTES  COUNT writes of BYTES each, up to the reader's word that it
 *               has them all (MB/s)
 *   pingpong    COUNT times one byte there and one byte back (/s)
 *   connect     COUNT times connect, one byte, close at both ends (/s)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT 7000
#define BUFFER (128 * 1024)
#define NS_PER_S 1e9

struct test {
	const char *name;
	size_t write_size;
	long count;
};

static int protocol;
static const char *congestion;
static struct sockaddr_in server = {
	.sin_family = AF_INET,
};

static char buffer[BUFFER];

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / NS_PER_S;
}

static int open_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		err(1, "socket of protocol %d", protocol);
	if (congestion && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION,
				     congestion, strlen(congestion)))
		err(1, "congestion control %s", congestion);
	return fd;
}

static void no_delay(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		err(1, "TCP_NODELAY");
}

static int connect_server(void)
{
	int fd = open_socket();

	if (connect(fd, (struct sockaddr *)&server, sizeof(server)))
		err(1, "connect");
	return fd;
}

static void write_all(int fd, size_t length)
{
	while (length) {
		ssize_t n = send(fd, buffer, length, MSG_NOSIGNAL);

		if (n < 0)
			err(1, "send");
		length -= n;
	}
}

/* False at the end of the stream. */
static int read_byte(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	if (n < 0)
		err(1, "recv");
	return n;
}

/* Reads up to the end of the stream, then says so by one byte. */
static void serve_bulk(int fd)
{
	ssize_t n;

	while ((n = recv(fd, buffer, BUFFER, 0)) > 0)
		;
	if (n < 0)
		err(1, "recv");
	write_all(fd, 1);
}

static void serve_pingpong(int fd)
{
	no_delay(fd);
	while (read_byte(fd))
		write_all(fd, 1);
}

static void serve_connect(int fd)
{
	if (!read_byte(fd))
		errx(1, "no byte came");
}

static int is_bulk(const struct test *test)
{
	return test->write_size > 0;
}

static int accept_one(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		err(1, "accept");
	return fd;
}

static void serve(int listener, const struct test *test)
{
	long connections = !strcmp(test->name, "connect") ? test->count : 1;

	while (connections--) {
		int fd = accept_one(listener);

		if (is_bulk(test))
			serve_bulk(fd);
		else if (!strcmp(test->name, "pingpong"))
			serve_pingpong(fd);
		else
			serve_connect(fd);
		close(fd);
	}
}

static double bulk(const struct test *test)
{
	int fd = connect_server();
	double start = now();
	double seconds;

	for (long i = 0; i < test->count; i++)
		write_all(fd, test->write_size);
	shutdown(fd, SHUT_WR);
	if (!read_byte(fd))
		errx(1, "the reader went away");
	seconds = now() - start;
	close(fd);
	return test->count * test->write_size / seconds / 1e6;
}

static double pingpong(const struct test *test)
{
	int fd = connect_server();
	double start;
	double seconds;

	no_delay(fd);
	start = now();
	for (long i = 0; i < test->count; i++) {
		write_all(fd, 1);
		if (!read_byte(fd))
			errx(1, "the other side went away");
	}
	seconds = now() - start;
	close(fd);
	return test->count / seconds;
}

static double connections(const struct test *test)
{
	double start = now();

	for (long i = 0; i < test->count; i++) {
		int fd = connect_server();

		write_all(fd, 1);
		if (read_byte(fd))
			errx(1, "more than a close came back");
		close(fd);
	}
	return test->count / (now() - start);
}

static void measure(const struct test *test)
{
	const char *unit = is_bulk(test) ? "MB/s" : "/s";
	double figure;

	if (is_bulk(test))
		figure = bulk(test);
	else if (!strcmp(test->name, "pingpong"))
		figure = pingpong(test);
	else
		figure = connections(test);
	printf("%s %s %.3f\n", test->name, unit, figure);
	fflush(stdout);
}

static void enter_netns(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "%s", path);
	close(fd);
}

static int listen_there(const char *netns)
{
	int on = 1;
	int fd;

	if (netns)
		enter_netns(netns);
	fd = open_socket();
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&server, sizeof(server)) ||
	    listen(fd, 128))
		err(1, "listen");
	return fd;
}

static void run_server(const char *netns, const struct test *tests, int n,
		       int ready)
{
	int listener = listen_there(netns);

	if (write(ready, "", 1) != 1)
		err(1, "telling the client");
	for (int i = 0; i < n; i++)
		serve(listener, &tests[i]);
	exit(0);
}

/* Returns once the server listens. */
static pid_t start_server(const char *netns, const struct test *tests, int n)
{
	int ready[2];
	pid_t child;
	char byte;

	if (pipe(ready))
		err(1, "pipe");
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		run_server(netns, tests, n, ready[1]);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		errx(1, "the server did not start");
	close(ready[0]);
	return child;
}

static void usage(void)
{
	fprintf(stderr,
		"usage: bench [--protocol N] [--congestion NAME]\n"
		"\t[--netns NAME] [--address A]\n"
		"\tbulk:BYTES|pingpong|connect COUNT ...\n");
	exit(2);
}

static struct test parse_test(const char *name, const char *count)
{
	struct test test = { .name = name };
	char *end;

	if (!strncmp(name, "bulk:", 5)) {
		test.write_size = strtoul(name + 5, &end, 10);
		if (*end || !test.write_size || test.write_size > BUFFER)
			usage();
	} else if (strcmp(name, "pingpong") && strcmp(name, "connect")) {
		usage();
	}
	test.count = strtol(count, &end, 10);
	if (*end || test.count < 1)
		usage();
	return test;
}

static const char *parse_options(int *argc, char ***argv)
{
	const char *address = "127.0.0.1";
	const char *netns = NULL;

	for (; *argc > 1 && !strncmp((*argv)[0], "--", 2);
	     *argc -= 2, *argv += 2) {
		const char *option = (*argv)[0] + 2;

		if (!strcmp(option, "protocol"))
			protocol = atoi((*argv)[1]);
		else if (!strcmp(option, "congestion"))
			congestion = (*argv)[1];
		else if (!strcmp(option, "netns"))
			netns = (*argv)[1];
		else if (!strcmp(option, "address"))
			address = (*argv)[1];
		else
			usage();
	}
	server.sin_port = htons(PORT);
	if (!inet_aton(address, &server.sin_addr))
		usage();
	return netns;
}

int main(int argc, char **argv)
{
	const char *netns;
	struct test *tests;
	int n, status;
	pid_t child;

	argc--, argv++;
	netns = parse_options(&argc, &argv);
	n = argc / 2;
	if (n < 1 || argc % 2)
		usage();
	tests = calloc(n, sizeof(*tests));
	for (int i = 0; i < n; i++)
		tests[i] = parse_test(argv[2 * i], argv[2 * i + 1]);
	child = start_server(netns, tests, n);
	for (int i = 0; i < n; i++)
		measure(&tests[i]);
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "the server failed");
	return 0;
}
