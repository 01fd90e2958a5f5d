// SPDX-License-Identifier: GPL-2.0
/* connect(2): success, failure, timeout, and connect(AF_UNSPEC). */
#include <linux/bpf.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "api_test.h"

#define NOWHERE		"10.1.1.2"	/* behind tun0, which has no reader */

static const struct sockaddr unspec = { .sa_family = AF_UNSPEC };

static int connect_to(int fd, const char *address, int port)
{
	struct sockaddr_in there = at(address, port);

	return connect(fd, (void *)&there, sizeof(there));
}

static long do_connect_nowhere(int fd)
{
	return connect_to(fd, NOWHERE, 80);
}

static int connecting(void)
{
	int fd = new_socket(SOCK_NONBLOCK);

	tun_up("tun0", "10.1.1.1");
	if (!connect_to(fd, NOWHERE, 80) || errno != EINPROGRESS)
		abort();
	return fd;
}

/* A port that this socket holds without listening. */
static int dead_port(void)
{
	return port_of(bound(0));
}

API_TEST(connect__blocking)
{
	int listener = listening(1), fd = new_socket(0);

	ASSERT_OK(try_connect(fd, port_of(listener)));
	ASSERT_EQ(ESTABLISHED, state_of(fd));
	ASSERT_GE(port_of(fd), 32768);
	ASSERT_ERRNO(EISCONN, try_connect(fd, port_of(listener)));
}

API_TEST(connect__nonblocking)
{
	int listener = listening(1), fd = new_socket(SOCK_NONBLOCK);

	ASSERT_ERRNO(EINPROGRESS, try_connect(fd, port_of(listener)));
	ASSERT_EQ(POLLOUT, wait_events(fd, POLLIN | POLLOUT));
	ASSERT_EQ(0, error_of(fd));
	ASSERT_OK(try_connect(fd, port_of(listener)));
	ASSERT_ERRNO(EISCONN, try_connect(fd, port_of(listener)));
}

API_TEST(connect__already)
{
	int fd = connecting();

	ASSERT_ERRNO(EALREADY, connect_to(fd, NOWHERE, 80));
	ASSERT_EQ(SYN_SENT, state_of(fd));
	ASSERT_EQ(0, poll_now(fd, POLLIN | POLLOUT));
	ASSERT_EQ(0, error_of(fd));
}

API_TEST(connect__send_and_recv_too_early)
{
	int fd = connecting();
	char byte = 0;

	ASSERT_ERRNO(EAGAIN, send(fd, &byte, 1, MSG_NOSIGNAL));
	ASSERT_ERRNO(EAGAIN, recv(fd, &byte, 1, 0));
}

API_TEST(connect__name_while_connecting)
{
	struct sockaddr_in name;
	socklen_t len = sizeof(name);
	int fd = connecting();

	ASSERT_ERRNO(ENOTCONN, getpeername(fd, (void *)&name, &len));
	ASSERT_OK(getsockname(fd, (void *)&name, &len));
	ASSERT_EQ(inet_addr("10.1.1.1"), name.sin_addr.s_addr);
}

API_TEST(connect__refused_blocking)
{
	int fd = new_socket(0);

	ASSERT_ERRNO(ECONNREFUSED, try_connect(fd, dead_port()));
	ASSERT_EQ(0, error_of(fd));
	ASSERT_EQ(CLOSED, state_of(fd));
}

API_TEST(connect__refused_nonblocking)
{
	int fd = new_socket(SOCK_NONBLOCK), port = dead_port();

	ASSERT_ERRNO(EINPROGRESS, try_connect(fd, port));
	wait_events(fd, POLLOUT);
	ASSERT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP,
		  poll_now(fd, POLLIN | POLLOUT | POLLRDHUP));
	ASSERT_EQ(ECONNREFUSED, error_of(fd));
	ASSERT_EQ(0, error_of(fd));
}

API_TEST(connect__refused_told_by_connect)
{
	int fd = new_socket(SOCK_NONBLOCK), port = dead_port();

	ASSERT_ERRNO(EINPROGRESS, try_connect(fd, port));
	wait_events(fd, POLLOUT);
	ASSERT_ERRNO(ECONNREFUSED, try_connect(fd, port));
}

API_TEST(connect__refused_told_by_recv)
{
	int fd = new_socket(SOCK_NONBLOCK), port = dead_port();
	char byte;

	ASSERT_ERRNO(EINPROGRESS, try_connect(fd, port));
	wait_events(fd, POLLOUT);
	ASSERT_ERRNO(ECONNREFUSED, recv(fd, &byte, 1, 0));
}

