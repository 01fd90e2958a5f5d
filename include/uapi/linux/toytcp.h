/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * toytcp: a complete small TCP on an IP protocol number of its own.
 *
 * What a program needs to talk over it: the protocol number for socket(2)
 * and the option level of its own. Everything else is as tcp(7) has it:
 * options at level SOL_TCP keep the numbers and structs of <netinet/tcp.h>.
 */
#ifndef _UAPI_LINUX_TOYTCP_H
#define _UAPI_LINUX_TOYTCP_H

/**
 * define IPPROTO_TOYTCP - the protocol argument of socket(2)
 *
 * RFC 3692 reserves 253 and 254 for experiments. The module parameter
 * ``protocol=`` can move the module to 254; programs then pass 254.
 */
#define IPPROTO_TOYTCP	253

/**
 * define SOL_TOYTCP - the level of toytcp's own socket options
 *
 * Always 253, whatever the module parameter says.
 */
#define SOL_TOYTCP	253

/**
 * define TOYTCP_ISN - initial sequence number of the next connection
 *
 * A __u32, for lessons and tests. On a socket that is not connected it is the
 * ISN its next connect(2) uses; on a listener, the ISN that answers the next
 * new SYN. Used once. Setting it needs CAP_NET_ADMIN in the socket's network
 * namespace (EPERM), since a predictable ISN invites forged segments.
 */
#define TOYTCP_ISN	1

#endif /* _UAPI_LINUX_TOYTCP_H */
