/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The simulator: two endpoints, each the protocol core in a shell of plain
 * arrays, a network that loses things between them, and a user on either side.
 * Time is virtual, chance is seeded: a run repeats exactly.
 */
#ifndef TOYTCP_SIM_H
#define TOYTCP_SIM_H

#include <stdio.h>

#include "../../module/core/core.h"
#include "../../module/core/seq.h"
#include "bound.h"

#define NEVER		UINT64_MAX
#define MILLION		1000000u
#define IP_HEADER	20u
#define BYTES_MAX	(1u << 28)
#define ROUNDS_MOST	10000u
#define CONNECTIONS_MOST 8u
#define NODE_COST	256u	/* bytes around a segment's text */
#define PORT_CLIENT	40000u	/* of the first; the others follow */
#define PORT_SERVER	80u

/* random.c: xorshift */
struct dice {
	u64 state;
};

/* Whose chances: each end has its own of most, and each packet its own fate. */
enum stream { DICE_SETTINGS, DICE_HOST, DICE_USER, DICE_TEXT, DICE_PATH,
	      DICE_LIAR, DICE_STRANGER, DICE_BACKLOG };

void dice_seed(struct dice *d, u64 seed, enum stream of, u64 n);
u32 dice_roll(struct dice *d);
u32 dice_below(struct dice *d, u32 bound);
u32 dice_between(struct dice *d, u32 low, u32 high);
bool dice_chance(struct dice *d, u32 of_a_million);

/* What a path is like. Each has two values: there (to the server), and back. */
enum knob { LOSS, MARK, DUP, REORDER, EARLY, CORRUPT, DELAY, RATE, QUEUE, MTU,
	    DOWN, KNOBS };

#define CHANGES_MOST	16
#define LOSE_MOST	16	/* segments that are lost by their number */

/* What somebody does on purpose: mischief.c says what each of them is. */
enum mischief {
	SHRINK = 1 << 0,
	OLD_ACK = 1 << 1,
	OPTIMISTIC = 1 << 2,
	DIVISION = 1 << 3,
	SACK_LIE = 1 << 4,
	GARBAGE = 1 << 5,
	ANCIENT = 1 << 6,
	STRAY_RST = 1 << 7,
	STRAY_SYN = 1 << 8,
	STRAY_DATA = 1 << 9,
	STRAY_ACK = 1 << 10,
	HIJACK = 1 << 11,
	FLOOD = 1 << 12,
};

enum both { BOTH_OPEN = 1 << 0, BOTH_CLOSE = 1 << 1 };

/**
 * struct change - the path becomes another one
 * @when: microseconds since the beginning
 * @knob: what changes
 * @to: its new values
 */
struct change {
	s64 when;
	enum knob knob;
	s64 to[2];
};

/**
 * struct forgery - what a stranger sends the server in the client's name
 * @when: microseconds since the beginning
 * @offset: from the number that the server expects next
 * @ctl: CTL_RST or CTL_SYN
 */
struct forgery {
	s64 when;
	u32 offset;
	u8 ctl;
};

/**
 * struct settings - what a run is like; -1 where chance decides
 * @path: for each way. LOSS, MARK, DUP, REORDER (comes late), EARLY (comes at
 *	once), CORRUPT: chances, of a million, for each packet; DELAY:
 *	microseconds without queues; RATE: bytes a second, 0 is no limit; QUEUE:
 *	bytes that may wait for a link of limited rate, 0 is no limit; MTU:
 *	bytes of IP datagram; DOWN: nothing gets through
 * @bytes: the most that all clients send together
 * @reply: the same of the servers
 * @window: receive buffer, bytes
 * @buffer: what windows and send buffers may grow to, bytes; 0: they do not
 * @connections: how many share the path
 * @pause: the server reads nothing so long from its beginning, microseconds
 * @rounds: questions and answers: the client sends its next share when it has
 *	read the server's, and the server its own when it has read the client's
 * @sndbuf: bytes; 0: as plain users have it
 * @dither: bytes by which QUEUE is less, at random for each packet: in step with
 *	each other, two connections may meet the same end of the queue for ever
 * @sack: whether the client, and the server, speaks SACK
 * @dsack: whether it reports what came twice
 * @stamps: whether it speaks timestamps
 * @changes: in the order of their times, @changed of them
 * @congestion: algorithm of the client, and of the server
 * @mischief: a set of enum mischief
 * @lose: numbers of segments of the client, and of the server, that are lost;
 *	counted from 1
 * @forgeries: in the order of their times, @forged of them
 * @both: what both ends do at once, a set of enum both
 * @calm: no surprises: plain clients and servers, no aborts, no pauses
 * @unscaled: the path takes the window scale option away
 * @silent: what is too large for the path vanishes without a word
 * @hole: that is all that changes, and all has to arrive nevertheless
 * @large: a long transfer over a fast path, between plain users
 */