API_TEST(connect__again_after_refused)
{
	int listener = listening(1), fd = new_socket(0);

	ASSERT_ERRNO(ECONNREFUSED, try_connect(fd, dead_port()));
	ASSERT_OK(try_connect(fd, port_of(listener)));
	accept_one(listener);
}

API_TEST(connect__timed_out_by_syn_count)
{
	int fd = new_socket(0);

	tun_up("tun0", "10.1.1.1");
	ASSERT_OK(set_int(fd, SOL_TCP, TCP_SYNCNT, 1));
	ASSERT_ERRNO(ETIMEDOUT, do_connect_nowhere(fd));
	ASSERT_EQ(CLOSED, state_of(fd));
}

API_TEST(connect__timed_out_by_user_timeout)
{
	int fd = new_socket(SOCK_NONBLOCK);

	tun_up("tun0", "10.1.1.1");
	ASSERT_OK(set_int(fd, SOL_TCP, TCP_USER_TIMEOUT, 500));
	ASSERT_ERRNO(EINPROGRESS, do_connect_nowhere(fd));
	wait_events(fd, POLLOUT);
	ASSERT_EQ(ETIMEDOUT, error_of(fd));
}

API_TEST(connect__send_timeout)
{
	struct timeval brief = { .tv_usec = 50000 };
	int fd = new_socket(0);

	tun_up("tun0", "10.1.1.1");
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
	ASSERT_ERRNO(EINPROGRESS, do_connect_nowhere(fd));
	ASSERT_ERRNO(EALREADY, do_connect_nowhere(fd));
}

static void on_alarm(int signal)
{
}

