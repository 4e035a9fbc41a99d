/* SPDX-License-Identifier: MIT */
/*
 * advise.c: madvise(2).
 *
 * One table says what each advice does: it sets and clears flags of the VMAs
 * (edits), or acts on their entries, or nothing.  A hole does not end the call:
 * the rest is done and -ENOMEM returned, as madvise(2) says; an error of a
 * mapping does end it.  All under M, but for MADV_POPULATE_*, which faults, and
 * MADV_REMOVE (remove.c).
 *
 * Accepted without effect, being hints: WILLNEED, COLD and PAGEOUT (there is no
 * reclaim), HUGEPAGE, NOHUGEPAGE, MERGEABLE and UNMERGEABLE (only the flag).
 * Refused with EINVAL, as by a kernel that lacks them: COLLAPSE, HWPOISON,
 * SOFT_OFFLINE, GUARD_INSTALL, GUARD_REMOVE.
 */
#include "core/call/call.h"
#include "core/fault/populate.h"
#include "core/file/file.h"
#include "core/table/range.h"
#include "core/table/tlb.h"
#include "core/vma/edit.h"
#include "core/vma/mm.h"

struct advice {
	int number;
	uint64_t set, clear;
	uint64_t passes; /* VMAs with one of these flags are passed over */
	/* It loses what is there: only where nothing lies behind. */
	bool unbacked_only;
	/* 0: the advice may be applied to vma.  NULL: to any. */
	int (*allowed)(const struct vma *vma);
	/* Acts on [start, end) of vma.  NULL: flags only. */
	int (*act)(struct mmu_gather *g, struct vma *vma, uint64_t start, uint64_t end);
};

static int not_locked(const struct vma *vma)
{
	return vma->flags & VM_LOCKED ? -QEINVAL : 0;
}

static int not_droppable(const struct vma *vma)
{
	return vma->flags & VM_DROPPABLE ? -QEINVAL : 0;
}

static int act_dontneed(struct mmu_gather *g, struct vma *vma, uint64_t start, uint64_t end)
{
	zap_range(g, vma, start, end, ZAP_KEEP_MARKERS);
	if (vma->ops->dropped) /* what is free now counts for what the next one is promised */
		tlb_flush_now(g);
	if (vma->file && RULE(truncation_awaited))
		mapping_await_walks(vma->file);
	return 0;
}

static int act_free(struct mmu_gather *g, struct vma *vma, uint64_t start, uint64_t end)
{
	lazyfree_range(g, vma, start, end);
	return 0;
}

static const struct advice advices[] = {
    {.number = QMADV_NORMAL, .clear = VM_SEQ_READ | VM_RAND_READ},
    {.number = QMADV_RANDOM, .set = VM_RAND_READ, .clear = VM_SEQ_READ},
    {.number = QMADV_SEQUENTIAL, .set = VM_SEQ_READ, .clear = VM_RAND_READ},
    {.number = QMADV_WILLNEED},
    {.number = QMADV_DONTNEED, .allowed = not_locked, .act = act_dontneed},
    {.number = QMADV_DONTNEED_LOCKED, .act = act_dontneed},
    {.number = QMADV_FREE, .unbacked_only = true, .allowed = not_locked, .act = act_free},
    {.number = QMADV_REMOVE},
    {.number = QMADV_DONTFORK, .set = VM_DONTCOPY},
    {.number = QMADV_DOFORK, .clear = VM_DONTCOPY},
    {.number = QMADV_MERGEABLE, .set = VM_MERGEABLE, .passes = VM_DONTEXPAND},
    {.number = QMADV_UNMERGEABLE, .clear = VM_MERGEABLE},
    {.number = QMADV_HUGEPAGE, .set = VM_HUGEPAGE, .clear = VM_NOHUGEPAGE},
    {.number = QMADV_NOHUGEPAGE, .set = VM_NOHUGEPAGE, .clear = VM_HUGEPAGE},
    {.number = QMADV_DONTDUMP, .set = VM_DONTDUMP},
    {.number = QMADV_DODUMP, .clear = VM_DONTDUMP, .allowed = not_droppable},
    {.number = QMADV_WIPEONFORK, .set = VM_WIPEONFORK, .unbacked_only = true},
    {.number = QMADV_KEEPONFORK, .clear = VM_WIPEONFORK, .allowed = not_droppable},
    {.number = QMADV_COLD, .allowed = not_locked},
    {.number = QMADV_PAGEOUT, .allowed = not_locked},
    {.number = QMADV_POPULATE_READ},
    {.number = QMADV_POPULATE_WRITE},
};

