/* SPDX-License-Identifier: MIT */
/*
 * rtree.h: an RCU range B+tree.  It maps disjoint half-open ranges [start, end)
 * of 64-bit addresses to pointers that are not NULL.
 *
 * A published leaf never changes.  A writer copies the leaf that it edits, or the
 * whole path, and publishes it with one release store, so a reader takes no lock.
 *
 *   reader   inside an RCU read-side section.  Each call below answers as of some
 *            moment during the call; two calls may see two versions.
 *   writer   one at a time, by the caller's lock, through a transaction.
 *
 * The tree never looks into the pointers; their lifetime is the caller's.
 */
#ifndef QUIRE_DS_RTREE_H
#define QUIRE_DS_RTREE_H

#include "ds/base.h"
#include "quire/port.h"
#include "sync.h"

struct rtree_node;

struct rtree {
	struct rtree_node *root; /* (R) published by commit; NULL: empty */
	uint64_t count;          /* (A) entries; written by commit, beside the root */
	uint64_t serial;         /* writer's lock: number of the latest transaction */
};

struct rtree_range {
	uint64_t start, end;
};

struct rtree_entry {
	uint64_t start, end;
	void *ptr;
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
	bool shrink_late; /* breaks a rule of rtree_leaf.c, for the checker */
};

#define RTREE_MAX_HEIGHT 24 /* 4 ^ 24 entries are more than there are addresses */

/* The way from the root (at .height - 1) to a leaf (at 0), by level. */
struct rtree_path {
	struct rtree_node *node[RTREE_MAX_HEIGHT];
	unsigned slot[RTREE_MAX_HEIGHT]; /* in node[] of the same level */
	unsigned height;
	uint64_t before, behind; /* end of the entry before the leaf, start of the one after it */
};

/* Lives on the writer's stack.  Many edits, visible to readers all at once. */
struct rtree_txn {
	struct rtree *tree;
	const struct rtree_env *env;
	struct rtree work;        /* the version being built */
	struct rtree_node *spare; /* allocated, not yet in the tree */
	unsigned nr_spare;
	struct rtree_retired *retired; /* nodes of the old version that are replaced */
	uint64_t before, behind;       /* rtree_txn_replace() */
	struct rtree_node *leaf;       /* rtree_leaf.c: to be published in place of path.node[0] */
	uint64_t leaf_gap;             /* its longest hole */
	uint64_t sought;               /* path is that of this address; UINT64_MAX: of none */
	struct rtree_path path;
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
static inline uint64_t rtree_count(const struct rtree *tree)
{
	return atomic_load_relaxed(&tree->count);
}
/*
 * The lowest (topdown: highest) address a with lo <= a, a + len <= hi, no entry
 * in [a, a + len) and (a - align_offset) % align == 0.  `align` is a power of
 * two; 0 counts as 1.  O(log n) for align <= the granularity of the entries; a
 * greater one may look at each gap that is long enough but badly placed.
 */
bool rtree_gap(const struct rtree *tree, uint64_t lo, uint64_t hi, uint64_t len, uint64_t align,
	       uint64_t align_offset, bool topdown, uint64_t *out);

/* All entries that meet [from, to), in order.  `range` is a struct rtree_range. */
#define rtree_for_each(tree, from, to, range, ptr)                                                 \
	for ((ptr) = rtree_next((tree), (from), &(range)); (ptr) && (range).start < (to);          \
	     (ptr) = rtree_next((tree), (range).end, &(range)))

/* Precondition of all: the writer's lock is held until commit or abort. */

/* Allocates nothing, so it returns 0; the edits may return -ENOMEM. */
static inline int rtree_txn_begin(struct rtree_txn *txn, struct rtree *tree,
				  const struct rtree_env *env)
{
	tree->serial++;
	txn->tree = tree;
	txn->env = env;
	txn->work = *tree;
	txn->spare = NULL;
	txn->nr_spare = 0;
	txn->retired = NULL;
	txn->leaf = NULL;
	txn->sought = UINT64_MAX;
	return 0;
}
/* 0, or -ENOMEM with the transaction as it was before the call.  An empty range,
 * an overlap with an entry and a NULL pointer are bugs of the caller: trap. */
int rtree_txn_insert(struct rtree_txn *txn, uint64_t start, uint64_t end, void *ptr);
/* Removes the entry that starts at `start`; there must be one.  0 or -ENOMEM. */
int rtree_txn_erase(struct rtree_txn *txn, uint64_t start);
/*
 * The first entry that meets [from, to), before the transaction has changed anything.  If there is
 * none the transaction has its neighbours, as after rtree_txn_replace().
 */
void *rtree_txn_first(struct rtree_txn *txn, uint64_t from, uint64_t to, struct rtree_range *out);
/*
 * Removes the entries that meet [from, to), each of which lies in it as a whole, and adds `nr` in
 * their place: ascending, disjoint, where nothing else is.  The same as so many calls of the two
 * above, but cheaper where it concerns one leaf.  from == to: removes none.  The end of the
 * entry before (0: none) and the start of the one behind (UINT64_MAX: none) are left in the
 * transaction.  0, or -ENOMEM: then only abort is left.
 */
int rtree_txn_replace(struct rtree_txn *txn, uint64_t from, uint64_t to,
		      const struct rtree_entry *add, unsigned nr);
/* After rtree_txn_replace(), and before the view is asked for.  0, or -ENOMEM: then only abort is
 * left.  Insert and erase need none. */
int rtree_txn_settle_leaf(struct rtree_txn *txn);
static inline int rtree_txn_settle(struct rtree_txn *txn)
{
	return txn->leaf ? rtree_txn_settle_leaf(txn) : 0;
}
/* The transaction's own view, for the lookups above. */
static inline const struct rtree *rtree_txn_view(const struct rtree_txn *txn)
{
	DS_BUG_ON(txn->leaf);
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
