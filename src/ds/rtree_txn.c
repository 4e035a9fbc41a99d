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

static struct rtree_node *pop_spare(struct rtree_txn *txn)
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
	struct rtree_node *node = pop_spare(txn);

	node->level = level;
	node->count = 0;
	memset(node->start, 0xff, sizeof(node->start));
	memset(node->end, 0xff, sizeof(node->end));
	return node;
}

/* The node itself if it is owned, else an owned copy in its place. */
struct rtree_node *rtree_txn_own(struct rtree_txn *txn, struct rtree_node *node)
{
	struct rtree_node *copy;

	if (rtree_txn_owns(txn, node))
		return node;
	copy = pop_spare(txn);
	copy->count = node->count;
	copy->level = node->level;
	memcpy(copy->start, node->start, sizeof(node->start));
	memcpy(copy->end, node->end, sizeof(node->end));
	memcpy(copy->ptr, node->ptr, sizeof(node->ptr));
	if (node->level)
		memcpy(copy->gap, node->gap, sizeof(node->gap));
	rtree_txn_drop(txn, node);
	return copy;
}

/* ---- begin and end ------------------------------------------------------ */

int rtree_txn_begin(struct rtree_txn *txn, struct rtree *tree, const struct rtree_env *env)
{
	tree->serial++;
	*txn = (struct rtree_txn){.tree = tree, .env = env, .work = *tree};
	return 0;
}

void rtree_txn_commit(struct rtree_txn *txn)
{
	struct rtree_retired *old = txn->retired;
	const struct rtree_env *env = txn->env;

	at_store(&txn->tree->root, txn->work.root);
	at_store_relaxed(&txn->tree->count, txn->work.count);
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
	free_spare(txn);
}
