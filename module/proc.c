// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/toytcp/: what people see of a namespace, a line for each thing.
 *
 * The table is read without any socket's lock: a line's numbers may be those of
 * slightly different moments. What stays in the table while the file is read is
 * shown exactly once. (The file "events" is made by events.c.)
 */
#include <linux/inet.h>
#include <linux/proc_fs.h>
#include <linux/seq_file_net.h>
#include <net/ip.h>
#include <net/tcp_states.h>

#include "toytcp.h"

/* What a line of connections says beside the four-tuple. */
struct line {
	u32 send_queue;			/* bytes not yet acknowledged */
	u32 recv_queue;			/* bytes not yet read */
	const char *timer;		/* what it waits for next, or NULL */
	u32 left;			/* milliseconds until then */
	kuid_t uid;
	u64 inode;			/* 0 if no user is left */
	struct tcb tcb;			/* the state and further numbers */
};

/* An open file of connections. */
struct reader {
	struct seq_net_private net;	/* must be first */
	bool privileged;		/* may see sequence numbers */
};

static struct toytcp_net *net_of(struct seq_file *seq)
{
	return toytcp_net(seq_file_net(seq));
}

/* A difference of sequence numbers read at different moments. */
static u32 span(u32 from, u32 to)
{
	return max_t(s32, to - from, 0);
}

/* SYN and FIN take numbers, but are not bytes that anybody sent. */
static void fill_queues(struct line *line)
{
	const struct tcb *tcb = &line->tcb;
	bool syn = toytcp_tcb_in(tcb, STATES_SYN);

	line->send_queue = span(syn ? tcb->snd.iss + 1 : tcb->snd.una,
				tcb->snd.end);
	if (tcb->state != TCP_SYN_SENT)
		line->recv_queue = span(tcb->rcv.copied + tcb->fin_received,
					tcb->rcv.nxt);
}

static const char *timer_name(const struct tcb *tcb, int timer)
{
	switch (timer) {
	case TIMER_RETRANSMIT:
		return tcb->persist ? "persist" : "rto";
	case TIMER_ACK:
		return "ack";
	default:
		return tcb->orphan && tcb->state == TCP_FIN_WAIT2 ?
			"fin-wait" : "keep";
	}
}

static void fill_timer(struct line *line)
{
	const struct tcb *tcb = &line->tcb;
	u64 next = toytcp_timeout_next(tcb), now = toytcp_now();
	int i;

	for (i = 0; i < TIMERS; i++)
		if (next && tcb->deadline[i] == next)
			line->timer = timer_name(tcb, i);
	if (next > now)
		line->left = div_u64(next - now, MSEC);
}

static void fill_jiffies(struct line *line, const char *timer,
			 unsigned long deadline)
{
	long left = deadline - jiffies;

	line->timer = timer;
	line->left = left > 0 ? jiffies_to_msecs(left) : 0;
}

static void fill_sock(struct line *line, struct toytcp_entry *entry)
{
	struct sock *sk = toytcp_entry_sock(entry);

	/* Without the lock on purpose: see above. */
	line->tcb = data_race(toytcp_sk(sk)->tcb);
	line->uid = READ_ONCE(sk->sk_uid);
	line->inode = sock_i_ino(sk);
	fill_queues(line);
	fill_timer(line);
}

static void fill_request(struct line *line, const struct toytcp_entry *entry)
{
	const struct toytcp_request *e =
		container_of(entry, struct toytcp_request, entry);

	line->tcb.state = TCP_SYN_RECV;
	line->uid = e->route.uid;
	line->tcb.retransmits = READ_ONCE(e->core.repeated);
	line->tcb.snd.una = e->core.iss;
	line->tcb.snd.nxt = e->core.iss + 1;
	line->tcb.snd.wnd = e->core.wnd;
	line->tcb.snd.mss = e->core.mss;
	line->tcb.rcv.nxt = e->core.irs + 1;
	line->tcb.rcv.adv = line->tcb.rcv.nxt + e->core.window;
	fill_jiffies(line, "rto", READ_ONCE(e->deadline));
}

