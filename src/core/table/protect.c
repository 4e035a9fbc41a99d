/* SPDX-License-Identifier: MIT */
/*
 * protect.c: rewrites entries to the rights of a new VMA (mprotect).
 *
 * Owns nothing.  Under M and each table's PTL.
 *
 * Invariants:
 *   1  An entry never gets a right that its VMA lacks.  It gets the write bit only if a write needs
 *      nothing else.  That is so in three cases: the page is this mm's alone (anonymous, exclusive,
 *      and not a copy that waits for the flush of what it replaced: cow.c, 3); the page is shared
 *      and already noted as dirty; or it is of a kind whose writes need not be noted.
 *   2  An address is flushed if and only if its entry lost a right, or is that of a page that is
 *      being moved (entry.h, 4): a right gained is found by the fault.
 */
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/range.h"
#include "core/table/tlb.h"

uint64_t vma_pte_bits(const struct vma *vma)
{
	uint64_t bits = QUIRE_PTE_PRESENT;

	if (vma->flags & VM_ACCESS)
		bits |= QUIRE_PTE_USER;
	if (!(vma->flags & VM_EXEC))
		bits |= QUIRE_PTE_NX;
	if (vma->flags & VM_MAYSHARE)
		bits |= QUIRE_PTE_SHARED;
	if ((vma->flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE) &&
	    vma->ops->writable_at_once)
		bits |= QUIRE_PTE_WRITE;
	return bits;
}

/* A write to this page of a writable VMA needs no fault of its own (invariant 1). */
static bool may_write(const struct vma *vma, pte_t e)
{
	const struct quire_machine *m = vma->mm->machine;
	uint32_t flags;

	if (e & QUIRE_PTE_UFFD_WP)
		return false;
	if (vma->flags & VM_MAYSHARE)
		return (e & PTE_DIRTY) != 0;
	if (!entry_has_folio(m, e))
		return false;
	flags = atomic_load(&entry_folio(m, e)->flags);
	if (RULE(mprotect_waits_for_copy) && (flags & FOLIO_LOCKED))
		return false;
	return (flags & FOLIO_EXCLUSIVE) != 0;
}

static pte_t new_entry(const struct vma *vma, uint64_t bits, pte_t e)
{
	pte_t val = (e & PTE_KEPT_BITS) | bits;

	if ((vma->flags & VM_WRITE) && may_write(vma, e))
		val |= PTE_WRITE;
	return val;
}

/* NX counts the other way round. */
static bool loses_right(pte_t old, pte_t val)
{
	return ((old & ~val) & (PTE_WRITE | PTE_USER)) || (~old & val & PTE_NX);
}

/* What comes back is not asked for its VMA's rights. */
static pte_t new_migration(const struct vma *vma, uint64_t bits, pte_t e)
{
	pte_t was = migration_back(e, migration_frame(e));
	pte_t val = (was & PTE_KEPT_BITS) | bits;

	if (vma->flags & VM_WRITE)
		val |= was & PTE_WRITE;
	return migration_of(val, migration_is_exclusive(vma->mm->machine, e));
}

/* Its translation may be cached, with all the rights that it had. */
static void protect_migration(struct mmu_gather *g, const struct vma *vma, uint64_t bits,
			      const struct pt_cursor *c, pte_t e)
{
	if (RULE(migration_keeps_rights))
		atomic_store(c->entry, new_migration(vma, bits, e));
	if (RULE(flush_migration))
		tlb_range(g, c->addr, c->addr + c->step, pt_pages(c));
}

/* What is not PRESENT. */
static __attribute__((noinline)) void protect_absent(struct mmu_gather *g, const struct vma *vma,
						     uint64_t bits, const struct pt_cursor *c,
						     pte_t e)
{
	switch (entry_kind_absent(e)) {
	case ENTRY_MIGRATION:
		protect_migration(g, vma, bits, c, e);
		return;
	case ENTRY_NONE:
	case ENTRY_SWAP:
	case ENTRY_MARKER:
		return;
	case ENTRY_ZERO:
	case ENTRY_ANON:
	case ENTRY_CACHE:
	case ENTRY_EXTERNAL:
	case ENTRY_UNKNOWN:
		break;
	}
	entry_unknown(vma->mm->machine);
}

/* Addresses side by side whose entries have lost rights; none: start == end. */
struct lost {
	uint64_t start, end;
};

static void flush_lost(struct mmu_gather *g, const struct lost *l)
{
	tlb_range(g, l->start, l->end, (unsigned)((l->end - l->start) >> PAGE_SHIFT));
}

static inline void note_lost(struct mmu_gather *g, struct lost *l, uint64_t addr, uint64_t bytes)
{
	if (addr != l->end) {
		flush_lost(g, l);
		l->start = addr;
	}
	l->end = addr + bytes;
}

static inline void protect_entry(struct mmu_gather *g, const struct vma *vma, uint64_t bits,
				 const struct pt_cursor *c, struct lost *lost)
{
	pte_t e = atomic_load_relaxed(c->entry), val;

	if (entry_none(e))
		return;
	if (unlikely(!pte_present(e))) {
		protect_absent(g, vma, bits, c, e);
		return;
	}
	val = new_entry(vma, bits, e);
	if (val == e)
		return;
	Q_ASSERT(vma->mm->machine, pt_is_whole(c));
	atomic_store(c->entry, val);
	STEP(loses_right(e, val) ? "takes rights from the entry of %#lx"
				 : "adds rights to the entry of %#lx",
	     c->addr);
	if (RULE(flush_lost_rights) && loses_right(e, val))
		note_lost(g, lost, c->addr, c->step);
}

void protect_entries(struct mmu_gather *g, struct vma *vma, uint64_t start, uint64_t end)
{
	uint64_t bits = vma_pte_bits(vma);
	struct lost lost = {0};
	struct pt_cursor c;

	atomic_fence(); /* a fault with the old VMA sees it dead, or makes its table in our sight */
	pt_cursor_begin(&c, vma->mm, start, end);
	while (pt_next_piece(&c))
		pt_for_each_entry (&c)
			protect_entry(g, vma, bits, &c, &lost);
	flush_lost(g, &lost);
}
