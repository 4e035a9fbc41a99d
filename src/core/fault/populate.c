/* SPDX-License-Identifier: MIT */
/*
 * populate.c: faulting a range in ahead of its use.
 *
 * No lock is held.  Each page is an ordinary fault, after a lookup that keeps a miss from being
 * counted as a SIGSEGV; one fault may do several pages (fault.h, a run).  No stack is grown.
 * Mappings may change meanwhile; then the result is that of the moment at which each page was
 * reached.
 *
 *   1  Nothing counts as a hole before a lookup under M, as for a fault (fault.c, 1).
 *   2  Where a fault is refused, something has changed since the lookup, unless the page is a
 *      guard.  The page is looked up again, and the answer is about what is mapped by now.
 *   3  mlock() has failed for a hole before it comes here.  A hole that is found here was made
 *      since then.  It is passed over: otherwise a call that failed would have locked what comes
 *      after the hole.
 */
#include "core/fault/populate.h"
#include "core/vma/mm.h"

/* What populating needs to know of the VMA of an address, without keeping the VMA. */
struct view {
	uint64_t start, end, flags;
	int refused; /* vma_ops.may_populate */
};

/* R or M.  The first that ends above addr; none: one beyond all addresses. */
static struct view view_next(struct quire_mm *mm, uint64_t addr)
{
	const struct vma *vma = vma_next(mm, addr);
	struct view v = {.start = UINT64_MAX, .end = UINT64_MAX};

	if (!vma)
		return v;
	v = (struct view){.start = vma->start, .end = vma->end, .flags = vma->flags};
	if (vma->ops->may_populate)
		v.refused = vma->ops->may_populate(vma);
	return v;
}

static struct view look(struct quire_mm *mm, uint64_t addr)
{
	struct view v;

	rcu_read_lock(&mm->machine->port);
	v = view_next(mm, addr);
	rcu_read_unlock(&mm->machine->port);
	if (v.start <= addr || !RULE(miss_under_mmap_lock))
		return v;
	mm_lock(mm);
	v = view_next(mm, addr);
	mm_unlock(mm);
	return v;
}

/* From *at on; that is then where it has come to. */
static enum quire_fault_result touch(struct quire_mm *mm, uint64_t *at, uint64_t end,
				     enum quire_access access)
{
	enum quire_fault_reason why = QUIRE_REASON_NONE;
	enum quire_fault_result r = QUIRE_FAULT_OK;

	while (*at < end && (r = mm_fault_in_run(mm, at, end, access, &why)) == QUIRE_FAULT_OK)
		;
	return r == QUIRE_FAULT_SEGV && why != QUIRE_REASON_GUARD && RULE(populate_looks_again)
		   ? QUIRE_FAULT_OK
		   : r;
}

static int populate_errno(enum quire_fault_result r)
{
	switch (r) {
	case QUIRE_FAULT_OK:
		return 0;
	case QUIRE_FAULT_BUS:
	case QUIRE_FAULT_SEGV: /* a guard */
		return -QEFAULT;
	case QUIRE_FAULT_OOM:
		break;
	}
	return -QENOMEM;
}

int mm_populate(struct quire_mm *mm, uint64_t start, uint64_t end, enum quire_access access)
{
	uint64_t need = access == QUIRE_WRITE ? VM_WRITE : VM_READ;
	int err = 0;

	while (start < end && !err) {
		struct view v = look(mm, start);

		if (v.start > start)
			return -QENOMEM;
		if (v.refused)
			return v.refused;
		if (!(v.flags & need))
			return -QEINVAL;
		err = populate_errno(touch(mm, &start, v.end < end ? v.end : end, access));
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

/* From *at on, in the VMA that was looked at. */
static int populate_view(struct quire_mm *mm, const struct view *v, uint64_t *at, uint64_t end)
{
	if (v->flags & VM_LOCKONFAULT) {
		*at = end;
		return 0;
	}
	if (!(v->flags & VM_ACCESS))
		return -QENOMEM;
	return lock_errno(touch(mm, at, end, lock_access(v->flags)));
}

/* What has all of the flags.  `careless`: what cannot be populated is passed over. */
static int populate_where(struct quire_mm *mm, uint64_t start, uint64_t end, uint64_t flags,
			  bool careless)
{
	int err = 0;

	while (start < end) {
		struct view v = look(mm, start);
		uint64_t to = v.end < end ? v.end : end;

		if (v.start > start) /* invariant 3 */
			start = v.start;
		else if ((v.flags & flags) != flags || v.refused)
			start = to;
		else if ((err = populate_view(mm, &v, &start, to)) && !careless)
			return err;
		else if (err)
			start = to;
	}
	return 0;
}

int mm_populate_locked(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	return populate_where(mm, start, end, 0, false);
}

void mm_populate_all(struct quire_mm *mm)
{
	populate_where(mm, 0, UINT64_MAX, 0, true);
}

void mm_populate_held(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	populate_where(mm, start, end, VM_LOCKED, true);
}
