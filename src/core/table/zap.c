/* SPDX-License-Identifier: MIT */
/*
 * zap.c: takes entries out of a range: munmap, MADV_DONTNEED, MADV_FREE, truncation, exit.
 *
 * Owns nothing.  Works table by table under its PTL. What may still be used through a cached
 * translation goes into the gather, with its reference.
 *
 * Invariants:
 *   1  One hold of the PTL covers three steps: the entry is cleared, its folio's mapcount dropped,
 *      and its reference handed to the gather.  The rss follows for the whole table at once, before
 *      the flush.
 *   2  A dirty entry of a shared mapping has told vma->ops->dirty before its folio may be freed.
 *   3  A PTL is never held over a flush.
 *   4  The mark that stops faults (dead, or the file's seq) is visible before the walk looks for
 *      tables.  So a fault that makes a table which the walk missed sees the mark under its PTL.
 *   5  A thread that clears entries of a file under M announces it (mm->pending_flush) from before
 *      the first entry until the flush.  Truncation and writeback do not take M. They may find no
 *      entry, but must not return while a translation is cached: they flush the range themselves.
 *   6  What truncation and writeback clear, they flush under I. A thread that finds no entry, and
 *      is to report that nobody reaches what was there, takes I once before it returns: munmap,
 *      mprotect, mremap and exit do so as VMAs leave their file's tree, MADV_DONTNEED takes I for
 *      this alone.
 *   7  Entries of a large folio are cleared one by one, and counted and gathered as a run: at once,
 *      when the run or the hold of the PTL ends.
 */
#include "core/frame/folio.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/table/mapcount.h"
#include "core/table/tlb.h"

struct zap {
	struct mmu_gather *g;
	struct vma *vma;
	bool keep_private; /* leave private copies of file pages */
	bool keep_markers; /* the mapping stays, and what says that a range is not to be used */
	struct rmap_batch batch;
	uint64_t flush_start, flush_end; /* of this hold of the PTL; empty: start > end */
	unsigned flush_pages;
	/* Pages of a large folio whose entries are gone, and are not counted yet. */
	struct folio_run run;
	bool run_dirty; /* one of the entries was */
};

static void note_flush(struct zap *z, uint64_t addr, uint64_t bytes)
{
	if (addr < z->flush_start)
		z->flush_start = addr;
	z->flush_end = addr + bytes;
	z->flush_pages += (unsigned)(bytes >> PAGE_SHIFT);
}

/* n entries of a folio of so many pages are gone, one of them dirty or none.  True: the gather is
 * full. */
static inline bool drop_pages(struct zap *z, struct folio *f, unsigned n, unsigned pages,
			      enum mm_counter kind, bool dirty)
{
	rmap_batch_remove(&z->batch, f, n, pages, kind);
	if (likely(!dirty))
		return tlb_folio(z->g, f, n);
	z->vma->ops->dirty(z->vma, f);
	return tlb_folio_dirty(z->g, f, n);
}

/* PTL held, as when the entries were cleared. */
static bool drop_run(struct zap *z)
{
	struct folio_run r = z->run;

	z->run.folio = NULL;
	if (!r.folio)
		return false;
	STEP("drops %u pages of the folio of frame %u", r.n,
	     folio_pfn(z->vma->mm->machine, r.folio));
	return drop_pages(z, r.folio, r.n, folio_pages(r.folio), rss_counter(r.folio),
			  z->run_dirty);
}

/* Invariant 7. */
static __attribute__((noinline)) bool drop_large(struct zap *z, uint64_t pfn, uint64_t bytes,
						 bool dirty)
{
	const struct quire_machine *m = z->vma->mm->machine;
	struct folio *f = frame_folio(m, pfn);
	unsigned n = (unsigned)(bytes >> PAGE_SHIFT);
	bool full = false;

	if (!folio_run_extend(m, &z->run, pfn, n)) {
		full = drop_run(z);
		z->run = (struct folio_run){f, (uint32_t)(pfn - folio_pfn(m, f)), n};
		z->run_dirty = false;
	}
	z->run_dirty = z->run_dirty || dirty;
	return full;
}

/* A large private page of the mapping, which stays. */
static void tell_dropped(const struct zap *z, struct folio *f, uint64_t addr)
{
	struct vma *vma = z->vma;

	if (z->keep_markers && vma->ops->dropped)
		vma->ops->dropped(vma, addr, f);
}

static __attribute__((noinline)) bool drop_large_anon(struct zap *z, uint64_t pfn, uint64_t addr,
						      uint64_t bytes)
{
	tell_dropped(z, frame_folio(z->vma->mm->machine, pfn), addr);
	return drop_large(z, pfn, bytes, false);
}

static inline bool drop_anon(struct zap *z, pte_t e, uint64_t addr, uint64_t bytes)
{
	struct folio *f = pfn_folio(z->vma->mm->machine, pte_frame(e));

	if (unlikely(folio_order(f))) /* a tail has it, too */
		return drop_large_anon(z, pte_frame(e), addr, bytes);
	return drop_pages(z, f, 1, 1, MM_ANON, false);
}

