/* SPDX-License-Identifier: MIT */
/*
 * resize.c: pools of huge pages get larger and smaller, and are asked what they have.
 *
 * Owns nothing.  O (machine->huge.resizing) is held over a resize: of two that want different
 * sizes, each would undo what the other does.
 *
 *   1  What is in use or reserved stays, whatever size is wanted: what of it is too much is
 *      surplus.  How many these are is asked under the J that takes a free page out, each time.
 *   2  A pool grows by its surplus pages first.
 *   3  A node on which there is no memory for a page is not asked again in the same resize.
 */
#include "core/base/sized.h"
#include "core/frame/block.h"
#include "core/huge/lists.h"
#include "core/rmap/compact.h"

struct resize {
	struct quire_machine *m;
	struct hstate *h;
	uint64_t nodes;
	uint64_t count; /* wanted: T - S of all nodes */
	uint64_t stays; /* when it began to shrink: T - (F - R) */
};

/* ---- more ------------------------------------------------------------------------- */

/* True: a surplus page counts as asked for now. */
static bool adopt_surplus(const struct resize *r)
{
	bool ok;

	pool_lock(r->m);
	ok = r->count > pool_persistent(r->h) && pool_shift_surplus(r->m, r->h, r->nodes, -1);
	pool_unlock(r->m);
	return ok;
}

static uint64_t missing(const struct resize *r)
{
	uint64_t n;

	pool_lock(r->m);
	n = pool_persistent(r->h);
	pool_unlock(r->m);
	return r->count > n ? r->count - n : 0;
}

/* Memory is moved together for as many as are missing, where one of them cannot be had. */
static struct folio *make_on(const struct resize *r, unsigned node)
{
	struct folio *f = page_make(r->m, r->h, 1ull << node, node);
	struct quire_compact_result done;

	if (f)
		return f;
	compact_node(r->m, node, r->h->order, missing(r), &done);
	return done.made ? page_make(r->m, r->h, 1ull << node, node) : NULL;
}

/* Invariant 3. */
static struct folio *make_in_turn(struct resize *r)
{
	unsigned nr = quire_machine_nodes(r->m), first = r->h->next_grow;

	for (unsigned i = 0; i < nr; i++) {
		unsigned node = (first + i) % nr;
		struct folio *f;

		if (!(r->nodes >> node & 1))
			continue;
		f = make_on(r, node);
		if (f) {
			r->h->next_grow = (node + 1) % nr;
			return f;
		}
		r->nodes &= ~(1ull << node);
	}
	return NULL;
}

static void grow(struct resize *r)
{
	struct folio *f;

	while (adopt_surplus(r))
		;
	while (missing(r) && (f = make_in_turn(r))) {
		page_rest(r->m, f);
		pool_lock(r->m);
		pool_enter(r->m, r->h, f, false);
		pool_put_free(r->m, r->h, f);
		pool_unlock(r->m);
	}
}

/* ---- fewer ------------------------------------------------------------------------ */

/* J: what is in use or reserved. */
static uint64_t staying(const struct resize *r)
{
	return r->h->total - pool_unpromised(r->h);
}

/* J.  Invariant 1. */
static bool may_shrink(const struct resize *r)
{
	uint64_t stays = RULE(shrink_asks_each) ? staying(r) : r->stays;

	return pool_persistent(r->h) > max_u64(r->count, stays);
}

static bool drop_one(const struct resize *r)
{
	struct folio *f;

	pool_lock(r->m);
	f = may_shrink(r) ? pool_evict(r->m, r->h, r->nodes, false) : NULL;
	pool_unlock(r->m);
	if (!f)
		return false;
	STEP("takes huge page %u out of the pool", folio_pfn(r->m, f));
	page_unmake(r->m, f);
	return true;
}

static bool disown_one(const struct resize *r)
{
	bool ok;

	pool_lock(r->m);
	ok = r->count < pool_persistent(r->h) && pool_shift_surplus(r->m, r->h, r->nodes, 1);
	pool_unlock(r->m);
	return ok;
}

static void shrink(struct resize *r)
{
	pool_lock(r->m);
	r->stays = staying(r);
	pool_unlock(r->m);
	while (drop_one(r))
		;
	while (disown_one(r))
		;
	blocks_discard(r->m);
}

/* ---- the calls -------------------------------------------------------------------- */

static bool size_ok(enum quire_huge size)
{
	return (unsigned)size < QUIRE_NR_HUGE;
}

static void resize_locked(struct resize *r)
{
	if (missing(r))
		grow(r);
	else
		shrink(r);
}

static void resize_begin(struct quire_machine *m)
{
	mutex_lock(&m->port, &m->huge.resizing, RANK_RESIZE);
}

static void resize_end(struct quire_machine *m)
{
	mutex_unlock(&m->port, &m->huge.resizing, RANK_RESIZE);
}

int quire_hugetlb_resize(struct quire_machine *m, enum quire_huge size, uint64_t nodes, uint64_t n)
{
	struct resize r = {.m = m, .nodes = nodes, .count = n};

	if (!size_ok(size) || !nodes || (nodes & ~quire_machine_node_set(m)))
		return -QEINVAL;
	r.h = hstate_of(m, size);
	resize_begin(m);
	resize_locked(&r);
	resize_end(m);
	return 0;
}

/* What of other nodes was asked for stays.  A number too large to add that is any such number. */
static uint64_t with_others(struct quire_machine *m, const struct hstate *h, unsigned node,
			    uint64_t n)
{
	uint64_t others;

	pool_lock(m);
	others = pool_persistent(h) - (h->nodes[node].total - h->nodes[node].surplus);
	pool_unlock(m);
	return n + others < n ? UINT64_MAX : n + others;
}

int quire_hugetlb_resize_node(struct quire_machine *m, enum quire_huge size, unsigned node,
			      uint64_t n)
{
	struct resize r = {.m = m, .nodes = 1ull << (node & 63)};

	if (!size_ok(size) || node >= quire_machine_nodes(m))
		return -QEINVAL;
	r.h = hstate_of(m, size);
	resize_begin(m);
	r.count = with_others(m, r.h, node, n);
	resize_locked(&r);
	resize_end(m);
	return 0;
}

int quire_hugetlb_set_overcommit(struct quire_machine *m, enum quire_huge size, uint64_t n)
{
	if (size != QUIRE_HUGE_2M)
		return -QEINVAL;
	pool_lock(m);
	atomic_store_relaxed(&hstate_of(m, size)->overcommit, n);
	pool_unlock(m);
	return 0;
}

int quire_hugetlb_info_sized(struct quire_machine *m, enum quire_huge size, unsigned node,
			     struct quire_hugetlb_info *out, size_t out_size)
{
	const struct hstate *h = &m->huge.sizes[size_ok(size) ? size : 0];
	struct quire_hugetlb_info i = {0};

	if (!size_ok(size) || (node != QUIRE_ALL_NODES && node >= quire_machine_nodes(m)))
		return -QEINVAL;
	pool_lock(m);
	if (node == QUIRE_ALL_NODES)
		i = (struct quire_hugetlb_info){
		    .total = h->total,
		    .free = h->free,
		    .reserved = h->reserved,
		    .surplus = h->surplus,
		    .overcommit = h->overcommit,
		    .made = atomic_load_relaxed(&h->made),
		    .not_made = atomic_load_relaxed(&h->not_made),
		};
	else
		i = (struct quire_hugetlb_info){.total = h->nodes[node].total,
						.free = h->nodes[node].free,
						.surplus = h->nodes[node].surplus};
	pool_unlock(m);
	fill_sized(out, out_size, &i, sizeof(i));
	return 0;
}
