/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is outstanding: a list of records, each a range of numbers that were
 * sent at about the same time and share one state.
 *
 * It knows nothing of how the caller keeps the text. The caller lends the
 * records. Where none is left, ranges are not cut: one that was acknowledged
 * in part only counts as not acknowledged. Recovery is worse then, no more.
 */
#ifndef TOYTCP_CORE_SCOREBOARD_H
#define TOYTCP_CORE_SCOREBOARD_H

#include "cause.h"
#include "order.h"

/*
 * How many records there may be: so many, and one more for each so many bytes
 * that are outstanding. If every second segment is lost, each has a record. It
 * bounds what a peer can make us lend (the class of CVE-2019-11478): an eighth
 * of the send buffer. A window without losses has about twenty.
 */
#define SCOREBOARD_MIN		512
#define SCOREBOARD_SHARE	512	/* bytes */

/* What became of a record. */
#define RECORD_SACKED		0x01	/* the peer has it (RFC 2018) */
#define RECORD_LOST		0x02	/* to be retransmitted */
#define RECORD_RETRANSMITTED	0x04	/* was retransmitted at least once */
#define RECORD_UNEVEN		0x08	/* a short segment is not its last */

/**
 * struct sent_record - numbers that are outstanding
 * @seq: the first of them
 * @end: one past the last; the FIN takes one
 * @order: where it is in the tree
 * @sent: when they were last sent, or the first of them was, microseconds (the
 *	clock shows less than 35 years)
 * @flags: RECORD_*; never both SACKED and LOST
 * @cause: of a LOST record, the clause of the retransmission; else CAUSE_NONE
 * @next: the record behind it, or NULL; among spare ones, another
 * @prev: the record in front of it; of the first one, the last
 * @later: the one behind it in its queue; of the last one, the first
 * @earlier: the one in front of it in its queue; of the first one, the last
 */
struct sent_record {
	union {
		struct order_node order;
		struct {
			u32 seq;
			u32 end;
		};
	};
	u64 sent : 50;
	u64 flags : 6;
	u64 cause : 8;
	struct sent_record *next;
	struct sent_record *prev;
	struct sent_record *later;
	struct sent_record *earlier;
};

/**
 * struct scoreboard - all records, in order and without gaps: [una, nxt)
 * @first: begins at SND.UNA; NULL if nothing is outstanding
 * @order: a tree of all; NULL if nothing has been looked up in it yet
 * @spare: lent and not in use, linked by @next
 * @sent: the first in the queue of those that are on their way, in order of
 *	when they were sent; after undoing the order may be not quite right
 * @losses: the first in the queue of those that are LOST, in order of @seq; with
 *	thousands of losses the order may be not quite right
 * @sacked: bytes of all that is SACKED
 * @lost: bytes of all that is LOST
 * @highest: one past the highest number delivered so far
 * @lost_at: where the last record was that became LOST
 * @records: how many there are
 * @spares: how many are not in use
 * @sealed: there was a retransmission since the last record began: new text
 *	begins another record, or it would look older than that
 */
struct scoreboard {
	struct sent_record *first;
	struct order_node *order;
	struct sent_record *spare;
	struct sent_record *sent;
	struct sent_record *losses;
	u32 sacked;
	u32 lost;
	u32 highest;
	u32 lost_at;
	u32 records;
	u32 spares : 31;
	u32 sealed : 1;
};

/**
 * struct delivery - what an acknowledgement has brought
 * @now: (in) microseconds
 * @echo: (in) an ACK for what was retransmitted later is for the original; 0:
 *	there are no timestamps
 * @min_rtt: (in) an ACK that comes sooner than this after a retransmission is
 *	for the original
 * @recover: (in) RECOVER: text below it was sent before the last loss
 * @mss: (in) the size of segments
 * @bytes: numbers delivered by it
 * @sent: when the latest of them was sent: for RACK.xmit_ts of RFC 8985
 * @resent: when the latest was that was retransmitted; 0: none was. Text behind
 *	it may have arrived long before: no sample (Karn's rule)
 * @end: one past its last number: for RACK.end_seq
 * @timed: @sent and @end are set
 * @once: that one was not retransmitted
 * @original: text below @recover arrived that was not retransmitted
 * @reordered: something arrived later than what was sent after it
 */
struct delivery {
	u64 now;
	u64 echo;
	u64 sent;
	u64 resent;
	u32 min_rtt;
	u32 recover;
	u32 mss;
	u32 bytes;
	u32 end;
	bool timed;
	bool once;
	bool original;
	bool reordered;
};

/** toytcp_sent_before() - was [.., a_end) sent before [.., b_end)? RFC 8985 */
static inline bool toytcp_sent_before(u64 a, u32 a_end, u64 b, u32 b_end)
{
	return a == b ? (s32)(a_end - b_end) < 0 : a < b;
}

void toytcp_scoreboard_lend(struct scoreboard *b, struct sent_record *r);
struct sent_record *toytcp_scoreboard_return(struct scoreboard *b);
struct sent_record *toytcp_scoreboard_purge(struct scoreboard *b);
void toytcp_scoreboard_send(struct scoreboard *b, u32 seq, u32 end, u64 now,
			    u32 slack, u32 mss);
void toytcp_scoreboard_acked(struct scoreboard *b, u32 una,
			     struct delivery *d);
void toytcp_scoreboard_sack(struct scoreboard *b, u32 from, u32 to,
			    struct delivery *d);
struct sent_record *toytcp_scoreboard_cut(struct scoreboard *b,
					  struct sent_record *r, u32 at);
void toytcp_scoreboard_lose(struct scoreboard *b, struct sent_record *r,
			    enum cause cause);
void toytcp_scoreboard_clear(struct scoreboard *b, u32 flag);
void toytcp_scoreboard_retransmit(struct scoreboard *b, struct sent_record *r,
				  u32 end, u64 now);
u32 toytcp_scoreboard_lost_end(const struct sent_record *r, u32 most);
u32 toytcp_scoreboard_retransmitted(const struct scoreboard *b);

/** toytcp_scoreboard_has_room() - is there room to note one more range? */
static inline bool toytcp_scoreboard_has_room(const struct scoreboard *b)
{
	return b->first || b->spare;
}

/** toytcp_scoreboard_oldest() - of those on their way, or NULL */
static inline struct sent_record *
toytcp_scoreboard_oldest(const struct scoreboard *b)
{
	return b->sent;
}

/**
 * toytcp_scoreboard_lost() - the first record to retransmit, or NULL
 * @b: the scoreboard
 *
 * Where the queue is out of order, what the peer waits for must not wait behind
 * the others: after a timeout nothing else goes out.
 */
static inline struct sent_record *
toytcp_scoreboard_lost(const struct scoreboard *b)
{
	return b->losses && b->first->flags & RECORD_LOST ? b->first :
							    b->losses;
}

#endif /* TOYTCP_CORE_SCOREBOARD_H */
