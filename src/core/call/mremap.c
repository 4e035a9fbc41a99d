/* SPDX-License-Identifier: MIT */
/*
 * mremap.c: mremap(2): what is asked, whether it is allowed, which way it goes.
 *
 *     same length, no new address     nothing
 *     shorter                         unmap the tail
 *     longer, room behind it          extend in place
 *     else, MAYMOVE                   move (remap_move.c) to a place of our choice
 *     FIXED, DONTUNMAP                move to the place given
 *
 * FIXED with equal lengths may span several mappings: each is moved, the gaps
 * between them stay.  All under M; owns nothing.
 *
 * Where memory is out, another attempt is made only if the failed one has changed nothing, which
 * remap_tables.c sees to.  One that has unmapped the target, or moved a mapping, has let go of M
 * since: others may have mapped something there, which a second attempt would unmap.
 */
#include "core/call/call.h"
#include "core/call/remap.h"
#include "core/fault/populate.h"
#include "core/frame/reclaim.h"
#include "core/vma/edit.h"
#include "core/vma/limits.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

static bool names_address(const struct remap *r)
{
	return (r->flags & (QMREMAP_FIXED | QMREMAP_DONTUNMAP)) != 0;
}

static bool overlaps(const struct remap *r)
{
	return r->addr < r->new_addr + r->new_len && r->new_addr < r->addr + r->old_len;
}

static int check_new_address(const struct remap *r)
{
	if (r->new_addr > r->mm->machine->task_size - r->new_len || (r->new_addr & ~PAGE_MASK))
		return -QEINVAL;
	if (!(r->flags & QMREMAP_MAYMOVE))
		return -QEINVAL;
	if ((r->flags & QMREMAP_DONTUNMAP) && r->old_len != r->new_len)
		return -QEINVAL;
	return overlaps(r) ? -QEINVAL : 0;
}

static int check_arguments(const struct remap *r)
{
	if (r->flags & ~(QMREMAP_FIXED | QMREMAP_MAYMOVE | QMREMAP_DONTUNMAP))
		return -QEINVAL;
	if ((r->addr & ~PAGE_MASK) || !r->new_len || r->new_len > r->mm->machine->task_size)
		return -QEINVAL;
	return names_address(r) ? check_new_address(r) : 0;
}

/* A move may split twice at either end; the host refuses it this close to the limit. */
static bool room_in_map_count(struct quire_mm *mm, uint64_t extra)
{
	return rtree_count(&mm->vmas) + extra + 3 < mm->machine->max_map_count;
}

static int growth_allowed(const struct remap *r)
{
	const struct vma *vma = r->vma;
	int64_t pages = (int64_t)((r->new_len - r->old_len) >> PAGE_SHIFT);
	uint64_t pgoff = vma_pgoff(vma, r->addr);

	if (pgoff + (r->new_len >> PAGE_SHIFT) < pgoff)
		return -QEINVAL;
	if (!mm_may_lock(r->mm, vma->flags, pages))
		return -QEAGAIN;
	return mm_may_expand(r->mm, vma->flags, pages) ? 0 : -QENOMEM;
}

static int check_mapping(const struct remap *r)
{
	const struct vma *vma = r->vma;
	/* A tail that goes anyway may lie in other mappings. */
	uint64_t kept = r->old_len < r->new_len ? r->old_len : r->new_len;
	int err;

	if (!r->old_len && !(vma->flags & VM_MAYSHARE))
		return -QEINVAL;
	if ((r->flags & QMREMAP_DONTUNMAP) && (vma->flags & VM_DONTEXPAND))
		return -QEINVAL;
	if (names_address(r) && (r->new_addr & (ops_page_size(vma->ops) - 1)))
		return -QEINVAL;
	err = vma->ops->may_move ? vma->ops->may_move(vma, r->old_len, r->new_len) : 0;
	if (err)
		return err;
	if (kept > vma->end - r->addr)
		return -QEFAULT;
	if (r->new_len > r->old_len)
		err = growth_allowed(r);
	return err;
}

