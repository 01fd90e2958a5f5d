// SPDX-License-Identifier: GPL-2.0
/*
 * net.toytcp.*: the settings of each network namespace.
 *
 * A handler finds the namespace by its table, which each namespace has a copy
 * of: the process that writes may be in another namespace. Context: process.
 */
#include <linux/sysctl.h>

#include "compat/compat.h"
#include "toytcp.h"

#define ALGORITHMS_SIZE	64	/* bytes, for all names together */

static int time_wait_max = 600000;
static int syn_retries_max = 127;
static int buffer_max = WINDOW_MAX;

static int handle_events(TOYTCP_CTL_CONST struct ctl_table *table, int write,
			 void *buffer, size_t *lenp, loff_t *ppos)
{
	struct toytcp_net *tn = container_of(table->data, struct toytcp_net,
					     sysctl_events);
	int value = READ_ONCE(tn->sysctl_events), err;
	struct ctl_table copy = *table;

	copy.data = &value;
	err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	return err || !write ? err : toytcp_events_switch(tn, value);
}

/* Minimum, default, maximum: all three are valid, or none is set. */
static int handle_buffer(TOYTCP_CTL_CONST struct ctl_table *table, int write,
			 void *buffer, size_t *lenp, loff_t *ppos)
{
	int *sizes = table->data;
	int value[3] = { sizes[0], sizes[1], sizes[2] };
	struct ctl_table copy = *table;
	int i, err;

	copy.data = value;
	err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	if (err || !write)
		return err;
	if (value[0] > value[1] || value[1] > value[2])
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(value); i++)
		WRITE_ONCE(sizes[i], value[i]);
	return 0;
}

static int handle_algorithm(TOYTCP_CTL_CONST struct ctl_table *table, int write,
			    void *buffer, size_t *lenp, loff_t *ppos)
{
	int *algorithm = table->data;
	struct ctl_table copy = *table;
	char value[ALGORITHMS_SIZE];
	int err;

	copy.data = value;
	copy.maxlen = sizeof(value);
	strscpy(value, toytcp_congestion_name(READ_ONCE(*algorithm)),
		sizeof(value));
	err = proc_dostring(&copy, write, buffer, lenp, ppos);
	if (err || !write)
		return err;
	err = toytcp_congestion_find(value);
	if (err < 0)
		return err;
	WRITE_ONCE(*algorithm, err);
	return 0;
}

static int show_algorithms(TOYTCP_CTL_CONST struct ctl_table *table,
			   int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	char value[ALGORITHMS_SIZE] = "";
	struct ctl_table copy = *table;
	int i;

	copy.data = value;
	for (i = 0; toytcp_congestion_name(i); i++) {
		if (i)
			strlcat(value, " ", sizeof(value));
		strlcat(value, toytcp_congestion_name(i), sizeof(value));
	}
	return proc_dostring(&copy, write, buffer, lenp, ppos);
}

/* @data is an offset here, and an address in each namespace's copy. */
#define FIELD(name, handler, least, greatest) {				\
	.procname	= #name,					\
	.data		= (void *)offsetof(struct toytcp_net, sysctl_##name), \
	.maxlen		= sizeof_field(struct toytcp_net, sysctl_##name), \
	.mode		= 0644,						\
	.proc_handler	= handler,					\
	.extra1		= least,					\
	.extra2		= greatest,					\
}

#define WITHIN(name, least, greatest) \
	FIELD(name, proc_dointvec_minmax, least, greatest)

static const struct ctl_table template[] = {
	FIELD(events, handle_events, SYSCTL_ZERO, SYSCTL_ONE),
	WITHIN(time_wait_ms, SYSCTL_ONE, &time_wait_max),
	FIELD(rmem, handle_buffer, &toytcp_buffers_min, &buffer_max),
	FIELD(wmem, handle_buffer, &toytcp_buffers_min, &buffer_max),
	WITHIN(syn_retries, SYSCTL_ONE, &syn_retries_max),
	WITHIN(orphans, SYSCTL_ZERO, SYSCTL_INT_MAX),
	WITHIN(ecn, SYSCTL_ZERO, SYSCTL_TWO),
	WITHIN(timestamps, SYSCTL_ZERO, SYSCTL_ONE),
	WITHIN(sack, SYSCTL_ZERO, SYSCTL_ONE),
	WITHIN(syncookies, SYSCTL_ZERO, SYSCTL_ONE),
	FIELD(congestion_control, handle_algorithm, NULL, NULL),
	{
		.procname	= "available_congestion_control",
		.maxlen		= ALGORITHMS_SIZE,
		.mode		= 0444,
		.proc_handler	= show_algorithms,
	},
	{}	/* for old kernels */
};

#define SETTINGS	(ARRAY_SIZE(template) - 1)

/* Sets the defaults that are not 0, and makes net.toytcp: 0 or -ENOMEM. */
int toytcp_sysctl_init(struct toytcp_net *tn)
{
	struct ctl_table *table = kcalloc(ARRAY_SIZE(template), sizeof(*table),
					  GFP_KERNEL_ACCOUNT);
	int i;

	tn->sysctl_time_wait_ms = 60000;
	/* TCP's values, which follow the machine's memory. */
	memcpy(tn->sysctl_rmem, tn->net->ipv4.sysctl_tcp_rmem,
	       sizeof(tn->sysctl_rmem));
	memcpy(tn->sysctl_wmem, tn->net->ipv4.sysctl_tcp_wmem,
	       sizeof(tn->sysctl_wmem));
	tn->sysctl_syn_retries = SYN_RETRIES;
	tn->sysctl_orphans = 8192;
	tn->sysctl_timestamps = 1;
	tn->sysctl_ecn = 2;
	tn->sysctl_sack = 1;
	tn->sysctl_syncookies = 1;
	tn->sysctl_congestion_control = toytcp_congestion_find("cubic");
	tn->sysctl_table = table;
	if (!table)
		return -ENOMEM;
	memcpy(table, template, sizeof(template));
	for (i = 0; i < SETTINGS; i++)
		table[i].data = (u8 *)tn + (unsigned long)template[i].data;
	tn->sysctl_header = register_net_sysctl_sz(tn->net, "net/toytcp", table,
						   SETTINGS);
	return tn->sysctl_header ? 0 : -ENOMEM;
}

/* Removes net.toytcp; waits for readers and writers. */
void toytcp_sysctl_exit(struct toytcp_net *tn)
{
	unregister_net_sysctl_table(tn->sysctl_header);
	kfree(tn->sysctl_table);
}
