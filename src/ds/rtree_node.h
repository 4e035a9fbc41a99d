/* SPDX-License-Identifier: MIT */
/*
 * rtree_node.h: the node of the range B+tree, for the rtree_*.c files alone.
 *
 * Invariants:
 *   1  A node's slots are ascending, disjoint ranges that are not empty.
 *   2  An inner slot is [start of the child's first slot, end of its last), and
 *      its gap is the longest hole between two entries below the child.
 *   3  Level 0 is a leaf; a child's level is one below its parent's.
 *   4  Every node but the root has RTREE_MIN slots or more; an inner root has two
 *      or more, a leaf root one or more.
 *   5  An unused slot has start == end == UINT64_MAX, so that searches may go
 *      over all slots without a branch.
 *   6  A node whose serial is not that of the running transaction may be seen by
 *      readers.  Of a leaf nothing changes.  Of an inner node single words change, as
 *      rtree_leaf.c says: a child's pointer and bounds.  Gaps and `retired` are no business
 *      of readers.
 */
#ifndef QUIRE_DS_RTREE_NODE_H
#define QUIRE_DS_RTREE_NODE_H

#include "ds/rtree.h"
#include "sync.h"

#define RTREE_FANOUT 16
#define RTREE_MIN 4

/* The first line, in a node aligned to one, is what a lookup has no need of below the root. */
struct rtree_node {
	struct rtree_retired retired; /* first: rtree.h says so */
	uint64_t serial;              /* the transaction that made it */
	uint32_t count;
	uint32_t level;
	uint64_t start[RTREE_FANOUT];
	uint64_t end[RTREE_FANOUT];
	void *ptr[RTREE_FANOUT];    /* entry; in an inner node the child */
	uint64_t gap[RTREE_FANOUT]; /* inner nodes only (invariant 2) */
};

/* Two words of an array. */
typedef uint64_t rtree_pair __attribute__((vector_size(16), aligned(8), may_alias));

static inline struct rtree_node *rtree_child(const struct rtree_node *node, unsigned slot)
{
	return node->ptr[slot];
}

/* How many of the sorted values are <= x (< x); invariant 5 makes this right. */
static inline unsigned rtree_count_le(const uint64_t *v, uint64_t x)
{
	unsigned n = 0;

#pragma GCC unroll 16
	for (unsigned i = 0; i < RTREE_FANOUT; i++)
		n += v[i] <= x;
	return n;
}

static inline unsigned rtree_count_lt(const uint64_t *v, uint64_t x)
{
	unsigned n = 0;

#pragma GCC unroll 16
	for (unsigned i = 0; i < RTREE_FANOUT; i++)
		n += v[i] < x;
	return n;
}

/* The same for the bounds in an inner node, beside which a writer may store. */
static inline unsigned rtree_inner_le(const uint64_t *v, uint64_t x)
{
	unsigned n = 0;

	n += (atomic_load_relaxed(&v[7]) <= x) * 8u;
	n += (atomic_load_relaxed(&v[n + 3]) <= x) * 4u;
	n += (atomic_load_relaxed(&v[n + 1]) <= x) * 2u;
	n += atomic_load_relaxed(&v[n]) <= x;
	return n + (atomic_load_relaxed(&v[n]) <= x);
}

/* ---- rtree_edit.c, for rtree_replace.c and rtree_leaf.c ------------------------ */

/* To the leaf that has, or would get, an entry that starts at `start`. */
void rtree_descend(const struct rtree_txn *txn, uint64_t start, struct rtree_path *path);
unsigned rtree_count_unowned(const struct rtree_txn *txn, const struct rtree_path *path);
/* So many nodes are spare. */
void rtree_own_path(struct rtree_txn *txn, struct rtree_path *path);

/* Invariant 2 for the slots above `level`. */
void rtree_refresh_path(const struct rtree_path *path, unsigned level);

/* ---- rtree_leaf.c, for rtree_replace.c and rtree_txn.c ------------------------- */

/*
 * Slots [first, last) of path.node[0] are to become `add`.  The transaction has changed nothing
 * yet, and the leaf stays large enough.
 */
int rtree_leaf_prepare(struct rtree_txn *txn, unsigned first, unsigned last,
		       const struct rtree_entry *add, unsigned nr);
void rtree_leaf_publish(struct rtree_txn *txn);

/* ---- rtree_txn.c, for rtree_edit.c ---------------------------------------- */

static inline bool rtree_txn_owns(const struct rtree_txn *txn, const struct rtree_node *node)
{
	return node->serial == txn->work.serial;
}

/* So many nodes are spare, or -ENOMEM.  The next two take from them. */
int rtree_txn_reserve(struct rtree_txn *txn, unsigned count);
/* One, reserved or not, or NULL; else like the next. */
struct rtree_node *rtree_txn_one(struct rtree_txn *txn);
/* One of those, with nothing in it set but whose it is. */
struct rtree_node *rtree_txn_take(struct rtree_txn *txn);
struct rtree_node *rtree_txn_new(struct rtree_txn *txn, unsigned level);
/* The node itself if it is owned, else an owned copy to be put in its place. */
struct rtree_node *rtree_txn_own(struct rtree_txn *txn, struct rtree_node *node);
/* The node is no longer in the working version. */
void rtree_txn_drop(struct rtree_txn *txn, struct rtree_node *node);

/* ---- rtree.c ----------------------------------------------------------------- */

/* The longest hole between entries below this node (invariant 2). */
uint64_t rtree_node_gap(const struct rtree_node *node);
void rtree_node_free(const struct rtree_env *env, struct rtree_node *node);

#endif
