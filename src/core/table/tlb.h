/* SPDX-License-Identifier: MIT */
/*
 * tlb.h: gather and flush.
 *
 * Every change has one shape: lock -> edit and gather -> flush -> unlock -> free.  A gather
 * collects the ranges whose cached translations must go.  It also collects the folios and tables
 * that may be freed only after these translations are gone.  tlb_finish() flushes, then puts the
 * folios, then hands the tables to RCU.
 */
#ifndef CORE_TABLE_TLB_H
#define CORE_TABLE_TLB_H

#include "core/base/mm_types.h"
#include "core/frame/defer.h"
#include "core/frame/folio.h"

#define TLB_GATHER_RANGES 8
/*
 * What is gathered is a pointer to a folio, with these in its lowest bits.  GATHERED_RUN: the next
 * word is the number of references; without it there is one.
 */
#define GATHERED_DIRTY 1u /* tlb_folio_dirty() */
#define GATHERED_RUN 2u
#define GATHERED_BITS 3u
#define TLB_GATHER_FOLIOS 256
/* More of them are gathered in pieces of the heap, as many as tlb.c allows. */
#define TLB_PIECE_FOLIOS 507
/* A run that ends with the hold of a PTL in which the gather became full has room still. */
#define TLB_SPARE 3

struct tlb_piece {
	struct tlb_piece *next;
	uint64_t used; /* words, once another was begun */
	struct folio *folios[TLB_PIECE_FOLIOS + TLB_SPARE];
};
_Static_assert(sizeof(struct tlb_piece) == 4096, "a piece is 4 KiB");

struct mmu_gather {
	struct quire_mm *mm;
	bool full;          /* flush everything; the caller's choice */
	bool no_flush;      /* nothing can be cached any more: everything was flushed for good */
	bool small;         /* the caller's choice: no more room than its own, to free early */
	bool pending_flush; /* mm->pending_flush is this gather's */
	bool lent;          /* of what was flushed last, somebody may still use something */
	unsigned nr_ranges;
	unsigned nr_pages; /* entries that changed, for the statistics */
	unsigned nr_pieces;
	struct folio **next, **end; /* in the last of the pieces, or in folios */
	struct tlb_piece *pieces;   /* the latest first */
	struct frame_chain tables;
	struct quire_tlb_range ranges[TLB_GATHER_RANGES];
	bool any_bits; /* some of folios has GATHERED_BITS */
	uint64_t used; /* of folios, as of a piece */
	struct folio *folios[TLB_GATHER_FOLIOS + TLB_SPARE];
};

void tlb_begin(struct mmu_gather *g, struct quire_mm *mm);
/* A range that touches the latest one is merged with it.  pages: as many entries of it changed. */
void tlb_range(struct mmu_gather *g, uint64_t start, uint64_t end, unsigned pages);

static inline void tlb_page(struct mmu_gather *g, uint64_t addr)
{
	tlb_range(g, addr, addr + PAGE_SIZE, 1);
}

/* Before entries of a file are cleared; M held.  Announces it until tlb_finish() has flushed. */
void tlb_pending_flush(struct mmu_gather *g);
/*
 * After a walk without M that is to report that nobody reaches what was in the range.  Other
 * threads may have cleared entries there and not flushed them yet: then the range is gathered.
 */
void tlb_range_of_others(struct mmu_gather *g, uint64_t start, uint64_t end);
/* There is no room for another folio.  True: nor will there be until tlb_flush_now(). */
bool tlb_is_full(struct mmu_gather *g);
/* Of n references: two words (GATHERED_RUN). */
void tlb_add_run(struct mmu_gather *g, struct folio *f, unsigned n);
/* Takes over n references.  True: the gather is full; drop spinlocks and call tlb_flush_now. */
static inline bool tlb_folio(struct mmu_gather *g, struct folio *f, unsigned n)
{
	if (likely(n == 1))
		*g->next++ = f;
	else
		tlb_add_run(g, f, n);
	return unlikely(g->next >= g->end) && tlb_is_full(g);
}
/*
 * The same for pages of a file whose entry was dirty.  A writeback may write and clean the page
 * before this gather's flush.  It has flushed the address itself, but it cannot know of the page
 * that it is lent (tlb.c, 4): the entry was gone.  What the host stores then is noted by no fault.
 * So the folio is marked dirty once more after the flush, before the reference is dropped.
 */
bool tlb_folio_dirty(struct mmu_gather *g, struct folio *f, unsigned n);
/*
 * Takes over an empty table that was unlinked from the slot of `addr`.  Something is flushed even
 * when no entry was: an executor that walks the tables itself must not be inside a freed one.
 */
void tlb_table(struct mmu_gather *g, struct folio *table, uint64_t addr);
/*
 * For what is mapped in the range.  It was moved here, and the flush of its old place has found it
 * lent (g->lent).  M held.
 */
void tlb_mark_lent(struct quire_mm *mm, uint64_t start, uint64_t end);
/*
 * Flushes and frees what was gathered so far; no spinlock held, and no RCU read-side section if
 * tables were gathered (it may have to wait for readers).  The gather is empty afterwards.
 */
void tlb_flush_now(struct mmu_gather *g);
void tlb_finish_some(struct mmu_gather *g);
static inline void tlb_finish(struct mmu_gather *g)
{
	if (g->nr_ranges || g->full || g->next != g->folios || g->tables.nr || g->pending_flush)
		tlb_finish_some(g);
	else
		g->lent = false;
}

#endif
