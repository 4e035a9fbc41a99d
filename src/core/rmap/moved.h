/* SPDX-License-Identifier: MIT */
/*
 * moved.h: where mremap has moved the private pages of an address space.
 *
 *   1  A private page is looked for at its index, which is that of its VMA (vma_anon_index()), and
 *      in each moved range that has the index.  A VMA whose pages lie elsewhere than their index
 *      says has a range that covers all of it, from before it can have an entry until its last one
 *      is gone and flushed.
 *   2  VMAs that one was split or copied into share its range; one that has grown gets another.  So
 *      mprotect and munmap of a part cost nothing, and ranges may overlap.
 */
#ifndef CORE_RMAP_MOVED_H
#define CORE_RMAP_MOVED_H

#include "core/base/mm_types.h"

struct moved_range {
	struct itree_node node; /* N: of root->moved: the indexes */
	int64_t delta;          /* C: vma->anon_delta: the index of a page, less its address */
	uint32_t refs;          /* M: the VMAs that have it */
};

/*
 * The range for `pages` from page number `first` of the address space on, which have that delta:
 * `old`, if that covers them, or a new one.  NULL: no memory.  M; takes N.
 */
struct moved_range *moved_range_get(struct quire_mm *mm, struct moved_range *old, uint64_t first,
				    uint64_t pages, int64_t delta);
/* The VMA's entries are gone and flushed, or another's.  M; takes N. */
void moved_range_put(struct quire_mm *mm, struct moved_range *range);

/*
 * N held: goes through the ranges that have one of the indexes; NULL: no more.  Ranges may overlap,
 * so that an address can come twice.
 */
struct moved_range *moved_first(const struct anon_root *root, uint64_t first, uint64_t last);
struct moved_range *moved_next(struct moved_range *range, uint64_t first, uint64_t last);

/* A page of that index is looked for at page `place`.  The machine is at rest. */
bool moved_leads_to(const struct anon_root *root, uint64_t index, uint64_t place);

#endif
