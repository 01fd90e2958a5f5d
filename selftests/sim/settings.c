// SPDX-License-Identifier: GPL-2.0
/*
 * What a run is like: each setting's name and range, and its value where nothing
 * is to go wrong.
 */
#include <stdlib.h>

#include "sim.h"

#define PATH(knob)	offsetof(struct settings, path[knob]), 2
#define ONE(field)	offsetof(struct settings, field), 1
#define BOTH(field)	offsetof(struct settings, field), 2	/* ends */

/**
 * struct row - a setting that is a number
 * @what: what it means, for the usage text
 * @at: where it is in struct settings
 * @values: how many there are: two if the ways may differ
 * @scale: what people say times this is what is kept
 * @low: the least that people may say
 * @high: the most
 * @calm: the value, as kept, in a run without surprises
 */
static const struct row {
	const char *name, *unit, *what;
	size_t at;
	u32 values;
	double scale, low, high;
	s64 calm;
} rows[] = {
	{ "loss", "PCT", "packets lost", PATH(LOSS), 1e4, 0, 100, 0 },
	{ "mark", "PCT", "marked by a router (ECN) instead", PATH(MARK), 1e4,
	  0, 100, 0 },
	{ "dup", "PCT", "delivered twice", PATH(DUP), 1e4, 0, 100, 0 },
	{ "reorder", "PCT", "late, so that others overtake", PATH(REORDER),
	  1e4, 0, 100, 0 },
	{ "early", "PCT", "early: these overtake others", PATH(EARLY), 1e4,
	  0, 100, 0 },
	{ "corrupt", "PCT", "damaged on the way", PATH(CORRUPT), 1e4,
	  0, 100, 0 },
	{ "delay", "MS", "time on the way", PATH(DELAY), MSEC, 0, 30000,
	  10 * MSEC },
	{ "rtt", "MS", "twice the delay", PATH(DELAY), MSEC / 2, 0, 60000,
	  10 * MSEC },
	{ "rate", "N", "bytes a second; 0: no limit", PATH(RATE), 1, 0, 1e12,
	  0 },
	{ "queue", "BYTES", "that may wait for the rate; 0: no limit",
	  PATH(QUEUE), 1, 0, 1e12, 0 },
	{ "dither", "BYTES", "by which the queue's end varies at random",
	  ONE(dither), 1, 0, 1e6, 0 },
	{ "mtu", "BYTES", "of the largest packet", PATH(MTU), 1, 88, 65535,
	  1500 },
	{ "down", "0|1", "1: nothing gets through", PATH(DOWN), 1, 0, 1, 0 },
	{ "bytes", "N", "the client sends", ONE(bytes), 1, 0, BYTES_MAX,
	  5000 },
	{ "reply", "N", "the server sends; else half of that", ONE(reply), 1,
	  0, BYTES_MAX, -1 },
	{ "window", "BYTES", "receive buffer", ONE(window), 1, 1, WINDOW_MAX,
	  65536 },
	{ "buffer", "BYTES", "what it may grow to; 0: it does not",
	  ONE(buffer), 1, 0, WINDOW_MAX, 0 },
	{ "connections", "N", "that share the path", ONE(connections), 1, 1,
	  CONNECTIONS_MOST, 1 },
	{ "pause", "MS", "in which the server reads nothing, at first",
	  ONE(pause), MSEC, 0, 3600000, 0 },
	{ "rounds", "N", "of question and answer, each a share of all",
	  ONE(rounds), 1, 1, ROUNDS_MOST, 1 },
	{ "sndbuf", "BYTES", "send buffer; 0: as large as it takes",
	  ONE(sndbuf), 1, 0, WINDOW_MAX, 0 },
	{ "sack", "0|1", "the client, the server speaks SACK", BOTH(sack), 1,
	  0, 1, 1 },
	{ "dsack", "0|1", "and tells what came twice", BOTH(dsack), 1, 0, 1,
	  1 },
	{ "timestamps", "0|1", "and speaks timestamps", BOTH(stamps), 1, 0, 1,
	  1 },
};

static s64 *values_of(struct settings *set, const struct row *row)
{
	return (s64 *)((char *)set + row->at);
}

void settings_init(struct settings *set)
{
	memset(set, 0, sizeof(*set));
	memset(set->path, 0xff, sizeof(set->path));
	set->bytes = -1;
	set->reply = -1;
	set->window = -1;
	set->buffer = -1;
	set->connections = -1;
	set->rounds = -1;
	set->sndbuf = -1;
	memset(set->sack, 0xff, sizeof(set->sack));
	memset(set->dsack, 0xff, sizeof(set->dsack));
	memset(set->stamps, 0xff, sizeof(set->stamps));
	set->congestion[0] = -1;
	set->congestion[1] = -1;
}

