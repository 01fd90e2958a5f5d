// SPDX-License-Identifier: GPL-2.0
/*
 * Measures how long requests and answers of many sizes take.
 *
 *   latency [--protocol N] [--congestion NAME] [--netns NAME] [--address A]
 *           [quick]
 *
 * A client connects, sends a request, reads the answer, and does so several
 * times on several connections. Only requests and answers are timed. Each cell
 * (see latency_cells.h) prints a line "NAME us FIGURE", the mean of all its
 * operations, or "NAME us failed" if it did not finish, or if the bytes
 * received are not those sent. The reason is on stderr.
 *
 * The machine's clock jumps over idle time, so a cell in which both sides wait
 * for a timer costs little; a limit for each cell detects a hang.
 */
#define _GNU_SOURCE
#include "latency_cells.h"
#include "stream.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT 300		/* seconds that a cell may take */
#define BEYOND (1 << 20)	/* more than the size of any file here */
#define US_PER_S 1e6
#define PERIOD 251		/* of the pattern: adjacent blocks differ */
#define LONGEST WRITE_MAX

struct run {
	const struct cell *cell;
	int connections;
};

static char pattern[LONGEST + PERIOD];
static char received[LONGEST];
static double *result;		/* shared with the client, a child */

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Sends a message: @first bytes in one write, then @piece in each. */
static void send_message(int fd, size_t size, size_t first, size_t piece)
{
	size_t n = first ? first : piece ? piece : size;

	for (size_t at = 0; at < size; at += n, n = piece ? piece : size - at) {
		n = min(n, size - at);
		stream_write(fd, pattern + at % PERIOD, n);
	}
}

static void check_content(size_t at, size_t n)
{
	if (received[0] != pattern[at % PERIOD] ||
	    received[n - 1] != pattern[(at + n - 1) % PERIOD])
		errx(1, "wrong bytes between %zu and %zu", at, at + n);
}

/* Returns false if the stream ends before the message begins. */
static bool receive_message(int fd, size_t size, size_t piece)
{
	size_t at = 0;

	while (at < size) {
		size_t n = stream_read(fd, received, min(piece, size - at));

		if (!n && !at)
			return false;
		if (!n)
			errx(1, "only %zu of %zu bytes came", at, size);
		check_content(at, n);
		at += n;
	}
	return true;
}

static int make_file(size_t size)
{
	int file = memfd_create("answer", MFD_CLOEXEC);

	if (file < 0)
		err(1, "memfd_create");
	for (size_t at = 0; at < size; at += PERIOD)
		if (write(file, pattern, min(PERIOD, size - at)) < 0)
			err(1, "write");
	return file;
}

/* One call asks for more than the file has. */
static void send_file(int fd, int file, size_t size)
{
	off_t at = 0;
	ssize_t n = sendfile(fd, file, &at, BEYOND);

	if (n != (ssize_t)size)
		err(1, "sendfile returned %zd", n);
}

/* Each call asks for more than the file has, as cp does with a pipe. */
static void splice_file(int fd, int file, unsigned int flags)
{
	off_t at = 0;
	int ends[2];
	ssize_t n, sent;

	if (pipe(ends))
		err(1, "pipe");
	while ((n = splice(file, &at, ends[1], NULL, BEYOND, 0)) > 0)
		for (; n; n -= sent) {
			sent = splice(ends[0], NULL, fd, NULL, BEYOND, flags);
			if (sent <= 0)
				err(1, "splice to the socket");
		}
	if (n < 0)
		err(1, "splice from the file");
	close(ends[0]);
	close(ends[1]);
}

static void send_answer(int fd, const struct cell *cell, int file)
{
	switch (cell->by) {
	case BY_WRITE:
		send_message(fd, cell->answer, cell->answer_first,
			     cell->answer_piece);
		break;
	case BY_SENDFILE:
		send_file(fd, file, cell->answer);
		break;
	case BY_SPLICE:
		splice_file(fd, file, 0);
		break;
	case BY_SPLICE_MORE:
		splice_file(fd, file, SPLICE_F_MORE);
		break;
	}
}