static const struct advice *find_advice(int number)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (advices[i].number == number)
			return &advices[i];
	return NULL;
}

static int change_flags(const struct advice *a, struct vma *vma, uint64_t start, uint64_t end)
{
	uint64_t flags = (vma->flags & ~a->clear) | a->set;
	struct vma_edit e;
	struct vma *now;
	int err;

	if (flags == vma->flags || (vma->flags & a->passes))
		return 0;
	err = vma_change_flags(&e, vma, start, end, flags, &now);
	if (err)
		return err == -QENOMEM ? -QEAGAIN : err;
	edit_finish(&e);
	return 0;
}

static int advice_allowed(const struct advice *a, const struct vma *vma)
{
	int err = a->allowed ? a->allowed(vma) : 0;

	if (!err && a->unbacked_only && !vma->ops->unbacked)
		err = -QEINVAL;
	if (!err && vma->ops->may_advise)
		err = vma->ops->may_advise(vma, a->number);
	return err;
}

/* On whole pages.  As on the host a page of which only a part is meant is an error where the range
 * begins, and left alone where it ends. */
static int act(const struct advice *a, struct mmu_gather *g, struct vma *vma, uint64_t start,
	       uint64_t end)
{
	uint64_t in_page = ops_page_size(vma->ops) - 1;

	if (start & in_page)
		return -QEINVAL;
	end &= ~in_page;
	return start < end ? a->act(g, vma, start, end) : 0;
}

static int advise_one(const struct advice *a, struct mmu_gather *g, struct vma *vma, uint64_t start,
		      uint64_t end)
{
	int err = advice_allowed(a, vma);

	if (err)
		return err;
	return a->act ? act(a, g, vma, start, end) : change_flags(a, vma, start, end);
}

static int advise_range(const struct advice *a, struct mmu_gather *g, uint64_t start, uint64_t end)
{
	bool hole = false;

	while (start < end) {
		struct vma *vma = vma_next(g->mm, start);
		uint64_t to;
		int err;

		if (!vma || vma->start >= end)
			return -QENOMEM;
		if (vma->start > start) {
			hole = true;
			start = vma->start;
		}
		to = vma->end < end ? vma->end : end;
		err = advise_one(a, g, vma, start, to);
		if (err)
			return err;
		start = to;
	}
	return hole ? -QENOMEM : 0;
}

static int advise_locked(struct quire_mm *mm, const struct advice *a, uint64_t start, uint64_t end)
{
	struct mmu_gather g;
	int err;

	tlb_begin(&g, mm);
	err = advise_range(a, &g, start, end);
	tlb_finish(&g);
	return err;
}

int quire_madvise(struct quire_mm *mm, uint64_t addr, uint64_t len, int advice)
{
	const struct advice *a = find_advice(advice);
	uint64_t end = addr + PAGE_ALIGN(len);
	int err;

	if (!a || (addr & ~PAGE_MASK) || (len && !PAGE_ALIGN(len)) || end < addr)
		return -QEINVAL;
	if (advice == QMADV_REMOVE)
		return mm_remove(mm, addr, end);
	if (advice == QMADV_POPULATE_READ)
		return mm_populate(mm, addr, end, QUIRE_READ);
	if (advice == QMADV_POPULATE_WRITE)
		return mm_populate(mm, addr, end, QUIRE_WRITE);
	mm_lock(mm);
	err = advise_locked(mm, a, addr, end);
	mm_unlock(mm);
	return err;
}
