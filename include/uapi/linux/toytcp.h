/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * toytcp: a complete small TCP on an IP protocol number of its own.
 *
 * Programs need the protocol number for socket(2) and the level of toytcp's own
 * options from here. Everything else is as in tcp(7): options at level SOL_TCP
 * keep the numbers and structs of <netinet/tcp.h>.
 */
#ifndef _UAPI_LINUX_TOYTCP_H
#define _UAPI_LINUX_TOYTCP_H

/**
 * define IPPROTO_TOYTCP - the protocol argument of socket(2)
 *
 * RFC 3692 reserves 253 and 254 for experiments. With the module parameter
 * ``protocol=254`` programs must pass 254 instead.
 */
#define IPPROTO_TOYTCP	253

/**
 * define SOL_TOYTCP - the level of toytcp's own socket options
 *
 * Always 253, regardless of the module parameter.
 */
#define SOL_TOYTCP	253

/**
 * define TOYTCP_ISN - initial sequence number of the next connection
 *
 * A __u32, for lessons and tests. On an unconnected socket it is the ISN that
 * the next connect(2) uses; on a listener, the ISN of the answer to the next
 * new SYN. It is used once. Setting it requires CAP_NET_ADMIN in the socket's
 * network namespace (EPERM), since predictable ISNs make it easy to forge
 * segments.
 */
#define TOYTCP_ISN	1

#endif /* _UAPI_LINUX_TOYTCP_H */
