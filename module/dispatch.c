// SPDX-License-Identifier: GPL-2.0
/*
 * From the hook to the one a segment is for: a socket, a listener or its
 * request, TIME-WAIT, or nobody.
 */
#include <net/ip.h>
#include <net/route.h>

#include "toytcp.h"

/* 3.10.7.1: no connection, and perhaps nobody who listens. */
static bool to_listener(struct toytcp_net *tn, const struct toytcp_tuple *who,
			struct sk_buff *skb, const struct segment *seg,
			const struct sock **asked)
{
	const struct toytcp_ingress in = toytcp_ingress_of(skb);
	struct toytcp_listener *l = toytcp_ports_listener(tn, who, &in);

	if (l)
		return toytcp_listener_arrives(l, NULL, skb, seg, NULL, asked);
	if (!*asked && toytcp_receive_breaks_policy(tn, NULL, skb))
		return false;
	if (!(seg->ctl & CTL_RST))
		toytcp_transmit_reset(tn->net, skb, seg, CAUSE_CLOSED);
	toytcp_drop(tn, skb, drop_no_socket);
	return false;
}

/*
 * TIME-WAIT. A SYN that may open a new connection is the listener's, with its
 * own policy, if somebody listens; as long as the listener has no room, the old
 * connection is kept.
 */
static bool to_timewait(struct toytcp_net *tn, struct toytcp_timewait *r,
			struct sk_buff *skb, const struct segment *seg,
			const struct sock **asked)
{
	const struct toytcp_ingress in = toytcp_ingress_of(skb);
	struct toytcp_listener *l = NULL;

	if (toytcp_timewait_reopens(r, seg))
		l = toytcp_ports_listener(tn, &r->entry.who, &in);
	if (l)
		return toytcp_listener_arrives(l, NULL, skb, seg, r, asked);
	if (*asked || !toytcp_receive_breaks_policy(tn, NULL, skb))
		toytcp_timewait_arrives(tn, r, skb, seg);
	return false;
}

/* Returns whether to look once more: another CPU was faster. */
static bool dispatch(struct toytcp_net *tn, const struct toytcp_tuple *who,
		     struct sk_buff *skb, const struct segment *seg,
		     const struct sock **asked)
{
	const struct toytcp_ingress in = toytcp_ingress_of(skb);
	struct toytcp_entry *entry = toytcp_table_find(tn, who, &in);
	struct toytcp_timewait *r;
	struct toytcp_request *e;

	if (!entry)
		return to_listener(tn, who, skb, seg, asked);
	switch (entry->kind) {
	case ENTRY_SOCKET:
		toytcp_receive_packet(toytcp_entry_sock(entry), who, skb, seg,
				      *asked);
		return false;
	case ENTRY_REQUEST:
		e = container_of(entry, struct toytcp_request, entry);
		return toytcp_listener_arrives(e->listener, e, skb, seg, NULL,
					       asked);
	default:
		r = container_of(entry, struct toytcp_timewait, entry);
		return to_timewait(tn, r, skb, seg, asked);
	}
}

/**
 * toytcp_dispatch_packet() - find out whom a segment is for, and hand it over
 * @tn: the namespace
 * @skb: data at our header; taken over
 * @seg: the same, parsed
 *
 * Two ACKs that complete a handshake may come at once: one makes the request a
 * socket, the other finds that out too late, and is looked up again. The policy
 * and the filter of the listener, which its child has too, are not asked twice.
 *
 * Context: BH disabled.
 */
void toytcp_dispatch_packet(struct toytcp_net *tn, struct sk_buff *skb,
			    const struct segment *seg)
{
	const struct toytcp_tuple who = toytcp_tuple_of(skb, seg);
	const struct sock *asked = NULL;

	rcu_read_lock();
	while (dispatch(tn, &who, skb, seg, &asked))
		;
	rcu_read_unlock();
}
