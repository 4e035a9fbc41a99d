/* SPDX-License-Identifier: MIT */
/*
 * hugetlb.c: mappings of huge pages.
 *
 * A mapping has a file in any case (hugetlb_file.c): MAP_ANONYMOUS makes one that nobody else
 * finds.  A private mapping has copies of the file's pages, or pages of its own where the file has
 * none.
 *
 * What was promised is kept by huge/reserve.h: vma->private of a private mapping is its struct
 * huge_private, file->huge that of the file.
 */
#include "core/kind/hugetlb.h"
#include "core/table/entry.h"
#include "core/vma/vma.h"

/* ---- mappings ------------------------------------------------------------------ */

/* The page numbers of [start, end). */
static void range_of(const struct vma *vma, uint64_t start, uint64_t end, uint64_t *first,
		     uint64_t *last)
{
	const struct hstate *h = hugetlb_state(vma);

	*first = hugetlb_index(h, vma_pgoff(vma, start));
	*last = *first + ((end - start) >> hstate_shift(h));
}

/* A fork's copy is promised nothing. */
static bool hugetlb_open(struct vma *vma)
{
	struct huge_private *p = vma->private, *of_child;

	if (!hugetlb_is_private(vma))
		return true;
	if (p && p->mm == vma->mm) {
		huge_private_get(p);
		return true;
	}
	of_child = huge_private_new(vma->mm->machine, hugetlb_state(vma), vma->file->huge->subpool);
	if (!of_child)
		return false;
	of_child->mm = vma->mm;
	of_child->forked = p != NULL;
	vma->private = of_child;
	return true;
}

static void hugetlb_close(struct vma *vma)
{
	if (vma->private)
		huge_private_put(vma->private);
}

static bool hugetlb_forked(struct vma *dst, struct vma *src)
{
	uint64_t first, last;

	if (!dst->private || !RULE(mark_is_inherited))
		return true;
	range_of(dst, dst->start, dst->end, &first, &last);
	return huge_private_inherit(dst->private, src->private, first, last);
}

static bool is_promised(const struct vma *vma)
{
	const struct huge_private *p = vma->private;

	return !(vma->flags & VM_NORESERVE) && !p->forked;
}

static int hugetlb_charge(struct vma *vma, int64_t pages)
{
	enum huge_refusal why;
	uint64_t first, last;

	if (!vma->private || !is_promised(vma)) /* shared: hugetlb_mapped() */
		return 0;
	range_of(vma, vma->start, vma->end, &first, &last);
	if (pages < 0) { /* the edit has failed */
		huge_private_cut(vma->private, first, last);
		return 0;
	}
	why = huge_private_reserve(vma->private, &vma->mm->huge_group, first, last,
				   hugetlb_bound_nodes(vma->mm->machine));
	return hugetlb_promised(vma, last - first, why);
}

static void hugetlb_cut(struct vma *vma, uint64_t start, uint64_t end)
{
	uint64_t first, last;

	if (!vma->private)
		return;
	range_of(vma, start, end, &first, &last);
	huge_private_cut(vma->private, first, last);
}

/* mremap moves it whole or in parts, and makes it no longer. */
static int hugetlb_may_move(const struct vma *vma, uint64_t old_len, uint64_t new_len)
{
	(void)vma;
	return new_len > old_len ? -QEINVAL : 0;
}

static void hugetlb_dropped(struct vma *vma, uint64_t addr, struct folio *folio)
{
	if (vma->private)
		huge_private_dropped(
		    vma->private, hugetlb_index(hugetlb_state(vma), vma_pgoff(vma, addr)), folio);
}

static int hugetlb_may_advise(const struct vma *vma, int advice)
{
	(void)vma;
	switch (advice) {
	case QMADV_FREE:
	case QMADV_COLD:
	case QMADV_PAGEOUT:
	case QMADV_WIPEONFORK:
		return -QEINVAL;
	default:
		return 0;
	}
}

#define HUGETLB_OPS(shift)                                                                         \
	{                                                                                          \
		.name = "hugetlb", .fault = hugetlb_fault,                                         \
		.write_protected = hugetlb_write_protected, .entries = 1u << ENTRY_CACHE,          \
		.page_shift = (shift), .writable_at_once = true, .open = hugetlb_open,             \
		.close = hugetlb_close, .mapped = hugetlb_mapped, .dropped = hugetlb_dropped,      \
		.charge = hugetlb_charge, .cut = hugetlb_cut, .forked = hugetlb_forked,            \
		.may_move = hugetlb_may_move, .may_advise = hugetlb_may_advise,                    \
		.copy_pinned = hugetlb_copy_pinned,                                                \
	}

const struct vma_ops hugetlb_vma_ops[QUIRE_NR_HUGE] = {
    [QUIRE_HUGE_2M] = HUGETLB_OPS(HUGE_2M_ORDER + PAGE_SHIFT),
    [QUIRE_HUGE_1G] = HUGETLB_OPS(HUGE_1G_ORDER + PAGE_SHIFT),
};
