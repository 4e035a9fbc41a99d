/* SPDX-License-Identifier: MIT */
/*
 * rtree_txn.c: transactions on the range B+tree: their nodes, begin and end.
 * The edits are in rtree_edit.c.
 *
 * Owns the nodes that it made (serial == work.serial) until commit publishes
 * them; those it edits in place, all others it copies first.  The tree's writer
 * lock is held from begin to commit or abort.
 *
 *   1  An edit first counts and reserves every node that it will need; what
 *      follows cannot fail, so a failed edit changes nothing.
 *   2  A node that is replaced goes to `retired` if a reader may have it, else to
 *      `spare`.  Both lists go through node->retired.next.
 *   3  No node below one that is not owned is owned: abort frees the owned top.
 *
 *        begin ──> open ──insert, erase──> open ──commit──> published, old retired
 *                   └──abort──> as before begin
 */
#include "rtree_node.h"

static void push_spare(struct rtree_txn *txn, struct rtree_node *node)
{
	node->retired.next = txn->spare ? &txn->spare->retired : NULL;
	txn->spare = node;
	txn->nr_spare++;
}

struct rtree_node *rtree_txn_take(struct rtree_txn *txn)
{
	struct rtree_node *node = txn->spare;
	struct rtree_retired *next = node->retired.next;

	txn->spare = next ? container_of(next, struct rtree_node, retired) : NULL;
	txn->nr_spare--;
	node->serial = txn->work.serial;
	return node;
}

/* Rule 1.  What was allocated before a failure stays for a later edit. */
int rtree_txn_reserve(struct rtree_txn *txn, unsigned count)
{
	while (txn->nr_spare < count) {
		struct rtree_node *node = txn->env->alloc(txn->env->ctx, sizeof(*node));

		if (!node)
			return -DS_ENOMEM;
		push_spare(txn, node);
	}
	return 0;
}

struct rtree_node *rtree_txn_one(struct rtree_txn *txn)
{
	struct rtree_node *node;

	if (txn->spare)
		return rtree_txn_take(txn);
	node = txn->env->alloc(txn->env->ctx, sizeof(*node));
	if (node)
		node->serial = txn->work.serial;
	return node;
}

static void free_spare(struct rtree_txn *txn)
{
	if (txn->spare)
		rtree_retired_free(txn->env, &txn->spare->retired);
	txn->spare = NULL;
	txn->nr_spare = 0;
}

/* Rule 2: the node is no longer in the working version. */
void rtree_txn_drop(struct rtree_txn *txn, struct rtree_node *node)
{
	if (rtree_txn_owns(txn, node)) {
		push_spare(txn, node);
		return;
	}
	node->retired.next = txn->retired;
	txn->retired = &node->retired;
}

struct rtree_node *rtree_txn_new(struct rtree_txn *txn, unsigned level)
{
	struct rtree_node *node = rtree_txn_take(txn);

	node->level = level;
	node->count = 0;
	for (unsigned i = 0; i < RTREE_FANOUT; i++)
		node->start[i] = node->end[i] = UINT64_MAX;
	return node;
}

/* Two words at a time, without a call: each edit copies three of them or more. */
static inline void copy_array(void *to, const void *from)
{
	rtree_pair *t = to;
	const rtree_pair *f = from;

#pragma GCC unroll 8
	for (unsigned i = 0; i < RTREE_FANOUT / 2; i++)
		t[i] = f[i];
}

static struct rtree_node *copy_node(struct rtree_txn *txn, const struct rtree_node *node)
{
	struct rtree_node *copy = rtree_txn_take(txn);

	copy->count = node->count;
	copy->level = node->level;
	copy_array(copy->start, node->start);
	copy_array(copy->end, node->end);
	copy_array(copy->ptr, node->ptr);
	if (node->level)
		copy_array(copy->gap, node->gap);
	return copy;
}

struct rtree_node *rtree_txn_own(struct rtree_txn *txn, struct rtree_node *node)
{
	struct rtree_node *copy;

	if (rtree_txn_owns(txn, node))
		return node;
	copy = copy_node(txn, node);
	rtree_txn_drop(txn, node);
	return copy;
}

/* ---- begin and end ------------------------------------------------------ */

void rtree_txn_commit(struct rtree_txn *txn)
{
	const struct rtree_env *env = txn->env;
	struct rtree_retired *old;

	if (txn->leaf)
		rtree_leaf_publish(txn);
	else
		atomic_store(&txn->tree->root, txn->work.root);
	old = txn->retired;
	atomic_store_relaxed(&txn->tree->count, txn->work.count);
	if (txn->spare)
		free_spare(txn);
	if (!old)
		return;
	old->ctx = env->ctx;
	if (env->retire)
		env->retire(env->ctx, old);
	else
		rtree_retired_free(env, old);
}

/* Rule 3: what is not owned has nothing owned below it. */
static void free_owned(struct rtree_txn *txn, struct rtree_node *node)
{
	if (!rtree_txn_owns(txn, node))
		return;
	if (node->level) {
		for (unsigned i = 0; i < node->count; i++)
			free_owned(txn, rtree_child(node, i));
	}
	rtree_node_free(txn->env, node);
}

void rtree_txn_abort(struct rtree_txn *txn)
{
	if (txn->work.root)
		free_owned(txn, txn->work.root);
	if (txn->leaf)
		rtree_txn_drop(txn, txn->leaf);
	free_spare(txn);
}