struct settings {
	s64 path[KNOBS][2];
	s64 bytes, reply, window, buffer, connections, pause, rounds, sndbuf;
	s64 dither;
	s64 sack[2], dsack[2], stamps[2];
	int congestion[2];
	struct change changes[CHANGES_MOST];
	u32 changed;
	u32 mischief;
	u32 lose[2][LOSE_MOST];
	struct forgery forgeries[CHANGES_MOST];
	u32 forged;
	u32 both;
	bool calm, unscaled, silent, hole, large;
};

/**
 * struct packet - a segment on its way, as bytes
 * @when: arrival, microseconds
 * @order: breaks ties: what was sent first arrives first
 * @to: the endpoint
 * @corrupt: its checksum will not match
 * @odd: has bytes in its header that are not in @sent
 * @news: no segment, but a router's word that the path takes no more than this
 * @next: behind it in a backlog
 * @sent: what the header was built from, to compare with what is parsed
 * @bytes: header and text
 */
struct packet {
	u64 when;
	u64 order;
	u32 total;
	u32 news;
	u8 to;
	bool corrupt, odd;
	struct packet *next;
	struct segment sent;
	u8 bytes[];
};

/* Bytes after the options that a core has sent: a multiple of four. */
struct junk {
	u32 len;
	u8 bytes[40];
};

/**
 * struct rogue - who does mischief
 * @next: when strangers act again
 * @gap: the longest time between two acts, microseconds
 * @left: so many acts
 * @liar: the end of the first connection that lies
 * @acked: the last number it acknowledged, before it lied
 * @dice: the strangers'
 * @lies: the liar's
 */
struct rogue {
	struct dice dice, lies;
	u64 next;
	u32 gap, left;
	u32 liar;
	u32 acked;
};

struct wire {
	struct packet **heap;
	u32 used, room;
	u64 order;
	u64 busy[2];	/* each way, the link is sending until then */
	u64 latest[2];	/* last arrival, for ways that keep order */
	u64 slowest[2];	/* how long a packet was under way */
};

/* A line of /proc/net/toytcp/events, and what congestion control has then. */
struct record {
	u64 n, time;
	u32 seq, ack, len, wnd, cwnd, ssthresh;
	u8 who, dir, ctl, before, after, cause;
};

struct trace {
	struct record *records;
	u64 count;
	u64 room;	/* a ring if @keep_all is not set */
	u64 digest;	/* of all records there have been */
	bool keep_all;
};

/* Text that arrived; the node comes first, so that one leads to the other. */
struct text {
	struct reassembly_node node;
	u32 seq;
	u32 len;
	u8 bytes[];
};

enum kind { NOTHING, REQUEST, FULL, TIMEWAIT };
enum ending { READ_ALL, CLOSE_FIRST, LEAVE_EARLY, ABORT_SOME_TIME };

/**
 * struct user - the program at one end: how it behaves, and how far it got
 * @plan: bytes it will send
 * @think: the longest time between two acts, microseconds
 * @next: when it acts again
 * @last: when it last read anything
 * @quiet_until: it does not read before that: a slow reader
 * @urgent: some of what it writes is urgent; it stays inline
 */
struct user {
	u32 plan;
	u32 written;
	u32 read;
	u32 write_most, read_most;
	u32 think;
	u32 sndbuf;
	u32 pause_chance;
	u64 next, last;
	u64 quiet_until;
	u64 abort_at;
	enum ending ending;
	bool fidgets;
	bool urgent;
	bool manual;	/* someone else acts for it, step by step */
	bool closed, left, eof;
};

/**
 * struct backlog - what arrives while a user has the socket
 * @dice: when that is
 * @chance: of a million, that it begins as a packet arrives
 * @until: when the user lets go, NEVER: no user has it
 * @first: packets in the order of their arrival
 * @last: where to add the next one
 * @releasing: the user lets go: packets are worked off
 * @ack_due: an ACK was put off: toytcp_delack_release() comes at the end
 */
struct backlog {
	struct dice dice;
	u32 chance;
	u64 until;
	struct packet *first, **last;
	bool releasing, ack_due;
};

