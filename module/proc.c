// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/toytcp/: connections, listeners and counters of a namespace. The
 * table is read without locking sockets: the numbers in a line may be from
 * slightly different moments. An entry that stays in the table while the file
 * is read is shown exactly once. Context: process.
 */
#include <linux/inet.h>
#include <linux/seq_file_net.h>

#include "toytcp.h"

/* What a line of "connections" says, but for the four-tuple. */
struct line {
	struct status status;
	u32 left;			/* ms until its timer expires */
	kuid_t uid;
	u64 inode;			/* 0 if no user is left */
};

struct reader {
	struct seq_net_private net;	/* must be first */
	bool privileged;		/* may see sequence numbers */
};

static void fill_sock(struct line *line, struct toytcp_entry *entry)
{
	struct sock *sk = toytcp_entry_sock(entry);
	/* Without the lock on purpose: see above. */
	const struct tcb tcb = data_race(toytcp_sk(sk)->tcb);
	u64 now = toytcp_now();

	toytcp_user_status(&tcb, &line->status);
	if (line->status.deadline > now)
		line->left = div_u64(line->status.deadline - now, MSEC);
	line->uid = READ_ONCE(sk->sk_uid);
	line->inode = sock_i_ino(sk);
}

static u32 msecs_left(const struct toytcp_waitlist *list,
		      const struct toytcp_waiting *w, int n)
{
	long left = READ_ONCE(w->since) + READ_ONCE(list->wait[n]) - jiffies;

	return left > 0 ? jiffies_to_msecs(left) : 0;
}

static void fill_request(struct line *line, const struct toytcp_entry *entry)
{
	const struct toytcp_request *e =
		container_of(entry, struct toytcp_request, entry);

	line->uid = e->route.uid;
	line->left = msecs_left(&e->listener->requests, &e->waiting,
				READ_ONCE(e->core.repeated));
	line->status = (struct status){
		.state = TCP_SYN_RECV,
		.timer = "rto",
		.retransmits = READ_ONCE(e->core.repeated),
		.snd_una = e->core.iss,
		.snd_nxt = e->core.iss + 1,
		.snd_wnd = e->core.wnd,
		.mss = e->core.mss,
		.rcv_nxt = e->core.irs + 1,
		.rcv_wnd = e->core.window,
	};
}

static void fill_timewait(struct line *line, const struct toytcp_net *tn,
			  const struct toytcp_entry *entry)
{
	const struct toytcp_timewait *r =
		container_of(entry, struct toytcp_timewait, entry);

	line->uid = r->claim.uid;
	line->left = msecs_left(&tn->timewaits, &r->waiting, 0);
	line->status = (struct status){
		.state = TCP_TIME_WAIT,
		.timer = "2msl",
		.snd_una = r->core.snd_nxt,
		.snd_nxt = r->core.snd_nxt,
		.rcv_nxt = r->core.rcv_nxt,
		.rcv_wnd = (u32)r->core.wnd << r->core.rcv_wscale,
	};
}

static int show_connection(struct seq_file *seq, void *v)
{
	const struct reader *reader = seq->private;
	struct toytcp_entry *entry = v;
	struct line line = {};
	const struct status *s = &line.status;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "local remote state send_queue recv_queue ");
		seq_puts(seq, "retransmits timer uid inode cwnd ssthresh ");
		seq_puts(seq, "srtt_us rto_us snd_una snd_nxt rcv_nxt ");
		seq_puts(seq, "snd_wnd rcv_wnd mss\n");
		return 0;
	}
	if (entry->kind == ENTRY_SOCKET)
		fill_sock(&line, entry);
	else if (entry->kind == ENTRY_REQUEST)
		fill_request(&line, entry);
	else
		fill_timewait(&line, toytcp_net(seq_file_net(seq)), entry);
	if (s->state == TCP_CLOSE)	/* about to leave the table */
		return SEQ_SKIP;
	seq_printf(seq, "%pI4:%u %pI4:%u %s %u %u %u ", &entry->local,
		   entry->lport, &entry->remote, entry->rport,
		   toytcp_tcb_state_name(s->state), s->send_queue,
		   s->recv_queue, s->retransmits);
	if (s->timer)
		seq_printf(seq, "%s:%u.%03u", s->timer, line.left / 1000,
			   line.left % 1000);
	else
		seq_putc(seq, '-');
	seq_printf(seq, " %u %llu %u %u %u %u",
		   from_kuid_munged(seq_user_ns(seq), line.uid), line.inode,
		   s->cwnd, s->ssthresh, s->srtt, s->rto);
	/* Sequence numbers suffice to forge a reset. */
	if (reader->privileged)
		seq_printf(seq, " %u %u %u", s->snd_una, s->snd_nxt,
			   s->rcv_nxt);
	else
		seq_puts(seq, " 0 0 0");
	seq_printf(seq, " %u %u %u\n", s->snd_wnd, s->rcv_wnd, s->mss);
	return 0;
}

/* The position is the hash of the entry to be shown: the table's cursor. */
static void *next_line(struct seq_file *seq, void *v, loff_t *pos)
{
	u64 hash = *pos;
	void *entry = toytcp_table_next(toytcp_net(seq_file_net(seq)), &hash);

	*pos = entry ? hash : LLONG_MAX;
	return entry;
}

