/* SPDX-License-Identifier: MIT */
/*
 * mlock.c: mlock(2), mlock2(2), munlock(2), mlockall(2), munlockall(2).
 *
 * Locking is a flag of the VMA, changed by edits under M, and the pages faulted
 * in after M is dropped.  Nothing is ever swapped out here, so the flag matters
 * to the limits, to madvise and msync, and to what smaps and VmLck show.
 * mm->def_flags (M) is what mlockall(MCL_FUTURE) gives to mappings to come.
 */
#include "core/fault/populate.h"
#include "core/vma/edit.h"
#include "core/vma/limits.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

static int lock_one(struct vma *vma, uint64_t start, uint64_t end, uint64_t lock_flags)
{
	uint64_t flags = (vma->flags & ~VM_LOCK_MASK) | lock_flags;
	struct vma_edit e;
	struct vma *now;
	int err;

	if (flags == vma->flags || (vma->flags & VM_DROPPABLE) || vma->ops->page_shift)
		return 0;
	err = vma_change_flags(&e, vma, start, end, flags, &now);
	if (!err)
		edit_finish(&e);
	return err;
}

/* Stops at a hole with -ENOMEM; what comes before it stays changed, as mlock(2) says. */
static int lock_range(struct quire_mm *mm, uint64_t start, uint64_t end, uint64_t lock_flags)
{
	while (start < end) {
		struct vma *vma = vma_find(mm, start);
		uint64_t to;
		int err;

		if (!vma)
			return -QENOMEM;
		to = vma->end < end ? vma->end : end;
		err = lock_one(vma, start, to, lock_flags);
		if (err)
			return err;
		start = to;
	}
	return 0;
}

static int64_t pages_locked_in(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	struct rtree_range r;
	struct vma *vma;
	int64_t pages = 0;

	rtree_for_each (&mm->vmas, start, end, r, vma) {
		uint64_t from = r.start > start ? r.start : start;
		uint64_t to = r.end < end ? r.end : end;

		if (vma->flags & VM_LOCKED)
			pages += (int64_t)((to - from) >> PAGE_SHIFT);
	}
	return pages;
}

/* The limit is looked at first, also of a range that there cannot be. */
static int mlock_locked(struct quire_mm *mm, uint64_t start, uint64_t end, uint64_t lock_flags)
{
	int64_t pages = (int64_t)((end - start) >> PAGE_SHIFT);
	uint64_t known = end < start ? PAGE_MASK : end;

	if (!mm_may_lock(mm, VM_LOCKED, pages) &&
	    !mm_may_lock(mm, VM_LOCKED, pages - pages_locked_in(mm, start, known)))
		return -QENOMEM;
	return end < start ? -QEINVAL : lock_range(mm, start, end, lock_flags);
}

/* The whole pages that [addr, addr+len) touches. */
static int page_range(uint64_t addr, uint64_t len, uint64_t *start, uint64_t *end)
{
	*start = addr & PAGE_MASK;
	*end = *start + PAGE_ALIGN(len + (addr & ~PAGE_MASK));
	return *end < *start ? -QEINVAL : 0;
}

int quire_mlock(struct quire_mm *mm, uint64_t addr, uint64_t len, int flags)
{
	uint64_t start, end, lock_flags = VM_LOCKED;
	int err;

	if (flags & ~QMLOCK_ONFAULT)
		return -QEINVAL;
	if (flags & QMLOCK_ONFAULT)
		lock_flags |= VM_LOCKONFAULT;
	if (!mm_can_lock(mm))
		return -QEPERM;
	page_range(addr, len, &start, &end);
	mm_lock(mm);
	err = mlock_locked(mm, start, end, lock_flags);
	mm_unlock(mm);
	return err ? err : mm_populate_locked(mm, start, end);
}

int quire_munlock(struct quire_mm *mm, uint64_t addr, uint64_t len)
{
	uint64_t start, end;
	int err = page_range(addr, len, &start, &end);

	if (err || start == end)
		return err;
	mm_lock(mm);
	err = lock_range(mm, start, end, 0);
	mm_unlock(mm);
	return err;
}

/* What cannot be changed for want of memory stays as it is: mlockall(2) does not report it. */
static void lock_everything(struct quire_mm *mm, uint64_t lock_flags)
{
	struct vma *vma;

	for (uint64_t a = 0; (vma = vma_next(mm, a)) != NULL;) {
		a = vma->end;
		lock_one(vma, vma->start, vma->end, lock_flags);
	}
}

static int mlockall_locked(struct quire_mm *mm, int flags)
{
	uint64_t lock_flags = VM_LOCKED | (flags & QMCL_ONFAULT ? VM_LOCKONFAULT : 0);
	int64_t to_lock = (int64_t)(mm->total_vm - mm->locked_vm);

	if ((flags & QMCL_CURRENT) && !mm_may_lock(mm, VM_LOCKED, to_lock))
		return -QENOMEM;
	mm->def_flags &= ~VM_LOCK_MASK;
	if (flags & QMCL_FUTURE)
		mm->def_flags |= lock_flags;
	if (flags & QMCL_CURRENT)
		lock_everything(mm, lock_flags);
	return 0;
}

int quire_mlockall(struct quire_mm *mm, int flags)
{
	int err;

	if (!flags || flags == QMCL_ONFAULT ||
	    (flags & ~(QMCL_CURRENT | QMCL_FUTURE | QMCL_ONFAULT)))
		return -QEINVAL;
	if (!mm_can_lock(mm))
		return -QEPERM;
	mm_lock(mm);
	err = mlockall_locked(mm, flags);
	mm_unlock(mm);
	if (!err && (flags & QMCL_CURRENT))
		mm_populate_all(mm);
	return err;
}

int quire_munlockall(struct quire_mm *mm)
{
	mm_lock(mm);
	mm->def_flags &= ~VM_LOCK_MASK;
	lock_everything(mm, 0);
	mm_unlock(mm);
	return 0;
}
