/* SPDX-License-Identifier: MIT */
/*
 * itree.c: the interval tree, an AVL tree ordered by `first` in which each node
 * knows the greatest `last` of its subtree.
 *
 * Owns the links of the nodes in a tree; guarded by the caller's lock.
 *
 *   1  In-order is ascending by `first`; a new node goes behind its equals.
 *   2  height == 1 + the greater of the children's; they differ by one at most.
 *   3  max_last == the greatest of the node's `last` and the children's max_last.
 *
 * Rule 3 makes searches go straight down: the leftmost node with last >= x is on
 * the left whenever the left subtree has such a node at all.
 */
#include "ds/itree.h"

enum { LEFT, RIGHT };

void itree_init(struct itree *tree)
{
	tree->root = NULL;
}

static unsigned height(const struct itree_node *node)
{
	return node ? node->height : 0;
}

/* Rules 2 and 3 for one node whose children are right. */
static void update(struct itree_node *node)
{
	unsigned left = height(node->child[LEFT]);
	unsigned right = height(node->child[RIGHT]);

	node->height = 1 + (left > right ? left : right);
	node->max_last = node->last;
	for (int side = LEFT; side <= RIGHT; side++) {
		const struct itree_node *child = node->child[side];

		if (child && child->max_last > node->max_last)
			node->max_last = child->max_last;
	}
}

/* `new` (or nothing) takes the place of `old` below old's parent. */
static void replace(struct itree *tree, struct itree_node *old, struct itree_node *new)
{
	struct itree_node *parent = old->parent;

	if (!parent)
		tree->root = new;
	else
		parent->child[parent->child[RIGHT] == old] = new;
	if (new)
		new->parent = parent;
}

static void set_child(struct itree_node *node, int side, struct itree_node *child)
{
	node->child[side] = child;
	if (child)
		child->parent = node;
}

/* The child on the other side comes up, the node goes down to `side`. */
static struct itree_node *rotate(struct itree *tree, struct itree_node *node, int side)
{
	struct itree_node *up = node->child[!side];

	replace(tree, node, up);
	set_child(node, !side, up->child[side]);
	set_child(up, side, node);
	update(node);
	update(up);
	return up;
}

/* Returns the node that stands in its place. */
static struct itree_node *rebalance(struct itree *tree, struct itree_node *node)
{
	int high = height(node->child[RIGHT]) > height(node->child[LEFT]) ? RIGHT : LEFT;
	struct itree_node *child = node->child[high];

	update(node);
	if (height(child) <= height(node->child[!high]) + 1)
		return node;
	if (height(child->child[!high]) > height(child->child[high]))
		rotate(tree, child, high);
	return rotate(tree, node, !high);
}

static void rebalance_up(struct itree *tree, struct itree_node *node)
{
	while (node)
		node = rebalance(tree, node)->parent;
}

void itree_insert(struct itree *tree, struct itree_node *node, uint64_t first, uint64_t last)
{
	struct itree_node *parent = NULL;
	struct itree_node **link = &tree->root;

	DS_BUG_ON(first > last);
	while (*link) {
		parent = *link;
		link = &parent->child[first >= parent->first];
	}
	*node =
	    (struct itree_node){.parent = parent, .first = first, .last = last, .max_last = last};
	*link = node;
	rebalance_up(tree, node);
}

static struct itree_node *leftmost(struct itree_node *node)
{
	while (node->child[LEFT])
		node = node->child[LEFT];
	return node;
}

/* The node's successor takes its place, links and all. */
static void remove_inner(struct itree *tree, struct itree_node *node)
{
	struct itree_node *next = leftmost(node->child[RIGHT]);
	struct itree_node *lowest = next->parent == node ? next : next->parent;

	if (next != lowest) {
		replace(tree, next, next->child[RIGHT]);
		set_child(next, RIGHT, node->child[RIGHT]);
	}
	set_child(next, LEFT, node->child[LEFT]);
	replace(tree, node, next);
	rebalance_up(tree, lowest);
}

void itree_remove(struct itree *tree, struct itree_node *node)
{
	struct itree_node *left = node->child[LEFT], *right = node->child[RIGHT];

	DS_BUG_ON(!node->height);
	if (left && right) {
		remove_inner(tree, node);
	} else {
		replace(tree, node, left ? left : right);
		rebalance_up(tree, node->parent);
	}
	node->height = 0;
}

static bool reaches(const struct itree_node *node, uint64_t first)
{
	return node && node->max_last >= first;
}

/* The first in order with last >= first.  Precondition: reaches(node, first). */
static struct itree_node *first_reaching(struct itree_node *node, uint64_t first)
{
	for (;;) {
		if (reaches(node->child[LEFT], first))
			node = node->child[LEFT];
		else if (node->last >= first)
			return node;
		else
			node = node->child[RIGHT];
	}
}

/* All behind `node` begin no earlier: if it is too far right, so are they. */
static struct itree_node *unless_beyond(struct itree_node *node, uint64_t last)
{
	return node && node->first <= last ? node : NULL;
}

struct itree_node *itree_first(const struct itree *tree, uint64_t first, uint64_t last)
{
	if (!reaches(tree->root, first))
		return NULL;
	return unless_beyond(first_reaching(tree->root, first), last);
}

struct itree_node *itree_next(const struct itree_node *node, uint64_t first, uint64_t last)
{
	for (;;) {
		const struct itree_node *from;

		if (reaches(node->child[RIGHT], first))
			return unless_beyond(first_reaching(node->child[RIGHT], first), last);
		do {
			from = node;
			node = node->parent;
		} while (node && node->child[RIGHT] == from);
		if (!node)
			return NULL;
		if (node->last >= first)
			return unless_beyond((struct itree_node *)(uintptr_t)node, last);
	}
}

static const char *check_node(const struct itree_node *node)
{
	struct itree_node copy = *node;
	unsigned left = height(node->child[LEFT]), right = height(node->child[RIGHT]);

	update(&copy);
	if (copy.height != node->height || left > right + 1 || right > left + 1)
		return "2: height";
	if (copy.max_last != node->max_last)
		return "3: max_last";
	for (int side = LEFT; side <= RIGHT; side++) {
		const struct itree_node *child = node->child[side];
		const char *err;

		if (!child)
			continue;
		if (child->parent != node)
			return "parent link";
		err = check_node(child);
		if (err)
			return err;
	}
	return NULL;
}

const char *itree_check(const struct itree *tree)
{
	const struct itree_node *prev = NULL, *pos;
	const char *err;

	if (!tree->root)
		return NULL;
	err = tree->root->parent ? "root has a parent" : check_node(tree->root);
	if (err)
		return err;
	itree_for_each (tree, 0, UINT64_MAX, pos) {
		if (prev && prev->first > pos->first)
			return "1: order";
		prev = pos;
	}
	return NULL;
}
