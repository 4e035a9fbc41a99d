/* SPDX-License-Identifier: MIT */
/*
 * huge_world.h: what scenarios of huge pages share: the pool of 2 MiB pages, which is empty at
 * first.
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

#endif
