/* SPDX-License-Identifier: MIT */
/*
 * call.h: what the calls have in common.
 */
#ifndef CORE_CALL_CALL_H
#define CORE_CALL_CALL_H

#include "core/vma/edit.h"
#include "core/table/tlb.h"

/* Top of what 4-level tables span: nothing above, so tables may be freed up to it. */
#define PT_CEILING (1ull << 48)

/* ---- unmap.c */
/* Entries of what a committed edit removed in [start, end); flushes. */
void unmap_entries(struct vma_edit *e, uint64_t start, uint64_t end);
/* Unlinks the tables of [start, end) that no VMA of the published tree needs. */
void free_tables_between(struct mmu_gather *g, uint64_t start, uint64_t end);
/* What edit_cut() of the range will say: 0, or why a VMA that reaches over an end of it cannot be
 * split there.  M held. */
int cut_allowed(struct quire_mm *mm, uint64_t start, uint64_t end);
/* munmap without checks of the arguments.  M held. */
int unmap_locked(struct quire_mm *mm, uint64_t start, uint64_t end);

/* ---- remove.c */
/* MADV_REMOVE.  M not held. */
int mm_remove(struct quire_mm *mm, uint64_t start, uint64_t end);

/* ---- mmap.c */
/* Maps spec's range over whatever is there, limits checked.  M held. */
int map_region(struct quire_mm *mm, const struct vma_spec *spec);

#endif
