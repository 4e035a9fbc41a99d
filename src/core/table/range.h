/* SPDX-License-Identifier: MIT */
/*
 * range.h: what can be done to the entries of a range: zap, protect, copy, move, look.
 *
 * All hold M of the mm unless their comment says otherwise, and take each table's PTL in turn.
 */
#ifndef CORE_TABLE_RANGE_H
#define CORE_TABLE_RANGE_H

#include "core/table/pagetable.h"
#include "core/table/tlb.h"

/* Markers of a range that is not to be used outlive its pages (MADV_DONTNEED), or do not. */
enum zap_markers { ZAP_KEEP_MARKERS, ZAP_MARKERS };

/*
 * zap.c.  Removes every entry of [start, end): drops rss, mapcounts and references through the
 * gather.  `vma` is (or was: it may be dead) the VMA of the range.  Safe against concurrent
 * faults.
 */
void zap_range(struct mmu_gather *g, struct vma *vma, uint64_t start, uint64_t end,
	       enum zap_markers markers);
/* Removes the entries of file pages [first, last]; private copies only if even_cow (truncate).
 * Called under I, which keeps the VMA; alive or dead. */
void zap_file_range(struct mmu_gather *g, struct vma *vma, uint64_t first_pgoff,
		    uint64_t last_pgoff, bool even_cow);
/* MADV_FREE: anonymous pages become clean and lazily freeable. */
void lazyfree_range(struct mmu_gather *g, struct vma *vma, uint64_t start, uint64_t end);

/* protect.c. Page protection bits of an entry of this VMA, without its frame: PRESENT|USER|NX...
 * and WRITE if a shared writable VMA may have it at once.  A PROT_NONE VMA's have PRESENT without
 * USER: the page stays mapped and counted, and no executor may use it. */
uint64_t vma_pte_bits(const struct vma *vma);
/* Rewrites the permissions of present entries to what `vma` (the new one) allows;
 * never adds the write bit to what must be copied or noted first. */
void protect_entries(struct mmu_gather *g, struct vma *vma, uint64_t start, uint64_t end);

/* copy.c: fork.  Copies src's entries into dst (new, without users, same range); anonymous
 * entries become read-only in both; the gather is of the parent.  0, -ENOTABLE or -ENOPAGE (dst
 * keeps what it has: the caller tears the child down).  Both M held. */
int copy_entries(struct mmu_gather *g, struct vma *dst, struct vma *src);

/*
 * move.c: mremap.  Moves entries from [old, old+len) to [new, new+len), both of `file` or of
 * anonymous memory (NULL).  Returns bytes moved; less than len: no memory for a table.
 * Preconditions: M held; the source's VMA is dead, so that no fault inserts behind the move; the
 * destination's is not in the tree yet, and nothing is mapped there.  What was moved has been
 * flushed on return.
 */
uint64_t move_entries(struct mmu_gather *g, struct quire_file *file, uint64_t new_addr,
		      uint64_t old_addr, uint64_t len);

/*
 * Makes the tables that this needs, if no fault brings another one to the source, and keeps them
 * until release_kept_tables() for the same destination.  0 or -ENOTABLE.  M held.
 */
int keep_tables(struct quire_mm *mm, uint64_t new_addr, uint64_t old_addr, uint64_t len);
void release_kept_tables(struct quire_mm *mm, uint64_t new_addr, uint64_t len);

#endif