/* Lengths are of whole pages, as large as the mapping's are. */
static int find_source(struct remap *r)
{
	uint64_t in_page;

	r->vma = vma_find(r->mm, r->addr);
	if (!r->vma)
		return -QEFAULT;
	in_page = ops_page_size(r->vma->ops) - 1;
	if (r->addr & in_page)
		return -QEINVAL;
	r->old_len = (r->old_len + in_page) & ~in_page;
	r->new_len = (r->new_len + in_page) & ~in_page;
	return 0;
}

/* What is to be cut, of the source or at the target, will not be found to refuse it later. */
static int check_borders(const struct remap *r)
{
	int err = cut_allowed(r->mm, r->addr, r->addr + r->old_len);

	if (!err && r->new_len < r->old_len)
		err = cut_allowed(r->mm, r->addr + r->new_len, r->addr + r->old_len);
	if (!err && (r->flags & QMREMAP_FIXED))
		err = cut_allowed(r->mm, r->new_addr, r->new_addr + r->new_len);
	return err;
}

static bool expandable_in_place(const struct remap *r)
{
	uint64_t end = r->addr + r->new_len;
	struct vma *next = vma_next(r->mm, r->vma->end);

	if (r->addr + r->old_len != r->vma->end || end < r->addr || end > r->mm->machine->task_size)
		return false;
	return !next || end <= next->start;
}

static int expand_in_place(struct remap *r)
{
	struct vma_edit e;
	struct vma_spec s;
	int err;

	if ((r->vma->flags & VM_ACCOUNT) &&
	    !mm_may_commit(r->mm, (int64_t)((r->new_len - r->old_len) >> PAGE_SHIFT)))
		return -QENOMEM;
	edit_begin(&e, r->mm);
	s = edit_spec_of(&e, r->vma, r->vma->start, r->addr + r->new_len);
	edit_remove(&e, r->vma);
	edit_add_grown(&e, &s);
	err = edit_apply(&e);
	if (err)
		return err;
	r->new_addr = r->addr;
	r->locked = (s.flags & VM_LOCKED) != 0;
	return 0;
}

static int find_place(struct remap *r)
{
	bool want_huge = r->vma->ops->unbacked;
	int flags = r->flags & QMREMAP_FIXED ? QMAP_FIXED : 0;

	if (!names_address(r))
		r->new_addr = 0;
	return area_find(r->mm, &r->new_addr, r->new_len, flags, ops_page_size(r->vma->ops),
			 want_huge);
}

static int move_somewhere(struct remap *r)
{
	int err;

	if (!room_in_map_count(r->mm, 0))
		return -QENOMEM;
	err = find_place(r);
	return err ? err : remap_move(r);
}

/* What a shrinking mapping loses, checked as munmap(2) checks. */
static int unmap_tail(struct remap *r)
{
	uint64_t size = r->mm->machine->task_size, start = r->addr + r->new_len;

	if (start > size || r->old_len - r->new_len > size - start)
		return -QEINVAL;
	return unmap_locked(r->mm, start, r->addr + r->old_len);
}

static int remap_here(struct remap *r)
{
	int err = find_source(r);

	if (err)
		return err;
	r->new_addr = r->addr;
	if (r->new_len == r->old_len)
		return 0;
	if (r->new_len < r->old_len)
		return unmap_tail(r);
	err = check_mapping(r);
	if (err)
		return err;
	if (expandable_in_place(r))
		return expand_in_place(r);
	return r->flags & QMREMAP_MAYMOVE ? move_somewhere(r) : -QENOMEM;
}

static int drop_target(struct remap *r)
{
	uint64_t end = r->new_addr + r->new_len;
	struct vma *there = vma_next(r->mm, r->new_addr);
	bool mapped = there && there->start < end;
	int err = unmap_locked(r->mm, r->new_addr, end);

	r->changed = r->changed || (!err && mapped);
	return err;
}

static int drop_tail(struct remap *r)
{
	int err = unmap_tail(r);

	r->old_len = r->new_len;
	r->changed = r->changed || !err;
	return err;
}

/* Unmapping may have replaced it, or taken it: old_len 0, or one that wraps, onto itself. */
static int find_again(struct remap *r)
{
	r->vma = vma_find(r->mm, r->addr);
	return r->vma ? 0 : -QEFAULT;
}

