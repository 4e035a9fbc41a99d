/* SPDX-License-Identifier: MIT */
/*
 * itree.h: an intrusive interval tree over inclusive 64-bit intervals
 * [first, last].  Intervals may overlap and repeat.
 *
 * The caller's lock guards the tree and all its nodes, for lookups as well.
 * Iteration goes by ascending `first`; intervals with the same `first` come in
 * the order of their insertion.
 */
#ifndef QUIRE_DS_ITREE_H
#define QUIRE_DS_ITREE_H

#include "ds/base.h"

struct itree_node {
	struct itree_node *parent, *child[2];
	uint64_t first, last; /* constant while in a tree */
	uint64_t max_last;    /* greatest `last` of the subtree */
	unsigned height;      /* of the subtree; 1 for a leaf, 0 when in no tree */
};

struct itree {
	struct itree_node *root;
};

void itree_init(struct itree *tree);
static inline bool itree_empty(const struct itree *tree)
{
	return !tree->root;
}
/* The node is in no tree; first <= last. */
void itree_insert(struct itree *tree, struct itree_node *node, uint64_t first, uint64_t last);
/* The node is in this tree. */
void itree_remove(struct itree *tree, struct itree_node *node);

/* The first node that meets [first, last], and the one after `node`; or NULL. */
struct itree_node *itree_first(const struct itree *tree, uint64_t first, uint64_t last);
struct itree_node *itree_next(const struct itree_node *node, uint64_t first, uint64_t last);

/* All nodes that meet [from, to]; the loop must not change the tree. */
#define itree_for_each(tree, from, to, pos)                                                        \
	for ((pos) = itree_first((tree), (from), (to)); (pos);                                     \
	     (pos) = itree_next((pos), (from), (to)))

/* NULL, or which invariant of itree.c is broken. */
const char *itree_check(const struct itree *tree);

#endif
