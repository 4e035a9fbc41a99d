/* SPDX-License-Identifier: MIT */
/*
 * rtree.h: an RCU range B+tree.  It maps disjoint half-open ranges [start, end)
 * of 64-bit addresses to pointers that are not NULL.
 *
 * A published node never changes.  A writer copies the path that it edits and
 * publishes a new root with one release store, so a reader that loads the root
 * once sees one consistent version and takes no lock.
 *
 *   reader   inside an RCU read-side section.  Each call below loads the root
 *            once; two calls may see two versions.  For several questions of
 *            one version take rtree_snapshot() first.
 *   writer   one at a time, by the caller's lock, through a transaction.
 *
 * The tree never looks into the pointers; their lifetime is the caller's.
 */
#ifndef QUIRE_DS_RTREE_H
#define QUIRE_DS_RTREE_H

#include "ds/base.h"
#include "quire/port.h"

struct rtree_node;

struct rtree {
	struct rtree_node *root; /* (R) published by commit; NULL: empty */
	uint64_t count;          /* (A) entries; written by commit, beside the root */
	uint64_t serial;         /* writer's lock: number of the latest transaction */
};

struct rtree_range {
	uint64_t start, end;
};

/*
 * What one commit took out of the tree: one batch, which must outlive the
 * readers that may still be in it.  No allocation is needed to hand it on:
 * give &list->rcu to call_rcu(), and rtree_retired_free() in its callback.  Each of the batch is
 * the beginning of a node's memory, so that the owner may have env->alloc() return it again.
 */
struct rtree_retired {
	struct quire_rcu_head rcu;  /* the owner's; first, so a cast finds the batch */
	struct rtree_retired *next; /* the tree's */
	void *ctx;                  /* env->ctx of the transaction, for the callback */
};

struct rtree_env {
	void *(*alloc)(void *ctx, size_t bytes); /* 16-byte aligned, or NULL */
	void (*free)(void *ctx, void *p, size_t bytes);
	/* NULL: there are no readers, free at once. */
	void (*retire)(void *ctx, struct rtree_retired *list);
	void *ctx;
};

/* Lives on the writer's stack.  Many edits, visible to readers all at once. */
struct rtree_txn {
	struct rtree *tree;
	const struct rtree_env *env;
	struct rtree work;        /* the version being built */
	struct rtree_node *spare; /* allocated, not yet in the tree */
	unsigned nr_spare;
	struct rtree_retired *retired; /* nodes of the old version that are replaced */
};

/* What alloc is asked for. */
size_t rtree_node_bytes(void);
/* No entry, no allocation. */
void rtree_init(struct rtree *tree);
/* All nodes are freed at once: there are neither readers nor writers. */
void rtree_destroy(struct rtree *tree, const struct rtree_env *env);
/* Publishes the empty tree and retires every node.  Allocates nothing. */
void rtree_clear(struct rtree *tree, const struct rtree_env *env);

/*
 * Lookups: readers on the tree, the writer also on rtree_txn_view().  They
 * return the entry's pointer and, where `out` is not NULL, its range; NULL where
 * there is no such entry.
 */

/* The entry that contains addr. */
void *rtree_find(const struct rtree *tree, uint64_t addr, struct rtree_range *out);
/* The first entry with end > addr. */
void *rtree_next(const struct rtree *tree, uint64_t addr, struct rtree_range *out);
/* The last entry with start < addr. */
void *rtree_prev(const struct rtree *tree, uint64_t addr, struct rtree_range *out);
/* Entries; to a reader beside a commit: those before or after it. */
uint64_t rtree_count(const struct rtree *tree);
/*
 * The lowest (topdown: highest) address a with lo <= a, a + len <= hi, no entry
 * in [a, a + len) and (a - align_offset) % align == 0.  `align` is a power of
 * two; 0 counts as 1.  O(log n) for align <= the granularity of the entries; a
 * greater one may look at each gap that is long enough but badly placed.
 */
bool rtree_gap(const struct rtree *tree, uint64_t lo, uint64_t hi, uint64_t len, uint64_t align,
	       uint64_t align_offset, bool topdown, uint64_t *out);

/* This version, held still; good while the read-side section lasts. */
struct rtree rtree_snapshot(const struct rtree *tree);

/* All entries that meet [from, to), in order.  `range` is a struct rtree_range. */
#define rtree_for_each(tree, from, to, range, ptr)                                                 \
	for ((ptr) = rtree_next((tree), (from), &(range)); (ptr) && (range).start < (to);          \
	     (ptr) = rtree_next((tree), (range).end, &(range)))

/* Precondition of all: the writer's lock is held until commit or abort. */

/* Allocates nothing, so it returns 0; the edits may return -ENOMEM. */
int rtree_txn_begin(struct rtree_txn *txn, struct rtree *tree, const struct rtree_env *env);
/* 0, or -ENOMEM with the transaction as it was before the call.  An empty range,
 * an overlap with an entry and a NULL pointer are bugs of the caller: trap. */
int rtree_txn_insert(struct rtree_txn *txn, uint64_t start, uint64_t end, void *ptr);
/* Removes the entry that starts at `start`; there must be one.  0 or -ENOMEM. */
int rtree_txn_erase(struct rtree_txn *txn, uint64_t start);
/* The transaction's own view, for the lookups above. */
static inline const struct rtree *rtree_txn_view(const struct rtree_txn *txn)
{
	return &txn->work;
}
/* Cannot fail.  Calls env->retire at most once. */
void rtree_txn_commit(struct rtree_txn *txn);
/* As if begin had never been called. */
void rtree_txn_abort(struct rtree_txn *txn);

/* After the grace period.  `env` may be another one with the same allocator. */
void rtree_retired_free(const struct rtree_env *env, struct rtree_retired *list);

/* NULL, or which invariant of rtree_node.h is broken.  With no commit beside it. */
const char *rtree_check(const struct rtree *tree);

#endif
