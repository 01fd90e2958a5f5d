// SPDX-License-Identifier: GPL-2.0
/*
 * The exchange: which segments arrived and were sent, which transitions there
 * were, and the clause behind each.
 *
 * A namespace has one ring of fixed records, allocated when net.toytcp.events is
 * first set to 1. Recording copies a few numbers; the reader formats them, and
 * does not consume. Switching off keeps the records; writing "clear" to the file
 * drops them. Reading takes CAP_NET_ADMIN, since whoever knows the sequence
 * numbers of a connection can forge its segments.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/seq_file_net.h>

#include "toytcp.h"

#define RING_SIZE	16384	/* records, a power of two: 1 MB */

DEFINE_STATIC_KEY_FALSE(toytcp_events_on);

/* The static key counts each namespace once. */
static DEFINE_MUTEX(switching);

struct event {
	u64 time;			/* toytcp_now() */
	struct toytcp_tuple who;	/* from our side */
	u32 seq;
	u32 ack;
	u32 len;			/* bytes of text */
	u16 wnd;			/* as on the wire */
	u8 ctl;
	u8 dir;				/* EVENT_IN, EVENT_OUT or EVENT_NONE */
	u8 before;			/* states */
	u8 after;
	u8 cause;
	u8 spare[25];
};

static_assert(sizeof(struct event) == 64);

/* The recent events of a namespace. The first ever has number 1. */
struct toytcp_ring {
	spinlock_t lock;		/* all of it */
	u64 newest;			/* number of the newest record */
	u64 cleared;			/* @newest when last cleared */
	struct event events[RING_SIZE];	/* record n at n modulo RING_SIZE */
};

/* An open file. @end lets a reader that is slower than the events finish. */
struct reader {
	struct seq_net_private net;	/* must be first */
	u64 end;			/* newest record when reading began */
	u64 n;				/* the record to be shown */
	struct event event;
};

/*
 * toytcp_events_record() - write a record; see struct event. Any context. Call it
 * by toytcp_event(). With EVENT_NONE, @seg may be NULL.
 */
void toytcp_events_record(struct toytcp_net *tn,
			  const struct toytcp_tuple *who, int dir,
			  const struct segment *seg, u8 before, u8 after,
			  u8 cause)
{
	/* Pairs with the release in make_ring(). */
	struct toytcp_ring *ring = smp_load_acquire(&tn->ring);
	struct event *e;

	if (!ring)
		return;
	spin_lock_bh(&ring->lock);
	e = &ring->events[++ring->newest % RING_SIZE];
	e->time = toytcp_now();
	e->who = *who;
	if (seg) {
		e->seq = seg->seq;
		e->ack = seg->ack;
		e->len = seg->len;
		e->wnd = seg->wnd;
		e->ctl = seg->ctl;
	}
	e->dir = dir;
	e->before = before;
	e->after = after;
	e->cause = cause;
	spin_unlock_bh(&ring->lock);
}

static int make_ring(struct toytcp_net *tn)
{
	struct toytcp_ring *ring = kvzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);

	if (!ring)
		return -ENOMEM;
	spin_lock_init(&ring->lock);
	/* Pairs with the acquire in whoever uses the ring. */
	smp_store_release(&tn->ring, ring);
	return 0;
}

/** toytcp_events_switch() - start or stop recording: 0, -ENOMEM for no ring */
int toytcp_events_switch(struct toytcp_net *tn, bool on)
{
	int err = 0;

	mutex_lock(&switching);
	if (on && !tn->ring)
		err = make_ring(tn);
	if (!err && on != tn->sysctl_events) {
		WRITE_ONCE(tn->sysctl_events, on);
		if (on)
			static_branch_inc(&toytcp_events_on);
		else
			static_branch_dec(&toytcp_events_on);
	}
	mutex_unlock(&switching);
	return err;
}

/* The oldest record that is still there, or the one to be written next. */
static u64 oldest(const struct toytcp_ring *ring)
{
	if (ring->newest - ring->cleared > RING_SIZE)
		return ring->newest - RING_SIZE + 1;
	return ring->cleared + 1;
}

/* Begins a reading. Returns how many records were overwritten unread. */
static u64 begin(struct toytcp_ring *ring, struct reader *reader)
{
	u64 lost;

	if (!ring)
		return 0;
	spin_lock_bh(&ring->lock);
	reader->end = ring->newest;
	lost = oldest(ring) - ring->cleared - 1;
	spin_unlock_bh(&ring->lock);
	return lost;
}