static void *first_line(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	struct reader *reader = seq->private;

	reader->privileged = toytcp_procfile_privileged(seq);
	rcu_read_lock();
	if (!*pos)
		return SEQ_START_TOKEN;
	--*pos;
	return next_line(seq, NULL, pos);
}

static void stop_lines(struct seq_file *seq, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static int show_listeners(struct seq_file *seq, void *v)
{
	struct toytcp_net *tn = toytcp_net(seq_file_single_net(seq));
	const struct toytcp_listener *l;
	int slot;

	seq_puts(seq, "local embryos accept_queue backlog uid inode\n");
	rcu_read_lock();
	hash_for_each_rcu(tn->ports.listeners, slot, l, node)
		seq_printf(seq, "%pI4:%u %u %u %u %u %llu\n",
			   &inet_sk(l->sk)->inet_rcv_saddr,
			   inet_sk(l->sk)->inet_num,
			   READ_ONCE(l->requests.count),
			   READ_ONCE(l->sk->sk_ack_backlog),
			   READ_ONCE(l->sk->sk_max_ack_backlog),
			   from_kuid_munged(seq_user_ns(seq),
					    READ_ONCE(l->sk->sk_uid)),
			   (u64)sock_i_ino(l->sk));
	rcu_read_unlock();
	return 0;
}

#define MIB_NAME(name, ...)	#name,
static const char *const counter_names[MIB_COUNT] = {
	TOYTCP_MIBS(MIB_NAME)
	TOYTCP_DROPS(MIB_NAME)
};

static int show_stats(struct seq_file *seq, void *v)
{
	struct toytcp_net *tn = toytcp_net(seq_file_single_net(seq));
	u32 entries = READ_ONCE(tn->table.count);
	u32 timewaits = READ_ONCE(tn->timewaits.count);
	struct toytcp_listener *l;
	u32 listeners = 0;
	unsigned long sum;
	int i, cpu;

	rcu_read_lock();
	hash_for_each_rcu(tn->ports.listeners, i, l, node)
		listeners++;
	rcu_read_unlock();
	seq_puts(seq, "name value\n");
	/* They are counted one after the other. */
	seq_printf(seq, "connections %u\n", entries - min(timewaits, entries));
	seq_printf(seq, "time_wait %u\n", timewaits);
	seq_printf(seq, "listeners %u\n", listeners);
	for (i = 0; i < MIB_COUNT; i++) {
		sum = 0;	/* right even if one CPU's counter wraps */
		for_each_possible_cpu(cpu)
			sum += READ_ONCE(per_cpu_ptr(tn->mib, cpu)->counter[i]);
		seq_printf(seq, "%s %lu\n", counter_names[i], sum);
	}
	return 0;
}

/* Only sockets have a user who wants it; other entries end by themselves. */
static int abort_connection(struct toytcp_net *tn,
			    const struct toytcp_tuple *who)
{
	struct toytcp_entry *entry;
	struct sock *sk = NULL;
	int err = -ENOENT;

	rcu_read_lock();
	entry = toytcp_table_find(tn, who, NULL);
	if (entry && entry->kind != ENTRY_SOCKET)
		err = -EOPNOTSUPP;
	else if (entry &&
		 refcount_inc_not_zero(&toytcp_entry_sock(entry)->sk_refcnt))
		sk = toytcp_entry_sock(entry);
	rcu_read_unlock();
	if (!sk)
		return err;
	lock_sock(sk);
	/* Before it was locked, it may have become another connection. */
	if (sk->sk_state != TCP_CLOSE &&
	    toytcp_tuple_same(&toytcp_sk(sk)->entry.who, who)) {
		toytcp_settle_abort(sk, ECONNABORTED);
		err = 0;
	}
	release_sock(sk);
	sock_put(sk);
	return err;
}

static bool parse_endpoint(const char *text, __be32 *addr, u16 *port)
{
	const char *colon;

	return in4_pton(text, -1, (u8 *)addr, ':', &colon) && *colon == ':' &&
	       !kstrtou16(colon + 1, 10, port);
}

/* The one command of "connections": abort LOCAL REMOTE. */
static int proc_command(struct file *file, char *text, size_t size)
{
	struct seq_file *seq = file->private_data;
	char *remote = strim(text);
	char *verb = strsep(&remote, " "), *local = strsep(&remote, " ");
	struct toytcp_tuple who;

	if (!toytcp_procfile_privileged(seq))
		return -EPERM;
	if (!remote || strcmp(verb, "abort") ||
	    !parse_endpoint(local, &who.local, &who.lport) ||
	    !parse_endpoint(remote, &who.remote, &who.rport))
		return -EINVAL;
	return abort_connection(toytcp_net(seq_file_net(seq)), &who);
}

static const struct seq_operations connections_ops = {
	.start	= first_line,
	.next	= next_line,
	.stop	= stop_lines,
	.show	= show_connection,
};

/* Makes /proc/net/toytcp/: 0 or -ENOMEM. */
int toytcp_proc_init(struct toytcp_net *tn)
{
	tn->proc = proc_net_mkdir(tn->net, "toytcp", tn->net->proc_net);
	return tn->proc &&
	       toytcp_procfile_add(tn, "connections", &connections_ops,
				   proc_command, sizeof(struct reader)) &&
	       proc_create_net_single("listeners", 0444, tn->proc,
				      show_listeners, NULL) &&
	       proc_create_net_single("stats", 0444, tn->proc, show_stats,
				      NULL) ? 0 : -ENOMEM;
}
