/* SPDX-License-Identifier: MIT */
/*
 * remove.c: madvise(MADV_REMOVE): holes in the files behind a range.
 *
 * A hole belongs to a file, not to a mapping: the file's own walk finds whoever maps it, this range
 * too.  Making one may take long, so M is only held while the next mapping is looked at, and what
 * is mapped may change between two of them, as on the host.
 */
#include "core/edit.h"

struct hole {
	struct quire_file *file; /* referenced */
	uint64_t off, len;
};

/* Whether the mapping may be written to now does not matter: whether it ever may be does. */
static int remove_allowed(const struct vma *vma)
{
	if ((vma->flags & VM_LOCKED) || !vma->file)
		return -QEINVAL;
	if ((vma->flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE))
		return -QEACCES;
	return 0;
}

/* The next from *start on, which moves behind it; *gap: some of the way was not mapped.  M held. */
static int next_hole(struct quire_mm *mm, uint64_t *start, uint64_t end, bool *gap,
		     struct hole *out)
{
	struct vma *vma = vma_next(mm, *start);
	uint64_t to;
	int err;

	if (!vma || vma->start >= end)
		return -QENOMEM;
	if (vma->start > *start) {
		*gap = true;
		*start = vma->start;
	}
	err = remove_allowed(vma);
	if (err)
		return err;
	to = vma->end < end ? vma->end : end;
	quire_file_get(vma->file);
	*out = (struct hole){vma->file, vma_pgoff(vma, *start) << PAGE_SHIFT, to - *start};
	*start = to;
	return 0;
}

/* The content of shmem is its pages; anywhere else they would be read in again. */
static int punch(const struct hole *h)
{
	struct quire_file *f = h->file;
	int err = 0;

	if (f->kind != QUIRE_FILE_SHMEM)
		err = f->ops.punch_hole ? f->ops.punch_hole(f->priv, h->off, h->len) : -QEOPNOTSUPP;
	return err ? err : quire_file_punch(f, h->off, h->len);
}

int mm_remove(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	bool gap = false;
	struct hole h;
	int err = 0;

	while (start < end && !err) {
		mm_lock(mm);
		err = next_hole(mm, &start, end, &gap, &h);
		mm_unlock(mm);
		if (err)
			break;
		err = punch(&h);
		quire_file_put(h.file);
	}
	return !err && gap ? -QENOMEM : err;
}
