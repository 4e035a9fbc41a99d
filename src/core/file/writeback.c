/* SPDX-License-Identifier: MIT */
/*
 * writeback.c: dirty pages of page-cache files go back to the embedder.
 *
 * Entries are cleaned under I and the PTLs.  A page is written under its lock (F).
 *
 *   1  Three things happen before the folio's FOLIO_DIRTY is cleared and its content is written:
 *      its entries lose WRITE and DIRTY, their dirtiness moves to the folio, and the executors are
 *      flushed.  So a later write faults and marks the folio again.
 *   2  A write may be noted between the flush and the clearing.  Then its entry stays dirty though
 *      the folio is clean, and the next writeback (or zap) finds the entry.
 *   3  An entry that munmap, MADV_DONTNEED or exit has cleared but not flushed yet has left its
 *      dirtiness with the folio.  Its address is flushed here (zap.c, 5). A writeback that flushed
 *      before the entry was made may take that dirtiness away: then the folio is marked once more
 *      after their flush (tlb.h).
 *   4  A page that could not be written stays dirty.
 *   5  A page is dirty or in writeback until it is written.  A thread that is to write it waits for
 *      the one that is writing it (F), and looks again.
 *   6  Nothing is written into a hole that the embedder is making: hole.c.
 *   7  A page that the host may still store to (tlb.c, 4) stays dirty, since nothing tells when the
 *      host has stored.  It is written each time, until it leaves the cache.  Whether it is such a
 *      page is known, like all of (1), before it is written.
 *   8  Until the flush, stores may go to a page through the entry that was cleaned, and no fault
 *      tells of them.  Another writeback may have written and cleaned the page before such a store.
 *      So the page is marked once more after the flush (tlb.h).
 *   9  Bytes that stores have left in a file's last page beyond its end become zeros before the
 *      page is written.  Nobody makes the file longer meanwhile (W): these bytes would be in it.
 */
#include "core/file/file.h"
#include "core/frame/folio.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/tlb.h"

/* The page is marked after the flush: 7 and 8.  True: the gather is full. */
static bool gather_cleaned(struct mmu_gather *g, struct folio *folio)
{
	folio_get(folio);
	return RULE(stores_until_flush) ? tlb_folio_dirty(g, folio) : tlb_folio(g, folio);
}

/* PTL held.  Only a shared one: a private page is no file's.  True: the gather is full. */
static bool clean_entry(struct mmu_gather *g, struct pt_ref *ref, pte_t *entry, uint64_t addr)
{
	pte_t val = atomic_load_relaxed(entry);
	struct folio *folio;

	if (!(val & PTE_SHARED) || !(val & (PTE_WRITE | PTE_DIRTY)))
		return false;
	Q_ASSERT(g->mm->machine, entry_kind(g->mm->machine, val) == ENTRY_CACHE);
	folio = entry_folio(g->mm->machine, val);
	if (val & PTE_DIRTY)
		folio_set(folio, FOLIO_DIRTY);
	STEP("cleans the entry of %#lx", addr);
	pt_set(ref, entry, val & ~(PTE_WRITE | PTE_DIRTY));
	if (RULE(writeback_flush))
		tlb_page(g, addr);
	return gather_cleaned(g, folio);
}

/* From where the cursor is: to its piece's end, or until the gather is full. */
static void clean_piece(struct mmu_gather *g, struct pt_cursor *c)
{
	bool full = false;

	for (; c->addr < c->stop && !full; c->addr += PAGE_SIZE)
		full = clean_entry(g, &c->ref, c->entry++, c->addr);
	pt_cursor_pause(c);
	if (full)
		tlb_flush_now(g);
}

static void clean_vma(struct vma *vma, uint64_t first, uint64_t last)
{
	uint64_t lo = first > vma->pgoff ? first - vma->pgoff : 0;
	uint64_t hi = last - vma->pgoff < vma_pages(vma) ? last - vma->pgoff + 1 : vma_pages(vma);
	uint64_t start = vma->start + (lo << PAGE_SHIFT), end = vma->start + (hi << PAGE_SHIFT);
	struct mmu_gather g;
	struct pt_cursor c;

	tlb_begin(&g, vma->mm);
	pt_cursor_begin(&c, vma->mm, start, end);
	while (pt_next_piece(&c))
		clean_piece(&g, &c);
	tlb_range_of_others(&g, start, end);
	tlb_finish(&g);
}

