// SPDX-License-Identifier: GPL-2.0
/* Time stamps: of what arrived, and of what the peer has acknowledged. */
#include <time.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>

#include "api_test.h"

#define SO_NUMBER_TIMESTAMP_NEW		63
#define SO_NUMBER_TIMESTAMPNS_NEW	64
#define SO_NUMBER_TIMESTAMPING_NEW	65

/* recv() of up to @len bytes; @find: the type of the first control message. */
static ssize_t recv_control(int fd, void *text, size_t len, int flags,
			    int *type, void *value, size_t size)
{
	char control[512];
	struct iovec iov = { .iov_base = text, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(fd, &msg, flags);
	struct cmsghdr *c = got < 0 ? NULL : CMSG_FIRSTHDR(&msg);

	*type = c ? c->cmsg_type : 0;
	if (c && value)
		memcpy(value, CMSG_DATA(c), size);
	/* One each: the last segment's. */
	if (c && (CMSG_NXTHDR(&msg, c) || msg.msg_flags & MSG_CTRUNC))
		*type = -1;
	return got;
}

/*
 * The kernel begins to stamp packets some time after the first socket has asked
 * for it.
 */
static void expect_stamp(struct __test_metadata *_metadata, int option,
			 int flags)
{
	struct pair pair = new_pair();
	long long stamp[6] = {};
	char text[8];
	int type = 0;

	ASSERT_OK(set_int(pair.server, SOL_SOCKET, option, flags));
	wait_until(({
		send_all(pair.client, "ab", 2);
		wait_events(pair.server, POLLIN);
		ASSERT_GE(recv_control(pair.server, text, 8, 0, &type, stamp,
				       sizeof(stamp[0])), 1);
		type; }));
	ASSERT_EQ(option, type);
	ASSERT_LE(time(NULL) - 60, stamp[0]);
	ASSERT_GE(time(NULL) + 1, stamp[0]);
	ASSERT_OK(set_int(pair.server, SOL_SOCKET, option, 0));
	send_all(pair.client, "c", 1);
	wait_events(pair.server, POLLIN);
	recv_control(pair.server, text, 8, 0, &type, NULL, 0);
	ASSERT_EQ(0, type);
}

API_TEST(stamps__of_what_arrived)
{
	static const int options[] = {
		SO_TIMESTAMP, SO_TIMESTAMPNS, SO_NUMBER_TIMESTAMP_NEW,
		SO_NUMBER_TIMESTAMPNS_NEW,
	};

	for (int i = 0; i < ARRAY_SIZE(options); i++)
		expect_stamp(_metadata, options[i], 1);
}

API_TEST(stamps__timestamping)
{
	int flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;

	expect_stamp(_metadata, SO_TIMESTAMPING, flags);
	expect_stamp(_metadata, SO_NUMBER_TIMESTAMPING_NEW, flags);
}

/* A listener's option holds for the connections it accepts. */
API_TEST(stamps__inherited)
{
	int listener = bound(0), client, server, type = 0;
	char byte;

	ASSERT_OK(set_int(listener, SOL_SOCKET, SO_TIMESTAMP, 1));
	ASSERT_OK(listen(listener, 1));
	client = dial(port_of(listener));
	server = accept_one(listener);
	close(listener);
	wait_until(({
		send_all(client, "a", 1);
		wait_events(server, POLLIN);
		ASSERT_EQ(1, recv_control(server, &byte, 1, 0, &type, NULL,
					  0));
		type == SO_TIMESTAMP; }));
}

/* Many segments in one read: there is one message, of the last of them. */
API_TEST(stamps__of_the_last_segment)
{
	struct pair pair = new_pair();
	long long first[2], last[2];
	static char text[64000];
	int type = 0, n = 0;

	ASSERT_OK(set_int(pair.server, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	ASSERT_OK(set_int(pair.client, SOL_TCP, TCP_NODELAY, 1));
	wait_until(({
		send_all(pair.client, "a", 1);
		wait_events(pair.server, POLLIN);
		recv_control(pair.server, text, 1, 0, &type, first,
			     sizeof(first));
		type; }));
	send_all(pair.client, text, 30000);
	wait_until(queued(pair.server) == 30000);
	pause_ms(50);
	send_all(pair.client, text, 30000);
	wait_until(queued(pair.server) == 60000);
	n = recv_control(pair.server, text, 60000, MSG_PEEK, &type, last,
			 sizeof(last));
	ASSERT_EQ(60000, n);
	ASSERT_EQ(SO_TIMESTAMPNS, type);
	ASSERT_GT(last[0] * 1000 + last[1] / 1000000,
		  first[0] * 1000 + first[1] / 1000000 + 25);
}

struct report {
	struct sock_extended_err err;
	long long stamp[6];
	bool stamped;
};

static bool read_report(int fd, struct report *report)
{
	char control[512], text[256];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;

	memset(report, 0, sizeof(*report));
	if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR)
			memcpy(&report->err, CMSG_DATA(c),
			       sizeof(report->err));
		if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SO_TIMESTAMPING)
			report->stamped = true;
	}
	return true;
}

