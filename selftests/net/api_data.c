// SPDX-License-Identifier: GPL-2.0
/* send(2) and recv(2), their flags, and SIOCINQ and SIOCOUTQ. */
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "api_test.h"

#define BULK	(1 << 20)

static uint8_t bulk_out[BULK], bulk_in[BULK];

static long send_bulk(int fd)
{
	send_all(fd, bulk_out, BULK);
	return 0;
}

static long recv_ten_wait_all(int fd)
{
	return recv(fd, bulk_in, 10, MSG_WAITALL);
}

static void both(struct pair *pair, const char *text)
{
	*pair = new_pair();
	send_all(pair->client, text, strlen(text));
	while (queued(pair->server) < strlen(text))
		wait_events(pair->server, POLLIN);
}

API_TEST(data__bulk_both_ways)
{
	struct pair pair = new_pair();
	struct worker up, down;

	fill_pattern(bulk_out, BULK, 1);
	start(&up, send_bulk, pair.client);
	start(&down, send_bulk, pair.server);
	recv_all(pair.server, bulk_in, BULK);
	ASSERT_EQ(0, memcmp(bulk_in, bulk_out, BULK));
	recv_all(pair.client, bulk_in, BULK);
	ASSERT_EQ(0, memcmp(bulk_in, bulk_out, BULK));
	ASSERT_EQ(0, finish(&up));
	ASSERT_EQ(0, finish(&down));
}

API_TEST(data__byte_by_byte)
{
	struct pair pair = new_pair();

	fill_pattern(bulk_out, 500, 2);
	for (int i = 0; i < 500; i++)
		send_all(pair.client, bulk_out + i, 1);
	recv_all(pair.server, bulk_in, 500);
	ASSERT_EQ(0, memcmp(bulk_in, bulk_out, 500));
}

API_TEST(data__read_in_other_pieces_than_written)
{
	struct pair pair = new_pair();
	struct worker worker;

	fill_pattern(bulk_out, BULK, 3);
	start(&worker, send_bulk, pair.client);
	for (int done = 0, part = 1; done < BULK; part = part * 3 % 10007) {
		part = part < BULK - done ? part : BULK - done;
		recv_all(pair.server, bulk_in + done, part);
		done += part;
	}
	ASSERT_EQ(0, memcmp(bulk_in, bulk_out, BULK));
	ASSERT_EQ(0, finish(&worker));
}

API_TEST(recv__peek)
{
	struct pair pair;
	char text[8] = "";

	both(&pair, "abcdef");
	ASSERT_EQ(3, recv(pair.server, text, 3, MSG_PEEK));
	ASSERT_STREQ("abc", text);
	ASSERT_EQ(6, recv(pair.server, text, 8, MSG_PEEK));
	ASSERT_STREQ("abcdef", text);
	ASSERT_EQ(6, queued(pair.server));
	ASSERT_EQ(6, recv(pair.server, text, 8, 0));
	ASSERT_ERRNO(EAGAIN, recv(pair.server, text, 8,
				  MSG_PEEK | MSG_DONTWAIT));
}

API_TEST(recv__dontwait)
{
	struct pair pair = new_pair();
	char byte;

	ASSERT_ERRNO(EAGAIN, recv(pair.server, &byte, 1, MSG_DONTWAIT));
	set_nonblocking(pair.server, true);
	ASSERT_ERRNO(EAGAIN, read(pair.server, &byte, 1));
}

API_TEST(recv__returns_what_there_is)
{
	struct pair pair;
	char text[8] = "";

	both(&pair, "abc");
	ASSERT_EQ(3, recv(pair.server, text, 8, 0));
}

API_TEST(recv__waitall_waits)
{
	struct worker worker;
	struct pair pair;

	both(&pair, "0123");
	start_asleep(&worker, recv_ten_wait_all, pair.server);
	send_all(pair.client, "456789abc", 9);
	ASSERT_EQ(10, finish(&worker));
	ASSERT_EQ(0, memcmp(bulk_in, "0123456789", 10));
	recv_all(pair.server, bulk_in, 3);
	ASSERT_EQ(0, memcmp(bulk_in, "abc", 3));
}

API_TEST(recv__waitall_ends_at_eof)
{
	struct worker worker;
	struct pair pair;

	both(&pair, "0123");
	start_asleep(&worker, recv_ten_wait_all, pair.server);
	shutdown(pair.client, SHUT_WR);
	ASSERT_EQ(4, finish(&worker));
	ASSERT_EQ(0, recv(pair.server, bulk_in, 1, 0));
}

