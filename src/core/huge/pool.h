/* SPDX-License-Identifier: MIT */
/*
 * pool.h: huge pages of a machine, by size: taken, given back, promised.
 *
 * A hstate is the pool of one size.  Of its T pages F are free, and of these R are reserved: they
 * are promised to somebody, who will take them by a fault that cannot fail for want of a page.
 * S of the T are surplus: beyond what was asked for (quire_hugetlb_resize()), they leave the pool
 * when they become free.  Always R <= F <= T and S <= T.
 *
 *                                        T    F    R    S
 *     promise n                                    +n          if F >= R + n
 *     promise n less                               -n          and surplus pages go that are free
 *     take, promised                         -1    -1
 *     take                                   -1                if F > R
 *     make a surplus page                +1  +1          +1    if S < overcommit
 *     the last reference goes                +1                R+1 if an account says so
 *     .. on a node that has surplus      -1              -1    if R does not need it
 *
 * Lock J (machine->huge.lock, spin) guards all counters and lists of all sizes.  It is inside X and
 * outside L; nothing is taken in it.  The letter H is the supervisor's.
 *
 * A page in use is a folio of h->order with FOLIO_HUGETLB and FOLIO_LARGE, whose tails have
 * FOLIO_TAIL.  Its frame number is a multiple of its frames from the first frame of its node on.
 * References are counted as of any folio; folio_put() of the last gives the page to its pool.
 */
#ifndef CORE_HUGE_POOL_H
#define CORE_HUGE_POOL_H

#include "core/frame/folio.h"

/* ---- which pool ---- */

static inline struct hstate *hstate_of(struct quire_machine *m, enum quire_huge size)
{
	return &m->huge.sizes[size];
}

/* Of a huge page. */
static inline struct hstate *hstate_of_folio(struct quire_machine *m, const struct folio *f)
{
	return hstate_of(m, folio_order(f) == HUGE_2M_ORDER ? QUIRE_HUGE_2M : QUIRE_HUGE_1G);
}

/* NULL: there are no huge pages of so many bytes (1 << shift). */
struct hstate *hstate_of_shift(struct quire_machine *m, unsigned shift);

static inline unsigned hstate_shift(const struct hstate *h)
{
	return h->order + PAGE_SHIFT;
}

static inline uint64_t hstate_bytes(const struct hstate *h)
{
	return PAGE_SIZE << h->order;
}

/* ---- take, and give back ---- */

enum huge_how {
	/* The caller has a reservation for it, which the page takes with it: R-1. */
	HUGE_RESERVED = 1,
	/* From the pool alone: no surplus page is made, nothing sleeps.  May be called in R. */
	HUGE_POOL_ONLY = 2,
};

/* Why there is no page. */
enum huge_lack {
	HUGE_LACK_NONE,  /* there is one */
	HUGE_LACK_POOL,  /* all free pages are promised, and no surplus page is allowed */
	HUGE_LACK_NODES, /* there is one, on none of the nodes */
	HUGE_LACK_RAM,   /* a surplus page is allowed, but the zones have no memory for it */
	HUGE_LACK_POINT, /* an allocation point that was to fail */
};

struct huge_want {
	uint64_t nodes; /* of these nodes alone; ~0: of all */
	unsigned from;  /* the nearest to this one first */
	unsigned how;   /* enum huge_how */
	/* Out. */
	bool zeroed;         /* the page reads as zero: the caller need not clear it */
	enum huge_lack lack; /* if there is none */
};

/*
 * A page: refs 1, mapcount 0, no content unless w->zeroed, charged to nothing.  Free ones first,
 * then, without HUGE_POOL_ONLY, a surplus page fresh from the zones (S < overcommit; never of
 * 1 GiB): T+1 S+1.  NULL: w->lack says why, and nothing has changed, the reservation is there yet.
 *
 * Each call is an allocation point.  Without HUGE_POOL_ONLY: not in R, with no lock from F on
 * inwards (memory may be compacted for a fresh page).
 */
struct folio *hugetlb_take(struct quire_machine *m, struct hstate *h, struct huge_want *w);

/* Clears all of it. */
void hugetlb_clear(struct quire_machine *m, struct folio *f);

/* Of a huge page in use: what it is charged to. */
static inline struct huge_charge *huge_charge(struct folio *f)
{
	return &f[1].charge;
}

/* ---- promise ---- */

/*
 * n free pages more are promised (R+n), each on one of the nodes (~0: all).  Where there are too
 * few, surplus pages are made first.  All or nothing: 0, or -ENOMEM and nothing has changed
 * (*lack says why; may be NULL).  n may be 0.  Not in R, with no lock from F on inwards; M may be
 * held.
 */
int hugetlb_reserve(struct quire_machine *m, struct hstate *h, uint64_t n, uint64_t nodes,
		    enum huge_lack *lack);

/*
 * n of them are promised no longer (R-n); as many free surplus pages, if there are any, leave the
 * pool.  Never fails, never sleeps.  No spinlock but those outside J.
 */
void hugetlb_unreserve(struct quire_machine *m, struct hstate *h, uint64_t n);

/* ---- of the machine ---- */

/* With the machine.  -ENOMEM: not as many pages as the options want. */
int hugetlb_init(struct quire_machine *m, const struct quire_machine_options *o);

#endif
