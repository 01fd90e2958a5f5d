/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A bad network on lo: a thread captures segments and sends altered copies:
 * duplicated, late, with other flags or numbers, with both ends swapped, or
 * quoted in an ICMP error. Another thread reads all tables. If the kernel
 * supports fault injection, some allocations fail.
 */
#ifndef TOYTCP_SELFTESTS_WEATHER_H
#define TOYTCP_SELFTESTS_WEATHER_H

#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>

#include "api.h"

static volatile bool calm;	/* the disturbance is over */

/* Rounds have no time limit; only the whole test has one. */
static void finish_slow(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
}

/* A thread's random numbers, the same in each run except for scheduling. */
static unsigned int draw(unsigned int *seed, unsigned int below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % below;
}

static uint32_t add_up(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? byte[i] : byte[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static void set_sum(struct iphdr *ip, struct tcphdr *tcp, size_t len)
{
	uint32_t sum = add_up(&ip->saddr, 8, ip->protocol + len);

	tcp->check = 0;
	tcp->check = fold(add_up(tcp, len, sum));
}

static void bend(struct iphdr *ip, struct tcphdr *tcp, unsigned int *seed)
{
	uint8_t *flags = (uint8_t *)tcp + 13;
	uint32_t address = ip->saddr, seq = tcp->seq;
	uint16_t port = tcp->source;

	switch (draw(seed, 8)) {
	case 0:		/* unchanged: a duplicate */
		break;
	case 1:		/* reset: exact, or within the window */
		*flags = 0x04;
		tcp->seq = htonl(ntohl(seq) + draw(seed, 3));
		break;
	case 2:		/* from the other end, with its own numbers */
		ip->saddr = ip->daddr;
		ip->daddr = address;
		tcp->source = tcp->dest;
		tcp->dest = port;
		tcp->seq = tcp->ack_seq;
		tcp->ack_seq = seq;
		break;
	case 3:		/* a SYN in the middle of a connection */
		*flags = 0x02;
		break;
	case 4:		/* a FIN, before its time or once more */
		*flags ^= 0x01;
		break;
	case 5:		/* urgent */
		*flags |= 0x20;
		tcp->urg_ptr = htons(draw(seed, 2000));
		break;
	case 6:		/* old text, or text after a gap */
		tcp->seq = htonl(ntohl(seq) + draw(seed, 4000) - 2000);
		break;
	case 7:		/* an ACK of more, or of less */
		tcp->ack_seq = htonl(ntohl(tcp->ack_seq) +
				     draw(seed, 400) - 200);
		tcp->window = htons(draw(seed, 2000));
		break;
	}
}

static void send_error_about(int out, const struct iphdr *ip,
			     unsigned int *seed)
{
	static const uint8_t codes[] = {
		ICMP_FRAG_NEEDED, ICMP_PORT_UNREACH, ICMP_HOST_UNREACH,
		ICMP_PROT_UNREACH,
	};
	uint8_t packet[20 + 8 + 60 + 8];
	struct iphdr *outer = (void *)packet;
	struct icmphdr *icmp = (void *)(outer + 1);
	size_t quoted = ip->ihl * 4 + 8;
	struct sockaddr_in there = { .sin_family = AF_INET };

	memset(packet, 0, 28);
	outer->version = 4;
	outer->ihl = 5;
	outer->ttl = 64;
	outer->protocol = IPPROTO_ICMP;
	outer->saddr = ip->daddr;
	outer->daddr = ip->saddr;
	icmp->type = ICMP_DEST_UNREACH;
	icmp->code = codes[draw(seed, 4)];
	icmp->un.frag.mtu = htons(draw(seed, 2000));
	memcpy(icmp + 1, ip, quoted);
	icmp->checksum = fold(add_up(icmp, 8 + quoted, 0));
	there.sin_addr.s_addr = outer->daddr;
	sendto(out, packet, 28 + quoted, MSG_DONTWAIT, (void *)&there,
	       sizeof(there));
}

/* Frames on lo may be large; cut those too long to be sent back. */
static void answer(int out, uint8_t *packet, size_t len, unsigned int *seed)
{
	struct sockaddr_in there = { .sin_family = AF_INET };
	struct iphdr *ip = (void *)packet;
	struct tcphdr *tcp = (void *)(packet + ip->ihl * 4);

	if (len < 40 || ip->protocol != protocol)
		return;
	if (len > 1400)
		len = 1400;
	if (!draw(seed, 4)) {
		send_error_about(out, ip, seed);
		return;
	}
	bend(ip, tcp, seed);
	ip->tot_len = htons(len);
	set_sum(ip, tcp, len - ip->ihl * 4);
	there.sin_addr.s_addr = ip->daddr;
	sendto(out, packet, len, MSG_DONTWAIT, (void *)&there, sizeof(there));
}

static long blow(int fd)
{
	struct sockaddr_ll from;
	socklen_t from_len = sizeof(from);
	static uint8_t packet[65536] __attribute__((aligned(4)));
	int out = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	unsigned int seed = 1;
	ssize_t len;

	while (!calm) {
		len = recvfrom(fd, packet, sizeof(packet), MSG_DONTWAIT,
			       (void *)&from, &from_len);
		if (len < 0)
			pause_ms(1);
		else if (from.sll_pkttype != PACKET_OUTGOING &&
			 !draw(&seed, 8))
			answer(out, packet, len, &seed);
	}
	close(out);
	return 0;
}

static void read_file(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY);

	while (fd >= 0 && read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

/* Uses the thread's own file: /proc/net is that of the main thread. */
static long read_tables(int fd)
{
	static const char * const names[] = {
		"connections", "listeners", "events", "stats",
	};
	char path[64];

	for (unsigned int i = 0; !calm; i++) {
		snprintf(path, sizeof(path), "/proc/thread-self/net/toytcp/%s",
			 names[i % 4]);
		read_file(protocol == IPPROTO_TOYTCP ? path :
			  "/proc/thread-self/net/tcp");
		pause_ms(1);
	}
	return 0;
}

/* Makes one in a hundred atomic allocations fail, if the kernel can. */
static void set_fault(const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/kernel/debug/failslab/%s", name);
	if (!access(path, W_OK))
		write_file(path, value);
}

static void short_of_memory(bool on)
{
	set_fault("ignore-gfp-wait", "Y");
	set_fault("verbose", "0");
	set_fault("times", "2000");
	set_fault("probability", on ? "1" : "0");
}

struct weather {
	struct worker wind;
	struct worker reader;
	int lo;
};

static void begin_weather(struct weather *w)
{
	calm = false;
	if (protocol == IPPROTO_TOYTCP)
		write_file("/proc/sys/net/toytcp/events", "1");
	w->lo = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	short_of_memory(true);
	start(&w->wind, blow, w->lo);
	start(&w->reader, read_tables, -1);
}

static void end_weather(struct weather *w)
{
	calm = true;
	short_of_memory(false);
	finish_slow(&w->wind);
	finish_slow(&w->reader);
	close(w->lo);
}

/* Orphans that have lost their peer would keep the module for a while. */
static void abort_orphans(void)
{
	char line[512], command[200], local[64], remote[64];
	FILE *table;

	if (protocol != IPPROTO_TOYTCP)
		return;
	table = fopen("/proc/net/toytcp/connections", "r");
	while (table && fgets(line, sizeof(line), table)) {
		int fd = open("/proc/net/toytcp/connections", O_WRONLY);

		sscanf(line, "%63s %63s", local, remote);
		snprintf(command, sizeof(command), "abort %s %s", local, remote);
		if (write(fd, command, strlen(command)) < 0)
			errno = 0;	/* it has already ended */
		close(fd);
	}
	if (table)
		fclose(table);
}

#endif /* TOYTCP_SELFTESTS_WEATHER_H */
