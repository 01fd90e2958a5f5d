// SPDX-License-Identifier: GPL-2.0
/*
 * Groups of listeners (SO_REUSEPORT): programs that choose one, and CPUs that
 * belong to one.
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "api_test.h"

#define SO_NUMBER_DETACH_RP	68	/* SO_DETACH_REUSEPORT_BPF */

static int load_program(struct bpf_insn *code, int count)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = count,
		.insns = (uintptr_t)code, .license = (uintptr_t)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

#define MEMBERS	4
#define CALLS	20

struct group {
	int listener[MEMBERS];
	int port;
};

static struct group new_group(int members)
{
	struct group g = {};

	for (int i = 0; i < members; i++) {
		struct sockaddr_in here = at(LOCALHOST, g.port);

		g.listener[i] = new_socket(SOCK_NONBLOCK);
		set_int(g.listener[i], SOL_SOCKET, SO_REUSEPORT, 1);
		if (bind(g.listener[i], (void *)&here, sizeof(here)) ||
		    listen(g.listener[i], 2 * CALLS))
			abort();
		g.port = port_of(g.listener[i]);
	}
	return g;
}

/* How many of CALLS connections one member of the group gets. */
static int calls_for(struct group *g, int members, int member)
{
	int got = 0, all = 0;

	for (int i = 0; i < CALLS; i++)
		dial(g->port);
	while (all < CALLS) {
		for (int i = 0; i < members; i++) {
			int fd = accept(g->listener[i], NULL, NULL);

			if (fd < 0)
				continue;
			close(fd);
			all++;
			got += i == member;
		}
	}
	return got;
}

API_TEST(reuseport__classic_program)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 2);
	struct sock_fprog program = { .len = 1, .filter = &code };
	struct group g = new_group(MEMBERS);

	ASSERT_LT(calls_for(&g, MEMBERS, 2), CALLS);
	ASSERT_OK(setsockopt(g.listener[0], SOL_SOCKET,
			     SO_ATTACH_REUSEPORT_CBPF, &program,
			     sizeof(program)));
	ASSERT_EQ(CALLS, calls_for(&g, MEMBERS, 2));
	/* Nobody has this number: by the hash again. */
	code.k = 99;
	ASSERT_OK(setsockopt(g.listener[1], SOL_SOCKET,
			     SO_ATTACH_REUSEPORT_CBPF, &program,
			     sizeof(program)));
	ASSERT_LT(calls_for(&g, MEMBERS, 2), CALLS);
	code.k = 3;
	ASSERT_OK(setsockopt(g.listener[1], SOL_SOCKET,
			     SO_ATTACH_REUSEPORT_CBPF, &program,
			     sizeof(program)));
	ASSERT_EQ(CALLS, calls_for(&g, MEMBERS, 3));
	ASSERT_OK(set_int(g.listener[3], SOL_SOCKET, SO_NUMBER_DETACH_RP,
			  0));
	ASSERT_LT(calls_for(&g, MEMBERS, 3), CALLS);
	ASSERT_ERRNO(ENOENT, set_int(g.listener[3], SOL_SOCKET,
				     SO_NUMBER_DETACH_RP, 0));
}

/* The program sees the transport header as its payload's offset 0 says. */
API_TEST(reuseport__program_sees_the_payload)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),	/* a SYN has none */
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = { .len = 2, .filter = code };
	struct group g = new_group(MEMBERS);

	ASSERT_OK(setsockopt(g.listener[0], SOL_SOCKET,
			     SO_ATTACH_REUSEPORT_CBPF, &program,
			     sizeof(program)));
	ASSERT_EQ(CALLS, calls_for(&g, MEMBERS, 0));
}

API_TEST(reuseport__extended_program)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0,
		  .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = load_program(code, 2);
	struct group g = new_group(MEMBERS);

	if (program < 0 && errno == ENOSYS)
		SKIP(return, "no bpf() in this kernel");
	ASSERT_GE(program, 0);
	ASSERT_OK(set_int(g.listener[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF,
			  program));
	ASSERT_EQ(CALLS, calls_for(&g, MEMBERS, 1));
}

/* A listener that has gone gets nothing; another one takes its number. */
API_TEST(reuseport__members_come_and_go)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 1);
	struct sock_fprog program = { .len = 1, .filter = &code };
	struct group g = new_group(MEMBERS);

	ASSERT_OK(setsockopt(g.listener[0], SOL_SOCKET,
			     SO_ATTACH_REUSEPORT_CBPF, &program,
			     sizeof(program)));
	ASSERT_EQ(CALLS, calls_for(&g, MEMBERS, 1));
	close(g.listener[1]);
	g.listener[1] = g.listener[3];	/* the last one's place is filled */
	ASSERT_EQ(CALLS, calls_for(&g, MEMBERS - 1, 1));
	ASSERT_OK(shutdown(g.listener[0], SHUT_RD));
	ASSERT_OK(listen(g.listener[0], 2 * CALLS));
	calls_for(&g, MEMBERS - 1, 1);
}

API_TEST(reuseport__program_needs_a_group)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &code };
	int fd = listening(1);

	ASSERT_ERRNO(EINVAL, setsockopt(fd, SOL_SOCKET,
					SO_ATTACH_REUSEPORT_CBPF, &program,
					sizeof(program)));
	ASSERT_ERRNO(EINVAL, set_int(fd, SOL_SOCKET, SO_NUMBER_DETACH_RP,
				     0));
}

static void run_on_first_cpu(void)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
}

API_TEST(reuseport__incoming_cpu)
{
	struct group g = new_group(2);
	struct utsname kernel;
	int major, minor;

	uname(&kernel);
	sscanf(kernel.release, "%d.%d", &major, &minor);
	if (major * 100 + minor < 602)
		SKIP(return, "groups do not look at the CPU in this kernel");
	run_on_first_cpu();
	ASSERT_OK(set_int(g.listener[0], SOL_SOCKET, SO_INCOMING_CPU, 1));
	ASSERT_OK(set_int(g.listener[1], SOL_SOCKET, SO_INCOMING_CPU, 0));
	ASSERT_EQ(CALLS, calls_for(&g, 2, 1));
	ASSERT_OK(set_int(g.listener[0], SOL_SOCKET, SO_INCOMING_CPU, 0));
	ASSERT_OK(set_int(g.listener[1], SOL_SOCKET, SO_INCOMING_CPU, 1));
	ASSERT_EQ(CALLS, calls_for(&g, 2, 0));
}

API_TEST(options__incoming_cpu_of_the_last_packet)
{
	struct pair pair;
	char byte;

	run_on_first_cpu();
	pair = new_pair();
	ASSERT_EQ(-1, get_int(new_socket(0), SOL_SOCKET, SO_INCOMING_CPU));
	send_all(pair.client, "x", 1);
	recv_all(pair.server, &byte, 1);
	ASSERT_EQ(0, get_int(pair.server, SOL_SOCKET, SO_INCOMING_CPU));
}

TEST_HARNESS_MAIN
