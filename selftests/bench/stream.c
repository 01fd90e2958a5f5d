// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "stream.h"

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
#include <time.h>
#include <unistd.h>

#define PORT 7000	/* unless another one is named */
#define NS_PER_S 1e9

static int protocol;
static const char *congestion;
static const char *netns;	/* the server's, if different */
static struct sockaddr_in server = {
	.sin_family = AF_INET,
};

double stream_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / NS_PER_S;
}

int stream_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		err(1, "socket of protocol %d", protocol);
	if (congestion && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION,
				     congestion, strlen(congestion)))
		err(1, "congestion control %s", congestion);
	return fd;
}

void stream_connect(int fd)
{
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)))
		err(1, "connect");
}

void stream_no_delay(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		err(1, "TCP_NODELAY");
}

int stream_accept(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		err(1, "accept");
	return fd;
}

void stream_write(int fd, const void *data, size_t length)
{
	while (length) {
		ssize_t n = send(fd, data, length, MSG_NOSIGNAL);

		if (n < 0)
			err(1, "send");
		data = (const char *)data + n;
		length -= n;
	}
}

size_t stream_read(int fd, void *to, size_t size)
{
	ssize_t n = recv(fd, to, size, 0);

	if (n < 0)
		err(1, "recv");
	return n;
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

static int listen_there(void)
{
	int on = 1;
	int fd;

	if (netns)
		enter_netns(netns);
	fd = stream_socket();
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&server, sizeof(server)) ||
	    listen(fd, 128))
		err(1, "listen");
	return fd;
}

pid_t stream_server(void (*serve)(int listener, const void *arg),
		    const void *arg)
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
		int listener;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		listener = listen_there();
		if (write(ready[1], "", 1) != 1)
			err(1, "telling the client");
		serve(listener, arg);
		exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		errx(1, "the server did not start");
	close(ready[0]);
	return child;
}

int stream_options(int argc, char **argv)
{
	const char *address = "127.0.0.1";
	int port = PORT;
	int i;

	for (i = 1; i + 1 < argc && !strncmp(argv[i], "--", 2); i += 2) {
		const char *option = argv[i] + 2;

		if (!strcmp(option, "protocol"))
			protocol = atoi(argv[i + 1]);
		else if (!strcmp(option, "congestion"))
			congestion = argv[i + 1];
		else if (!strcmp(option, "netns"))
			netns = argv[i + 1];
		else if (!strcmp(option, "address"))
			address = argv[i + 1];
		else if (!strcmp(option, "port"))
			port = atoi(argv[i + 1]);
		else
			return -1;
	}
	server.sin_port = htons(port);
	return inet_aton(address, &server.sin_addr) ? i : -1;
}
