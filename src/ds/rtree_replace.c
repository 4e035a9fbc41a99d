/* SPDX-License-Identifier: MIT */
/*
 * rtree_replace.c: one change in place of many: what lies in a range goes, up to a few entries
 * come.
 *
 * Where this concerns one leaf, which it leaves large enough, a transaction that has changed
 * nothing else publishes that leaf alone (rtree_leaf.c); else the path is copied.  What crosses the
 * border of a leaf is done entry by entry (rtree_edit.c).  The path that rtree_txn_first() has
 * found serves rtree_txn_replace() as well.
 */
#include "rtree_slot.h"

/* The path stays good until the next edit. */
static void seek(struct rtree_txn *txn, uint64_t at)
{
	if (txn->sought != at)
		rtree_descend(txn, at, &txn->path);
	txn->sought = at;
}

static void *first_behind(struct rtree_txn *txn, unsigned n, uint64_t from, uint64_t to,
			  struct rtree_range *out)
{
	const struct rtree_node *leaf = txn->path.node[0];

	txn->before = n ? leaf->end[n - 1] : txn->path.before;
	txn->behind = n < leaf->count ? leaf->start[n] : txn->path.behind;
	return txn->behind < to ? rtree_next(&txn->work, from, out) : NULL;
}

void *rtree_txn_first(struct rtree_txn *txn, uint64_t from, uint64_t to, struct rtree_range *out)
{
	const struct rtree_node *leaf;
	unsigned n;

	if (!txn->work.root) {
		txn->before = 0;
		txn->behind = UINT64_MAX;
		return NULL;
	}
	seek(txn, from);
	leaf = txn->path.node[0];
	n = txn->path.slot[0];
	if (!n || leaf->end[n - 1] <= from)
		return first_behind(txn, n, from, to, out);
	out->start = leaf->start[n - 1];
	out->end = leaf->end[n - 1];
	return leaf->ptr[n - 1];
}

static void note_neighbours(struct rtree_txn *txn, uint64_t from, uint64_t to)
{
	struct rtree_range r;

	txn->before = rtree_prev(&txn->work, from, &r) ? r.end : 0;
	txn->behind = rtree_next(&txn->work, to, &r) ? r.start : UINT64_MAX;
}

/* One at a time, wherever they are. */
static int replace_singly(struct rtree_txn *txn, uint64_t from, uint64_t to,
			  const struct rtree_entry *add, unsigned nr)
{
	struct rtree_range r;
	int err = 0;

	while (!err && from < to && rtree_next(&txn->work, from, &r) && r.start < to)
		err = rtree_txn_erase(txn, r.start);
	if (!err)
		note_neighbours(txn, from, to);
	for (unsigned i = 0; i < nr && !err; i++)
		err = rtree_txn_insert(txn, add[i].start, add[i].end, add[i].ptr);
	return err;
}

/* Slots [first, last) of the leaf become `add`. */
static void replace_slots(struct rtree_node *leaf, unsigned first, unsigned last,
			  const struct rtree_entry *add, unsigned nr)
{
	unsigned old = leaf->count;

	shift_tail(leaf, first + nr, last);
	put_entries(leaf, first, add, nr);
	leaf->count = old - (last - first) + nr;
	for (unsigned i = leaf->count; i < old; i++)
		leaf->start[i] = leaf->end[i] = UINT64_MAX;
}

/* The tree has nothing else. */
static void replace_root(struct rtree_txn *txn)
{
	rtree_txn_drop(txn, txn->work.root);
	txn->work.root = NULL;
}

/* In the empty tree. */
static int replace_nothing(struct rtree_txn *txn, const struct rtree_entry *add, unsigned nr)
{
	txn->before = 0;
	txn->behind = UINT64_MAX;
	if (!nr)
		return 0;
	if (rtree_txn_reserve(txn, 1))
		return -DS_ENOMEM;
	txn->work.root = rtree_txn_new(txn, 0);
	replace_slots(txn->work.root, 0, 0, add, nr);
	txn->work.count = nr;
	return 0;
}

static bool leaf_fits(const struct rtree_path *path, unsigned count)
{
	return count <= RTREE_FANOUT && (path->height == 1 || count >= RTREE_MIN);
}

static int replace_in_path(struct rtree_txn *txn, unsigned first, unsigned last,
			   const struct rtree_entry *add, unsigned nr)
{
	struct rtree_path *path = &txn->path;

	if (rtree_txn_reserve(txn, rtree_count_unowned(txn, path)))
		return -DS_ENOMEM;
	rtree_own_path(txn, path);
	replace_slots(path->node[0], first, last, add, nr);
	rtree_refresh_path(path, 0);
	return 0;
}

static int replace_in_leaf(struct rtree_txn *txn, unsigned first, unsigned last,
			   const struct rtree_entry *add, unsigned nr)
{
	const struct rtree_path *path = &txn->path;
	const struct rtree_node *leaf = path->node[0];
	int err = 0;

	txn->before = first ? leaf->end[first - 1] : path->before;
	txn->behind = last < leaf->count ? leaf->start[last] : path->behind;
	DS_BUG_ON(nr && (txn->before > add[0].start || txn->behind < add[nr - 1].end));
	if (leaf->count + nr == last - first)
		replace_root(txn);
	else if (txn->work.root == txn->tree->root)
		err = rtree_leaf_prepare(txn, first, last, add, nr);
	else
		err = replace_in_path(txn, first, last, add, nr);
	txn->work.count += nr;
	txn->work.count -= last - first;
	return err;
}

int rtree_txn_replace(struct rtree_txn *txn, uint64_t from, uint64_t to,
		      const struct rtree_entry *add, unsigned nr)
{
	uint64_t at = from < to ? from : add->start;
	const struct rtree_path *path = &txn->path;
	const struct rtree_node *leaf;
	unsigned first, last;

	if (rtree_txn_settle(txn))
		return -DS_ENOMEM;
	if (!txn->work.root)
		return replace_nothing(txn, add, nr);
	seek(txn, at);
	txn->sought = UINT64_MAX;
	leaf = path->node[0];
	first = path->slot[0];
	if (first && leaf->start[first - 1] == at)
		first--;
	for (last = first; from < to && last < leaf->count && leaf->start[last] < to;)
		last++;
	if (to > path->behind || !leaf_fits(path, leaf->count - (last - first) + nr))
		return replace_singly(txn, from, to, add, nr);
	return replace_in_leaf(txn, first, last, add, nr);
}
