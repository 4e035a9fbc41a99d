/* SPDX-License-Identifier: MIT */
/*
 * pool.c: huge pages are taken, given back, and promised.
 *
 * Owns nothing but what lists.c owns; each step is one hold of J.
 *
 *   1  A page without a reservation is taken only if F > R, a promise is made only if F >= R + n,
 *      and both are asked under the J that they change the counters under.
 *   2  Memory for a surplus page is had without J.  So whether it is allowed, S < overcommit, is
 *      asked again when it is there: of two threads that were allowed the last one gives it back.
 *   3  Surplus pages for a promise go into the free list one by one, where others may take them.
 *      Then more are made, until there are enough or no more are allowed: that is as if the others
 *      had come first.
 *   4  A surplus page leaves the pool when it becomes free, unless R needs it.
 */
#include "core/huge/pool.h"
#include "core/base/kmem.h"
#include "core/frame/zone.h"
#include "core/huge/lists.h"
#include "core/huge/reserve.h"

/* ---- take ------------------------------------------------------------------------- */

static bool may_take(const struct hstate *h, const struct huge_want *w)
{
	return (w->how & HUGE_RESERVED) ||
	       atomic_load_relaxed(&h->free) > atomic_load_relaxed(&h->reserved);
}

static struct folio *take_locked(struct quire_machine *m, struct hstate *h, struct huge_want *w)
{
	struct folio *f;

	w->lack = HUGE_LACK_POOL;
	if (!may_take(h, w) && RULE(huge_page_asked_again))
		return NULL;
	w->lack = h->free ? HUGE_LACK_NODES : HUGE_LACK_POOL;
	f = pool_get_free(m, h, w->nodes, w->from);
	if (f && (w->how & HUGE_RESERVED))
		pool_count(&h->reserved, -1);
	return f;
}

/* Looked at without J first: threads that want pages of a pool that is dry do not queue for it. */
static struct folio *take_free(struct quire_machine *m, struct hstate *h, struct huge_want *w)
{
	struct folio *f;

	w->lack = HUGE_LACK_POOL;
	if (!may_take(h, w))
		return NULL;
	pool_lock(m);
	f = take_locked(m, h, w);
	pool_unlock(m);
	if (!f)
		return NULL;
	STEP("takes huge page %u", folio_pfn(m, f));
	w->lack = HUGE_LACK_NONE;
	w->zeroed = folio_test(f, FOLIO_ZEROED);
	page_use(m, f);
	return f;
}

static bool may_make(const struct hstate *h)
{
	return atomic_load_relaxed(&h->surplus) < atomic_load_relaxed(&h->overcommit);
}

/* Invariant 2.  It is in use, or free. */
static bool enter_surplus(struct quire_machine *m, struct hstate *h, struct folio *f, bool is_free)
{
	bool ok;

	pool_lock(m);
	ok = may_make(h) || !RULE(surplus_asked_again);
	if (ok)
		pool_enter(m, h, f, true);
	if (ok && is_free)
		pool_put_free(m, h, f);
	pool_unlock(m);
	if (ok)
		STEP("makes surplus page %u", folio_pfn(m, f));
	return ok;
}

static void promise_kept(struct quire_machine *m, struct hstate *h)
{
	pool_lock(m);
	pool_count(&h->reserved, -1);
	pool_unlock(m);
}

/* The lack that take_free() has said stays, unless a surplus page is allowed. */
static struct folio *take_surplus(struct quire_machine *m, struct hstate *h, struct huge_want *w)
{
	enum huge_lack lack = w->lack;
	struct folio *f;

	if (!may_make(h))
		return NULL;
	w->lack = HUGE_LACK_RAM;
	f = page_make(m, h, w->nodes, w->from);
	if (!f)
		return NULL;
	if (!enter_surplus(m, h, f, false)) {
		page_rest(m, f);
		page_unmake(m, f);
		w->lack = lack;
		return NULL;
	}
	if (w->how & HUGE_RESERVED)
		promise_kept(m, h);
	w->lack = HUGE_LACK_NONE;
	w->zeroed = folio_test(f, FOLIO_ZEROED);
	page_use(m, f);
	return f;
}

struct folio *hugetlb_take(struct quire_machine *m, struct hstate *h, struct huge_want *w)
{
	struct folio *f;

	w->zeroed = false;
	w->lack = HUGE_LACK_POINT;
	if (alloc_point_fails(m))
		return NULL;
	f = take_free(m, h, w);
	return f || (w->how & HUGE_POOL_ONLY) ? f : take_surplus(m, h, w);
}

void hugetlb_clear(struct quire_machine *m, struct folio *f)
{
	memset(folio_addr(m, f), 0, PAGE_SIZE << folio_order(f));
}

/* ---- give back -------------------------------------------------------------------- */

/* J held. */
static bool ends_charge(struct quire_machine *m, struct hstate *h, struct folio *f)
{
	const struct huge_accounts *a = m->huge.accounts;
	bool promised = a && a->freed && a->freed(m, h, f);

	*huge_charge(f) = (struct huge_charge){0};
	return promised;
}

/* Invariant 4. */
static bool leaves_pool(struct quire_machine *m, struct hstate *h, const struct folio *f)
{
	return h->nodes[zone_of(m, f)->index].surplus && h->free >= h->reserved;
}