API_TEST(recv__waitall_ends_at_reset)
{
	struct worker worker;
	struct pair pair;

	both(&pair, "0123");
	start_asleep(&worker, recv_ten_wait_all, pair.server);
	reset(pair.client);
	ASSERT_EQ(4, finish(&worker));
	ASSERT_ERRNO(ECONNRESET, recv(pair.server, bulk_in, 1, 0));
	ASSERT_EQ(0, recv(pair.server, bulk_in, 1, 0));
}

/* MSG_TRUNC on a stream discards bytes without copying them. */
API_TEST(recv__trunc_discards)
{
	struct pair pair;
	char text[8] = "";

	both(&pair, "abcdef");
	ASSERT_EQ(4, recv(pair.server, NULL, 4, MSG_TRUNC));
	ASSERT_EQ(2, recv(pair.server, text, 8, 0));
	ASSERT_STREQ("ef", text);
}

API_TEST(recv__trunc_and_peek)
{
	struct pair pair;

	both(&pair, "abcdef");
	ASSERT_EQ(6, recv(pair.server, NULL, 100, MSG_TRUNC | MSG_PEEK));
	ASSERT_EQ(6, queued(pair.server));
}

API_TEST(recv__zero_length)
{
	struct pair pair;
	char byte;

	both(&pair, "a");
	ASSERT_EQ(0, recv(pair.server, &byte, 0, 0));
	ASSERT_EQ(1, recv(pair.server, &byte, 1, 0));
	ASSERT_ERRNO(EAGAIN, recv(pair.server, &byte, 0, MSG_DONTWAIT));
}

API_TEST(send__zero_length_is_no_end)
{
	struct pair pair = new_pair();
	char byte;

	ASSERT_EQ(0, send(pair.client, &byte, 0, 0));
	ASSERT_EQ(0, write(pair.client, &byte, 0));
	ASSERT_ERRNO(EAGAIN, recv(pair.server, &byte, 1, MSG_DONTWAIT));
	send_all(pair.client, "z", 1);
	recv_all(pair.server, &byte, 1);
	ASSERT_EQ('z', byte);
}

/* Without SO_ZEROCOPY, which we refuse, the flag is ignored. */
API_TEST(send__zero_copy_is_copied)
{
	struct pair pair = new_pair();
	char text[6] = "hello", got[6];
	int on = 1;

	if (variant->protocol == IPPROTO_TOYTCP)
		ASSERT_ERRNO(EOPNOTSUPP, setsockopt(pair.client, SOL_SOCKET,
						    SO_ZEROCOPY, &on,
						    sizeof(on)));
	ASSERT_EQ(6, send(pair.client, text, 6, MSG_ZEROCOPY));
	memset(text, 'x', 6);
	recv_all(pair.server, got, 6);
	ASSERT_STREQ("hello", got);
	ASSERT_ERRNO(EAGAIN, recv(pair.client, got, 6, MSG_ERRQUEUE));
}

API_TEST(recv__no_urgent_data)
{
	struct pair pair = new_pair();
	char byte;

	ASSERT_ERRNO(EINVAL, recv(pair.server, &byte, 1, MSG_OOB));
}

API_TEST(recv__error_queue_empty)
{
	struct pair pair = new_pair();
	char byte;

	ASSERT_ERRNO(EAGAIN, recv(pair.server, &byte, 1, MSG_ERRQUEUE));
}

API_TEST(sendmsg__scatter_and_gather)
{
	struct pair pair = new_pair();
	char first[3] = "", rest[8] = "";
	struct iovec out[3] = {
		{ "ab", 2 }, { NULL, 0 }, { "cdef", 4 },
	};
	struct iovec in[2] = { { first, 2 }, { rest, 8 } };
	struct msghdr message = { .msg_iov = out, .msg_iovlen = 3 };

	ASSERT_EQ(6, sendmsg(pair.client, &message, 0));
	wait_until(queued(pair.server) == 6);
	message.msg_iov = in;
	message.msg_iovlen = 2;
	ASSERT_EQ(6, recvmsg(pair.server, &message, 0));
	ASSERT_STREQ("ab", first);
	ASSERT_STREQ("cdef", rest);
	ASSERT_EQ(0, message.msg_flags);
}

