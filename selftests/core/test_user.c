// SPDX-License-Identifier: GPL-2.0
/* user.c: the user calls, RFC 9293 3.10.1 to 3.10.5; and tcb.c. */
#include "host.h"
#include "kselftest_harness.h"

/* --- options --- */

static const struct {
	enum user_option option;
	u32 value;
} options[] = {
	{ OPTION_NODELAY, 1 }, { OPTION_QUICK_ACKS, 1 },
	{ OPTION_KEEPALIVE, 1 }, { OPTION_KEEP_IDLE, 11 },
	{ OPTION_KEEP_INTERVAL, 12 }, { OPTION_KEEP_COUNT, 13 },
	{ OPTION_USER_TIMEOUT, 1400000 }, { OPTION_SYN_RETRIES, 15 },
	{ OPTION_FIN_WAIT_2, 16 },
};

TEST(user_set__each_option_is_read_back_and_survives_a_reset)
{
	struct tcb child;
	struct host h;
	u32 i;

	make_closed(&h);
	for (i = 0; i < ARRAY_SIZE(options); i++)
		toytcp_user_set(&h.tcb, options[i].option, options[i].value,
				h.now);
	toytcp_user_cork(&h.tcb, true);
	toytcp_congestion_select(&h.tcb, toytcp_congestion_find("cubic"));
	child = h.tcb;
	toytcp_user_reset(&child, BUF);
	toytcp_user_reset(&h.tcb, BUF);
	EXPECT_EQ(memcmp(&child, &h.tcb, sizeof(child)), 0);
	for (i = 0; i < ARRAY_SIZE(options); i++)
		EXPECT_EQ(toytcp_user_get(&child, options[i].option),
			  options[i].value);
	EXPECT_FALSE(!!child.cork);
	EXPECT_EQ(+child.cc.algorithm, toytcp_congestion_find("cubic"));
	EXPECT_STREQ(toytcp_tcb_state_name(child.state), "CLOSED");
}

TEST(user_set__nodelay_ends_a_cork)
{
	struct host h;

	make_established(&h);
	toytcp_user_cork(&h.tcb, true);
	host_send(&h, 10);
	EXPECT_QUIET(&h);
	toytcp_user_set(&h.tcb, OPTION_NODELAY, 1, h.now);
	host_settle(&h);
	EXPECT_EQ(h.sent, 1);
}

/* --- OPEN --- */

TEST(user_open__sends_a_syn)
{
	struct host h;

	make_syn_sent(&h);
	EXPECT_STATE(&h, TCP_SYN_SENT);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_SYN, ISS, 0, 0);
	EXPECT_EQ(h.out[0].options, HAS_MSS | HAS_WSCALE | HAS_SACK_OK);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), START + RTO_INITIAL);
}

TEST(user_open__asks_for_the_scale_of_its_buffer)
{
	struct host h;

	make_closed(&h);
	toytcp_tcb_init(&h.tcb, 1 << 20, MSS);
	toytcp_user_open(&h.tcb, ISS, h.now);
	host_settle(&h);
	EXPECT_EQ(h.out[0].wscale, 5);
	EXPECT_EQ(h.out[0].wnd, 65535);
}

TEST(user_offer__what_the_syn_carries)
{
	const struct offer offer = {
		.window = 1 << 20, .stamp_offset = 7, .mss = 1234,
		.timestamps = true, .ecn = true,
	};
	struct host h;

	make_closed(&h);
	toytcp_user_offer(&h.tcb, &offer);
	toytcp_user_open(&h.tcb, ISS, h.now);
	host_settle(&h);
	EXPECT_EQ(h.out[0].options, HAS_MSS | HAS_WSCALE | HAS_TIMESTAMPS);
	EXPECT_EQ(h.out[0].ctl, CTL_SYN | CTL_ECE | CTL_CWR);
	EXPECT_EQ(h.out[0].mss, 1234);
	EXPECT_EQ(h.out[0].wscale, 5);
	EXPECT_EQ(h.out[0].tsval, 7 + h.now / MSEC);
	EXPECT_EQ(h.out[0].wnd, BUF);
}

TEST(user_listen__until_it_is_closed)
{
	struct host h;

	make_closed(&h);
	toytcp_user_listen(&h.tcb);
	EXPECT_STATE(&h, TCP_LISTEN);
	host_settle(&h);
	EXPECT_QUIET(&h);
	host_close(&h);
	EXPECT_STATE(&h, TCP_CLOSE);
}

/* --- SEND --- */

TEST(user_send__before_the_connection_is_made)
{
	struct host h;

	make_syn_sent(&h);
	host_send(&h, 10);
	EXPECT_QUIET(&h);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 1, IRS + 1, 10);
}

