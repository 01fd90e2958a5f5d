// SPDX-License-Identifier: GPL-2.0
/*
 * The worked example: initial sequence numbers 69 and 420, 30 and 5 bytes one
 * way, 10 and 5 the other, the client closes first. Each step waits for the
 * one before it, and the result is fifteen segments, these and no others.
 */
#include "sim.h"

static const struct expected {
	u8 who, ctl;
	u32 seq, ack, len;
} expected[] = {
	{ 0, CTL_SYN, 69, 0, 0 },
	{ 1, CTL_SYN | CTL_ACK, 420, 70, 0 },
	{ 0, CTL_ACK, 70, 421, 0 },
	{ 0, CTL_PSH | CTL_ACK, 70, 421, 30 },
	{ 1, CTL_ACK, 421, 100, 0 },
	{ 0, CTL_PSH | CTL_ACK, 100, 421, 5 },
	{ 1, CTL_ACK, 421, 105, 0 },
	{ 1, CTL_PSH | CTL_ACK, 421, 105, 10 },
	{ 0, CTL_ACK, 105, 431, 0 },
	{ 1, CTL_PSH | CTL_ACK, 431, 105, 5 },
	{ 0, CTL_ACK, 105, 436, 0 },
	{ 0, CTL_FIN | CTL_ACK, 105, 436, 0 },
	{ 1, CTL_ACK, 436, 106, 0 },
	{ 1, CTL_FIN | CTL_ACK, 436, 106, 0 },
	{ 0, CTL_ACK, 106, 437, 0 },
};

static void await(struct world *w, bool condition, const char *what)
{
	if (!condition)
		FAIL(w, "the worked example: not so: %s", what);
}

static void write_and_wait(struct endpoint *e, u32 n)
{
	user_write(e, n);
	world_settle(e->world);
	await(e->world, !endpoint_outstanding(e), "all is acknowledged");
}

static void close_and_wait(struct endpoint *e, u8 state)
{
	user_shutdown(e);
	world_settle(e->world);
	await(e->world, trace_state(e) == state, "closing goes on");
}

static void play(struct world *w)
{
	struct endpoint *client = &w->end[0], *server = &w->end[1];

	server->listening = true;
	server->iss = 420;
	client->iss = 69;
	endpoint_open(client);
	world_settle(w);
	await(w, trace_state(server) == TCP_ESTABLISHED, "established");
	client->tcb.quickack = 1;
	server->tcb.quickack = 1;
	write_and_wait(client, 30);
	write_and_wait(client, 5);
	await(w, user_read(server, 35) == 35, "35 bytes arrived");
	write_and_wait(server, 10);
	write_and_wait(server, 5);
	close_and_wait(client, TCP_FIN_WAIT2);
	server->listening = false;
	close_and_wait(server, TCP_CLOSE);
	await(w, trace_state(client) == TCP_TIME_WAIT, "in TIME-WAIT");
}

static void compare(struct world *w)
{
	u64 i, n = 0;

	for (i = 0; i < w->trace.count; i++) {
		const struct record *r = &w->trace.records[i];
		const struct expected *x = &expected[n];

		if (r->dir != 'o')
			continue;
		if (n++ >= ARRAY_SIZE(expected))
			break;
		if (r->who != x->who || r->ctl != x->ctl || r->seq != x->seq ||
		    r->ack != x->ack || r->len != x->len) {
			FAIL(w, "segment %d is another one", (int)n);
			return;
		}
	}
	if (n != ARRAY_SIZE(expected))
		FAIL(w, "%d segments instead of fifteen", (int)n);
}

/* Returns whether it went as it should; the trace is there to be shown. */
bool example_run(struct world *w)
{
	struct settings calm;

	settings_init(&calm);
	calm.bytes = 35;
	calm.calm = true;
	world_init(w, 1, &calm, true);
	w->end[0].user.manual = true;
	w->end[1].user.manual = true;
	play(w);
	if (!w->failure[0])
		compare(w);
	world_end(w);
	return !w->failure[0];
}
