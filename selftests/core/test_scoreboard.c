// SPDX-License-Identifier: GPL-2.0
/* scoreboard.c: records of what is outstanding. */
#include "host.h"
#include "kselftest_harness.h"

#define SLACK	10u
#define SEGMENT	10u	/* bytes */
#define FROM	0xffffff00u	/* numbers wrap on the way */

/* @n bytes are sent, @every bytes at a time, 100 us apart. */
struct board {
	struct scoreboard b;
	struct sent_record records[20];
	struct delivery d;
	u32 now;
};

static void send_at(struct board *t, u32 from, u32 to, u64 now)
{
	toytcp_scoreboard_send(&t->b, FROM + from, FROM + to, now, SLACK,
			       SEGMENT);
}

static void make_board(struct board *t, u32 spares, u32 n, u32 every)
{
	u32 i;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < spares; i++)
		toytcp_scoreboard_lend(&t->b, &t->records[i]);
	t->d.mss = SEGMENT;
	t->d.recover = FROM + n;
	for (i = 0; i < n; i += every, t->now += 100)
		send_at(t, i, i + every, t->now);
	t->d.now = t->now;
}

static void sack(struct board *t, u32 from, u32 to)
{
	toytcp_scoreboard_sack(&t->b, FROM + from, FROM + to, &t->d);
}

static void acked(struct board *t, u32 to)
{
	toytcp_scoreboard_acked(&t->b, FROM + to, &t->d);
}

#define EXPECT_RECORD(r, from, to, flags_) do {				\
	ASSERT_NE(r, NULL);						\
	EXPECT_EQ((r)->seq, FROM + (from));				\
	EXPECT_EQ((r)->end, FROM + (to));				\
	EXPECT_EQ((u32)(r)->flags, flags_);					\
} while (0)

TEST(scoreboard_send__what_goes_out_together_is_one_record)
{
	struct board t;

	make_board(&t, 10, 100, 100);
	send_at(&t, 100, 200, SLACK);
	EXPECT_EQ(t.b.records, 1);
	send_at(&t, 200, 300, SLACK + 1);
	EXPECT_EQ(t.b.records, 2);
	EXPECT_RECORD(t.b.first, 0, 200, 0);
	EXPECT_RECORD(t.b.first->next, 200, 300, 0);
	EXPECT_EQ(t.b.first->prev, t.b.first->next);
}

TEST(scoreboard_send__without_memory_the_last_one_grows)
{
	struct board t;

	make_board(&t, 2, 400, 100);
	EXPECT_EQ(t.b.records, 2);
	EXPECT_RECORD(t.b.first->next, 100, 400, RECORD_UNEVEN);
	sack(&t, 100, 400);
	EXPECT_EQ(t.b.sacked, 300);
	/* What must grow counts as not delivered again. */
	send_at(&t, 400, 500, t.now);
	EXPECT_EQ(t.b.sacked, 0);
	EXPECT_RECORD(t.b.first->next, 100, 500, RECORD_UNEVEN);
}

TEST(scoreboard_acked__whole_records_and_parts)
{
	struct board t;

	make_board(&t, 10, 300, 100);
	acked(&t, 150);
	EXPECT_EQ(t.d.bytes, 150);
	EXPECT_EQ(t.b.records, 2);
	EXPECT_EQ((u32)t.b.spares, 8);
	EXPECT_RECORD(t.b.first, 150, 200, 0);
	acked(&t, 300);
	EXPECT_EQ(t.b.first, NULL);
	EXPECT_EQ((u32)t.b.spares, 10);
	EXPECT_EQ(t.d.sent, 200);
	EXPECT_EQ(t.d.end, FROM + 300);
	EXPECT_FALSE(t.d.reordered);
}

TEST(scoreboard_sack__cuts_and_joins)
{
	struct board t;

	make_board(&t, 10, 1000, 1000);
	sack(&t, 200, 300);
	EXPECT_EQ(t.b.records, 3);
	sack(&t, 400, 500);
	EXPECT_EQ(t.b.records, 5);
	sack(&t, 300, 400);
	EXPECT_EQ(t.b.records, 3);
	EXPECT_RECORD(t.b.first, 0, 200, 0);
	EXPECT_RECORD(t.b.first->next, 200, 500, RECORD_SACKED);
	EXPECT_RECORD(t.b.first->next->next, 500, 1000, 0);
	EXPECT_EQ(t.b.sacked, 300);
	EXPECT_EQ(t.d.bytes, 300);
	EXPECT_EQ(t.b.highest, FROM + 500);
	sack(&t, 100, 600);	/* what is known does not count twice */
	EXPECT_EQ(t.d.bytes, 500);
	acked(&t, 1000);
	EXPECT_EQ(t.d.bytes, 1000);
	EXPECT_EQ(t.b.sacked, 0);
}

