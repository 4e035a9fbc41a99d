/* SPDX-License-Identifier: MIT */
/*
 * limits.c: what an address space may have: resource limits and overcommit.
 *
 * Owns the totals in struct quire_mm (M), and with mapping.c machine->committed (A).
 * setrlimit(2) and proc(5) give the rules: RLIMIT_AS counts everything,
 * RLIMIT_DATA private writable memory that is no stack, RLIMIT_MEMLOCK what is
 * locked, of whoever has no privilege (port->privileged, asked only beyond the limit).  Overcommit
 * is Linux's mode 0: one request is refused only if it is more than all of RAM.
 */
#include "core/vma/limits.h"

static bool is_data(uint64_t flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

static bool is_code(uint64_t flags)
{
	return (flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC;
}

static void add(uint64_t *total, int64_t pages)
{
	*total += (uint64_t)pages;
}

/* Inline: the sign is a constant then. */
static inline void count_vma(struct quire_mm *mm, const struct vma *vma, int sign)
{
	int64_t pages = (int64_t)vma_pages(vma) * sign;
	uint64_t flags = vma->flags;

	add(&mm->total_vm, pages);
	if (is_data(flags))
		add(&mm->data_vm, pages);
	if (!(flags & (VM_EXEC | VM_GROWSDOWN | VM_LOCKED)))
		return;
	if (is_code(flags))
		add(&mm->exec_vm, pages);
	if (flags & VM_GROWSDOWN)
		add(&mm->stack_vm, pages);
	if (flags & VM_LOCKED)
		add(&mm->locked_vm, pages);
}

static void commit(struct quire_mm *mm, int64_t pages)
{
	if (pages)
		atomic_add_relaxed(&mm->machine->committed, (uint64_t)pages);
}

void mm_account_vma(struct quire_mm *mm, const struct vma *vma, int sign)
{
	count_vma(mm, vma, sign);
	commit(mm, (int64_t)vma_charged(vma) * sign);
}

static void raise(uint64_t *peak, uint64_t now)
{
	if (now > *peak)
		*peak = now;
}

void mm_note_peaks(struct quire_mm *mm)
{
	raise(&mm->peak_total_vm, mm->total_vm);
	raise(&mm->peak_locked_vm, mm->locked_vm);
	raise(&mm->peak_vmas, rtree_count(&mm->vmas));
}

void mm_note_request(struct quire_mm *mm, int64_t pages)
{
	if (pages > 0)
		raise(&mm->largest_request, (uint64_t)pages);
}

void mm_account_edit(struct quire_mm *mm, const struct vma *added, const struct vma *removed)
{
	int64_t more = 0;

	for (const struct vma *v = added; v; v = v->chain) {
		count_vma(mm, v, 1);
		more += (int64_t)vma_charged(v);
	}
	for (const struct vma *v = removed; v; v = v->chain) {
		count_vma(mm, v, -1);
		more -= (int64_t)vma_charged(v);
	}
	commit(mm, more);
	mm_note_peaks(mm);
	mm_note_request(mm, more);
}

static bool within(uint64_t have, int64_t more, uint64_t limit_bytes)
{
	return have + (uint64_t)more <= limit_bytes >> PAGE_SHIFT;
}

static uint64_t limit(struct quire_mm *mm, enum quire_rlimit which)
{
	return atomic_load_relaxed(&mm->rlimit[which]);
}

/* Valgrind sets a limit of 0, so that no heap grows by brk(2), and maps data all the same. */
static uint64_t data_limit(struct quire_mm *mm)
{
	uint64_t soft = limit(mm, QUIRE_RLIMIT_DATA);

	return soft ? soft : atomic_load_relaxed(&mm->data_rlimit_max);
}

/* A limit may have been lowered below what there is: then even what adds nothing is refused. */
bool mm_may_expand(struct quire_mm *mm, uint64_t flags, int64_t pages)
{
	if (!within(mm->total_vm, pages, limit(mm, QUIRE_RLIMIT_AS)))
		return false;
	return !is_data(flags) || within(mm->data_vm, pages, data_limit(mm));
}

bool mm_privileged(struct quire_mm *mm, enum quire_privilege which)
{
	const struct quire_port *port = &mm->machine->port;

	if (port->privileged)
		return port->privileged(port->ctx, mm, mm->cookie, which);
	return which == QUIRE_MAY_LOCK && mm->ignore_memlock;
}

bool mm_may_lock(struct quire_mm *mm, uint64_t flags, int64_t pages)
{
	/* Even what adds nothing is refused to an mm over the limit, once a privilege is gone. */
	if (!(flags & VM_LOCKED) || within(mm->locked_vm, pages, limit(mm, QUIRE_RLIMIT_MEMLOCK)))
		return true;
	return mm_privileged(mm, QUIRE_MAY_LOCK);
}

bool mm_can_lock(struct quire_mm *mm)
{
	return limit(mm, QUIRE_RLIMIT_MEMLOCK) != 0 || mm_privileged(mm, QUIRE_MAY_LOCK);
}

bool mm_may_commit(const struct quire_mm *mm, int64_t pages)
{
	return pages <= 0 || machine_may_commit(mm->machine, (uint64_t)pages);
}

bool flags_accountable(uint64_t flags)
{
	return (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}
