/* SPDX-License-Identifier: MIT */
/*
 * install.c: how a fault that decided without locks comes to write an entry.
 *
 * Guarded by the PTL of the table that holds the entry.
 *
 *   1  An entry is written only if three things hold under the PTL: the VMA is alive, the entry is
 *      what the decision was based on, and the file's cache has lost no page since.  Writers mark
 *      VMAs dead (and truncation moves mapping->seq) before they take the PTL to remove entries.
 *      So either they see the fault's entry or the fault sees their mark.
 *   2  Creating a table and reading the mark must not be reordered.  atomic_fence() lies between
 *      them, as it does on the other side (zap.c, 4).  Taking the PTL is no such fence everywhere.
 *   3  While a fork of the mm goes on, no private page is made or opened for writing, nor made the
 *      mm's own for a pin that reads, for two reasons.  Threads may still write through
 *      translations that fork has not flushed yet: a copy made now could miss a store.  And a page
 *      that came into being behind fork's back could be pointed to by one that fork copies later.
 *      fork sets `forking`, fences, and then takes PTLs.  The fault takes the PTL and then looks at
 *      `forking`; if it is set, the fault waits on M.
 */
#include "core/fault/fault.h"
#include "core/frame/folio.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/table/mapcount.h"
#include "core/vma/vma.h"

static bool still_holds(const struct fault *f, const struct pt_ref *ref)
{
	const struct vma *vma = f->vma;

	if (RULE(vma_dead_check) && vma_is_dead(vma)) {
		STEP("finds VMA %#lx-%#lx dead: backs out", vma->start, vma->end);
		return false;
	}
	if (RULE(entry_recheck) && atomic_load_relaxed(ref->entry) != f->entry) {
		STEP("finds another entry at %#lx: backs out", f->addr);
		return false;
	}
	return !vma->file || !RULE(seq_check) || atomic_load(&vma->file->mapping.seq) == f->seq;
}

static bool access_makes_private(const struct fault *f)
{
	return f->access == QUIRE_WRITE || (RULE(unshare_waits) && f->unshare);
}

/* The other way round, for the checker: asked first, and then touched. */
static inline void touch_late(const struct fault *f, bool makes_private)
{
	if (!RULE(touched_before_asked) && makes_private && !(f->vma->flags & VM_MAYSHARE))
		vma_take_identity(f->vma);
}

/* Invariant 3. */
static inline bool must_wait_for_fork(struct fault *f, bool makes_private)
{
	if (!RULE(fork_waits) || likely(!atomic_load(&f->mm->forking)) || f->locked ||
	    !makes_private || (f->vma->flags & VM_MAYSHARE))
		return false;
	STEP("finds a fork going on: will wait for it");
	f->again = AGAIN_CONFIRM;
	return true;
}

static inline int lock_at(struct fault *f, unsigned level, bool makes_private, struct pt_ref *ref)
{
	int err = pt_lock_found(f->mm, f->vma, f->addr, level, &f->walk, ref);

	if (unlikely(err))
		return err;
	if (likely(still_holds(f, ref)) && !must_wait_for_fork(f, makes_private)) {
		touch_late(f, makes_private);
		return 0;
	}
	pt_unlock(ref);
	return -QEAGAIN;
}

int fault_lock_at(struct fault *f, unsigned level, bool makes_private, struct pt_ref *ref)
{
	return lock_at(f, level, makes_private, ref);
}

int fault_lock(struct fault *f, struct pt_ref *ref)
{
	/* Of an entry of a higher level the table is there, or the entry has gone. */
	unsigned level = unlikely(f->walk.level) && !entry_none(f->entry) ? f->walk.level : 0;

	return lock_at(f, level, access_makes_private(f), ref);
}

uint64_t fault_private_bits(const struct fault *f)
{
	return vma_pte_bits(f->vma) | PTE_WRITE | PTE_WRITTEN | PTE_ACCESSED;
}

int fault_install(struct fault *f, struct folio *const *fresh, unsigned *n)
{
	const struct quire_machine *m = f->mm->machine;
	uint64_t bits = fault_private_bits(f);
	struct pt_ref ref;
	int err = fault_lock(f, &ref);
	unsigned i = 0;

	if (unlikely(err))
		return err;
	do {
		rmap_new(fresh[i], 1);
		pt_set(&ref, pt_nth(ref.entry, i), pte_make(folio_pfn(m, fresh[i]), bits));
		STEP("inserts entry for %#lx: frame %u", (unsigned long)(f->addr + i * PAGE_SIZE),
		     folio_pfn(m, fresh[i]));
	} while (++i < *n &&
		 (!RULE(run_asks_each) || entry_none(atomic_load_relaxed(pt_nth(ref.entry, i)))));
	rmap_count_new(f->mm, i);
	f->out->pte = atomic_load_relaxed(ref.entry);
	pt_unlock(&ref);
	*n = i;
	return 0;
}

enum quire_fault_result fault_install_one(struct fault *f, struct folio *fresh,
					  enum quire_fault_kind kind)
{
	unsigned n = 1;
	int err = fault_install(f, &fresh, &n);

	if (likely(!err))
		return fault_done(f, kind);
	folio_put(f->mm->machine, fresh);
	return fault_lost(f, err);
}
