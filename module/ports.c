// SPDX-License-Identifier: GPL-2.0
/*
 * Local ports: who has claimed which one (bind, connect, TIME-WAIT), and which
 * listener is where. Which claims may share a port is as with TCP, down to the
 * corner cases: programs rely on them.
 *
 * A hash chain holds the claims of its ports, but only one of those that are
 * @inherited and alike: the others are linked to it (@alike). So a listener's
 * children, and its connections in TIME-WAIT, add one claim to the chain for
 * each of its addresses, however many they are. Context: any; ports.lock is
 * taken here.
 */
#include <linux/jhash.h>
#include <net/netns/hash.h>
#include <net/sock_reuseport.h>

#include "toytcp.h"

/* A peer may choose among many of our addresses: then none is alike. */
#define ALIKE_SEARCH	16	/* claims, the most recent ones */

#define CLAIMS_MAX	4096	/* chosen by users: all are looked at */

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

static bool permits(struct toytcp_claim *c, struct toytcp_claim *other,
		    enum terms terms)
{
	if (terms == CONNECT_ANY)
		return other->shared;
	refresh(other);
	if ((c->addr && other->addr && c->addr != other->addr) ||
	    (c->dev && other->dev && c->dev != other->dev))
		return true;
	if (terms == BIND_ANY)
		return false;
	/* Do both sides agree to share? @other is the older one. */
	return (c->reuse && other->reuse && !other->listening) ||
	       (c->reuseport && other->reuseport &&
		(other->timewait || uid_eq(c->uid, other->uid)));
}

static bool conflicts(struct toytcp_ports *ports, struct toytcp_claim *c,
		      u16 port, enum terms terms)
{
	struct toytcp_claim *other;
	int chosen = 0;

	lockdep_assert_held(&ports->lock);
	refresh(c);
	hash_for_each_possible(ports->claims, other, node, port) {
		chosen += other != c && !other->inherited;
		if (other != c && other->port == port &&
		    !permits(c, other, terms))
			return true;
	}
	/* Any user can fill a chain: that must not keep a server out. */
	return chosen >= CLAIMS_MAX && port >= PROT_SOCK;
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
	int looked_at = 0;

	c->port = port;
	INIT_LIST_HEAD(&c->alike);
	INIT_HLIST_NODE(&c->node);
	if (c->inherited) {
		hash_for_each_possible(ports->claims, other, node, port) {
			if (are_alike(c, other)) {
				list_add(&c->alike, &other->alike);
				return;
			}
			if (++looked_at == ALIKE_SEARCH)
				break;
		}
	}
	hash_add(ports->claims, &c->node, port);
}