API_TEST(connect__interrupted)
{
	struct itimerval often = { { .tv_usec = 20000 }, { .tv_usec = 20000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	int fd = new_socket(0);

	tun_up("tun0", "10.1.1.1");
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	ASSERT_ERRNO(EINTR, do_connect_nowhere(fd));
	set_nonblocking(fd, true);
	ASSERT_ERRNO(EALREADY, do_connect_nowhere(fd));
}

API_TEST(connect__shutdown_while_connecting)
{
	struct worker worker;
	int fd = new_socket(0);

	tun_up("tun0", "10.1.1.1");
	start_asleep(&worker, do_connect_nowhere, fd);
	ASSERT_OK(shutdown(fd, SHUT_RDWR));
	ASSERT_EQ(-1, finish(&worker));
	ASSERT_EQ(ECONNRESET, errno);
	ASSERT_EQ(CLOSED, state_of(fd));
}

API_TEST(connect__close_while_connecting)
{
	ASSERT_OK(close(connecting()));
}

API_TEST(connect__unspec_while_connecting)
{
	int listener = listening(1), fd = connecting();

	ASSERT_OK(connect(fd, &unspec, sizeof(unspec)));
	ASSERT_EQ(CLOSED, state_of(fd));
	set_nonblocking(fd, false);
	ASSERT_OK(try_connect(fd, port_of(listener)));
}

API_TEST(connect__unspec_fresh)
{
	int fd = new_socket(0);

	ASSERT_OK(connect(fd, &unspec, sizeof(unspec)));
	ASSERT_EQ(CLOSED, state_of(fd));
}

API_TEST(connect__unspec_resets_peer)
{
	struct pair pair = new_pair();
	struct sockaddr_in name;
	socklen_t len = sizeof(name);
	char byte;

	ASSERT_OK(connect(pair.client, &unspec, sizeof(unspec)));
	ASSERT_EQ(CLOSED, state_of(pair.client));
	ASSERT_ERRNO(ENOTCONN, getpeername(pair.client, (void *)&name, &len));
	ASSERT_OK(getsockname(pair.client, (void *)&name, &len));
	ASSERT_EQ(INADDR_ANY, name.sin_addr.s_addr);
	wait_events(pair.server, POLLIN);
	ASSERT_ERRNO(ECONNRESET, recv(pair.server, &byte, 1, 0));
}

API_TEST(connect__unspec_keeps_bound_port)
{
	int listener = listening(1), fd = bound(4000);

	ASSERT_OK(try_connect(fd, port_of(listener)));
	ASSERT_OK(connect(fd, &unspec, sizeof(unspec)));
	ASSERT_EQ(4000, port_of(fd));
	ASSERT_OK(listen(fd, 1));
	dial(4000);
	accept_one(fd);
}

/* Queues, half-close and errors are reset: the socket is like new. */
API_TEST(connect__unspec_then_all_anew)
{
	int listener = listening(4), fd = dial(port_of(listener)), peer;
	char text[4] = "";

	peer = accept_one(listener);
	send_all(peer, "old", 3);
	wait_events(fd, POLLIN);
	ASSERT_OK(shutdown(fd, SHUT_WR));
	ASSERT_OK(connect(fd, &unspec, sizeof(unspec)));
	ASSERT_EQ(ECONNRESET, error_of(fd));
	ASSERT_ERRNO(ENOTCONN, recv(fd, text, 3, 0));
	ASSERT_ERRNO(EPIPE, send(fd, text, 3, MSG_NOSIGNAL));
	ASSERT_OK(try_connect(fd, port_of(listener)));
	ASSERT_EQ(0, queued(fd));
	peer = accept_one(listener);
	send_all(fd, "new", 3);
	recv_all(peer, text, 3);
	ASSERT_STREQ("new", text);
	send_all(peer, "NEW", 3);
	recv_all(fd, text, 3);
	ASSERT_STREQ("NEW", text);
}

/* A sequence of calls that has broken more than one protocol module. */
API_TEST(connect__unspec_listen_accept)
{
	int listener = listening(4), fd = new_socket(0), child;

	for (int round = 0; round < 3; round++) {
		ASSERT_OK(try_connect(fd, port_of(listener)));
		close(accept_one(listener));
		ASSERT_OK(connect(fd, &unspec, sizeof(unspec)));
		ASSERT_OK(listen(fd, 4));
		dial(port_of(fd));
		dial(port_of(fd));
		child = accept_one(fd);
		ASSERT_OK(connect(fd, &unspec, sizeof(unspec)));
		ASSERT_EQ(ESTABLISHED, state_of(child));
		ASSERT_OK(connect(child, &unspec, sizeof(unspec)));
		ASSERT_OK(try_connect(child, port_of(listener)));
		close(accept_one(listener));
		ASSERT_OK(close(child));
	}
}

API_TEST(connect__itself)
{
	int fd = bound(0);
	char text[3] = "";

	ASSERT_OK(try_connect(fd, port_of(fd)));
	ASSERT_EQ(ESTABLISHED, state_of(fd));
	send_all(fd, "me", 2);
	recv_all(fd, text, 2);
	ASSERT_STREQ("me", text);
	ASSERT_OK(shutdown(fd, SHUT_WR));
	wait_events(fd, POLLHUP);
	ASSERT_EQ(0, recv(fd, text, 2, 0));
}

API_TEST(connect__any_is_loopback)
{
	int listener = listening(1), fd = new_socket(0);
	struct sockaddr_in name;
	socklen_t len = sizeof(name);

	ASSERT_OK(connect_to(fd, "0.0.0.0", port_of(listener)));
	ASSERT_OK(getpeername(fd, (void *)&name, &len));
	ASSERT_EQ(htonl(INADDR_LOOPBACK), name.sin_addr.s_addr);
}

API_TEST(connect__no_single_peer)
{
	tun_up("tun0", "10.1.1.1");
	ASSERT_ERRNO(ENETUNREACH, connect_to(new_socket(0), "10.1.1.255", 80));
	ASSERT_ERRNO(ENETUNREACH, connect_to(new_socket(0), "224.0.0.1", 80));
	ASSERT_ERRNO(ENETUNREACH,
		     connect_to(new_socket(0), "255.255.255.255", 80));
}

API_TEST(connect__no_route)
{
	int fd = new_socket(0), listener = listening(1);

	ASSERT_ERRNO(ENETUNREACH, connect_to(fd, "10.77.1.1", 80));
	ASSERT_OK(try_connect(fd, port_of(listener)));
}

API_TEST(connect__bad_address_argument)
{
	struct sockaddr_in6 other = { .sin6_family = AF_INET6 };
	struct sockaddr_in there = at(LOCALHOST, 80);
	int fd = new_socket(0);

	ASSERT_ERRNO(EINVAL, connect(fd, (void *)&there, 8));
	ASSERT_ERRNO(EINVAL, connect(fd, (void *)&there, 1));
	ASSERT_ERRNO(EFAULT, connect(fd, (void *)8, sizeof(there)));
	ASSERT_ERRNO(EAFNOSUPPORT, connect(fd, (void *)&other, sizeof(other)));
	there.sin_family = AF_UNIX;
	ASSERT_ERRNO(EAFNOSUPPORT, connect(fd, (void *)&there, sizeof(there)));
}

static int bound_sharing(int port)
{
	struct sockaddr_in here = at(LOCALHOST, port);
	int fd = new_socket(0);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, (void *)&here, sizeof(here)))
		abort();
	return fd;
}

