/* SPDX-License-Identifier: MIT */
/*
 * msync.c: msync(2).
 *
 * Each VMA is looked up under M, so that a replacement in progress is no hole; M is let go for
 * the writing.  Order of the checks and what is reported first are the host kernel's
 * (tests/unit/test_file_host.c runs the same calls there).
 */
#include "core/file/file.h"
#include "core/vma/mm.h"

#define MS_KNOWN (QMS_ASYNC | QMS_INVALIDATE | QMS_SYNC)

/* What is to be done from `addr` on. */
struct sync_step {
	uint64_t start, end;     /* of the VMA; start == UINT64_MAX: none is left */
	struct quire_file *file; /* with a reference: to be written back */
	uint64_t first, last;
	bool locked;
};

/* A mapping that can have made the file dirty. */
static bool wants_writeback(const struct vma *vma, int flags)
{
	return (flags & QMS_SYNC) && vma->file && (vma->flags & VM_SHARED);
}

static void look(struct quire_mm *mm, uint64_t addr, uint64_t end, int flags, struct sync_step *s)
{
	struct vma *vma;

	*s = (struct sync_step){.start = UINT64_MAX};
	mm_lock(mm);
	vma = vma_next(mm, addr);
	if (vma && vma->start < end) {
		uint64_t from = vma->start > addr ? vma->start : addr;
		uint64_t to = vma->end < end ? vma->end : end;

		s->start = vma->start;
		s->end = vma->end;
		s->locked = (vma->flags & VM_LOCKED) != 0;
		if (wants_writeback(vma, flags)) {
			s->file = vma->file;
			s->first = vma_pgoff(vma, from);
			s->last = vma_pgoff(vma, to) - 1;
			quire_file_get(s->file);
		}
	}
	mm_unlock(mm);
}

static int sync_range(struct quire_mm *mm, uint64_t addr, uint64_t end, int flags)
{
	struct sync_step s;
	int hole = 0;

	while (addr < end) {
		int err = 0;

		look(mm, addr, end, flags, &s);
		if (s.start > addr)
			hole = -QENOMEM;
		if (s.start >= end)
			break;
		if ((flags & QMS_INVALIDATE) && s.locked)
			err = -QEBUSY;
		else if (s.file)
			err = mapping_writeback(s.file, s.first, s.last, NULL);
		if (s.file)
			quire_file_put(s.file);
		if (err)
			return err;
		addr = s.end;
	}
	return hole;
}

int quire_msync(struct quire_mm *mm, uint64_t addr, uint64_t len, int flags)
{
	uint64_t bytes = PAGE_ALIGN(len);

	if ((flags & ~MS_KNOWN) || (addr & ~PAGE_MASK))
		return -QEINVAL;
	if ((flags & QMS_ASYNC) && (flags & QMS_SYNC))
		return -QEINVAL;
	if (addr + bytes < addr)
		return -QENOMEM;
	return sync_range(mm, addr, addr + bytes, flags);
}