/* An entry of a file's page is gone.  True: the gather is full. */
static bool drop_cached(struct zap *z, pte_t e, uint64_t bytes)
{
	struct folio *f = pfn_folio(z->vma->mm->machine, pte_frame(e));
	bool dirty = (e & PTE_DIRTY) && z->vma->ops->dirty;

	if (unlikely(folio_order(f)))
		return drop_large(z, pte_frame(e), bytes, dirty);
	return drop_pages(z, f, 1, 1, rss_counter(f), dirty);
}

/* Of `bytes` from addr on. */
static inline void clear_entry(struct zap *z, struct pt_ref *ref, pte_t *slot, uint64_t addr,
			       uint64_t bytes)
{
	pt_set(ref, slot, 0);
	STEP("clears the entry of %#lx", addr);
	note_flush(z, addr, bytes);
}

/*
 * The page that a migration entry names is marked as lent after the flush, as if it had been mapped
 * (tlb.c, 4): its mover does not.  What is frozen was flushed, and nobody had been lent it.
 */
static bool gather_moving(struct zap *z, pte_t e)
{
	struct folio *f = migration_folio(z->vma->mm->machine, e);

	if (!RULE(lent_on_its_way) || !folio_try_get(f))
		return false;
	if (entry_type(e) == ENTRY_MIGRATE_READ || !z->vma->ops->dirty)
		return tlb_folio(z->g, f, 1);
	return tlb_folio_dirty(z->g, f, 1);
}

/*
 * Of a page that is on its way to another frame: its mover will find no entry to put back.  True:
 * the gather is full.
 */
static bool zap_migration(struct zap *z, struct pt_ref *ref, pte_t *slot, uint64_t addr,
			  uint64_t bytes)
{
	const struct quire_machine *m = z->vma->mm->machine;
	pte_t e = atomic_load_relaxed(slot);
	struct folio *f = migration_folio(m, e);

	if (z->keep_private && folio_test(f, FOLIO_ANON))
		return false;
	if (bytes > PAGE_SIZE && folio_test(f, FOLIO_ANON))
		tell_dropped(z, f, addr);
	pt_set(ref, slot, 0);
	STEP("clears the migration entry of %#lx", addr);
	if (RULE(flush_migration))
		note_flush(z, addr, bytes);
	z->batch.rss[rss_counter(f)] -= (int64_t)(bytes >> PAGE_SHIFT);
	return gather_moving(z, e);
}

/* A range that is not to be used stays so at MADV_DONTNEED; what was lost is forgotten. */
static void zap_marker(struct zap *z, struct pt_ref *ref, pte_t *slot, pte_t e)
{
	switch ((enum entry_marker)entry_payload(e)) {
	case MARKER_POISON:
		if (z->keep_private)
			return;
		break;
	case MARKER_GUARD:
	case MARKER_UFFD_WP:
		if (z->keep_markers)
			return;
		break;
	}
	pt_set(ref, slot, 0);
}

/* What is not PRESENT, of `bytes` from addr on.  True: the gather is full. */
static __attribute__((noinline)) bool zap_absent(struct zap *z, struct pt_ref *ref, pte_t *slot,
						 uint64_t addr, uint64_t bytes)
{
	pte_t e = atomic_load_relaxed(slot);

	switch (entry_kind_absent(e)) {
	case ENTRY_NONE:
		return false;
	case ENTRY_MIGRATION:
		return zap_migration(z, ref, slot, addr, bytes);
	case ENTRY_SWAP:
		if (!z->keep_private) /* only private pages are swapped out so far */
			pt_set(ref, slot, 0);
		return false;
	case ENTRY_MARKER:
		zap_marker(z, ref, slot, e);
		return false;
	case ENTRY_ZERO:
	case ENTRY_ANON:
	case ENTRY_CACHE:
	case ENTRY_EXTERNAL:
	case ENTRY_UNKNOWN:
		break;
	}
	entry_unknown(z->vma->mm->machine);
}

/* Of `bytes` from addr on.  True: the gather is full. */
static inline bool zap_entry(struct zap *z, struct pt_ref *ref, pte_t *slot, uint64_t addr,
			     uint64_t bytes)
{
	const struct quire_machine *m = z->vma->mm->machine;
	pte_t e = atomic_load_relaxed(slot);

	switch (entry_kind(m, e)) {
	case ENTRY_NONE:
		return false;
	case ENTRY_ANON:
		if (z->keep_private)
			return false;
		clear_entry(z, ref, slot, addr, bytes);
		return drop_anon(z, e, addr, bytes);
	case ENTRY_CACHE:
		clear_entry(z, ref, slot, addr, bytes);
		return drop_cached(z, e, bytes);
	case ENTRY_ZERO:
		clear_entry(z, ref, slot, addr, bytes);
		return false;
	case ENTRY_EXTERNAL:
		clear_entry(z, ref, slot, addr, bytes);
		z->batch.rss[MM_FILE] -= (int64_t)(bytes >> PAGE_SHIFT);
		return false;
	case ENTRY_MIGRATION:
	case ENTRY_SWAP:
	case ENTRY_MARKER:
	case ENTRY_UNKNOWN:
		break;
	}
	return zap_absent(z, ref, slot, addr, bytes);
}

