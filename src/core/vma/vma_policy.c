/* SPDX-License-Identifier: MIT */
/*
 * vma_policy.c: the memory policies of ranges, as of mbind(2) (frame/policy.c has what they mean).
 *
 * Mappings that differ in them stay apart.  Changed by edits under M; pages that are there stay
 * where they are.
 */
#include "core/file/file.h"
#include "core/vma/edit.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

/* Of a VMA of the range: 1: it gets that policy; 0: it keeps its own; or -errno. */
typedef int (*change_fn)(const struct quire_machine *m, uint64_t *policy, uint64_t arg);

/* Of shared memory it is the object's policy, and that of the mapping, too. */
static int set_of_file(struct vma *vma, uint64_t start, uint64_t end, uint64_t policy)
{
	if (!vma->file || !file_has_policies(vma->file))
		return 0;
	return file_set_policy(vma->file, vma_pgoff(vma, start), vma_pgoff(vma, end) - 1, policy);
}

/* As the host, which looks no further than the mapping: the object may have another one by now. */
static int set_one(struct vma *vma, uint64_t start, uint64_t end, uint64_t policy)
{
	struct vma_edit e;
	struct vma *now;
	int err;

	if (vma->policy == policy)
		return 0;
	err = set_of_file(vma, start, end, policy);
	if (!err)
		err = vma_change_policy(&e, vma, start, end, policy, &now);
	if (!err)
		edit_finish(&e);
	return err;
}

static int change_one(struct vma *vma, uint64_t start, uint64_t end, change_fn change, uint64_t arg)
{
	uint64_t policy = vma->policy;
	int changes = change(vma->mm->machine, &policy, arg);
	int err = changes > 0 ? set_one(vma, start, end, policy) : changes;

	return err ? err : changes;
}

/* How many VMAs have changed, or -errno. */
static int change_range(struct quire_mm *mm, uint64_t start, uint64_t end, change_fn change,
			uint64_t arg)
{
	int changed = 0, one = 0;

	while (start < end && one >= 0) {
		struct vma *vma = vma_next(mm, start);
		uint64_t to;

		if (!vma || vma->start >= end)
			break;
		if (start < vma->start)
			start = vma->start;
		to = vma->end < end ? vma->end : end;
		one = change_one(vma, start, to, change, arg);
		changed += one;
		start = to;
	}
	return one < 0 ? one : changed;
}

static int replace(const struct quire_machine *m, uint64_t *policy, uint64_t by)
{
	(void)m;
	*policy = by;
	return 1;
}

static int set_home(const struct quire_machine *m, uint64_t *policy, uint64_t node)
{
	int err = *policy ? quire_policy_set_home(m, policy, (unsigned)node) : 0;

	return err ? err : *policy != 0;
}

/* Looked at before anything is changed. */
static int check_holes(struct quire_mm *mm, uint64_t start, uint64_t end, bool may_have)
{
	struct vma *vma = vma_next(mm, start);

	if (!vma || vma->start >= end)
		return -QEFAULT;
	while (!may_have && start < end) {
		vma = vma_find(mm, start);
		if (!vma)
			return -QEFAULT;
		start = vma->end;
	}
	return 0;
}

int quire_set_policy(struct quire_mm *mm, uint64_t addr, uint64_t len, uint64_t policy)
{
	uint64_t end = addr + PAGE_ALIGN(len);
	int err;

	if ((addr & ~PAGE_MASK) || end < addr)
		return -QEINVAL;
	if (end == addr)
		return 0;
	mm_lock(mm);
	err = check_holes(mm, addr, end, !policy);
	if (!err)
		err = change_range(mm, addr, end, replace, policy);
	mm_unlock(mm);
	return err < 0 ? err : 0;
}

static uint64_t policy_of(const struct vma *vma, uint64_t addr)
{
	return vma->file && file_has_policies(vma->file)
		   ? file_policy(vma->file, vma_pgoff(vma, addr))
		   : vma->policy;
}

int quire_policy_at(struct quire_mm *mm, uint64_t addr, uint64_t *policy)
{
	const struct quire_port *port = &mm->machine->port;
	struct vma *vma;

	rcu_read_lock(port);
	vma = vma_find(mm, addr);
	if (vma)
		*policy = policy_of(vma, addr);
	rcu_read_unlock(port);
	return vma ? 0 : -QEFAULT;
}

int quire_set_home_node(struct quire_mm *mm, uint64_t addr, uint64_t len, unsigned node)
{
	uint64_t end = addr + PAGE_ALIGN(len);
	int changed;

	if ((addr & ~PAGE_MASK) || node >= quire_machine_nodes(mm->machine) || end < addr)
		return -QEINVAL;
	if (end == addr)
		return 0;
	mm_lock(mm);
	changed = change_range(mm, addr, end, set_home, node);
	mm_unlock(mm);
	return changed > 0 ? 0 : changed ? changed : -QENOENT;
}
