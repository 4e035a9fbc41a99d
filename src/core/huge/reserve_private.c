/* SPDX-License-Identifier: MIT */
/*
 * reserve_private.c: what a private mapping of huge pages was promised, and what it has lost.
 *
 * Owns struct huge_private, under J.
 *
 *   1  held is the number of pages in the VMAs of an owner that are not in `used`.
 *   2  What was cut is never claimed again: its VMAs are dead before.  So `used` may still have it.
 *   3  Ranges that are moved, split or protected stay with their huge_private, whichever VMAs have
 *      them: so all parts of an owner are owners, and a promise is given back once.
 *   4  What is lost stays lost.
 */
#include "core/base/kmem.h"
#include "core/huge/books.h"

struct huge_private *huge_private_new(struct quire_machine *m, struct hstate *h,
				      struct quire_huge_subpool *subpool)
{
	struct huge_private *p = kmem_zalloc(m, sizeof(*p));

	if (!p)
		return NULL;
	p->machine = m;
	p->h = h;
	p->subpool = subpool;
	p->refs = 1;
	dlist_init(&p->dropped);
	subpool_get(subpool);
	pool_lock(m);
	dlist_add_tail(&m->huge.books.privates, &p->node);
	pool_unlock(m);
	return p;
}

void huge_private_get(struct huge_private *p)
{
	pool_lock(p->machine);
	p->refs++;
	pool_unlock(p->machine);
}

bool huge_private_tryget(struct huge_private *p)
{
	bool alive;

	pool_lock(p->machine);
	alive = p->refs != 0;
	p->refs += alive;
	pool_unlock(p->machine);
	return alive;
}

static void free_after_readers(struct quire_rcu_head *head)
{
	struct huge_private *p = container_of(head, struct huge_private, rcu);

	kmem_free(p->machine, p, sizeof(*p));
}

/* n promised pages, of `len` that are charged to the group, go.  J held.  What is the pool's. */
static uint64_t give_back(struct huge_private *p, uint64_t n, uint64_t len)
{
	p->held -= n;
	p->rsvd -= len;
	huge_group_uncharge(p->group, p->h, QUIRE_HUGE_RSVD, len);
	if (!p->rsvd)
		p->group = NULL;
	return subpool_uncharge(p->subpool, n, n);
}

/* J held. */
static uint64_t end_private(struct huge_private *p, struct region_spare *s)
{
	uint64_t back;

	claims_cut(p->machine, p, NULL, 0, UINT64_MAX);
	claims_forget(p->machine, p, NULL);
	claims_undrop(p, 0, UINT64_MAX);
	back = give_back(p, p->held, p->rsvd);
	dlist_del(&p->node);
	regions_clear(&p->used, s);
	regions_clear(&p->lost, s);
	return back;
}

void huge_private_put(struct huge_private *p)
{
	struct quire_machine *m = p->machine;
	struct region_spare s = {0};
	uint64_t back = 0;
	bool last;

	pool_lock(m);
	last = !--p->refs;
	if (last)
		back = end_private(p, &s);
	pool_unreserve_unlock(m, p->h, back);
	if (!last)
		return;
	region_spare_free(m, &s);
	quire_huge_subpool_put(p->subpool);
	m->port.call_rcu(m->port.ctx, &p->rcu, free_after_readers);
}

/* ---- promised --------------------------------------------------------------------- */

enum huge_refusal huge_private_reserve(struct huge_private *p,
				       struct quire_huge_group *const *group, uint64_t first,
				       uint64_t last, uint64_t nodes)
{
	struct quire_machine *m = p->machine;
	struct promise promise = {
	    .m = m, .h = p->h, .subpool = p->subpool, .asks = p->rsvd ? &p->group : group};
	enum huge_refusal why = promise_make(&promise, last - first, nodes);

	if (why != HUGE_GRANTED)
		return why;
	pool_lock(m);
	p->owner = true;
	p->group = promise.group;
	p->held += last - first;
	p->rsvd += last - first;
	pool_unlock(m);
	return HUGE_GRANTED;
}

void huge_private_cut(struct huge_private *p, uint64_t first, uint64_t last)
{
	uint64_t n, back;

	if (!p->owner)
		return;
	pool_lock(p->machine);
	atomic_store(&p->nr_cuts, p->nr_cuts + 1);
	n = last - first - regions_count(&p->used, first, last, NULL);
	claims_cut(p->machine, p, NULL, first, last);
	claims_undrop(p, first, last);
	back = give_back(p, n, last - first);
	pool_unreserve_unlock(p->machine, p->h, back);
	STEP("gives %lu reserved huge pages back", n);
}

/* ---- lost ------------------------------------------------------------------------- */

bool huge_private_lose(struct huge_private *p, uint64_t first, uint64_t last,
		       struct region_spare *s)
{
	struct quire_machine *m = p->machine;

	if (!region_spare_fill(m, s, 2))
		return false;
	pool_lock(m);
	regions_add(&p->lost, first, last, NULL, s);
	atomic_store(&p->nr_lost, p->nr_lost + 1);
	pool_unlock(m);
	STEP("loses huge pages %lu to %lu", first, last);
	return true;
}

bool huge_private_is_lost(struct huge_private *p, uint64_t index)
{
	bool lost;

	if (!atomic_load(&p->nr_lost))
		return false;
	pool_lock(p->machine);
	lost = regions_find(&p->lost, index) != NULL;
	pool_unlock(p->machine);
	return lost;
}

/* J held.  Each region takes one node at most: `to` has none of them. */
static void copy_lost(struct huge_private *to, const struct huge_private *from, uint64_t first,
		      uint64_t last, struct region_spare *s)
{
	for (struct region *r = regions_first(&from->lost, first, last); r;
	     r = regions_next(r, first, last)) {
		uint64_t begin = r->node.first > first ? r->node.first : first;
		uint64_t end = r->node.last < last - 1 ? r->node.last + 1 : last;

		regions_add(&to->lost, begin, end, NULL, s);
		atomic_store(&to->nr_lost, to->nr_lost + 1);
	}
}

bool huge_private_inherit(struct huge_private *to, struct huge_private *from, uint64_t first,
			  uint64_t last)
{
	struct quire_machine *m = from->machine;
	struct region_spare s = {0};
	uint64_t regions = 0;
	bool done = !atomic_load(&from->nr_lost);

	while (!done && region_spare_fill(m, &s, 2 * regions)) {
		pool_lock(m);
		regions_count(&from->lost, first, last, &regions);
		done = 2 * regions <= s.n;
		if (done)
			copy_lost(to, from, first, last, &s);
		pool_unlock(m);
	}
	region_spare_free(m, &s);
	return done;
}