/* A record that cannot be cut counts as not there. */
TEST(scoreboard_sack__without_memory)
{
	struct board t;

	make_board(&t, 1, 1000, 1000);
	sack(&t, 200, 300);
	EXPECT_EQ(t.b.sacked, 0);
	EXPECT_EQ(t.d.bytes, 0);
	EXPECT_RECORD(t.b.first, 0, 1000, 0);
	sack(&t, 0, 1000);
	EXPECT_EQ(t.b.sacked, 1000);
}

/* Where a segment ends nobody knows but by the size of all. */
TEST(scoreboard_sack__a_part_of_a_segment)
{
	struct board t;

	make_board(&t, 10, 1000, 1000);
	sack(&t, 201, 202);
	sack(&t, 995, 1000);
	EXPECT_EQ(t.d.bytes, 0);
	EXPECT_EQ(t.b.records, 1);
	sack(&t, 200, 202);	/* begins with one */
	sack(&t, 305, 315);	/* as much as one */
	EXPECT_EQ(t.b.sacked, 12);
	sack(&t, 205, 1000);
	acked(&t, 200);
	EXPECT_RECORD(t.b.first, 200, 202, RECORD_SACKED);
	EXPECT_RECORD(t.b.first->next, 202, 205, 0);
	EXPECT_RECORD(t.b.first->next->next, 205, 1000, RECORD_SACKED);
}

/* After a short one, nobody knows at all. */
TEST(scoreboard_send__a_short_segment)
{
	struct board t;

	make_board(&t, 10, 100, 100);
	send_at(&t, 100, 105, 1);
	EXPECT_EQ((u32)t.b.first->flags, 0);
	send_at(&t, 105, 109, 1);
	EXPECT_EQ((u32)t.b.first->flags, RECORD_UNEVEN);
	send_at(&t, 109, 119, 1);
	EXPECT_EQ(t.b.records, 1);
	sack(&t, 105, 109);
	EXPECT_RECORD(t.b.first->next, 105, 109, RECORD_SACKED);
}

TEST(deliver__what_overtakes)
{
	struct board t;

	make_board(&t, 10, 300, 100);
	sack(&t, 200, 300);
	EXPECT_FALSE(t.d.reordered);
	sack(&t, 100, 200);
	EXPECT_TRUE(t.d.reordered);
	EXPECT_EQ(t.d.sent, 200);	/* the later one stays the latest */
}

/* What was repeated says nothing about the order, nor about F-RTO. */
TEST(deliver__what_was_repeated)
{
	struct board t;

	make_board(&t, 10, 300, 100);
	toytcp_scoreboard_lose(&t.b, t.b.first, CAUSE_RACK);
	toytcp_scoreboard_retransmit(&t.b, t.b.first, FROM + 100, t.now);
	sack(&t, 100, 300);
	t.d.original = false;
	t.d.now = t.now + 50;
	t.d.min_rtt = 51;
	acked(&t, 100);
	EXPECT_FALSE(t.d.reordered);
	EXPECT_FALSE(t.d.original);
	EXPECT_EQ(t.d.sent, 200);	/* it came of the first transmission */
}

TEST(scoreboard_lose__and_repeat)
{
	struct board t;
	struct sent_record *r;

	make_board(&t, 10, 300, 100);
	EXPECT_EQ(toytcp_scoreboard_lost(&t.b), NULL);
	toytcp_scoreboard_lose(&t.b, t.b.first, CAUSE_RACK);
	toytcp_scoreboard_lose(&t.b, t.b.first->next, CAUSE_RACK);
	EXPECT_EQ(t.b.lost, 200);
	r = toytcp_scoreboard_lost(&t.b);
	EXPECT_RECORD(r, 0, 100, RECORD_LOST);
	toytcp_scoreboard_retransmit(&t.b, r, FROM + 50, 1000);
	EXPECT_EQ(t.b.lost, 150);
	EXPECT_EQ(toytcp_scoreboard_retransmitted(&t.b), 50);
	r = toytcp_scoreboard_lost(&t.b);
	EXPECT_RECORD(r, 50, 100, RECORD_LOST);
	toytcp_scoreboard_retransmit(&t.b, r, FROM + 200, 1000);
	EXPECT_RECORD(t.b.first, 0, 200, RECORD_RETRANSMITTED);
	EXPECT_EQ((u64)t.b.first->sent, 1000);
	EXPECT_EQ(t.b.lost, 0);
}

static struct sent_record *nth(struct board *t, u32 n)
{
	struct sent_record *r = t->b.first;

