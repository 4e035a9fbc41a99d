/* SPDX-License-Identifier: MIT */
/*
 * vma_merge.c: when two VMAs are one.
 *
 * Adjacent mappings are merged as Linux merges them, which /proc/PID/maps and
 * the map count show: the same flags (soft-dirty aside, which the merged VMA
 * has if either had it), the same file and policy, and offsets that continue.  Anonymous
 * memory has an offset too, the address at which it was first mapped, so that
 * what mremap has moved only merges with what moved along with it.
 * All of this runs inside an edit, under M.
 */
#include "core/edit.h"

static bool flags_match(uint64_t a, uint64_t b)
{
	return !((a ^ b) & ~VM_SOFTDIRTY);
}

static uint64_t spec_end_pgoff(const struct vma_spec *s)
{
	return s->pgoff + ((s->end - s->start) >> PAGE_SHIFT);
}

/* b follows a without a gap, in the address space and in the file. */
static bool mergeable(const struct vma_spec *a, const struct vma_spec *b)
{
	return a->end == b->start && a->file == b->file && flags_match(a->flags, b->flags) &&
	       a->policy == b->policy && spec_end_pgoff(a) == b->pgoff;
}

static struct vma *merge_left(struct vma_edit *e, struct vma_spec *s)
{
	struct vma *prev = rtree_prev(edit_view(e), s->start, NULL);
	struct vma_spec p;

	if (!prev)
		return NULL;
	p = vma_spec_of(prev, prev->start, prev->end);
	if (!mergeable(&p, s))
		return NULL;
	s->start = p.start;
	s->pgoff = p.pgoff;
	s->flags |= p.flags;
	return prev;
}

static struct vma *merge_right(struct vma_edit *e, struct vma_spec *s)
{
	struct vma *next = rtree_find(edit_view(e), s->end, NULL);
	struct vma_spec n;

	if (!next)
		return NULL;
	n = vma_spec_of(next, next->start, next->end);
	if (!mergeable(s, &n))
		return NULL;
	s->end = n.end;
	s->flags |= n.flags;
	return next;
}

struct vma *edit_add_merged(struct vma_edit *e, const struct vma_spec *spec)
{
	struct vma_spec s = *spec;
	struct vma *prev, *next;

	if (e->err)
		return NULL;
	prev = merge_left(e, &s);
	next = merge_right(e, &s);
	if (prev)
		edit_remove(e, prev);
	if (next)
		edit_remove(e, next);
	return edit_add(e, &s);
}

int vma_change_flags(struct vma_edit *e, struct vma *vma, uint64_t start, uint64_t end,
		     uint64_t flags, struct vma **out)
{
	struct vma_spec s = vma_spec_of(vma, start, end);

	s.flags = flags;
	return vma_change(e, vma, &s, out);
}

int vma_change(struct vma_edit *e, struct vma *vma, const struct vma_spec *s, struct vma **out)
{
	int err;

	edit_begin(e, vma->mm);
	edit_cut(e, s->start, s->end);
	*out = edit_add_merged(e, s);
	err = edit_check(e);
	if (err) {
		edit_abort(e);
		return err;
	}
	edit_commit(e);
	return 0;
}

/* A fault that saw the VMA alive under this table's PTL has inserted its entry by now. */
static bool table_has_anon(struct quire_mm *mm, uint64_t addr, uint64_t end)
{
	struct pt_ref ref;
	bool found = false;

	if (!pt_lock(mm, addr, &ref))
		return false;
	if (ref.table->pt.used)
		for (; addr < end && !found; addr += PAGE_SIZE)
			found = pte_anon(mm->machine, at_load_relaxed(ref.entry++));
	pt_unlock(&ref);
	return found;
}

bool vma_has_anon(struct vma *vma)
{
	uint64_t addr = vma->start;

	at_fence(); /* a fault sees the mark, or makes its table in our sight */
	while ((addr = pt_skip_holes(vma->mm, addr, vma->end)) < vma->end) {
		uint64_t next = pt_table_end(addr, vma->end);

		if (table_has_anon(vma->mm, addr, next))
			return true;
		addr = next;
	}
	return false;
}
