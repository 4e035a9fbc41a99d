/* SPDX-License-Identifier: MIT */
/*
 * rtree_gap.c: the lowest or highest free gap of a range B+tree.
 *
 * A walk in address order that enters a child only where the child's longest
 * hole is long enough (invariant 2 of rtree_node.h) and skips what lies outside
 * of [lo, hi).  With align 1 only the children at the two bounds can disappoint,
 * so it is O(log n).
 */
#include "rtree_node.h"

struct gap_query {
	uint64_t lo, hi, len;
	uint64_t mask; /* align - 1 */
	uint64_t offset;
	uint64_t found;
};

static bool fits_low(struct gap_query *q, uint64_t start, uint64_t end)
{
	uint64_t addr, room;

	if (start < q->lo)
		start = q->lo;
	if (end > q->hi)
		end = q->hi;
	if (start >= end)
		return false;
	addr = start + ((q->offset - start) & q->mask);
	if (addr < start || addr >= end)
		return false;
	room = end - addr;
	q->found = addr;
	return room >= q->len;
}

static bool fits_high(struct gap_query *q, uint64_t start, uint64_t end)
{
	uint64_t addr, down;

	if (start < q->lo)
		start = q->lo;
	if (end > q->hi)
		end = q->hi;
	if (start >= end || end - start < q->len)
		return false;
	addr = end - q->len;
	down = (addr - q->offset) & q->mask;
	if (down > addr - start)
		return false;
	q->found = addr - down;
	return true;
}

/* `before`: where the hole in front of the node's first slot begins. */
static bool walk_up(struct gap_query *q, const struct rtree_node *node, uint64_t before)
{
	unsigned i = rtree_count_le(node->end, q->lo);

	if (i)
		before = node->end[i - 1];
	for (; i < node->count && before < q->hi; i++) {
		if (fits_low(q, before, node->start[i]))
			return true;
		if (node->level && node->gap[i] >= q->len &&
		    walk_up(q, rtree_child(node, i), node->start[i]))
			return true;
		before = node->end[i];
	}
	return false;
}

/* `after`: where the hole behind the node's last slot ends. */
static bool walk_down(struct gap_query *q, const struct rtree_node *node, uint64_t after)
{
	unsigned i = rtree_count_lt(node->start, q->hi);

	if (i < node->count)
		after = node->start[i];
	while (i-- && after > q->lo) {
		if (fits_high(q, node->end[i], after))
			return true;
		if (node->level && node->gap[i] >= q->len &&
		    walk_down(q, rtree_child(node, i), node->end[i]))
			return true;
		after = node->start[i];
	}
	return false;
}

static bool lowest(struct gap_query *q, const struct rtree_node *root)
{
	if (!root)
		return fits_low(q, 0, UINT64_MAX);
	return walk_up(q, root, 0) || fits_low(q, root->end[root->count - 1], UINT64_MAX);
}

static bool highest(struct gap_query *q, const struct rtree_node *root)
{
	if (!root)
		return fits_high(q, 0, UINT64_MAX);
	return walk_down(q, root, UINT64_MAX) || fits_high(q, 0, root->start[0]);
}

bool rtree_gap(const struct rtree *tree, uint64_t lo, uint64_t hi, uint64_t len, uint64_t align,
	       uint64_t align_offset, bool topdown, uint64_t *out)
{
	const struct rtree_node *root = atomic_load(&tree->root);
	struct gap_query q = {
	    .lo = lo, .hi = hi, .len = len, .mask = align ? align - 1 : 0, .offset = align_offset};

	DS_BUG_ON(align & q.mask);
	if (!len || lo >= hi || hi - lo < len)
		return false;
	if (!(topdown ? highest(&q, root) : lowest(&q, root)))
		return false;
	*out = q.found;
	return true;
}
