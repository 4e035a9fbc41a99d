/* SPDX-License-Identifier: MIT */
/*
 * rtree.c: lookups in the range B+tree, and its beginning and end.
 *
 * Lookups hold no lock; RCU keeps the nodes.  None of them goes back up: an inner
 * slot has the exact bounds of what is below it, so the first child chosen is the
 * right one.  Beside a commit the bounds may be those of before or of after, which
 * differ in addresses only that have no entry before or none after (rtree_leaf.c): so
 * rtree_find() meets what is there all the time, and may miss only what comes or goes.
 * A child that has nothing left beyond addr, where its parent said so, has just lost it:
 * the parent was told first, so asking again from the root ends.
 */
#include "rtree_node.h"

void rtree_init(struct rtree *tree)
{
	tree->root = NULL;
	tree->count = 0;
	tree->serial = 0;
}

size_t rtree_node_bytes(void)
{
	return sizeof(struct rtree_node);
}

static void *slot_entry(const struct rtree_node *leaf, unsigned slot, struct rtree_range *out)
{
	if (out) {
		out->start = leaf->start[slot];
		out->end = leaf->end[slot];
	}
	return leaf->ptr[slot];
}

static const struct rtree_node *load_child(const struct rtree_node *node, unsigned slot)
{
	return atomic_load(&node->ptr[slot]);
}

void *rtree_find(const struct rtree *tree, uint64_t addr, struct rtree_range *out)
{
	const struct rtree_node *node = atomic_load(&tree->root);
	unsigned n;

	if (!node || addr == UINT64_MAX)
		return NULL;
	while (node->level) {
		n = rtree_inner_le(node->start, addr);
		if (!n)
			return NULL;
		node = load_child(node, n - 1);
	}
	n = rtree_count_le(node->start, addr);
	return n && addr < node->end[n - 1] ? slot_entry(node, n - 1, out) : NULL;
}

/* *again: a child has lost what its parent told of, and the parent tells so now. */
static const struct rtree_node *leaf_above(const struct rtree *tree, uint64_t addr, unsigned *slot,
					   bool *again)
{
	const struct rtree_node *node = atomic_load(&tree->root);

	*again = false;
	while (node) {
		unsigned n =
		    node->level ? rtree_inner_le(node->end, addr) : rtree_count_le(node->end, addr);

		if (n >= node->count)
			return NULL;
		*slot = n;
		if (!node->level)
			return node;
		*again = true;
		node = load_child(node, n);
	}
	return NULL;
}

void *rtree_next(const struct rtree *tree, uint64_t addr, struct rtree_range *out)
{
	const struct rtree_node *leaf;
	unsigned n = 0;
	bool again;

	do {
		leaf = leaf_above(tree, addr, &n, &again);
	} while (!leaf && again);
	return leaf ? slot_entry(leaf, n, out) : NULL;
}

static const struct rtree_node *leaf_below(const struct rtree *tree, uint64_t addr, unsigned *slot,
					   bool *again)
{
	const struct rtree_node *node = atomic_load(&tree->root);

	*again = false;
	while (node && addr) {
		unsigned n = node->level ? rtree_inner_le(node->start, addr - 1)
					 : rtree_count_lt(node->start, addr);

		if (!n)
			return NULL;
		*slot = n - 1;
		if (!node->level)
			return node;
		*again = true;
		node = load_child(node, n - 1);
	}
	return NULL;
}

void *rtree_prev(const struct rtree *tree, uint64_t addr, struct rtree_range *out)
{
	const struct rtree_node *leaf;
	unsigned n = 0;
	bool again;

	do {
		leaf = leaf_below(tree, addr, &n, &again);
	} while (!leaf && again);
	return leaf ? slot_entry(leaf, n, out) : NULL;
}

static uint64_t longer(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t rtree_node_gap(const struct rtree_node *node)
{
	uint64_t between = 0, below;

	if (!node->level) {
#pragma GCC unroll 4
		for (unsigned i = 1; i < node->count; i++)
			between = longer(between, node->start[i] - node->end[i - 1]);
		return between;
	}
	below = node->gap[0];
#pragma GCC unroll 4
	for (unsigned i = 1; i < node->count; i++) {
		between = longer(between, node->start[i] - node->end[i - 1]);
		below = longer(below, node->gap[i]);
	}
	return longer(between, below);
}

void rtree_node_free(const struct rtree_env *env, struct rtree_node *node)
{
	env->free(env->ctx, node, sizeof(*node));
}

void rtree_retired_free(const struct rtree_env *env, struct rtree_retired *list)
{
	while (list) {
		struct rtree_node *node = container_of(list, struct rtree_node, retired);

		list = list->next;
		rtree_node_free(env, node);
	}
}

/* Puts the whole subtree before `list`. */
static struct rtree_retired *collect(struct rtree_node *node, struct rtree_retired *list)
{
	if (node->level) {
		for (unsigned i = 0; i < node->count; i++)
			list = collect(rtree_child(node, i), list);
	}
	node->retired.next = list;
	return &node->retired;
}

static struct rtree_retired *take_all(struct rtree *tree)
{
	struct rtree_node *root = atomic_load_relaxed(&tree->root);

	atomic_store(&tree->root, NULL);
	atomic_store_relaxed(&tree->count, 0);
	return root ? collect(root, NULL) : NULL;
}

void rtree_clear(struct rtree *tree, const struct rtree_env *env)
{
	struct rtree_retired *list = take_all(tree);

	if (!list)
		return;
	list->ctx = env->ctx;
	if (env->retire)
		env->retire(env->ctx, list);
	else
		rtree_retired_free(env, list);
}

void rtree_destroy(struct rtree *tree, const struct rtree_env *env)
{
	rtree_retired_free(env, take_all(tree));
}
