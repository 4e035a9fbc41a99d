/* SPDX-License-Identifier: MIT */
/*
 * usage.c: what a range uses, in the terms of /proc/PID/smaps (proc_pid_smaps(5)).
 *
 * Owns nothing and takes no M: VMAs are found under RCU, entries are read under each table's
 * PTL, so a reader holds up neither mmap nor the faults of other tables.
 *
 * A page counts as shared when more than one entry maps it, and its part of Pss is its size
 * divided by their number.  External frames count as file pages mapped once: who else maps
 * them only the embedder knows.  The zero page counts nowhere.
 */
#include "core/range.h"

#define PSS_SHIFT 12

/* One present page, before it is known under which names it counts. */
struct page_use {
	uint64_t pss; /* shifted */
	bool dirty, shared, anon, shmem, locked;
};

static void add_page(struct quire_usage *u, const struct page_use *p)
{
	u->pss_shifted += p->pss;
	if (p->anon)
		u->pss_anon_shifted += p->pss;
	else if (p->shmem)
		u->pss_shmem_shifted += p->pss;
	else
		u->pss_file_shifted += p->pss;
	if (p->locked)
		u->locked_pss_shifted += p->pss;
	if (p->dirty) {
		u->pss_dirty_shifted += p->pss;
		*(p->shared ? &u->shared_dirty : &u->private_dirty) += PAGE_SIZE;
	} else {
		*(p->shared ? &u->shared_clean : &u->private_clean) += PAGE_SIZE;
	}
}

static void describe_folio(struct quire_usage *u, const struct folio *f, struct page_use *p)
{
	uint32_t flags = at_load_relaxed(&f->flags);
	int32_t mapcount = at_load_relaxed(&f->mapcount);

	p->anon = (flags & FOLIO_ANON) != 0;
	p->shmem = (flags & FOLIO_SHMEM) != 0;
	p->dirty |= (flags & FOLIO_DIRTY) != 0;
	p->shared = mapcount > 1;
	if (p->shared)
		p->pss /= (uint64_t)mapcount;
	if (p->anon)
		u->anonymous += PAGE_SIZE;
	if (p->anon && (flags & FOLIO_LAZYFREE) && !p->dirty)
		u->lazyfree += PAGE_SIZE;
}

static void add_entry(struct quire_usage *u, const struct vma *vma, pte_t e)
{
	struct quire_machine *m = vma->mm->machine;
	struct page_use p = {.pss = PAGE_SIZE << PSS_SHIFT,
			     .dirty = (e & PTE_DIRTY) != 0,
			     .locked = (vma->flags & VM_LOCKED) != 0};

	if (!pte_present(e) || (!(e & PTE_EXTERNAL) && pte_frame(e) == m->zero_pfn))
		return;
	u->rss += PAGE_SIZE;
	if (e & PTE_ACCESSED)
		u->referenced += PAGE_SIZE;
	if (e & PTE_EXTERNAL)
		u->external += PAGE_SIZE;
	else
		describe_folio(u, pfn_folio(m, pte_frame(e)), &p);
	add_page(u, &p);
}

static void add_table(struct quire_usage *u, const struct vma *vma, uint64_t addr, uint64_t end)
{
	struct pt_ref ref;

	if (!pt_lock(vma->mm, addr, &ref))
		return;
	if (ref.table->pt.used)
		for (; addr < end; addr += PAGE_SIZE)
			add_entry(u, vma, at_load_relaxed(ref.entry++));
	pt_unlock(&ref);
}

static void add_vma(struct quire_usage *u, const struct vma *vma, uint64_t addr, uint64_t end)
{
	while ((addr = pt_skip_holes(vma->mm, addr, end)) < end) {
		uint64_t next = pt_table_end(addr, end);

		add_table(u, vma, addr, next);
		addr = next;
	}
}

void quire_range_usage_sized(struct quire_mm *mm, uint64_t start, uint64_t end,
			     struct quire_usage *out, size_t size)
{
	const struct quire_port *port = &mm->machine->port;
	struct quire_usage usage = {0};
	struct vma *vma;

	start &= PAGE_MASK;
	end = end > mm->machine->task_size ? mm->machine->task_size : PAGE_ALIGN(end);
	rcu_read_lock(port);
	while (start < end && (vma = vma_next(mm, start)) && vma->start < end) {
		uint64_t from = vma->start > start ? vma->start : start;

		start = vma->end < end ? vma->end : end;
		add_vma(&usage, vma, from, start);
	}
	rcu_read_unlock(port);
	fill_sized(out, size, &usage, sizeof(usage));
}
