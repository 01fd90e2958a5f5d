// SPDX-License-Identifier: GPL-2.0
/* sendfile(2), splice(2) and other calls for any kind of file. */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "api_test.h"

#define SIZE	(300 << 10)

static uint8_t out[SIZE], in[SIZE];

static int pattern_file(void)
{
	int fd = memfd_create("pattern", 0);

	fill_pattern(out, SIZE, 11);
	if (fd < 0 || write(fd, out, SIZE) != SIZE)
		abort();
	return fd;
}

struct transfer {
	int from, to;
	size_t len;
};

static struct transfer transfer;

static long send_whole_file(int unused)
{
	off_t offset = 0;

	while (offset < transfer.len)
		if (sendfile(transfer.to, transfer.from, &offset,
			     transfer.len - offset) <= 0)
			return -1;
	return offset;
}

API_TEST(sendfile__whole_file)
{
	struct pair pair = new_pair();
	struct worker worker;

	transfer = (struct transfer) { pattern_file(), pair.client, SIZE };
	start(&worker, send_whole_file, 0);
	recv_all(pair.server, in, SIZE);
	ASSERT_EQ(0, memcmp(in, out, SIZE));
	ASSERT_EQ(SIZE, finish(&worker));
}

API_TEST(sendfile__part_from_odd_offset)
{
	struct pair pair = new_pair();
	off_t offset = 4095;

	ASSERT_EQ(5000, sendfile(pair.client, pattern_file(), &offset, 5000));
	ASSERT_EQ(9095, offset);
	recv_all(pair.server, in, 5000);
	ASSERT_EQ(0, memcmp(in, out + 4095, 5000));
}

API_TEST(sendfile__file_position_moves)
{
	struct pair pair = new_pair();
	int file = pattern_file();

	lseek(file, 100, SEEK_SET);
	ASSERT_EQ(10, sendfile(pair.client, file, NULL, 10));
	ASSERT_EQ(110, lseek(file, 0, SEEK_CUR));
	lseek(file, 0, SEEK_END);
	ASSERT_EQ(0, sendfile(pair.client, file, NULL, 10));
}

/* Writing to the file later must not change text that was sent. */
API_TEST(sendfile__to_a_slow_reader)
{
	struct pair pair = small_pair();
	off_t offset = 0;
	ssize_t sent;

	set_nonblocking(pair.client, true);
	sent = sendfile(pair.client, pattern_file(), &offset, SIZE);
	ASSERT_GT(sent, 0);
	ASSERT_LT(sent, SIZE);
	while (poll_now(pair.client, POLLOUT))
		sent += sendfile(pair.client, pattern_file(), &offset,
				 SIZE - offset);
	recv_all(pair.server, in, sent);
	ASSERT_EQ(0, memcmp(in, out, sent));
}

API_TEST(sendfile__errors)
{
	struct pair pair = new_pair();
	int file = pattern_file();
	off_t start = 0;

	ASSERT_ERRNO(EINVAL, sendfile(file, pair.client, NULL, 10));
	shutdown(pair.client, SHUT_WR);
	ASSERT_ERRNO(EPIPE, sendfile(pair.client, file, &start, 10));
	ASSERT_ERRNO(EPIPE, sendfile(new_socket(0), file, &start, 10));
}

static void pipe_of(int ends[2])
{
	if (pipe(ends))
		abort();
}

API_TEST(splice__pipe_to_socket)
{
	struct pair pair = new_pair();
	int ends[2];

	pipe_of(ends);
	fill_pattern(out, SIZE, 12);
	ASSERT_EQ(20000, write(ends[1], out, 20000));
	ASSERT_EQ(20000, splice(ends[0], NULL, pair.client, NULL, 20000, 0));
	recv_all(pair.server, in, 20000);
	ASSERT_EQ(0, memcmp(in, out, 20000));
}

API_TEST(splice__socket_to_pipe)
{
	struct pair pair = new_pair();
	int ends[2];
	size_t got = 0;

	pipe_of(ends);
	fill_pattern(out, SIZE, 13);
	send_all(pair.client, out, 20000);
	while (got < 20000) {
		ssize_t n;

		wait_events(pair.server, POLLIN);
		n = splice(pair.server, NULL, ends[1], NULL, 20000 - got, 0);
		ASSERT_GT(n, 0);
		ASSERT_EQ(n, read(ends[0], in + got, n));
		got += n;
	}
	ASSERT_EQ(0, memcmp(in, out, 20000));
}