static const struct row *find_row(const char *name, size_t length)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].name) == length &&
		    !memcmp(rows[i].name, name, length))
			return &rows[i];
	return NULL;
}

static bool parse_number(const struct row *row, const char **text, s64 *value)
{
	char *rest;
	double number = strtod(*text, &rest);

	if (rest == *text || !(number >= row->low) || !(number <= row->high))
		return false;
	*value = (s64)(number * row->scale);
	*text = rest;
	return true;
}

/* "5" for both ways, or "5,1": there and back. */
static bool parse_values(const struct row *row, const char *text, s64 *value)
{
	if (!parse_number(row, &text, value))
		return false;
	if (row->values == 2) {
		value[1] = value[0];
		if (*text == ',' && (++text, !parse_number(row, &text,
							   &value[1])))
			return false;
	}
	return !*text;
}

static bool is_path(const struct row *row)
{
	return row->at < offsetof(struct settings, path) +
			 sizeof(((struct settings *)NULL)->path);
}

/* "300:mtu=576": after 300 ms. In the order of their times. */
static bool take_change(struct settings *set, const char *text)
{
	char *name;
	double when = strtod(text, &name);
	const char *value = strchr(text, '=');
	struct change *c = &set->changes[set->changed];
	const struct row *row;

	if (name == text || *name != ':' || !value || value <= name ||
	    !(when >= 0) || !(when < 1e9) || set->changed == CHANGES_MOST)
		return false;
	row = find_row(name + 1, (size_t)(value - name - 1));
	if (!row || !is_path(row) || !parse_values(row, value + 1, c->to))
		return false;
	c->when = (s64)(when * MSEC);
	c->knob = (enum knob)((row->at - offsetof(struct settings, path)) /
			      sizeof(set->path[0]));
	set->changed++;
	return set->changed == 1 || c[-1].when <= c->when;
}

/* "cubic", or "cubic,reno": the client's and the server's. */
static bool take_congestion(struct settings *set, const char *text)
{
	const char *comma = strchr(text, ',');
	char name[16];

	snprintf(name, sizeof(name), "%.*s",
		 (int)(comma ? (size_t)(comma - text) : strlen(text)), text);
	set->congestion[0] = toytcp_congestion_find(name);
	set->congestion[1] = comma ? toytcp_congestion_find(comma + 1) :
				     set->congestion[0];
	return set->congestion[0] >= 0 && set->congestion[1] >= 0;
}

/* "c5,s2": the client's fifth segment, and the server's second. */
static bool take_lost(struct settings *set, const char *text)
{
	char who, end = ',';
	u32 n, i;
	int took;

	for (; end == ','; text += took) {
		took = 0;
		if (sscanf(text, "%c%6u%n", &who, &n, &took) != 2 || !n ||
		    (who != 'c' && who != 's') || text[1] < '0')
			return false;
		for (i = 0; set->lose[who == 's'][i]; i++)
			if (i == LOSE_MOST - 1)
				return false;
		set->lose[who == 's'][i] = n;
		end = text[took];
		took += end == ',';
	}
	return !end;
}

/* "300:rst:100": after 300 ms, a hundred beyond what is expected. */
static bool take_forgery(struct settings *set, const char *text)
{
	struct forgery *f = &set->forgeries[set->forged];
	double when;
	char kind[4];
	int offset, end = 0;

	if (set->forged == CHANGES_MOST ||
	    sscanf(text, "%lf:%3[a-z]:%d%n", &when, kind, &offset, &end) != 3 ||
	    text[end] || !(when >= 0) || !(when < 1e9))
		return false;
	f->when = (s64)(when * MSEC);
	f->offset = (u32)offset;
	f->ctl = strcmp(kind, "rst") ? CTL_SYN : CTL_RST;
	set->forged++;
	return (f->ctl == CTL_RST || !strcmp(kind, "syn")) &&
	       (set->forged == 1 || f[-1].when <= f->when);
}

/* "open", "close" or "open,close". */
static bool take_both(struct settings *set, const char *text)
{
	if (strcmp(text, "close"))
		set->both |= BOTH_OPEN;
	if (strcmp(text, "open"))
		set->both |= BOTH_CLOSE;
	return !strcmp(text, "open") || !strcmp(text, "close") ||
	       !strcmp(text, "open,close");
}

