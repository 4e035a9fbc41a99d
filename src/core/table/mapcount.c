/* SPDX-License-Identifier: MIT */
/*
 * mapcount.c: how many entries map a folio, and what that adds up to.
 *
 * Owns folio->mapcount (atomic; changed under the PTL of the entry in question), the rss
 * counters of each mm and machine_cpu.mapped_*, striped by CPU.
 *
 * Invariants:
 *   1  mapcount = the number of present entries that name a frame of the folio; the leaf of a
 *      higher level counts once for each page.
 *   2  The rss counters of an mm sum to its present entries and its migration entries, by kind; the
 *      zero page counts nowhere.
 *   3  machine_cpu.mapped_anon and mapped_file sum to the pages of folios with mapcount > 0: which
 *      pages of a large one are mapped is not counted.  Those of pools are in neither, nor in rss.
 */
#include "core/frame/folio.h"
#include "core/table/mapcount.h"

/* n entries more; `mapped` pages more of folios with a mapcount above 0.  Negative: fewer. */
static void rmap_change(struct quire_mm *mm, enum mm_counter kind, int n, int mapped)
{
	unsigned cpu = this_cpu(&mm->machine->port);
	struct machine_cpu *c = &mm->machine->cpus[cpu];

	if (n)
		atomic_add_relaxed(&mm->stripes[cpu & (mm->nr_stripes - 1)].v[kind], n);
	if (mapped && kind != MM_HUGETLB)
		atomic_add_relaxed(kind == MM_ANON ? &c->mapped_anon : &c->mapped_file, mapped);
}

void rmap_count_cached(struct quire_mm *mm, uint32_t folio_flags, unsigned n, unsigned first)
{
	rmap_change(mm, rss_counter_by_flags(folio_flags), (int)n, (int)first);
}

void rmap_count_new(struct quire_mm *mm, unsigned n)
{
	rmap_change(mm, MM_ANON, (int)n, (int)n);
}

void rmap_count_large(struct quire_mm *mm, const struct folio *f, unsigned n)
{
	rmap_change(mm, rss_counter(f), (int)n, (int)n);
}

void rmap_remove(struct quire_mm *mm, struct folio *f, unsigned n)
{
	bool last = atomic_sub(&f->mapcount, (int32_t)n) == 0;

	rmap_change(mm, rss_counter(f), -(int)n, last ? -(int)folio_pages(f) : 0);
}

void rmap_depart(struct quire_mm *mm, struct folio *f, unsigned n)
{
	if (folio_put_mapped(f, n) == 0)
		rmap_change(mm, rss_counter(f), 0, -(int)folio_pages(f));
}

void rmap_arrive(struct quire_mm *mm, struct folio *f, unsigned n)
{
	if (folio_get_mapped(f, n) == (int32_t)n)
		rmap_change(mm, rss_counter(f), 0, (int)folio_pages(f));
}

void rmap_batch_commit(struct rmap_batch *b, struct quire_mm *mm)
{
	struct machine_cpu *c = &mm->machine->cpus[this_cpu(&mm->machine->port)];

	for (unsigned kind = 0; kind < MM_NR_PAGES; kind++)
		if (b->rss[kind])
			mm_count(mm, kind, b->rss[kind]);
	if (b->mapped_anon)
		atomic_add_relaxed(&c->mapped_anon, b->mapped_anon);
	if (b->mapped_file)
		atomic_add_relaxed(&c->mapped_file, b->mapped_file);
	*b = (struct rmap_batch){0};
}

/* ---- rss of an address space ------------------------------------------------ */

int64_t mm_counter_sum(struct quire_mm *mm, enum mm_counter c)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < mm->nr_stripes; i++)
		sum += atomic_load_relaxed(&mm->stripes[i].v[c]);
	return sum;
}

void mm_update_peak(struct quire_mm *mm)
{
	int64_t rss = mm_counter_sum(mm, MM_ANON) + mm_counter_sum(mm, MM_FILE) +
		      mm_counter_sum(mm, MM_SHMEM);
	uint64_t peak = atomic_load_relaxed(&mm->peak_rss);

	while (rss > 0 && (uint64_t)rss > peak && !atomic_cas(&mm->peak_rss, &peak, (uint64_t)rss))
		;
}
