// SPDX-License-Identifier: GPL-2.0
/*
 * No option succeeds and does nothing. The list below has every option and flag
 * that toytcp takes, and where its effect is observed; what TCP takes and
 * toytcp does not is refused, with the error in the second list. The tests that
 * follow observe effects that no other program does: reading a value back is
 * none.
 */
#include <linux/bpf.h>
#include <net/ethernet.h>
#include <net/route.h>
#include <netpacket/packet.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "api_test.h"

#define SO_NUMBER_BUF_LOCK	72
#define OPTION_NUMBERS		100	/* at each level: all there are */

struct known {
	int level, option;
	const char *observed;	/* where; NULL: TCP does nothing, either */
};

static const struct known known[] = {
	{ SOL_SOCKET, 1, NULL },	/* SO_DEBUG */
	{ SOL_SOCKET, SO_REUSEADDR, "api_bind" },
	{ SOL_SOCKET, SO_DONTROUTE, "options__dontroute" },
	{ SOL_SOCKET, SO_BROADCAST, NULL },
	{ SOL_SOCKET, SO_SNDBUF, "api_sockopt buffers__" },
	{ SOL_SOCKET, SO_RCVBUF, "api_sockopt buffers__" },
	{ SOL_SOCKET, SO_KEEPALIVE, "api_time" },
	{ SOL_SOCKET, SO_OOBINLINE, "api_oob" },
	{ SOL_SOCKET, 11, NULL },	/* SO_NO_CHECK */
	{ SOL_SOCKET, SO_PRIORITY, "options__priority_and_mark" },
	{ SOL_SOCKET, SO_LINGER, "api_shutdown" },
	{ SOL_SOCKET, 14, NULL },	/* SO_BSDCOMPAT */
	{ SOL_SOCKET, SO_REUSEPORT, "api_bind" },
	{ SOL_SOCKET, SO_PASSCRED, NULL },
	{ SOL_SOCKET, SO_RCVLOWAT, "api_sockopt lowat__" },
	{ SOL_SOCKET, SO_RCVTIMEO, "api_sockopt timeouts__" },
	{ SOL_SOCKET, SO_SNDTIMEO, "api_sockopt timeouts__" },
	{ SOL_SOCKET, SO_BINDTODEVICE, "api_bind, table.py" },
	{ SOL_SOCKET, SO_TIMESTAMP, "api_stamps" },
	{ SOL_SOCKET, SO_SNDBUFFORCE, "api_sockopt buffers__" },
	{ SOL_SOCKET, SO_RCVBUFFORCE, "api_sockopt buffers__" },
	{ SOL_SOCKET, 34, NULL },	/* SO_PASSSEC */
	{ SOL_SOCKET, SO_TIMESTAMPNS, "api_stamps" },
	{ SOL_SOCKET, SO_MARK, "options__priority_and_mark" },
	{ SOL_SOCKET, SO_TIMESTAMPING, "api_stamps" },
	{ SOL_SOCKET, SO_RXQ_OVFL, NULL },
	{ SOL_SOCKET, 41, NULL },	/* SO_WIFI_STATUS */
	{ SOL_SOCKET, SO_PEEK_OFF, "options__peek_off" },
	{ SOL_SOCKET, 43, NULL },	/* SO_NOFCS */
	{ SOL_SOCKET, SO_LOCK_FILTER, "api_sockopt filter__" },
	{ SOL_SOCKET, 45, NULL },	/* SO_SELECT_ERR_QUEUE */
	/* Needs a device whose driver can be polled; socket.c does it. */
	{ SOL_SOCKET, SO_BUSY_POLL, NULL },
	{ SOL_SOCKET, SO_MAX_PACING_RATE, "options__pacing_rate" },
	{ SOL_SOCKET, SO_INCOMING_CPU, "api_reuseport" },
	{ SOL_SOCKET, 53, NULL },	/* SO_CNX_ADVICE: a hint */
	{ SOL_SOCKET, SO_TXTIME, NULL },
	{ SOL_SOCKET, 62, "api_bind" },	/* SO_BINDTOIFINDEX */
	{ SOL_SOCKET, 63, "api_stamps" },
	{ SOL_SOCKET, 64, "api_stamps" },
	{ SOL_SOCKET, 65, "api_stamps" },
	{ SOL_SOCKET, 66, "api_sockopt timeouts__" },	/* SO_RCVTIMEO_NEW */
	{ SOL_SOCKET, 67, "api_sockopt timeouts__" },	/* SO_SNDTIMEO_NEW */
	{ SOL_SOCKET, 69, NULL },	/* SO_PREFER_BUSY_POLL */
	{ SOL_SOCKET, 70, NULL },	/* SO_BUSY_POLL_BUDGET */
	{ SOL_SOCKET, SO_NUMBER_BUF_LOCK, "options__buf_lock" },
	{ SOL_SOCKET, 73, NULL },	/* SO_RESERVE_MEM: a cgroup's */
	{ SOL_SOCKET, 74, NULL },	/* SO_TXREHASH: a choice of links */
	{ SOL_SOCKET, 75, NULL },	/* SO_RCVMARK */
	{ SOL_SOCKET, 76, NULL },	/* SO_PASSPIDFD */
	{ SOL_IP, IP_TOS, "api_sockopt ip__" },
	{ SOL_IP, IP_TTL, "api_sockopt ip__" },
	{ SOL_IP, IP_OPTIONS, "regressions.py" },
	{ SOL_IP, IP_RECVOPTS, NULL },
	{ SOL_IP, IP_RETOPTS, NULL },
	{ SOL_IP, IP_PKTINFO, "options__pktoptions" },
	{ SOL_IP, IP_MTU_DISCOVER, "pmtu.py" },
	{ SOL_IP, IP_RECVERR, "requirements.py" },
	{ SOL_IP, IP_RECVTTL, "options__pktoptions" },
	{ SOL_IP, IP_RECVTOS, "options__pktoptions" },
	{ SOL_IP, IP_FREEBIND, "api_bind" },
	{ SOL_IP, IP_PASSSEC, NULL },
	{ SOL_IP, IP_TRANSPARENT, "api_listen" },
	{ SOL_IP, IP_RECVORIGDSTADDR, NULL },
	{ SOL_IP, IP_MINTTL, "firewall.py" },
	{ SOL_IP, IP_CHECKSUM, NULL },
	{ SOL_IP, IP_BIND_ADDRESS_NO_PORT, "options__bind_address_no_port" },
	{ SOL_IP, 26, NULL },		/* IP_RECVERR_RFC4884 */
	{ SOL_IP, IP_MULTICAST_LOOP, NULL },
	{ SOL_IP, IP_MULTICAST_ALL, NULL },
	{ SOL_IP, IP_UNICAST_IF, NULL },
	{ SOL_IP, 51, "api_connect" },	/* IP_LOCAL_PORT_RANGE */
	{ SOL_TCP, TCP_NODELAY, "api_data" },
	{ SOL_TCP, TCP_MAXSEG, "api_tcpopt" },
	{ SOL_TCP, TCP_CORK, "api_data" },
	{ SOL_TCP, TCP_KEEPIDLE, "api_time" },
	{ SOL_TCP, TCP_KEEPINTVL, "api_time" },
	{ SOL_TCP, TCP_KEEPCNT, "api_time" },
	{ SOL_TCP, TCP_SYNCNT, "api_time" },
	{ SOL_TCP, TCP_LINGER2, "api_tcpopt" },
	{ SOL_TCP, TCP_DEFER_ACCEPT, "api_listen" },
	{ SOL_TCP, TCP_QUICKACK, "worked_example.py" },
	{ SOL_TCP, TCP_USER_TIMEOUT, "api_time" },
};

