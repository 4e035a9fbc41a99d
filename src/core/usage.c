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
#define PAGE_PSS (PAGE_SIZE << PSS_SHIFT)

/* Under which names a present page counts: bits of its class. */
#define CLASS_ANON 1u
#define CLASS_SHMEM 2u /* neither: a file's */
#define CLASS_DIRTY 4u
#define CLASS_SHARED 8u
#define NR_CLASSES 16u

/* The pages of one VMA. */
struct tally {
	uint64_t pages[NR_CLASSES], pss[NR_CLASSES]; /* pss: bytes, shifted */
	uint64_t referenced, external, lazyfree;     /* pages */
	int32_t mapcount;                            /* the last that was divided by */
	uint64_t part;                               /* what came out */
};

/* Most shared pages are shared by as many as the one before. */
static uint64_t part_of_page(struct tally *t, int32_t mapcount)
{
	if (unlikely(mapcount != t->mapcount)) {
		t->mapcount = mapcount;
		t->part = PAGE_PSS / (uint32_t)mapcount;
	}
	return t->part;
}

static void add_folio(struct tally *t, pte_t e, const struct folio *f)
{
	uint32_t flags = at_load_relaxed(&f->flags);
	int32_t mapcount = at_load_relaxed(&f->mapcount);
	bool dirty = (e & PTE_DIRTY) || (flags & FOLIO_DIRTY);
	unsigned class = (flags & FOLIO_ANON ? CLASS_ANON : 0) |
			 (flags & FOLIO_SHMEM ? CLASS_SHMEM : 0) | (dirty ? CLASS_DIRTY : 0) |
			 (mapcount > 1 ? CLASS_SHARED : 0);

	t->pages[class]++;
	t->pss[class] += mapcount > 1 ? part_of_page(t, mapcount) : PAGE_PSS;
	if (unlikely(flags & FOLIO_LAZYFREE) && (class & (CLASS_ANON | CLASS_DIRTY)) == CLASS_ANON)
		t->lazyfree++;
}

static void add_external(struct tally *t, pte_t e)
{
	unsigned class = e & PTE_DIRTY ? CLASS_DIRTY : 0;

	t->external++;
	t->pages[class]++;
	t->pss[class] += PAGE_PSS;
}

static inline void add_entry(struct tally *t, const struct quire_machine *m, pte_t e)
{
	bool external = (e & PTE_EXTERNAL) != 0;

	if (!pte_present(e) || (!external && pte_frame(e) == m->zero_pfn))
		return;
	t->referenced += (e & PTE_ACCESSED) != 0;
	if (unlikely(external))
		add_external(t, e);
	else
		add_folio(t, e, pfn_folio(m, pte_frame(e)));
}

static void add_table(struct tally *t, const struct vma *vma, uint64_t addr, uint64_t end)
{
	const struct quire_machine *m = vma->mm->machine;
	struct pt_ref ref;

	if (!pt_lock(vma->mm, addr, &ref))
		return;
	if (ref.table->pt.used)
		for (; addr < end; addr += PAGE_SIZE)
			add_entry(t, m, at_load_relaxed(ref.entry++));
	pt_unlock(&ref);
}

static void add_class(struct quire_usage *u, unsigned class, uint64_t bytes, uint64_t pss)
{
	bool shared = (class & CLASS_SHARED) != 0;

	u->rss += bytes;
	u->pss_shifted += pss;
	if (class & CLASS_ANON) {
		u->anonymous += bytes;
		u->pss_anon_shifted += pss;
	} else if (class & CLASS_SHMEM) {
		u->pss_shmem_shifted += pss;
	} else {
		u->pss_file_shifted += pss;
	}
	if (class & CLASS_DIRTY) {
		u->pss_dirty_shifted += pss;
		*(shared ? &u->shared_dirty : &u->private_dirty) += bytes;
	} else {
		*(shared ? &u->shared_clean : &u->private_clean) += bytes;
	}
}

static void add_tally(struct quire_usage *u, const struct tally *t, bool locked)
{
	for (unsigned class = 0; class < NR_CLASSES; class ++) {
		add_class(u, class, t->pages[class] * PAGE_SIZE, t->pss[class]);
		if (locked)
			u->locked_pss_shifted += t->pss[class];
	}
	u->referenced += t->referenced * PAGE_SIZE;
	u->external += t->external * PAGE_SIZE;
	u->lazyfree += t->lazyfree * PAGE_SIZE;
}

static void add_vma(struct quire_usage *u, const struct vma *vma, uint64_t addr, uint64_t end)
{
	struct tally t = {.mapcount = 1, .part = PAGE_PSS};

	while ((addr = pt_skip_holes(vma->mm, addr, end)) < end) {
		uint64_t next = pt_table_end(addr, end);

		add_table(&t, vma, addr, next);
		addr = next;
	}
	add_tally(u, &t, (vma->flags & VM_LOCKED) != 0);
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
