// SPDX-License-Identifier: GPL-2.0
/*
 * A splay tree (Sleator and Tarjan, 1985): whatever is looked up becomes the
 * root, and its path there about half as long. It needs neither balance nor
 * chance. One look-up may take as many steps as there are nodes, but only if as
 * many before it took next to none: n of them take O(n log n), in whatever
 * order a peer makes us do them. Near the one before it takes a step or two.
 */
#include "order.h"
#include "seq.h"

/*
 * Makes a root of the last node that does not lie behind @seq, or of the first
 * that does. Going down, what is passed is hung to the one side or the other.
 */
static struct order_node *splay(struct order_node *root, u32 seq)
{
	struct order_node side = { 0 }, *edge[2] = { &side, &side }, *child;
	bool way;

	while (way = !seq_after(root->seq, seq), (child = root->child[way])) {
		if (way == !seq_after(child->seq, seq)) {
			root->child[way] = child->child[!way];
			child->child[!way] = root;
			root = child;
			if (!root->child[way])
				break;
		}
		edge[way]->child[way] = root;
		edge[way] = root;
		root = root->child[way];
	}
	edge[0]->child[0] = root->child[1];
	edge[1]->child[1] = root->child[0];
	root->child[0] = side.child[1];
	root->child[1] = side.child[0];
	return root;
}

/*
 * Look up a number. Returns the last node that does not lie behind it, now the
 * root; NULL if all do: the root is the first, then. A number from another
 * window may find anything, but does no harm.
 */
struct order_node *toytcp_order_at(struct order_node **root, u32 seq)
{
	struct order_node *top, *before;

	if (!*root)
		return NULL;
	top = splay(*root, seq);
	if (seq_after(top->seq, seq) && top->child[0]) {
		before = splay(top->child[0], top->seq);
		top->child[0] = NULL;
		before->child[1] = top;
		top = before;
	}
	*root = top;
	return seq_after(top->seq, seq) ? NULL : top;
}

/* Returns the node behind @top, which is the root; NULL if it is the last. */
struct order_node *toytcp_order_behind(struct order_node *top)
{
	if (top->child[1])
		top->child[1] = splay(top->child[1], top->seq);
	return top->child[1];
}

/* @node, which has its @seq, becomes the root. */
void toytcp_order_add(struct order_node **root, struct order_node *node)
{
	struct order_node *before = toytcp_order_at(root, node->seq);

	node->child[0] = before;
	node->child[1] = before ? before->child[1] : *root;
	if (before)
		before->child[1] = NULL;
	*root = node;
}

/* The node before it, or else the one behind it, becomes the root. */
void toytcp_order_remove(struct order_node **root, struct order_node *node)
{
	struct order_node *before;

	toytcp_order_at(root, node->seq);
	before = toytcp_order_at(&node->child[0], node->seq);
	if (before)
		before->child[1] = node->child[1];
	*root = before ? before : node->child[1];
}