/* What TCP takes and toytcp refuses: listed in toytcp(7). */
static const struct refused {
	int level, option, error;
} refused[] = {
	{ SOL_SOCKET, SO_ZEROCOPY, EOPNOTSUPP },
	{ SOL_SOCKET, 80, EBADF },	/* SO_DEVMEM_DONTNEED */
	{ SOL_TCP, TCP_WINDOW_CLAMP, ENOPROTOOPT },
	{ SOL_TCP, 14, ENOPROTOOPT },	/* TCP_MD5SIG */
	{ SOL_TCP, 16, ENOPROTOOPT },	/* TCP_THIN_LINEAR_TIMEOUTS */
	{ SOL_TCP, 17, ENOPROTOOPT },	/* TCP_THIN_DUPACK */
	{ SOL_TCP, 19, ENOPROTOOPT },	/* TCP_REPAIR */
	{ SOL_TCP, 20, ENOPROTOOPT },	/* TCP_REPAIR_QUEUE */
	{ SOL_TCP, 21, ENOPROTOOPT },	/* TCP_QUEUE_SEQ */
	{ SOL_TCP, 22, ENOPROTOOPT },	/* TCP_REPAIR_OPTIONS */
	{ SOL_TCP, 23, ENOPROTOOPT },	/* TCP_FASTOPEN */
	{ SOL_TCP, 24, ENOPROTOOPT },	/* TCP_TIMESTAMP */
	{ SOL_TCP, 25, ENOPROTOOPT },	/* TCP_NOTSENT_LOWAT */
	{ SOL_TCP, 27, ENOPROTOOPT },	/* TCP_SAVE_SYN */
	{ SOL_TCP, 29, ENOPROTOOPT },	/* TCP_REPAIR_WINDOW */
	{ SOL_TCP, 30, ENOPROTOOPT },	/* TCP_FASTOPEN_CONNECT */
	{ SOL_TCP, 31, ENOPROTOOPT },	/* TCP_ULP */
	{ SOL_TCP, 32, ENOPROTOOPT },	/* TCP_MD5SIG_EXT */
	{ SOL_TCP, 33, ENOPROTOOPT },	/* TCP_FASTOPEN_KEY */
	{ SOL_TCP, 34, ENOPROTOOPT },	/* TCP_FASTOPEN_NO_COOKIE */
	{ SOL_TCP, 36, ENOPROTOOPT },	/* TCP_INQ */
	{ SOL_TCP, 37, ENOPROTOOPT },	/* TCP_TX_DELAY */
	{ SOL_TCP, 38, ENOPROTOOPT },	/* TCP_AO_ADD_KEY */
	{ SOL_TCP, 39, ENOPROTOOPT },	/* TCP_AO_DEL_KEY */
	{ SOL_TCP, 40, ENOPROTOOPT },	/* TCP_AO_INFO */
	{ SOL_TCP, 42, ENOPROTOOPT },	/* TCP_AO_REPAIR */
};