API_TEST(recvmsg__no_name_no_control)
{
	struct sockaddr_in name;
	struct pair pair;
	char text[8], control[64];
	struct iovec in = { text, sizeof(text) };
	struct msghdr message = {
		.msg_name = &name, .msg_namelen = sizeof(name),
		.msg_iov = &in, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	both(&pair, "abc");
	ASSERT_EQ(3, recvmsg(pair.server, &message, 0));
	ASSERT_EQ(0, message.msg_namelen);
	ASSERT_EQ(0, message.msg_controllen);
}

API_TEST(recvfrom__name_untouched)
{
	struct sockaddr_in name = {};
	socklen_t len = sizeof(name);
	struct pair pair;
	char byte;

	both(&pair, "abc");
	ASSERT_EQ(1, recvfrom(pair.server, &byte, 1, 0, (void *)&name, &len));
	ASSERT_EQ(0, len);
	ASSERT_EQ(0, name.sin_port);
}

API_TEST(sendto__address_ignored)
{
	struct sockaddr_in elsewhere = at("10.9.9.9", 9);
	struct pair pair = new_pair();
	char byte;

	ASSERT_EQ(1, sendto(pair.client, "q", 1, 0, (void *)&elsewhere,
			    sizeof(elsewhere)));
	recv_all(pair.server, &byte, 1);
	ASSERT_EQ('q', byte);
}

API_TEST(send__many_small_vectors)
{
	struct pair pair = new_pair();
	struct iovec out[1000];

	fill_pattern(bulk_out, 7000, 4);
	for (int i = 0; i < 1000; i++)
		out[i] = (struct iovec) { bulk_out + 7 * i, 7 };
	ASSERT_EQ(7000, writev(pair.client, out, 1000));
	recv_all(pair.server, bulk_in, 7000);
	ASSERT_EQ(0, memcmp(bulk_in, bulk_out, 7000));
}

/*
 * A segment held back by MSG_MORE or TCP_CORK leaves after 200 ms. A slow
 * machine may check too late, so one success in ten tries is enough.
 */
static bool ever_held_back(struct pair *pair, int flags)
{
	char text[10];

	for (int i = 0; i < 10; i++) {
		bool held;

		send(pair->client, "first", 5, flags);
		held = queued(pair->server) == 0 && unsent(pair->client) == 5;
		send(pair->client, "rest.", 5, 0);
		if (get_int(pair->client, SOL_TCP, TCP_CORK)) {
			set_int(pair->client, SOL_TCP, TCP_CORK, 0);
			set_int(pair->client, SOL_TCP, TCP_CORK, 1);
		}
		recv_all(pair->server, text, 10);
		if (memcmp(text, "firstrest.", 10))
			abort();
		if (held)
			return true;
	}
	return false;
}

API_TEST(send__more_holds_back)
{
	struct pair pair = new_pair();

	ASSERT_TRUE(ever_held_back(&pair, MSG_MORE));
}

API_TEST(send__more_with_nodelay_holds_back)
{
	struct pair pair = new_pair();

	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_NODELAY, 1));
	ASSERT_TRUE(ever_held_back(&pair, MSG_MORE));
}

API_TEST(send__cork_holds_back)
{
	struct pair pair = new_pair();

	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_CORK, 1));
	ASSERT_TRUE(ever_held_back(&pair, 0));
}

/* With TCP_CORK, full segments still leave; the rest follows later. */
API_TEST(send__cork_delays_no_longer_than_it_must)
{
	struct pair pair = new_pair();

	fill_pattern(bulk_out, BULK, 5);
	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_CORK, 1));
	send_all(pair.client, bulk_out, 200001);
	recv_all(pair.server, bulk_in, 200001);
	ASSERT_EQ(0, memcmp(bulk_in, bulk_out, 200001));
}

/* TCP_CORK cannot wait for more text than the send buffer holds. */
API_TEST(send__cork_gives_way_to_a_full_buffer)
{
	long began, took[2];

	fill_pattern(bulk_out, BULK, 6);
	for (int cork = 0; cork < 2; cork++) {
		struct pair pair = new_pair();
		struct worker worker;

		set_int(pair.client, SOL_SOCKET, SO_SNDBUF, 4096);
		ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_CORK, cork));
		began = now_ms();
		start(&worker, send_bulk, pair.client);
		recv_all(pair.server, bulk_in, BULK - 65536);
		took[cork] = now_ms() - began;
		ASSERT_EQ(0, memcmp(bulk_in, bulk_out, BULK - 65536));
		drain(pair.server, 65536);
		ASSERT_EQ(0, finish(&worker));
	}
	ASSERT_LT(took[1], 4 * took[0] + 1000);
}