	while (n--)
		r = r->next;
	return r;
}

/* In the order of the numbers, in whatever order they were lost. */
TEST(scoreboard_lost__the_first_one)
{
	static const u32 order[] = { 5, 7, 9, 3, 1, 15, 13, 11 };
	struct board t;
	u32 i;

	make_board(&t, 20, 1600, 100);
	for (i = 0; i < ARRAY_SIZE(order); i++)
		toytcp_scoreboard_lose(&t.b, nth(&t, order[i]), CAUSE_RACK);
	for (i = 1; i < 16; i += 2, t.now++) {
		struct sent_record *r = toytcp_scoreboard_lost(&t.b);

		EXPECT_RECORD(r, 100 * i, 100 * i + 100, RECORD_LOST);
		toytcp_scoreboard_retransmit(&t.b, r, r->end, t.now);
	}
	EXPECT_EQ(toytcp_scoreboard_lost(&t.b), NULL);
	/* On their way again, they are the latest. */
	for (i = 0; i < 16; i += 2) {
		struct sent_record *r = toytcp_scoreboard_oldest(&t.b);

		EXPECT_RECORD(r, 100 * i, 100 * i + 100, 0);
		toytcp_scoreboard_lose(&t.b, r, CAUSE_RACK);
	}
	EXPECT_RECORD(toytcp_scoreboard_oldest(&t.b), 100, 200,
		      RECORD_RETRANSMITTED);
}

/* Too far from where the last one was lost: out of order, but not forgotten. */
TEST(scoreboard_lost__far_away)
{
	static struct sent_record many[400];
	struct sent_record *r, *middle;
	struct board t;
	u32 i, n = 0, first;

	make_board(&t, 1, 0, 100);
	for (i = 0; i < ARRAY_SIZE(many); i++)
		toytcp_scoreboard_lend(&t.b, &many[i]);
	for (i = 0; i < 40000; i += 100, t.now += 100)
		send_at(&t, i, i + 100, t.now);
	middle = nth(&t, 200);
	for (r = t.b.first->next; r; r = r->next)
		if (r != middle)
			toytcp_scoreboard_lose(&t.b, r, CAUSE_RACK);
	toytcp_scoreboard_lose(&t.b, t.b.first, CAUSE_RACK);
	toytcp_scoreboard_lose(&t.b, middle, CAUSE_RACK);
	EXPECT_EQ(t.b.lost, 40000);
	first = toytcp_scoreboard_lost(&t.b)->seq;
	EXPECT_EQ(first, FROM);
	for (; (r = toytcp_scoreboard_lost(&t.b)); n++, t.now += 100)
		toytcp_scoreboard_retransmit(&t.b, r, r->end, t.now);
	EXPECT_EQ(n, 400);
	EXPECT_EQ(t.b.lost, 0);
}

/* What was not lost after all was sent before all that is on its way. */
TEST(scoreboard_clear__is_the_oldest_again)
{
	struct board t;

	make_board(&t, 20, 500, 100);
	toytcp_scoreboard_lose(&t.b, nth(&t, 0), CAUSE_RACK);
	toytcp_scoreboard_lose(&t.b, nth(&t, 2), CAUSE_RACK);
	toytcp_scoreboard_clear(&t.b, RECORD_LOST);
	EXPECT_RECORD(toytcp_scoreboard_oldest(&t.b), 0, 100, 0);
	EXPECT_RECORD(toytcp_scoreboard_oldest(&t.b)->later, 200, 300, 0);
	EXPECT_RECORD(toytcp_scoreboard_oldest(&t.b)->earlier, 400, 500, 0);
}

/* What is sent after a repetition must not look as if it was sent before. */
TEST(scoreboard_retransmit__seals_the_last_record)
{
	struct board t;

	make_board(&t, 10, 200, 100);
	t.now -= 100;	/* when the last one was sent */
	toytcp_scoreboard_lose(&t.b, t.b.first, CAUSE_RACK);
	toytcp_scoreboard_retransmit(&t.b, t.b.first, FROM + 100, t.now + 1);
	send_at(&t, 200, 300, t.now + 2);
	EXPECT_EQ(t.b.records, 3);
	send_at(&t, 300, 400, t.now + 3);
	EXPECT_EQ(t.b.records, 3);
	/* Nor one repetition after another, nor what was sent between them. */
	toytcp_scoreboard_lose(&t.b, t.b.first->next, CAUSE_RACK);
	toytcp_scoreboard_retransmit(&t.b, t.b.first->next, FROM + 200, t.now + 4);
	EXPECT_EQ(t.b.records, 3);
}

