// SPDX-License-Identifier: GPL-2.0
/*
 * Sets up reproducible packet loss: netem with a seed for its random numbers.
 *
 *   weather NETNS DEVICE DELAY_MS LOSS% REORDER% SEED [BYTES/S QUEUE]
 *
 * With a rate, the device sends so many bytes a second, and QUEUE packets may
 * wait.
 * With the same seed, packets with the same numbers are lost in every run. tc
 * supports seeds since iproute2 6.6, the kernel since 6.6; older kernels ignore
 * them.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NETEM_SEED	14	/* TCA_NETEM_PRNG_SEED; older headers lack it */
#define NS_PER_MS	1000000ll

struct request {
	struct nlmsghdr header;
	struct tcmsg tc;
	char attributes[256];
};

/* Returns the place of the next attribute. */
static struct rtattr *append(struct request *r, int type, const void *data,
			     int len)
{
	struct rtattr *a = (void *)((char *)r +
				    NLMSG_ALIGN(r->header.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->header.nlmsg_len = NLMSG_ALIGN(r->header.nlmsg_len) +
			      RTA_ALIGN(a->rta_len);
	return a;
}

/* Converts a percentage to netem's scale. */
static __u32 share(const char *percent)
{
	return strtod(percent, NULL) / 100 * UINT_MAX;
}

static void describe(struct request *r, int argc, char **argv)
{
	struct tc_netem_rate rate = {};
	__s64 delay = atoi(argv[2]) * NS_PER_MS;
	__u64 seed = strtoull(argv[5], NULL, 10);
	struct tc_netem_reorder reorder = {
		.probability = share(argv[4]),
	};
	struct tc_netem_qopt options = {
		.limit = 100000,
		.loss = share(argv[3]),
		.gap = reorder.probability ? 1 : 0,
	};
	struct rtattr *all;

	if (argc > 6) {
		rate.rate = strtoul(argv[6], NULL, 10);
		options.limit = strtoul(argv[7], NULL, 10);
	}
	r->header.nlmsg_len = NLMSG_LENGTH(sizeof(r->tc));
	r->header.nlmsg_type = RTM_NEWQDISC;
	r->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE |
				NLM_F_REPLACE;
	r->tc.tcm_ifindex = if_nametoindex(argv[1]);
	r->tc.tcm_parent = TC_H_ROOT;
	append(r, TCA_KIND, "netem", sizeof("netem"));
	all = append(r, TCA_OPTIONS, &options, sizeof(options));
	append(r, TCA_NETEM_LATENCY64, &delay, sizeof(delay));
	append(r, TCA_NETEM_REORDER, &reorder, sizeof(reorder));
	append(r, TCA_NETEM_RATE, &rate, sizeof(rate));
	append(r, NETEM_SEED, &seed, sizeof(seed));
	all->rta_len = (char *)r + r->header.nlmsg_len - (char *)all;
}

static void enter(const char *netns)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[1024];
	} answer;
	struct request r = {};
	int fd;

	if (argc != 7 && argc != 9)
		errx(2, "weather NETNS DEVICE DELAY_MS LOSS%% REORDER%% SEED "
		     "[BYTES/S QUEUE]");
	enter(argv[1]);
	describe(&r, argc - 1, argv + 1);
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (fd < 0 || send(fd, &r, r.header.nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		err(1, "netlink");
	if (answer.error.error)
		errx(1, "netem: %s", strerror(-answer.error.error));
	return 0;
}
