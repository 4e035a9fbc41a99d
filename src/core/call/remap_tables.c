/* SPDX-License-Identifier: MIT */
/*
 * remap_tables.c: the tables that an mremap needs, before it takes anything away.
 *
 * What lies at the target goes before the mapping comes.  So does a tail that is cut off, and
 * several mappings go one after the other.  A want of a table in between could not be undone, and
 * could not be waited for.  So the tables are made ahead.  Tables that are there already are kept
 * while what they are there for is unmapped (FOLIO_KEPT). All under M; owns nothing.
 *
 *   1  Where this fails nothing has changed: another attempt may follow.
 *   2  A table that a fault brings to the source from now on is not among them.  If there is no
 *      memory for its counterpart, the error stands, as on Linux.
 *   3  Empty ones go at the end, also where the mapping that was to be replaced lives on.  A fault
 *      there that had found one notices under the PTL (pagetable.h, 5).
 */
#include "core/call/call.h"
#include "core/call/remap.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/table/tlb.h"
#include "core/vma/mm.h"

/* What moves: no more of it than has room at the target. */
static uint64_t moved_bytes(const struct remap *r)
{
	return min_u64(r->old_len, r->new_len);
}

static bool unmaps_before_it_moves(const struct remap *r)
{
	const struct vma *there = vma_next(r->mm, r->new_addr);
	const struct vma *first = vma_find(r->mm, r->addr);

	return (there && there->start < r->new_addr + r->new_len) || r->old_len > r->new_len ||
	       (first && first->end < r->addr + r->old_len);
}

static int keep_of_all(const struct remap *r)
{
	uint64_t end = r->addr + moved_bytes(r), addr = r->addr;
	struct vma *vma;
	int err = 0;

	while (!err && (vma = vma_next(r->mm, addr)) && vma->start < end) {
		uint64_t from = vma->start > addr ? vma->start : addr;

		addr = vma->end;
		err = keep_tables(r->mm, r->new_addr + (from - r->addr), from,
				  min_u64(addr, end) - from);
	}
	return err;
}

/* Those of the target that were made, or kept, for nothing.  What is mapped there may live: 3. */
static void free_unneeded(const struct remap *r)
{
	struct mmu_gather g;

	if (!RULE(unneeded_tables_go))
		return;
	tlb_begin(&g, r->mm);
	pt_free_range(&g, r->new_addr, r->new_addr + r->new_len, 0, PT_CEILING);
	tlb_finish(&g);
}

int remap_keep_tables(struct remap *r)
{
	if (!(r->flags & QMREMAP_FIXED) || !unmaps_before_it_moves(r) || !RULE(target_tables_kept))
		return 0;
	r->kept = true;
	return keep_of_all(r);
}

void remap_release_tables(const struct remap *r)
{
	if (!r->kept)
		return;
	release_kept_tables(r->mm, r->new_addr, r->new_len);
	free_unneeded(r);
}
