/* SPDX-License-Identifier: MIT */
/*
 * tlb.c: the gather: what must be flushed, and what is freed only after the flush.
 *
 * A gather lives on its caller's stack and needs no lock.
 *
 * Invariants:
 *   1  Nothing that was gathered is freed before port->tlb_flush() has returned for the ranges in
 *      which it was mapped.
 *   2  Unlinked tables are freed by RCU after the flush (defer.c).
 *   3  Every address that was gathered lies in ranges[0..nr_ranges), or `full` is set.
 *   4  The flush may be told that somebody still uses what was mapped there.  Then its frames
 *      become FOLIO_LENT before their references are put, or before their pages are found at
 *      another address.  Whoever frees such a frame, now or later, has other memory put in its
 *      place (frames.c). Whoever writes such a page back leaves it dirty (writeback.c).
 *   5  A flush costs more than anything that it is made for, so a gather takes what it can: pieces
 *      of the heap beyond its own array, up to a share of RAM, since what is gathered is not free
 *      yet.  Without memory for a piece it is full, and is flushed earlier.  Exit does without:
 *      others may be waiting for what it frees.
 */
#include "core/base/kmem.h"
#include "core/frame/defer.h"
#include "core/frame/folio.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/tlb.h"

#define MOST_PIECES 16u
#define RAM_SHARE 32u

void tlb_begin(struct mmu_gather *g, struct quire_mm *mm)
{
	g->mm = mm;
	g->full = false;
	g->no_flush = false;
	g->small = false;
	g->nr_ranges = 0;
	g->nr_pages = 0;
	g->nr_pieces = 0;
	g->next = g->folios;
	g->end = g->folios + TLB_GATHER_FOLIOS;
	g->pieces = NULL;
	g->pending_flush = false;
	g->lent = false;
	g->any_bits = false;
	g->tables = CHAIN_OF_TABLES;
}

/* Out of ranges: the latest grows over the gap, which costs its refills and nothing else. */
void tlb_range(struct mmu_gather *g, uint64_t start, uint64_t end, unsigned pages)
{
	struct quire_tlb_range *r = &g->ranges[g->nr_ranges ? g->nr_ranges - 1 : 0];

	if (start >= end)
		return;
	g->nr_pages += pages;
	if (g->full)
		return;
	if (g->nr_ranges &&
	    ((start <= r->end && end >= r->start) || g->nr_ranges == TLB_GATHER_RANGES)) {
		r->start = start < r->start ? start : r->start;
		r->end = end > r->end ? end : r->end;
		return;
	}
	g->ranges[g->nr_ranges++] = (struct quire_tlb_range){start, end};
}

/* Where the latest folios are: the words, and how many there are when others are begun. */
static struct folio **words_of(struct mmu_gather *g)
{
	return g->pieces ? g->pieces->folios : g->folios;
}

static uint64_t *used_of(struct mmu_gather *g)
{
	return g->pieces ? &g->pieces->used : &g->used;
}

/* Invariant 5. */
static unsigned most_pieces(const struct quire_machine *m)
{
	return (unsigned)min_u64(MOST_PIECES, m->nr_ram / RAM_SHARE / TLB_PIECE_FOLIOS);
}

/* A PTL may be held: kmem_alloc() does not sleep. */
bool tlb_is_full(struct mmu_gather *g)
{
	struct quire_machine *m = g->mm->machine;
	struct tlb_piece *piece;

	/* no_flush: nothing is gained */
	if (g->small || g->no_flush || g->nr_pieces >= most_pieces(m))
		return true;
	piece = kmem_alloc(m, sizeof(*piece));
	if (!piece)
		return true;
	*used_of(g) = (uint64_t)(g->next - words_of(g));
	piece->next = g->pieces;
	g->pieces = piece;
	g->nr_pieces++;
	g->next = piece->folios;
	g->end = piece->folios + TLB_PIECE_FOLIOS;
	return false;
}

static struct folio *with_bits(const struct folio *f, uintptr_t bits)
{
	return (struct folio *)((uintptr_t)f | bits);
}

static struct folio *without_bits(const struct folio *f)
{
	return (struct folio *)((uintptr_t)f & ~(uintptr_t)GATHERED_BITS);
}

bool tlb_folio_dirty(struct mmu_gather *g, struct folio *f, unsigned n)
{
	g->any_bits = true;
	return tlb_folio(g, with_bits(f, GATHERED_DIRTY), n);
}

/* Behind `end` there is room for both words (TLB_SPARE). */
void tlb_add_run(struct mmu_gather *g, struct folio *f, unsigned n)
{
	g->any_bits = true;
	*g->next++ = with_bits(f, GATHERED_RUN);
	*g->next++ = (struct folio *)(uintptr_t)n;
}

/* M held: one at a time.  A thread that finds an entry cleared under its PTL sees the store. */
void tlb_pending_flush(struct mmu_gather *g)
{
	if (g->pending_flush || g->no_flush)
		return;
	STEP("says that entries of files are not flushed yet");
	g->pending_flush = true;
	atomic_store(&g->mm->pending_flush, 1);
}

