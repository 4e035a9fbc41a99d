/* SPDX-License-Identifier: MIT */
/*
 * lists.c: the counters and lists of pools of huge pages, and the memory that pages are made of.
 *
 * Owns struct hstate and the links of free huge pages, all under J (machine->huge.lock).
 *
 *   1  A free page has FOLIO_HUGETLB, no reference, and is in the list of its node.  FOLIO_ZEROED
 *      says that it reads as zero.
 *   2  T, F and S are the sums of the nodes'; on each node F <= T and S <= T.
 *   3  Nothing is taken inside J: memory comes from the zones before, and goes there afterwards.
 */
#include "core/huge/lists.h"
#include "core/frame/block.h"
#include "core/frame/zone.h"
#include "core/rmap/compact.h"

static struct huge_node *node_of(struct quire_machine *m, struct hstate *h, const struct folio *f)
{
	return &h->nodes[zone_of(m, f)->index];
}

/* ---- free pages ------------------------------------------------------------------- */

void pool_put_free(struct quire_machine *m, struct hstate *h, struct folio *f)
{
	struct huge_node *n = node_of(m, h, f);
	pfn_t pfn = folio_pfn(m, f);

	if (!n->free) {
		f->next = f->prev = pfn;
	} else {
		struct folio *first = pfn_folio(m, n->free_list);

		f->next = n->free_list;
		f->prev = first->prev;
		pfn_folio(m, first->prev)->next = pfn;
		first->prev = pfn;
	}
	n->free_list = pfn;
	pool_count(&n->free, 1);
	pool_count(&h->free, 1);
}

/* The one that was freed last: it may be in a cache yet. */
static struct folio *unlink_first(struct quire_machine *m, struct hstate *h, struct huge_node *n)
{
	struct folio *f = pfn_folio(m, n->free_list);

	pfn_folio(m, f->prev)->next = f->next;
	pfn_folio(m, f->next)->prev = f->prev;
	n->free_list = f->next;
	pool_count(&n->free, -1);
	pool_count(&h->free, -1);
	return f;
}

struct folio *pool_get_free(struct quire_machine *m, struct hstate *h, uint64_t nodes,
			    unsigned from)
{
	const struct frames *fr = m->frames;

	for (unsigned i = 0; i < fr->nr_ram_zones; i++) {
		unsigned node = fr->order[from][i];

		if ((nodes >> node & 1) && h->nodes[node].free)
			return unlink_first(m, h, &h->nodes[node]);
	}
	return NULL;
}

/* ---- pages come and go ------------------------------------------------------------ */

void pool_enter(struct quire_machine *m, struct hstate *h, struct folio *f, bool surplus)
{
	struct huge_node *n = node_of(m, h, f);

	pool_count(&n->total, 1);
	pool_count(&h->total, 1);
	if (!surplus)
		return;
	pool_count(&n->surplus, 1);
	pool_count(&h->surplus, 1);
}

void pool_leave(struct quire_machine *m, struct hstate *h, struct folio *f, bool surplus)
{
	struct huge_node *n = node_of(m, h, f);

	pool_count(&n->total, -1);
	pool_count(&h->total, -1);
	if (!surplus)
		return;
	pool_count(&n->surplus, -1);
	pool_count(&h->surplus, -1);
}

/* In turn: the first of the nodes, from *next on, that has it. */
static struct huge_node *next_node(struct quire_machine *m, struct hstate *h, uint64_t nodes,
				   unsigned *next, bool (*has)(const struct huge_node *n))
{
	unsigned nr = quire_machine_nodes(m);

	for (unsigned i = 0; i < nr; i++) {
		unsigned node = (*next + i) % nr;

		if (!(nodes >> node & 1) || !has(&h->nodes[node]))
			continue;
		*next = (node + 1) % nr;
		return &h->nodes[node];
	}
	return NULL;
}

static bool has_free(const struct huge_node *n)
{
	return n->free > 0;
}

static bool has_free_surplus(const struct huge_node *n)
{
	return n->free > 0 && n->surplus > 0;
}

static bool has_surplus(const struct huge_node *n)
{
	return n->surplus > 0;
}

static bool has_persistent(const struct huge_node *n)
{
	return n->surplus < n->total;
}

struct folio *pool_evict(struct quire_machine *m, struct hstate *h, uint64_t nodes, bool surplus)
{
	struct huge_node *n =
	    next_node(m, h, nodes, &h->next_shrink, surplus ? has_free_surplus : has_free);
	struct folio *f;

	if (!n)
		return NULL;
	f = unlink_first(m, h, n);
	pool_leave(m, h, f, surplus || n->surplus > n->total - 1); /* invariant 2 */
	return f;
}

bool pool_shift_surplus(struct quire_machine *m, struct hstate *h, uint64_t nodes, int by)
{
	struct huge_node *n = next_node(m, h, nodes, by > 0 ? &h->next_shrink : &h->next_grow,
					by > 0 ? has_persistent : has_surplus);

	if (!n)
		return false;
	pool_count(&n->surplus, by);
	pool_count(&h->surplus, by);
	return true;
}

/* ---- memory ----------------------------------------------------------------------- */

struct folio *page_make(struct quire_machine *m, struct hstate *h, uint64_t nodes, unsigned from)
{
	bool zeroed;
	struct folio *f = folio_alloc_compacted(m, h->order, nodes, from, &zeroed);

	if (f)
		folio_set(f, FOLIO_HUGETLB | (zeroed ? FOLIO_ZEROED : 0u));
	atomic_add_relaxed(f ? &h->made : &h->not_made, 1);
	return f;
}

void page_unmake(struct quire_machine *m, struct folio *f)
{
	block_free(m, folio_pfn(m, f), folio_order(f), folio_test(f, FOLIO_ZEROED));
}

void page_rest(struct quire_machine *m, struct folio *f)
{
	(void)m; /* not every port asks */
	mem_out_of_use(folio_addr(m, f), PAGE_SIZE << folio_order(f));
	atomic_store(&f->refs, 0);
}

void page_use(struct quire_machine *m, struct folio *f)
{
	(void)m;
	mem_in_use(folio_addr(m, f), PAGE_SIZE << folio_order(f));
	atomic_store_relaxed(&f->mapping, NULL);
	f->index = 0;
	atomic_store_relaxed(&f->mapcount, 0);
	*huge_charge(f) = (struct huge_charge){0};
	atomic_store_relaxed(&f->flags, FOLIO_LARGE | FOLIO_HUGETLB);
	atomic_store(&f->refs, 1);
}
