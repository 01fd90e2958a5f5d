// SPDX-License-Identifier: GPL-2.0
/* urgent.c: urgent data, RFC 9293 3.8.5. */
#include "host.h"
#include "kselftest_harness.h"

#define URGENT_ACK	(CTL_URG | CTL_ACK)

/* --- Sending --- */

/* MUST-62: the pointer names the octet behind the urgent ones. */
TEST(urgent_send__points_behind_the_last_byte)
{
	struct host h;

	make_established(&h);
	host_send_urgent(&h, 3);
	ASSERT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, URGENT_ACK | CTL_PSH, ISS + 1, IRS + 1, 3);
	EXPECT_EQ(h.out[0].up, 3);
}

TEST(urgent_send__until_it_is_acknowledged)
{
	struct host h;

	make_established(&h);
	host_send_urgent(&h, 3);
	ARRIVE_NEXT(&h, .len = 10);
	host_pass(&h, DELAYED_ACK);
	EXPECT_ONLY_ACK(&h, ISS + 4, IRS + 11);
	host_expire(&h);	/* the text again, with its pointer */
	EXPECT_SENT(&h, 0, URGENT_ACK | CTL_PSH, ISS + 1, IRS + 11, 3);
	EXPECT_EQ(h.out[0].up, 3);
	ARRIVE(&h, .ctl = CTL_ACK, .seq = IRS + 11, .ack = ISS + 4);
	host_send(&h, 5);
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 4, IRS + 11, 5);
}

/* MUST-31: of any length. All in front of the mark is urgent, in segments. */
TEST(urgent_send__more_than_a_segment)
{
	struct host h;
	int i;

	make_established(&h);
	h.tcb.gso_goal = 10 * MSS;
	host_send_urgent(&h, 4 * MSS + 10);
	ASSERT_EQ(h.sent, 5);
	for (i = 0; i < 5; i++) {
		EXPECT_TRUE(h.out[i].ctl & CTL_URG);
		EXPECT_LE(h.out[i].len, MSS);
		EXPECT_EQ(h.out[i].seq + h.out[i].up, ISS + 1 + 4 * MSS + 10);
	}
	host_send(&h, 10);	/* what comes behind is not */
	EXPECT_SENT(&h, 0, CTL_PSH | CTL_ACK, ISS + 11 + 4 * MSS, IRS + 1, 10);
}

TEST(urgent_send__a_second_time_moves_the_mark_on)
{
	struct host h;

	make_established(&h);
	host_send_urgent(&h, 1);
	host_send_urgent(&h, 1);
	EXPECT_SENT(&h, 0, URGENT_ACK | CTL_PSH, ISS + 2, IRS + 1, 1);
	EXPECT_EQ(h.out[0].up, 1);
	host_expire(&h);
	EXPECT_EQ(h.out[0].up, 2);
}

/* Neither Nagle nor a cork holds it back. */
TEST(urgent_send__is_not_held_back)
{
	struct host h;

	make_established(&h);
	h.tcb.nodelay = 0;
	h.tcb.cork = 1;
	host_send(&h, 10);
	EXPECT_QUIET(&h);
	host_send_urgent(&h, 1);
	ASSERT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, URGENT_ACK | CTL_PSH, ISS + 1, IRS + 1, 11);
	host_send_urgent(&h, 1);
	ASSERT_EQ(h.sent, 1);
}

/* The news passes where the text does not. */
TEST(urgent_send__a_closed_window)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .wnd = 0);
	host_send_urgent(&h, 5);
	ASSERT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, URGENT_ACK, ISS + 1, IRS + 1, 0);
	EXPECT_EQ(h.out[0].up, 5);
	host_send_urgent(&h, 1);	/* once: three were duplicate ACKs */
	EXPECT_QUIET(&h);
	host_expire(&h);	/* so does the probe carry it */
	ASSERT_EQ(h.sent, 1);
	EXPECT_SENT(&h, 0, URGENT_ACK, ISS + 1, IRS + 1, 1);
	EXPECT_EQ(h.out[0].up, 6);
}

