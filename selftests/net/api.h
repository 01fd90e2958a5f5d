/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers of the socket-API tests. Every test has a network namespace of its
 * own with only lo in it, so ports and sysctls are its own as well.
 *
 * A helper that fails says why and aborts, which the harness counts as a
 * failure; the subject of a test is asserted by the test itself.
 */
#ifndef TOYTCP_SELFTESTS_API_H
#define TOYTCP_SELFTESTS_API_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "../../include/uapi/linux/toytcp.h"

#define DEADLINE_MS	30000	/* limit for anything that must happen */
#define LOCALHOST	"127.0.0.1"

#ifndef SOL_TCP
#define SOL_TCP		6
#endif

/* States as in TCP_INFO; both protocols use the kernel's numbers. */
enum state {
	ESTABLISHED = 1, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT,
	CLOSED, CLOSE_WAIT, LAST_ACK, LISTENING, CLOSING,
};

struct pair {
	int client;
	int server;
};

/* A thread that makes one call on one socket. */
struct worker {
	pthread_t thread;
	volatile pid_t tid;
	long (*call)(int fd);
	int fd;
	long result;
	int error;
};

extern int protocol;

bool enter_namespace(int proto);

long now_ms(void);
bool passed_ms(long since, long least);
void pause_ms(int ms);
void write_file(const char *path, const char *text);
void fill_pattern(void *data, size_t len, unsigned int seed);

struct sockaddr_in at(const char *address, int port);
int new_socket(int flags);
int bound(int port);
int listening(int backlog);
int port_of(int fd);
int try_connect(int fd, int port);
int dial(int port);
int accept_one(int listener);
struct pair new_pair(void);
struct pair small_pair(void);
void reset(int fd);

int get_int(int fd, int level, int option);
struct tcp_info info_of(int fd);
int set_int(int fd, int level, int option, int value);
int error_of(int fd);
int state_of(int fd);
int queued(int fd);
int unsent(int fd);
void set_nonblocking(int fd, bool on);

short poll_now(int fd, short events);
short wait_events(int fd, short events);
void send_all(int fd, const void *data, size_t len);
void recv_all(int fd, void *data, size_t len);
size_t stuff(int fd);
void drain(int fd, size_t len);

void tun_up(const char *name, const char *address);
void drop_privileges(void);

void start(struct worker *worker, long (*call)(int fd), int fd);
void start_asleep(struct worker *worker, long (*call)(int fd), int fd);
long finish(struct worker *worker);

#endif /* TOYTCP_SELFTESTS_API_H */