void tlb_range_of_others(struct mmu_gather *g, uint64_t start, uint64_t end)
{
	if (RULE(flush_of_others) && atomic_load(&g->mm->pending_flush))
		tlb_range(g, start, end, 0);
}

void tlb_table(struct mmu_gather *g, struct folio *table, uint64_t addr)
{
	if (!g->nr_ranges)
		tlb_range(g, addr, addr + PAGE_SIZE, 0);
	chain_add(g->mm->machine, &g->tables, table);
}

static void flush(struct mmu_gather *g)
{
	struct quire_mm *mm = g->mm;
	const struct quire_port *port = &mm->machine->port;
	unsigned n = g->full ? 0 : g->nr_ranges;

	if (g->no_flush) /* what the flush for good was told stands */
		return;
	g->lent = false;
	if (!g->full && !g->nr_ranges)
		return;
	mm_count(mm, MM_FLUSH, 1);
	mm_count(mm, MM_FLUSH_PAGES, g->nr_pages);
	if (port->tlb_flush)
		port->tlb_flush(port->ctx, mm, mm->cookie, g->ranges, n);
	if (port->tlb_lent)
		g->lent = port->tlb_lent(port->ctx, mm, mm->cookie, g->ranges, n);
}

/*
 * What is stored until the flush, and by the host after it, counts (tlb.h); and invariant 4.
 * Both flags are set at once: a thread that finds a page dirty, writes it back and cleans it has to
 * know that the page is lent.
 */
static void mark_folio(const struct mmu_gather *g, const struct folio *gathered)
{
	uint32_t flags = g->lent && RULE(lent_is_marked) ? FOLIO_LENT : 0;

	if (((uintptr_t)gathered & GATHERED_DIRTY) && RULE(dirty_after_flush))
		flags |= FOLIO_DIRTY;
	if (flags)
		folio_set(without_bits(gathered), flags);
}

/* Marks all; runs are put, what is left is in v[0..n): returned. */
static unsigned mark_folios(const struct mmu_gather *g, struct folio **v, unsigned n)
{
	unsigned singles = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct folio *gathered = v[i];

		mark_folio(g, gathered);
		if ((uintptr_t)gathered & GATHERED_RUN)
			folio_put_refs(g->mm->machine, without_bits(gathered),
				       (uint32_t)(uintptr_t)v[++i]);
		else
			v[singles++] = without_bits(gathered);
	}
	return singles;
}

static void put_folios(struct mmu_gather *g, struct folio **v, unsigned n)
{
	struct quire_machine *m = g->mm->machine;

	if (!n)
		return;
	if (g->lent)
		STEP("marks %u frames that somebody may still use", n);
	STEP("lets go of %u frames", n);
	if (g->any_bits || g->lent)
		n = mark_folios(g, v, n);
	if (n == 1)
		folio_put(m, v[0]);
	else if (n)
		folio_put_many(m, v, n);
}

/* All that was gathered, the latest first; the gather has its own room again. */
static void put_all(struct mmu_gather *g)
{
	while (g->pieces) {
		struct tlb_piece *piece = g->pieces;

		put_folios(g, piece->folios, (unsigned)(g->next - piece->folios));
		g->pieces = piece->next;
		g->next = words_of(g) + *used_of(g);
		kmem_free(g->mm->machine, piece, sizeof(*piece));
	}
	put_folios(g, g->folios, (unsigned)(g->next - g->folios));
	g->nr_pieces = 0;
	g->next = g->folios;
	g->end = g->folios + TLB_GATHER_FOLIOS;
}

/* PTL held.  On its way, too: its mover asks for the mark, if it was not told itself. */
static void mark_entry(const struct quire_machine *m, pte_t e)
{
	if (entry_has_folio(m, e))
		folio_set(entry_folio(m, e), FOLIO_LENT);
	else if (RULE(lent_on_its_way) && entry_kind(m, e) == ENTRY_MIGRATION)
		folio_set(migration_folio(m, e), FOLIO_LENT);
}

void tlb_mark_lent(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	struct pt_cursor c;

	pt_cursor_begin(&c, mm, start, end);
	while (pt_next_piece(&c))
		pt_for_each_entry (&c)
			mark_entry(mm->machine, atomic_load_relaxed(c.entry));
}

static void retire_tables(struct mmu_gather *g)
{
	struct quire_machine *m = g->mm->machine;

	if (RULE(tables_by_rcu))
		frames_defer(m, &g->tables);
	else
		frames_put_now(m, &g->tables);
}

void tlb_flush_now(struct mmu_gather *g)
{
	if (RULE(flush_before_free))
		flush(g);
	put_all(g);
	if (!RULE(flush_before_free))
		flush(g);
	if (g->tables.nr)
		retire_tables(g);
	g->nr_ranges = 0;
	g->nr_pages = 0;
	g->any_bits = false;
}

void tlb_finish_some(struct mmu_gather *g)
{
	tlb_flush_now(g);
	if (g->pending_flush)
		atomic_store(&g->mm->pending_flush, 0);
	g->pending_flush = false;
}
