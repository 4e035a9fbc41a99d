/* SPDX-License-Identifier: MIT */
/*
 * remove.c: holes in files, and madvise(MADV_REMOVE): those in the files behind a range.
 *
 * A hole belongs to a file, not to a mapping: the file's own walk finds whoever maps it, this range
 * too.  Making one may take long, so M is only held while the next mapping is looked at, and what
 * is mapped may change between two of them, as on the host.
 */
#include "core/call/call.h"
#include "core/file/file.h"
#include "core/vma/mm.h"

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
	return vma->ops->may_advise ? vma->ops->may_advise(vma, QMADV_REMOVE) : 0;
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

/* The embedder's content, then what the core has of it. */
static int punch_embedders(struct quire_file *f, uint64_t off, uint64_t len)
{
	struct file_hole hole;
	int err;

	if (!f->ops.punch_hole)
		return -QEOPNOTSUPP;
	hole_begin(f, &hole, off >> PAGE_SHIFT, ((off + len) >> PAGE_SHIFT) - 1);
	err = f->ops.punch_hole(f->priv, off, len);
	if (err)
		hole_cancel(f, &hole);
	else
		hole_drop(f, &hole);
	return err;
}

/* Where the content is elsewhere, dropped pages would be read in again. */
int quire_file_remove(struct quire_file *file, uint64_t off, uint64_t len)
{
	if (!len || off > INT64_MAX || len > INT64_MAX - off || ((off | len) & ~PAGE_MASK))
		return -QEINVAL;
	if (file->facts.ram_only)
		return quire_file_punch(file, off, len);
	return punch_embedders(file, off, len);
}

int mm_remove(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	bool gap = false;
	struct hole h = {0};
	int err = 0;

	while (start < end && !err) {
		mm_lock(mm);
		err = next_hole(mm, &start, end, &gap, &h);
		mm_unlock(mm);
		if (err)
			break;
		err = quire_file_remove(h.file, h.off, h.len);
		quire_file_put(h.file);
	}
	return !err && gap ? -QENOMEM : err;
}
