/* SPDX-License-Identifier: MIT */
/*
 * rtree_check.c: the invariants of rtree_node.h, as code.
 *
 * Precondition: the caller keeps the version alive (RCU or the writer's lock).
 */
#include "rtree_node.h"

static const char *check_slots(const struct rtree_node *node)
{
	for (unsigned i = 0; i < node->count; i++) {
		if (node->start[i] >= node->end[i])
			return "1: empty range";
		if (i && node->start[i] < node->end[i - 1])
			return "1: ranges overlap or are out of order";
		if (!node->ptr[i])
			return "1: slot without a pointer";
	}
	for (unsigned i = node->count; i < RTREE_FANOUT; i++) {
		if (node->start[i] != UINT64_MAX || node->end[i] != UINT64_MAX)
			return "5: unused slot is not padded";
	}
	return NULL;
}

static const char *check_size(const struct rtree_node *node, bool is_root)
{
	unsigned min = is_root ? (node->level ? 2 : 1) : RTREE_MIN;

	if (node->level >= RTREE_MAX_HEIGHT)
		return "3: too high";
	return node->count < min || node->count > RTREE_FANOUT ? "4: number of slots" : NULL;
}

static const char *check_bounds(const struct rtree_node *node, unsigned slot)
{
	const struct rtree_node *child = rtree_child(node, slot);

	if (child->level + 1 != node->level)
		return "3: child's level";
	if (!child->count || child->count > RTREE_FANOUT)
		return "4: number of slots";
	if (node->start[slot] != child->start[0] || node->end[slot] != child->end[child->count - 1])
		return "2: bounds of the child";
	return node->gap[slot] != rtree_node_gap(child) ? "2: gap of the child" : NULL;
}

static const char *check_node(const struct rtree_node *node, bool is_root, uint64_t *entries)
{
	const char *err = check_size(node, is_root);

	if (!err)
		err = check_slots(node);
	if (!err && !node->level)
		*entries += node->count;
	for (unsigned i = 0; !err && node->level && i < node->count; i++) {
		err = check_bounds(node, i);
		if (!err)
			err = check_node(rtree_child(node, i), false, entries);
	}
	return err;
}

const char *rtree_check(const struct rtree *tree)
{
	const struct rtree_node *root = atomic_load(&tree->root);
	uint64_t entries = 0;
	const char *err = root ? check_node(root, true, &entries) : NULL;

	if (!err && entries != rtree_count(tree))
		err = "count is not the number of entries";
	return err;
}
