// SPDX-License-Identifier: GPL-2.0
/*
 * What happened, in the format of /proc/net/toytcp/events, and as a plain
 * ladder for a run that failed.
 */
#include <stdlib.h>

#include "sim.h"

#define RING	400u	/* records kept of a run that nobody watches */

u8 trace_state(const struct endpoint *e)
{
	switch (e->kind) {
	case REQUEST:
		return TCP_SYN_RECV;
	case FULL:
		return e->tcb.state;
	case TIMEWAIT:
		return TCP_TIME_WAIT;
	default:
		return e->listening ? TCP_LISTEN : TCP_CLOSE;
	}
}

static struct record *next_record(struct trace *t)
{
	if (t->keep_all ? t->count == t->room : !t->room) {
		t->room = t->room ? 2 * t->room : RING;
		t->records = realloc(t->records,
				     t->room * sizeof(struct record));
	}
	return &t->records[t->count % t->room];
}

/* FNV-1a by words: unlike a struct's bytes, they are the same on all machines. */
static void digest(struct trace *t, const struct record *r)
{
	const u64 words[] = {
		r->n, r->time, (u64)r->seq << 32 | r->ack,
		(u64)r->len << 32 | r->wnd, (u64)r->cwnd << 32 | r->ssthresh,
		(u64)r->who << 32 | (u64)r->dir << 24 | r->ctl << 16 |
			r->before << 8 | r->after, r->cause,
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		t->digest = (t->digest ^ words[i]) * 0x100000001b3ull;
}

/* @dir is 'i', 'o' or '-'; @seg is NULL for a call or a timeout. */
void trace_add(struct endpoint *e, u8 dir, const struct segment *seg,
	       u8 before, u8 after, u8 cause)
{
	static const struct segment none;
	struct trace *t = &e->world->trace;
	struct record *r = next_record(t);

	if (!seg)
		seg = &none;
	*r = (struct record){
		.n = t->count++, .time = e->world->now - e->world->started,
		.seq = seg->seq, .ack = seg->ack, .len = seg->len,
		.wnd = seg->wnd, .who = e->id, .dir = dir, .ctl = seg->ctl,
		.before = before, .after = after, .cause = cause,
	};
	if (e->kind == FULL) {
		r->cwnd = e->tcb.cc.cwnd;
		r->ssthresh = e->tcb.cc.ssthresh;
	}
	digest(t, r);
}

static const char *flags(u8 ctl, char *text)
{
	static const struct {
		u8 bit;
		const char *name;
	} names[] = {
		{ CTL_SYN, "SYN" }, { CTL_FIN, "FIN" }, { CTL_RST, "RST" },
		{ CTL_PSH, "PSH" }, { CTL_ACK, "ACK" }, { CTL_URG, "URG" },
		{ CTL_ECE, "ECE" }, { CTL_CWR, "CWR" },
	};
	char *p = text;
	u32 i;

	*p = 0;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (ctl & names[i].bit)
			p += sprintf(p, "%s%s", p > text ? "," : "",
				     names[i].name);
	return *text ? text : "-";
}

static void print_ends(u8 who, FILE *to)
{
	u32 port = PORT_CLIENT + who / 2;

	if (who & 1)
		fprintf(to, "10.0.0.2:%u>10.0.0.1:%u", PORT_SERVER, port);
	else
		fprintf(to, "10.0.0.1:%u>10.0.0.2:%u", port, PORT_SERVER);
}

static u64 first_kept(const struct trace *t)
{
	return t->count > t->room ? t->count - t->room : 0;
}

static void print_segment(const struct record *r, FILE *to)
{
	char text[32];

	if (r->dir == '-') {
		fputs("- - - - - -", to);
		return;
	}
	fprintf(to, "%s %s %u ", r->dir == 'i' ? "in" : "out",
		flags(r->ctl, text), r->seq);
	if (r->ctl & CTL_ACK)
		fprintf(to, "%u", r->ack);
	else
		fputc('-', to);
	fprintf(to, " %u %u", r->len, r->wnd);
}

void trace_events(const struct world *w, FILE *to)
{
	const struct trace *t = &w->trace;
	u64 i;

	fprintf(to, "# lost=%llu\n", (unsigned long long)first_kept(t));
	fputs("n time_us connection dir flags seq ack len window before after cause "
	      "cwnd ssthresh\n", to);
	for (i = first_kept(t); i < t->count; i++) {
		const struct record *r = &t->records[i % t->room];

		fprintf(to, "%llu %llu ", (unsigned long long)r->n,
			(unsigned long long)r->time);
		print_ends(r->who, to);
		fputc(' ', to);
		print_segment(r, to);
		fprintf(to, " %s %s %s %u %u\n",
			toytcp_tcb_state_name(r->before),
			toytcp_tcb_state_name(r->after),
			toytcp_cause_name(r->cause), r->cwnd, r->ssthresh);
	}
}

static void print_rung(const struct record *r, FILE *to)
{
	char text[32], arrow[80] = "";
	bool server = r->who & 1, right = (r->dir == 'o') == !server;
	const char *state = toytcp_tcb_state_name(r->after);

	if (r->dir != '-')
		snprintf(arrow, sizeof(arrow), "%s%s %u:%u(%u) ack %u win %u%s",
			 right ? "" : "<- ", flags(r->ctl, text), r->seq,
			 r->seq + r->len, r->len, r->ack, r->wnd,
			 right ? " ->" : "");
	fprintf(to, "%12.6f %d %-12s |%-60s| %-12s %c %s\n", r->time / 1e6,
		r->who / 2 + 1, server ? "" : state, arrow,
		server ? state : "", r->dir, toytcp_cause_name(r->cause));
}

/*
 * The time, the connection, the client's column on the left and the server's
 * on the right.
 */
void trace_ladder(const struct world *w, FILE *to)
{
	const struct trace *t = &w->trace;
	u64 i;

	if (first_kept(t))
		fprintf(to, "(%llu earlier records left out)\n",
			(unsigned long long)first_kept(t));
	for (i = first_kept(t); i < t->count; i++)
		print_rung(&t->records[i % t->room], to);
}
