/* SPDX-License-Identifier: MIT */
/*
 * remap_move.c: moving a mapping and its entries to another address.
 *
 * Here entries move before the new tree is published.  So a failure for want of a table can still
 * be undone without allocating anything:
 *
 *     old VMA dead -> prepare the edit -> link the new VMA in the file's tree
 *        -> move entries -> publish -> free tables -> flush -> free
 *
 *   1  The source is dead before it is asked whether it was ever touched, so that no fault adds to
 *      what it has.  From then on a fault there finds a dead VMA, and a fault at the destination
 *      finds no VMA. Both end up waiting for M.
 *   2  Source and destination are both in the file's tree while entries move, and move_entries()
 *      holds I: a truncation misses none on their way.
 *   3  The source's tables stay until the move has succeeded: moving back needs no memory.
 */
#include "core/call/call.h"
#include "core/call/remap.h"
#include "core/frame/reclaim.h"
#include "core/table/range.h"
#include "core/table/tlb.h"
#include "core/vma/edit.h"
#include "core/vma/limits.h"
#include "core/vma/moves.h"
#include "core/vma/vma.h"

/* What was never touched takes its new place, and may merge there. */
static struct vma_spec moved_spec(struct vma_edit *e, const struct remap *r)
{
	struct vma_spec s = edit_spec_of(e, r->vma, r->addr, r->addr + r->old_len);
	int64_t pages = ((int64_t)r->addr - (int64_t)r->new_addr) / (int64_t)PAGE_SIZE;

	s.start = r->new_addr;
	s.end = r->new_addr + r->new_len;
	s.anon_delta = s.anon_id ? s.anon_delta + pages : 0;
	if (!s.anon_id && r->vma->ops->unbacked)
		s.pgoff = r->new_addr >> PAGE_SHIFT;
	return s;
}

/*
 * MREMAP_DONTUNMAP leaves the source mapped and empty, and unlocks all of the mapping it is in. One
 * that has moved as a whole is as if never touched, but that anonymous memory keeps its offset, as
 * on the host.
 */
static void leave_source(struct vma_edit *e, const struct remap *r)
{
	struct vma_spec s = edit_spec_of(e, r->vma, r->vma->start, r->vma->end);

	s.flags &= ~VM_LOCK_MASK;
	if (r->old_len == s.end - s.start) {
		s.anon_id = 0;
		if (!r->vma->ops->unbacked)
			s.anon_delta = 0;
	}
	edit_remove(e, r->vma);
	edit_add(e, &s);
}

static int prepare(struct vma_edit *e, struct remap *r)
{
	struct vma_spec s;

	edit_begin(e, r->mm);
	/* Invariant 1.  A length of 0 moves nothing: the mapping gets a second one beside it. */
	if (r->old_len && RULE(source_dead_during_move))
		edit_kill(e, r->vma);
	s = moved_spec(e, r);
	r->locked = (s.flags & VM_LOCKED) != 0;
	if (r->flags & QMREMAP_DONTUNMAP)
		leave_source(e, r);
	else if (r->old_len)
		edit_cut(e, r->addr, r->addr + r->old_len);
	edit_add_merged(e, &s);
	return edit_check(e);
}

static bool may_commit(const struct remap *r)
{
	uint64_t bytes = r->flags & QMREMAP_DONTUNMAP ? r->new_len : r->new_len - r->old_len;

	return !(r->vma->flags & VM_ACCOUNT) ||
	       mm_may_commit(r->mm, (int64_t)(bytes >> PAGE_SHIFT));
}

static bool move_or_undo(struct mmu_gather *g, const struct remap *r)
{
	struct quire_file *file = r->vma->file;
	uint64_t moved = move_entries(g, file, r->new_addr, r->addr, r->old_len);
	uint64_t back;

	if (moved == r->old_len)
		return true;
	back = move_entries(g, file, r->addr, r->new_addr, moved);
	Q_ASSERT(r->mm->machine, back == moved);
	free_tables_between(g, r->new_addr, r->new_addr + r->new_len);
	return false;
}

static void complete(struct mmu_gather *g, struct vma_edit *e, const struct remap *r)
{
	edit_commit(e);
	moves_count(r->mm);
	if (r->old_len && !(r->flags & QMREMAP_DONTUNMAP))
		free_tables_between(g, r->addr, r->addr + r->old_len);
	tlb_finish(g);
	edit_finish(e);
}

int remap_move(struct remap *r)
{
	struct mmu_gather g;
	struct vma_edit e;
	int err;

	if (!may_commit(r))
		return -QENOMEM;
	err = prepare(&e, r);
	if (err) {
		edit_abort(&e);
		return err;
	}
	if (RULE(linked_throughout))
		edit_link(&e);
	STEP("moves the mapping of %#lx to %#lx", r->addr, r->new_addr);
	tlb_begin(&g, r->mm);
	moves_count(r->mm);
	if (move_or_undo(&g, r)) {
		complete(&g, &e, r);
		return 0;
	}
	moves_count(r->mm);
	tlb_finish(&g);
	edit_abort(&e);
	return -ENOTABLE;
}
