/* SPDX-License-Identifier: MIT */
/*
 * rtree_edit.c: insert and erase of the range B+tree, within a transaction.
 *
 * Each edit: find the path, count the nodes it takes, reserve them (the only
 * step that can fail), own the path, edit from the leaf upwards.  The rules
 * are in rtree_txn.c; the tree's writer lock is held.
 */
#include "rtree_slot.h"

/* ---- paths -------------------------------------------------------------- */

void rtree_descend(const struct rtree_txn *txn, uint64_t start, struct rtree_path *path)
{
	struct rtree_node *node = txn->work.root;

	path->height = node->level + 1;
	path->before = 0;
	path->behind = UINT64_MAX;
	while (node->level) {
		unsigned n = rtree_inner_le(node->start, start);

		path->node[node->level] = node;
		if (n < node->count)
			path->behind = node->start[n];
		n -= n > 0;
		if (n)
			path->before = node->end[n - 1];
		path->slot[node->level] = n;
		node = rtree_child(node, n);
	}
	path->node[0] = node;
	path->slot[0] = rtree_count_le(node->start, start);
}

unsigned rtree_count_unowned(const struct rtree_txn *txn, const struct rtree_path *path)
{
	unsigned count = 0;

	/* Rule 3: owned nodes are on top. */
	while (count < path->height && !rtree_txn_owns(txn, path->node[count]))
		count++;
	return count;
}

void rtree_own_path(struct rtree_txn *txn, struct rtree_path *path)
{
	for (unsigned level = path->height; level-- > 0;) {
		path->node[level] = rtree_txn_own(txn, path->node[level]);
		if (level + 1 < path->height)
			path->node[level + 1]->ptr[path->slot[level + 1]] = path->node[level];
		else
			txn->work.root = path->node[level];
	}
}

void rtree_refresh_path(const struct rtree_path *path, unsigned level)
{
	for (; level + 1 < path->height; level++)
		slot_refresh(path->node[level + 1], path->slot[level + 1], path->node[level]);
}

/* ---- insert ------------------------------------------------------------- */

static void grow_root(struct rtree_txn *txn, const struct slot *right)
{
	struct rtree_node *old = txn->work.root;
	struct rtree_node *root = rtree_txn_new(txn, old->level + 1);
	struct slot left = slot_of_child(old);

	slot_insert(root, 0, &left);
	slot_insert(root, 1, right);
	txn->work.root = root;
}

/*
 * Inserts into a full node by giving its upper part to a new right neighbour.
 * Ascending and descending runs of inserts, which mmap makes, leave nodes that
 * are three quarters full instead of half full.  (A descending run splits a leaf
 * at slot 0 and its parents at slot 1, beside the child that was split.)
 */
static struct rtree_node *split_insert(struct rtree_txn *txn, struct rtree_node *node, unsigned at,
				       const struct slot *s)
{
	struct rtree_node *right = rtree_txn_new(txn, node->level);
	unsigned keep = RTREE_FANOUT / 2;

	if (at == RTREE_FANOUT)
		keep = RTREE_FANOUT - RTREE_MIN;
	else if (at <= 1)
		keep = RTREE_MIN;
	shift_right(node, right, RTREE_FANOUT - keep);
	if (at > keep)
		slot_insert(right, at - keep, s);
	else
		slot_insert(node, at, s);
	return right;
}

/* The path is owned and enough nodes are spare. */
static void insert_at(struct rtree_txn *txn, struct rtree_path *path, struct slot s)
{
	unsigned at = path->slot[0];

	for (unsigned level = 0;; level++) {
		struct rtree_node *node = path->node[level];
		struct rtree_node *right;

		if (node->count < RTREE_FANOUT) {
			slot_insert(node, at, &s);
			rtree_refresh_path(path, level);
			return;
		}
		right = split_insert(txn, node, at, &s);
		s = slot_of_child(right);
		if (level + 1 == path->height) {
			grow_root(txn, &s);
			return;
		}
		slot_refresh(path->node[level + 1], path->slot[level + 1], node);
		at = path->slot[level + 1] + 1;
	}
}

static unsigned insert_need(const struct rtree_txn *txn, const struct rtree_path *path)
{
	unsigned level = 0;

	while (level < path->height && path->node[level]->count == RTREE_FANOUT)
		level++;
	return rtree_count_unowned(txn, path) + level + (level == path->height);
}

static void assert_free(const struct rtree_path *path, uint64_t start, uint64_t end)
{
	const struct rtree_node *leaf = path->node[0];
	unsigned at = path->slot[0];

	DS_BUG_ON(at && leaf->end[at - 1] > start);
	DS_BUG_ON((at < leaf->count ? leaf->start[at] : path->behind) < end);
}

