/* SPDX-License-Identifier: MIT */
/*
 * mprotect.c: mprotect(2).
 *
 * Goes from mapping to mapping and stops at the first that refuses: what comes
 * before it stays changed, as mprotect(2) warns.  Each mapping is an edit of its
 * own; one flush ends the call.  All under M, which does not keep faults out.
 */
#include "core/fault/populate.h"
#include "core/table/range.h"
#include "core/table/tlb.h"
#include "core/vma/edit.h"
#include "core/vma/limits.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

#define PROT_SEM 8 /* accepted and without effect */
#define PROT_GROWS (QPROT_GROWSDOWN | QPROT_GROWSUP)

#define MISSING_RANGES 8

/* Where mlocked pages may be written to for the first time. */
struct missing {
	uint64_t start, end;
};

struct protect {
	struct mmu_gather gather;
	int prot;
	unsigned nr_missing;
	struct missing missing[MISSING_RANGES]; /* ascending */
};

static bool becomes_accounted(const struct vma *vma, uint64_t new)
{
	return (new &VM_WRITE) && !vma->ops->charge &&
	       !(vma->flags & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE));
}

/*
 * Memory that nobody has touched need not be charged for while it cannot be written to.  No fault
 * may touch it between the question and the change: the VMA is dead from here on.
 */
static bool loses_account(struct vma_edit *e, struct vma *vma, uint64_t new)
{
	if ((new &VM_WRITE) || !(vma->flags & VM_ACCOUNT) || !vma->ops->unbacked)
		return false;
	return !edit_ask(e, vma);
}

static int charge(struct vma_edit *e, struct vma *vma, uint64_t start, uint64_t end,
		  uint64_t *flags)
{
	int64_t pages = (int64_t)((end - start) >> PAGE_SHIFT);

	if ((*flags & VM_WRITE) && !mm_may_expand(vma->mm, *flags, pages) &&
	    mm_may_expand(vma->mm, vma->flags, pages))
		return -QENOMEM;
	if (becomes_accounted(vma, *flags)) {
		if (!mm_may_commit(vma->mm, pages))
			return -QENOMEM;
		*flags |= VM_ACCOUNT;
	} else if (loses_account(e, vma, *flags)) {
		*flags &= ~VM_ACCOUNT;
	}
	return 0;
}

/* Pages of a private mapping that mlock could not fault in for writing. */
static bool locked_pages_missing(const struct vma *vma, uint64_t new)
{
	return (vma->flags & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED && (new &VM_WRITE);
}

/* Out of ranges: the last one grows over the gap. */
static void note_missing(struct protect *p, uint64_t start, uint64_t end)
{
	struct missing *last = &p->missing[p->nr_missing ? p->nr_missing - 1 : 0];

	if (p->nr_missing && (last->end == start || p->nr_missing == MISSING_RANGES))
		last->end = end;
	else
		p->missing[p->nr_missing++] = (struct missing){start, end};
}

static int protect_one(struct protect *p, struct vma *vma, uint64_t start, uint64_t end)
{
	uint64_t flags = (vma->flags & ~VM_ACCESS) | prot_to_flags(p->prot);
	struct vma_edit e;
	struct vma *now;
	bool missing;
	int err;

	/* VM_MAYx stands four bits above VM_x. */
	if (flags & ~(flags >> 4) & VM_ACCESS)
		return -QEACCES;
	if (flags == vma->flags)
		return 0;
	missing = locked_pages_missing(vma, flags);
	edit_begin(&e, vma->mm);
	err = charge(&e, vma, start, end, &flags);
	if (err)
		edit_abort(&e);
	else
		err = edit_change_flags(&e, vma, start, end, flags, &now);
	if (err)
		return err;
	if (missing)
		note_missing(p, start, end);
	protect_entries(&p->gather, now, start, end);
	edit_finish(&e);
	return 0;
}

static int protect_range(struct protect *p, uint64_t start, uint64_t end)
{
	while (start < end) {
		struct vma *vma = vma_find(p->gather.mm, start);
		uint64_t to;
		int err;

		if (!vma)
			return -QENOMEM;
		to = vma->end < end ? vma->end : end;
		err = protect_one(p, vma, start, to);
		if (err)
			return err;
		start = to;
	}
	return 0;
}

/* PROT_GROWSDOWN: from where the growing mapping that ends the range begins. */
static int grow_start(struct quire_mm *mm, uint64_t *start, uint64_t end)
{
	struct vma *vma = vma_next(mm, *start);

	if (!vma || vma->start >= end)
		return -QENOMEM;
	*start = vma->start;
	return vma->flags & VM_GROWSDOWN ? 0 : -QEINVAL;
}

static int protect_locked(struct quire_mm *mm, struct protect *p, uint64_t start, uint64_t end)
{
	int err = 0;

	if (p->prot & QPROT_GROWSDOWN)
		err = grow_start(mm, &start, end);
	else if (p->prot & QPROT_GROWSUP) /* nothing grows upwards on x86-64 */
		err = vma_find(mm, start) ? -QEINVAL : -QENOMEM;
	if (err)
		return err;
	tlb_begin(&p->gather, mm);
	err = protect_range(p, start, end);
	tlb_finish(&p->gather);
	return err;
}

int quire_mprotect(struct quire_mm *mm, uint64_t addr, uint64_t len, int prot)
{
	struct protect p; /* the gather is large, and begun under M */
	uint64_t end = addr + PAGE_ALIGN(len);
	int err;

	if ((prot & PROT_GROWS) == PROT_GROWS || (addr & ~PAGE_MASK))
		return -QEINVAL;
	if (!len)
		return 0;
	if (end <= addr)
		return -QENOMEM;
	if (prot & ~(QPROT_READ | QPROT_WRITE | QPROT_EXEC | PROT_SEM | PROT_GROWS))
		return -QEINVAL;
	p.prot = prot;
	p.nr_missing = 0;
	mm_lock(mm);
	err = protect_locked(mm, &p, addr, end);
	mm_unlock(mm);
	for (unsigned i = 0; i < p.nr_missing; i++)
		mm_populate_held(mm, p.missing[i].start, p.missing[i].end);
	return err;
}
