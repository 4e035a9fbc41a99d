/* SPDX-License-Identifier: MIT */
/*
 * policy.c: numbers that the embedder gives to ranges: memory policies, as of mbind(2).
 *
 * The core does nothing with them but to keep them with the mappings and mappings that differ in
 * them apart.  Changed by edits under M.
 */
#include "core/vma/edit.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

static int set_one(struct vma *vma, uint64_t start, uint64_t end, uint64_t policy)
{
	struct vma_edit e;
	struct vma *now;
	int err;

	if (vma->policy == policy)
		return 0;
	err = vma_change_policy(&e, vma, start, end, policy, &now);
	if (!err)
		edit_finish(&e);
	return err;
}

static int set_range(struct quire_mm *mm, uint64_t start, uint64_t end, uint64_t policy)
{
	int err = 0;

	while (start < end && !err) {
		struct vma *vma = vma_next(mm, start);
		uint64_t to;

		if (!vma || vma->start >= end)
			break;
		if (start < vma->start)
			start = vma->start;
		to = vma->end < end ? vma->end : end;
		err = set_one(vma, start, to, policy);
		start = to;
	}
	return err;
}

/* Looked at before anything is changed. */
static int check_holes(struct quire_mm *mm, uint64_t start, uint64_t end, bool may_have)
{
	struct vma *vma = vma_next(mm, start);

	if (!vma || vma->start >= end)
		return -QEFAULT;
	while (!may_have && start < end) {
		vma = vma_find(mm, start);
		if (!vma)
			return -QEFAULT;
		start = vma->end;
	}
	return 0;
}

int quire_set_policy(struct quire_mm *mm, uint64_t addr, uint64_t len, uint64_t policy)
{
	uint64_t end = addr + PAGE_ALIGN(len);
	int err;

	if ((addr & ~PAGE_MASK) || end < addr)
		return -QEINVAL;
	if (end == addr)
		return 0;
	mm_lock(mm);
	err = check_holes(mm, addr, end, !policy);
	if (!err)
		err = set_range(mm, addr, end, policy);
	mm_unlock(mm);
	return err;
}
