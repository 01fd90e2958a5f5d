// SPDX-License-Identifier: GPL-2.0
/*
 * Local ports: who has claimed which one (bind, connect, TIME-WAIT), and which
 * listener is where.
 *
 * Which claims may share a port is as with TCP, down to the corner cases:
 * programs rely on them.
 *
 * A hash chain holds the claims of its ports, but only one of those that are
 * @inherited and alike: the others are linked to it (@alike). So a listener's
 * children, and its connections in TIME-WAIT, add one claim to the chain for
 * each of its addresses, however many they are.
 */
#include <linux/jhash.h>
#include <net/netns/hash.h>

#include "toytcp.h"

static struct toytcp_ports *ports_of(const struct sock *sk)
{
	return &toytcp_sock_net(sk)->ports;
}

/* What counts is what a socket has when another one wants its port. */
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

/* Do both sides agree that @c shares the port with @other, which is older? */
static bool may_share(const struct toytcp_claim *c,
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
	if (terms == CONNECT_ANY)
		return other->shared;
	refresh(other);
	return !overlap(c, other) || (terms == BIND_PORT && may_share(c, other));
}

static bool conflicts(struct toytcp_ports *ports, struct toytcp_claim *c,
		      u16 port, enum terms terms)
{
	struct toytcp_claim *other;

	lockdep_assert_held(&ports->lock);
	refresh(c);
	hash_for_each_possible(ports->claims, other, node, port)
		if (other != c && other->port == port &&
		    !permits(c, other, terms))
			return true;
	return false;
}

/*
 * Can @a stand for @b in every conflict? A child may still change its options
 * by setsockopt(); those of the one in the chain count for all that joined it.
 */
static bool are_alike(const struct toytcp_claim *a,
		      const struct toytcp_claim *b)
{
	return a->inherited && b->inherited && a->port == b->port &&
	       a->addr == b->addr && a->dev == b->dev &&
	       uid_eq(a->uid, b->uid) && a->reuse == b->reuse &&
	       a->reuseport == b->reuseport && a->shared == b->shared &&
	       a->timewait == b->timewait;
}

static void add_claim(struct toytcp_ports *ports, struct toytcp_claim *c,
		      u16 port)
{
	struct toytcp_claim *other;

	c->port = port;
	INIT_LIST_HEAD(&c->alike);
	INIT_HLIST_NODE(&c->node);
	if (c->inherited) {
		hash_for_each_possible(ports->claims, other, node, port) {
			if (!are_alike(c, other))
				continue;
			list_add(&c->alike, &other->alike);
			return;
		}
	}
	hash_add(ports->claims, &c->node, port);
}

/* The one in the chain leaves its place to one of the others. */
static void remove_claim(struct toytcp_ports *ports, struct toytcp_claim *c)
{
	bool in_chain = hash_hashed(&c->node);
	struct toytcp_claim *heir;

	hash_del(&c->node);
	if (in_chain && !list_empty(&c->alike)) {
		heir = list_first_entry(&c->alike, struct toytcp_claim, alike);
		hash_add(ports->claims, &heir->node, heir->port);
	}
	list_del_init(&c->alike);
	c->port = 0;
}

/**
 * toytcp_ports_take() - claim a port
 * @sk: locked, without a claim
 * @port: host order
 * @terms: which other claims are tolerated
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
	c->shared = terms == CONNECT_ANY;
	c->inherited = 0;
	ok = !conflicts(ports, c, port, terms);
	if (ok)
		add_claim(ports, c, port);
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
	if (!conflicts(ports, c, c->port, BIND_PORT)) {
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
 * toytcp_ports_share() - a child inherits a port, or a TIME-WAIT entry does
 * @sk: the listener, which may have closed; or the socket in TIME-WAIT
 * @to: a claim not yet in use
 * @port: host order
 * @timewait: as in struct toytcp_claim
 */
void toytcp_ports_share(struct sock *sk, struct toytcp_claim *to, u16 port,
			bool timewait)
{
	struct toytcp_claim *from = &toytcp_sk(sk)->claim;
	struct toytcp_ports *ports = ports_of(sk);

	spin_lock_bh(&ports->lock);
	refresh(from);
	*to = *from;
	to->listening = 0;
	to->inherited = 1;
	to->timewait = timewait;
	refresh(to);
	add_claim(ports, to, port);
	spin_unlock_bh(&ports->lock);
}

/** toytcp_ports_release() - give up what is claimed, if anything */
void toytcp_ports_release(struct toytcp_net *tn, struct toytcp_claim *claim)
{
	spin_lock_bh(&tn->ports.lock);
	if (claim->port)
		remove_claim(&tn->ports, claim);
	spin_unlock_bh(&tn->ports.lock);
}

/* How well a listener fits, 0: not at all. An address outweighs a device. */
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
 * toytcp_ports_listener() - find the listener for a segment
 * @tn: the namespace
 * @who: a segment's four-tuple
 * @in: by which device it came in
 *
 * Of several that fit equally well (SO_REUSEPORT) the one whose hash with the
 * four-tuple is highest gets it (rendezvous hashing): when a listener comes or
 * goes, few four-tuples change theirs.
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
	u32 highest = 0, weight;
	int best = 0, fit;

	hash_for_each_possible_rcu(tn->ports.listeners, l, node, who->lport) {
		fit = score(l, who, in);
		if (!fit || fit < best)
			continue;
		weight = jhash_1word(hash_ptr(l, 32), flow);
		if (fit > best || weight > highest) {
			found = l;
			best = fit;
			highest = weight;
		}
	}
	return found;
}
