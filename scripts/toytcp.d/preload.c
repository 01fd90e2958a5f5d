// SPDX-License-Identifier: GPL-2.0
/*
 * libtoytcp.so: runs an unmodified TCP program over toytcp.
 *
 * Preloaded by "toytcp run". It does three things: it opens IPv4 stream sockets
 * with toytcp's protocol number; it refuses IPv6 stream sockets; and it
 * resolves names to IPv4 addresses, so that no program tries IPv6 first.
 * Everything else, including datagram and local sockets, is left alone.
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

/* The function that this library replaces. */
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
 * The defaults of getaddrinfo(3) without hints. We need hints in any case, to
 * ask for IPv4.
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