/* --NAME TEXT of the command line. Returns whether there is such a setting. */
bool settings_take(struct settings *set, const char *name, const char *text)
{
	const struct row *row;

	if (!text)
		return false;
	if (!strcmp(name, "at"))
		return take_change(set, text);
	if (!strcmp(name, "congestion"))
		return take_congestion(set, text);
	if (!strcmp(name, "mischief"))
		return mischief_parse(text, &set->mischief);
	if (!strcmp(name, "lose"))
		return take_lost(set, text);
	if (!strcmp(name, "forge"))
		return take_forgery(set, text);
	if (!strcmp(name, "both"))
		return take_both(set, text);
	row = find_row(name, strlen(name));
	return row && parse_values(row, text, values_of(set, row));
}

void settings_usage(FILE *to)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		int width = 22 - (int)strlen(row->name);

		fprintf(to, "  --%s %-*s  %s", row->name, width,
			row->unit, row->what);
		if (row->calm > 0)
			fprintf(to, " (%.10g)", row->calm / row->scale);
		fputc('\n', to);
	}
	fputs("  --lose cN,sN,...           the client's, the server's Nth segment is lost\n"
	      "  --both open|close          both ends do it at once\n"
	      "  --forge MS:rst|syn:OFFSET  a stranger's, to the server, OFFSET beyond the\n"
	      "                             number it expects then\n"
	      "  --at MS:NAME=VALUE         then the path changes: 300:mtu=576\n"
	      "  --congestion NAME[,NAME]   reno or cubic (cubic); of client and server\n"
	      "  --mischief NAME,...        somebody does wrong; the names are\n    ",
	      to);
	mischief_print(~0u, to);
	fputs("\nWhat is about the path takes a second value for the way back: --loss 5,0\n",
	      to);
}

static void print_values(const struct row *row, const s64 *value, FILE *to)
{
	fprintf(to, "%.10g", value[0] / row->scale);
	if (row->values == 2 && value[0] != value[1])
		fprintf(to, ",%.10g", value[1] / row->scale);
}

static const struct row *row_of(enum knob knob)
{
	u32 i = 0;

	while (rows[i].at != offsetof(struct settings, path) +
			     knob * sizeof(s64[2]))
		i++;
	return &rows[i];
}

/* As options, all of them, however they came about. */
void settings_print(const struct settings *set, FILE *to)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (!strcmp(row->name, "rtt"))	/* twice the delay */
			continue;
		if (*values_of((struct settings *)set, row) < 0)
			continue;	/* each end has its own chances */
		fprintf(to, "--%s ", row->name);
		print_values(row, values_of((struct settings *)set, row), to);
		fputc(' ', to);
	}
	for (i = 0; i < set->changed; i++) {
		const struct change *c = &set->changes[i];

		fprintf(to, "--at %.10g:%s=", c->when / (double)MSEC,
			row_of(c->knob)->name);
		print_values(row_of(c->knob), c->to, to);
		fputc(' ', to);
	}
	fprintf(to, "--congestion %s,%s ",
		toytcp_congestion_name((u32)set->congestion[0]),
		toytcp_congestion_name((u32)set->congestion[1]));
	for (i = 0; i < 2 * LOSE_MOST; i++)
		if (set->lose[i % 2][i / 2])
			fprintf(to, "--lose %c%u ", "cs"[i % 2],
				set->lose[i % 2][i / 2]);
	for (i = 0; i < set->forged; i++)
		fprintf(to, "--forge %.10g:%s:%d ",
			set->forgeries[i].when / (double)MSEC,
			set->forgeries[i].ctl == CTL_RST ? "rst" : "syn",
			(s32)set->forgeries[i].offset);
	for (i = BOTH_OPEN; i <= BOTH_CLOSE; i <<= 1)
		if (set->both & i)
			fprintf(to, "--both %s ",
				i == BOTH_OPEN ? "open" : "close");
	if (set->mischief) {
		fputs("--mischief ", to);
		mischief_print(set->mischief, to);
		fputc(' ', to);
	}
	fprintf(to, "%s%s\n", set->silent ? "silent " : "",
		set->unscaled ? "unscaled " : "");
}

/* What nobody asked for is as it should be. */
void settings_calm(struct settings *set)
{
	u32 i, n;

	for (i = 0; i < 2; i++)
		if (set->congestion[i] < 0)
			set->congestion[i] = toytcp_congestion_find("cubic");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		s64 *value = values_of(set, &rows[i]);

		for (n = 0; n < rows[i].values; n++)
			if (value[n] < 0)
				value[n] = rows[i].calm;
	}
	if (set->reply < 0)
		set->reply = set->bytes / 2;
}
