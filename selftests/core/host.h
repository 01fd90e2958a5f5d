/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One end of a connection under test, with a constructor for each state. The
 * other end is the test: it says what arrives, and looks at what was sent.
 *
 * Our numbers begin at ISS, the peer's at IRS. Neither side scales.
 */
#ifndef TOYTCP_TEST_HOST_H
#define TOYTCP_TEST_HOST_H

#include "../../module/core/internal.h"
#include "../../module/core/seq.h"

#define ISS	1000u
#define IRS	5000u
#define MSS	1000u
#define BUF	10000u	/* our receive buffer, and so our window */
#define WND	20000u	/* the peer's window */
#define START	(100ull * SECOND)
#define SENT_MOST 256
#define RECORDS 64

/**
 * struct host - a tcb and what became of it
 * @now: the time of day
 * @act: what the last event asked for
 * @out: what was sent since the last event, oldest first
 * @sent: how many that were
 * @nodes: lent to the core; each is used once
 * @records: lent to the core, all of them, at the beginning
 */
struct host {
	struct tcb tcb;
	struct actions act;
	u64 now;
	struct segment out[SENT_MOST];
	int sent;
	struct reassembly_node nodes[SENT_MOST];
	int used;
	struct sent_record records[RECORDS];
};

typedef void maker(struct host *h);

/* The states of 3.10.7.4 that have a tcb and a peer who has our SYN. */
#define SYNCHRONISED 6
extern maker *const synchronised[SYNCHRONISED];

#define EACH_SYNCHRONISED(h, i) \
	for (i = 0; i < SYNCHRONISED && (synchronised[i](h), true); i++)

void host_settle(struct host *h);
void host_arrive(struct host *h, struct segment seg);
void host_send(struct host *h, u32 n);
void host_skip(struct host *h, u32 n);	/* as if sent and acknowledged */
void host_send_urgent(struct host *h, u32 n);
void host_read(struct host *h, u32 n);
void host_close(struct host *h);
void host_leave(struct host *h);
void host_pass(struct host *h, u64 us);
bool host_expire(struct host *h);
u32 host_ready(const struct host *h);

void make_closed(struct host *h);
void make_syn_sent(struct host *h);
void make_syn_received(struct host *h);
void make_established(struct host *h);
void make_fin_wait_1(struct host *h);
void make_fin_wait_2(struct host *h);
void make_closing(struct host *h);
void make_time_wait(struct host *h);
void make_close_wait(struct host *h);
void make_last_ack(struct host *h);

/* A segment from the peer: ARRIVE(h, .ctl = CTL_ACK, .seq = IRS + 1, ...). */
#define ARRIVE(h, ...) \
	host_arrive(h, (struct segment){ .wnd = WND, __VA_ARGS__ })

/* A segment that any state takes: the next number, all acknowledged so far. */
#define ARRIVE_NEXT(h, ...) \
	ARRIVE(h, .ctl = CTL_ACK, .seq = (h)->tcb.rcv.nxt, \
	       .ack = (h)->tcb.snd.una, __VA_ARGS__)

/* The first byte of the @n-th segment, where all are full. */
#define AT(n)	(ISS + 1 + (n) * MSS)

/* Segments [from, to) have arrived, and all before number @una. */
#define SACK(h, una_, from_, to_) \
	ARRIVE(h, .ctl = CTL_ACK, .seq = (h)->tcb.rcv.nxt, .ack = AT(una_), \
	       .sacks = 1, .sack = { { AT(from_), AT(to_) } })

/* What was sent as number @i since the last event. */
#define EXPECT_SENT(h, i, control, number, acked, length) do {		\
	ASSERT_GT((h)->sent, i);					\
	EXPECT_EQ((h)->out[i].ctl, control);				\
	EXPECT_EQ((h)->out[i].seq, number);				\
	EXPECT_EQ((h)->out[i].ack, acked);				\
	EXPECT_EQ((h)->out[i].len, length);				\
} while (0)

#define EXPECT_ONLY_ACK(h, number, acked) do {				\
	EXPECT_EQ((h)->sent, 1);					\
	EXPECT_SENT(h, 0, CTL_ACK, number, acked, 0);			\
} while (0)

/* Timers go off on a tick: none is early. */
#define NEXT_TICK(us) \
	(((us) + (1u << TICK_SHIFT) - 1) & ~((1ull << TICK_SHIFT) - 1))

#define EXPECT_QUIET(h) EXPECT_EQ((h)->sent, 0)

#define EXPECT_STATE(h, wanted)						\
	EXPECT_STREQ(toytcp_tcb_state_name((h)->tcb.state),		\
		     toytcp_tcb_state_name(wanted))

#endif /* TOYTCP_TEST_HOST_H */
