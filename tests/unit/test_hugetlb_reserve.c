/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb_reserve.c: who was promised which huge pages: mappings and files as the accounts see
 * them, and after each step the pool's counters, which are the host's, and quire_verify.
 *
 * A mapping here is its account and the pages that it has; its entries are the test's array.
 */
#include "hugetlb.h"

#include "core/base/mm_types.h"
#include "core/huge/reserve.h"

#include <errno.h>

#define PAGES 16
#define RAM (96ull << 20)

struct map {
	struct huge_private *p; /* or .. */
	struct huge_file *f;
	uint32_t dead;
	struct quire_huge_group *group;
	struct quire_huge_subpool *subpool;
	struct folio *page[PAGES];
};

struct reserve_test {
	struct unit u; /* first */
	struct mapping cache;
	struct map a, b;
	unsigned failures; /* a point that fails: what was refused for it */
};

/* ---- the cache of a file ----------------------------------------------------------- */

static void *cache_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return calloc(1, bytes);
}

static void cache_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

static const struct index_env cache_env = {.alloc = cache_alloc, .free = cache_free};

static void cache_set(struct map *f, uint64_t i, struct folio *page)
{
	assert_int_equal(index_store(&f->f->mapping->pages, i << HUGE_2M_ORDER, page), 0);
}

/* ---- a mapping ---------------------------------------------------------------------- */

static struct reserve_test *up_with(void **state, uint64_t pool)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = RAM};
	struct reserve_test *t = calloc(1, sizeof(*t));

	unit_up_machine(&t->u, &o);
	resize(&t->u, QUIRE_HUGE_2M, pool);
	index_init(&t->cache.pages, &cache_env);
	*state = t;
	return t;
}

static int up(void **state)
{
	up_with(state, 8);
	return 0;
}

static enum huge_refusal claim(struct reserve_test *t, struct map *m, uint64_t i, bool copy,
			       struct folio **out)
{
	struct huge_request rq = {
	    .h = pool_2m(&t->u),
	    .subpool = m->subpool,
	    .private = m->p,
	    .file = m->f,
	    .index = i,
	    .cuts = m->p ? huge_private_cuts(m->p) : 0,
	    .copy = copy,
	    .group = &m->group,
	    .nodes = ~0ull,
	};
	bool zeroed;

	if (m->p && atomic_load(&m->dead))
		return HUGE_AGAIN;
	return huge_claim_begin(t->u.m, &rq, out, &zeroed);
}

/* A page is where another may have been, of which the mapping lets go. */
static void install(struct reserve_test *t, struct map *m, uint64_t i, struct folio *page)
{
	if (m->page[i])
		let_go(&t->u, m->page[i]);
	m->page[i] = page ? hold(&t->u, page) : NULL;
	if (m->f)
		cache_set(m, i, page);
}

static void put_in_place(struct reserve_test *t, struct map *m, uint64_t i, struct folio *page)
{
	folio_get(page);
	install(t, m, i, page);
	huge_claim_commit(t->u.m, page);
}

static enum huge_refusal touch_as(struct reserve_test *t, struct map *m, uint64_t i, bool copy)
{
	struct folio *page;
	enum huge_refusal why = claim(t, m, i, copy, &page);

	if (why != HUGE_GRANTED)
		return why;
	put_in_place(t, m, i, page);
	return why;
}

static enum huge_refusal touch(struct reserve_test *t, struct map *m, uint64_t i)
{
	return touch_as(t, m, i, false);
}

/* As a store to a page that is shared with a fork. */
static enum huge_refusal copy(struct reserve_test *t, struct map *m, uint64_t i)
{
	return touch_as(t, m, i, true);
}

static enum huge_refusal map_private(struct reserve_test *t, struct map *m, uint64_t pages)
{
	m->p = huge_private_new(t->u.m, pool_2m(&t->u), m->subpool);
	assert_non_null(m->p);
	return huge_private_reserve(m->p, &m->group, 0, pages, ~0ull);
}

/* MAP_NORESERVE, or a fork's. */
static void map_unpromised(struct reserve_test *t, struct map *m)
{
	m->p = huge_private_new(t->u.m, pool_2m(&t->u), m->subpool);
	assert_non_null(m->p);
}

/* The child has the parent's pages. */
static void fork_to(struct reserve_test *t, struct map *child, struct map *parent)
{
	map_unpromised(t, child);
	for (unsigned i = 0; i < PAGES; i++) {
		if (!parent->page[i])
			continue;
		folio_get(parent->page[i]);
		child->page[i] = hold(&t->u, parent->page[i]);
	}
}

/* Entries first, then the account. */
static void unmap(struct reserve_test *t, struct map *m, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i < last; i++)
		install(t, m, i, NULL);
	huge_private_cut(m->p, first, last);
}

static void end(struct reserve_test *t, struct map *m)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (m->page[i])
			install(t, m, i, NULL);
	if (m->p)
		huge_private_put(m->p);
	if (m->f)
		huge_file_end(m->f);
	m->p = NULL;
	m->f = NULL;
}

static void make_file(struct reserve_test *t, struct map *m)
{
	m->f = huge_file_new(t->u.m, pool_2m(&t->u), m->subpool, &t->cache);
	assert_non_null(m->f);
}

static enum huge_refusal map_shared(struct map *m, uint64_t first, uint64_t last)
{
	return huge_file_reserve(m->f, &m->group, first, last, ~0ull);
}

