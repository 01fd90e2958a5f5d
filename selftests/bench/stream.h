/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets for the benchmark's programs. The command line gives the protocol and
 * the server's address. An error ends the program.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define STREAM_OPTIONS \
	"[--protocol N] [--congestion NAME] [--netns NAME] [--address A] [--port N]"

/*
 * Parses the options at the front of @argv. Returns the index of the first
 * argument that is not an option, or -1 if one is bad.
 */
int stream_options(int argc, char **argv);

int stream_socket(void);
void stream_connect(int fd);
void stream_no_delay(int fd);
int stream_accept(int listener);

void stream_write(int fd, const void *data, size_t length);

/* Reads up to @size bytes; returns 0 at the end of the stream. */
size_t stream_read(int fd, void *to, size_t size);

/*
 * Starts a child that listens in the server's network namespace and runs
 * @serve. Returns when it is listening.
 */
pid_t stream_server(void (*serve)(int listener, const void *arg),
		    const void *arg);

double stream_seconds(void);

#endif
