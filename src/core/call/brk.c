/* SPDX-License-Identifier: MIT */
/*
 * brk.c: brk(2) as the system call does it: the resulting break is the answer,
 * and the old one says that the wish was refused.
 *
 * mm->start_brk, mm->brk and mm->data_bytes are guarded by M.  The heap is ordinary anonymous
 * memory; the break need not be page-aligned.
 */
#include "core/call/call.h"
#include "core/fault/populate.h"
#include "core/vma/limits.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

static bool data_limit_allows(struct quire_mm *mm, uint64_t brk)
{
	uint64_t limit = atomic_load_relaxed(&mm->rlimit[QUIRE_RLIMIT_DATA]);

	return mm->data_bytes <= limit && brk - mm->start_brk <= limit - mm->data_bytes;
}

/* A page stays free between the heap and what is above it. */
static bool room_above(struct quire_mm *mm, uint64_t from, uint64_t to)
{
	struct vma *next = vma_next(mm, from);

	if (to > mm->machine->task_size || from < mm->machine->mmap_min_addr)
		return false;
	return !next || to + PAGE_SIZE <= vma_gap_start(next);
}

static bool grow_heap(struct quire_mm *mm, uint64_t from, uint64_t to)
{
	struct vma_spec s = {.start = from, .end = to, .pgoff = from >> PAGE_SHIFT};

	s.flags =
	    VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT | mm->def_flags;
	if (!room_above(mm, from, to) || rtree_count(&mm->vmas) > mm->machine->max_map_count)
		return false;
	if (!mm_may_lock(mm, s.flags, (int64_t)((to - from) >> PAGE_SHIFT)))
		return false;
	return map_region(mm, &s) == 0;
}

/* False also where the heap is gone from under the break. */
static bool shrink_heap(struct quire_mm *mm, uint64_t from, uint64_t to)
{
	struct vma *first = vma_next(mm, to);

	return first && first->start < from && unmap_locked(mm, to, from) == 0;
}

static bool move_break(struct quire_mm *mm, uint64_t brk)
{
	uint64_t from = PAGE_ALIGN(mm->brk), to = PAGE_ALIGN(brk);

	if (mm->exited || brk < mm->start_brk || to < brk || !data_limit_allows(mm, brk))
		return false;
	if (to < from && !shrink_heap(mm, from, to))
		return false;
	if (to > from && !grow_heap(mm, from, to))
		return false;
	atomic_store_relaxed(&mm->brk, brk);
	return true;
}

uint64_t quire_brk(struct quire_mm *mm, uint64_t brk)
{
	uint64_t from, to;
	bool populate;

	mm_lock(mm);
	from = PAGE_ALIGN(mm->brk);
	populate = move_break(mm, brk) && (mm->def_flags & VM_LOCKED);
	brk = mm->brk;
	to = PAGE_ALIGN(brk);
	mm_unlock(mm);
	if (populate && to > from)
		mm_populate_locked(mm, from, to);
	return brk;
}

void quire_mm_set_data(struct quire_mm *mm, uint64_t bytes)
{
	mm_lock(mm);
	mm->data_bytes = bytes;
	mm_unlock(mm);
}

void quire_mm_set_brk(struct quire_mm *mm, uint64_t start_brk)
{
	mm_lock(mm);
	atomic_store_relaxed(&mm->start_brk, start_brk);
	atomic_store_relaxed(&mm->brk, start_brk);
	mm_unlock(mm);
}
