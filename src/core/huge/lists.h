/* SPDX-License-Identifier: MIT */
/*
 * lists.h: the counters and lists of a pool, for the files of src/core/huge (lists.c).
 *
 * All with J held, unless it says otherwise.
 */
#ifndef CORE_HUGE_LISTS_H
#define CORE_HUGE_LISTS_H

#include "core/huge/pool.h"

static inline void pool_lock(struct quire_machine *m)
{
	spin_lock(&m->port, &m->huge.lock, RANK_HUGETLB);
}

static inline void pool_unlock(struct quire_machine *m)
{
	spin_unlock(&m->huge.lock, RANK_HUGETLB);
}

/* J is held, and given back: hugetlb_unreserve() of n within this hold. */
void pool_unreserve_unlock(struct quire_machine *m, struct hstate *h, uint64_t n);

/* Readers without J see each counter whole. */
static inline void pool_count(uint64_t *counter, int64_t n)
{
	atomic_store_relaxed(counter, *counter + (uint64_t)n);
}

/* T - S: what was asked for. */
static inline uint64_t pool_persistent(const struct hstate *h)
{
	return h->total - h->surplus;
}

/* F - R: what may be taken without a reservation. */
static inline uint64_t pool_unpromised(const struct hstate *h)
{
	return h->free - h->reserved;
}

/* A page of the pool, without a reference, is free: F+1. */
void pool_put_free(struct quire_machine *m, struct hstate *h, struct folio *f);
/* A free one of these nodes, the nearest to `from`: F-1.  NULL: there is none. */
struct folio *pool_get_free(struct quire_machine *m, struct hstate *h, uint64_t nodes,
			    unsigned from);

/* A page that is new becomes one of the pool: T+1, and S+1 if it is surplus. */
void pool_enter(struct quire_machine *m, struct hstate *h, struct folio *f, bool surplus);
/* One that is in no list leaves it: T-1, and S-1 if it is surplus. */
void pool_leave(struct quire_machine *m, struct hstate *h, struct folio *f, bool surplus);

/* A free page leaves the pool: of the nodes, in turn, one on which there is a free page, and if it
 * is to be a surplus one a surplus page.  NULL: there is none. */
struct folio *pool_evict(struct quire_machine *m, struct hstate *h, uint64_t nodes, bool surplus);
/* A page of the pool counts as surplus (n = 1), or one that did no longer (n = -1), on one of the
 * nodes in turn.  False: there is none. */
bool pool_shift_surplus(struct quire_machine *m, struct hstate *h, uint64_t nodes, int n);

/* ---- J is not held */

/*
 * Memory for a page on one of the nodes, the nearest to `from` first: a folio with FOLIO_HUGETLB,
 * one reference, and FOLIO_ZEROED where it is; in no pool yet.  NULL: there is none, or an
 * allocation point that was to fail.  Compacts memory; see folio_alloc_compacted().
 */
struct folio *page_make(struct quire_machine *m, struct hstate *h, uint64_t nodes, unsigned from);
/* A page whose content is out of use, in no pool and no list, goes to the zones.  J is not held,
 * nor any lock inside it. */
void page_unmake(struct quire_machine *m, struct folio *f);
/* The reference that page_make() gave goes, the content is out of use. */
void page_rest(struct quire_machine *m, struct folio *f);
/* A free page that was taken out of its list gets a reference, and nothing else. */
void page_use(struct quire_machine *m, struct folio *f);

#endif