static void serve(int listener, const void *arg)
{
	const struct run *run = arg;
	const struct cell *cell = run->cell;
	int file = cell->by == BY_WRITE ? -1 : make_file(cell->answer);

	for (int i = 0; i < run->connections; i++) {
		int fd = stream_accept(listener);

		if (cell->no_delay)
			stream_no_delay(fd);
		while (receive_message(fd, cell->request, sizeof(received)))
			send_answer(fd, cell, file);
		close(fd);
	}
}

static void set_buffer(int fd, int option, int size)
{
	if (size && setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)))
		err(1, "buffer of %d", size);
}

static int connect_server(const struct cell *cell)
{
	int fd = stream_socket();

	set_buffer(fd, SO_SNDBUF, cell->sndbuf);
	set_buffer(fd, SO_RCVBUF, cell->rcvbuf);
	stream_connect(fd);
	if (cell->no_delay)
		stream_no_delay(fd);
	return fd;
}

/* Returns the seconds taken by the operations of one connection. */
static double one_connection(const struct cell *cell)
{
	size_t read_size = cell->read_size ? cell->read_size : sizeof(received);
	int fd = connect_server(cell);
	double start = stream_seconds();
	double took;

	for (int i = 0; i < cell->rounds; i++) {
		send_message(fd, cell->request, 0, cell->request_piece);
		if (!receive_message(fd, cell->answer, read_size))
			errx(1, "the server went away");
	}
	took = stream_seconds() - start;
	close(fd);
	return took;
}

static pid_t start_client(const struct run *run)
{
	pid_t child = fork();
	double took = 0;

	if (child < 0)
		err(1, "fork");
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < run->connections; i++)
		took += one_connection(run->cell);
	*result = took * US_PER_S / run->connections / run->cell->rounds;
	exit(0);
}

/* True when @n children have succeeded; false if one failed, or at @end. */
static bool wait_for_children(int n, double end)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (n) {
		struct timespec left = { .tv_sec = end - stream_seconds() };
		int status;
		pid_t one = waitpid(-1, &status, WNOHANG);

		if (one > 0 && status)
			return false;
		if (one > 0) {
			n--;
		} else if (left.tv_sec <= 0) {
			warnx("no end within %d s", LIMIT);
			return false;
		} else {
			sigtimedwait(&child, NULL, &left);
		}
	}
	return true;
}

/* Blanks separate columns, so a name's own are written as "~". */
static void print_name(const char *name)
{
	for (; *name; name++)
		putchar(*name == ' ' ? '~' : *name);
}

static void measure(const struct cell *cell, int connections)
{
	struct run run = { .cell = cell, .connections = connections };
	pid_t server = stream_server(serve, &run);
	pid_t client = start_client(&run);

	print_name(cell->name);
	if (wait_for_children(2, stream_seconds() + LIMIT)) {
		printf(" us %.3f\n", *result);
	} else {
		warnx("failed: %s", cell->name);
		printf(" us failed\n");
		kill(server, SIGKILL);
		kill(client, SIGKILL);
		while (wait(NULL) > 0)
			;
	}
	fflush(stdout);
}

static void prepare(void)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % PERIOD;
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		err(1, "mmap");
}

int main(int argc, char **argv)
{
	int i = stream_options(argc, argv);
	bool quick = i > 0 && i < argc && !strcmp(argv[i], "quick");

	if (i < 0 || i + quick != argc) {
		fprintf(stderr, "usage: latency " STREAM_OPTIONS " [quick]\n");
		return 2;
	}
	prepare();
	for (const struct cell *cell = cells; cell->name; cell++)
		measure(cell, quick ? 1 : CONNECTIONS);
	return 0;
}
