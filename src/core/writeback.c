/* SPDX-License-Identifier: MIT */
/*
 * writeback.c: dirty pages of page-cache files go back to the embedder.
 *
 * Entries are cleaned under I and the PTLs, a page is written under its lock (F).
 *
 *   1  Entries lose WRITE and DIRTY, their dirtiness moves to the folio, and the executors are
 *      flushed, before the folio's FOLIO_DIRTY is cleared and its content written: a write that
 *      comes later faults and marks the folio again.
 *   2  Where a write is noted between the flush and the clearing, its entry stays dirty though the
 *      folio is clean; the next writeback (or zap) finds the entry.
 *   3  An entry that munmap, MADV_DONTNEED or exit has cleared, and not flushed yet, has left its
 *      dirtiness with the folio.  Its address is flushed here (zap.c, 5).  If a writeback that has
 *      flushed before the entry was made takes that dirtiness away, the folio is marked once more
 *      after their flush (tlb.h).
 *   4  A page that could not be written stays dirty.
 *   5  A page is dirty or in writeback until it is written: who is to write it waits for whoever
 *      does (F), and looks again.
 *   6  Nothing is written into a hole that the embedder is making: hole.c.
 */
#include "core/file.h"
#include "core/folio.h"
#include "core/range.h"

/* PTL held: entries [addr, end) of one table.  Only shared ones: a private page is no file's. */
static void clean_table(struct tlb_gather *g, struct pt_ref *ref, uint64_t addr, uint64_t end)
{
	struct quire_machine *m = g->mm->machine;

	for (pte_t *entry = ref->entry; addr < end; addr += PAGE_SIZE, entry++) {
		pte_t val = at_load_relaxed(entry);

		if (!pte_present(val) || !(val & PTE_SHARED) || !(val & (PTE_WRITE | PTE_DIRTY)))
			continue;
		if (val & PTE_DIRTY)
			folio_set(pfn_folio(m, pte_frame(val)), FOLIO_DIRTY);
		STEP("cleans the entry of %#lx", addr);
		pt_set(ref, entry, val & ~(PTE_WRITE | PTE_DIRTY));
		if (RULE(writeback_flush))
			tlb_page(g, addr);
	}
}

static void clean_vma(struct vma *vma, uint64_t first, uint64_t last)
{
	uint64_t lo = first > vma->pgoff ? first - vma->pgoff : 0;
	uint64_t hi = last - vma->pgoff < vma_pages(vma) ? last - vma->pgoff + 1 : vma_pages(vma);
	uint64_t start = vma->start + (lo << PAGE_SHIFT), end = vma->start + (hi << PAGE_SHIFT);
	uint64_t addr = start;
	struct tlb_gather g;
	struct pt_ref ref;

	tlb_begin(&g, vma->mm);
	while ((addr = pt_skip_holes(vma->mm, addr, end)) < end) {
		uint64_t next = pt_table_end(addr, end);

		if (pt_lock(vma->mm, addr, &ref)) {
			clean_table(&g, &ref, addr, next);
			pt_unlock(&ref);
		}
		addr = next;
	}
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
	int err;

	STEP("page %lu is clean: writes it", pgoff);
	folio_clear(folio, FOLIO_DIRTY);
	err = file->ops.write_page(file->priv, pgoff, folio_addr(file->machine, folio));
	if (err)
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

static void wait_for_hole(struct quire_file *file)
{
	const struct quire_port *port = &file->machine->port;

	mutex_lock(port, &file->mapping.write_lock, RANK_FILE);
	mutex_unlock(port, &file->mapping.write_lock, RANK_FILE);
}

static int lock_and_write(struct quire_file *file, struct folio *folio, uint64_t pgoff)
{
	enum hole_state hole;
	int err;

	for (;;) {
		folio_lock(file->machine, folio);
		err = write_folio(file, folio, pgoff, &hole);
		folio_unlock(file->machine, folio);
		if (hole != HOLE_MADE || !RULE(writeback_waits_for_hole))
			return err;
		wait_for_hole(file);
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