/**
 * struct endpoint - one end of a connection: what the shell keeps around the core
 * @out: what its user sends, from the first byte to the last
 * @in: what has arrived in order
 * @arrived: bytes of @in
 * @mtu: what the route to the other end takes, as far as it knows
 * @gso_size: what its device cuts into segments, bytes
 * @path: what its segments were fitted to
 * @window: the receive buffer at first, bytes of text
 * @window_most: what it may grow to
 * @tuning: how it does
 * @lent: nodes that the core holds
 * @records: records that it holds
 * @no_sack: it has been told not to speak SACK
 * @no_dsack: nor to report what came twice
 * @short_of_memory: it lends one record, and no more
 * @edge: the furthest right edge that was announced on the wire
 * @offered: the furthest right edge that the peer has announced
 * @answered: (request, TIME-WAIT) see toytcp_policy_answer()
 * @tries: timeouts since the peer acknowledged anything new
 * @sent_to: one past the furthest text that was sent
 * @sent_again: the last text that was sent was not new
 * @said: how many segments it has sent
 * @packets: how many the network has had from it: with those that a liar adds
 * @host: chances of what its host does
 * @dice: and of its user
 * @iss: what it will call with; for a listener 0 means by chance
 * @id: 2n for the client of connection n, 2n + 1 for its server
 * @excused: an end before all is delivered is all right
 * @ghost: (client) the host does not exist
 * @forged: what is read may be anything
 * @again: (client) it will call a second time, old segments still about
 * @was_closed: the peer's window was closed at some time
 */
struct endpoint {
	struct world *world;
	enum kind kind;
	struct tcb tcb;
	struct tcb before;
	struct syn_request request;
	struct timewait timewait;
	struct user user;
	u8 *out, *in;
	u32 in_room;
	u32 arrived;
	u64 timer;
	u32 edge, offered;
	u32 lent, lent_bytes;
	u32 records;
	u32 answered;
	u32 tries;
	u32 sent_to;
	bool sent_again;
	u32 said;
	u32 packets;
	struct toll toll;
	struct dice host, dice;
	struct backlog backlog;
	u32 iss;
	int error;
	u8 id;
	bool listening;
	bool connected;		/* was once ESTABLISHED */
	bool edge_known;
	bool fin_seen;
	bool excused;
	bool ghost;
	bool forged;
	bool again;
	bool was_closed;
	bool no_sack;
	bool no_dsack;
	bool short_of_memory;
	u16 mss;
	u32 mtu, gso_size;
	struct path_fit path;
	u32 window, window_most;
	struct tuning tuning;
	char name[16];
	bool stamps;		/* it speaks timestamps */
	u32 stamp_offset;
	u8 ecn;			/* as the sysctl: 0, 1 asks, 2 answers */
};

struct counts {
	u64 events, sent, lost, corrupt, dup, reordered, queued, too_big;
	u64 retransmits, delivered, aborted, timed_out, refused, reset, again;
	u64 connections, strays, expired, grown, deferred;
	u64 time;
	u64 digest;	/* of all that happened; as a sum it has no order */
};

/**
 * struct world - a run
 * @path: as it is now, after @changed of the changes
 * @forged: so many of the forgeries have been sent
 * @end: @ends of them, two for each connection
 * @live: packets and texts that exist
 * @excess: the worst of each kind
 * @fates: where to list what becomes of each packet, or NULL
 */
struct world {
	u64 now, started, seed;
	FILE *fates;
	struct settings set;
	s64 path[KNOBS][2];
	u32 changed, forged;
	struct wire wire;
	struct rogue rogue;
	struct trace trace;
	struct endpoint *end;
	u32 ends;
	struct counts counts;
	struct excess excess[BOUNDS];
	u64 live;
	u64 steps;
	u64 time_wait;
	char failure[240];
};

/**
 * struct command - what was asked for
 * @seed: of the first run
 * @runs: how many
 * @jobs: in so many processes; 0: as many as are of use
 * @slow: list the runs that are beyond so many percent of a bound: @beyond
 * @many: --runs was given: what is not set is drawn from each run's seed
 * @goodput: the table of goodput.c, from so many seeds for each row
 * @fairness: that of fairness.c
 */
struct command {
	struct settings set;
	u64 seed, runs, jobs, beyond;
	bool many, seeded, events, fates, slow, example, goodput, fairness, help;
	char **argv;
};

#define FAIL(w, ...) do {						\
	struct world *w_ = (w);						\
	if (!w_->failure[0])						\
		snprintf(w_->failure, sizeof(w_->failure), __VA_ARGS__);\
} while (0)

static inline struct endpoint *other(struct endpoint *e)
{
	return &e->world->end[e->id ^ 1];
}

