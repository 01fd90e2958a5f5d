/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cells of the latency matrix. Every cell is a request and its answer; they
 * differ in size, and in the calls that send and read them. A field left out is
 * 0, which means one call, or a default buffer.
 *
 * Slow start and the undelayed first ACKs make a connection's first operations
 * unlike its later ones; each cell has enough rounds to show both.
 */
#ifndef BENCH_LATENCY_CELLS_H
#define BENCH_LATENCY_CELLS_H

#include <stdbool.h>
#include <stddef.h>

#define CONNECTIONS 2		/* of each cell; quick: one */
#define WRITE_MAX 1000000	/* the largest write */
#define REQUEST 100

enum by { BY_WRITE, BY_SENDFILE, BY_SPLICE, BY_SPLICE_MORE };

struct cell {
	const char *name;
	int rounds;		/* on each connection, whose first ones
				   differ from later ones */
	size_t request;
	size_t request_piece;	/* bytes of each write */
	size_t answer;
	size_t answer_first;	/* bytes of the first write */
	size_t answer_piece;	/* bytes of the others */
	size_t read_size;	/* of the client's reads */
	int sndbuf, rcvbuf;	/* the client's, before it connects */
	bool no_delay;		/* TCP_NODELAY, on both sides */
	enum by by;		/* how the answer is sent */
};

/* The same with Nagle's algorithm, and without it. */
#define BOTH(NAME, ...) \
	{ .name = NAME, __VA_ARGS__ }, \
	{ .name = NAME ", NODELAY", __VA_ARGS__, .no_delay = true }

#define ECHO_OF(SIZE, NAME, ROUNDS) \
	BOTH("echo " NAME, .rounds = ROUNDS, .request = SIZE, .answer = SIZE)

#define ANSWER(SIZE, NAME, ROUNDS) \
	BOTH("100 B -> " NAME, .rounds = ROUNDS, .request = REQUEST, \
	     .answer = SIZE)

#define HEAD_AND_BODY(SIZE, NAME, ROUNDS) \
	BOTH("100 B -> 100 B + " NAME, .rounds = ROUNDS, .request = REQUEST, \
	     .answer = 100 + SIZE, .answer_first = 100, .answer_piece = SIZE)

#define PIECES(SIZE, NAME, ROUNDS) \
	BOTH("100 B -> " NAME " x 1000 B", .rounds = ROUNDS, \
	     .request = REQUEST, .answer = SIZE, .answer_piece = 1000)

#define SNDBUF(SIZE, NAME) \
	{ .name = "100 KB there, SO_SNDBUF " NAME, .rounds = 16, \
	  .request = 100000, .answer = 1, .sndbuf = SIZE }

#define RCVBUF(SIZE, NAME) \
	{ .name = "100 KB back, SO_RCVBUF " NAME, .rounds = 16, \
	  .request = REQUEST, .answer = 100000, .rcvbuf = SIZE }

#define STREAM(PIECE, NAME) \
	{ .name = "1000 writes of " NAME ", NODELAY", .rounds = 4, \
	  .request = 1000 * PIECE, .request_piece = PIECE, .answer = 1, \
	  .no_delay = true }

#define FROM_FILE(BY, NAME, SIZE) \
	{ .name = NAME, .rounds = 32, .request = REQUEST, .answer = SIZE, \
	  .by = BY }

static const struct cell cells[] = {
	ECHO_OF(1, "1 B", 64),
	ECHO_OF(100, "100 B", 64),
	ECHO_OF(1000, "1 KB", 64),
	ECHO_OF(10000, "10 KB", 64),
	ECHO_OF(100000, "100 KB", 64),
	ECHO_OF(1000000, "1 MB", 8),
	ANSWER(1, "1 B", 64),
	ANSWER(100, "100 B", 64),
	ANSWER(1000, "1 KB", 64),
	ANSWER(10000, "10 KB", 64),
	ANSWER(100000, "100 KB", 64),
	ANSWER(1000000, "1 MB", 8),
	HEAD_AND_BODY(1000, "1 KB", 64),
	HEAD_AND_BODY(10000, "10 KB", 64),
	HEAD_AND_BODY(100000, "100 KB", 64),
	PIECES(10000, "10", 64),
	PIECES(100000, "100", 64),
	BOTH("write, write, read", .rounds = 64, .request = 200,
	     .request_piece = 100, .answer = 100),
	SNDBUF(1, "1"),
	SNDBUF(4096, "4096"),
	SNDBUF(8192, "8192"),
	SNDBUF(65536, "65536"),
	RCVBUF(1, "1"),
	RCVBUF(4096, "4096"),
	RCVBUF(8192, "8192"),
	RCVBUF(65536, "65536"),
	STREAM(1, "1 B"),
	STREAM(100, "100 B"),
	STREAM(1448, "1448 B"),
	{ .name = "5 MB in reads of 1000 B", .rounds = 2, .request = REQUEST,
	  .answer = 5000000, .answer_piece = 65536, .read_size = 1000 },
	FROM_FILE(BY_SENDFILE, "sendfile, 10 KB, count 1 MB", 10000),
	FROM_FILE(BY_SENDFILE, "sendfile, 100 KB, count 1 MB", 100000),
	FROM_FILE(BY_SPLICE, "splice, 10 KB, count 1 MB", 10000),
	FROM_FILE(BY_SPLICE, "splice, 100 KB, count 1 MB", 100000),
	FROM_FILE(BY_SPLICE_MORE, "splice, 100 KB, SPLICE_F_MORE", 100000),
	{ }
};

#endif
