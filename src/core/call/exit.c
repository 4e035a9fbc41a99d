/* SPDX-License-Identifier: MIT */
/*
 * exit.c: taking a whole address space down.
 *
 * Cannot fail: where there is no memory to leave tables to RCU, it waits for the readers itself
 * (defer.c).  Under M: all VMAs dead, the empty tree published, everything zapped and flushed, all
 * tables unlinked, VMAs to RCU.  After it the mm has no VMA and gets none again (mm->exited).
 */
#include "core/call/call.h"
#include "core/file/file.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/table/tlb.h"
#include "core/vma/limits.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

/* All VMAs in a chain, marked dead. */
static struct vma *kill_all(struct quire_mm *mm)
{
	struct vma *chain = NULL, *vma;
	struct rtree_range r;

	rtree_for_each (&mm->vmas, 0, UINT64_MAX, r, vma) {
		vma->chain = chain;
		chain = vma;
		atomic_store(&vma->dead, 1);
		STEP("marks VMA %#lx-%#lx dead", vma->start, vma->end);
	}
	return chain;
}

/* Without a reference nobody executes in it: one flush, ahead, is enough. */
static void flush_for_good(struct mmu_gather *g)
{
	g->full = true;
	tlb_flush_now(g);
	g->no_flush = true;
}

static void zap_all(struct quire_mm *mm, struct vma *chain)
{
	struct mmu_gather g;

	tlb_begin(&g, mm);
	g.small = true; /* others may be waiting for this memory */
	if (!atomic_load(&mm->refs))
		flush_for_good(&g);
	for (struct vma *v = chain; v; v = v->chain)
		zap_range(&g, v, v->start, v->end, ZAP_MARKERS);
	pt_free_range(&g, 0, PT_CEILING, 0, PT_CEILING);
	tlb_finish(&g);
}

static void exit_locked(struct quire_mm *mm)
{
	struct vma *chain = kill_all(mm);

	mm->exited = true;
	if (!chain)
		return;
	rtree_clear(&mm->vmas, &mm->tree_env);
	STEP("publishes the empty VMA tree");
	zap_all(mm, chain);
	for (struct vma *v = chain; v; v = v->chain) {
		mm_account_vma(mm, v, -1);
		mapping_unlink(v);
	}
	if (atomic_load_relaxed(&mm->machine->own_charges))
		charge_less(NULL, chain);
	vma_free_rcu(mm, chain);
}

void quire_mm_exit(struct quire_mm *mm)
{
	mm_lock(mm);
	exit_locked(mm);
	recycle_end(mm);
	mm_unlock(mm);
}

void quire_mm_put(struct quire_mm *mm)
{
	if (atomic_sub(&mm->refs, 1))
		return;
	quire_mm_exit(mm);
	mm_destroy(mm);
}
