/* SPDX-License-Identifier: MIT */
/*
 * walk_file.c: the entries that map a page of a file's cache.
 *
 * By the file's interval tree of VMAs, under I.  A VMA is in it as long as entries of it may exist,
 * and its mm stays as long as I is held (mm.c, 1).
 */
#include "core/frame/folio.h"
#include "core/rmap/walk.h"

static enum rmap_next look_in_vma(struct rmap_walk *w, const struct vma *vma)
{
	uint64_t addr = vma->start + ((w->folio->index - vma->pgoff) << PAGE_SHIFT);
	enum rmap_next next;
	bool found;

	next = rmap_look_at(w, vma->mm, addr, &found);
	if (found && w->flush)
		w->flush(w, vma->mm);
	return next;
}

/* F keeps the page in its mapping, and the caller's reference on the file the mapping. */
void rmap_walk_file(struct quire_machine *m, struct rmap_walk *w)
{
	struct mapping *mapping = w->folio->mapping;
	uint64_t index = w->folio->index;
	struct itree_node *node;

	if (!mapping) /* truncated */
		return;
	mutex_lock(&m->port, &mapping->i_lock, RANK_MAPPING);
	itree_for_each (&mapping->vmas, index, index, node)
		if (look_in_vma(w, container_of(node, struct vma, node)) == RMAP_STOP)
			break;
	mutex_unlock(&m->port, &mapping->i_lock, RANK_MAPPING);
}
