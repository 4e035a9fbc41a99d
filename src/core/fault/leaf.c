/* SPDX-License-Identifier: MIT */
/*
 * leaf.c: a fault writes an entry of an upper table, which maps a large folio as a whole.
 *
 * Guarded by the U of that table, under which the same is proved as under a PTL (install.c).
 *
 *   1  A leaf comes into an empty slot.  A table in the slot was made for what was mapped there
 *      before, and left where it was still empty of entries of the living: a mapping over others
 *      takes over their tables.  It goes under M, and the fault starts over.
 *   2  Whoever is to miss no leaf (zap, protect, move, fork) waits for the holder of U also where
 *      the slot is empty (cursor.h, 7): no PTL is there that it could take.
 */
#include "core/fault/fault.h"
#include "core/frame/folio.h"
#include "core/table/entry.h"
#include "core/table/mapcount.h"
#include "core/table/pagetable.h"
#include "core/table/tlb.h"
#include "core/vma/mm.h"

/* Invariant 1. */
static int take_tables_out(struct fault *f, unsigned level)
{
	uint64_t start = fault_leaf_start(f, level), end = start + slot_span(level);
	struct mmu_gather g;

	if (!fault_sleep(f))
		return -QEAGAIN;
	STEP("takes tables of smaller pages out of the way of the large one at %#lx", start);
	mm_lock(f->mm);
	tlb_begin(&g, f->mm);
	pt_free_range(&g, start, end, start, end);
	tlb_finish(&g);
	mm_unlock(f->mm);
	fault_wake(f);
	return -QEAGAIN;
}

int fault_lock_leaf(struct fault *f, unsigned level, bool makes_private, struct pt_ref *ref)
{
	if (unlikely(f->walk.level < level))
		return take_tables_out(f, level);
	return fault_lock_at(f, level, makes_private, ref);
}

static void put_in(struct fault *f, struct pt_ref *ref, const struct folio *folio, uint64_t bits)
{
	uint64_t pfn = folio_pfn(f->mm->machine, folio);

	pt_set(ref, ref->entry, pte_make(pfn, bits | PTE_LEAF));
	STEP("inserts a leaf of level %u for %#lx: frames from %lu on", f->walk.level, f->addr,
	     pfn);
	f->out->pte = atomic_load_relaxed(ref->entry);
}

int fault_install_leaf(struct fault *f, unsigned level, struct folio *fresh, uint64_t bits)
{
	unsigned n = slot_pages(level);
	struct pt_ref ref;
	int err = fault_lock_leaf(f, level, true, &ref);

	if (err)
		return err;
	Q_ASSERT(f->mm->machine, folio_pages(fresh) == n);
	rmap_new(fresh, n);
	put_in(f, &ref, fresh, bits);
	rmap_count_large(f->mm, fresh, n);
	pt_unlock(&ref);
	return 0;
}

int fault_map_leaf(struct fault *f, unsigned level, struct folio *cached, uint64_t bits)
{
	unsigned n = slot_pages(level);
	struct pt_ref ref;
	bool first;
	int err = fault_lock_leaf(f, level, false, &ref);

	if (err)
		return err;
	err = folio_map_whole(cached, n, &first);
	if (!err) {
		Q_ASSERT(f->mm->machine, folio_pages(cached) == n);
		if ((bits & PTE_DIRTY) && !folio_test(cached, FOLIO_DIRTY))
			folio_set(cached, FOLIO_DIRTY);
		put_in(f, &ref, cached, bits);
		rmap_count_cached(f->mm, atomic_load_relaxed(&cached->flags), n, first ? n : 0);
	}
	pt_unlock(&ref);
	return err;
}

void fault_drop_huge(struct fault *f)
{
	struct fault_huge *huge = f->huge;

	if (huge->folio)
		huge_claim_abort(f->mm->machine, huge->folio);
	huge->folio = NULL;
	if (huge->lock)
		mutex_unlock(&f->mm->machine->port, huge->lock, RANK_HUGE_FAULT);
	huge->lock = NULL;
}
