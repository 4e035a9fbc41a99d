/* SPDX-License-Identifier: MIT */
/*
 * clean.c: the entries of pages that are going to be written back lose WRITE and DIRTY, so that the
 * next store to such a page faults and is noted.
 *
 * Under I, inside the pages' own locks (F), and the PTLs.
 *
 *   1  When mapping_clean() returns, no store goes to one of the pages that no fault has told of
 *      since the entry was cleaned: the executors are flushed.  An entry that munmap, MADV_DONTNEED
 *      or exit has cleared but not flushed yet is none any more.  Its address is flushed here
 *      (zap.c, 5).
 *   2  Only entries of these pages are touched.  What lies between them is others', who have not
 *      locked it.
 *   3  A page that the host may still store to is FOLIO_LENT then (tlb.c, 4).
 */
#include "core/file/file.h"
#include "core/frame/folio.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/tlb.h"

/* What is to be done of the run in one VMA: pages [next, end) of it. */
struct cleaning {
	struct vma *vma;
	const struct cache_run *run;
	unsigned next, end;
	struct mmu_gather g;
};

/* A leaf's translations are those of all its pages, whichever of them the walk has come for. */
static void flush_cleaned(struct mmu_gather *g, const struct pt_cursor *at, uint64_t addr)
{
	uint64_t span = slot_span(at->level), start = addr & ~(span - 1);

	tlb_range(g, start, start + span, slot_pages(at->level));
}

/* PTL held.  Only a shared one: a private page is no file's.  True: the gather is full. */
static bool clean_entry(struct mmu_gather *g, struct pt_cursor *at, pte_t *entry, uint64_t addr,
			struct folio *folio)
{
	const struct quire_machine *m = g->mm->machine;
	pte_t val = atomic_load_relaxed(entry);

	if (!pte_present(val) || !(val & PTE_SHARED) || !(val & (PTE_WRITE | PTE_DIRTY)))
		return false;
	Q_ASSERT(m, entry_kind(m, val) == ENTRY_CACHE); /* a file's tree leads to nothing else */
	if (entry_folio(m, val) != folio)
		return false; /* what came in its place */
	STEP("cleans the entry of %#lx", addr);
	pt_set(&at->ref, entry, val & ~(PTE_WRITE | PTE_DIRTY));
	if (RULE(writeback_flush))
		flush_cleaned(g, at, addr);
	folio_get(folio);
	return tlb_folio(g, folio, 1);
}

static uint64_t addr_of(const struct cleaning *c, unsigned i)
{
	return c->vma->start + ((c->run->pgoff[i] - c->vma->pgoff) << PAGE_SHIFT);
}

/* From where the cursor is: to its piece's end, or until the gather is full. */
static void clean_piece(struct cleaning *c, struct pt_cursor *at)
{
	uint64_t first = at->addr, stop = at->stop;
	bool full = false;

	at->addr = stop;
	for (; c->next < c->end && !full; c->next++) {
		uint64_t addr = addr_of(c, c->next);
		pte_t *entry;

		if (addr >= stop)
			return;
		if (addr < first) /* there was no table */
			continue;
		entry = pt_nth(at->entry, (int64_t)((addr - first) / at->step));
		full = clean_entry(&c->g, at, entry, addr, c->run->folio[c->next]);
		if (full)
			at->addr = addr + PAGE_SIZE;
	}
	if (full) {
		pt_cursor_pause(at);
		tlb_flush_now(&c->g);
	}
}

static void clean_vma(struct cleaning *c)
{
	uint64_t start = addr_of(c, c->next), end = addr_of(c, c->end - 1) + PAGE_SIZE;
	struct pt_cursor at;

	tlb_begin(&c->g, c->vma->mm);
	pt_cursor_begin(&at, c->vma->mm, start, end);
	while (pt_next_piece(&at))
		clean_piece(c, &at);
	tlb_range_of_others(&c->g, start, end);
	tlb_finish(&c->g);
}

/* Of the run the pages that the VMA can map; false: none. */
static bool begin_vma(struct cleaning *c, struct vma *vma)
{
	const struct cache_run *run = c->run;

	c->vma = vma;
	c->next = 0;
	c->end = run->n;
	while (c->next < c->end && run->pgoff[c->next] < vma->pgoff)
		c->next++;
	while (c->next < c->end && run->pgoff[c->end - 1] - vma->pgoff >= vma_pages(vma))
		c->end--;
	return c->next < c->end;
}

void mapping_clean(struct quire_file *file, const struct cache_run *run)
{
	const struct quire_port *port = &file->machine->port;
	struct cleaning c = {.run = run};
	struct itree_node *node;

	mutex_lock(port, &file->mapping.i_lock, RANK_MAPPING);
	itree_for_each (&file->mapping.vmas, run->pgoff[0], run->pgoff[run->n - 1], node) {
		struct vma *vma = container_of(node, struct vma, node);

		if (!(vma->flags & VM_SHARED) || !begin_vma(&c, vma))
			continue;
		rcu_read_lock(port);
		clean_vma(&c);
		rcu_read_unlock(port);
	}
	mutex_unlock(port, &file->mapping.i_lock, RANK_MAPPING);
}
