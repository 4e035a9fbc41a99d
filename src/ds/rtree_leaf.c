/* SPDX-License-Identifier: MIT */
/*
 * rtree_leaf.c: a transaction that changes one leaf publishes that leaf alone.
 *
 * The nodes above stay: the new leaf is stored into its parent's slot, which is the publication.
 * What the nodes above say of the leaf's bounds changes, too, word by word, where the first or the
 * last entry of the leaf comes, goes or changes.  The tree's writer lock is held.
 *
 *   1  A bound moves only over addresses that have no entry before or none after the commit.  So
 *      a lookup that meets bounds of before and of after finds what is there in both.
 *   2  A bound that shrinks does so before the leaf is published, from the root down; one that
 *      grows, after it, from the leaf up.  So a reader that finds less in a node than the node
 *      above it said finds on asking again that the node above says it, too: it does not wait for
 *      the writer.
 *   3  The number of children of a published inner node does not change: what splits, merges or
 *      crosses the border of a leaf copies the path (rtree_edit.c).
 *   4  Until commit the leaf is the transaction's alone, and no node points to it.  Another edit in
 *      the same transaction has it put into a copied path first (rtree_txn_settle).
 */
#include "rtree_slot.h"

/* The longest of the holes between slots [first, last] of a leaf. */
static uint64_t longest_hole(const struct rtree_node *leaf, unsigned first, unsigned last)
{
	uint64_t max = 0;

	for (unsigned i = first + 1; i <= last && i < leaf->count; i++) {
		uint64_t hole = leaf->start[i] - leaf->end[i - 1];

		max = hole > max ? hole : max;
	}
	return max;
}

/* Slots [first, last) of `old` have become nr others. */
static uint64_t leaf_gap(const struct rtree_node *leaf, const struct rtree_node *old,
			 unsigned first, unsigned last, unsigned nr, uint64_t longest)
{
	unsigned before = first ? first - 1 : 0;
	uint64_t now = longest_hole(leaf, before, first + nr);

	if (now >= longest)
		return now;
	return longest_hole(old, before, last) < longest ? longest : rtree_node_gap(leaf);
}

int rtree_leaf_prepare(struct rtree_txn *txn, unsigned first, unsigned last,
		       const struct rtree_entry *add, unsigned nr)
{
	const struct rtree_path *path = &txn->path;
	const struct rtree_node *old = path->node[0];
	struct rtree_node *leaf;

	leaf = txn->leaf = rtree_txn_one(txn);
	if (!leaf)
		return -DS_ENOMEM;
	leaf->level = 0;
	leaf->count = old->count - (last - first) + nr;
	pad_pairs(leaf, leaf->count & ~1u);
	copy_slots(leaf, 0, old, 0, first);
	copy_slots(leaf, first + nr, old, last, old->count - last);
	put_entries(leaf, first, add, nr);
	if (path->height > 1)
		txn->leaf_gap =
		    leaf_gap(leaf, old, first, last, nr, path->node[1]->gap[path->slot[1]]);
	return 0;
}

/* Rule 4. */
int rtree_txn_settle_leaf(struct rtree_txn *txn)
{
	struct rtree_path *path = &txn->path;

	if (rtree_txn_reserve(txn, path->height - 1))
		return -DS_ENOMEM;
	rtree_txn_drop(txn, path->node[0]);
	path->node[0] = txn->work.root = txn->leaf;
	txn->leaf = NULL;
	for (unsigned level = 1; level < path->height; level++) {
		txn->work.root = rtree_txn_own(txn, path->node[level]);
		path->node[level] = txn->work.root;
		path->node[level]->ptr[path->slot[level]] = path->node[level - 1];
	}
	rtree_refresh_path(path, 0);
	return 0;
}

/* ---- bounds ------------------------------------------------------------------- */

/* What changes: up to which level the leaf's first (last) entry is a node's first (last). */
struct bounds {
	const struct rtree_path *path;
	uint64_t start, end;         /* of the new leaf */
	unsigned start_top, end_top; /* 0: no change */
};

static unsigned top_of_first(const struct rtree_path *path)
{
	unsigned level = 1;

	while (level + 1 < path->height && !path->slot[level])
		level++;
	return level;
}

static unsigned top_of_last(const struct rtree_path *path)
{
	unsigned level = 1;

	while (level + 1 < path->height && path->slot[level] + 1 == path->node[level]->count)
		level++;
	return level;
}