static const struct known *find_known(int level, int option)
{
	for (int i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].level == level && known[i].option == option)
			return &known[i];
	return NULL;
}

static const struct refused *find_refused(int level, int option)
{
	for (int i = 0; i < ARRAY_SIZE(refused); i++)
		if (refused[i].level == level && refused[i].option == option)
			return &refused[i];
	return NULL;
}

/* 0 if a new socket takes the option with a value of some size, or an errno. */
static int error_of_setting(int proto, int level, int option)
{
	static const socklen_t sizes[] = { 4, 8, 16, 12, 64, 136 };
	int value[64] = { 1 }, error = 0;

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd = socket(AF_INET, SOCK_STREAM, proto);

		error = setsockopt(fd, level, option, value, sizes[i]) ?
			errno : 0;
		close(fd);
		if (error != EINVAL)
			return error;
	}
	return error;
}

API_TEST(options__none_succeeds_in_silence)
{
	static const int levels[] = { SOL_SOCKET, SOL_IP, SOL_TCP };
	int failed = 0;

	if (variant->protocol == IPPROTO_TCP)
		SKIP(return, "compares toytcp with TCP");
	for (int i = 0; i < ARRAY_SIZE(levels) * OPTION_NUMBERS; i++) {
		int level = levels[i / OPTION_NUMBERS];
		int option = i % OPTION_NUMBERS;
		const struct refused *r = find_refused(level, option);
		int theirs = error_of_setting(IPPROTO_TCP, level, option);
		int ours = error_of_setting(protocol, level, option);
		bool taken = !ours && !r && find_known(level, option);

		if ((r && ours == r->error) || (ours && ours == theirs) || taken)
			continue;
		TH_LOG("level %d option %d: TCP: %s, toytcp: %s", level,
		       option, strerror(theirs), strerror(ours));
		failed++;
	}
	ASSERT_EQ(0, failed);
}

