// SPDX-License-Identifier: GPL-2.0
/*
 * Files below /proc/net/toytcp/ that take commands, and who may use them.
 */
#include <linux/capability.h>
#include <linux/seq_file_net.h>
#include <linux/uidgid.h>

#include "toytcp.h"

/**
 * toytcp_procfile_privileged() - is the opener of a file the namespace's admin?
 * @seq: an open file, made by toytcp_procfile_add()
 *
 * The opener's credentials count, not those of the process that reads or writes:
 * it may have been handed the open file.
 *
 * Return: whether it had CAP_NET_ADMIN in the namespace's user namespace.
 */
bool toytcp_procfile_privileged(struct seq_file *seq)
{
	return file_ns_capable(seq->file, seq_file_net(seq)->user_ns,
			       CAP_NET_ADMIN);
}

/**
 * toytcp_procfile_add() - add a file that takes commands
 * @tn: the namespace, with its directory
 * @name: of the file; the namespace's root may write to it
 * @ops: how to read it
 * @write: carries out one line
 * @reader_size: bytes for each open file; they begin with a struct
 *	seq_net_private
 *
 * Return: true, or false if memory was short.
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
