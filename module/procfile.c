// SPDX-License-Identifier: GPL-2.0
/*
 * Files below /proc/net/toytcp/ that take commands, and who may use them: apart
 * from proc.c, which is above settle.c, while events.c is below it. Context:
 * process.
 */
#include <linux/seq_file_net.h>

#include "toytcp.h"

/* What counts is who opened the file: a reader may have been handed it. */
bool toytcp_procfile_privileged(struct seq_file *seq)
{
	return file_ns_capable(seq->file, seq_file_net(seq)->user_ns,
			       CAP_NET_ADMIN);
}

/*
 * Adds a file that the namespace's root may write to, or returns false. Each
 * open file has @reader_size bytes: a struct seq_net_private, and more.
 */
bool toytcp_procfile_add(struct toytcp_net *tn, const char *name,
			 const struct seq_operations *ops, proc_write_t write,
			 unsigned int reader_size)
{
	struct proc_dir_entry *file =
		proc_create_net_data_write(name, 0644, tn->proc, ops, write,
					   reader_size, NULL);
	kuid_t uid;
	kgid_t gid;

	net_ns_get_ownership(tn->net, &uid, &gid);
	if (file)
		proc_set_user(file, uid, gid);
	return file;
}