API_TEST(options__peek_off)
{
	struct pair pair = new_pair();
	char text[8];

	if (set_int(pair.server, SOL_SOCKET, SO_PEEK_OFF, 0)) {
		ASSERT_EQ(EOPNOTSUPP, errno);
		ASSERT_EQ(IPPROTO_TCP, variant->protocol);
		SKIP(return, "TCP has no SO_PEEK_OFF in this kernel");
	}
	send_all(pair.client, "abcdefgh", 8);
	wait_until(queued(pair.server) == 8);
	ASSERT_EQ(2, recv(pair.server, text, 2, MSG_PEEK));
	ASSERT_EQ(0, memcmp(text, "ab", 2));
	ASSERT_EQ(3, recv(pair.server, text, 3, MSG_PEEK));
	ASSERT_EQ(0, memcmp(text, "cde", 3));
	ASSERT_EQ(5, get_int(pair.server, SOL_SOCKET, SO_PEEK_OFF));
	/* A read moves on what is peeked at next, not the distance to it. */
	ASSERT_EQ(1, recv(pair.server, text, 1, 0));
	ASSERT_EQ('a', text[0]);
	ASSERT_EQ(4, get_int(pair.server, SOL_SOCKET, SO_PEEK_OFF));
	ASSERT_EQ(3, recv(pair.server, text, 8, MSG_PEEK));
	ASSERT_EQ(0, memcmp(text, "fgh", 3));
	ASSERT_ERRNO(EAGAIN, recv(pair.server, text, 8,
				  MSG_PEEK | MSG_DONTWAIT));
	ASSERT_EQ(7, recv(pair.server, text, 8, 0));
	ASSERT_EQ(0, get_int(pair.server, SOL_SOCKET, SO_PEEK_OFF));
	ASSERT_OK(set_int(pair.server, SOL_SOCKET, SO_PEEK_OFF, -1));
	send_all(pair.client, "ij", 2);
	wait_until(queued(pair.server) == 2);
	ASSERT_EQ(2, recv(pair.server, text, 8, MSG_PEEK));
	ASSERT_EQ(2, recv(pair.server, text, 8, MSG_PEEK));
	ASSERT_EQ(-1, get_int(pair.server, SOL_SOCKET, SO_PEEK_OFF));
}

/* What came with the ACK that opened the connection. */
API_TEST(options__pktoptions)
{
	static const int options[] = { IP_PKTINFO, IP_RECVTTL, IP_RECVTOS };
	static const int wanted[] = { 1, 33, 0x48 };

	for (int i = 0; i < ARRAY_SIZE(options); i++) {
		int listener = listening(1), client = new_socket(0), server;
		char control[256] = {};
		socklen_t len = sizeof(control);
		struct cmsghdr *c = (void *)control;

		ASSERT_OK(set_int(client, SOL_IP, IP_TTL, 33));
		ASSERT_OK(set_int(client, SOL_IP, IP_TOS, 0x48));
		ASSERT_OK(try_connect(client, port_of(listener)));
		server = accept_one(listener);
		ASSERT_OK(set_int(server, SOL_IP, options[i], 1));
		ASSERT_OK(getsockopt(server, SOL_IP, IP_PKTOPTIONS, control,
				     &len));
		ASSERT_GE(len, CMSG_LEN(sizeof(int)));
		ASSERT_EQ(SOL_IP, c->cmsg_level);
		ASSERT_EQ(wanted[i], *(int *)CMSG_DATA(c));
	}
}

