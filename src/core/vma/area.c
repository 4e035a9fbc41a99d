/* SPDX-License-Identifier: MIT */
/*
 * area.c: where a mapping goes.
 *
 * mmap(2)'s choice of an address: a hint that is free, else the highest gap
 * below mmap_base, else the lowest one above a third of the address space.  The
 * guard gap below a growing stack counts as taken, except for MAP_FIXED.  Reads
 * the tree under M; owns nothing.
 */
#include "core/vma/limits.h"
#include "core/vma/mm.h"

#define LOW_START 0x40000000ull /* MAP_32BIT: the second GiB, mmap(2) */
#define LOW_END 0x80000000ull
#define HUGE_SIZE (PAGE_SIZE << HUGE_ORDER)

uint64_t vma_gap_start(const struct vma *vma)
{
	uint64_t gap = vma->mm->machine->stack_guard_gap << PAGE_SHIFT;

	if (!(vma->flags & VM_GROWSDOWN))
		return vma->start;
	return vma->start > gap ? vma->start - gap : 0;
}

static bool free_with_gap(struct quire_mm *mm, uint64_t addr, uint64_t len)
{
	struct vma *next = vma_next(mm, addr);

	return !next || addr + len <= vma_gap_start(next);
}

/* The tree knows nothing of guard gaps: step over each one that the gap found runs into. */
static bool search(struct quire_mm *mm, uint64_t lo, uint64_t hi, uint64_t len, uint64_t align,
		   bool topdown, uint64_t *out)
{
	while (lo < hi && rtree_gap(&mm->vmas, lo, hi, len, align, 0, topdown, out)) {
		struct vma *next;

		if (free_with_gap(mm, *out, len))
			return true;
		next = vma_next(mm, *out);
		if (topdown)
			hi = vma_gap_start(next);
		else
			lo = next->end;
	}
	return false;
}

static uint64_t low_limit(const struct quire_mm *mm)
{
	uint64_t min = mm->machine->mmap_min_addr;

	return min > PAGE_SIZE ? PAGE_ALIGN(min) : PAGE_SIZE;
}

static bool search_any(struct quire_mm *mm, uint64_t len, int flags, uint64_t align, uint64_t *out)
{
	uint64_t top = mm->machine->task_size;

	if (flags & QMAP_32BIT)
		return search(mm, LOW_START, LOW_END < top ? LOW_END : top, len, align, false, out);
	if (search(mm, low_limit(mm), mm->mmap_base < top ? mm->mmap_base : top, len, align, true,
		   out))
		return true;
	return search(mm, PAGE_ALIGN(top / 3), top, len, align, false, out);
}

static int check_fixed(struct quire_mm *mm, uint64_t addr, uint64_t len, uint64_t page_size)
{
	if (addr > mm->machine->task_size - len)
		return -QENOMEM;
	if (addr & (page_size - 1))
		return -QEINVAL;
	if (addr < mm->machine->mmap_min_addr && !mm_privileged(mm, QUIRE_MAY_MAP_LOW))
		return -QEPERM;
	return 0;
}

/* A hint is rounded down to its page, and up to where mappings may start and large pages lie. */
static uint64_t round_hint(struct quire_mm *mm, uint64_t hint, uint64_t page_size)
{
	hint &= PAGE_MASK;
	if (hint && hint < mm->machine->mmap_min_addr)
		hint = low_limit(mm);
	return (hint + page_size - 1) & ~(page_size - 1);
}

static bool hint_is_free(struct quire_mm *mm, uint64_t hint, uint64_t len, int flags)
{
	uint64_t top = mm->machine->task_size;

	if ((flags & QMAP_32BIT) && top > LOW_END)
		top = LOW_END;
	return hint && len <= top && hint <= top - len && free_with_gap(mm, hint, len);
}

int area_find(struct quire_mm *mm, uint64_t *addr, uint64_t len, int flags, uint64_t page_size,
	      bool want_huge)
{
	uint64_t hint;

	if (len > mm->machine->task_size)
		return -QENOMEM;
	if (flags & QMAP_FIXED)
		return check_fixed(mm, *addr, len, page_size);
	hint = round_hint(mm, *addr, page_size);
	if (hint_is_free(mm, hint, len, flags)) {
		*addr = hint;
		return 0;
	}
	if (want_huge && !hint && !(len & (HUGE_SIZE - 1)) &&
	    search_any(mm, len, flags, HUGE_SIZE, addr))
		return 0;
	return search_any(mm, len, flags, page_size, addr) ? 0 : -QENOMEM;
}
