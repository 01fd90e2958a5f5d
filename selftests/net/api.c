// SPDX-License-Identifier: GPL-2.0
/* Helpers of the socket-API tests; see api.h. */
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "api.h"

int protocol;

static void die(const char *what)
{
	fprintf(stderr, "# helper failed: %s: %s\n", what, strerror(errno));
	abort();
}

static int checked(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

/* Time, files, bytes. */

long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Has a timeout lasted as long as it should? On an emulated machine the clock
 * advances while jiffies, which timeouts count, wait for the host and then
 * catch up in one step, so this cannot be checked (6 ms were seen instead of
 * 50).
 */
bool passed_ms(long since, long least)
{
	const char *kernel = getenv("TOYTCP_KERNEL");
	bool emulated = kernel && strcmp(kernel, "debug");

	return emulated || now_ms() - since >= least;
}

void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

void write_file(const char *path, const char *text)
{
	int fd = checked(open(path, O_WRONLY), path);

	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(path);
	close(fd);
}

void fill_pattern(void *data, size_t len, unsigned int seed)
{
	uint8_t *byte = data;

	while (len--) {
		seed = seed * 1103515245 + 12345;
		*byte++ = seed >> 16;
	}
}

/* Sockets and pairs of them. */

struct sockaddr_in at(const char *address, int port)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = inet_addr(address),
	};
}

int new_socket(int flags)
{
	return checked(socket(AF_INET, SOCK_STREAM | flags, protocol),
		       "socket");
}

int bound(int port)
{
	struct sockaddr_in here = at(LOCALHOST, port);
	int fd = new_socket(0);

	checked(bind(fd, (void *)&here, sizeof(here)), "bind");
	return fd;
}

int listening(int backlog)
{
	int fd = bound(0);

	checked(listen(fd, backlog), "listen");
	return fd;
}

int port_of(int fd)
{
	struct sockaddr_in here;
	socklen_t len = sizeof(here);

	checked(getsockname(fd, (void *)&here, &len), "getsockname");
	return ntohs(here.sin_port);
}

int try_connect(int fd, int port)
{
	struct sockaddr_in there = at(LOCALHOST, port);

	return connect(fd, (void *)&there, sizeof(there));
}

int dial(int port)
{
	int fd = new_socket(0);

	checked(try_connect(fd, port), "connect");
	return fd;
}

int accept_one(int listener)
{
	wait_events(listener, POLLIN);
	return checked(accept(listener, NULL, NULL), "accept");
}

static struct pair pair_from(int listener)
{
	struct pair pair;

	pair.client = dial(port_of(listener));
	pair.server = accept_one(listener);
	close(listener);
	return pair;
}

struct pair new_pair(void)
{
	return pair_from(listening(1));
}

/* A pair with small buffers. */
struct pair small_pair(void)
{
	int listener = bound(0);
	struct pair pair;

	set_int(listener, SOL_SOCKET, SO_RCVBUF, 8192);
	checked(listen(listener, 1), "listen");
	pair = pair_from(listener);
	set_int(pair.client, SOL_SOCKET, SO_SNDBUF, 8192);
	return pair;
}

/* reset() - end a connection with RST */
void reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	checked(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)),
		"SO_LINGER");
	close(fd);
}

/* Properties of a socket. */

int get_int(int fd, int level, int option)
{
	socklen_t len = sizeof(int);
	int value = 0;

	checked(getsockopt(fd, level, option, &value, &len), "getsockopt");
	return value;
}

struct tcp_info info_of(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len))
		abort();
	return info;
}

int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

int error_of(int fd)
{
	return get_int(fd, SOL_SOCKET, SO_ERROR);
}

int state_of(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	checked(getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	return info.tcpi_state;
}

int queued(int fd)
{
	int bytes;

	checked(ioctl(fd, SIOCINQ, &bytes), "SIOCINQ");
	return bytes;
}

int unsent(int fd)
{
	int bytes;

	checked(ioctl(fd, SIOCOUTQ, &bytes), "SIOCOUTQ");
	return bytes;
}

void set_nonblocking(int fd, bool on)
{
	int flags = checked(fcntl(fd, F_GETFL), "F_GETFL") & ~O_NONBLOCK;

	checked(fcntl(fd, F_SETFL, flags | (on ? O_NONBLOCK : 0)), "F_SETFL");
}

/* Waiting and moving bytes. */

static short poll_for(int fd, short events, int timeout)
{
	struct pollfd one = { .fd = fd, .events = events };

	checked(poll(&one, 1, timeout), "poll");
	return one.revents;
}

short poll_now(int fd, short events)
{
	return poll_for(fd, events, 0);
}

short wait_events(int fd, short events)
{
	short seen = poll_for(fd, events, DEADLINE_MS);

	if (!seen) {
		errno = ETIMEDOUT;
		die("waiting for poll events");
	}
	return seen;
}

void send_all(int fd, const void *data, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

		checked(sent, "send");
		data += sent;
		len -= sent;
	}
}