/* 40 KB at 40 KB/s: nothing but the pacing slows them down. */
API_TEST(options__pacing_rate)
{
	int listener = listening(1), client = new_socket(0), server;
	static char text[400000];
	long before;

	if (variant->protocol == IPPROTO_TCP)
		SKIP(return, "TCP's may not end on Linux 6.1");
	/* TCP does not pace the first ten segments. */
	ASSERT_OK(set_int(client, SOL_TCP, TCP_MAXSEG, 1000));
	ASSERT_OK(set_int(client, SOL_SOCKET, SO_MAX_PACING_RATE, 40000));
	ASSERT_OK(try_connect(client, port_of(listener)));
	server = accept_one(listener);
	before = now_ms();
	send_all(client, text, 40000);
	drain(server, 40000);
	ASSERT_TRUE(passed_ms(before, 500));
	/* A higher rate holds at once: at the old one it would take 10 s. */
	ASSERT_OK(set_int(client, SOL_SOCKET, SO_MAX_PACING_RATE, -1));
	before = now_ms();
	send_all(client, text, sizeof(text));
	drain(server, sizeof(text));
	ASSERT_LT(now_ms() - before, 8000);
}

/* A neighbour's route leads on; without routing there are neighbours only. */
API_TEST(options__dontroute)
{
	struct sockaddr_in far = at("10.9.1.1", 7000);
	struct sockaddr_in gateway = at("10.9.0.2", 0);
	struct sockaddr_in mask = at("255.255.255.0", 0);
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };
	int fd = new_socket(SOCK_NONBLOCK), other = new_socket(SOCK_NONBLOCK);

	tun_up("tun0", "10.9.0.1");
	memcpy(&route.rt_gateway, &gateway, sizeof(gateway));
	memcpy(&route.rt_genmask, &mask, sizeof(mask));
	far.sin_addr.s_addr = inet_addr("10.9.1.0");
	memcpy(&route.rt_dst, &far, sizeof(far));
	ASSERT_OK(ioctl(fd, SIOCADDRT, &route));
	far.sin_addr.s_addr = inet_addr("10.9.1.1");
	ASSERT_OK(set_int(fd, SOL_SOCKET, SO_DONTROUTE, 1));
	ASSERT_ERRNO(ENETUNREACH, connect(fd, (void *)&far, sizeof(far)));
	ASSERT_ERRNO(EINPROGRESS, connect(other, (void *)&far, sizeof(far)));
}

/* A port is chosen by connect(), not by bind(). */
API_TEST(options__bind_address_no_port)
{
	struct sockaddr_in here = at("127.0.0.7", 0);
	int listener = listening(1), fd = new_socket(0);
	socklen_t len = sizeof(here);

	ASSERT_OK(set_int(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1));
	ASSERT_OK(bind(fd, (void *)&here, sizeof(here)));
	ASSERT_EQ(0, port_of(fd));
	ASSERT_OK(try_connect(fd, port_of(listener)));
	ASSERT_OK(getsockname(fd, (void *)&here, &len));
	ASSERT_EQ(inet_addr("127.0.0.7"), here.sin_addr.s_addr);
	ASSERT_NE(0, here.sin_port);
}

static long send_much(int fd)
{
	static char text[16 << 20];

	send_all(fd, text, sizeof(text));
	return 0;
}

static bool buffers_grow(struct pair pair)
{
	int before = get_int(pair.client, SOL_SOCKET, SO_SNDBUF) +
		get_int(pair.server, SOL_SOCKET, SO_RCVBUF);
	struct worker worker;

	start(&worker, send_much, pair.client);
	drain(pair.server, 16 << 20);
	finish(&worker);
	return before < get_int(pair.client, SOL_SOCKET, SO_SNDBUF) +
		get_int(pair.server, SOL_SOCKET, SO_RCVBUF);
}