static int down(void **state)
{
	struct reserve_test *t = *state;

	end(t, &t->a);
	end(t, &t->b);
	index_destroy(&t->cache.pages);
	pools_down(&t->u);
	free(t);
	return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, up, down)
#define is(t, tt, ff, rr, ss) expect_pool(&(t)->u, tt, ff, rr, ss)
#define granted(call) assert_int_equal((call), HUGE_GRANTED)
#define refused(why, call) assert_int_equal((call), (why))

/* ---- private ------------------------------------------------------------------------ */

static void test_private(void **state)
{
	struct reserve_test *t = *state;

	granted(map_private(t, &t->a, 4));
	is(t, 8, 8, 4, 0);
	granted(touch(t, &t->a, 0));
	is(t, 8, 7, 3, 0);
	granted(touch(t, &t->a, 1));
	is(t, 8, 6, 2, 0);
	unmap(t, &t->a, 0, 1); /* touched: a page back, no promise */
	is(t, 8, 7, 2, 0);
	unmap(t, &t->a, 3, 4); /* not touched: the promise */
	is(t, 8, 7, 1, 0);
	unmap(t, &t->a, 1, 3);
	is(t, 8, 8, 0, 0);
}

static void test_middle(void **state)
{
	struct reserve_test *t = *state;

	granted(map_private(t, &t->a, 6));
	granted(touch(t, &t->a, 2));
	is(t, 8, 7, 5, 0);
	unmap(t, &t->a, 1, 4);
	is(t, 8, 8, 3, 0);
	granted(touch(t, &t->a, 0));
	granted(touch(t, &t->a, 4));
	granted(touch(t, &t->a, 5));
	is(t, 8, 5, 0, 0);
}

/* What a fork has shares the pages, and no promise. */
static void test_fork(void **state)
{
	struct reserve_test *t = *state;

	granted(map_private(t, &t->a, 4));
	granted(touch(t, &t->a, 0));
	fork_to(t, &t->b, &t->a);
	is(t, 8, 7, 3, 0);
	granted(copy(t, &t->b, 0)); /* the child's copy is of what nobody is promised */
	is(t, 8, 6, 3, 0);
	granted(touch(t, &t->b, 1));
	is(t, 8, 5, 3, 0);
	huge_private_cut(t->b.p, 0, 4);
	end(t, &t->b);
	is(t, 8, 7, 3, 0);
}

static void test_fork_without_room(void **state)
{
	struct reserve_test *t = *state;

	resize(&t->u, QUIRE_HUGE_2M, 4);
	granted(map_private(t, &t->a, 4));
	granted(touch(t, &t->a, 0));
	granted(touch(t, &t->a, 1));
	fork_to(t, &t->b, &t->a);
	is(t, 4, 2, 2, 0);
	refused(HUGE_POOL_DRY, touch(t, &t->b, 2));
	refused(HUGE_POOL_DRY, copy(t, &t->b, 0));
	refused(HUGE_POOL_DRY, copy(t, &t->a, 0)); /* then it steals */
	is(t, 4, 2, 2, 0);
	granted(touch(t, &t->a, 2));
	granted(touch(t, &t->a, 3));
	is(t, 4, 0, 0, 0);
}

/* The owner lets go while the child has the page: R never is less than nothing. */
static void test_owner_goes_first(void **state)
{
	struct reserve_test *t = *state;

	granted(map_private(t, &t->a, 2));
	granted(touch(t, &t->a, 0));
	granted(touch(t, &t->a, 1));
	fork_to(t, &t->b, &t->a);
	unmap(t, &t->a, 0, 2);
	is(t, 8, 6, 0, 0);
	end(t, &t->a);
	is(t, 8, 6, 0, 0);
	end(t, &t->b);
	is(t, 8, 8, 0, 0);
}

static void test_noreserve(void **state)
{
	struct reserve_test *t = *state;

	granted(map_private(t, &t->a, 7));
	map_unpromised(t, &t->b);
	is(t, 8, 8, 7, 0);
	assert_false(t->b.p->owner);
	granted(touch(t, &t->b, 0));
	is(t, 8, 7, 7, 0);
	refused(HUGE_POOL_DRY, touch(t, &t->b, 1));
	is(t, 8, 7, 7, 0);
	install(t, &t->b, 0, NULL);
	is(t, 8, 8, 7, 0);
}

static void test_too_many(void **state)
{
	struct reserve_test *t = *state;

	refused(HUGE_POOL_DRY, map_private(t, &t->a, 9));
	is(t, 8, 8, 0, 0);
	overcommit(&t->u, 1);
	granted(huge_private_reserve(t->a.p, NULL, 0, 9, ~0ull));
	is(t, 9, 9, 9, 1);
	huge_private_cut(t->a.p, 0, 9);
	is(t, 8, 8, 0, 0);
}

static void test_surplus(void **state)
{
	struct reserve_test *t = *state;

	resize(&t->u, QUIRE_HUGE_2M, 0);
	overcommit(&t->u, 4);
	granted(map_private(t, &t->a, 4));
	is(t, 4, 4, 4, 4);
	granted(touch(t, &t->a, 0));
	is(t, 4, 3, 3, 4);
	overcommit(&t->u, 0);
	unmap(t, &t->a, 0, 1);
	is(t, 3, 3, 3, 3);
	resize(&t->u, QUIRE_HUGE_2M, 2);
	is(t, 3, 3, 3, 1);
	unmap(t, &t->a, 1, 2);
	is(t, 2, 2, 2, 0);
}

