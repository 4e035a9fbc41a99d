/* SPDX-License-Identifier: MIT */
/*
 * reserve_file.c: what the shared mappings of a file of huge pages were promised.
 *
 * Owns struct huge_file, under J.
 *
 *   1  A page of the file is promised (or in flight) and in `map`, or in the cache, or neither.  In
 *      both only between its entry into the cache and the commit of its claim.
 *   2  A promise is made for what a look under X and J has found to be neither.  When the pool has
 *      granted it there is another look, and what that finds is what is promised.
 *   3  A page enters the cache before its claim is committed.  So a look finds it there, or has put
 *      its promise into `map` before the commit looks, which gives it back.
 */
#include "core/base/kmem.h"
#include "core/huge/books.h"

struct huge_file *huge_file_new(struct quire_machine *m, struct hstate *h,
				struct quire_huge_subpool *subpool, struct mapping *mapping)
{
	struct huge_file *f = kmem_zalloc(m, sizeof(*f));

	if (!f)
		return NULL;
	f->machine = m;
	f->h = h;
	f->subpool = subpool;
	f->mapping = mapping;
	subpool_get(subpool);
	pool_lock(m);
	dlist_add_tail(&m->huge.books.files, &f->node);
	pool_unlock(m);
	return f;
}

/* ---- what is missing -------------------------------------------------------------- */

/* The first page from `at` on that is in the cache; UINT64_MAX: none.  X. */
static uint64_t next_cached(const struct huge_file *f, uint64_t at)
{
	uint64_t i = at << f->h->order;

	if (!f->mapping || !index_next(&f->mapping->pages, &i))
		return UINT64_MAX;
	return i >> f->h->order;
}

struct gap {
	uint64_t first, last;
};

/* The first pages in [at, last) that are neither in the map nor in the cache.  X, J held. */
static bool next_gap(const struct huge_file *f, uint64_t at, uint64_t last, struct gap *gap)
{
	while (at < last) {
		const struct region *r = regions_first(&f->map, at, last);
		uint64_t cached = next_cached(f, at);
		uint64_t end = r ? r->node.first : last;

		if (cached < end)
			end = cached;
		if (end > at) {
			*gap = (struct gap){at, end < last ? end : last};
			return true;
		}
		at = cached == at ? at + 1 : r->node.last + 1;
	}
	return false;
}

/* X, J held. */
static uint64_t missing(const struct huge_file *f, uint64_t first, uint64_t last, uint64_t *gaps)
{
	uint64_t n = 0;
	struct gap g = {first, first};

	for (*gaps = 0; next_gap(f, g.last, last, &g); ++*gaps)
		n += g.last - g.first;
	return n;
}

static void fill(struct huge_file *f, uint64_t first, uint64_t last, struct quire_huge_group *group,
		 struct region_spare *s)
{
	struct gap g = {first, first};

	while (next_gap(f, g.last, last, &g))
		regions_add(&f->map, g.first, g.last, group, s);
}

/* ---- reserve ---------------------------------------------------------------------- */

struct reserving {
	struct huge_file *f;
	uint64_t first, last;
	uint64_t granted; /* by subpool, group, pool */
	uint64_t needed, gaps;
	struct region_spare spare;
};

/* X: what is found to be missing is missing until it is promised. */
static void lock_cache(struct huge_file *f)
{
	if (f->mapping)
		spin_lock(&f->machine->port, &f->mapping->index_lock, RANK_INDEX);
}

static void unlock_cache(struct huge_file *f)
{
	if (f->mapping)
		spin_unlock(&f->mapping->index_lock, RANK_INDEX);
}

/* Invariant 2.  True: what is needed was granted, and is promised. */
static bool look(struct reserving *r, const struct promise *p)
{
	struct quire_machine *m = r->f->machine;
	uint64_t needed = r->needed;
	bool enough;

	lock_cache(r->f);
	pool_lock(m);
	r->needed = missing(r->f, r->first, r->last, &r->gaps);
	if (!RULE(huge_reserve_looks_again) && r->granted)
		r->needed = needed;
	enough = r->needed <= r->granted && 2 * r->gaps <= r->spare.n;
	if (enough)
		fill(r->f, r->first, r->last, p->group, &r->spare);
	pool_unlock(m);
	unlock_cache(r->f);
	return enough;
}

/* Until what is needed and what was granted agree: others may reserve, take and truncate. */
static enum huge_refusal reserve(struct reserving *r, struct promise *p, uint64_t nodes)
{
	enum huge_refusal why = HUGE_GRANTED;

	while (why == HUGE_GRANTED && !look(r, p)) {
		uint64_t more = r->needed > r->granted ? r->needed - r->granted : 0;

		if (!region_spare_fill(p->m, &r->spare, 2 * r->gaps))
			why = HUGE_NO_MEMORY;
		else
			why = promise_make(p, more, nodes);
		if (why == HUGE_GRANTED)
			r->granted += more;
	}
	return why;
}

enum huge_refusal huge_file_reserve(struct huge_file *f, struct quire_huge_group *const *group,
				    uint64_t first, uint64_t last, uint64_t nodes)
{
	struct reserving r = {.f = f, .first = first, .last = last};
	struct promise p = {.m = f->machine, .h = f->h, .subpool = f->subpool, .asks = group};
	enum huge_refusal why = reserve(&r, &p, nodes);

	promise_break(&p, r.granted - (why == HUGE_GRANTED ? r.needed : 0));
	region_spare_free(f->machine, &r.spare);
	return why;
}

/* ---- give back -------------------------------------------------------------------- */

/* From `first` on; what is the pool's again.  J held. */
static uint64_t cut_from(struct huge_file *f, uint64_t first, struct region_spare *s)
{
	uint64_t pages = regions_count(&f->map, first, UINT64_MAX, NULL);
	uint64_t flying = claims_cut(f->machine, NULL, f, first, UINT64_MAX);

	for (struct region *r = regions_first(&f->map, first, UINT64_MAX); r;
	     r = regions_next(r, first, UINT64_MAX)) {
		uint64_t from = r->node.first > first ? r->node.first : first;

		huge_group_uncharge((struct quire_huge_group *)(uintptr_t)r->owner, f->h,
				    QUIRE_HUGE_RSVD, r->node.last - from + 1);
	}
	regions_remove(&f->map, first, UINT64_MAX, s);
	f->flying -= flying;
	return subpool_uncharge(f->subpool, pages - flying, pages - flying);
}

void huge_file_truncate(struct huge_file *f, uint64_t first)
{
	struct region_spare s = {0};
	uint64_t back;

	pool_lock(f->machine);
	back = cut_from(f, first, &s);
	pool_unreserve_unlock(f->machine, f->h, back);
	region_spare_free(f->machine, &s);
}

static void free_after_readers(struct quire_rcu_head *head)
{
	struct huge_file *f = container_of(head, struct huge_file, rcu);

	kmem_free(f->machine, f, sizeof(*f));
}

void huge_file_end(struct huge_file *f)
{
	const struct quire_port *port = &f->machine->port;

	huge_file_truncate(f, 0);
	pool_lock(f->machine);
	claims_forget(f->machine, NULL, f);
	dlist_del(&f->node);
	pool_unlock(f->machine);
	quire_huge_subpool_put(f->subpool);
	port->call_rcu(port->ctx, &f->rcu, free_after_readers);
}
