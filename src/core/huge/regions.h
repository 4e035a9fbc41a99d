/* SPDX-License-Identifier: MIT */
/*
 * regions.h: a set of page numbers of a file or mapping, in units of huge pages, as regions
 * [first, last): as few as there can be.  Each region has an owner, a word that the set only
 * compares; regions of different owners that touch stay two.
 *
 * The caller's lock guards a set; here it is J.  A change may need nodes.  They are taken from a
 * `spare`, which is filled ahead, outside the lock, and that is the only step that can fail.  What
 * a change needs at most stands beside it.
 */
#ifndef CORE_HUGE_REGIONS_H
#define CORE_HUGE_REGIONS_H

#include "core/base/machine.h"
#include "ds/itree.h"

struct region {
	struct itree_node node; /* first, last: inclusive */
	const void *owner;
	struct region *next; /* of a spare */
};

/* All zero: empty. */
struct regions {
	struct itree tree;
};

/* All zero: empty. */
struct region_spare {
	struct region *list;
	uint64_t n;
};

/* Has n nodes, or more.  False: no memory, and it has as many as it got. */
bool region_spare_fill(struct quire_machine *m, struct region_spare *s, uint64_t n);
void region_spare_free(struct quire_machine *m, struct region_spare *s);

/* [first, last) gets the owner, whatever it was before.  Takes at most 2 nodes, and puts those that
 * are left over into the spare. */
void regions_add(struct regions *set, uint64_t first, uint64_t last, const void *owner,
		 struct region_spare *s);
/* [first, last) is in the set no longer.  Takes at most 1 node; none if last is UINT64_MAX. */
void regions_remove(struct regions *set, uint64_t first, uint64_t last, struct region_spare *s);
/* Its nodes go into the spare. */
static inline void regions_clear(struct regions *set, struct region_spare *s)
{
	regions_remove(set, 0, UINT64_MAX, s);
}

static inline bool regions_empty(const struct regions *set)
{
	return itree_empty(&set->tree);
}

/* The first region that has a page in [first, last), or NULL. */
static inline struct region *regions_first(const struct regions *set, uint64_t first, uint64_t last)
{
	struct itree_node *n = first < last ? itree_first(&set->tree, first, last - 1) : NULL;

	return n ? container_of(n, struct region, node) : NULL;
}

static inline struct region *regions_next(const struct region *r, uint64_t first, uint64_t last)
{
	struct itree_node *n = itree_next(&r->node, first, last - 1);

	return n ? container_of(n, struct region, node) : NULL;
}

/* The region that has that page, or NULL. */
static inline struct region *regions_find(const struct regions *set, uint64_t page)
{
	return regions_first(set, page, page + 1);
}

/* Pages of [first, last) that are in the set, and how many regions have them (nr may be NULL). */
uint64_t regions_count(const struct regions *set, uint64_t first, uint64_t last, uint64_t *nr);

/* NULL, or what is wrong. */
const char *regions_check(const struct regions *set);

#endif
