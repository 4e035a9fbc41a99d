/* SPDX-License-Identifier: MIT */
/*
 * regions.c: sets of page numbers, as regions.
 *
 * Owns nothing: set and spare are the caller's, under the caller's lock.
 *
 *   1  Regions do not overlap, and two that touch have different owners.
 *   2  Nothing is allocated but by region_spare_fill().
 */
#include "core/huge/regions.h"
#include "core/base/kmem.h"

static void spare_put(struct region_spare *s, struct region *r)
{
	r->next = s->list;
	s->list = r;
	s->n++;
}

static struct region *spare_take(struct region_spare *s)
{
	struct region *r = s->list;

	s->list = r->next;
	s->n--;
	return r;
}

bool region_spare_fill(struct quire_machine *m, struct region_spare *s, uint64_t n)
{
	while (s->n < n) {
		struct region *r = kmem_zalloc(m, sizeof(*r));

		if (!r)
			return false;
		spare_put(s, r);
	}
	return true;
}

void region_spare_free(struct quire_machine *m, struct region_spare *s)
{
	while (s->n)
		kmem_free(m, spare_take(s), sizeof(struct region));
}

/* first .. last, inclusive. */
static void insert(struct regions *set, struct region *r, uint64_t first, uint64_t last,
		   const void *owner)
{
	r->owner = owner;
	itree_insert(&set->tree, &r->node, first, last);
}

/* The region loses what it has of first .. last, inclusive. */
static void cut_region(struct regions *set, struct region *r, uint64_t first, uint64_t last,
		       struct region_spare *s)
{
	uint64_t from = r->node.first, to = r->node.last;
	const void *owner = r->owner;

	itree_remove(&set->tree, &r->node);
	spare_put(s, r);
	if (from < first)
		insert(set, spare_take(s), from, first - 1, owner);
	if (to > last)
		insert(set, spare_take(s), last + 1, to, owner);
}

void regions_remove(struct regions *set, uint64_t first, uint64_t last, struct region_spare *s)
{
	struct region *r;

	while ((r = regions_first(set, first, last)) != NULL)
		cut_region(set, r, first, last - 1, s);
}

/* The region that begins or ends there, if it has that owner, is to be part of another. */
static void absorb(struct regions *set, uint64_t page, const void *owner, struct region_spare *s,
		   uint64_t *first, uint64_t *last)
{
	struct region *r = regions_find(set, page);

	if (!r || r->owner != owner)
		return;
	if (r->node.first < *first)
		*first = r->node.first;
	if (r->node.last > *last)
		*last = r->node.last;
	itree_remove(&set->tree, &r->node);
	spare_put(s, r);
}

void regions_add(struct regions *set, uint64_t first, uint64_t last, const void *owner,
		 struct region_spare *s)
{
	uint64_t from = first, to = last - 1;

	regions_remove(set, first, last, s);
	if (first > 0)
		absorb(set, first - 1, owner, s, &from, &to);
	absorb(set, last, owner, s, &from, &to);
	insert(set, spare_take(s), from, to, owner);
}

uint64_t regions_count(const struct regions *set, uint64_t first, uint64_t last, uint64_t *nr)
{
	uint64_t pages = 0, n = 0;

	for (struct region *r = regions_first(set, first, last); r;
	     r = regions_next(r, first, last)) {
		uint64_t from = r->node.first > first ? r->node.first : first;
		uint64_t to = r->node.last < last - 1 ? r->node.last : last - 1;

		pages += to - from + 1;
		n++;
	}
	if (nr)
		*nr = n;
	return pages;
}

const char *regions_check(const struct regions *set)
{
	const char *why = itree_check(&set->tree);
	const struct region *prev = NULL;

	for (struct region *r = why ? NULL : regions_first(set, 0, UINT64_MAX); r && !why;
	     r = regions_next(r, 0, UINT64_MAX)) {
		if (r->node.last < r->node.first)
			why = "a region has no pages";
		else if (prev && r->node.first <= prev->node.last)
			why = "regions overlap";
		else if (prev && r->node.first == prev->node.last + 1 && r->owner == prev->owner)
			why = "two regions should be one";
		prev = r;
	}
	return why;
}