static void clean_entries(struct quire_file *file, uint64_t first, uint64_t last)
{
	const struct quire_port *port = &file->machine->port;
	struct itree_node *node;

	mutex_lock(port, &file->mapping.i_lock, RANK_MAPPING);
	itree_for_each(&file->mapping.vmas, first, last, node)
	{
		struct vma *vma = container_of(node, struct vma, node);

		if (!(vma->flags & VM_SHARED))
			continue;
		rcu_read_lock(port);
		clean_vma(vma, first, last);
		rcu_read_unlock(port);
	}
	mutex_unlock(port, &file->mapping.i_lock, RANK_MAPPING);
}

/* F held, and the page is in writeback. */
static int write_content(struct quire_file *file, struct folio *folio, uint64_t pgoff)
{
	unsigned outer;
	int err;

	STEP("page %lu is clean: writes it", pgoff);
	folio_clear(folio, FOLIO_DIRTY);
	outer = lock_rank_nest();
	err = file->ops.write_page(file->priv, pgoff, folio_addr(file->machine, folio));
	lock_rank_unnest(outer);
	if ((err && RULE(unwritten_stays_dirty)) ||
	    (RULE(lent_stays_dirty) && folio_test(folio, FOLIO_LENT)))
		folio_set(folio, FOLIO_DIRTY);
	return err;
}

/* F held.  *hole: the page was not written because of it. */
static int write_folio(struct quire_file *file, struct folio *folio, uint64_t pgoff,
		       enum hole_state *hole)
{
	int err = 0;

	*hole = HOLE_NONE;
	if (RULE(writeback_looks_again) && folio->mapping != &file->mapping)
		return 0;
	if (!folio_test(folio, FOLIO_DIRTY))
		return 0;
	folio_set(folio, FOLIO_WRITEBACK); /* before: either is seen at any time; and hole.c, 1 */
	if (RULE(writeback_leaves_holes))
		*hole = hole_at(&file->mapping, pgoff);
	if (*hole == HOLE_NONE)
		err = write_content(file, folio, pgoff);
	else
		STEP("leaves page %lu: a hole is being made there", pgoff);
	folio_clear(folio, FOLIO_WRITEBACK);
	return err;
}

/* Only where the core knows the end.  An embedder that knows it may move it at any time. */
static bool holds_the_end(const struct quire_file *file, uint64_t pgoff)
{
	uint64_t size = atomic_load(&file->mapping.bytes);

	return !file->ops.file_size && pgoff == size >> PAGE_SHIFT && (size & ~PAGE_MASK);
}

/* F held. */
static void zero_beyond_end(struct quire_file *file, struct folio *folio, uint64_t pgoff)
{
	uint64_t size = atomic_load(&file->mapping.bytes) & ~PAGE_MASK;

	if (!holds_the_end(file, pgoff) || !folio_test(folio, FOLIO_DIRTY))
		return;
	STEP("zeroes what page %lu has beyond the end", pgoff);
	memset((char *)folio_addr(file->machine, folio) + size, 0, PAGE_SIZE - size);
}

/* Invariant 9.  Returns with F held. */
static void lock_for_writing(struct quire_file *file, struct folio *folio, uint64_t pgoff)
{
	const struct quire_port *port = &file->machine->port;
	bool last = holds_the_end(file, pgoff), keep = last && RULE(end_stays_for_writeback);

	if (keep)
		mutex_lock(port, &file->mapping.write_lock, RANK_FILE);
	folio_lock(file->machine, folio);
	if (last)
		zero_beyond_end(file, folio, pgoff);
	if (keep)
		mutex_unlock(port, &file->mapping.write_lock, RANK_FILE);
}

static int lock_and_write(struct quire_file *file, struct folio *folio, uint64_t pgoff)
{
	enum hole_state hole;
	int err;

	for (;;) {
		lock_for_writing(file, folio, pgoff);
		err = write_folio(file, folio, pgoff, &hole);
		folio_unlock(file->machine, folio);
		if (hole != HOLE_MADE || !RULE(writeback_waits_for_hole))
			return err;
		mapping_await_writer(file);
	}
}

int quire_file_sync(struct quire_file *file)
{
	return mapping_writeback(file, 0, UINT64_MAX, NULL);
}

int mapping_writeback(struct quire_file *file, uint64_t first, uint64_t last, uint64_t *failed)
{
	uint32_t unwritten = RULE(wait_for_writeback) ? FOLIO_DIRTY | FOLIO_WRITEBACK : FOLIO_DIRTY;
	struct quire_machine *m = file->machine;
	struct folio *folio;
	int err, first_err = 0;

	if (!file->ops.write_page)
		return 0;
	clean_entries(file, first, last);
	for (uint64_t i = first; (folio = filecache_next(file, &i, last, unwritten)); i++) {
		err = lock_and_write(file, folio, i);
		folio_put(m, folio);
		if (err && failed)
			++*failed;
		if (err && !first_err)
			first_err = err;
		if (i == last)
			break;
	}
	return first_err;
}
