// SPDX-License-Identifier: GPL-2.0
/*
 * Which segments arrived and were sent, which transitions there were, and the
 * clause behind each.
 *
 * A namespace has one ring of records, allocated when net.toytcp.events is
 * first set to 1. Recording copies a few numbers; reading formats them and does
 * not consume. Switching off keeps the records; writing "clear" to the file
 * drops them. Reading takes CAP_NET_ADMIN: sequence numbers suffice to forge.
 * Context: process; to record, any.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/seq_file_net.h>

#include "toytcp.h"

#define RING_SIZE	16384	/* records, a power of two: 1 MB */

DEFINE_STATIC_KEY_FALSE(toytcp_events_on);

static DEFINE_MUTEX(switching);	/* the key counts each namespace once */

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

/* For toytcp_event(): any context. With EVENT_NONE, @seg may be NULL. */
void toytcp_events_record(struct toytcp_net *tn,
			  const struct toytcp_tuple *who, int dir,
			  const struct segment *seg, u8 before, u8 after,
			  u8 cause)
{
	/* Pairs with the release in toytcp_events_switch(). */
	struct toytcp_ring *ring = smp_load_acquire(&tn->ring);
	struct event *e;

	if (!ring)
		return;
	spin_lock_bh(&ring->lock);
	e = &ring->events[++ring->newest % RING_SIZE];
	*e = (struct event){
		.time = toytcp_now(), .who = *who, .dir = dir,
		.before = before, .after = after, .cause = cause,
	};
	if (seg) {
		e->seq = seg->seq;
		e->ack = seg->ack;
		e->len = seg->len;
		e->wnd = seg->wnd;
		e->ctl = seg->ctl;
	}
	spin_unlock_bh(&ring->lock);
}

/* Starts or stops recording. Returns 0 or -ENOMEM. */
int toytcp_events_switch(struct toytcp_net *tn, bool on)
{
	struct toytcp_ring *ring;
	int err = 0;

	mutex_lock(&switching);
	if (on && !tn->ring) {
		ring = kvzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);
		if (ring) {
			spin_lock_init(&ring->lock);
			/* Pairs with the acquires of its users. */
			smp_store_release(&tn->ring, ring);
		} else {
			err = -ENOMEM;
		}
	}
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

/* Number of the oldest record, or of the next one if there is none. */
static u64 oldest(const struct toytcp_ring *ring)
{
	if (ring->newest - ring->cleared > RING_SIZE)
		return ring->newest - RING_SIZE + 1;
	return ring->cleared + 1;
}

static struct toytcp_ring *ring_of(struct seq_file *seq)
{
	/* Pairs with the release in toytcp_events_switch(). */
	return smp_load_acquire(&toytcp_net(seq_file_net(seq))->ring);
}

/* Record @pos, or the oldest if @pos was overwritten. */
static struct reader *fetch(struct seq_file *seq, loff_t *pos)
{
	struct toytcp_ring *ring = ring_of(seq);
	struct reader *reader = seq->private, *found = NULL;

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

static void *seq_start(struct seq_file *seq, loff_t *pos)
{
	if (!toytcp_procfile_privileged(seq))
		return ERR_PTR(-EPERM);
	return *pos ? fetch(seq, pos) : SEQ_START_TOKEN;
}

static void *seq_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return fetch(seq, pos);
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

/* Begins a reading. The first line says how many records are overwritten. */
static void show_header(struct seq_file *seq)
{
	struct toytcp_ring *ring = ring_of(seq);
	struct reader *reader = seq->private;
	u64 lost = 0;

	if (ring) {
		spin_lock_bh(&ring->lock);
		reader->end = ring->newest;
		lost = oldest(ring) - ring->cleared - 1;
		spin_unlock_bh(&ring->lock);
	}
	seq_printf(seq, "# lost=%llu\n", lost);
	seq_puts(seq, "n time_us connection dir flags seq ack len window ");
	seq_puts(seq, "before after cause\n");
}

static int seq_show(struct seq_file *seq, void *v)
{
	const struct reader *reader = seq->private;
	const struct event *e = &reader->event;

	if (v == SEQ_START_TOKEN) {
		show_header(seq);
		return 0;
	}
	seq_printf(seq, "%llu %llu %pI4:%u>%pI4:%u ", reader->n, e->time,
		   &e->who.local, e->who.lport, &e->who.remote, e->who.rport);
	if (e->dir == EVENT_NONE) {
		seq_puts(seq, "- - - - - -");
	} else {
		seq_puts(seq, e->dir == EVENT_IN ? "in " : "out ");
		show_flags(seq, e->ctl);
		seq_printf(seq, " %u ", e->seq);
		if (e->ctl & CTL_ACK)
			seq_printf(seq, "%u", e->ack);
		else
			seq_putc(seq, '-');
		seq_printf(seq, " %u %u", e->len, e->wnd);
	}
	seq_printf(seq, " %s %s %s\n", toytcp_tcb_state_name(e->before),
		   toytcp_tcb_state_name(e->after),
		   toytcp_cause_name(e->cause));
	return 0;
}

static const struct seq_operations seq_ops = {
	.start	= seq_start,
	.next	= seq_next,
	.stop	= seq_stop,
	.show	= seq_show,
};

static int events_command(struct file *file, char *text, size_t size)
{
	struct toytcp_ring *ring = ring_of(file->private_data);

	if (!toytcp_procfile_privileged(file->private_data))
		return -EPERM;
	if (strcmp(strim(text), "clear"))
		return -EINVAL;
	if (ring) {
		spin_lock_bh(&ring->lock);
		ring->cleared = ring->newest;
		spin_unlock_bh(&ring->lock);
	}
	return 0;
}

int toytcp_events_init(struct toytcp_net *tn)
{
	return toytcp_procfile_add(tn, "events", &seq_ops, events_command,
				   sizeof(struct reader)) ? 0 : -ENOMEM;
}

/* Frees the ring; files and hook are already unregistered. */
void toytcp_events_exit(struct toytcp_net *tn)
{
	toytcp_events_switch(tn, false);
	kvfree(tn->ring);
	tn->ring = NULL;
}
