/* SPDX-License-Identifier: MIT */
/*
 * mm.h: address spaces as objects, their lock, and lookups in them.
 */
#ifndef CORE_VMA_MM_H
#define CORE_VMA_MM_H

#include "core/base/mm_types.h"
#include "core/file/file.h"

static inline void mm_lock(struct quire_mm *mm)
{
	mutex_lock(&mm->machine->port, &mm->mmap_lock, RANK_MMAP);
}

/* Not in RCU: callbacks of files may be called. */
static inline void mm_unlock(struct quire_mm *mm)
{
	struct quire_file *gone = mm->gone_files;

	if (__builtin_expect(gone != NULL, 0))
		mm->gone_files = NULL;
	mutex_unlock(&mm->machine->port, &mm->mmap_lock, RANK_MMAP);
	if (__builtin_expect(gone != NULL, 0))
		files_end(gone);
}

/* ---- mm.c */
/* quire_mm_create(); -ENOTABLE is one of its errors. */
int mm_create(struct quire_machine *m, const struct quire_mm_options *opts, struct quire_mm **out);
/* After quire_mm_exit(), without a reference. */
void mm_destroy(struct quire_mm *mm);
/* A pool has no huge page for the mm: true, once for *waited, if some may have come back since, or
 * were waited for.  Not in RCU, no lock held. */
bool mm_await_huge(struct quire_mm *mm, bool *waited);

/* ---- vma.c */
/* Contains addr, or NULL.  R or M, as for the next two. */
static inline struct vma *vma_find(struct quire_mm *mm, uint64_t addr)
{
	return rtree_find(&mm->vmas, addr, NULL);
}

/* The first that ends above addr. */
static inline struct vma *vma_next(struct quire_mm *mm, uint64_t addr)
{
	return rtree_next(&mm->vmas, addr, NULL);
}

/* The last that starts below addr. */
static inline struct vma *vma_prev(struct quire_mm *mm, uint64_t addr)
{
	return rtree_prev(&mm->vmas, addr, NULL);
}

/* ---- vma_info.c: what quire_vma_next() tells of a VMA (R or M) */
void vma_fill_info(const struct vma *vma, struct quire_vma_info *out);

/*
 * ---- stack.c: growth on fault.  Takes M.  1: the stack was grown to addr; 0: it was mapped
 * meanwhile; either way look again.  Otherwise -ENOMEM with *reason, which is QUIRE_REASON_NO_VMA
 * if no stack lies above addr: a miss that is confirmed by this call is a hole.
 */
int stack_grow(struct quire_mm *mm, uint64_t addr, enum quire_fault_reason *reason);

#endif
