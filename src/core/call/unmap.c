/* SPDX-License-Identifier: MIT */
/*
 * unmap.c: munmap(2), and what every removal of a range shares.
 *
 * Order, under M: the VMAs are dead, the tree without them is published, their
 * entries are zapped under the PTLs, tables that nobody needs are unlinked, the
 * executors are flushed; only then do frames, tables and VMAs go.  A fault that
 * found the old VMA sees it dead; one that finds a hole confirms it under M.
 */
#include "core/call/call.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/table/tlb.h"
#include "core/vma/edit.h"
#include "core/vma/mm.h"

static void zap_removed(struct mmu_gather *g, struct vma_edit *e, uint64_t start, uint64_t end)
{
	for (struct vma *v = e->removed; v; v = v->chain) {
		uint64_t from = v->start > start ? v->start : start;
		uint64_t to = v->end < end ? v->end : end;

		if (from < to)
			zap_range(g, v, from, to, ZAP_MARKERS);
	}
}

/* A table is free only if no neighbour lies in its span. */
void free_tables_between(struct mmu_gather *g, uint64_t start, uint64_t end)
{
	struct vma *prev = vma_prev(g->mm, start);
	struct vma *next = vma_next(g->mm, end);

	pt_free_range(g, start, end, prev ? prev->end : 0, next ? next->start : PT_CEILING);
}

void unmap_entries(struct vma_edit *e, uint64_t start, uint64_t end)
{
	struct mmu_gather g;

	tlb_begin(&g, e->mm);
	zap_removed(&g, e, start, end);
	tlb_finish(&g);
}

/* The edit has cut the range out, and nothing else: it has met the neighbours. */
static void unmap_all_of(struct vma_edit *e, uint64_t start, uint64_t end)
{
	uint64_t floor = e->cut.has_left ? start : e->txn.before;
	uint64_t ceiling = e->cut.has_right ? end : min_u64(e->txn.behind, PT_CEILING);
	struct mmu_gather g;

	tlb_begin(&g, e->mm);
	zap_removed(&g, e, start, end);
	pt_free_range(&g, start, end, floor, ceiling);
	tlb_finish(&g);
}

static int split_allowed(struct quire_mm *mm, uint64_t addr)
{
	const struct vma *vma = vma_find(mm, addr);

	return vma && vma->start < addr ? vma_may_split(vma, addr) : 0;
}

int cut_allowed(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	int err = split_allowed(mm, start);

	return err ? err : split_allowed(mm, end);
}

int unmap_locked(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	struct vma_edit e;
	int err;

	edit_begin(&e, mm);
	edit_cut(&e, start, end);
	err = edit_check(&e);
	if (err || !e.cut_pages) {
		edit_abort(&e);
		return err;
	}
	edit_commit(&e);
	unmap_all_of(&e, start, end);
	edit_finish(&e);
	return 0;
}

int quire_munmap(struct quire_mm *mm, uint64_t addr, uint64_t len)
{
	uint64_t size = mm->machine->task_size;
	int err;

	if ((addr & ~PAGE_MASK) || !len || addr > size || len > size - addr)
		return -QEINVAL;
	mm_lock(mm);
	err = unmap_locked(mm, addr, addr + PAGE_ALIGN(len));
	mm_unlock(mm);
	return err;
}
