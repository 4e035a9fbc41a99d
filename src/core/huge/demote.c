/* SPDX-License-Identifier: MIT */
/*
 * demote.c: a free huge page of 1 GiB becomes pages of 2 MiB.
 *
 * Owns nothing.  Under O, so that no resize counts on what is on its way from one pool to the
 * other.  The page has left its pool when it is divided, and its parts are the caller's till then.
 */
#include "core/huge/lists.h"

#define PARTS (1u << (HUGE_1G_ORDER - HUGE_2M_ORDER))
#define PART_FRAMES (1u << HUGE_2M_ORDER)

/* What is promised is promised on no particular node. */
static struct folio *evict_unpromised(struct quire_machine *m, struct hstate *h, uint64_t nodes)
{
	struct folio *f;

	pool_lock(m);
	f = pool_unpromised(h) ? pool_evict(m, h, nodes, false) : NULL;
	pool_unlock(m);
	return f;
}

/* The first frame of each part is a head, the others are its tails. */
static void divide(struct folio *f)
{
	uint32_t zeroed = folio_test(f, FOLIO_ZEROED) ? FOLIO_ZEROED : 0;

	for (uint32_t i = 0; i < PARTS * PART_FRAMES; i++) {
		folio_set_order(&f[i], HUGE_2M_ORDER);
		atomic_store_relaxed(&f[i].flags,
				     i % PART_FRAMES ? FOLIO_TAIL : FOLIO_HUGETLB | zeroed);
	}
}

static void enter_parts(struct quire_machine *m, struct folio *f)
{
	struct hstate *h = hstate_of(m, QUIRE_HUGE_2M);

	pool_lock(m);
	/* The first of them is to be the first to be taken. */
	for (unsigned i = PARTS; i-- > 0;) {
		pool_enter(m, h, f + i * PART_FRAMES, false);
		pool_put_free(m, h, f + i * PART_FRAMES);
	}
	pool_unlock(m);
}

int quire_hugetlb_demote(struct quire_machine *m, enum quire_huge size, unsigned node, uint64_t n)
{
	uint64_t nodes = node == QUIRE_ALL_NODES ? UINT64_MAX : 1ull << (node & 63);
	struct folio *f;

	if (size != QUIRE_HUGE_1G || (node != QUIRE_ALL_NODES && node >= quire_machine_nodes(m)))
		return -QEINVAL;
	mutex_lock(&m->port, &m->huge.resizing, RANK_RESIZE);
	for (; n && (f = evict_unpromised(m, hstate_of(m, size), nodes)); n--) {
		divide(f);
		enter_parts(m, f);
	}
	mutex_unlock(&m->port, &m->huge.resizing, RANK_RESIZE);
	return 0;
}