int rtree_txn_insert(struct rtree_txn *txn, uint64_t start, uint64_t end, void *ptr)
{
	struct slot s = {.start = start, .end = end, .ptr = ptr};
	struct rtree_path path;

	DS_BUG_ON(start >= end || !ptr);
	if (rtree_txn_settle(txn))
		return -DS_ENOMEM;
	txn->sought = UINT64_MAX;
	if (!txn->work.root) {
		if (rtree_txn_reserve(txn, 1))
			return -DS_ENOMEM;
		txn->work.root = rtree_txn_new(txn, 0);
		slot_insert(txn->work.root, 0, &s);
		txn->work.count = 1;
		return 0;
	}
	rtree_descend(txn, start, &path);
	assert_free(&path, start, end);
	if (rtree_txn_reserve(txn, insert_need(txn, &path)))
		return -DS_ENOMEM;
	rtree_own_path(txn, &path);
	insert_at(txn, &path, s);
	txn->work.count++;
	return 0;
}

/* ---- erase -------------------------------------------------------------- */

/* Which neighbour an underfull node turns to: its slot in the parent. */
static unsigned sibling_slot(unsigned slot)
{
	return slot ? slot - 1 : 1;
}

/* Shares the slots of two neighbours evenly; both are owned. */
static void balance(struct rtree_node *left, struct rtree_node *right)
{
	unsigned half = (left->count + right->count) / 2;

	if (left->count > half)
		shift_right(left, right, left->count - half);
	else
		shift_left(left, right, half - left->count);
}

/*
 * node[level] is underfull: it takes all slots of its neighbour, or half of what
 * the two have.  True: the parent has lost a slot.  The neighbour is only read
 * in the first case and needs no copy.
 */
static bool refill(struct rtree_txn *txn, struct rtree_path *path, unsigned level)
{
	struct rtree_node *parent = path->node[level + 1];
	struct rtree_node *node = path->node[level];
	unsigned slot = path->slot[level + 1];
	unsigned other = sibling_slot(slot);
	struct rtree_node *sibling = rtree_child(parent, other);

	if (node->count + sibling->count > RTREE_FANOUT) {
		sibling = rtree_txn_own(txn, sibling);
		balance(other < slot ? sibling : node, other < slot ? node : sibling);
		slot_refresh(parent, other, sibling);
		return false;
	}
	if (other < slot) {
		move_slots(node, sibling->count, node, 0, node->count);
		move_slots(node, 0, sibling, 0, sibling->count);
		path->slot[level + 1]--;
	} else {
		move_slots(node, node->count, sibling, 0, sibling->count);
	}
	node->count += sibling->count;
	rtree_txn_drop(txn, sibling);
	slot_remove(parent, other);
	return true;
}

/* Invariant 4 for the root, after an erase. */
static void shrink_root(struct rtree_txn *txn)
{
	struct rtree_node *root = txn->work.root;

	if (!root->count)
		txn->work.root = NULL;
	else if (root->level && root->count == 1)
		txn->work.root = rtree_child(root, 0);
	else
		return;
	rtree_txn_drop(txn, root);
}

/* The path is owned and enough nodes are spare. */
static void erase_at(struct rtree_txn *txn, struct rtree_path *path)
{
	unsigned level = 0;

	slot_remove(path->node[0], path->slot[0]);
	while (level + 1 < path->height && path->node[level]->count < RTREE_MIN) {
		bool parent_lost = refill(txn, path, level);

		slot_refresh(path->node[level + 1], path->slot[level + 1], path->node[level]);
		level++;
		if (!parent_lost)
			break;
	}
	rtree_refresh_path(path, level);
	shrink_root(txn);
}

/* Mirrors erase_at(): which neighbours will be edited, not merely emptied? */
static unsigned erase_need(const struct rtree_txn *txn, const struct rtree_path *path)
{
	unsigned need = rtree_count_unowned(txn, path);

	for (unsigned level = 0; level + 1 < path->height; level++) {
		const struct rtree_node *parent = path->node[level + 1];
		unsigned left = path->node[level]->count - 1;
		const struct rtree_node *sibling =
		    rtree_child(parent, sibling_slot(path->slot[level + 1]));

		if (left >= RTREE_MIN)
			break;
		if (left + sibling->count > RTREE_FANOUT)
			return need + !rtree_txn_owns(txn, sibling);
	}
	return need;
}

int rtree_txn_erase(struct rtree_txn *txn, uint64_t start)
{
	struct rtree_path path;

	if (rtree_txn_settle(txn))
		return -DS_ENOMEM;
	txn->sought = UINT64_MAX;
	DS_BUG_ON(!txn->work.root);
	rtree_descend(txn, start, &path);
	DS_BUG_ON(!path.slot[0] || path.node[0]->start[path.slot[0] - 1] != start);
	path.slot[0]--;
	if (rtree_txn_reserve(txn, erase_need(txn, &path)))
		return -DS_ENOMEM;
	rtree_own_path(txn, &path);
	erase_at(txn, &path);
	txn->work.count--;
	return 0;
}
