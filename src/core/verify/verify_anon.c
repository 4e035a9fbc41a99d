/* SPDX-License-Identifier: MIT */
/*
 * verify_anon.c: whether every private page is found by a walk from its folio.
 *
 * Owns nothing and takes no lock: the machine is quiescent.
 */
#include "core/rmap/moved.h"
#include "core/rmap/root.h"
#include "core/verify/verify.h"

void verify_root(struct verify *v, const struct quire_mm *mm)
{
	const struct anon_root *root = mm->anon;
	const struct dlist *pos;
	uint32_t children = 0;

	for (pos = root->children.next; pos != &root->children; pos = pos->next)
		children++;
	if (root->mm != mm || mutex_is_locked(&root->lock))
		verify_bad(v, "mm %p: its root is another's, or locked", (const void *)mm);
	if (root->refs != 1 + children)
		verify_bad(v, "mm %p: its root has %u references, and %u children",
			   (const void *)mm, root->refs, children);
}

void verify_found(struct verify *v, const struct quire_mm *mm, uint64_t addr, const struct folio *f,
		  uint64_t pfn)
{
	const struct anon_root *named = atomic_load_relaxed(&f->root);

	if (!anon_root_is_above(named, mm->anon))
		verify_bad(v, "mm %p: %lx: no walk for frame %lu comes to this mm",
			   (const void *)mm, addr, pfn);
	if (!moved_leads_to(mm->anon, folio_index(v->m, f, pfn), addr >> PAGE_SHIFT))
		verify_bad(v, "mm %p: %lx: no walk for frame %lu comes to this address",
			   (const void *)mm, addr, pfn);
}