/* Parts of one mapping that lie elsewhere: who shares the account is an owner of what it has. */
static void test_two_parts(void **state)
{
	struct reserve_test *t = *state;

	granted(map_private(t, &t->a, 4));
	huge_private_get(t->a.p);
	t->b.p = t->a.p;
	assert_true(t->b.p->owner);
	granted(touch(t, &t->b, 3));
	granted(touch(t, &t->a, 1));
	is(t, 8, 6, 2, 0);
	unmap(t, &t->b, 3, 4);
	end(t, &t->b);
	is(t, 8, 7, 2, 0);
	unmap(t, &t->a, 0, 3);
	is(t, 8, 8, 0, 0);
	end(t, &t->a);
	is(t, 8, 8, 0, 0);
}

/* A mapping that is gone before it was mapped: all that it was promised. */
static void test_never_mapped(void **state)
{
	struct reserve_test *t = *state;

	granted(map_private(t, &t->a, 4));
	end(t, &t->a);
	is(t, 8, 8, 0, 0);
}

static void drop(struct reserve_test *t, struct map *m, uint64_t i)
{
	install(t, m, i, NULL);
}

/* By its owner. */
static void dontneed(struct reserve_test *t, struct map *m, uint64_t i)
{
	huge_private_dropped(m->p, i, m->page[i]);
	drop(t, m, i);
}

static void test_dontneed(void **state)
{
	struct reserve_test *t = *state;

	granted(map_private(t, &t->a, 4));
	granted(touch(t, &t->a, 0));
	granted(touch(t, &t->a, 1));
	is(t, 8, 6, 2, 0);
	dontneed(t, &t->a, 0);
	is(t, 8, 7, 3, 0);
	granted(touch(t, &t->a, 0));
	is(t, 8, 6, 2, 0);
	drop(t, &t->a, 0); /* by another than its owner */
	is(t, 8, 7, 2, 0);
}

static void test_dontneed_with_surplus(void **state)
{
	struct reserve_test *t = *state;

	granted(map_private(t, &t->a, 8));
	overcommit(&t->u, 1);
	map_unpromised(t, &t->b);
	granted(touch(t, &t->b, 0));
	granted(touch(t, &t->a, 0));
	is(t, 9, 7, 7, 1);
	dontneed(t, &t->a, 0);
	is(t, 8, 7, 7, 0); /* which of the two was surplus nobody knows */
}

/* The child has the page: it is promised again when the child lets go, unless the owner has asked
 * for another by then. */
static void test_dontneed_of_shared(void **state)
{
	struct reserve_test *t = *state;

	resize(&t->u, QUIRE_HUGE_2M, 2);
	granted(map_private(t, &t->a, 2));
	granted(touch(t, &t->a, 0));
	fork_to(t, &t->b, &t->a);
	dontneed(t, &t->a, 0);
	is(t, 2, 1, 1, 0);
	refused(HUGE_POOL_DRY, touch(t, &t->a, 0));
	drop(t, &t->b, 0);
	is(t, 2, 2, 2, 0);
	granted(touch(t, &t->a, 0));
	is(t, 2, 1, 1, 0);
	end(t, &t->b);
	fork_to(t, &t->b, &t->a);
	resize(&t->u, QUIRE_HUGE_2M, 3);
	dontneed(t, &t->a, 0);
	granted(touch(t, &t->a, 0));
	is(t, 3, 1, 1, 0);
	drop(t, &t->b, 0);
	is(t, 3, 2, 1, 0);
	dontneed(t, &t->a, 0);
	is(t, 3, 3, 2, 0);
}

/* ---- lost --------------------------------------------------------------------------- */

static void lose(struct reserve_test *t, struct map *m, uint64_t first, uint64_t last)
{
	struct region_spare s = {0};

	assert_true(huge_private_lose(m->p, first, last, &s));
	region_spare_free(t->u.m, &s);
}

static void expect_lost(struct map *m, const char *which)
{
	for (unsigned i = 0; which[i]; i++)
		assert_int_equal(huge_private_is_lost(m->p, i), which[i] == 'x');
}

static void test_lost(void **state)
{
	struct reserve_test *t = *state;

	map_unpromised(t, &t->a);
	expect_lost(&t->a, "........");
	lose(t, &t->a, 2, 4);
	lose(t, &t->a, 6, 7);
	expect_lost(&t->a, "..xx..x.");
	lose(t, &t->a, 3, 5);
	expect_lost(&t->a, "..xxx.x.");
}

/* A fork of that: what the piece has, and no more. */
static void test_lost_is_inherited(void **state)
{
	struct reserve_test *t = *state;

	map_unpromised(t, &t->a);
	map_unpromised(t, &t->b);
	assert_true(huge_private_inherit(t->b.p, t->a.p, 0, 8));
	expect_lost(&t->b, "........");
	lose(t, &t->a, 1, 4);
	lose(t, &t->a, 6, 8);
	assert_true(huge_private_inherit(t->b.p, t->a.p, 2, 7));
	expect_lost(&t->b, "..xx..x.");
}

