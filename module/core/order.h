/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ranges of sequence numbers in order, found by number.
 */
#ifndef TOYTCP_CORE_ORDER_H
#define TOYTCP_CORE_ORDER_H

#include "port.h"

/**
 * struct order_node - a range in a tree: the first member of what is ordered
 * @seq: its first number; no two of a tree are equal, all lie within a window
 * @end: one past its last
 * @child: what lies before it, and behind
 */
struct order_node {
	u32 seq;
	u32 end;
	struct order_node *child[2];
};

struct order_node *toytcp_order_at(struct order_node **root, u32 seq);
struct order_node *toytcp_order_behind(struct order_node *top);
void toytcp_order_add(struct order_node **root, struct order_node *node);
void toytcp_order_remove(struct order_node **root, struct order_node *node);

#endif /* TOYTCP_CORE_ORDER_H */