static void find_bounds(struct bounds *b, const struct rtree_path *path,
			const struct rtree_node *leaf)
{
	const struct rtree_node *old = path->node[0];

	b->path = path;
	b->start = leaf->start[0];
	b->end = leaf->end[leaf->count - 1];
	b->start_top = b->start != old->start[0] ? top_of_first(path) : 0;
	b->end_top = b->end != old->end[old->count - 1] ? top_of_last(path) : 0;
}

/*
 * gcc 12.2 may take a function that does nothing but atomic stores in a loop for one without effect
 * and leave its calls out (by -fipa-modref and -fipa-pure-const, after -fivopts).  No code.
 */
#define HAS_EFFECT() __asm__ volatile("" ::: "memory")

static void set_start(const struct bounds *b, unsigned level)
{
	atomic_store(&b->path->node[level]->start[b->path->slot[level]], b->start);
}

static void set_end(const struct bounds *b, unsigned level)
{
	atomic_store(&b->path->node[level]->end[b->path->slot[level]], b->end);
}

/* Rule 2. */
static void shrink(const struct bounds *b)
{
	const struct rtree_node *old = b->path->node[0];

	HAS_EFFECT();
	if (b->start > old->start[0])
		for (unsigned level = b->start_top; level; level--)
			set_start(b, level);
	if (b->end < old->end[old->count - 1])
		for (unsigned level = b->end_top; level; level--)
			set_end(b, level);
}

static void grow(const struct bounds *b)
{
	const struct rtree_node *old = b->path->node[0];

	HAS_EFFECT();
	if (b->start < old->start[0])
		for (unsigned level = 1; level <= b->start_top; level++)
			set_start(b, level);
	if (b->end > old->end[old->count - 1])
		for (unsigned level = 1; level <= b->end_top; level++)
			set_end(b, level);
}

/* ---- gaps: the writer's alone --------------------------------------------------- */

/* The longest hole in the node that has to do with the slot, if that is [start, end), with gap. */
static uint64_t gap_around(const struct rtree_node *node, unsigned slot, uint64_t start,
			   uint64_t end, uint64_t gap)
{
	if (slot && start - node->end[slot - 1] > gap)
		gap = start - node->end[slot - 1];
	if (slot + 1 < node->count && node->start[slot + 1] - end > gap)
		gap = node->start[slot + 1] - end;
	return gap;
}

/* The longest hole of the node at `level`, whose slot has changed: it had a gap of `had`. */
static uint64_t new_gap(const struct bounds *b, unsigned level, uint64_t had)
{
	const struct rtree_path *path = b->path;
	const struct rtree_node *node = path->node[level], *leaf = path->node[0];
	unsigned slot = path->slot[level];
	uint64_t longest = path->node[level + 1]->gap[path->slot[level + 1]];
	uint64_t start = node->start[slot], end = node->end[slot];
	uint64_t now = gap_around(node, slot, start, end, node->gap[slot]);

	if (now >= longest)
		return now;
	/* Only if the longest has gone all of them are looked at. */
	if (level <= b->start_top)
		start = leaf->start[0];
	if (level <= b->end_top)
		end = leaf->end[leaf->count - 1];
	return gap_around(node, slot, start, end, had) < longest ? longest : rtree_node_gap(node);
}

static void refresh_gaps(const struct bounds *b, uint64_t gap)
{
	const struct rtree_path *path = b->path;

	for (unsigned level = 1;; level++) {
		uint64_t *slot = &path->node[level]->gap[path->slot[level]], had = *slot;

		if (had == gap && level > b->start_top && level > b->end_top)
			return;
		*slot = gap;
		if (level + 1 == path->height)
			return;
		gap = new_gap(b, level, had);
	}
}

/* ---- commit --------------------------------------------------------------------- */

static void publish_below(struct rtree_txn *txn)
{
	const struct rtree_path *path = &txn->path;
	struct bounds b;

	find_bounds(&b, path, txn->leaf);
	if (!txn->env->shrink_late)
		shrink(&b);
	atomic_store(&path->node[1]->ptr[path->slot[1]], (void *)txn->leaf);
	if (txn->env->shrink_late)
		shrink(&b);
	grow(&b);
	refresh_gaps(&b, txn->leaf_gap);
}

void rtree_leaf_publish(struct rtree_txn *txn)
{
	if (txn->path.height > 1)
		publish_below(txn);
	else
		atomic_store(&txn->tree->root, txn->leaf);
	rtree_txn_drop(txn, txn->path.node[0]);
	txn->leaf = NULL;
}