/* ---- files -------------------------------------------------------------------------- */

static void test_shared(void **state)
{
	struct reserve_test *t = *state;

	make_file(t, &t->a);
	granted(map_shared(&t->a, 0, 3));
	is(t, 8, 8, 3, 0);
	granted(map_shared(&t->a, 2, 4)); /* what is promised is promised once */
	is(t, 8, 8, 4, 0);
	granted(touch(t, &t->a, 0));
	is(t, 8, 7, 3, 0);
	granted(map_shared(&t->a, 0, 4));
	is(t, 8, 7, 3, 0);
	granted(touch(t, &t->a, 6)); /* NORESERVE, or fallocate */
	is(t, 8, 6, 3, 0);
	granted(map_shared(&t->a, 0, 8)); /* 4, 5, 7 */
	is(t, 8, 6, 6, 0);
	refused(HUGE_POOL_DRY, map_shared(&t->a, 8, 9));
	is(t, 8, 6, 6, 0);
	end(t, &t->a);
	is(t, 8, 8, 0, 0);
}

/* A hole: the page goes, its promise was used; what was not there keeps its promise. */
static void test_punch(void **state)
{
	struct reserve_test *t = *state;

	make_file(t, &t->a);
	granted(map_shared(&t->a, 0, 4));
	granted(touch(t, &t->a, 0));
	is(t, 8, 7, 3, 0);
	drop(t, &t->a, 0);
	is(t, 8, 8, 3, 0);
	granted(touch(t, &t->a, 0)); /* of those that nobody is promised */
	is(t, 8, 7, 3, 0);
	granted(touch(t, &t->a, 1));
	is(t, 8, 6, 2, 0);
	drop(t, &t->a, 1);
	granted(map_shared(&t->a, 0, 4)); /* mapped again: 1 is promised again */
	is(t, 8, 7, 3, 0);
}

static void test_truncate(void **state)
{
	struct reserve_test *t = *state;

	make_file(t, &t->a);
	granted(map_shared(&t->a, 0, 6));
	granted(touch(t, &t->a, 1));
	granted(touch(t, &t->a, 4));
	is(t, 8, 6, 4, 0);
	drop(t, &t->a, 4);
	huge_file_truncate(t->a.f, 2);
	is(t, 8, 7, 1, 0);
	granted(touch(t, &t->a, 5)); /* it has grown: promises are not made again */
	is(t, 8, 6, 1, 0);
	huge_file_truncate(t->a.f, 7);
	is(t, 8, 6, 1, 0);
}

/* A private mapping of a file: its owner's copy of a page of the cache uses the promise. */
static void test_private_of_file(void **state)
{
	struct reserve_test *t = *state;

	make_file(t, &t->a);
	granted(touch(t, &t->a, 0));
	is(t, 8, 7, 0, 0);
	granted(map_private(t, &t->b, 2));
	is(t, 8, 7, 2, 0);
	granted(touch(t, &t->b, 0));
	is(t, 8, 6, 1, 0);
	dontneed(t, &t->b, 0);
	is(t, 8, 7, 2, 0);
}

/* ---- in flight ---------------------------------------------------------------------- */

static void test_fault_fails(void **state)
{
	struct reserve_test *t = *state;
	struct folio *page;

	granted(map_private(t, &t->a, 4));
	granted(claim(t, &t->a, 1, false, &page));
	huge_claim_abort(t->u.m, page);
	is(t, 8, 8, 4, 0);
	granted(touch(t, &t->a, 0));
	granted(touch(t, &t->a, 2));
	granted(claim(t, &t->a, 1, false, &page)); /* what is used then has one region */
	huge_claim_abort(t->u.m, page);
	is(t, 8, 6, 2, 0);
	granted(touch(t, &t->a, 1));
	granted(touch(t, &t->a, 3));
	is(t, 8, 4, 0, 0);
	make_file(t, &t->b);
	granted(map_shared(&t->b, 0, 2));
	granted(claim(t, &t->b, 0, false, &page));
	huge_claim_abort(t->u.m, page);
	is(t, 8, 4, 2, 0);
	granted(claim(t, &t->b, 5, false, &page));
	huge_claim_abort(t->u.m, page);
	is(t, 8, 4, 2, 0);
}

static void test_cut_in_flight(void **state)
{
	struct reserve_test *t = *state;
	struct folio *page;

	granted(map_private(t, &t->a, 4));
	granted(claim(t, &t->a, 1, false, &page));
	atomic_store(&t->a.dead, 1);
	huge_private_cut(t->a.p, 0, 4);
	huge_claim_abort(t->u.m, page);
	is(t, 8, 8, 0, 0);
	refused(HUGE_AGAIN, touch(t, &t->a, 2)); /* too late */
	is(t, 8, 8, 0, 0);
}

static void test_end_in_flight(void **state)
{
	struct reserve_test *t = *state;
	struct folio *page, *other;

	granted(map_private(t, &t->a, 4));
	make_file(t, &t->b);
	granted(map_shared(&t->b, 0, 2));
	granted(claim(t, &t->a, 1, false, &page));
	granted(claim(t, &t->b, 1, false, &other));
	end(t, &t->a);
	end(t, &t->b);
	huge_claim_abort(t->u.m, page);
	huge_claim_abort(t->u.m, other);
	is(t, 8, 8, 0, 0);
}

