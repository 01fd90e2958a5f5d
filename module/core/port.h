/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The little that differs between the kernel, and the unit tests, simulator and
 * fuzzers of user space. Nothing else in this directory may ask where it is.
 */
#ifndef TOYTCP_CORE_PORT_H
#define TOYTCP_CORE_PORT_H

#ifdef __KERNEL__

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include <net/tcp_states.h>

#else /* user space */

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>	/* TCP_ESTABLISHED... */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

/* Sets of states, as <net/tcp_states.h> has them. */
enum {
	TCPF_ESTABLISHED = 1 << TCP_ESTABLISHED,
	TCPF_SYN_SENT = 1 << TCP_SYN_SENT,
	TCPF_SYN_RECV = 1 << TCP_SYN_RECV,
	TCPF_FIN_WAIT1 = 1 << TCP_FIN_WAIT1,
	TCPF_FIN_WAIT2 = 1 << TCP_FIN_WAIT2,
	TCPF_TIME_WAIT = 1 << TCP_TIME_WAIT,
	TCPF_CLOSE = 1 << TCP_CLOSE,
	TCPF_CLOSE_WAIT = 1 << TCP_CLOSE_WAIT,
	TCPF_LAST_ACK = 1 << TCP_LAST_ACK,
	TCPF_LISTEN = 1 << TCP_LISTEN,
	TCPF_CLOSING = 1 << TCP_CLOSING,
};

#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define max_t(type, a, b) ((type)(a) > (type)(b) ? (type)(a) : (type)(b))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define clamp_t(type, v, lo, hi) min_t(type, max_t(type, v, lo), hi)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define fallthrough __attribute__((__fallthrough__))

static inline u64 div_u64(u64 dividend, u32 divisor)
{
	return dividend / divisor;
}

#endif

#endif /* TOYTCP_CORE_PORT_H */