TEST(urgent_send__before_the_connection_is_made)
{
	struct host h;

	make_syn_sent(&h);
	host_send_urgent(&h, 5);
	EXPECT_QUIET(&h);
	host_expire(&h);
	EXPECT_SENT(&h, 0, CTL_SYN, ISS, 0, 0);
	ARRIVE(&h, .ctl = CTL_SYN | CTL_ACK, .seq = IRS, .ack = ISS + 1);
	EXPECT_SENT(&h, 0, URGENT_ACK | CTL_PSH, ISS + 1, IRS + 1, 5);
}

/* --- The pointer: 16 bits of it --- */

TEST(urgent_mark__farther_than_it_can_point)
{
	struct host h;
	struct segment seg = { .seq = ISS + 1, .ctl = CTL_ACK };

	make_established(&h);
	h.tcb.snd.nxt = ISS + 1 + 65534;
	h.tcb.snd.up = ISS + 1 + 65535;
	toytcp_urgent_mark(&h.tcb, &seg);
	EXPECT_EQ(seg.up, 65535);
	h.tcb.snd.up += 1000;
	toytcp_urgent_mark(&h.tcb, &seg);
	EXPECT_EQ(seg.up, 65535);
}

/* Whoever cuts a segment gets the pointer of each part. */
TEST(urgent_mark__of_a_part)
{
	struct host h;
	struct segment seg;

	make_established(&h);
	host_send_urgent(&h, 30);
	seg = h.out[0];
	seg.seq += 20;
	toytcp_urgent_mark(&h.tcb, &seg);
	EXPECT_EQ(seg.up, 10);
	seg.seq += 10;
	toytcp_urgent_mark(&h.tcb, &seg);
	EXPECT_EQ(seg.ctl, CTL_ACK | CTL_PSH);
	EXPECT_EQ(seg.up, 0);
}

/* Never to what was sent as ordinary text. */
TEST(urgent_mark__not_into_what_was_sent)
{
	struct host h;
	struct segment seg = { .seq = ISS + 1, .ctl = CTL_ACK };

	make_established(&h);
	h.tcb.snd.nxt = ISS + 1 + 65535;
	h.tcb.snd.up = ISS + 1 + 65536;
	toytcp_urgent_mark(&h.tcb, &seg);
	EXPECT_EQ(seg.ctl, CTL_ACK);
	EXPECT_EQ(seg.up, 0);
}

/* --- Receiving --- */

TEST(urgent_arrives__with_its_byte)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = URGENT_ACK, .seq = IRS + 1, .ack = ISS + 1, .len = 3,
	       .up = 3);
	EXPECT_EQ(h.act.wake, WAKE_URGENT | WAKE_READ);
	EXPECT_TRUE(h.act.urgent);
	EXPECT_EQ(h.tcb.rcv.up, IRS + 3);
	EXPECT_EQ(h.tcb.rcv.urgent, URGENT_ARRIVED);
	EXPECT_EQ(host_ready(&h), 3);
	host_read(&h, 2);
	EXPECT_TRUE(toytcp_urgent_at(&h.tcb, h.tcb.rcv.copied));
	host_read(&h, 1);
	EXPECT_EQ(h.tcb.rcv.urgent, URGENT_NONE);
}

/* MUST-66: even if our window is closed, and there is no text at all. */
TEST(urgent_arrives__a_closed_window)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = BUF);
	ARRIVE(&h, .ctl = URGENT_ACK, .seq = IRS + 1 + BUF, .ack = ISS + 1,
	       .up = 20);
	EXPECT_EQ(h.act.wake, WAKE_URGENT);
	EXPECT_EQ(h.tcb.rcv.urgent, URGENT_AWAITED);
	EXPECT_EQ(h.tcb.rcv.up, IRS + BUF + 20);
	EXPECT_QUIET(&h);
	host_read(&h, BUF);
	ARRIVE_NEXT(&h, .len = 20);
	EXPECT_EQ(h.tcb.rcv.urgent, URGENT_ARRIVED);
	EXPECT_TRUE(h.act.urgent);
}