/* Truncated after the page is in the cache, and before the fault has said so. */
static void test_truncate_in_flight(void **state)
{
	struct reserve_test *t = *state;
	struct folio *page, *other;

	make_file(t, &t->a);
	granted(map_shared(&t->a, 0, 4));
	granted(claim(t, &t->a, 3, false, &page));
	granted(claim(t, &t->a, 2, false, &other));
	huge_file_truncate(t->a.f, 2);
	huge_claim_commit(t->u.m, page); /* the cache has no reference any more */
	huge_claim_abort(t->u.m, other);
	is(t, 8, 8, 2, 0);
}

/* A shared mmap between a fault that has no promise and its page. */
static void test_promised_twice(void **state)
{
	struct reserve_test *t = *state;
	struct folio *page;

	make_file(t, &t->a);
	granted(claim(t, &t->a, 1, false, &page));
	granted(map_shared(&t->a, 0, 3));
	put_in_place(t, &t->a, 1, page);
	is(t, 8, 7, 2, 0);
	granted(claim(t, &t->a, 0, false, &page));
	granted(map_shared(&t->a, 0, 3)); /* one that has a promise is none for others */
	huge_claim_abort(t->u.m, page);
	is(t, 8, 7, 2, 0);
}

static void test_one_claim_a_page(void **state)
{
	struct reserve_test *t = *state;
	struct folio *page, *other;

	granted(map_private(t, &t->a, 1));
	map_unpromised(t, &t->b);
	granted(claim(t, &t->a, 0, false, &page));
	refused(HUGE_AGAIN, claim(t, &t->a, 0, false, &other));
	granted(claim(t, &t->b, 0, false, &other)); /* another mapping's */
	huge_claim_abort(t->u.m, other);
	huge_claim_abort(t->u.m, page);
	is(t, 8, 8, 1, 0);
}

/* ---- size= and min_size= -------------------------------------------------------------- */

static void test_subpool(void **state)
{
	struct reserve_test *t = *state;
	uint64_t max, left;

	refused(-EINVAL, quire_huge_subpool_create(t->u.m, QUIRE_HUGE_2M, 1, 2, &t->a.subpool));
	refused(-ENOMEM, quire_huge_subpool_create(t->u.m, QUIRE_HUGE_2M, QUIRE_HUGE_NO_LIMIT, 9,
						   &t->a.subpool));
	assert_int_equal(quire_huge_subpool_create(t->u.m, QUIRE_HUGE_2M, 2, 1, &t->a.subpool), 0);
	is(t, 8, 8, 1, 0);
	make_file(t, &t->a);
	refused(HUGE_OVER_SIZE, map_shared(&t->a, 0, 3));
	is(t, 8, 8, 1, 0);
	granted(map_shared(&t->a, 0, 2)); /* the first is promised already */
	is(t, 8, 8, 2, 0);
	quire_huge_subpool_usage(t->a.subpool, &max, &left);
	assert_true(max == 2 && left == 0);
	refused(HUGE_OVER_SIZE, touch(t, &t->a, 2));
	is(t, 8, 8, 2, 0);
	granted(touch(t, &t->a, 0));
	is(t, 8, 7, 1, 0);
	drop(t, &t->a, 0); /* two, then one: the mount keeps it */
	huge_file_truncate(t->a.f, 0);
	is(t, 8, 8, 1, 0);
	granted(touch(t, &t->a, 0)); /* without a promise, but the mount has one */
	is(t, 8, 7, 0, 0);
	granted(touch(t, &t->a, 1));
	is(t, 8, 6, 0, 0);
	drop(t, &t->a, 1);
	is(t, 8, 7, 0, 0);
	drop(t, &t->a, 0);
	is(t, 8, 8, 1, 0);
	end(t, &t->a);
	is(t, 8, 8, 1, 0);
	quire_huge_subpool_put(t->a.subpool);
	is(t, 8, 8, 0, 0);
}

/* The mount goes, its pages do not. */
static void test_subpool_goes_first(void **state)
{
	struct reserve_test *t = *state;

	assert_int_equal(quire_huge_subpool_create(t->u.m, QUIRE_HUGE_2M, 4, 3, &t->a.subpool), 0);
	make_file(t, &t->a);
	granted(touch(t, &t->a, 0));
	is(t, 8, 7, 2, 0);
	quire_huge_subpool_put(t->a.subpool);
	is(t, 8, 7, 2, 0);
	huge_file_end(t->a.f);
	t->a.f = NULL;
	is(t, 8, 7, 0, 0);
	let_go(&t->u, t->a.page[0]);
	t->a.page[0] = NULL;
	is(t, 8, 8, 0, 0);
}

static void test_subpool_of_private(void **state)
{
	struct reserve_test *t = *state;

	assert_int_equal(quire_huge_subpool_create(t->u.m, QUIRE_HUGE_2M, 3, 0, &t->a.subpool), 0);
	t->b.subpool = t->a.subpool;
	granted(map_private(t, &t->a, 2));
	granted(touch(t, &t->a, 0));
	fork_to(t, &t->b, &t->a);
	granted(copy(t, &t->b, 0));
	refused(HUGE_OVER_SIZE, copy(t, &t->a, 0));
	refused(HUGE_OVER_SIZE, touch(t, &t->b, 1));
	is(t, 8, 6, 1, 0);
	end(t, &t->b);
	unmap(t, &t->a, 0, 2);
	is(t, 8, 8, 0, 0);
	end(t, &t->a);
	quire_huge_subpool_put(t->a.subpool);
}

