// SPDX-License-Identifier: GPL-2.0
/*
 * A file below /proc/net/toytcp/ that takes commands: who may do what with it.
 */
#include <linux/capability.h>
#include <linux/seq_file_net.h>
#include <linux/uidgid.h>

#include "toytcp.h"

/**
 * toytcp_procfile_privileged() - is the opener of a file the namespace's admin?
 * @seq: an open file, made by toytcp_procfile_add()
 *
 * The opener's credentials count, not those of the process that reads or
 * writes: that one may merely have been given the file.
 *
 * Return: whether it had CAP_NET_ADMIN in the namespace's user namespace.
 */
bool toytcp_procfile_privileged(struct seq_file *seq)
{
	return file_ns_capable(seq->file, seq_file_net(seq)->user_ns,
			       CAP_NET_ADMIN);
}

/**
 * toytcp_procfile_add() - add a file that obeys commands
 * @tn: the namespace; its directory is there
 * @name: of the file, which the namespace's root may write
 * @ops: how to read it
 * @write: obeys one line
 * @reader_size: bytes for each open file, of which the first are a struct
 *	seq_net_private
 *
 * Return: whether that worked.
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
