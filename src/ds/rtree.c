/* SPDX-License-Identifier: MIT */
/*
 * rtree.c: lookups in the range B+tree, and its beginning and end.
 *
 * Lookups load the root once (acquire) and read nothing that changes after it
 * was published (invariant 6 of rtree_node.h), so they hold no lock; RCU keeps
 * the nodes.  None of them goes back up: an inner slot has the exact bounds of
 * what is below it, so the first child chosen is the right one, and what holds
 * for the root (addr is not below its first start) holds for every child.
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

struct rtree rtree_snapshot(const struct rtree *tree)
{
	struct rtree snap = {.root = at_load(&tree->root), .count = rtree_count(tree)};

	return snap;
}

uint64_t rtree_count(const struct rtree *tree)
{
	return at_load_relaxed(&tree->count);
}

static void *slot_entry(const struct rtree_node *leaf, unsigned slot, struct rtree_range *out)
{
	if (out) {
		out->start = leaf->start[slot];
		out->end = leaf->end[slot];
	}
	return leaf->ptr[slot];
}

void *rtree_find(const struct rtree *tree, uint64_t addr, struct rtree_range *out)
{
	const struct rtree_node *node = at_load(&tree->root);
	unsigned n;

	if (!node || addr < node->start[0] || addr == UINT64_MAX)
		return NULL;
	for (unsigned level = node->level;; level--) {
		n = rtree_count_le(node->start, addr) - 1;
		if (!level)
			break;
		node = rtree_child(node, n);
	}
	return addr < node->end[n] ? slot_entry(node, n, out) : NULL;
}

void *rtree_next(const struct rtree *tree, uint64_t addr, struct rtree_range *out)
{
	const struct rtree_node *node = at_load(&tree->root);

	if (!node || addr >= node->end[node->count - 1])
		return NULL;
	for (unsigned level = node->level;; level--) {
		unsigned n = rtree_count_le(node->end, addr);

		if (!level)
			return slot_entry(node, n, out);
		node = rtree_child(node, n);
	}
}

void *rtree_prev(const struct rtree *tree, uint64_t addr, struct rtree_range *out)
{
	const struct rtree_node *node = at_load(&tree->root);

	if (!node || addr <= node->start[0])
		return NULL;
	for (unsigned level = node->level;; level--) {
		unsigned n = rtree_count_lt(node->start, addr) - 1;

		if (!level)
			return slot_entry(node, n, out);
		node = rtree_child(node, n);
	}
}

uint64_t rtree_node_gap(const struct rtree_node *node)
{
	uint64_t max = node->level ? node->gap[0] : 0;

	for (unsigned i = 1; i < node->count; i++) {
		uint64_t between = node->start[i] - node->end[i - 1];

		if (between > max)
			max = between;
		if (node->level && node->gap[i] > max)
			max = node->gap[i];
	}
	return max;
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
	struct rtree_node *root = at_load_relaxed(&tree->root);

	at_store(&tree->root, NULL);
	at_store_relaxed(&tree->count, 0);
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
