/* SPDX-License-Identifier: MIT */
/*
 * subpool.h: what the huge pages of one mounted file system may be: at most so many (size=), and so
 * many promised to it ahead (min_size=).
 *
 * `used` counts what its files and their private mappings have: reservations that are not used yet,
 * and pages.  The first `min` of them cost the pool nothing more: they were promised to the subpool
 * when it was made.  `kept` is what is left of that promise, and part of the pool's R.
 *
 *     kept <= min - used, and 0 where used >= min; less only where the pool refused a page that was
 *     charged already, while others gave theirs back
 *
 * So a subpool is asked before the pool, and says how many the pool is to be asked for.  A NULL
 * subpool, of files without a file system of their own, has no limits: all is the pool's.
 */
#ifndef CORE_HUGE_SUBPOOL_H
#define CORE_HUGE_SUBPOOL_H

#include "core/huge/pool.h"
#include "ds/dlist.h"

struct quire_huge_subpool {
	struct quire_machine *machine; /* C */
	struct hstate *h;              /* C */
	uint64_t max, min;             /* C: huge pages */
	uint64_t used, kept;           /* J */
	uint64_t refs;                 /* J: the mount, its files, their private mappings */
	struct dlist node;             /* J: of machine->huge.books */
	uint64_t found;                /* of verify */
};

/* quire.h has how it is made, asked and let go of.  May be NULL, as in all below. */
void subpool_get(struct quire_huge_subpool *s);

/* ---- J held ---- */

/* n more.  True, and so many of them are to be had from the pool (*of_pool, at most n); the others
 * are promised already.  False: over the maximum, and nothing has changed. */
bool subpool_charge(struct quire_huge_subpool *s, uint64_t n, uint64_t *of_pool);
/*
 * n fewer.  `backed` of them have a promise, or a page that is free: what the subpool does not keep
 * of these is returned, and is the pool's: promised no longer.  May free the subpool.
 */
uint64_t subpool_uncharge(struct quire_huge_subpool *s, uint64_t n, uint64_t backed);

#endif