static int drop_target_and_tail(struct remap *r)
{
	int err = 0;

	if (r->flags & QMREMAP_FIXED)
		err = drop_target(r);
	if (!err)
		err = find_again(r);
	if (err || r->old_len <= r->new_len)
		return err;
	err = drop_tail(r);
	return err ? err : find_again(r);
}

static int remap_to(struct remap *r)
{
	int64_t pages = (int64_t)(r->old_len >> PAGE_SHIFT);
	int err = drop_target_and_tail(r);

	if (err)
		return err;
	if ((r->flags & QMREMAP_DONTUNMAP) && !mm_may_expand(r->mm, r->vma->flags, pages))
		return -QENOMEM;
	return move_somewhere(r);
}

static bool moves_each(const struct remap *r)
{
	return (r->flags & QMREMAP_FIXED) && r->same_length;
}

/* All that is asked of a mapping of the range [start, end), of which there may be more. */
static int check_each(const struct remap *r, uint64_t start, uint64_t end)
{
	const struct vma *vma = r->vma;
	bool several = start < vma->start || vma->end < end;

	if (several && vma->file && vma->file->moves_alone)
		return -QEFAULT;
	return check_mapping(r);
}

/* Equal lengths and a fixed address: mapping by mapping, stopping at the first error. */
static int remap_each(struct remap *r)
{
	uint64_t start = r->addr, end = r->addr + r->old_len, target = r->new_addr;

	for (uint64_t a = start; a < end; a = r->addr + r->old_len) {
		uint64_t to;
		int err;

		r->vma = vma_next(r->mm, a);
		if (!r->vma || r->vma->start >= end)
			return 0;
		to = r->vma->end < end ? r->vma->end : end;
		r->addr = r->vma->start > a ? r->vma->start : a;
		r->old_len = r->new_len = to - r->addr;
		r->new_addr = target + (r->addr - start);
		err = check_each(r, start, end);
		if (!err)
			err = remap_to(r);
		if (err)
			return err;
		r->changed = true;
	}
	return 0;
}

static int remap_named(struct remap *r)
{
	uint64_t target = r->new_addr;
	int err;

	if (!moves_each(r))
		return remap_to(r);
	err = remap_each(r);
	r->new_addr = target;
	return err;
}

/* All that can be refused before memory is asked for.  There is a mapping: the range ends above. */
static int check_source(struct remap *r)
{
	int err = find_source(r);

	if (!err && !moves_each(r))
		err = check_mapping(r);
	return err ? err : check_borders(r);
}

static int remap_locked(struct remap *r)
{
	struct remap asked; /* keeps and lets go by it; the move changes the other */
	int err;

	if (!names_address(r))
		return remap_here(r);
	if (!room_in_map_count(r->mm, 2))
		return -QENOMEM;
	err = check_source(r);
	if (err)
		return err;
	asked = *r;
	err = remap_keep_tables(&asked);
	if (!err)
		err = remap_named(r);
	remap_release_tables(&asked);
	return err;
}

int quire_mremap(struct quire_mm *mm, uint64_t addr, uint64_t old_len, uint64_t new_len, int flags,
		 uint64_t new_addr, uint64_t *out)
{
	const struct remap asked = {
	    .mm = mm,
	    .addr = addr,
	    .old_len = PAGE_ALIGN(old_len),
	    .new_len = PAGE_ALIGN(new_len),
	    .flags = flags,
	    .new_addr = new_addr,
	    .same_length = PAGE_ALIGN(old_len) == PAGE_ALIGN(new_len),
	};
	uint64_t grown = asked.new_len > asked.old_len ? asked.new_len - asked.old_len : 0;
	int err = check_arguments(&asked);
	struct reclaim again;
	struct remap r;

	if (err)
		return err;
	reclaim_begin(mm->machine, &again);
	do {
		r = asked;
		mm_lock(mm);
		err = mm->exited ? -QEFAULT : remap_locked(&r);
		mm_unlock(mm);
	} while (err && !r.changed && reclaim_for(mm, &again, err, false));
	if (err)
		return memory_errno(err);
	*out = r.new_addr;
	if (r.locked && grown)
		mm_populate_locked(mm, r.new_addr + r.new_len - grown, r.new_addr + r.new_len);
	return 0;
}