/* A page that was freed went to the pool, and then one that was charged for was refused: the mount
 * has less than it should, and gets it with the next. */
static void test_subpool_is_owed(void **state)
{
	struct reserve_test *t = *state;
	const uint64_t *used, *kept;
	uint64_t of_pool;

	assert_int_equal(quire_huge_subpool_create(t->u.m, QUIRE_HUGE_2M, 9, 2, &t->a.subpool), 0);
	used = &t->a.subpool->used;
	kept = &t->a.subpool->kept;
	make_file(t, &t->a);
	granted(touch(t, &t->a, 0));
	granted(touch(t, &t->a, 1));
	is(t, 8, 6, 0, 0);
	assert_true(subpool_charge(t->a.subpool, 1, &of_pool));
	assert_int_equal(of_pool, 1);
	drop(t, &t->a, 0);
	assert_int_equal(subpool_uncharge(t->a.subpool, 1, 0), 0);
	assert_true(*used == 1 && *kept == 0);
	is(t, 8, 7, 0, 0);
	drop(t, &t->a, 1);
	assert_true(*used == 0 && *kept == 1);
	is(t, 8, 8, 1, 0);
	end(t, &t->a);
	quire_huge_subpool_put(t->a.subpool);
	is(t, 8, 8, 0, 0);
}

/* ---- groups ------------------------------------------------------------------------- */

static uint64_t pages_of(const struct quire_huge_group *g)
{
	return g->counters[QUIRE_HUGE_2M][QUIRE_HUGE_PAGES].usage;
}

static uint64_t rsvd_of(const struct quire_huge_group *g)
{
	return g->counters[QUIRE_HUGE_2M][QUIRE_HUGE_RSVD].usage;
}

#define charged(g, pages, rsvd)                                                                    \
	do {                                                                                       \
		assert_int_equal(pages_of(g), (pages));                                            \
		assert_int_equal(rsvd_of(g), (rsvd));                                              \
	} while (0)

static struct quire_huge_group *group(struct reserve_test *t, struct quire_huge_group *parent)
{
	struct quire_huge_group *g;

	assert_int_equal(quire_huge_group_create(t->u.m, parent, "g", &g), 0);
	return g;
}

static void test_group_private(void **state)
{
	struct reserve_test *t = *state;
	struct quire_huge_group *g = t->a.group = group(t, NULL);

	granted(map_private(t, &t->a, 4));
	charged(g, 0, 4);
	granted(touch(t, &t->a, 0));
	charged(g, 1, 4);
	dontneed(t, &t->a, 0);
	charged(g, 0, 4);
	granted(touch(t, &t->a, 0));
	charged(g, 1, 4);
	unmap(t, &t->a, 0, 3);
	charged(g, 0, 1);
	unmap(t, &t->a, 3, 4);
	charged(g, 0, 0);
	assert_int_equal(quire_huge_group_remove(g), 0);
}

static void test_group_shared(void **state)
{
	struct reserve_test *t = *state;
	struct quire_huge_group *g = t->a.group = group(t, NULL);

	make_file(t, &t->a);
	granted(map_shared(&t->a, 0, 3));
	charged(g, 0, 3);
	granted(touch(t, &t->a, 0));
	charged(g, 1, 3);
	drop(t, &t->a, 0);
	charged(g, 0, 2);
	granted(touch(t, &t->a, 0));
	charged(g, 1, 3);
	granted(touch(t, &t->a, 5)); /* NORESERVE counts when it is touched */
	charged(g, 2, 4);
	end(t, &t->a);
	charged(g, 0, 0);
	assert_int_equal(quire_huge_group_remove(g), 0);
}

static void limit(struct quire_huge_group *g, enum quire_huge_count which, uint64_t bytes)
{
	assert_int_equal(quire_huge_group_set_limit(g, QUIRE_HUGE_2M, which, bytes), 0);
}

static void test_group_limits(void **state)
{
	struct reserve_test *t = *state;
	struct quire_huge_group *g = t->a.group = group(t, NULL);

	limit(g, QUIRE_HUGE_RSVD, 9 * MIB); /* four, and half of one */
	refused(HUGE_OVER_RSVD, map_private(t, &t->a, 5));
	assert_int_equal(g->events[QUIRE_HUGE_2M], 1);
	is(t, 8, 8, 0, 0);
	granted(huge_private_reserve(t->a.p, &g, 0, 3, ~0ull));
	limit(g, QUIRE_HUGE_PAGES, 2 * MIB);
	granted(touch(t, &t->a, 0));
	refused(HUGE_OVER_LIMIT, touch(t, &t->a, 1));
	assert_int_equal(g->events[QUIRE_HUGE_2M], 2);
	is(t, 8, 7, 2, 0);
	limit(g, QUIRE_HUGE_PAGES, UINT64_MAX);
	granted(touch(t, &t->a, 1));
	charged(g, 2, 3);
	t->b.group = g;
	map_unpromised(t, &t->b);
	granted(touch(t, &t->b, 0)); /* NORESERVE: the fourth */
	refused(HUGE_OVER_RSVD, touch(t, &t->b, 1));
	charged(g, 3, 4);
	limit(g, QUIRE_HUGE_RSVD, 0); /* below the usage: nothing more */
	refused(HUGE_OVER_RSVD, touch(t, &t->b, 1));
	granted(touch(t, &t->a, 2)); /* it was reserved */
	end(t, &t->b);
	unmap(t, &t->a, 0, 3);
	charged(g, 0, 0);
	assert_int_equal(quire_huge_group_remove(g), 0);
}