API_TEST(options__buf_lock)
{
	struct pair pair = new_pair();

	if (set_int(pair.client, SOL_SOCKET, SO_NUMBER_BUF_LOCK, 3))
		SKIP(return, "no SO_BUF_LOCK in this kernel");
	ASSERT_OK(set_int(pair.server, SOL_SOCKET, SO_NUMBER_BUF_LOCK, 3));
	ASSERT_FALSE(buffers_grow(pair));
	ASSERT_TRUE(buffers_grow(new_pair()));
}

static int load_program(struct bpf_insn *code, int count)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = count,
		.insns = (uintptr_t)code, .license = (uintptr_t)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* A packet socket that gets as many bytes of a packet as a field of it says. */
static int listen_to_field(int offset)
{
	struct bpf_insn code[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 0,
		  .src_reg = 1, .off = offset },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct sockaddr_ll lo = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = 1,
	};
	int program = load_program(code, 2);
	int fd = socket(AF_PACKET, SOCK_DGRAM, 0);

	if (program < 0)
		return -1;
	if (set_int(fd, SOL_SOCKET, SO_ATTACH_BPF, program) ||
	    bind(fd, (void *)&lo, sizeof(lo)))
		abort();
	return fd;
}

API_TEST(options__priority_and_mark)
{
	int priorities = listen_to_field(offsetof(struct __sk_buff, priority));
	int marks = listen_to_field(offsetof(struct __sk_buff, mark));
	struct pair pair = new_pair();
	char packet[64];

	if (priorities < 0 && errno == ENOSYS)
		SKIP(return, "no bpf() in this kernel");
	ASSERT_OK(set_int(pair.client, SOL_SOCKET, SO_PRIORITY, 5));
	ASSERT_OK(set_int(pair.client, SOL_SOCKET, SO_MARK, 17));
	send_all(pair.client, "x", 1);
	wait_events(priorities, POLLIN);
	ASSERT_EQ(5, recv(priorities, packet, sizeof(packet), 0));
	wait_events(marks, POLLIN);
	ASSERT_EQ(17, recv(marks, packet, sizeof(packet), 0));
}

/* Flags of send(): as TCP without Fast Open and without zero-copy. */
API_TEST(flags__fastopen_is_refused)
{
	int listener = listening(1), fd = new_socket(0);
	struct sockaddr_in there = at(LOCALHOST, port_of(listener));

	if (variant->protocol == IPPROTO_TCP)
		write_file("/proc/sys/net/ipv4/tcp_fastopen", "0");
	ASSERT_ERRNO(EOPNOTSUPP, sendto(fd, "x", 1, MSG_FASTOPEN,
					(void *)&there, sizeof(there)));
	ASSERT_OK(try_connect(fd, port_of(listener)));
	ASSERT_EQ(1, send(fd, "x", 1, 0));
}

API_TEST(flags__zerocopy_copies)
{
	struct pair pair = new_pair();
	char text[4] = "abc";

	ASSERT_EQ(3, send(pair.client, text, 3, MSG_ZEROCOPY));
	memset(text, 0, 3);
	recv_all(pair.server, text, 3);
	ASSERT_EQ(0, memcmp(text, "abc", 3));
	ASSERT_ERRNO(EAGAIN, recv(pair.client, text, 3, MSG_ERRQUEUE));
}

API_TEST(flags__others_change_nothing)
{
	struct pair pair = new_pair();
	char text[4];

	ASSERT_EQ(3, send(pair.client, "abc", 3, MSG_DONTROUTE | MSG_CONFIRM |
			  MSG_EOR | MSG_NOSIGNAL));
	recv_all(pair.server, text, 3);
	ASSERT_EQ(0, memcmp(text, "abc", 3));
}

TEST_HARNESS_MAIN
