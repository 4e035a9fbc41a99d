/* SPDX-License-Identifier: MIT */
/*
 * verify_huge.c: the pools of huge pages against the pages that there are.
 *
 * Owns nothing and takes no lock: the machine is quiescent.  Proves the invariants of huge/lists.c:
 * each huge page is free in its node's list or has a reference, T and F are as many as are found, S
 * is no more than T on any node, and R is no more than F and what those who reserve say.
 */
#include "core/huge/reserve.h"
#include "core/verify/verify.h"

static const char *name(const struct hstate *h)
{
	return h->size == QUIRE_HUGE_2M ? "2M pool" : "1G pool";
}

static void same(struct verify *v, const struct hstate *h, const char *what, uint64_t counted,
		 uint64_t found)
{
	if (counted != found)
		verify_bad(v, "%s: %s: %lu counted, %lu found", name(h), what, counted, found);
}

/* ---- pages ------------------------------------------------------------------------ */

struct found {
	uint64_t total[QUIRE_NR_HUGE], free[QUIRE_NR_HUGE];
};

static const struct hstate *pool_of(struct verify *v, const struct folio *f)
{
	for (unsigned i = 0; i < QUIRE_NR_HUGE; i++)
		if (v->m->huge.sizes[i].order == folio_order(f))
			return &v->m->huge.sizes[i];
	return NULL;
}

static void verify_page(struct verify *v, const struct zone *z, uint64_t pfn, struct found *found)
{
	const struct folio *f = pfn_folio(v->m, pfn);
	const struct hstate *h = pool_of(v, f);

	if (!h || ((pfn - z->base) & (folio_pages(f) - 1)) || z->end - pfn < folio_pages(f)) {
		verify_bad(v, "frame %lu: a huge page of no size, or not aligned", pfn);
		return;
	}
	for (unsigned i = 1; i < folio_pages(f); i++)
		if (!folio_test(&f[i], FOLIO_TAIL) || folio_order(&f[i]) != h->order) {
			verify_bad(v, "frame %lu: no tail of the huge page that it is in", pfn + i);
			break;
		}
	found->total[h->size]++;
	found->free[h->size] += !atomic_load(&f->refs);
}

static struct found find_pages(struct verify *v, unsigned node)
{
	const struct zone *z = &v->m->frames->zones[node];
	struct found found = {0};

	for (uint64_t pfn = z->base; pfn < z->frontier; pfn++)
		if (folio_test(pfn_folio(v->m, pfn), FOLIO_HUGETLB))
			verify_page(v, z, pfn, &found);
	return found;
}

/* ---- lists ------------------------------------------------------------------------ */

static bool is_free_page(struct verify *v, const struct hstate *h, unsigned node, pfn_t pfn)
{
	const struct zone *z = &v->m->frames->zones[node];
	const struct folio *f;

	if (pfn < z->base || pfn >= z->frontier)
		return false;
	f = pfn_folio(v->m, pfn);
	return folio_test(f, FOLIO_HUGETLB) && folio_order(f) == h->order && !atomic_load(&f->refs);
}

/* Goes round once; a broken list ends the round at its count. */
static void verify_list(struct verify *v, const struct hstate *h, unsigned node)
{
	const struct huge_node *n = &h->nodes[node];
	pfn_t pfn = n->free_list;

	for (uint64_t i = 0; i < n->free; i++) {
		if (!is_free_page(v, h, node, pfn)) {
			verify_bad(v, "%s: frame %u in the list of node %u is no free page",
				   name(h), pfn, node);
			return;
		}
		if (pfn_folio(v->m, pfn_folio(v->m, pfn)->next)->prev != pfn)
			verify_bad(v, "%s: the list of node %u is broken at %u", name(h), node,
				   pfn);
		pfn = pfn_folio(v->m, pfn)->next;
	}
	if (n->free && pfn != n->free_list)
		verify_bad(v, "%s: the list of node %u has more pages than counted", name(h), node);
}

/* ---- counters --------------------------------------------------------------------- */

static void verify_node(struct verify *v, const struct hstate *h, unsigned node,
			const struct found *found)
{
	const struct huge_node *n = &h->nodes[node];

	same(v, h, "pages of a node", n->total, found->total[h->size]);
	same(v, h, "free pages of a node", n->free, found->free[h->size]);
	if (n->surplus > n->total)
		verify_bad(v, "%s: node %u has %lu surplus pages of %lu", name(h), node, n->surplus,
			   n->total);
	verify_list(v, h, node);
}

static void verify_pool(struct verify *v, const struct hstate *h)
{
	const struct huge_accounts *a = v->m->huge.accounts;
	uint64_t total = 0, free = 0, surplus = 0;

	for (unsigned i = 0; i < v->m->frames->nr_ram_zones; i++) {
		total += h->nodes[i].total;
		free += h->nodes[i].free;
		surplus += h->nodes[i].surplus;
	}
	same(v, h, "pages", h->total, total);
	same(v, h, "free pages", h->free, free);
	same(v, h, "surplus pages", h->surplus, surplus);
	if (h->reserved > h->free)
		verify_bad(v, "%s: %lu pages reserved of %lu free", name(h), h->reserved, h->free);
	if (a && a->reserved)
		same(v, h, "reserved pages", h->reserved, a->reserved(v->m, h));
}

void verify_huge(struct verify *v)
{
	struct quire_machine *m = v->m;

	if (spin_is_locked(&m->huge.lock) || mutex_is_locked(&m->huge.resizing))
		verify_bad(v, "pools of huge pages: a lock is held");
	for (unsigned node = 0; node < m->frames->nr_ram_zones; node++) {
		struct found found = find_pages(v, node);

		for (unsigned i = 0; i < QUIRE_NR_HUGE; i++)
			verify_node(v, &m->huge.sizes[i], node, &found);
	}
	for (unsigned i = 0; i < QUIRE_NR_HUGE; i++)
		verify_pool(v, &m->huge.sizes[i]);
	if (m->huge.accounts)
		v->bad += huge_books_verify(m, v->report, v->arg);
}