static void test_group_above(void **state)
{
	struct reserve_test *t = *state;
	struct quire_huge_group *up_ = group(t, NULL), *g = t->a.group = group(t, up_);
	struct quire_huge_group *word = NULL;

	limit(up_, QUIRE_HUGE_PAGES, 2 * MIB);
	granted(map_private(t, &t->a, 3));
	charged(up_, 0, 3);
	granted(touch(t, &t->a, 0));
	refused(HUGE_OVER_LIMIT, touch(t, &t->a, 1));
	assert_int_equal(g->events_local[QUIRE_HUGE_2M], 1);
	assert_int_equal(up_->events_local[QUIRE_HUGE_2M], 0);
	assert_int_equal(up_->events[QUIRE_HUGE_2M], 1);
	charged(up_, 1, 3);
	charged(g, 1, 3);
	assert_int_equal(quire_huge_group_remove(up_), -EBUSY);
	huge_group_enter(t->u.m, &word, g);
	assert_int_equal(quire_huge_group_remove(g), -EBUSY);
	huge_group_enter(t->u.m, &word, NULL);
	assert_int_equal(quire_huge_group_remove(g), 0); /* what it has is the parent's */
	t->a.group = NULL;
	charged(up_, 1, 3);
	is(t, 8, 7, 2, 0);
	unmap(t, &t->a, 0, 3);
	charged(up_, 0, 0);
	is(t, 8, 8, 0, 0);
	assert_int_equal(quire_huge_group_remove(up_), 0);
	is(t, 8, 8, 0, 0);
}

static void test_group_over_quota(void **state)
{
	struct reserve_test *t = *state;
	struct quire_huge_group *g = t->a.group = group(t, NULL);

	assert_int_equal(quire_huge_subpool_create(t->u.m, QUIRE_HUGE_2M, 4, 2, &t->a.subpool), 0);
	limit(g, QUIRE_HUGE_RSVD, 6 * MIB);
	make_file(t, &t->a);
	refused(HUGE_OVER_RSVD, map_shared(&t->a, 0, 4));
	is(t, 8, 8, 2, 0);
	limit(g, QUIRE_HUGE_PAGES, 0);
	refused(HUGE_OVER_LIMIT, touch(t, &t->a, 0));
	charged(g, 0, 0);
	is(t, 8, 8, 2, 0);
	granted(map_shared(&t->a, 0, 3));
	refused(HUGE_OVER_LIMIT, touch(t, &t->a, 0));
	charged(g, 0, 3);
	is(t, 8, 8, 3, 0);
	end(t, &t->a);
	charged(g, 0, 0);
	quire_huge_subpool_put(t->a.subpool);
	assert_int_equal(quire_huge_group_remove(g), 0);
}

/* What the pool refuses at last was charged to mount and group before: it is taken back. */
static void test_pool_refuses_last(void **state)
{
	struct reserve_test *t = *state;
	struct quire_huge_group *g = t->a.group = t->b.group = group(t, NULL);

	assert_int_equal(quire_huge_subpool_create(t->u.m, QUIRE_HUGE_2M, 20, 2, &t->a.subpool), 0);
	t->b.subpool = t->a.subpool;
	refused(HUGE_POOL_DRY, map_private(t, &t->a, 9));
	charged(g, 0, 0);
	is(t, 8, 8, 2, 0);
	granted(huge_private_reserve(t->a.p, &g, 0, 8, ~0ull));
	make_file(t, &t->b);
	refused(HUGE_POOL_DRY, map_shared(&t->b, 0, 1));
	refused(HUGE_POOL_DRY, touch(t, &t->b, 0));
	charged(g, 0, 8);
	is(t, 8, 8, 8, 0);
	end(t, &t->b);
	unmap(t, &t->a, 0, 8);
	charged(g, 0, 0);
	is(t, 8, 8, 2, 0);
	end(t, &t->a);
	quire_huge_subpool_put(t->a.subpool);
	assert_int_equal(quire_huge_group_remove(g), 0);
}

static void test_group_of_mm(void **state)
{
	struct reserve_test *t = *state;
	struct quire_huge_group *g = group(t, NULL);
	struct quire_huge_group_info i;
	struct quire_mm *mm, *child;

	assert_int_equal(quire_mm_create(t->u.m, NULL, &mm), 0);
	quire_mm_set_huge_group(mm, g);
	assert_int_equal(quire_mm_fork(mm, NULL, &child), 0);
	assert_ptr_equal(child->huge_group, g);
	quire_mm_set_huge_group(mm, NULL);
	assert_int_equal(quire_huge_group_remove(g), -EBUSY);
	limit(g, QUIRE_HUGE_RSVD, 5 * MIB);
	assert_int_equal(quire_huge_group_info(g, QUIRE_HUGE_2M, &i), 0);
	assert_int_equal(i.counts[QUIRE_HUGE_RSVD].limit, 2);
	assert_int_equal(i.counts[QUIRE_HUGE_PAGES].limit, QUIRE_HUGE_NO_LIMIT);
	assert_int_equal(quire_huge_group_info(g, QUIRE_NR_HUGE, &i), -EINVAL);
	assert_int_equal(quire_huge_group_set_limit(g, QUIRE_NR_HUGE, QUIRE_HUGE_RSVD, 0), -EINVAL);
	quire_mm_put(child);
	assert_int_equal(quire_huge_group_remove(g), 0);
	quire_mm_put(mm);
	is(t, 8, 8, 0, 0);
}

