// SPDX-License-Identifier: GPL-2.0
/*
 * libtoytcp.so: makes an unmodified TCP program talk over toytcp.
 *
 * Preloaded by "toytcp run". Three rules do it: an IPv4 stream socket is
 * opened with toytcp's protocol number; an IPv6 one does not exist here; and
 * names resolve to IPv4 addresses, so that no program tries IPv6 first.
 * Everything else, datagrams and local sockets included, is left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#define DEFAULT_PROTOCOL 253
#define EXPORT __attribute__((visibility("default")))

static int toytcp_protocol(void)
{
	const char *wish = getenv("TOYTCP_PROTOCOL");
	int protocol = wish ? atoi(wish) : 0;

	return protocol > 0 ? protocol : DEFAULT_PROTOCOL;
}

static int is_tcp(int type, int protocol)
{
	int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);

	return kind == SOCK_STREAM &&
	       (protocol == 0 || protocol == IPPROTO_TCP);
}

/* The function this library stands in front of. */
static void *behind(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (!function)
		abort();
	return function;
}

EXPORT int socket(int family, int type, int protocol)
{
	static int (*real)(int family, int type, int protocol);

	if (!real)
		real = behind("socket");
	if (family == AF_INET6 && is_tcp(type, protocol)) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	if (family == AF_INET && is_tcp(type, protocol))
		protocol = toytcp_protocol();
	return real(family, type, protocol);
}

/*
 * What getaddrinfo(3) assumes without hints; stated here because hints are
 * the only way to ask for IPv4.
 */
static const struct addrinfo no_hints = {
	.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG,
	.ai_family = AF_UNSPEC,
};

EXPORT int getaddrinfo(const char *node, const char *service,
		       const struct addrinfo *hints, struct addrinfo **list)
{
	static int (*real)(const char *node, const char *service,
			   const struct addrinfo *hints,
			   struct addrinfo **list);
	struct addrinfo wish = hints ? *hints : no_hints;

	if (!real)
		real = behind("getaddrinfo");
	if (wish.ai_family == AF_UNSPEC && wish.ai_socktype != SOCK_DGRAM)
		wish.ai_family = AF_INET;
	return real(node, service, &wish, list);
}
