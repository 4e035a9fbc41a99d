/* SPDX-License-Identifier: MIT */
/*
 * subpool.c: the huge pages of one mounted file system.
 *
 * Owns struct quire_huge_subpool, under J.
 *
 *   1  used <= max; kept <= min - used, or 0.
 *   2  What is kept is part of the pool's R.
 *   3  It is freed when it has neither references nor pages: a page outlives its file.
 */
#include "core/huge/subpool.h"
#include "core/base/kmem.h"
#include "core/huge/lists.h"

int quire_huge_subpool_create(struct quire_machine *m, enum quire_huge size, uint64_t max,
			      uint64_t min, struct quire_huge_subpool **out)
{
	struct quire_huge_subpool *s;
	struct hstate *h;
	int err;

	if ((unsigned)size >= QUIRE_NR_HUGE || min > max)
		return -QEINVAL;
	h = hstate_of(m, size);
	s = kmem_zalloc(m, sizeof(*s));
	if (!s)
		return -QENOMEM;
	err = hugetlb_reserve(m, h, min, UINT64_MAX, NULL);
	if (err) {
		kmem_free(m, s, sizeof(*s));
		return err;
	}
	s->machine = m;
	s->h = h;
	s->max = max;
	s->min = s->kept = min;
	s->refs = 1;
	pool_lock(m);
	dlist_add_tail(&m->huge.books.subpools, &s->node);
	pool_unlock(m);
	*out = s;
	return 0;
}

void subpool_get(struct quire_huge_subpool *s)
{
	if (!s)
		return;
	pool_lock(s->machine);
	s->refs++;
	pool_unlock(s->machine);
}

/* J held.  Invariant 3. */
static void free_if_gone(struct quire_huge_subpool *s)
{
	if (s->refs || s->used)
		return;
	dlist_del(&s->node);
	kmem_free(s->machine, s, sizeof(*s));
}

/* Without references it has no promises of its own: what comes back is the pool's. */
static uint64_t let_go(struct quire_huge_subpool *s)
{
	uint64_t kept = s->kept;

	if (--s->refs)
		return 0;
	s->min = s->kept = 0;
	free_if_gone(s);
	return kept;
}

void quire_huge_subpool_put(struct quire_huge_subpool *s)
{
	struct quire_machine *m;
	struct hstate *h;
	uint64_t kept;

	if (!s)
		return;
	m = s->machine;
	h = s->h;
	pool_lock(m);
	kept = let_go(s);
	pool_unreserve_unlock(m, h, kept);
}

void quire_huge_subpool_usage(struct quire_huge_subpool *s, uint64_t *max, uint64_t *left)
{
	pool_lock(s->machine);
	*max = s->max;
	*left = s->max == QUIRE_HUGE_NO_LIMIT ? QUIRE_HUGE_NO_LIMIT : s->max - s->used;
	pool_unlock(s->machine);
}

/* ---- J held ----------------------------------------------------------------------- */

bool subpool_charge(struct quire_huge_subpool *s, uint64_t n, uint64_t *of_pool)
{
	uint64_t own;

	*of_pool = n;
	if (!s)
		return true;
	if (n > s->max - s->used)
		return false;
	own = s->kept < n ? s->kept : n;
	s->used += n;
	s->kept -= own;
	*of_pool = n - own;
	return true;
}

uint64_t subpool_uncharge(struct quire_huge_subpool *s, uint64_t n, uint64_t backed)
{
	uint64_t wanted, kept;

	if (!s)
		return backed;
	s->used -= n;
	wanted = s->used < s->min ? s->min - s->used : 0;
	kept = s->kept + backed;
	s->kept = kept < wanted ? kept : wanted;
	kept -= s->kept;
	free_if_gone(s);
	return kept;
}