/* The same where the caller has no room: the text has to come again. */
TEST(urgent_arrives__no_room_for_its_text)
{
	struct host h;
	struct segment seg = {
		.ctl = URGENT_ACK, .seq = IRS + 1, .ack = ISS + 11, .len = 3,
		.up = 3, .wnd = WND,
	};

	make_established(&h);
	host_send(&h, 10);
	toytcp_arrives(&h.tcb, &seg, NULL, h.now, &h.act);
	host_settle(&h);
	EXPECT_TRUE(h.act.urgent);
	EXPECT_TRUE(!h.act.ready && !h.act.kept);
	EXPECT_EQ(h.tcb.snd.una, ISS + 11);
	EXPECT_ONLY_ACK(&h, ISS + 11, IRS + 1);
	ARRIVE_NEXT(&h, .len = 3);
	EXPECT_EQ(host_ready(&h), 3);
	EXPECT_EQ(h.tcb.rcv.urgent, URGENT_ARRIVED);
}

TEST(urgent_arrives__out_of_order)
{
	struct host h;

	make_established(&h);
	ARRIVE(&h, .ctl = URGENT_ACK, .seq = IRS + 11, .ack = ISS + 1, .len = 5,
	       .up = 2);
	EXPECT_TRUE(h.act.urgent);
	EXPECT_EQ(h.tcb.rcv.up, IRS + 12);
	ARRIVE_NEXT(&h, .len = 10);
	EXPECT_EQ(host_ready(&h), 15);
	EXPECT_FALSE(h.act.urgent);
}

TEST(urgent_arrives__old_pointers_mean_nothing)
{
	struct host h;

	make_established(&h);
	ARRIVE_NEXT(&h, .len = 10);
	ARRIVE(&h, .ctl = URGENT_ACK, .seq = IRS + 1, .ack = ISS + 1, .len = 11,
	       .up = 10);
	EXPECT_EQ(h.tcb.rcv.urgent, URGENT_NONE);
	ARRIVE(&h, .ctl = URGENT_ACK, .seq = IRS + 12, .ack = ISS + 1,
	       .up = 10);
	EXPECT_EQ(h.act.wake, WAKE_URGENT);
	ARRIVE(&h, .ctl = URGENT_ACK, .seq = IRS + 12, .ack = ISS + 1,
	       .up = 9);
	EXPECT_EQ(h.act.wake, 0);
	EXPECT_EQ(h.tcb.rcv.up, IRS + 21);
}

/* What it replaces, unless read past or inline, never becomes ordinary. */
TEST(urgent_arrives__the_next_one)
{
	struct host h;
	int is_inline;

	for (is_inline = 0; is_inline < 2; is_inline++) {
		make_established(&h);
		h.tcb.rcv.oob_inline = is_inline;
		ARRIVE(&h, .ctl = URGENT_ACK, .seq = IRS + 1, .ack = ISS + 1,
		       .len = 1, .up = 1);
		ARRIVE(&h, .ctl = URGENT_ACK, .seq = IRS + 2, .ack = ISS + 1,
		       .len = 1, .up = 1);
		EXPECT_EQ(h.tcb.rcv.up, IRS + 2);
		EXPECT_EQ(h.tcb.rcv.copied, IRS + 2 - is_inline);
	}
}

TEST(urgent_arrives__not_after_the_peers_fin)
{
	struct host h;

	make_close_wait(&h);
	ARRIVE(&h, .ctl = URGENT_ACK, .seq = IRS + 2, .ack = ISS + 1, .up = 9);
	EXPECT_EQ(h.tcb.rcv.urgent, URGENT_NONE);
}

TEST_HARNESS_MAIN