/* Claims a port for a socket that has none. False: it is taken. */
bool toytcp_ports_take(struct sock *sk, u16 port, enum terms terms)
{
	struct toytcp_claim *c = &toytcp_sk(sk)->claim;
	struct toytcp_ports *ports = &toytcp_sock_net(sk)->ports;
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

/* SO_REUSEPORT: the kernel's group of those that share address and port. */
static int join_group(struct toytcp_ports *ports, struct toytcp_listener *l)
{
	struct toytcp_claim *other, *c = &toytcp_sk(l->sk)->claim;
	struct toytcp_listener *i;

	hash_for_each_possible(ports->listeners, i, node, c->port) {
		other = &toytcp_sk(i->sk)->claim;
		if (other->port == c->port && other->addr == c->addr &&
		    other->dev == c->dev && i->sk->sk_reuseport)
			return reuseport_add_sock(l->sk, i->sk, !c->addr);
	}
	return reuseport_alloc(l->sk, !c->addr);
}

/*
 * Lets segments find the listener of a socket that is bound and in LISTEN, or
 * returns -EADDRINUSE: of those bound by SO_REUSEADDR, only one listens.
 */
int toytcp_ports_listen(struct toytcp_listener *l)
{
	struct toytcp_claim *c = &toytcp_sk(l->sk)->claim;
	struct toytcp_ports *ports = &l->tn->ports;
	int err = 0;

	spin_lock_bh(&ports->lock);
	if (conflicts(ports, c, c->port, BIND_PORT))
		err = -EADDRINUSE;
	else if (c->reuseport)
		err = join_group(ports, l);
	if (!err) {
		c->listening = 1;
		hash_add_rcu(ports->listeners, &l->node, c->port);
	}
	spin_unlock_bh(&ports->lock);
	return err;
}

/* From now on no segment finds the listener; the socket keeps its port. */
void toytcp_ports_unlisten(struct toytcp_listener *l)
{
	struct toytcp_ports *ports = &l->tn->ports;

	spin_lock_bh(&ports->lock);
	hash_del_rcu(&l->node);
	reuseport_detach_sock(l->sk);
	toytcp_sk(l->sk)->claim.listening = 0;
	spin_unlock_bh(&ports->lock);
}

/* A child or TIME-WAIT inherits the port of @sk, which may have closed. */
void toytcp_ports_share(struct sock *sk, struct toytcp_claim *to, u16 port,
			bool timewait)
{
	struct toytcp_claim *from = &toytcp_sk(sk)->claim;
	struct toytcp_ports *ports = &toytcp_sock_net(sk)->ports;

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

/* Gives up a claim, if it is one. In the chain, one alike takes its place. */
void toytcp_ports_release(struct toytcp_net *tn, struct toytcp_claim *claim)
{
	struct toytcp_claim *heir;

	spin_lock_bh(&tn->ports.lock);
	if (claim->port) {
		if (hash_hashed(&claim->node) && !list_empty(&claim->alike)) {
			heir = list_next_entry(claim, alike);
			hash_add(tn->ports.claims, &heir->node, heir->port);
		}
		hash_del(&claim->node);
		list_del_init(&claim->alike);
		claim->port = 0;
	}
	spin_unlock_bh(&tn->ports.lock);
}

/* How well a listener fits, 0: not at all. An address outweighs a device. */
static int score(const struct toytcp_listener *l, const struct incoming *a)
{
	__be32 addr = READ_ONCE(inet_sk(l->sk)->inet_rcv_saddr);
	int dev = READ_ONCE(l->sk->sk_bound_dev_if);

	if (READ_ONCE(inet_sk(l->sk)->inet_num) != a->who.lport ||
	    (addr && addr != a->who.local) ||
	    !inet_sk_bound_dev_eq(l->tn->net, dev, a->in.dif, a->in.sdif))
		return 0;
	return 1 + !!dev + 2 * !!addr;
}

/*
 * Of a group, the listener that its program, the CPU or the hash of the
 * four-tuple chooses. It may listen elsewhere by now.
 */
static struct toytcp_listener *choose(struct toytcp_listener *l,
				      const struct incoming *a)
{
	u32 flow = jhash(&a->who, sizeof(a->who), net_hash_mix(a->tn->net));
	struct sock *sk = reuseport_select_sock(l->sk, flow, a->skb,
						a->seg->hdrlen);
	struct toytcp_listener *chosen = NULL;

	if (!IS_ERR_OR_NULL(sk))
		chosen = READ_ONCE(toytcp_sk(sk)->listener);
	return chosen && score(chosen, a) == score(l, a) ? chosen : l;
}

/*
 * Finds the listener for a segment. Context: RCU, under which it and its socket
 * are valid; it may have left LISTEN since.
 */
struct toytcp_listener *toytcp_ports_listener(const struct incoming *a)
{
	struct toytcp_listener *l, *found = NULL;
	int best = 0, fit;

	hash_for_each_possible_rcu(a->tn->ports.listeners, l, node,
				   a->who.lport) {
		fit = score(l, a);
		if (fit > best) {
			found = l;
			best = fit;
		}
	}
	return found && found->sk->sk_reuseport ? choose(found, a) : found;
}
