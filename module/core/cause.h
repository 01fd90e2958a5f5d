/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why something happened: the clause behind each transition and each reply.
 *
 * One list makes the enum and the names that people read in
 * /proc/net/toytcp/events and in ladder diagrams. The section numbers are
 * those of RFC 9293 unless a name says otherwise.
 */
#ifndef TOYTCP_CORE_CAUSE_H
#define TOYTCP_CORE_CAUSE_H

#define CAUSES(X)						\
	X(CAUSE_NONE, "-")					\
	X(CAUSE_OPEN, "3.10.1-open")				\
	X(CAUSE_SEND, "3.10.2-send")				\
	X(CAUSE_RECEIVE, "3.10.3-receive")			\
	X(CAUSE_CLOSE, "3.10.4-close")				\
	X(CAUSE_ABORT, "3.10.5-abort")				\
	X(CAUSE_CLOSED, "3.10.7.1-closed")			\
	X(CAUSE_LISTEN_ACK, "3.10.7.2-ack")			\
	X(CAUSE_LISTEN_SYN, "3.10.7.2-syn")			\
	X(CAUSE_COOKIE, "rfc4987-3.6-syn-cookie")		\
	X(CAUSE_SYN_SENT_ACK, "3.10.7.3-ack")			\
	X(CAUSE_SYN_SENT_RST, "3.10.7.3-rst")			\
	X(CAUSE_SYN_SENT_SYN, "3.10.7.3-syn")			\
	X(CAUSE_SEQUENCE, "3.10.7.4-sequence")			\
	X(CAUSE_RST, "3.10.7.4-rst")				\
	X(CAUSE_SYN, "3.10.7.4-syn")				\
	X(CAUSE_ACK, "3.10.7.4-ack")				\
	X(CAUSE_TEXT, "3.10.7.4-text")				\
	X(CAUSE_FIN, "3.10.7.4-fin")				\
	X(CAUSE_USER_TIMEOUT, "3.10.8-user-timeout")		\
	X(CAUSE_RETRANSMISSION, "3.10.8-retransmission")	\
	X(CAUSE_TIME_WAIT, "3.10.8-time-wait")			\
	X(CAUSE_PROBE, "3.8.6.1-window-probe")			\
	X(CAUSE_KEEP_ALIVE, "3.8.4-keep-alive")			\
	X(CAUSE_DELAYED_ACK, "3.8.6.3-delayed-ack")		\
	X(CAUSE_ICMP, "3.9.2.2-icmp")				\
	X(CAUSE_FAST_RETRANSMIT, "rfc5681-3.2-fast-retransmit")	\
	X(CAUSE_PARTIAL_ACK, "rfc6582-3.2-partial-ack")		\
	X(CAUSE_PAWS, "rfc7323-5.3-paws")			\
	X(CAUSE_ECE, "rfc3168-6.1.2-ece")			\
	X(CAUSE_BLACKHOLE, "rfc4821-7.7-black-hole")		\
	X(CAUSE_TAIL_LOSS, "rfc8985-7.3-tail-loss-probe")

#define CAUSE_ENUM(id, name)	id,
enum cause {
	CAUSES(CAUSE_ENUM)
	CAUSE_COUNT,
};
#undef CAUSE_ENUM

const char *toytcp_cause_name(unsigned int cause);

#endif /* TOYTCP_CORE_CAUSE_H */
