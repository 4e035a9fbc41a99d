/* SPDX-License-Identifier: MIT */
/*
 * mapcount.h: how many entries map a folio, and the rss that this adds up to.
 */
#ifndef CORE_TABLE_MAPCOUNT_H
#define CORE_TABLE_MAPCOUNT_H

#include "core/base/mm_types.h"
#include "core/frame/folio.h"

/* mapcount.c: a folio loses n entries: mapcount and rss are less by n.  PTL held. */
void rmap_remove(struct quire_mm *mm, struct folio *f, unsigned n);
/*
 * An entry of n pages of the folio becomes a migration entry, which counts in rss only (entry.h,
 * 4): its references and mappings go.  The caller has another reference.  Or the other way round:
 * they were there.  PTL held.
 */
void rmap_depart(struct quire_mm *mm, struct folio *f, unsigned n);
void rmap_arrive(struct quire_mm *mm, struct folio *f, unsigned n);
/*
 * A private folio that nobody else knows yet gets its first n entries, which have a reference each:
 * the caller's is the first.  rmap_count_new(): n folios of one page are counted, or one of n.
 */
static inline void rmap_new(struct folio *f, unsigned n)
{
	atomic_store_relaxed(&f->mapcount, (int32_t)n);
	if (n > 1)
		atomic_add_relaxed(&f->refs, n - 1);
}
void rmap_count_new(struct quire_mm *mm, unsigned n);
/* The same of one that may be of a pool. */
void rmap_count_large(struct quire_mm *mm, const struct folio *f, unsigned n);

static inline enum mm_counter rss_counter_by_flags(uint32_t flags)
{
	if (unlikely(flags & FOLIO_HUGETLB))
		return MM_HUGETLB;
	if (flags & FOLIO_ANON)
		return MM_ANON;
	return flags & FOLIO_SHMEM ? MM_SHMEM : MM_FILE;
}

/* rss counter that a folio, or an external frame (folio == NULL), belongs to. */
static inline enum mm_counter rss_counter(const struct folio *f)
{
	return rss_counter_by_flags(f ? atomic_load_relaxed(&f->flags) : 0);
}

/*
 * n entries more of pages of a file with these folio_flags, whose counts have been taken; `first`
 * of them are the first of their page.
 */
void rmap_count_cached(struct quire_mm *mm, uint32_t folio_flags, unsigned n, unsigned first);

/*
 * Many entries of one mm: the folios' counters at once, those of mm and machine in one go.
 * mapped_*: pages of folios whose mapcount went to 0 (negative).
 */
struct rmap_batch {
	int64_t rss[MM_NR_PAGES];
	int64_t mapped_anon, mapped_file;
};
/*
 * n entries of a folio.  kind: rss_counter(f), and pages: folio_pages(f), which some know
 * beforehand.
 */
static inline void rmap_batch_remove(struct rmap_batch *b, struct folio *f, unsigned n,
				     unsigned pages, enum mm_counter kind)
{
	b->rss[kind] -= n;
	if (atomic_sub(&f->mapcount, (int32_t)n) == 0 && kind != MM_HUGETLB)
		*(kind == MM_ANON ? &b->mapped_anon : &b->mapped_file) -= pages;
}
/* Adds what was batched and empties the batch. */
void rmap_batch_commit(struct rmap_batch *b, struct quire_mm *mm);

/* ---- rss of an address space */
int64_t mm_counter_sum(struct quire_mm *mm, enum mm_counter c);
/* Notes a new peak of rss; called before rss is about to fall, and by readers. */
void mm_update_peak(struct quire_mm *mm);

#endif
