/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why something happened: the clause behind each transition and each segment.
 *
 * A cause travels with what it explains: in struct actions with the event, in
 * struct segment with what is sent, with an ACK that is owed and in the record
 * of text that is lost. No variable holds "the latest" one. Section numbers are
 * RFC 9293's unless a name says otherwise.
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
	X(CAUSE_OVERRIDE, "3.8.6.2.1-override")			\
	X(CAUSE_WINDOW_UPDATE, "3.8.6.2.2-window-update")	\
	X(CAUSE_KEEP_ALIVE, "3.8.4-keep-alive")			\
	X(CAUSE_URGENT, "3.8.5-urgent")				\
	X(CAUSE_DELAYED_ACK, "3.8.6.3-delayed-ack")		\
	X(CAUSE_ICMP, "3.9.2.2-icmp")				\
	X(CAUSE_FAST_RETRANSMIT, "rfc5681-3.2-fast-retransmit")	\
	X(CAUSE_PARTIAL_ACK, "rfc6582-3.2-partial-ack")		\
	X(CAUSE_PRR, "rfc6937-3-prr")				\
	X(CAUSE_RACK, "rfc8985-6.2-rack")			\
	X(CAUSE_TAIL_LOSS, "rfc8985-7.3-tail-loss-probe")	\
	X(CAUSE_TAIL_MENDED, "rfc8985-7.4-tail-loss-mended")	\
	X(CAUSE_FRTO, "rfc5682-3-f-rto")			\
	X(CAUSE_EIFEL, "rfc3522-3.2-eifel")			\
	X(CAUSE_DSACK, "rfc3708-3-dsack")			\
	X(CAUSE_PAWS, "rfc7323-5.3-paws")			\
	X(CAUSE_CHALLENGE_RST, "rfc5961-3.2-challenge-ack")	\
	X(CAUSE_CHALLENGE_SYN, "rfc5961-4.2-challenge-ack")	\
	X(CAUSE_CHALLENGE_ACK, "rfc5961-5.2-challenge-ack")	\
	X(CAUSE_ECE, "rfc3168-6.1.2-ece")			\
	X(CAUSE_MARK, "rfc3168-6.1.3-mark")			\
	X(CAUSE_BLACKHOLE, "rfc4821-7.7-black-hole")

#define CAUSE_ENUM(id, name)	id,
enum cause {
	CAUSES(CAUSE_ENUM)
	CAUSE_COUNT,
};
#undef CAUSE_ENUM

const char *toytcp_cause_name(unsigned int cause);

#endif /* TOYTCP_CORE_CAUSE_H */
