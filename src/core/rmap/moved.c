/* SPDX-License-Identifier: MIT */
/*
 * moved.c: the moved ranges of an address space, by index.
 *
 * Owns struct moved_range and root->moved: changed under M and N, read under either.
 *
 *   1  A walk that looks in it holds N and no M: it meets each range that lies there all that time,
 *      whatever comes and goes beside it.
 */
#include "core/base/kmem.h"
#include "core/rmap/moved.h"

static bool covers(const struct moved_range *r, uint64_t index, uint64_t last, int64_t delta)
{
	return r->delta == delta && r->node.first <= index && last <= r->node.last;
}

/* Invariant 1. */
static void keep_walks_out(struct quire_mm *mm)
{
	if (RULE(ranges_under_n))
		anon_lock(mm->anon);
}

static void let_walks_in(struct quire_mm *mm)
{
	if (RULE(ranges_under_n))
		anon_unlock(mm->anon);
}

static struct moved_range *make(struct quire_mm *mm, uint64_t index, uint64_t last, int64_t delta)
{
	struct moved_range *r = kmem_alloc(mm->machine, sizeof(*r));

	if (!r)
		return NULL;
	r->delta = delta;
	r->refs = 1;
	keep_walks_out(mm);
	itree_insert(&mm->anon->moved, &r->node, index, last);
	let_walks_in(mm);
	return r;
}

struct moved_range *moved_range_get(struct quire_mm *mm, struct moved_range *old, uint64_t first,
				    uint64_t pages, int64_t delta)
{
	uint64_t index = first + (uint64_t)delta, last = index + pages - 1;

	if (!old || !covers(old, index, last, delta))
		return make(mm, index, last, delta);
	old->refs++;
	return old;
}

void moved_range_put(struct quire_mm *mm, struct moved_range *range)
{
	if (--range->refs)
		return;
	keep_walks_out(mm);
	itree_remove(&mm->anon->moved, &range->node);
	let_walks_in(mm);
	kmem_free(mm->machine, range, sizeof(*range));
}

static struct moved_range *range_of(struct itree_node *node)
{
	return node ? container_of(node, struct moved_range, node) : NULL;
}

struct moved_range *moved_first(const struct anon_root *root, uint64_t first, uint64_t last)
{
	return range_of(itree_first(&root->moved, first, last));
}

struct moved_range *moved_next(struct moved_range *range, uint64_t first, uint64_t last)
{
	return range_of(itree_next(&range->node, first, last));
}

bool moved_leads_to(const struct anon_root *root, uint64_t index, uint64_t place)
{
	const struct moved_range *r = moved_first(root, index, index);

	while (r && index - (uint64_t)r->delta != place)
		r = range_of(itree_next(&r->node, index, index));
	return r || index == place;
}
