/* SPDX-License-Identifier: MIT */
/*
 * hugetlb.h: what the tests of huge page pools share: pools that are asked and set in one word, and
 * holders of pages and promises.
 */
#ifndef UNIT_HUGETLB_H
#define UNIT_HUGETLB_H

#include "unit.h"

#include "core/huge/pool.h"

#define MIB (1ull << 20)
#define HUGE (2 * MIB)
#define RW (QPROT_READ | QPROT_WRITE)
#define PRIVATE (QMAP_PRIVATE | QMAP_ANONYMOUS | QMAP_HUGETLB)
#define SHARED (QMAP_SHARED | QMAP_ANONYMOUS | QMAP_HUGETLB)

/* A machine with so many pages of 2 MiB, an mm in it. */
static inline int pools_up(void **state, uint64_t pages, uint64_t overcommit)
{
	struct unit *u = calloc(1, sizeof(*u));
	struct quire_machine_options opts = {.size = sizeof(opts),
					     .ram_bytes = 64 * MIB,
					     .huge_pages = {[QUIRE_HUGE_2M] = pages},
					     .huge_overcommit = overcommit};

	unit_up(u, &opts, NULL);
	*state = u;
	return 0;
}

static inline struct quire_hugetlb_info pool_info(struct unit *u, enum quire_huge size,
						  unsigned node)
{
	struct quire_hugetlb_info i;

	assert_int_equal(quire_hugetlb_info(u->m, size, node, &i), 0);
	return i;
}

/* T F R S of 2 MiB. */
static inline void expect_pool_at(struct unit *u, uint64_t total, uint64_t free_, uint64_t reserved,
				  uint64_t surplus, int line)
{
	struct quire_hugetlb_info i = pool_info(u, QUIRE_HUGE_2M, QUIRE_ALL_NODES);

	if (i.total != total || i.free != free_ || i.reserved != reserved || i.surplus != surplus)
		fail_msg("line %d: T%lu F%lu R%lu S%lu, not T%lu F%lu R%lu S%lu", line, i.total,
			 i.free, i.reserved, i.surplus, total, free_, reserved, surplus);
	unit_verify(u);
}
#define expect_pool(u, t, f, r, s) expect_pool_at(u, t, f, r, s, __LINE__)

static inline bool is_promised_again(struct quire_machine *m, struct hstate *h, struct folio *f)
{
	(void)m;
	(void)h;
	return huge_charge(f)->account != NULL;
}

/* The test makes promises itself: there are no accounts of them, but what promise_again() says. */
static inline void own_promises(struct unit *u)
{
	static const struct huge_accounts own = {.freed = is_promised_again};

	u->m->huge.accounts = &own;
}

/* Of a page whose last reference goes next: R+1. */
static inline void promise_again(struct folio *f)
{
	huge_charge(f)->account = f;
}

static inline void resize(struct unit *u, enum quire_huge size, uint64_t n)
{
	assert_int_equal(quire_hugetlb_resize(u->m, size, quire_machine_node_set(u->m), n), 0);
}

static inline void overcommit(struct unit *u, uint64_t n)
{
	assert_int_equal(quire_hugetlb_set_overcommit(u->m, QUIRE_HUGE_2M, n), 0);
}

static inline struct hstate *pool_2m(struct unit *u)
{
	return hstate_of(u->m, QUIRE_HUGE_2M);
}

/* The one reference counts as a pin, of which verify knows. */
static inline struct folio *hold(struct unit *u, struct folio *f)
{
	if (!f)
		return NULL;
	atomic_add(&f->shape, SHAPE_PIN);
	atomic_add(&u->m->pins, 1);
	return f;
}

static inline void let_go(struct unit *u, struct folio *f)
{
	atomic_sub(&u->m->pins, 1);
	folio_unpin(u->m, f);
}

static inline struct folio *take_as(struct unit *u, enum quire_huge size, uint64_t nodes,
				    unsigned how, enum huge_lack *lack)
{
	struct huge_want w = {.nodes = nodes, .how = how};
	struct folio *f = hugetlb_take(u->m, hstate_of(u->m, size), &w);

	if (lack)
		*lack = w.lack;
	return hold(u, f);
}

static inline struct folio *take(struct unit *u, unsigned how)
{
	return take_as(u, QUIRE_HUGE_2M, ~0ull, how, NULL);
}

static inline int reserve(struct unit *u, uint64_t n)
{
	return hugetlb_reserve(u->m, pool_2m(u), n, ~0ull, NULL);
}

static inline void unreserve(struct unit *u, uint64_t n)
{
	hugetlb_unreserve(u->m, pool_2m(u), n);
}

/* The pools are empty, and the machine can end. */
static inline void pools_down(struct unit *u)
{
	overcommit(u, 0);
	for (unsigned i = 0; i < QUIRE_NR_HUGE; i++)
		resize(u, (enum quire_huge)i, 0);
	expect_pool(u, 0, 0, 0, 0);
	unit_down(u);
}

#endif
