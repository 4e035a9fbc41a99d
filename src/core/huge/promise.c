/* SPDX-License-Identifier: MIT */
/*
 * promise.c: many pages are promised at once: subpool, group, pool, in this order.
 *
 * Owns nothing.  What a later step refuses is taken back of the earlier ones.
 */
#include "core/huge/books.h"

/* J held. */
static enum huge_refusal charge(struct promise *p, uint64_t n, uint64_t *of_pool)
{
	if (!p->pages) /* what is charged to it keeps a group from being freed */
		p->group = p->asks ? *p->asks : NULL;
	if (!subpool_charge(p->subpool, n, of_pool))
		return HUGE_OVER_SIZE;
	if (huge_group_charge(p->group, p->h, QUIRE_HUGE_RSVD, n)) {
		subpool_uncharge(p->subpool, n, n - *of_pool);
		return HUGE_OVER_RSVD;
	}
	p->pages += n;
	return HUGE_GRANTED;
}

/* The pool is to get back what of n the subpool does not keep; `backed` of them have a promise. */
static void uncharge(struct promise *p, uint64_t n, uint64_t backed)
{
	uint64_t back;

	pool_lock(p->m);
	p->pages -= n;
	huge_group_uncharge(p->group, p->h, QUIRE_HUGE_RSVD, n);
	back = subpool_uncharge(p->subpool, n, backed);
	pool_unreserve_unlock(p->m, p->h, back);
}

enum huge_refusal promise_make(struct promise *p, uint64_t n, uint64_t nodes)
{
	enum huge_lack lack = HUGE_LACK_NONE;
	enum huge_refusal why;
	uint64_t of_pool;

	pool_lock(p->m);
	why = charge(p, n, &of_pool);
	pool_unlock(p->m);
	if (why != HUGE_GRANTED)
		return why;
	if (!hugetlb_reserve(p->m, p->h, of_pool, nodes, &lack))
		return HUGE_GRANTED;
	uncharge(p, n, n - of_pool);
	return refusal_of(lack);
}

void promise_break(struct promise *p, uint64_t n)
{
	if (n)
		uncharge(p, n, n);
}
