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

#define NEVER		UINT64_MAX
#define MILLION		1000000u
#define IP_HEADER	20u
#define BYTES_MAX	(1u << 26)

/* random.c: xorshift; each run has its own */
struct dice {
	u64 state;
};

void dice_seed(struct dice *d, u64 seed);
u32 dice_roll(struct dice *d);
u32 dice_below(struct dice *d, u32 bound);
u32 dice_between(struct dice *d, u32 low, u32 high);
bool dice_chance(struct dice *d, u32 of_a_million);

/**
 * struct settings - what a run is like: the network and the amounts
 * @loss: chances, of a million, for each packet (@dup, @reorder, @corrupt too)
 * @rtt: round trip without queues, microseconds
 * @mtu: bytes of IP datagram
 * @rate: bytes a second each way; 0: no limit
 * @bytes: the most either user sends
 * @window: receive buffer, bytes
 * @calm: no surprises: a plain client and server, no aborts, no pauses
 * @unscaled: the path takes the window scale option away
 * @outage: nothing arrives between these two times, microseconds
 */
struct settings {
	s64 loss, dup, reorder, corrupt;
	s64 rtt, mtu, rate, bytes, window;
	bool calm, unscaled;
	u64 outage[2];
};

/**
 * struct packet - a segment on its way, as bytes
 * @when: arrival, microseconds
 * @order: breaks ties: what was sent first arrives first
 * @to: the endpoint
 * @corrupt: its checksum will not match
 * @sent: what the header was built from, to compare with what is parsed
 * @bytes: header and text
 */
struct packet {
	u64 when;
	u64 order;
	u32 total;
	u8 to;
	bool corrupt;
	struct segment sent;
	u8 bytes[];
};

struct wire {
	struct packet **heap;
	u32 used, room;
	u64 order;
	u64 busy[2];	/* the link is sending until then */
	u64 latest[2];	/* last arrival, for links that keep order */
};

/* A line of /proc/net/toytcp/events. */
struct record {
	u64 n, time;
	u32 seq, ack, len, wnd;
	u8 who, dir, ctl, before, after, cause;
};

struct trace {
	struct record *records;
	u64 count;
	u64 room;	/* a ring if @keep_all is not set */
	bool keep_all;
};

/* Text that arrived; the node comes first, so that one leads to the other. */
struct text {
	struct reassembly_node node;
	u32 seq;
	u32 len;
	u8 bytes[];
};

enum kind { NOTHING, EMBRYO, FULL, REMNANT };
enum ending { READ_ALL, CLOSE_FIRST, LEAVE_EARLY, ABORT_SOME_TIME };

/**
 * struct user - the program at one end: how it behaves, and how far it got
 * @plan: bytes it will send
 * @think: the longest time between two acts, microseconds
 * @next: when it acts again
 * @quiet_until: it does not read before that: a slow reader
 */
struct user {
	u32 plan;
	u32 written;
	u32 read;
	u32 write_most, read_most;
	u32 think;
	u32 sndbuf;
	u32 pause_chance;
	u64 next;
	u64 quiet_until;
	u64 abort_at;
	enum ending ending;
	bool fidgets;
	bool manual;	/* someone else acts for it, step by step */
	bool closed, left, eof;
};

/**
 * struct endpoint - one host: what the shell keeps around the core
 * @out: what its user sends, from the first byte to the last
 * @in: what has arrived in order
 * @arrived: bytes of @in
 * @lent: nodes that the core holds
 * @edge: the furthest right edge that was announced on the wire
 * @tries: timeouts since the peer acknowledged anything new
 * @sent_to: one past the furthest text that was sent
 * @was_closed: the peer's window was closed at some time
 */
struct endpoint {
	struct world *world;
	enum kind kind;
	struct tcb tcb;
	struct tcb before;
	struct embryo embryo;
	struct remnant remnant;
	struct user user;
	u8 *out, *in;
	u32 in_room;
	u32 arrived;
	u64 timer;
	u32 edge;
	u32 lent, lent_bytes;
	u32 tries;
	u32 sent_to;
	int error;
	u8 id;
	bool listening;
	bool connected;		/* was once ESTABLISHED */
	bool edge_known;
	bool fin_seen;
	bool was_closed;
	u16 mss;
	u32 window;
};

struct counts {
	u64 events, sent, lost, corrupt, dup, reordered, retransmits;
	u64 delivered, aborted, timed_out, refused, reset, again, time;
};

struct world {
	u64 now, started, seed;
	struct dice dice;
	struct settings set;
	struct wire wire;
	struct trace trace;
	struct endpoint end[2];
	struct counts counts;
	u64 live;	/* packets and texts that exist */
	u64 steps;
	u64 time_wait;
	u32 next_iss;	/* the next listener's ISS; 0: by chance */
	bool second;	/* both ends meet again, old segments still about */
	bool excused;	/* an end before all is delivered is all right */
	char failure[240];
};

#define FAIL(w, ...) do {						\
	struct world *w_ = (w);						\
	if (!w_->failure[0])						\
		snprintf(w_->failure, sizeof(w_->failure), __VA_ARGS__);\
} while (0)

static inline struct endpoint *other(struct endpoint *e)
{
	return &e->world->end[!e->id];
}

static inline const char *name_of(const struct endpoint *e)
{
	return e->id ? "server" : "client";
}

/* network.c */
void wire_send(struct world *w, struct endpoint *from,
	       const struct segment *as_sent, const u8 *text);
struct packet *wire_take(struct world *w);
u64 wire_next(const struct world *w);
void wire_free(struct world *w, struct packet *p);
void wire_end(struct world *w);

/* endpoint.c */
void endpoint_init(struct endpoint *e, struct world *w, u8 id);
void endpoint_end(struct endpoint *e);
void endpoint_open(struct endpoint *e, u32 iss);
void endpoint_input(struct endpoint *e, const struct packet *p);
void endpoint_expire(struct endpoint *e);
void endpoint_abort(struct endpoint *e);
void endpoint_begin(struct endpoint *e);
void endpoint_settle(struct endpoint *e, struct actions *act);
u32 endpoint_outstanding(const struct endpoint *e);

/* user.c */
void user_end(struct endpoint *e);
void user_init(struct endpoint *e);
void user_wake(struct endpoint *e);
void user_act(struct endpoint *e);
void user_configure(struct endpoint *e);
void user_write(struct endpoint *e, u32 n);
u32 user_read(struct endpoint *e, u32 most);
void user_shutdown(struct endpoint *e);

/* check.c */
void check_segment(struct endpoint *e, const struct segment *seg);
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
void world_settle(struct world *w);
void world_run(struct world *w);
void world_end(struct world *w);

/* example.c */
bool example_run(struct world *w);

#endif /* TOYTCP_SIM_H */