static inline bool is_server(const struct endpoint *e)
{
	return e->id & 1;
}

/* From here on the connection may end before all is delivered. */
static inline void excuse(struct endpoint *e)
{
	e->excused = true;
	other(e)->excused = true;
}

/* settings.c */
void settings_init(struct settings *set);
bool settings_take(struct settings *set, const char *name, const char *text);
void settings_usage(FILE *to);
void settings_print(const struct settings *set, FILE *to);
void settings_calm(struct settings *set);

/* draw.c */
void settings_draw(struct settings *set, struct dice *d);

/* network.c */
struct packet *wire_make(struct world *w, const struct segment *seg,
			 const u8 *text, const struct junk *junk);
void wire_send(struct world *w, struct endpoint *from,
	       const struct segment *as_sent, const u8 *text,
	       const struct junk *junk);
struct packet *wire_take(struct world *w);
u64 wire_next(const struct world *w);
void wire_free(struct world *w, struct packet *p);
void wire_end(struct world *w);

/* mischief.c */
bool mischief_parse(const char *text, u32 *set);
void mischief_print(u32 set, FILE *to);
u32 mischief_draw(struct dice *d);
void mischief_init(struct world *w);
void mischief_send(struct endpoint *e, const struct segment *seg,
		   const u8 *text);
void mischief_act(struct world *w);
void mischief_forge(struct world *w);

/* endpoint.c */
void endpoint_init(struct endpoint *e, struct world *w, u8 id);
void endpoint_end(struct endpoint *e);
struct offer endpoint_offer(const struct endpoint *e, bool ecn);
void endpoint_open(struct endpoint *e);
void endpoint_input(struct endpoint *e, const struct packet *p);
void endpoint_expire(struct endpoint *e);
void endpoint_abort(struct endpoint *e);
void endpoint_address(const struct endpoint *e, struct segment *seg);
void endpoint_send(struct endpoint *e, struct segment *seg, const u8 *text);
void endpoint_reset(struct endpoint *e, const struct segment *seg);
void endpoint_connection(struct endpoint *e, const struct packet *p,
			 const struct segment *seg);
void endpoint_begin(struct endpoint *e);
void endpoint_settle(struct endpoint *e, struct actions *act);
void endpoint_called(struct endpoint *e, enum cause call);
void endpoint_tune(struct endpoint *e);
u32 endpoint_memory(const struct endpoint *e);
u32 endpoint_outstanding(const struct endpoint *e);

/* backlog.c */
void backlog_init(struct endpoint *e);
void backlog_end(struct endpoint *e);
void backlog_input(struct endpoint *e, struct packet *p);
void backlog_hold(struct endpoint *e, const struct actions *act);
void backlog_release(struct endpoint *e);

/* stub.c */
void stub_input(struct endpoint *e, const struct packet *p,
		const struct segment *seg);
void stub_expire(struct endpoint *e);

/* user.c */
void user_end(struct endpoint *e);
void user_init(struct endpoint *e);
void user_wake(struct endpoint *e);
void user_act(struct endpoint *e);
void user_acked(struct endpoint *e);
void user_configure(struct endpoint *e);
void user_write(struct endpoint *e, u32 n);
u32 user_read(struct endpoint *e, u32 most);
void user_shutdown(struct endpoint *e);

/* check.c */
void check_begin(struct world *w);
void check_segment(struct endpoint *e, const struct segment *seg);
void check_emitted(struct endpoint *e, const struct segment *seg);
void check_tcb(struct endpoint *e);
void check_settled(struct endpoint *e);
void check_timeout(struct endpoint *e);
void check_error(struct endpoint *e, int error);
void check_delivered(struct endpoint *e);
void check_end(struct world *w);

/* trace.c */
void trace_add(struct endpoint *e, u8 dir, const struct segment *seg,
	       u8 before, u8 after, u8 cause);
void trace_events(const struct world *w, FILE *to);
void trace_ladder(const struct world *w, FILE *to);
u8 trace_state(const struct endpoint *e);

/* world.c */
void world_init(struct world *w, u64 seed, const struct settings *set,
		bool keep_all);
bool world_give_up(struct world *w);
void world_settle(struct world *w);
void world_run(struct world *w);
void world_run_until(struct world *w, u64 when);
void world_end(struct world *w);

/* runs.c */
int runs_all(const struct command *c);
void counts_add(struct counts *sum, const struct counts *one);

/* goodput.c */
int goodput_all(const struct command *c);

/* fairness.c */
int fairness_all(const struct command *c);

/* example.c */
bool example_run(struct world *w);

#endif /* TOYTCP_SIM_H */
