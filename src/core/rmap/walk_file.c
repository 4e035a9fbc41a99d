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
	uint64_t first = w->folio->index, end = first + folio_pages(w->folio);
	uint64_t vma_end = vma->pgoff + vma_pages(vma);
	enum rmap_next next;
	bool found;

	if (first < vma->pgoff)
		first = vma->pgoff;
	if (end > vma_end)
		end = vma_end;
	next = rmap_look_at(w, vma->mm, vma->start + ((first - vma->pgoff) << PAGE_SHIFT),
			    end - first, &found);
	if (found && w->flush)
		w->flush(w, vma->mm);
	return next;
}

/* F keeps the page in its mapping, and the caller's reference on the file the mapping. */
void rmap_walk_file(struct quire_machine *m, struct rmap_walk *w)
{
	struct mapping *mapping = w->folio->mapping;
	uint64_t index = w->folio->index, last = index + folio_pages(w->folio) - 1;
	struct itree_node *node;

	if (!mapping) /* truncated */
		return;
	mutex_lock(&m->port, &mapping->i_lock, RANK_MAPPING);
	itree_for_each (&mapping->vmas, index, last, node)
		if (look_in_vma(w, container_of(node, struct vma, node)) == RMAP_STOP)
			break;
	mutex_unlock(&m->port, &mapping->i_lock, RANK_MAPPING);
}
