// SPDX-License-Identifier: GPL-2.0
/* Loading and unloading, for the host and for each network namespace. */
#include <linux/module.h>
#include <net/protocol.h>

#include "toytcp.h"

/* The one variable that holds the protocol number. */
int toytcp_protocol = IPPROTO_TOYTCP;
module_param_named(protocol, toytcp_protocol, int, 0444);
MODULE_PARM_DESC(protocol, "IP protocol number, 253 (default) or 254");

unsigned int toytcp_net_id;

static struct inet_protosw protosw = {
	.type	= SOCK_STREAM,
	.prot	= &toytcp_prot,
	.ops	= &toytcp_stream_ops,
};

/*
 * Packets that got past the hook come in by @handler, which must not be NULL.
 * IPsec policies are checked when the socket is known: it may have its own.
 */
static const struct net_protocol protocol = {
	.handler	= toytcp_hook_input,
	.err_handler	= toytcp_icmp_error,
	.no_policy	= 1,
	.icmp_strict_tag_validation = 1,	/* toytcp_icmp_error() */
};

/*
 * The files that users see go first. No socket is left, since each holds its
 * namespace, and no packet is in the hook. After a failure, not all is made.
 */
static void __net_exit net_exit(struct net *net)
{
	struct toytcp_net *tn = toytcp_net(net);

	proc_remove(tn->proc);
	toytcp_sysctl_exit(tn);
	toytcp_timewait_destroy(tn);
	toytcp_events_exit(tn);
	toytcp_table_destroy(&tn->table);
	free_percpu(tn->mib);
}

/* The files come last but one; the packets come last. */
static int __net_init net_init(struct net *net)
{
	struct toytcp_net *tn = toytcp_net(net);
	int err = -ENOMEM;

	tn->net = net;
	tn->mib = alloc_percpu(struct toytcp_mib);
	spin_lock_init(&tn->ports.lock);
	get_random_bytes(&tn->isn_key, sizeof(tn->isn_key));
	toytcp_timewait_init(tn);
	if (toytcp_table_init(&tn->table) && tn->mib &&
	    !toytcp_sysctl_init(tn) && !toytcp_proc_init(tn) &&
	    !toytcp_events_init(tn))
		err = nf_register_net_hooks(net, toytcp_hook_ops,
					    ARRAY_SIZE(toytcp_hook_ops));
	if (err)
		net_exit(net);
	return err;
}

/* One grace period follows for all namespaces that go together. */
static void __net_exit net_pre_exit(struct net *net)
{
	nf_unregister_net_hooks(net, toytcp_hook_ops,
				ARRAY_SIZE(toytcp_hook_ops));
}

static struct pernet_operations net_ops = {
	.init	= net_init,
	.pre_exit = net_pre_exit,
	.exit	= net_exit,
	.id	= &toytcp_net_id,
	.size	= sizeof(struct toytcp_net),
};

static int __init toytcp_init(void)
{
	int err;

	if (toytcp_protocol != 253 && toytcp_protocol != 254) {
		pr_err("toytcp: protocol=%d: must be 253 or 254\n",
		       toytcp_protocol);
		return -EINVAL;
	}
	toytcp_bind_init();
	toytcp_buffers_share();
	toytcp_smallq_init(toytcp_receive_room);
	err = proto_register(&toytcp_prot, 1);
	if (err)
		return err;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto unregister_proto;
	err = -EBUSY;
	if (inet_add_protocol(&protocol, toytcp_protocol))
		goto taken;
	if (inet_add_offload(&toytcp_offload, toytcp_protocol))
		goto del_protocol;
	protosw.protocol = toytcp_protocol;
	inet_register_protosw(&protosw);
	pr_info("toytcp %s: a small TCP on IP protocol %d; look into /proc/net/toytcp/\n",
		TOYTCP_VERSION, toytcp_protocol);
	return 0;

del_protocol:
	inet_del_protocol(&protocol, toytcp_protocol);
taken:
	pr_err("toytcp: IP protocol %d is taken by another module\n",
	       toytcp_protocol);
	unregister_pernet_subsys(&net_ops);
unregister_proto:
	proto_unregister(&toytcp_prot);
	return err;
}

/* No socket is left. RCU callbacks and skb destructors are our code: wait. */
static void __exit toytcp_exit(void)
{
	inet_unregister_protosw(&protosw);
	toytcp_offload_drain();
	inet_del_offload(&toytcp_offload, toytcp_protocol);
	inet_del_protocol(&protocol, toytcp_protocol);
	unregister_pernet_subsys(&net_ops);
	synchronize_net();
	rcu_barrier();
	toytcp_smallq_exit();
	proto_unregister(&toytcp_prot);
	toytcp_sendq_exit();
}

module_init(toytcp_init);
module_exit(toytcp_exit);

MODULE_DESCRIPTION("A complete small TCP on an IP protocol number of its own");
MODULE_AUTHOR("the toytcp developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(TOYTCP_VERSION);