static void fill_timewait(struct line *line, const struct toytcp_entry *entry)
{
	const struct toytcp_timewait *r =
		container_of(entry, struct toytcp_timewait, entry);

	line->tcb.state = TCP_TIME_WAIT;
	line->uid = r->claim.uid;
	line->tcb.snd.una = r->core.snd_nxt;
	line->tcb.snd.nxt = r->core.snd_nxt;
	line->tcb.rcv.nxt = r->core.rcv_nxt;
	line->tcb.rcv.adv = r->core.rcv_nxt +
		((u32)r->core.wnd << r->core.rcv_wscale);
	fill_jiffies(line, "2msl", READ_ONCE(r->deadline));
}

/* Whoever knows them can forge a segment or a reset: only windows remain. */
static void hide_numbers(struct tcb *tcb)
{
	tcb->rcv.adv -= tcb->rcv.nxt;
	tcb->rcv.nxt = 0;
	tcb->snd.una = 0;
	tcb->snd.nxt = 0;
}

static u32 uid_for(struct seq_file *seq, kuid_t uid)
{
	return from_kuid_munged(seq_user_ns(seq), uid);
}

static void show_line(struct seq_file *seq, const struct line *line)
{
	const struct tcb *tcb = &line->tcb;

	seq_printf(seq, " %s %u %u %u ", toytcp_tcb_state_name(tcb->state),
		   line->send_queue, line->recv_queue, tcb->retransmits);
	if (line->timer)
		seq_printf(seq, "%s:%u.%03u", line->timer, line->left / 1000,
			   line->left % 1000);
	else
		seq_putc(seq, '-');
	seq_printf(seq, " %u %llu", uid_for(seq, line->uid), line->inode);
	seq_printf(seq, " %u %u %u %u", tcb->cc.cwnd, tcb->cc.ssthresh,
		   tcb->rtt.srtt, tcb->rtt.rto);
	seq_printf(seq, " %u %u %u", tcb->snd.una, tcb->snd.nxt, tcb->rcv.nxt);
	seq_printf(seq, " %u %u %u\n", tcb->snd.wnd,
		   span(tcb->rcv.nxt, tcb->rcv.adv), tcb->snd.mss);
}

static int show_connection(struct seq_file *seq, void *v)
{
	const struct reader *reader = seq->private;
	struct toytcp_entry *entry = v;
	struct line line;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "local remote state send_queue recv_queue ");
		seq_puts(seq, "retransmits timer uid inode cwnd ssthresh ");
		seq_puts(seq, "srtt_us rto_us snd_una snd_nxt rcv_nxt ");
		seq_puts(seq, "snd_wnd rcv_wnd mss\n");
		return 0;
	}
	memset(&line, 0, sizeof(line));
	if (entry->kind == ENTRY_SOCKET)
		fill_sock(&line, entry);
	else if (entry->kind == ENTRY_REQUEST)
		fill_request(&line, entry);
	else
		fill_timewait(&line, entry);
	if (line.tcb.state == TCP_CLOSE)	/* about to leave the table */
		return SEQ_SKIP;
	if (!reader->privileged)
		hide_numbers(&line.tcb);
	seq_printf(seq, "%pI4:%u %pI4:%u", &entry->local, entry->lport,
		   &entry->remote, entry->rport);
	show_line(seq, &line);
	return 0;
}

/* A file's position is the hash of the entry to be shown: the table's cursor. */
static void *entry_after(struct seq_file *seq, u64 hash, loff_t *pos)
{
	void *entry = toytcp_table_next(net_of(seq), &hash);

	*pos = entry ? hash : LLONG_MAX;
	return entry;
}

static void *start(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	struct reader *reader = seq->private;

	reader->privileged = toytcp_procfile_privileged(seq);
	rcu_read_lock();
	return *pos ? entry_after(seq, *pos - 1, pos) : SEQ_START_TOKEN;
}

static void *next(struct seq_file *seq, void *v, loff_t *pos)
{
	return entry_after(seq, *pos, pos);
}