TEST(user_send__in_close_wait)
{
	struct host h;

	make_close_wait(&h);
	host_send(&h, 10);
	EXPECT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 1, IRS + 2, 10);
}

/* --- RECEIVE --- */

/* At most as many as full segments would: for each second message. */
TEST(user_receive__a_fast_reader_causes_few_acks)
{
	struct host h;
	u32 i;

	make_established(&h);
	h.tcb.rcv.quick_acks = 0;
	h.tcb.rcv.mss = MSS;
	for (i = 0; i < 50; i++) {
		ARRIVE_NEXT(&h, .len = 10);
		EXPECT_QUIET(&h);
		host_read(&h, 10);
		EXPECT_EQ(h.sent, i % 2);
	}
}

TEST(user_receive__opens_a_closed_window)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = BUF);
	host_read(&h, BUF);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1 + BUF);
	EXPECT_EQ(h.out[0].wnd, BUF);
}

/* It does not double, but who sends a stream may be waiting for the edge. */
TEST(user_receive__a_stream_hears_of_an_eighth_of_the_buffer)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = 5 * MSS);
	h.tcb.rcv.since_tx = MSS;
	host_read(&h, 2 * MSS);
	EXPECT_QUIET(&h);
	h.tcb.rcv.since_tx = 2 * MSS;
	host_read(&h, 1);
	EXPECT_ONLY_ACK(&h, ISS + 1, IRS + 1 + 5 * MSS);
	EXPECT_EQ(h.out[0].wnd, BUF - 3 * MSS + 1);
	host_read(&h, MSS);
	EXPECT_QUIET(&h);
}

TEST(user_receive__not_after_the_fin)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_FIN, .len = BUF - 1);
	host_read(&h, BUF - 1);
	EXPECT_QUIET(&h);
}

/* --- CLOSE --- */

TEST(user_close__in_every_state)
{
	static const struct {
		void (*make)(struct host *h);
		u8 after;
		bool fin;
	} rows[] = {
		{ make_closed, TCP_CLOSE, false },
		{ make_syn_sent, TCP_CLOSE, false },
		{ make_syn_received, TCP_SYN_RECV, false },
		{ make_established, TCP_FIN_WAIT1, true },
		{ make_fin_wait_1, TCP_FIN_WAIT1, false },
		{ make_fin_wait_2, TCP_FIN_WAIT2, false },
		{ make_close_wait, TCP_LAST_ACK, true },
		{ make_closing, TCP_CLOSING, false },
		{ make_last_ack, TCP_LAST_ACK, false },
		{ make_time_wait, TCP_TIME_WAIT, false },
	};
	struct host h;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		rows[i].make(&h);
		host_close(&h);
		EXPECT_STATE(&h, rows[i].after);
		EXPECT_EQ(h.sent, rows[i].fin);
		if (rows[i].fin)
			EXPECT_EQ(h.out[0].ctl, CTL_FIN | CTL_ACK);
	}
}

TEST(user_close__in_syn_sent_forgets_its_timer)
{
	struct host h;

	make_syn_sent(&h);
	host_close(&h);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
}

/* --- ABORT --- */

TEST(user_abort__in_every_state)
{
	static const struct {
		void (*make)(struct host *h);
		bool tell;
	} rows[] = {
		{ make_closed, false },
		{ make_syn_sent, false },
		{ make_syn_received, true },
		{ make_established, true },
		{ make_fin_wait_1, true },
		{ make_fin_wait_2, true },
		{ make_close_wait, true },
		{ make_closing, false },
		{ make_last_ack, false },
		{ make_time_wait, false },
	};
	struct segment rst;
	struct host h;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		rows[i].make(&h);
		EXPECT_EQ(toytcp_user_abort(&h.tcb, ECONNABORTED, h.now, &h.act,
					    &rst), rows[i].tell);
		EXPECT_EQ(h.act.error, ECONNABORTED);
		EXPECT_EQ(h.act.wake, WAKE_STATE);
		EXPECT_EQ(h.act.cause, CAUSE_ABORT);
		EXPECT_STATE(&h, TCP_CLOSE);
		EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
		host_settle(&h);
		EXPECT_QUIET(&h);
		if (!rows[i].tell)
			continue;
		EXPECT_EQ(rst.ctl & CTL_RST, CTL_RST);
		EXPECT_EQ(rst.seq, h.tcb.snd.nxt);
		EXPECT_EQ(rst.len, 0);
		EXPECT_EQ(rst.hdrlen, 20);
	}
}

/* --- what is no call: an ICMP error, and the end --- */

