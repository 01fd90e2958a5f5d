// SPDX-License-Identifier: GPL-2.0
/*
 * Local ports: who has claimed which (bind, connect, TIME-WAIT), and who
 * listens where.
 *
 * Who may share a port with whom is as with TCP, down to the corner cases:
 * programs rely on them.
 */
#include <linux/jhash.h>
#include <net/netns/hash.h>

#include "toytcp.h"

static struct toytcp_ports *ports_of(const struct sock *sk)
{
	return &toytcp_sock_net(sk)->ports;
}

/* What counts is what a socket has when somebody else wants its port. */
static void refresh(struct toytcp_claim *c)
{
	const struct sock *sk =
		&container_of(c, struct toytcp_sock, claim)->inet.sk;

	if (c->timewait)
		return;
	c->addr = READ_ONCE(inet_sk(sk)->inet_rcv_saddr);
	c->dev = READ_ONCE(sk->sk_bound_dev_if);
	c->reuse = !!sk->sk_reuse;
	c->reuseport = !!sk->sk_reuseport;
}

static bool overlap(const struct toytcp_claim *a, const struct toytcp_claim *b)
{
	return (!a->addr || !b->addr || a->addr == b->addr) &&
	       (!a->dev || !b->dev || a->dev == b->dev);
}

/* May @c come beside @other, which was there before? */
static bool tolerated(const struct toytcp_claim *c,
		      const struct toytcp_claim *other)
{
	if (c->reuse && other->reuse && !other->listening)
		return true;
	return c->reuseport && other->reuseport &&
	       (other->timewait || uid_eq(c->uid, other->uid));
}

static bool permits(struct toytcp_claim *c, struct toytcp_claim *other,
		    enum terms terms)
{
	if (terms == SHARED)
		return other->shared;
	refresh(other);
	return !overlap(c, other) || (terms == TOLERANT && tolerated(c, other));
}

static bool conflicts(struct toytcp_ports *ports, struct toytcp_claim *c,
		      u16 port, enum terms terms)
{
	struct toytcp_claim *other;

	refresh(c);
	hash_for_each_possible(ports->claims, other, node, port)
		if (other != c && other->port == port &&
		    !permits(c, other, terms))
			return true;
	return false;
}

static void add(struct toytcp_ports *ports, struct toytcp_claim *c, u16 port)
{
	c->port = port;
	hash_add(ports->claims, &c->node, port);
}

/**
 * toytcp_ports_take() - claim a port
 * @sk: locked, without a claim
 * @port: host order
 * @terms: what the claim may come beside
 *
 * Return: whether the port is the socket's now.
 */
bool toytcp_ports_take(struct sock *sk, u16 port, enum terms terms)
{
	struct toytcp_claim *c = &toytcp_sk(sk)->claim;
	struct toytcp_ports *ports = ports_of(sk);
	bool ok;

	sock_owned_by_me(sk);
	spin_lock_bh(&ports->lock);
	c->uid = sk->sk_uid;
	c->shared = terms == SHARED;
	ok = !conflicts(ports, c, port, terms);
	if (ok)
		add(ports, c, port);
	spin_unlock_bh(&ports->lock);
	return ok;
}

/**
 * toytcp_ports_listen() - let segments find a listener
 * @l: of a socket that is locked, bound and already in LISTEN
 *
 * Return: 0 or -EADDRINUSE: of those bound by SO_REUSEADDR, only one listens.
 */
int toytcp_ports_listen(struct toytcp_listener *l)
{
	struct toytcp_claim *c = &toytcp_sk(l->sk)->claim;
	struct toytcp_ports *ports = ports_of(l->sk);
	int err = -EADDRINUSE;

	spin_lock_bh(&ports->lock);
	if (!conflicts(ports, c, c->port, TOLERANT)) {
		c->listening = 1;
		hash_add_rcu(ports->listeners, &l->node, c->port);
		err = 0;
	}
	spin_unlock_bh(&ports->lock);
	return err;
}

/**
 * toytcp_ports_unlisten() - no new segment shall find this listener
 * @l: of a socket that is locked; it keeps its port
 */
void toytcp_ports_unlisten(struct toytcp_listener *l)
{
	struct toytcp_ports *ports = ports_of(l->sk);

	spin_lock_bh(&ports->lock);
	hash_del_rcu(&l->node);
	toytcp_sk(l->sk)->claim.listening = 0;
	spin_unlock_bh(&ports->lock);
}

/**
 * toytcp_ports_share() - a child has its listener's port, TIME-WAIT its socket's
 * @sk: the listener, which may have closed; or the socket in TIME-WAIT
 * @to: a claim not yet in use
 * @port: host order
 * @timewait: as in struct toytcp_claim
 */
void toytcp_ports_share(struct sock *sk, struct toytcp_claim *to, u16 port,
			bool timewait)
{
	struct toytcp_ports *ports = ports_of(sk);

	spin_lock_bh(&ports->lock);
	refresh(&toytcp_sk(sk)->claim);
	*to = toytcp_sk(sk)->claim;
	to->listening = 0;
	to->timewait = timewait;
	add(ports, to, port);
	spin_unlock_bh(&ports->lock);
}

/** toytcp_ports_release() - give up what is claimed, if anything */
void toytcp_ports_release(struct toytcp_net *tn, struct toytcp_claim *claim)
{
	spin_lock_bh(&tn->ports.lock);
	hash_del(&claim->node);
	claim->port = 0;
	spin_unlock_bh(&tn->ports.lock);
}

/* How well a listener fits: 0 not at all; an address tells more than a device. */
static int score(const struct toytcp_listener *l,
		 const struct toytcp_tuple *who,
		 const struct toytcp_ingress *in)
{
	__be32 addr = READ_ONCE(inet_sk(l->sk)->inet_rcv_saddr);
	int dev = READ_ONCE(l->sk->sk_bound_dev_if);

	if (READ_ONCE(inet_sk(l->sk)->inet_num) != who->lport ||
	    (addr && addr != who->local) ||
	    !inet_sk_bound_dev_eq(l->tn->net, dev, in->dif, in->sdif))
		return 0;
	return 1 + !!dev + 2 * !!addr;
}

/**
 * toytcp_ports_listener() - who listens for this?
 * @tn: the namespace
 * @who: a segment's four-tuple
 * @in: by which device it came in
 *
 * Of several that fit equally well (SO_REUSEPORT) each draws a lot for the
 * four-tuple, and the highest wins: a newcomer changes little for the others.
 *
 * Context: under RCU, and the listener and its socket are valid as long as
 * that; no reference is taken. It may have left LISTEN since.
 *
 * Return: the listener, or NULL.
 */
struct toytcp_listener *toytcp_ports_listener(struct toytcp_net *tn,
					      const struct toytcp_tuple *who,
					      const struct toytcp_ingress *in)
{
	u32 flow = jhash(who, sizeof(*who), net_hash_mix(tn->net));
	struct toytcp_listener *l, *found = NULL;
	u32 highest = 0, lot;
	int best = 0, fit;

	hash_for_each_possible_rcu(tn->ports.listeners, l, node, who->lport) {
		fit = score(l, who, in);
		if (!fit || fit < best)
			continue;
		lot = jhash_1word(hash_ptr(l, 32), flow);
		if (fit > best || lot > highest) {
			found = l;
			best = fit;
			highest = lot;
		}
	}
	return found;
}
