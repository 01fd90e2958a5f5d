// SPDX-License-Identifier: GPL-2.0
/*
 * Measures a stream protocol: the same work for TCP and for toytcp.
 *
 *   bench [--protocol N] [--congestion NAME] [--netns NAME] [--address A]
 *         [--port N] TEST COUNT ...
 *
 * The server is a child process, in another network namespace if one is
 * named. Each TEST is run once, on a connection of its own, and prints a line
 * "TEST UNIT FIGURE":
 *
 *   bulk:BYTES  COUNT writes of BYTES each, until the reader confirms that
 *               it has them all (MB/s)
 *   pingpong    COUNT times one byte there and one byte back (/s)
 *   connect     COUNT times connect, one byte, close at both ends (/s)
 *   share       writes for COUNT seconds; what is acknowledged after the first
 *               quarter of them (MB/s)
 */
#include "stream.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/sockios.h>

#define BUFFER (128 * 1024)
#define SHARE_WRITE (16 * 1024)

struct test {
	const char *name;
	size_t write_size;
	long count;
};

struct tests {
	struct test *all;
	int n;
};

static char buffer[BUFFER];

static int connect_server(void)
{
	int fd = stream_socket();

	stream_connect(fd);
	return fd;
}

/* Returns false at the end of the stream. */
static bool read_byte(int fd)
{
	char byte;

	return stream_read(fd, &byte, 1);
}

/* Reads up to the end of the stream, then confirms it with one byte. */
static void serve_bulk(int fd)
{
	while (stream_read(fd, buffer, BUFFER))
		;
	stream_write(fd, buffer, 1);
}

static void serve_pingpong(int fd)
{
	stream_no_delay(fd);
	while (read_byte(fd))
		stream_write(fd, buffer, 1);
}

static void serve_connect(int fd)
{
	if (!read_byte(fd))
		errx(1, "no byte came");
}

static bool is_share(const struct test *test)
{
	return !strcmp(test->name, "share");
}

static bool is_bulk(const struct test *test)
{
	return test->write_size > 0;
}

static void serve_test(int listener, const struct test *test)
{
	long connections = !strcmp(test->name, "connect") ? test->count : 1;

	while (connections--) {
		int fd = stream_accept(listener);

		if (is_bulk(test) || is_share(test))
			serve_bulk(fd);
		else if (!strcmp(test->name, "pingpong"))
			serve_pingpong(fd);
		else
			serve_connect(fd);
		close(fd);
	}
}

static void serve(int listener, const void *arg)
{
	const struct tests *tests = arg;

	for (int i = 0; i < tests->n; i++)
		serve_test(listener, &tests->all[i]);
}

static double bulk(const struct test *test)
{
	int fd = connect_server();
	double start = stream_seconds();
	double seconds;

	for (long i = 0; i < test->count; i++)
		stream_write(fd, buffer, test->write_size);
	shutdown(fd, SHUT_WR);
	if (!read_byte(fd))
		errx(1, "the reader went away");
	seconds = stream_seconds() - start;
	close(fd);
	return test->count * test->write_size / seconds / 1e6;
}

/* Of @written bytes, how many the peer has acknowledged. */
static long acknowledged(int fd, long written)
{
	int queued;

	if (ioctl(fd, SIOCOUTQ, &queued))
		err(1, "SIOCOUTQ");
	return written - queued;
}

static double share(const struct test *test)
{
	int fd = connect_server();
	double start = stream_seconds(), now = start, began = 0;
	long written = 0, first = 0;

	while (now < start + test->count) {
		stream_write(fd, buffer, SHARE_WRITE);
		written += SHARE_WRITE;
		now = stream_seconds();
		if (!began && now >= start + test->count / 4.0) {
			began = now;
			first = acknowledged(fd, written);
		}
	}
	if (!began)
		errx(1, "not one write in %ld s", test->count);
	first = acknowledged(fd, written) - first;
	shutdown(fd, SHUT_WR);
	if (!read_byte(fd))
		errx(1, "the reader went away");
	close(fd);
	return first / (now - began) / 1e6;
}

static double pingpong(const struct test *test)
{
	int fd = connect_server();
	double start;
	double seconds;

	stream_no_delay(fd);
	start = stream_seconds();
	for (long i = 0; i < test->count; i++) {
		stream_write(fd, buffer, 1);
		if (!read_byte(fd))
			errx(1, "the other side went away");
	}
	seconds = stream_seconds() - start;
	close(fd);
	return test->count / seconds;
}

static double connections(const struct test *test)
{
	double start = stream_seconds();

	for (long i = 0; i < test->count; i++) {
		int fd = connect_server();

		stream_write(fd, buffer, 1);
		if (read_byte(fd))
			errx(1, "more than a close came back");
		close(fd);
	}
	return test->count / (stream_seconds() - start);
}

static void measure(const struct test *test)
{
	const char *unit = is_bulk(test) || is_share(test) ? "MB/s" : "/s";
	double figure;

	if (is_bulk(test))
		figure = bulk(test);
	else if (is_share(test))
		figure = share(test);
	else if (!strcmp(test->name, "pingpong"))
		figure = pingpong(test);
	else
		figure = connections(test);
	printf("%s %s %.3f\n", test->name, unit, figure);
	fflush(stdout);
}

static void usage(void)
{
	fprintf(stderr, "usage: bench " STREAM_OPTIONS "\n"
		"\tbulk:BYTES|pingpong|connect|share COUNT ...\n");
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
	} else if (strcmp(name, "pingpong") && strcmp(name, "connect") &&
		   strcmp(name, "share")) {
		usage();
	}
	test.count = strtol(count, &end, 10);
	if (*end || test.count < 1)
		usage();
	return test;
}

int main(int argc, char **argv)
{
	int first = stream_options(argc, argv);
	struct tests tests = { .n = (argc - first) / 2 };
	pid_t child;
	int status;

	if (first < 0 || tests.n < 1 || (argc - first) % 2)
		usage();
	tests.all = calloc(tests.n, sizeof(*tests.all));
	for (int i = 0; i < tests.n; i++)
		tests.all[i] = parse_test(argv[first + 2 * i],
					  argv[first + 2 * i + 1]);
	child = stream_server(serve, &tests);
	for (int i = 0; i < tests.n; i++)
		measure(&tests.all[i]);
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "the server failed");
	return 0;
}