/* tcp(7): it "forces an explicit flush of pending output". */
API_TEST(send__nodelay_flushes_what_cork_holds_back)
{
	bool flushed = false;

	/* It would leave after 200 ms: one quick try in ten is enough. */
	for (int i = 0; i < 10 && !flushed; i++) {
		struct pair pair = new_pair();
		long began;

		ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_CORK, i % 2));
		send(pair.client, "corked", 6, MSG_MORE);
		began = now_ms();
		ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_NODELAY, 1));
		drain(pair.server, 6);
		flushed = now_ms() - began < 150;
	}
	ASSERT_TRUE(flushed);
}

API_TEST(send__cork_gives_way_to_close)
{
	struct pair pair = new_pair();
	char text[8] = "";

	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_CORK, 1));
	send_all(pair.client, "corked", 6);
	close(pair.client);
	recv_all(pair.server, text, 6);
	ASSERT_STREQ("corked", text);
	ASSERT_EQ(0, recv(pair.server, text, 1, 0));
}

API_TEST(send__bad_pointer)
{
	struct pair pair = new_pair();
	char byte;

	ASSERT_ERRNO(EFAULT, send(pair.client, (void *)8, 100, 0));
	send_all(pair.client, "s", 1);
	recv_all(pair.server, &byte, 1);
	ASSERT_EQ('s', byte);
}

API_TEST(recv__bad_pointer)
{
	struct pair pair;
	char text[8] = "";

	both(&pair, "abc");
	ASSERT_ERRNO(EFAULT, recv(pair.server, (void *)8, 3, 0));
	ASSERT_EQ(3, recv(pair.server, text, 8, 0));
	ASSERT_STREQ("abc", text);
}

/* A mapped page followed by an unmapped one: the first part counts. */
API_TEST(send__partly_bad_pointer)
{
	struct pair pair = new_pair();
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec out[2] = { { pages, 10 }, { pages + 4096, 10 } };
	ssize_t sent;

	memcpy(pages, "0123456789", 10);
	munmap(pages + 4096, 4096);
	sent = writev(pair.client, out, 2);
	ASSERT_TRUE(sent == 10 || (sent < 0 && errno == EFAULT));
	if (sent == 10) {
		recv_all(pair.server, bulk_in, 10);
		ASSERT_EQ(0, memcmp(bulk_in, "0123456789", 10));
	}
	send_all(pair.client, "#", 1);
	recv_all(pair.server, bulk_in, 1);
	ASSERT_EQ('#', bulk_in[0]);
}

API_TEST(queues__counted)
{
	struct pair pair = small_pair();
	size_t total;
	int unread;

	ASSERT_EQ(0, queued(pair.client));
	ASSERT_EQ(0, unsent(pair.client));
	send_all(pair.client, "abcdef", 6);
	wait_until(queued(pair.server) == 6);
	wait_until(unsent(pair.client) == 0);
	drain(pair.server, 2);
	ASSERT_OK(ioctl(pair.server, FIONREAD, &unread));
	ASSERT_EQ(4, unread);
	drain(pair.server, 4);
	total = stuff(pair.client);
	wait_until(unsent(pair.client) + queued(pair.server) == total);
	drain(pair.server, total);
	wait_until(unsent(pair.client) == 0);
}

API_TEST(queues__end_of_stream_is_no_byte)
{
	struct pair pair;

	both(&pair, "abc");
	shutdown(pair.client, SHUT_WR);
	wait_events(pair.server, POLLRDHUP);
	ASSERT_EQ(3, queued(pair.server));
	drain(pair.server, 3);
	ASSERT_EQ(0, queued(pair.server));
}

API_TEST(send__shared_by_fork_and_dup)
{
	struct pair pair = new_pair();
	int again = dup(pair.client), status;
	char text[3] = "";
	pid_t child = fork();

	if (!child) {
		send_all(again, "c", 1);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	close(again);
	send_all(pair.client, "p", 1);
	recv_all(pair.server, text, 2);
	ASSERT_STREQ("cp", text);
	close(pair.client);
	ASSERT_EQ(0, recv(pair.server, text, 1, 0));
}

TEST_HARNESS_MAIN
