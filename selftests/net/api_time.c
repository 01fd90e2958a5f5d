// SPDX-License-Identifier: GPL-2.0
/*
 * How long exchanges take beside the kernel's own TCP in the same machine. Each
 * test finds stalls: of a message that waits for a timer while nothing else
 * happens. TCP has none where toytcp is given the slack below, which is for
 * slow machines, and shorter than the shortest of these timers.
 */
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "api.h"
#include "kselftest_harness.h"

#define ROUNDS		20
#define SLACK_MS	10	/* in each round; a delayed ACK takes 40 */
#define TIMES		3	/* TCP's time */
#define MOST		1000000

/**
 * struct exchange - a request and its answer, @ROUNDS times
 * @request: bytes
 * @request_piece: of each write; 0: all at once
 * @answer: bytes
 * @file: the answer is sent by sendfile(), which is asked for more
 * @nodelay: TCP_NODELAY on both sides
 * @sndbuf: the client's SO_SNDBUF, if not 0
 */
struct exchange {
	size_t request;
	size_t request_piece;
	size_t answer;
	bool file;
	bool nodelay;
	int sndbuf;
};

static const struct exchange *exchange;
static char out[MOST], in[2][MOST];

static void send_answer(int fd, int file)
{
	off_t at = 0;

	if (!exchange->file)
		send_all(fd, out, exchange->answer);
	else if (sendfile(fd, file, &at, MOST) != (ssize_t)exchange->answer)
		abort();
}

static long serve(int fd)
{
	int file = memfd_create("answer", MFD_CLOEXEC);

	if (file < 0 || ftruncate(file, exchange->answer))
		abort();
	for (int i = 0; i < ROUNDS; i++) {
		recv_all(fd, in[0], exchange->request);
		send_answer(fd, file);
	}
	return close(file);
}

static void ask(int fd)
{
	size_t piece = exchange->request_piece ?: exchange->request;

	for (size_t at = 0; at < exchange->request; at += piece)
		send_all(fd, out, piece);
	recv_all(fd, in[1], exchange->answer);
}

/* Returns milliseconds. */
static long run_over(int proto)
{
	struct worker server;
	struct pair pair;
	long since;

	protocol = proto;
	pair = new_pair();
	if (exchange->sndbuf)
		set_int(pair.client, SOL_SOCKET, SO_SNDBUF, exchange->sndbuf);
	set_int(pair.client, SOL_TCP, TCP_NODELAY, exchange->nodelay);
	set_int(pair.server, SOL_TCP, TCP_NODELAY, exchange->nodelay);
	since = now_ms();
	start(&server, serve, pair.server);
	for (int i = 0; i < ROUNDS; i++)
		ask(pair.client);
	finish(&server);
	since = now_ms() - since;
	close(pair.client);
	close(pair.server);
	return since;
}

FIXTURE(time) {
};

FIXTURE_SETUP(time)
{
	const char *required = getenv("TOYTCP_REQUIRED");

	if (enter_namespace(IPPROTO_TOYTCP))
		return;
	ASSERT_FALSE(required && !strcmp(required, "1"));
	SKIP(return, "is toytcp.ko loaded?");
}

FIXTURE_TEARDOWN(time)
{
}

/* TIME_TEST() - an exchange over both protocols */
#define TIME_TEST(name, ...)						\
TEST_F_TIMEOUT(time, name, 120)						\
{									\
	const struct exchange what = { __VA_ARGS__ };			\
	long tcp, toytcp;						\
									\
	exchange = &what;						\
	tcp = run_over(IPPROTO_TCP);					\
	toytcp = run_over(IPPROTO_TOYTCP);				\
	TH_LOG("TCP %ld ms, toytcp %ld ms", tcp, toytcp);		\
	EXPECT_LE(toytcp, TIMES * tcp + ROUNDS * SLACK_MS);		\
}

TIME_TEST(answer__of_100_kb, .request = 100, .answer = 100000)
TIME_TEST(answer__echo_of_100_kb, .request = 100000, .answer = 100000)
TIME_TEST(answer__sendfile_ends_early, .request = 100, .answer = 10000,
	  .file = true)
TIME_TEST(request__small_writes_nodelay, .request = 1000, .request_piece = 1,
	  .answer = 1, .nodelay = true)
TIME_TEST(sndbuf__of_1, .request = 100000, .answer = 1, .sndbuf = 1)
TIME_TEST(sndbuf__of_4096, .request = 100000, .answer = 1, .sndbuf = 4096)
TIME_TEST(sndbuf__of_8192, .request = 100000, .answer = 1, .sndbuf = 8192)

TEST_HARNESS_MAIN