API_TEST(connect__same_four_numbers)
{
	int listener = listening(4), other = listening(4);
	int first = bound_sharing(4000), second = bound_sharing(4000);

	ASSERT_OK(try_connect(first, port_of(listener)));
	ASSERT_ERRNO(EADDRNOTAVAIL, try_connect(second, port_of(listener)));
	ASSERT_OK(try_connect(second, port_of(other)));
}

API_TEST(connect__ports_exhausted)
{
	int listener = bound(0), other;

	write_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40003");
	ASSERT_OK(listen(listener, 8));
	other = dead_port();
	ASSERT_ERRNO(ECONNREFUSED, try_connect(new_socket(0), other));
	for (int i = 0; i < 3; i++)
		dial(port_of(listener));
	ASSERT_ERRNO(EADDRNOTAVAIL,
		     try_connect(new_socket(0), port_of(listener)));
}

API_TEST(connect__port_range_of_socket)
{
	int listener = listening(1), fd = new_socket(0);

	if (set_int(fd, SOL_IP, 51, 41000 << 16 | 41000))
		SKIP(return, "no IP_LOCAL_PORT_RANGE in this kernel");
	ASSERT_OK(try_connect(fd, port_of(listener)));
	ASSERT_EQ(41000, port_of(fd));
}

API_TEST(connect__port_zero_is_refused)
{
	ASSERT_ERRNO(ECONNREFUSED, try_connect(new_socket(0), 0));
}

/* --- cgroup programs --- */

#define CGROUP_ROOT	"/tmp/toytcp-cgroup"
#define CGROUP_OURS	CGROUP_ROOT "/toytcp-test"

static int load_refusal(enum bpf_prog_type of, enum bpf_attach_type type)
{
	/* r0 = 0; exit: "no" */
	const struct bpf_insn refuse[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = of,
		.expected_attach_type = type,
		.insns = (uintptr_t)refuse,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};

	return syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* Makes a cgroup's program refuse the call. */
static bool refuse_to(int cgroup, enum bpf_prog_type of,
		      enum bpf_attach_type type)
{
	union bpf_attr attr = {
		.target_fd = cgroup,
		.attach_bpf_fd = load_refusal(of, type),
		.attach_type = type,
	};

	return !syscall(__NR_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr));
}

static void leave_cgroup(int cgroup)
{
	close(cgroup);
	write_file(CGROUP_ROOT "/cgroup.procs", "0");
	rmdir(CGROUP_OURS);
	umount(CGROUP_ROOT);
	rmdir(CGROUP_ROOT);
}

static int enter_cgroup(void)
{
	mkdir(CGROUP_ROOT, 0700);
	if (mount("none", CGROUP_ROOT, "cgroup2", 0, NULL))
		return -1;
	mkdir(CGROUP_OURS, 0700);
	write_file(CGROUP_OURS "/cgroup.procs", "0");
	return open(CGROUP_OURS, O_RDONLY | O_DIRECTORY);
}

API_TEST(connect__a_cgroup_may_refuse_it)
{
	struct sockaddr_in any = at(LOCALHOST, 0);
	const enum bpf_prog_type of = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
	int listener = listening(1), cgroup = enter_cgroup();
	bool attached = refuse_to(cgroup, of, BPF_CGROUP_INET4_CONNECT) &&
			refuse_to(cgroup, of, BPF_CGROUP_INET4_BIND);
	int connected = try_connect(new_socket(0), port_of(listener));
	int error = errno;
	int bound = bind(new_socket(0), (struct sockaddr *)&any, sizeof(any));
	int bind_error = errno;

	if (cgroup >= 0)
		leave_cgroup(cgroup);
	if (!attached)
		SKIP(return, "no programs for cgroups here");
	ASSERT_EQ(-1, connected);
	ASSERT_EQ(EPERM, error);
	ASSERT_EQ(-1, bound);
	ASSERT_EQ(EPERM, bind_error);
}

API_TEST(connect__what_is_accepted_is_in_the_cgroup_of_its_listener)
{
	int cgroup = enter_cgroup(), listener = listening(1);
	int child = (dial(port_of(listener)), accept_one(listener)), value;
	bool attached = refuse_to(cgroup, BPF_PROG_TYPE_CGROUP_SOCKOPT,
				  BPF_CGROUP_GETSOCKOPT);
	socklen_t len = sizeof(value);
	int got = getsockopt(child, SOL_SOCKET, SO_MARK, &value, &len);
	int error = errno;

	if (cgroup >= 0)
		leave_cgroup(cgroup);
	if (!attached)
		SKIP(return, "no programs for cgroups here");
	ASSERT_EQ(-1, got);
	ASSERT_EQ(EPERM, error);
}

TEST_HARNESS_MAIN