/* Record @pos, or the oldest if @pos was overwritten meanwhile. */
static struct reader *fetch(struct toytcp_ring *ring, struct reader *reader,
			    loff_t *pos)
{
	struct reader *found = NULL;

	if (!ring)
		return NULL;
	spin_lock_bh(&ring->lock);
	*pos = max_t(u64, *pos, oldest(ring));
	if (*pos <= reader->end) {
		reader->n = *pos;
		reader->event = ring->events[reader->n % RING_SIZE];
		found = reader;
	}
	spin_unlock_bh(&ring->lock);
	return found;
}

static struct toytcp_ring *ring_of(struct seq_file *seq)
{
	/* Pairs with the release in make_ring(). */
	return smp_load_acquire(&toytcp_net(seq_file_net(seq))->ring);
}

static void *seq_start(struct seq_file *seq, loff_t *pos)
{
	if (!toytcp_procfile_privileged(seq))
		return ERR_PTR(-EPERM);
	if (!*pos)
		return SEQ_START_TOKEN;
	return fetch(ring_of(seq), seq->private, pos);
}

static void *seq_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return fetch(ring_of(seq), seq->private, pos);
}

static void seq_stop(struct seq_file *seq, void *v)
{
}

static void show_flags(struct seq_file *seq, u8 ctl)
{
	static const char names[][4] = {
		"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR",
	};
	const char *comma = "";
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(ctl & 1 << i))
			continue;
		seq_printf(seq, "%s%s", comma, names[i]);
		comma = ",";
	}
	if (!ctl)
		seq_putc(seq, '-');
}

static void show_segment(struct seq_file *seq, const struct event *e)
{
	seq_puts(seq, e->dir == EVENT_IN ? "in " : "out ");
	show_flags(seq, e->ctl);
	seq_printf(seq, " %u ", e->seq);
	if (e->ctl & CTL_ACK)
		seq_printf(seq, "%u", e->ack);
	else
		seq_putc(seq, '-');
	seq_printf(seq, " %u %u", e->len, e->wnd);
}

static void show_event(struct seq_file *seq, const struct reader *reader)
{
	const struct event *e = &reader->event;

	seq_printf(seq, "%llu %llu %pI4:%u>%pI4:%u ", reader->n, e->time,
		   &e->who.local, e->who.lport, &e->who.remote, e->who.rport);
	if (e->dir == EVENT_NONE)
		seq_puts(seq, "- - - - - -");
	else
		show_segment(seq, e);
	seq_printf(seq, " %s %s %s\n", toytcp_tcb_state_name(e->before),
		   toytcp_tcb_state_name(e->after),
		   toytcp_cause_name(e->cause));
}

static int seq_show(struct seq_file *seq, void *v)
{
	if (v != SEQ_START_TOKEN) {
		show_event(seq, v);
		return 0;
	}
	seq_printf(seq, "# lost=%llu\n", begin(ring_of(seq), seq->private));
	seq_puts(seq, "n time_us connection dir flags seq ack len window ");
	seq_puts(seq, "before after cause\n");
	return 0;
}

static const struct seq_operations seq_ops = {
	.start	= seq_start,
	.next	= seq_next,
	.stop	= seq_stop,
	.show	= seq_show,
};

static void clear(struct toytcp_ring *ring)
{
	if (!ring)
		return;
	spin_lock_bh(&ring->lock);
	ring->cleared = ring->newest;
	spin_unlock_bh(&ring->lock);
}

/* The one command of "events": clear. */
static int events_command(struct file *file, char *text, size_t size)
{
	if (!toytcp_procfile_privileged(file->private_data))
		return -EPERM;
	if (strcmp(strim(text), "clear"))
		return -EINVAL;
	clear(ring_of(file->private_data));
	return 0;
}

/** toytcp_events_init() - make /proc/net/toytcp/events: 0 or -ENOMEM */
int toytcp_events_init(struct toytcp_net *tn)
{
	return toytcp_procfile_add(tn, "events", &seq_ops, events_command,
				   sizeof(struct reader)) ? 0 : -ENOMEM;
}

/** toytcp_events_exit() - free the ring; files and hook are gone already */
void toytcp_events_exit(struct toytcp_net *tn)
{
	toytcp_events_switch(tn, false);
	kvfree(tn->ring);
	tn->ring = NULL;
}
