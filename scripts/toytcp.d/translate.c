// SPDX-License-Identifier: GPL-2.0
/*
 * translate: a virtual cable between two network namespaces that turns toytcp
 * into TCP and TCP into toytcp.
 *
 *   translate PROTOCOL DEVICE NETNS NETNS
 *
 * Started by "toytcp translate". Each NETNS, the path of a namespace, gets a
 * TUN device of that name. Packets sent on one arrive on the other, with the
 * protocol numbers PROTOCOL and 6 swapped: in the packet's header or, in an
 * ICMP error, in the quoted header. The checksums are adjusted, not recomputed
 * (RFC 1624), so a damaged segment stays damaged. With PROTOCOL 6 nothing
 * changes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Offsets in the headers of IPv4, TCP and ICMP. */
#define IP_FRAGMENT		6
#define IP_TTL_PROTOCOL		8
#define IP_SUM			10
#define IP_HEADER_MIN		20
#define TCP_SUM			16
#define ICMP_SUM		2
#define ICMP_QUOTE		8

#define FRAGMENT_OFFSET		0x1fff
#define PACKET_MAX		65535
#define QUEUE			20000	/* packets: loses no bursts */
#define BATCH			64	/* packets, then the other end */

static int toytcp;

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* RFC 1624, equation 3: a word covered by @checksum changed @from one value @to
 * another.
 */
static void correct(uint8_t *checksum, uint16_t from, uint16_t to)
{
	uint32_t sum = (uint16_t)~get16(checksum);

	sum += (uint16_t)~from + to;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(checksum, (uint16_t)~sum);
}

static int other(int protocol)
{
	if (protocol == toytcp)
		return IPPROTO_TCP;
	return protocol == IPPROTO_TCP ? toytcp : protocol;
}

/* The length of the IP header, or 0 if this is not an IPv4 packet. */
static size_t header_length(const uint8_t *packet, size_t length)
{
	size_t header = (packet[0] & 15) * 4;

	if (length < IP_HEADER_MIN || packet[0] >> 4 != 4 ||
	    header < IP_HEADER_MIN || header > length)
		return 0;
	return header;
}

static int is_first_fragment(const uint8_t *packet)
{
	return !(get16(packet + IP_FRAGMENT) & FRAGMENT_OFFSET);
}

/*
 * Swaps the protocol of a packet, of which only the beginning may be present.
 * Returns its TCP checksum if that changed, otherwise NULL; @old is its old
 * value.
 */
static uint8_t *swap(uint8_t *packet, size_t length, size_t header,
		     uint16_t *old)
{
	uint8_t *word = packet + IP_TTL_PROTOCOL;
	uint8_t *checksum = packet + header + TCP_SUM;
	int from = word[1], to = other(from);
	uint16_t before = get16(word);

	if (from == to)
		return NULL;
	word[1] = (uint8_t)to;
	correct(packet + IP_SUM, before, get16(word));
	if (!is_first_fragment(packet) || length < header + TCP_SUM + 2)
		return NULL;
	*old = get16(checksum);
	correct(checksum, (uint16_t)from, (uint16_t)to);	/* PTCL */
	return checksum;
}

static int is_icmp_error(const uint8_t *icmp)
{
	switch (icmp[0]) {
	case 3:		/* destination unreachable */
	case 4:		/* source quench */
	case 5:		/* redirect */
	case 11:	/* time exceeded */
	case 12:	/* parameter problem */
		return 1;
	}
	return 0;
}

/*
 * The sum of the quoted IP header is unchanged, since its own checksum makes up
 * for the new protocol; only a changed TCP checksum affects ICMP's checksum.
 */
static void translate_quote(uint8_t *icmp, size_t length)
{
	uint8_t *quote = icmp + ICMP_QUOTE, *changed;
	size_t header;
	uint16_t old;

	if (length < ICMP_QUOTE + IP_HEADER_MIN || !is_icmp_error(icmp))
		return;
	length -= ICMP_QUOTE;
	header = header_length(quote, length);
	changed = header ? swap(quote, length, header, &old) : NULL;
	if (changed)
		correct(icmp + ICMP_SUM, old, get16(changed));
}

static void translate(uint8_t *packet, size_t length)
{
	size_t header = header_length(packet, length);
	uint16_t old;

	if (!header)
		return;
	if (packet[IP_TTL_PROTOCOL + 1] != IPPROTO_ICMP)
		swap(packet, length, header, &old);
	else if (is_first_fragment(packet))
		translate_quote(packet + header, length - header);
}

static void lengthen_queue(struct ifreq *request)
{
	int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	request->ifr_qlen = QUEUE;
	if (any < 0 || ioctl(any, SIOCSIFTXQLEN, request))
		err(1, "cannot set the queue length of %s", request->ifr_name);
	close(any);
}

/* The device stays in the namespace where it was made, and ends with us. */
static int make_device(const char *name, const char *netns)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int ns = open(netns, O_RDONLY | O_CLOEXEC);
	int tun;

	if (ns < 0 || setns(ns, CLONE_NEWNET))
		err(1, "%s", netns);
	close(ns);
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun < 0)
		err(1, "/dev/net/tun");
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(tun, TUNSETIFF, &request))
		err(1, "device %s in %s", name, netns);
	lengthen_queue(&request);
	return tun;
}

static void carry(int from, int to)
{
	static uint8_t packet[PACKET_MAX];
	ssize_t length;

	for (int i = 0; i < BATCH; i++) {
		length = read(from, packet, sizeof(packet));
		if (length < 0 && errno == EBADFD)
			errx(1, "a device has been deleted");
		if (length <= 0)
			return;
		translate(packet, (size_t)length);
		if (write(to, packet, (size_t)length) < 0)
			continue;	/* lost: that end is down */
	}
}

int main(int argc, char **argv)
{
	struct pollfd end[2];

	if (argc != 5)
		errx(2, "usage: translate PROTOCOL DEVICE NETNS NETNS");
	toytcp = atoi(argv[1]);
	for (int i = 0; i < 2; i++) {
		end[i].fd = make_device(argv[2], argv[3 + i]);
		end[i].events = POLLIN;
	}
	printf("%s: %d <-> %d\n", argv[2], toytcp, IPPROTO_TCP);
	fflush(stdout);
	while (poll(end, 2, -1) >= 0 || errno == EINTR)
		for (int i = 0; i < 2; i++)
			if (end[i].revents)
				carry(end[i].fd, end[!i].fd);
	err(1, "poll");
}