static void stop(struct seq_file *seq, void *v)
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
			   READ_ONCE(l->request_count),
			   READ_ONCE(l->sk->sk_ack_backlog),
			   READ_ONCE(l->sk->sk_max_ack_backlog),
			   uid_for(seq, READ_ONCE(l->sk->sk_uid)),
			   (u64)sock_i_ino(l->sk));
	rcu_read_unlock();
	return 0;
}

#define MIB_NAME(name, ...)	#name,
static const char *const counter_names[MIB_COUNT] = {
	TOYTCP_MIBS(MIB_NAME)
	TOYTCP_DROPS(MIB_NAME)
};

/* The counters of single CPUs may wrap around: their sum is still right. */
static unsigned long sum_of(const struct toytcp_net *tn, int item)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(tn->mib, cpu)->counter[item]);
	return sum;
}

static int show_stats(struct seq_file *seq, void *v)
{
	struct toytcp_net *tn = toytcp_net(seq_file_single_net(seq));
	u32 entries = READ_ONCE(tn->table.count);
	u32 timewaits = READ_ONCE(tn->timewaits.count);
	struct toytcp_listener *l;
	u32 listeners = 0;
	int i;

	rcu_read_lock();
	hash_for_each_rcu(tn->ports.listeners, i, l, node)
		listeners++;
	rcu_read_unlock();
	seq_puts(seq, "name value\n");
	seq_printf(seq, "connections %u\n", span(timewaits, entries));
	seq_printf(seq, "time_wait %u\n", timewaits);
	seq_printf(seq, "listeners %u\n", listeners);
	for (i = 0; i < MIB_COUNT; i++)
		seq_printf(seq, "%s %lu\n", counter_names[i], sum_of(tn, i));
	return 0;
}

/*
 * Only sockets are anybody's; other entries end by themselves. Until it is
 * locked, a socket may have become another connection.
 */
static int abort_connection(struct toytcp_net *tn,
			    const struct toytcp_tuple *who)
{
	struct toytcp_entry *entry;
	struct sock *sk = NULL;
	int err = -ENOENT;

	rcu_read_lock();
	entry = toytcp_table_find(tn, who);
	if (entry && entry->kind != ENTRY_SOCKET)
		err = -EOPNOTSUPP;
	else if (entry &&
		 refcount_inc_not_zero(&toytcp_entry_sock(entry)->sk_refcnt))
		sk = toytcp_entry_sock(entry);
	rcu_read_unlock();
	if (!sk)
		return err;
	lock_sock(sk);
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

static bool parse_abort(char *text, struct toytcp_tuple *who)
{
	char *verb = strsep(&text, " ");
	char *local = strsep(&text, " ");

	return text && !strcmp(verb, "abort") &&
	       parse_endpoint(local, &who->local, &who->lport) &&
	       parse_endpoint(text, &who->remote, &who->rport);
}

/* The one command of "connections": abort LOCAL REMOTE. */
static int obey(struct file *file, char *text, size_t size)
{
	struct toytcp_tuple who;

	if (!toytcp_procfile_privileged(file->private_data))
		return -EPERM;
	if (!parse_abort(strim(text), &who))
		return -EINVAL;
	return abort_connection(net_of(file->private_data), &who);
}

static const struct seq_operations connections_ops = {
	.start	= start,
	.next	= next,
	.stop	= stop,
	.show	= show_connection,
};

/** toytcp_proc_init() - make /proc/net/toytcp/: 0 or -ENOMEM */
int toytcp_proc_init(struct toytcp_net *tn)
{
	tn->proc = proc_net_mkdir(tn->net, "toytcp", tn->net->proc_net);
	if (tn->proc &&
	    toytcp_procfile_add(tn, "connections", &connections_ops, obey,
				sizeof(struct reader)) &&
	    proc_create_net_single("listeners", 0444, tn->proc,
				   show_listeners, NULL) &&
	    proc_create_net_single("stats", 0444, tn->proc, show_stats, NULL))
		return 0;
	return -ENOMEM;
}
