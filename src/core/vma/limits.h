/* SPDX-License-Identifier: MIT */
/*
 * limits.h: what an address space may have, and where in it.
 */
#ifndef CORE_VMA_LIMITS_H
#define CORE_VMA_LIMITS_H

#include "core/base/mm_types.h"

/* ---- limits.c */
/* Adds (sign 1) or takes off (-1) a VMA in the mm's totals. */
void mm_account_vma(struct quire_mm *mm, const struct vma *vma, int sign);
/* All that an edit adds and removes: totals, peaks, the request.  By vma->chain. */
void mm_account_edit(struct quire_mm *mm, const struct vma *added, const struct vma *removed);
/* Pages of it that are charged to committed memory. */
static inline uint64_t vma_charged(const struct vma *vma)
{
	return vma->flags & VM_ACCOUNT ? vma_pages(vma) : 0;
}
/* So many pages more were charged at once: granted, not only asked for. */
void mm_note_request(struct quire_mm *mm, int64_t pages);
/* Takes the totals into the peaks. */
void mm_note_peaks(struct quire_mm *mm);
/* RLIMIT_AS and RLIMIT_DATA allow that many pages more (negative: always). */
bool mm_may_expand(struct quire_mm *mm, uint64_t flags, int64_t pages);
/* Whoever makes this call may do that.  Slow: asked only where the answer decides. */
bool mm_privileged(struct quire_mm *mm, enum quire_privilege which);
/* RLIMIT_MEMLOCK, or a privilege, allows that many pages more,
 * if flags say that they are locked. */
bool mm_may_lock(struct quire_mm *mm, uint64_t flags, int64_t pages);
/* The mm may lock memory at all: otherwise -EPERM. */
bool mm_can_lock(struct quire_mm *mm);
/* machine_may_commit(); fewer pages: always. */
bool mm_may_commit(const struct quire_mm *mm, int64_t pages);
/* A private mapping with these flags is charged to committed memory. */
bool flags_accountable(uint64_t flags);

/* ---- charge.c: what an edit changes for accounts (vma_ops.charge).  By vma->chain. */
/* Before the edit is committed: those that get more are charged.  0, or -errno and none is. */
int charge_more(struct vma *added, struct vma *removed);
/* Of a fork's child.  A kind that has `forked` is not asked: its child is promised nothing. */
int charge_forked(struct vma *added);
/* After the commit, with the entries gone: those that have less get it back, and kinds are told
 * what is gone (vma_ops.cut). */
void charge_less(struct vma *added, struct vma *removed);
/* What is removed may give something back that what is added is in want of (vma_ops.cut). */
bool charge_may_return(const struct vma *removed);
/* In place of the commit: takes back what charge_more() has charged. */
void charge_undo(struct vma *added, struct vma *removed);

/* ---- area.c */
/*
 * Where a mapping goes: *addr in: the wish, out: the place.  MAP_FIXED: only checked.  The place is
 * a multiple of page_size; with want_huge of a huge page's size, if len is one and it can be.
 */
int area_find(struct quire_mm *mm, uint64_t *addr, uint64_t len, int flags, uint64_t page_size,
	      bool want_huge);
/* Lowest address that the guard gap of vma claims. */
uint64_t vma_gap_start(const struct vma *vma);

#endif
