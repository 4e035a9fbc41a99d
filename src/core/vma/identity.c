/* SPDX-License-Identifier: MIT */
/*
 * identity.c: which private pages a VMA may have: its identity, and where they are looked for.
 *
 * A private page has an index (folio->index), by which whoever has the page finds the entries that
 * map it: vma_anon_index() of the VMA and the address.  A VMA that has never had such a page is
 * untouched: its identity (anon_id) is 0, and it may get another anon_delta, when it is moved or
 * when it merges.  One that was touched keeps both for good, also without pages: through splits,
 * merges, MADV_DONTNEED.
 *
 *   1  The first fault that is about to make a private page gives the VMA its identity; it is
 *      written once, and before the fault asks under the PTL whether the VMA is dead.
 *   2  Whoever goes by an identity of 0 marks the VMA dead, fences, and reads it then (edit_ask()).
 *      The fault's store comes before a fence, too.  So either the identity is found, or the fault
 *      finds the VMA dead, and makes no page.  It may give an identity to the dead VMA all the
 *      same.  So an edit reads the identity once, and gives that value to every VMA that it makes
 *      of this one: else these could never merge again.
 *   3  fork goes by it in the same way, with `forking` for the mark (install.c, 3).
 *   4  What merges is what merges on the host kernel, where an identity shows in /proc/PID/maps
 *      alone.  Two that are touched merge if they have the same one: they were one, or the second
 *      took over the first's when it was touched, because they differed in nothing but rights.
 *      An untouched one merges with one that was touched since the last fork of a parent, which is
 *      not inherited; but one that mremap makes grow merges with an untouched one behind it
 *      also if its identity is inherited.
 *   5  The anon_delta of anonymous memory is what its pgoff says, and so the same in all that
 *      merges.  That of an untouched mapping of a file is 0.  If it merges with one that was
 *      touched and has been moved, it gets the other's (2).  If it is touched beside that one it
 *      keeps its own, also where it takes over the identity: these two stay two.
 */
#include "core/vma/mm.h"
#include "core/vma/vma.h"

static uint64_t new_identity(struct quire_mm *mm)
{
	unsigned s = this_cpu(&mm->machine->port) & (mm->nr_stripes - 1);
	int64_t nth = atomic_add_relaxed(&mm->stripes[s].v[MM_IDENTITIES], 1);

	return ((uint64_t)nth * mm->nr_stripes + s) << 1; /* below the inherited bit */
}

/* Side by side, and the same but for rights. */
static bool differ_in_rights(const struct vma *left, const struct vma *right)
{
	return left->end == right->start && left->file == right->file &&
	       !((left->flags ^ right->flags) & ~(VM_ACCESS | VM_SOFTDIRTY)) &&
	       left->policy == right->policy && left->private == right->private &&
	       left->pgoff + vma_pages(left) == right->pgoff;
}

/* What a neighbour may share with others; 0: nothing. */
static uint64_t shareable(const struct vma *vma)
{
	uint64_t id = atomic_load_relaxed(&vma->anon_id);

	return id & ANON_INHERITED ? 0 : id;
}

/* Of the VMA behind it or else before it: a guess, by what the tree has now. */
static uint64_t neighbours_identity(const struct vma *vma)
{
	const struct vma *next = vma_find(vma->mm, vma->end);
	const struct vma *prev = vma_prev(vma->mm, vma->start);
	uint64_t id = next && differ_in_rights(vma, next) ? shareable(next) : 0;

	return !id && prev && differ_in_rights(prev, vma) ? shareable(prev) : id;
}

__attribute__((noinline)) void vma_take_identity(struct vma *vma)
{
	uint64_t none = 0, id = neighbours_identity(vma);

	if (!id)
		id = new_identity(vma->mm);
	if (atomic_cas(&vma->anon_id, &none, id))
		STEP("VMA %#lx-%#lx is touched for the first time", vma->start, vma->end);
	atomic_fence(); /* invariant 2 */
}

/* Fork's fence comes before.  A child's are its own, one for each VMA. */
void vma_inherit(struct vma *dst, const struct vma *src)
{
	if (atomic_load_relaxed(&src->anon_id))
		dst->anon_id = new_identity(dst->mm) | ANON_INHERITED;
}