/* Neighbours may differ in whether they were repeated before. */
TEST(scoreboard_retransmit__over_several)
{
	struct board t;

	make_board(&t, 10, 300, 100);
	toytcp_scoreboard_lose(&t.b, t.b.first, CAUSE_RACK);
	toytcp_scoreboard_retransmit(&t.b, t.b.first, FROM + 100, 1000);
	toytcp_scoreboard_lose(&t.b, t.b.first->prev, CAUSE_RACK);
	toytcp_scoreboard_lose(&t.b, t.b.first->next, CAUSE_RACK);
	toytcp_scoreboard_lose(&t.b, t.b.first, CAUSE_RACK);
	EXPECT_GT(t.b.records, 1);
	EXPECT_EQ(toytcp_scoreboard_lost_end(t.b.first, 1000), FROM + 300);
	EXPECT_EQ(toytcp_scoreboard_lost_end(t.b.first, 50), FROM + 100);
	toytcp_scoreboard_retransmit(&t.b, t.b.first, FROM + 250, 2000);
	EXPECT_RECORD(t.b.first, 0, 250, RECORD_RETRANSMITTED);
	EXPECT_RECORD(t.b.first->next, 250, 300, RECORD_LOST);
}

TEST(scoreboard_retransmit__without_memory_all_of_it)
{
	struct board t;

	make_board(&t, 1, 1000, 1000);
	toytcp_scoreboard_lose(&t.b, t.b.first, CAUSE_RACK);
	toytcp_scoreboard_retransmit(&t.b, t.b.first, FROM + 100, 5);
	EXPECT_EQ(t.b.lost, 0);
	EXPECT_RECORD(t.b.first, 0, 1000, RECORD_RETRANSMITTED);
}

TEST(scoreboard_clear__reneging)
{
	struct board t;

	make_board(&t, 10, 300, 100);
	sack(&t, 0, 200);
	toytcp_scoreboard_lose(&t.b, t.b.first->prev, CAUSE_RACK);
	toytcp_scoreboard_clear(&t.b, RECORD_SACKED);
	EXPECT_EQ(t.b.sacked, 0);
	EXPECT_EQ(t.b.lost, 100);
	toytcp_scoreboard_clear(&t.b, RECORD_LOST);
	EXPECT_EQ(t.b.lost, 0);
}

/* What a peer can make us lend is in proportion to what is outstanding. */
TEST(scoreboard__has_a_limit)
{
	static struct sent_record many[2 * SCOREBOARD_MIN];
	const u32 n = 64 * SCOREBOARD_SHARE, most = SCOREBOARD_MIN + 64;
	struct board t;
	u32 i;

	make_board(&t, 1, n, n);
	for (i = 0; i < ARRAY_SIZE(many); i++)
		toytcp_scoreboard_lend(&t.b, &many[i]);
	for (i = SEGMENT; i < n; i += 2 * SEGMENT)
		sack(&t, i, i + SEGMENT);
	EXPECT_EQ(t.b.records, most);
	acked(&t, n);
	EXPECT_EQ(t.b.records, 0);
}

TEST(scoreboard_purge__gives_all_back)
{
	struct board t;
	struct sent_record *r;
	int n = 0;

	make_board(&t, 10, 300, 100);
	sack(&t, 100, 150);
	r = toytcp_scoreboard_return(&t.b);
	EXPECT_NE(r, NULL);
	for (r = toytcp_scoreboard_purge(&t.b); r; r = r->next)
		n++;
	EXPECT_EQ(n, 9);
	EXPECT_EQ(t.b.first, NULL);
	EXPECT_EQ((u32)t.b.spares, 0);
}

/* Far from the loss before it, and so behind many others in the queue. */
TEST(scoreboard_lost__what_the_peer_waits_for_comes_first)
{
	struct sent_record records[200], *r, *second;
	struct board t;
	int i;

	memset(&t, 0, sizeof(t));
	for (i = 0; i < 200; i++)
		toytcp_scoreboard_lend(&t.b, &records[i]);
	for (i = 0; i < 200; i++)
		send_at(&t, 10 * i, 10 * (i + 1), 100 * i);
	toytcp_scoreboard_lose(&t.b, t.b.first, CAUSE_RACK);
	second = t.b.first->next;
	for (r = second->next; r; r = r->next->next)
		if (r->next && r->next->next)
			toytcp_scoreboard_lose(&t.b, r, CAUSE_RACK);
		else
			break;
	toytcp_scoreboard_lose(&t.b, second, CAUSE_RACK);
	acked(&t, 10);
	ASSERT_EQ(t.b.first, second);
	EXPECT_EQ(toytcp_scoreboard_lost(&t.b), second);
}

TEST_HARNESS_MAIN
