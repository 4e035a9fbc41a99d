/* SPDX-License-Identifier: MIT */
/*
 * index.h: a sparse array from 64-bit indices to pointers: a radix tree that
 * grows and shrinks with what it holds.
 *
 *   reader   index_load(), index_slots(), index_next(): under RCU or under the writer's lock.
 *   writer   all else: one at a time, by the caller's lock.
 *
 * Each store is visible on its own, with release order: a reader that finds a
 * pointer also sees what it points to.  index_next() under RCU sees every entry
 * that was there throughout; one stored or erased meanwhile it may see or miss.
 * The array never looks into the pointers; their lifetime is the caller's.
 */
#ifndef QUIRE_DS_INDEX_H
#define QUIRE_DS_INDEX_H

#include "ds/base.h"
#include "quire/port.h"

struct index_node;

/* Nodes that one call took out; see struct rtree_retired for how to free them. */
struct index_retired {
	struct quire_rcu_head rcu;  /* the owner's; first, so a cast finds the batch */
	struct index_retired *next; /* the array's */
	void *ctx;                  /* env->ctx, for the callback */
};

struct index_env {
	void *(*alloc)(void *ctx, size_t bytes);
	void (*free)(void *ctx, void *p, size_t bytes);
	/* NULL: there are no readers, free at once. */
	void (*retire)(void *ctx, struct index_retired *list);
	void *ctx;
};

struct index {
	struct index_node *root;     /* (R) */
	const struct index_env *env; /* (C) must outlive the array */
	uint64_t count;              /* writer's lock; readers may peek */
};

void index_init(struct index *ix, const struct index_env *env);
/* Frees all nodes at once: there are no readers. */
void index_destroy(struct index *ix);

uint64_t index_count(const struct index *ix);

/* The pointer at i, or NULL. */
void *index_load(const struct index *ix, uint64_t i);
/* The first entry at *i or above, its index in *i; NULL, *i unchanged: none. */
void *index_next(const struct index *ix, uint64_t *i);

/*
 * The slots of indices i, i + 1, ... *n of them, as far as they lie side by side: to be read with
 * atomic_load() within the same read-side section.  NULL: there are no entries at these *n indices.
 */
void *const *index_slots(const struct index *ix, uint64_t i, unsigned *n);

/* Replaces what was there; NULL erases, which cannot fail.  0, or -ENOMEM with
 * the array as it was. */
int index_store(struct index *ix, uint64_t i, void *ptr);
/*
 * v[0] at i, v[1] at i + 1, ...: up to n of them, up to the first index that is taken or for which
 * there is no memory.  Returns how many.
 */
unsigned index_fill(struct index *ix, uint64_t i, void *const *v, unsigned n);
/* Returns what was there, or NULL.  Allocates nothing. */
void *index_erase(struct index *ix, uint64_t i);

/* All entries in [from, to], ascending.  `i` is a uint64_t. */
#define index_for_each(ix, from, to, i, ptr)                                                       \
	for ((i) = (from), (ptr) = index_next((ix), &(i)); (ptr) && (i) <= (to);                   \
	     (ptr) = (i) == UINT64_MAX ? NULL : ((i)++, index_next((ix), &(i))))

/* After the grace period.  `env` may be another one with the same allocator. */
void index_retired_free(const struct index_env *env, struct index_retired *list);

/* NULL, or which invariant of index.c is broken. */
const char *index_check(const struct index *ix);

#endif