/* When the peer has acknowledged the last byte of what was sent. */
API_TEST(stamps__acknowledged)
{
	int flags = SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE |
		SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
	struct pair pair = new_pair();
	static char text[100000];
	struct report report;

	ASSERT_OK(set_int(pair.client, SOL_SOCKET, SO_TIMESTAMPING, flags));
	send_all(pair.client, "0123456789", 10);
	ASSERT_TRUE(wait_events(pair.client, 0) & POLLERR);
	ASSERT_TRUE(read_report(pair.client, &report));
	ASSERT_EQ(ENOMSG, report.err.ee_errno);
	ASSERT_EQ(SO_EE_ORIGIN_TIMESTAMPING, report.err.ee_origin);
	ASSERT_EQ(SCM_TSTAMP_ACK, report.err.ee_info);
	ASSERT_EQ(9, report.err.ee_data);
	ASSERT_TRUE(report.stamped);
	ASSERT_FALSE(read_report(pair.client, &report));
	send_all(pair.client, text, sizeof(text));
	drain(pair.server, sizeof(text) + 10);
	wait_until(read_report(pair.client, &report));
	ASSERT_EQ(sizeof(text) + 9, report.err.ee_data);
	/* What is never acknowledged is not reported. */
	wait_until(unsent(pair.client) == 0);
	ASSERT_FALSE(read_report(pair.client, &report));
}

API_TEST(stamps__not_acknowledged)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &none };
	int flags = SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE;
	struct pair pair = new_pair();
	struct report report;

	ASSERT_OK(setsockopt(pair.server, SOL_SOCKET, SO_ATTACH_FILTER,
			     &program, sizeof(program)));
	ASSERT_OK(set_int(pair.client, SOL_SOCKET, SO_TIMESTAMPING, flags));
	send_all(pair.client, "x", 1);
	ASSERT_FALSE(read_report(pair.client, &report));
	ASSERT_OK(setsockopt(pair.server, SOL_SOCKET, SO_DETACH_FILTER,
			     &program, sizeof(program)));
	reset(pair.server);
	wait_events(pair.client, POLLHUP);
	ASSERT_FALSE(read_report(pair.client, &report));
}

/* Asked for by one sendmsg() alone. */
API_TEST(stamps__by_control_message)
{
	char control[CMSG_SPACE(4)] = {};
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	struct pair pair = new_pair();
	struct report report;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SO_TIMESTAMPING;
	c->cmsg_len = CMSG_LEN(4);
	*(int *)CMSG_DATA(c) = SOF_TIMESTAMPING_TX_ACK;
	ASSERT_OK(set_int(pair.client, SOL_SOCKET, SO_TIMESTAMPING,
			  SOF_TIMESTAMPING_SOFTWARE));
	ASSERT_EQ(1, sendmsg(pair.client, &msg, 0));
	wait_until(read_report(pair.client, &report));
	ASSERT_EQ(SCM_TSTAMP_ACK, report.err.ee_info);
	send_all(pair.client, "y", 1);
	wait_until(unsent(pair.client) == 0);
	ASSERT_FALSE(read_report(pair.client, &report));
	c->cmsg_type = 9999;
	ASSERT_ERRNO(EINVAL, sendmsg(pair.client, &msg, 0));
}

TEST_HARNESS_MAIN