API_TEST(splice__nonblocking_and_end)
{
	struct pair pair = new_pair();
	int ends[2];

	pipe_of(ends);
	set_nonblocking(pair.server, true);
	ASSERT_ERRNO(EAGAIN, splice(pair.server, NULL, ends[1], NULL, 10,
				    SPLICE_F_NONBLOCK));
	close(pair.client);
	wait_events(pair.server, POLLIN);
	ASSERT_EQ(0, splice(pair.server, NULL, ends[1], NULL, 10, 0));
}

API_TEST(splice__not_connected)
{
	int ends[2];

	pipe_of(ends);
	ASSERT_EQ(1, write(ends[1], "x", 1));
	ASSERT_ERRNO(EPIPE, splice(ends[0], NULL, new_socket(0), NULL, 1, 0));
	ASSERT_ERRNO(ENOTCONN, splice(new_socket(0), NULL, ends[1], NULL, 1,
				      0));
}

/* A proxy's inner loop: socket to pipe to socket, without copying. */
API_TEST(splice__socket_to_socket)
{
	struct pair left = new_pair(), right = new_pair();
	size_t passed = 0;
	int ends[2];

	pipe_of(ends);
	fill_pattern(out, SIZE, 14);
	send_all(left.client, out, 50000);
	while (passed < 50000) {
		ssize_t n;

		wait_events(left.server, POLLIN);
		n = splice(left.server, NULL, ends[1], NULL, 50000, 0);
		ASSERT_GT(n, 0);
		ASSERT_EQ(n, splice(ends[0], NULL, right.client, NULL, n, 0));
		passed += n;
	}
	recv_all(right.server, in, 50000);
	ASSERT_EQ(0, memcmp(in, out, 50000));
}

API_TEST(files__read_write_and_vectors)
{
	struct pair pair = new_pair();
	char a[3] = "", b[3] = "";
	struct iovec into[2] = { { a, 2 }, { b, 2 } };

	ASSERT_EQ(4, write(pair.client, "abcd", 4));
	wait_until(queued(pair.server) == 4);
	ASSERT_EQ(4, readv(pair.server, into, 2));
	ASSERT_STREQ("ab", a);
	ASSERT_STREQ("cd", b);
}

API_TEST(files__no_position)
{
	struct pair pair = new_pair();
	char byte;

	ASSERT_ERRNO(ESPIPE, lseek(pair.client, 0, SEEK_SET));
	ASSERT_ERRNO(ESPIPE, pread(pair.client, &byte, 1, 0));
	ASSERT_ERRNO(ESPIPE, pwrite(pair.client, &byte, 1, 1));
}

API_TEST(files__fstat)
{
	struct stat status;

	ASSERT_OK(fstat(new_socket(0), &status));
	ASSERT_TRUE(S_ISSOCK(status.st_mode));
}

API_TEST(files__unknown_ioctl)
{
	struct pair pair = new_pair();
	int value;

	ASSERT_ERRNO(ENOTTY, ioctl(pair.client, 0x5401, &value));
	ASSERT_ERRNO(ENOTTY, ioctl(new_socket(0), 0x89df, &value));
	ASSERT_ERRNO(EFAULT, ioctl(pair.client, SIOCINQ, (void *)8));
	ASSERT_ERRNO(EFAULT, ioctl(pair.client, SIOCOUTQ, (void *)8));
}

API_TEST(files__fionbio)
{
	struct pair pair = new_pair();
	int on = 1;
	char byte;

	ASSERT_OK(ioctl(pair.server, FIONBIO, &on));
	ASSERT_ERRNO(EAGAIN, recv(pair.server, &byte, 1, 0));
}

API_TEST(files__queues_of_a_fresh_socket)
{
	int fd = new_socket(0);

	ASSERT_EQ(0, queued(fd));
	ASSERT_EQ(0, unsent(fd));
}

API_TEST(fresh__recv_and_send)
{
	struct sockaddr_in there = at(LOCALHOST, 80);
	int fd = new_socket(0), two[2];
	char byte = 0;

	ASSERT_ERRNO(ENOTCONN, recv(fd, &byte, 1, 0));
	ASSERT_ERRNO(ENOTCONN, recv(fd, &byte, 1, MSG_DONTWAIT));
	ASSERT_ERRNO(EPIPE, send(fd, &byte, 1, MSG_NOSIGNAL));
	ASSERT_ERRNO(EPIPE, sendto(fd, &byte, 1, MSG_NOSIGNAL,
				   (void *)&there, sizeof(there)));
	ASSERT_ERRNO(EOPNOTSUPP, socketpair(AF_INET, SOCK_STREAM,
					    variant->protocol, two));
}

TEST_HARNESS_MAIN