TEST(user_unreachable__gives_up)
{
	struct host h;

	make_syn_sent(&h);
	toytcp_user_unreachable(&h.tcb, EHOSTUNREACH, &h.act);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(h.act.error, EHOSTUNREACH);
	EXPECT_EQ(h.act.wake, WAKE_STATE);
	EXPECT_EQ(h.act.cause, CAUSE_ICMP);
	EXPECT_EQ(toytcp_deadline_next(&h.tcb), 0);
	host_settle(&h);
	EXPECT_QUIET(&h);
}

TEST(user_end__gives_back_what_was_lent)
{
	struct reassembly_node *text;
	struct sent_record *r;
	struct host h;
	int n = 0;

	make_established(&h);
	host_send(&h, 3 * MSS);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 1 + MSS, .ack = ISS + 1,
	       .len = MSS);
	for (r = toytcp_user_end(&h.tcb, &text); r; r = r->next)
		n++;
	EXPECT_EQ(n, RECORDS);
	EXPECT_EQ(text, &h.nodes[0]);
	EXPECT_EQ(text->next, NULL);
	EXPECT_STATE(&h, TCP_CLOSE);
	EXPECT_EQ(toytcp_user_end(&h.tcb, &text), NULL);
	EXPECT_EQ(text, NULL);
}

/* --- STATUS --- */

TEST(user_status__queues_without_syn_and_fin)
{
	struct status status;
	struct host h;

	make_syn_sent(&h);
	host_send(&h, 10);
	toytcp_user_status(&h.tcb, &status);
	EXPECT_EQ(status.send_queue, 10);
	EXPECT_EQ(status.recv_queue, 0);
	EXPECT_STREQ(status.timer, "rto");
	EXPECT_EQ(status.deadline, START + RTO_INITIAL);
	make_established(&h);
	ARRIVE_NEXT(&h, .ctl = CTL_ACK | CTL_FIN, .len = 7);
	host_send(&h, 20);
	host_close(&h);
	toytcp_user_status(&h.tcb, &status);
	EXPECT_EQ(status.send_queue, 20);
	EXPECT_EQ(status.recv_queue, 7);
	EXPECT_EQ(status.rcv_wnd, BUF - 8);
	EXPECT_EQ(status.state, TCP_LAST_ACK);
}

TEST(user_status__what_it_waits_for)
{
	struct status status;
	struct host h;

	make_established(&h);
	toytcp_user_status(&h.tcb, &status);
	EXPECT_EQ(status.timer, NULL);
	toytcp_user_set(&h.tcb, OPTION_KEEPALIVE, 1, h.now);
	toytcp_user_status(&h.tcb, &status);
	EXPECT_STREQ(status.timer, "keep");
	ARRIVE_NEXT(&h, .len = 7);
	toytcp_user_status(&h.tcb, &status);
	EXPECT_STREQ(status.timer, "ack");
	make_fin_wait_2(&h);
	toytcp_user_leave(&h.tcb, h.now);
	toytcp_user_status(&h.tcb, &status);
	EXPECT_STREQ(status.timer, "fin-wait");
	EXPECT_EQ(status.deadline, h.now + FIN_WAIT_2_MAX * (u64)SECOND);
}

/* --- tcb.c --- */

TEST(tcb_state_name__all_eleven)
{
	EXPECT_STREQ(toytcp_tcb_state_name(TCP_SYN_RECV), "SYN-RECEIVED");
	EXPECT_STREQ(toytcp_tcb_state_name(TCP_CLOSE), "CLOSED");
	EXPECT_STREQ(toytcp_tcb_state_name(TCP_FIN_WAIT1), "FIN-WAIT-1");
	EXPECT_STREQ(toytcp_tcb_state_name(TCP_LISTEN), "LISTEN");
	EXPECT_STREQ(toytcp_tcb_state_name(0), "?");
	EXPECT_STREQ(toytcp_tcb_state_name(255), "?");
}

TEST(tcb_set_mss__bounds)
{
	struct host h;

	make_closed(&h);
	toytcp_tcb_set_mss(&h.tcb, 1);
	EXPECT_EQ(h.tcb.snd.mss, MSS_MIN);
	toytcp_tcb_set_mss(&h.tcb, 100000);
	EXPECT_EQ(h.tcb.snd.mss, 65535);
	EXPECT_GE(h.tcb.gso_goal, h.tcb.snd.mss);
}

TEST(cause_name__has_no_blanks)
{
	int i;

	for (i = 0; i < CAUSE_COUNT; i++) {
		EXPECT_TRUE(strlen(toytcp_cause_name(i)) > 0);
		EXPECT_TRUE(!strpbrk(toytcp_cause_name(i), " \t\n"));
	}
	EXPECT_STREQ(toytcp_cause_name(CAUSE_COUNT), "?");
}

TEST_HARNESS_MAIN