void recv_all(int fd, void *data, size_t len)
{
	while (len) {
		ssize_t got;

		wait_events(fd, POLLIN);
		got = checked(recv(fd, data, len, 0), "recv");
		errno = EPIPE;
		checked(got ? 0 : -1, "recv before the end of stream");
		data += got;
		len -= got;
	}
}

/* stuff() - send a pattern until the socket permanently accepts no more */
size_t stuff(int fd)
{
	static uint8_t block[4096];
	size_t total = 0;

	for (;;) {
		ssize_t sent = send(fd, block, sizeof(block),
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			total += sent;
			continue;
		}
		if (errno != EAGAIN)
			die("stuff");
		if (!poll_for(fd, POLLOUT, 300))
			return total;
	}
}

void drain(int fd, size_t len)
{
	static uint8_t block[65536];

	while (len) {
		size_t part = len < sizeof(block) ? len : sizeof(block);

		recv_all(fd, block, part);
		len -= part;
	}
}

/* Threads. */

static void *run_worker(void *argument)
{
	struct worker *worker = argument;

	worker->tid = syscall(SYS_gettid);
	errno = 0;
	worker->result = worker->call(worker->fd);
	worker->error = errno;
	return NULL;
}

void start(struct worker *worker, long (*call)(int fd), int fd)
{
	*worker = (struct worker) { .call = call, .fd = fd };
	errno = pthread_create(&worker->thread, NULL, run_worker, worker);
	if (errno)
		die("pthread_create");
}

/* Is a thread asleep? The letter after the name in its stat file tells. */
static bool asleep(pid_t tid)
{
	char path[64], text[512] = "";
	const char *state;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	checked(read(fd, text, sizeof(text) - 1), path);
	close(fd);
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

/* start_asleep() - start, and return when the call sleeps */
void start_asleep(struct worker *worker, long (*call)(int fd), int fd)
{
	long deadline = now_ms() + DEADLINE_MS;

	start(worker, call, fd);
	while (!worker->tid || !asleep(worker->tid)) {
		errno = ETIMEDOUT;
		checked(now_ms() < deadline ? 0 : -1, "thread never slept");
		pause_ms(1);
	}
}

long finish(struct worker *worker)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += DEADLINE_MS / 1000;
	errno = pthread_timedjoin_np(worker->thread, NULL, &deadline);
	if (errno)
		die("thread still blocked");
	errno = worker->error;
	return worker->result;
}

/* The namespace. */

static void interface_flags_up(const char *name)
{
	struct ifreq request = {};
	int fd = checked(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	checked(ioctl(fd, SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
	request.ifr_flags |= IFF_UP;
	checked(ioctl(fd, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
	close(fd);
}

static void interface_address(const char *name, const char *address)
{
	struct sockaddr_in here = at(address, 0);
	struct sockaddr_in mask = at("255.255.255.0", 0);
	struct ifreq request = {};
	int fd = checked(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	memcpy(&request.ifr_addr, &here, sizeof(here));
	checked(ioctl(fd, SIOCSIFADDR, &request), "SIOCSIFADDR");
	memcpy(&request.ifr_netmask, &mask, sizeof(mask));
	checked(ioctl(fd, SIOCSIFNETMASK, &request), "SIOCSIFNETMASK");
	close(fd);
}

/* Guests with a read-only root may lack the device node: make one. */
static int open_tun(void)
{
	int fd = open("/dev/net/tun", O_RDWR);
	char path[64];

	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/tmp/tun.%d", getpid());
	checked(mknod(path, S_IFCHR | 0600, makedev(10, 200)), path);
	fd = checked(open(path, O_RDWR), path);
	unlink(path);
	return fd;
}

/* tun_up() - a /24 behind an interface without a reader: a black hole */
void tun_up(const char *name, const char *address)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open_tun();

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	checked(ioctl(fd, TUNSETIFF, &request), "TUNSETIFF");
	interface_address(name, address);
	interface_flags_up(name);
}

/* drop_privileges() - become nobody, without capabilities */
void drop_privileges(void)
{
	checked(setresgid(65534, 65534, 65534), "setresgid");
	checked(setresuid(65534, 65534, 65534), "setresuid");
}

/*
 * enter_namespace() - enter a new namespace; false if the module is not loaded.
 * A mere call of socket() would make the kernel run modprobe.
 */
bool enter_namespace(int proto)
{
	int fd;

	protocol = proto;
	if (proto == IPPROTO_TOYTCP && access("/proc/net/toytcp", F_OK))
		return false;
	signal(SIGPIPE, SIG_IGN);
	checked(unshare(CLONE_NEWNET), "unshare(CLONE_NEWNET): root needed");
	interface_flags_up("lo");
	fd = socket(AF_INET, SOCK_STREAM, proto);
	if (fd < 0 && errno == EPROTONOSUPPORT)
		return false;
	close(checked(fd, "socket"));
	return true;
}