/* ---- a page in another's place ---------------------------------------------------------- */

static void test_moved(void **state)
{
	struct reserve_test *t = *state;
	struct quire_huge_group *g = t->a.group = group(t, NULL);
	struct folio *to;

	granted(map_private(t, &t->a, 1));
	granted(touch(t, &t->a, 0));
	to = take(&t->u, 0);
	huge_folio_charge_like(t->u.m, to, t->a.page[0]);
	huge_folio_charge_like(t->u.m, t->a.page[0], NULL);
	assert_ptr_equal(huge_folio_group(to), g);
	drop(t, &t->a, 0);
	charged(g, 1, 1);
	t->a.page[0] = to;
	is(t, 8, 7, 0, 0);
	unmap(t, &t->a, 0, 1);
	charged(g, 0, 0);
	assert_int_equal(quire_huge_group_remove(g), 0);
}

/* ---- allocation points ------------------------------------------------------------------- */

static bool no_memory(struct reserve_test *t, enum huge_refusal why)
{
	if (why == HUGE_GRANTED)
		return false;
	assert_true(why == HUGE_NO_MEMORY || why == HUGE_NO_RAM);
	t->failures++;
	unit_verify(&t->u);
	return true;
}

/* Again, if it failed. */
#define must(t, call)                                                                              \
	do {                                                                                       \
		if (no_memory((t), (call)))                                                        \
			granted(call);                                                             \
	} while (0)

static void workload(struct reserve_test *t)
{
	struct folio *page;

	must(t, huge_private_reserve(t->a.p, NULL, 0, 6, ~0ull));
	for (unsigned i = 0; i < 6; i += 2)
		must(t, touch(t, &t->a, i));
	must(t, touch(t, &t->a, 1));
	must(t, claim(t, &t->a, 3, false, &page));
	huge_claim_abort(t->u.m, page);
	must(t, touch(t, &t->b, 1));
	must(t, map_shared(&t->b, 0, 4));
	must(t, touch(t, &t->b, 2));
	drop(t, &t->a, 2);
	unit_verify(&t->u);
	unmap(t, &t->a, 1, 5);
	huge_file_truncate(t->b.f, 1);
	is(t, 5, 2, 2, 1);
}

static uint64_t points(struct reserve_test *t)
{
	struct quire_machine_stats st;

	quire_machine_stats(t->u.m, &st);
	return st.alloc_points;
}

static bool fails_at(uint64_t nth)
{
	struct reserve_test *t;
	uint64_t point;
	void *state;
	bool more;

	t = up_with(&state, 4);
	overcommit(&t->u, 6);
	t->a.p = huge_private_new(t->u.m, pool_2m(&t->u), NULL);
	huge_private_put(t->a.p);
	point = points(t) + nth;
	/* The two accounts are made beside the points that are tried. */
	assert_int_equal(quire_machine_fail(t->u.m, &point, 1), 0);
	t->a.p = huge_private_new(t->u.m, pool_2m(&t->u), NULL);
	if (!t->a.p)
		t->a.p = huge_private_new(t->u.m, pool_2m(&t->u), NULL);
	t->b.f = huge_file_new(t->u.m, pool_2m(&t->u), NULL, &t->cache);
	if (!t->b.f)
		t->b.f = huge_file_new(t->u.m, pool_2m(&t->u), NULL, &t->cache);
	workload(t);
	more = points(t) >= point;
	down(&state);
	return more;
}

static void test_each_point_fails(void **state)
{
	uint64_t n = 1;

	(void)state;
	while (fails_at(n))
		n++;
	assert_true(n > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(test_private),
	    test(test_middle),
	    test(test_fork),
	    test(test_fork_without_room),
	    test(test_owner_goes_first),
	    test(test_noreserve),
	    test(test_too_many),
	    test(test_surplus),
	    test(test_two_parts),
	    test(test_never_mapped),
	    test(test_dontneed),
	    test(test_dontneed_with_surplus),
	    test(test_dontneed_of_shared),
	    test(test_lost),
	    test(test_lost_is_inherited),
	    test(test_shared),
	    test(test_punch),
	    test(test_truncate),
	    test(test_private_of_file),
	    test(test_fault_fails),
	    test(test_cut_in_flight),
	    test(test_end_in_flight),
	    test(test_truncate_in_flight),
	    test(test_promised_twice),
	    test(test_one_claim_a_page),
	    test(test_subpool),
	    test(test_subpool_goes_first),
	    test(test_subpool_of_private),
	    test(test_subpool_is_owed),
	    test(test_group_private),
	    test(test_group_shared),
	    test(test_group_limits),
	    test(test_group_above),
	    test(test_group_over_quota),
	    test(test_pool_refuses_last),
	    test(test_group_of_mm),
	    test(test_moved),
	    cmocka_unit_test(test_each_point_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
