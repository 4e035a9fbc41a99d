/* SPDX-License-Identifier: MIT */
/*
 * huge_world.h: what scenarios of huge pages share: the pool of 2 MiB pages, which is empty at
 * first, and a mapping of some.
 */
#ifndef CHECK_SCN_MEMORY_HUGE_WORLD_H
#define CHECK_SCN_MEMORY_HUGE_WORLD_H

#include "check/world/scenario.h"
#include "core/huge/pool.h"

static inline struct hstate *pool(const struct world *w)
{
	return hstate_of(w->m, QUIRE_HUGE_2M);
}

static inline struct quire_hugetlb_info pool_info(struct world *w)
{
	struct quire_hugetlb_info i;

	must(quire_hugetlb_info(w->m, QUIRE_HUGE_2M, QUIRE_ALL_NODES, &i), "info");
	return i;
}

static inline void pool_resize(struct world *w, uint64_t pages)
{
	must(quire_hugetlb_resize(w->m, QUIRE_HUGE_2M, 1, pages), "resize");
}

static inline void expect_pool(struct world *w, uint64_t free, uint64_t reserved)
{
	struct quire_hugetlb_info i = pool_info(w);

	expect(i.free == free && i.reserved == reserved, "F%llu R%llu, not F%llu R%llu",
	       (unsigned long long)i.free, (unsigned long long)i.reserved, (unsigned long long)free,
	       (unsigned long long)reserved);
}

#define BIG (2ull << 20)
/* In the first page of the mapping. */
#define INSIDE (w->addr + 5 * PAGE)

static inline void huge_map(struct world *w, uint64_t pages, int flags)
{
	w->addr = 1ull << 32;
	must(quire_mmap(w->mm, w->addr, pages * BIG, PROT_RW,
			flags | QMAP_ANONYMOUS | QMAP_HUGETLB | QMAP_FIXED, NULL, 0, &w->addr),
	     "mmap");
}

/* ---- actors: with the first page */

static inline void huge_unmap(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, BIG), "munmap");
}

static inline void huge_drop(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, BIG, QMADV_DONTNEED), "DONTNEED");
}

/* Of a page that was forked: whatever the others do it succeeds. */
static inline void huge_owner_stores(struct world *w)
{
	store(w, w->mm, INSIDE, 9);
	expect(load(w, w->mm, INSIDE) == 9, "the owner's store is lost");
}

#endif
