// SPDX-License-Identifier: GPL-2.0
/* From the hook to the destination of a segment. */
#include "ipv4.h"

static bool is_forbidden(struct incoming *a)
{
	return !a->asked && toytcp_receive_breaks_policy(a->tn, NULL, a->skb);
}

/* RFC 9293 section 3.10.7.1: there is no connection. */
static bool to_listener(struct incoming *a)
{
	struct toytcp_listener *l;

	l = toytcp_ports_listener(a);
	if (l)
		return toytcp_listener_arrives(l, NULL, a->skb, a->seg, NULL,
					       &a->asked);
	if (is_forbidden(a))
		return false;
	if (!(a->seg->ctl & CTL_RST))
		toytcp_transmit_reset(a->tn->net, a->skb, a->seg, CAUSE_CLOSED);
	toytcp_drop(a->tn, a->skb, drop_no_socket);
	return false;
}

/*
 * A SYN that may open a new connection (RFC 9293 MAY-2) is for the listener, if
 * there is one, and subject to its policy. The old connection is kept until the
 * listener has room for the new one.
 */
static bool to_timewait(struct incoming *a, struct toytcp_timewait *r)
{
	enum verdict verdict = toytcp_timewait_verdict(&r->core, a->seg);
	struct toytcp_listener *l = NULL;

	if (verdict == VERDICT_CREATE)
		l = toytcp_ports_listener(a);
	if (l)
		return toytcp_listener_arrives(l, NULL, a->skb, a->seg, r,
					       &a->asked);
	if (!is_forbidden(a))
		toytcp_timewait_arrives(a->tn, r, verdict, a->skb, a->seg);
	return false;
}

/* Returns whether to look up the segment again: another CPU was faster. */
static bool dispatch(struct incoming *a)
{
	struct toytcp_entry *entry = toytcp_table_find(a->tn, &a->who, &a->in);
	struct toytcp_timewait *r;
	struct toytcp_request *e;

	if (!entry)
		return to_listener(a);
	switch (entry->kind) {
	case ENTRY_SOCKET:
		toytcp_receive_packet(toytcp_entry_sock(entry), &a->who, a->skb,
				      a->seg, a->asked);
		return false;
	case ENTRY_REQUEST:
		e = container_of(entry, struct toytcp_request, entry);
		return toytcp_listener_arrives(e->listener, e, a->skb, a->seg,
					       NULL, &a->asked);
	default:
		r = container_of(entry, struct toytcp_timewait, entry);
		return to_timewait(a, r);
	}
}

/*
 * Hands a segment over to the socket, listener, request or TIME-WAIT entry that
 * it is for. @skb: data at our header, skb->cb still IP's; taken over. Context:
 * BH disabled.
 *
 * Two ACKs that complete a handshake may arrive at once: one makes the request
 * a socket, the other finds that out too late and is looked up again. The
 * listener's policy and filter are its child's, too: they are applied once.
 */
void toytcp_dispatch_packet(struct toytcp_net *tn, struct sk_buff *skb,
			    const struct segment *seg)
{
	struct incoming a = {
		.tn = tn, .skb = skb, .seg = seg,
		.who = toytcp_tuple_of(skb, seg), .in = toytcp_ingress_of(skb),
	};

	rcu_read_lock();
	while (dispatch(&a))
		;
	rcu_read_unlock();
}