/* From where the cursor is: to its piece's end, or until the gather is full: true. */
static bool zap_piece(struct zap *z, struct pt_cursor *c)
{
	struct pt_cursor at = *c; /* the loop's own: in registers */
	bool full = false;

	Q_ASSERT(c->mm->machine, pt_is_whole(c));
	z->flush_start = UINT64_MAX;
	z->flush_end = 0;
	z->flush_pages = 0;
	pt_for_each_entry (&at) {
		if (full || !c->ref.table->pt.used)
			break;
		full = zap_entry(z, &c->ref, at.entry, at.addr, at.step);
	}
	c->addr = full ? at.addr : c->stop;
	full = drop_run(z) || full;
	pt_cursor_pause(c);
	tlb_range(z->g, z->flush_start, z->flush_end, z->flush_pages);
	return full;
}

static void zap_tables(struct zap *z, uint64_t start, uint64_t end)
{
	struct quire_mm *mm = z->vma->mm;
	struct pt_cursor c;
	bool peaked = false;

	atomic_fence(); /* invariant 4 */
	pt_cursor_begin(&c, mm, start, end);
	while (pt_next_piece(&c)) {
		bool full;

		if (!peaked)
			mm_update_peak(mm);
		peaked = true;
		full = zap_piece(z, &c);
		rmap_batch_commit(&z->batch, mm);
		if (full)
			tlb_flush_now(z->g);
	}
}

void zap_range(struct mmu_gather *g, struct vma *vma, uint64_t start, uint64_t end,
	       enum zap_markers markers)
{
	struct zap z = {.g = g, .vma = vma, .keep_markers = markers == ZAP_KEEP_MARKERS};

	if (vma->file)
		tlb_pending_flush(g); /* invariant 5 */
	zap_tables(&z, start, end);
}

/* Tables are kept by RCU: M of this mm is not held. */
void zap_file_range(struct mmu_gather *g, struct vma *vma, uint64_t first_pgoff,
		    uint64_t last_pgoff, bool even_cow)
{
	struct zap z = {.g = g, .vma = vma, .keep_private = !even_cow, .keep_markers = true};
	const struct quire_port *port = &vma->mm->machine->port;
	uint64_t last = vma->pgoff + vma_pages(vma) - 1;
	uint64_t start, end;

	if (first_pgoff < vma->pgoff)
		first_pgoff = vma->pgoff;
	if (last_pgoff > last)
		last_pgoff = last;
	if (first_pgoff > last_pgoff)
		return;
	start = vma->start + ((first_pgoff - vma->pgoff) << PAGE_SHIFT);
	end = vma->start + ((last_pgoff - vma->pgoff + 1) << PAGE_SHIFT);
	rcu_read_lock(port);
	zap_tables(&z, start, end);
	rcu_read_unlock(port);
	tlb_range_of_others(g, start, end);
}

/* ---------------------------------------------------------------- lazyfree */

/* Whether others still need a page that they map too is unknown: it stays (madvise(2): private). */
static void lazyfree_folio(struct folio *f)
{
	if (RULE(lazyfree_by_references) ? atomic_load_relaxed(&f->refs) != 1
					 : atomic_load_relaxed(&f->mapcount) != 1)
		return;
	folio_clear(f, FOLIO_DIRTY);
	folio_set(f, FOLIO_LAZYFREE);
}

/* Clean again: the next write must be seen, since it takes the page back. */
static void lazyfree_entry(struct mmu_gather *g, struct pt_cursor *c)
{
	struct quire_machine *m = g->mm->machine;
	pte_t e = atomic_load_relaxed(c->entry);

	if (entry_kind(m, e) != ENTRY_ANON || !pt_is_whole(c))
		return;
	lazyfree_folio(entry_folio(m, e));
	if (!(e & (PTE_DIRTY | PTE_ACCESSED)))
		return;
	pt_set(&c->ref, c->entry, e & ~(PTE_DIRTY | PTE_ACCESSED));
	STEP("makes the entry of %#lx clean", c->addr);
	if (RULE(flush_lazyfree))
		tlb_range(g, c->addr, c->addr + c->step, pt_pages(c));
}

void lazyfree_range(struct mmu_gather *g, struct vma *vma, uint64_t start, uint64_t end)
{
	struct pt_cursor c;

	pt_cursor_begin(&c, vma->mm, start, end);
	while (pt_next_piece(&c))
		pt_for_each_entry (&c)
			lazyfree_entry(g, &c);
}
