/* SPDX-License-Identifier: MIT */
/*
 * populate.c: faulting a range in ahead of its use.
 *
 * No lock is held: each page is an ordinary fault, after a lookup of its own
 * that keeps a miss from being counted as a SIGSEGV; no stack is grown.  Mappings may change
 * meanwhile; then the result is that of the moment each page was reached.
 */
#include "core/edit.h"

/* What populating needs to know of the VMA of an address, without keeping the VMA. */
struct view {
	uint64_t start, end, flags;
};

static bool look(struct quire_mm *mm, uint64_t addr, struct view *v)
{
	struct vma *vma;

	rcu_read_lock(&mm->machine->port);
	vma = vma_next(mm, addr);
	if (vma)
		*v = (struct view){vma->start, vma->end, vma->flags};
	rcu_read_unlock(&mm->machine->port);
	return vma != NULL;
}

static enum quire_fault_result touch(struct quire_mm *mm, uint64_t start, uint64_t end,
				     enum quire_access access)
{
	enum quire_fault_result r = QUIRE_FAULT_OK;

	for (uint64_t a = start; a < end && r == QUIRE_FAULT_OK; a += PAGE_SIZE)
		r = mm_fault_in(mm, a, access);
	return r;
}

static int populate_errno(enum quire_fault_result r)
{
	switch (r) {
	case QUIRE_FAULT_OK:
		return 0;
	case QUIRE_FAULT_BUS:
		return -QEFAULT;
	default: /* SEGV: it was unmapped under our hands */
		return -QENOMEM;
	}
}

int mm_populate(struct quire_mm *mm, uint64_t start, uint64_t end, enum quire_access access)
{
	uint64_t need = access == QUIRE_WRITE ? VM_WRITE : VM_READ;
	int err = 0;

	while (start < end && !err) {
		struct view v;
		uint64_t to;

		if (!look(mm, start, &v) || v.start > start)
			return -QENOMEM;
		if (!(v.flags & need))
			return -QEINVAL;
		to = v.end < end ? v.end : end;
		err = populate_errno(touch(mm, start, to, access));
		start = to;
	}
	return err;
}

/* A write fault where that breaks COW; a shared page would only become dirty for nothing. */
static enum quire_access lock_access(uint64_t flags)
{
	if ((flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		return QUIRE_WRITE;
	return flags & (VM_READ | VM_WRITE) ? QUIRE_READ : QUIRE_EXEC;
}

static int lock_errno(enum quire_fault_result r)
{
	if (r == QUIRE_FAULT_OK)
		return 0;
	return r == QUIRE_FAULT_OOM ? -QEAGAIN : -QENOMEM;
}

static int populate_view(struct quire_mm *mm, const struct view *v, uint64_t start, uint64_t end)
{
	if (v->flags & VM_LOCKONFAULT)
		return 0;
	if (!(v->flags & VM_ACCESS))
		return -QENOMEM;
	return lock_errno(touch(mm, start, end, lock_access(v->flags)));
}

int mm_populate_locked(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	int err = 0;

	while (start < end && !err) {
		struct view v;
		uint64_t to;

		if (!look(mm, start, &v) || v.start > start)
			return -QENOMEM;
		to = v.end < end ? v.end : end;
		err = populate_view(mm, &v, start, to);
		start = to;
	}
	return err;
}

static void populate_where(struct quire_mm *mm, uint64_t start, uint64_t end, uint64_t flags)
{
	struct view v;

	for (uint64_t a = start; a < end && look(mm, a, &v) && v.start < end; a = v.end)
		if ((v.flags & flags) == flags)
			populate_view(mm, &v, v.start > a ? v.start : a, v.end < end ? v.end : end);
}

void mm_populate_all(struct quire_mm *mm)
{
	populate_where(mm, 0, UINT64_MAX, 0);
}

void mm_populate_held(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	populate_where(mm, start, end, VM_LOCKED);
}