/* machine->give_huge: the last reference has gone, and frames.c has retired it. */
static void give(struct quire_machine *m, struct folio *f, bool zeroed)
{
	struct hstate *h = hstate_of_folio(m, f);
	bool leaves;

	(void)zeroed; /* FOLIO_ZEROED says it */
	STEP("gives huge page %u back", folio_pfn(m, f));
	pool_lock(m);
	if (ends_charge(m, h, f))
		pool_count(&h->reserved, 1);
	leaves = leaves_pool(m, h, f);
	if (leaves)
		pool_leave(m, h, f, true);
	else
		pool_put_free(m, h, f);
	pool_unlock(m);
	if (leaves)
		page_unmake(m, f);
}

/* ---- promise ---------------------------------------------------------------------- */

static uint64_t free_on(struct quire_machine *m, const struct hstate *h, uint64_t nodes)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < quire_machine_nodes(m); i++)
		n += nodes >> i & 1 ? h->nodes[i].free : 0;
	return n;
}

/* made: so many pages have been made for it.  True: promised, or never to be. */
static bool promise(struct quire_machine *m, struct hstate *h, uint64_t n, uint64_t nodes,
		    uint64_t made, enum huge_lack *lack)
{
	bool asks = !made || RULE(promise_asked_again), enough, ok;

	pool_lock(m);
	enough = pool_unpromised(h) >= n || !asks;
	ok = enough && (free_on(m, h, nodes) >= n || !asks);
	if (ok)
		pool_count(&h->reserved, (int64_t)n);
	pool_unlock(m);
	if (ok)
		STEP("is promised %lu huge pages", n);
	if (enough)
		*lack = ok ? HUGE_LACK_NONE : HUGE_LACK_NODES;
	return enough;
}

/* One more for a promise. */
static bool make_surplus(struct quire_machine *m, struct hstate *h, uint64_t nodes,
			 enum huge_lack *lack)
{
	struct folio *f;

	*lack = HUGE_LACK_POOL;
	if (!may_make(h))
		return false;
	*lack = HUGE_LACK_RAM;
	f = page_make(m, h, nodes, home_zone(m, this_cpu(&m->port)));
	if (!f)
		return false;
	page_rest(m, f);
	if (enter_surplus(m, h, f, true))
		return true;
	page_unmake(m, f);
	*lack = HUGE_LACK_POOL;
	return false;
}

/* Up to n free surplus pages that nobody is promised leave the pool. */
static void drop_surplus(struct quire_machine *m, struct hstate *h, uint64_t n)
{
	struct folio *f;

	for (; n; n--) {
		pool_lock(m);
		f = pool_unpromised(h) ? pool_evict(m, h, UINT64_MAX, true) : NULL;
		pool_unlock(m);
		if (!f)
			return;
		page_unmake(m, f);
	}
}

int hugetlb_reserve(struct quire_machine *m, struct hstate *h, uint64_t n, uint64_t nodes,
		    enum huge_lack *lack)
{
	enum huge_lack why = HUGE_LACK_NONE;
	uint64_t made = 0;

	while (n && !promise(m, h, n, nodes, made, &why) && make_surplus(m, h, nodes, &why))
		made++;
	if (lack)
		*lack = why;
	if (why == HUGE_LACK_NONE)
		return 0;
	drop_surplus(m, h, made);
	return -QENOMEM;
}

void pool_unreserve_unlock(struct quire_machine *m, struct hstate *h, uint64_t n)
{
	Q_ASSERT(m, n <= h->reserved);
	pool_count(&h->reserved, -(int64_t)n);
	pool_unlock(m);
	drop_surplus(m, h, n);
}

void hugetlb_unreserve(struct quire_machine *m, struct hstate *h, uint64_t n)
{
	if (!n)
		return;
	pool_lock(m);
	pool_unreserve_unlock(m, h, n);
}

/* ---- of the machine --------------------------------------------------------------- */

struct hstate *hstate_of_shift(struct quire_machine *m, unsigned shift)
{
	for (unsigned i = 0; i < QUIRE_NR_HUGE; i++)
		if (hstate_shift(&m->huge.sizes[i]) == shift)
			return &m->huge.sizes[i];
	return NULL;
}

int hugetlb_init(struct quire_machine *m, const struct quire_machine_options *o)
{
	static const uint8_t orders[QUIRE_NR_HUGE] = {
	    [QUIRE_HUGE_2M] = HUGE_2M_ORDER,
	    [QUIRE_HUGE_1G] = HUGE_1G_ORDER,
	};
	int err = 0;

	spin_init(&m->huge.lock);
	mutex_init(&m->huge.resizing);
	for (unsigned i = 0; i < HUGE_FAULT_LOCKS; i++)
		mutex_init(&m->huge.faults[i]);
	m->give_huge = give;
	huge_books_init(m);
	for (unsigned i = 0; i < QUIRE_NR_HUGE; i++) {
		m->huge.sizes[i].order = orders[i];
		m->huge.sizes[i].size = (enum quire_huge)i;
	}
	/* The largest first: they need the most of RAM in one piece. */
	for (unsigned i = QUIRE_NR_HUGE; i-- > 0 && !err;) {
		err = quire_hugetlb_resize(m, (enum quire_huge)i, quire_machine_node_set(m),
					   o->huge_pages[i]);
		if (!err && m->huge.sizes[i].total < o->huge_pages[i])
			err = -QENOMEM;
	}
	m->huge.sizes[QUIRE_HUGE_2M].overcommit = o->huge_overcommit;
	return err;
}
