// SPDX-License-Identifier: GPL-2.0
/* Ranges in any order, beside a plain map of the bytes that are there. */
#include <stdlib.h>

#include "../../module/core/reassembly.h"
#include "../../module/core/seq.h"
#include "input.h"

#define SPAN	600u
#define NODES	400u

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct map {
	bool there[SPAN + 1];
	struct reassembly r;
	struct reassembly_node nodes[NODES];
	u32 base, taken, used;
};

static void must(bool condition)
{
	if (!condition)
		abort();
}

static bool all_there(const struct map *m, u32 from, u32 to)
{
	for (; from < to; from++)
		if (!m->there[from])
			return false;
	return true;
}

static void add(struct map *m, u32 from, u32 to, bool fin)
{
	struct reassembly_node *node = &m->nodes[m->used];

	if (m->used == NODES || from > to || (from == to && !fin))
		return;
	node->seq = m->base + from;
	node->end = m->base + to;
	node->fin = fin;
	if (toytcp_reassembly_add(&m->r, node)) {
		m->used++;
		memset(m->there + from, 1, to - from);
	} else {
		must(all_there(m, from, to));
	}
}

/* What comes out covers what the map has from there on, and no more. */
static void take(struct map *m, u32 nxt)
{
	struct reassembly_node *node;
	u32 edge = nxt;

	node = toytcp_reassembly_take(&m->r, m->base + nxt);
	for (; node; node = node->next) {
		must(!seq_after(node->seq, m->base + edge));
		edge = max(edge, node->end - m->base);
	}
	must(all_there(m, nxt, edge));
	must(edge >= SPAN || !m->there[edge]);
	m->taken = edge;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct map *m = calloc(1, sizeof(*m));
	struct reassembly_node *node;
	u32 n = 0;

	m->base = take32(&in);
	while (in.left) {
		u32 from = m->taken + 1 + take16(&in) % SPAN;
		u8 len = take8(&in);

		if (len < 250)
			add(m, min(from, SPAN), min(from + len, SPAN), len & 1);
		else if (m->taken < SPAN)
			take(m, min(from - 1, SPAN));
	}
	for (node = toytcp_reassembly_purge(&m->r); node; node = node->next)
		must(++n <= m->used);
	free(m);
	return 0;
}
