/* SPDX-License-Identifier: MIT */
/*
 * stack.c: growth of a MAP_GROWSDOWN mapping by a fault below it.
 *
 * Runs under M, which also makes it the place where a fault's miss is confirmed.
 * The mapping is replaced by a longer one; its entries stay.  Rules, as the host
 * kernel has them: RLIMIT_STACK, RLIMIT_AS and RLIMIT_MEMLOCK hold, and the guard
 * gap to the mapping below stays open unless that one grows too or is PROT_NONE.
 */
#include "core/vma/edit.h"
#include "core/vma/limits.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

static bool keeps_gap(struct quire_mm *mm, uint64_t addr)
{
	struct vma *prev = vma_prev(mm, addr);

	if (!prev || (prev->flags & VM_GROWSDOWN) || !(prev->flags & VM_ACCESS))
		return true;
	return addr - prev->end >= mm->machine->stack_guard_gap << PAGE_SHIFT;
}

static bool within_limits(struct vma *vma, uint64_t addr)
{
	struct quire_mm *mm = vma->mm;
	int64_t pages = (int64_t)((vma->start - addr) >> PAGE_SHIFT);

	vma_touch(vma); /* as on the host, which goes by it then */
	if (vma->end - addr > atomic_load_relaxed(&mm->rlimit[QUIRE_RLIMIT_STACK]))
		return false;
	if ((uint64_t)pages > vma->pgoff)
		return false;
	return mm_may_expand(mm, vma->flags, pages) && mm_may_lock(mm, vma->flags, pages) &&
	       mm_may_commit(mm, pages);
}

static int extend_down(struct vma *vma, uint64_t addr)
{
	struct vma_spec s = vma_spec_of(vma, addr, vma->end);
	struct vma_edit e;

	edit_begin(&e, vma->mm);
	edit_remove(&e, vma);
	edit_add(&e, &s);
	STEP("grows the stack from %#lx to %#lx", vma->start, addr);
	return edit_apply(&e);
}

static int grow_locked(struct quire_mm *mm, uint64_t addr, enum quire_fault_reason *reason)
{
	struct vma *vma = vma_next(mm, addr);

	addr &= PAGE_MASK;
	*reason = QUIRE_REASON_NONE;
	if (RULE(growth_looks_again) && vma && vma->start <= addr)
		return 0;
	if (!vma || !(vma->flags & VM_GROWSDOWN) || addr < mm->machine->mmap_min_addr)
		*reason = QUIRE_REASON_NO_VMA;
	else if (!keeps_gap(mm, addr))
		*reason = QUIRE_REASON_STACK_GAP;
	else if (!within_limits(vma, addr))
		*reason = QUIRE_REASON_STACK_LIMIT;
	else if (extend_down(vma, addr) != 0)
		*reason = QUIRE_REASON_NO_MEMORY;
	if (*reason != QUIRE_REASON_NONE)
		return -QENOMEM;
	mm_count(mm, MM_STACK_GROW, 1);
	return 1;
}

int stack_grow(struct quire_mm *mm, uint64_t addr, enum quire_fault_reason *reason)
{
	int ret;

	if (RULE(stack_grows_locked))
		mm_lock(mm);
	ret = grow_locked(mm, addr, reason);
	if (RULE(stack_grows_locked))
		mm_unlock(mm);
	return ret;
}
