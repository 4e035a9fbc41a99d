/* SPDX-License-Identifier: MIT */
/*
 * usage.c: what a range uses, in the terms of /proc/PID/smaps (proc_pid_smaps(5)).
 *
 * Owns nothing and takes no M, but after it has met an mremap (moves.h): VMAs are found under RCU,
 * entries are read under each table's PTL, so a reader holds up neither mmap nor the faults of
 * other tables.  A page that an mremap moves is found once, at one of its addresses.
 *
 * A page counts as shared when more than one entry maps it, and its part of Pss is its size
 * divided by their number.  External frames count as file pages mapped once: who else maps
 * them only the embedder knows.  The zero page counts nowhere, and huge pages of pools by
 * themselves.
 */
#include "core/base/sized.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/vma/moves.h"

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
	uint64_t pages[NR_CLASSES], pss[NR_CLASSES];   /* pss: bytes, shifted */
	uint64_t referenced, external, lazyfree, swap; /* pages */
	uint64_t hugetlb[2];                           /* pages, of one mapping and of more */
	uint64_t file_hugetlb, dirty_hugetlb;          /* of them, a file's; private dirty ones */
};

/* Pages side by side are mostly alike: they are counted before they are added, all at once. */
struct alike {
	uint64_t pages;
	pte_t bits; /* of their entries: those of ALIKE_BITS */
	uint32_t flags;
	int32_t mapcount;
};
#define ALIKE_BITS (PTE_ACCESSED | PTE_DIRTY)

static unsigned class_of(const struct alike *a)
{
	bool dirty = (a->bits & PTE_DIRTY) || (a->flags & FOLIO_DIRTY);

	return (a->flags & FOLIO_ANON ? CLASS_ANON : 0) |
	       (a->flags & FOLIO_SHMEM ? CLASS_SHMEM : 0) | (dirty ? CLASS_DIRTY : 0) |
	       (a->mapcount > 1 ? CLASS_SHARED : 0);
}

/* The zero page counts nowhere. */
static void add_alike(struct tally *t, const struct alike *a)
{
	unsigned class = class_of(a);

	if (entry_kind_by_flags(a->flags) == ENTRY_ZERO)
		return;
	t->pages[class] += a->pages;
	t->pss[class] += a->pages * (a->mapcount > 1 ? PAGE_PSS / (uint32_t)a->mapcount : PAGE_PSS);
	if (a->bits & PTE_ACCESSED)
		t->referenced += a->pages;
	if ((a->flags & FOLIO_LAZYFREE) && (class & (CLASS_ANON | CLASS_DIRTY)) == CLASS_ANON)
		t->lazyfree += a->pages;
}

static void add_external(struct tally *t, pte_t e, unsigned pages)
{
	unsigned class = e & PTE_DIRTY ? CLASS_DIRTY : 0;

	t->external += pages;
	t->referenced += e & PTE_ACCESSED ? pages : 0;
	t->pages[class] += pages;
	t->pss[class] += pages * PAGE_PSS;
}

/*
 * Entries of a large folio, which are not counted page by page: each page is taken to be mapped as
 * often as the folio's pages are on average, rounded up.
 */
static void add_large(struct tally *t, pte_t e, const struct folio *f, unsigned pages)
{
	uint32_t of = folio_pages(f), mapcount = (uint32_t)atomic_load_relaxed(&f->mapcount);
	const struct alike a = {.pages = pages,
				.bits = e & ALIKE_BITS,
				.flags = atomic_load_relaxed(&f->flags),
				.mapcount = (int32_t)((mapcount + of - 1) / of)};

	if (!(a.flags & FOLIO_HUGETLB)) {
		add_alike(t, &a);
		return;
	}
	t->hugetlb[a.mapcount > 1] += pages;
	if (!(a.flags & FOLIO_ANON))
		t->file_hugetlb += pages;
	else if ((a.bits & PTE_DIRTY) || (a.flags & FOLIO_DIRTY))
		t->dirty_hugetlb += pages;
}

/* Not like what was counted last.  Pages of a large folio are like none. */
static __attribute__((noinline)) void add_unlike(struct tally *t, struct alike *a, pte_t e,
						 const struct quire_machine *m, unsigned pages)
{
	const struct folio *f = pfn_folio(m, pte_frame(e)); /* the frame's own */
	uint32_t flags = atomic_load_relaxed(&f->flags);

	if (flags & (FOLIO_LARGE | FOLIO_TAIL)) {
		add_large(t, e, entry_folio(m, e), pages);
		return;
	}
	add_alike(t, a);
	*a = (struct alike){pages, e & ALIKE_BITS, flags, atomic_load_relaxed(&f->mapcount)};
}

static inline void add_folio(struct tally *t, struct alike *a, pte_t e,
			     const struct quire_machine *m, unsigned pages)
{
	const struct folio *f = pfn_folio(m, pte_frame(e));

	if (unlikely((e & ALIKE_BITS) != a->bits || atomic_load_relaxed(&f->flags) != a->flags ||
		     atomic_load_relaxed(&f->mapcount) != a->mapcount))
		add_unlike(t, a, e, m, pages);
	else
		a->pages += pages;
}

/* Entries that map no page of RAM; a page on its way to another frame counts as ever. */
static __attribute__((noinline)) void add_other(struct tally *t, const struct quire_machine *m,
						pte_t e, unsigned pages)
{
	switch (entry_kind(m, e)) {
	case ENTRY_NONE:
	case ENTRY_MARKER:
		return;
	case ENTRY_EXTERNAL:
		add_external(t, e, pages);
		return;
	case ENTRY_MIGRATION:
		add_large(t, migration_back(e, 0), migration_folio(m, e), pages);
		return;
	case ENTRY_SWAP:
		t->swap += pages;
		return;
	case ENTRY_ZERO:
	case ENTRY_ANON:
	case ENTRY_CACHE:
	case ENTRY_UNKNOWN:
		break;
	}
	entry_unknown(m);
}

/* The zero page, too: add_alike() leaves it out. */
static inline void add_entry(struct tally *t, struct alike *a, const struct quire_machine *m,
			     pte_t e, unsigned pages)
{
	if (likely(entry_names_ram(e)))
		add_folio(t, a, e, m, pages);
	else if (!entry_none(e))
		add_other(t, m, e, pages);
}

static void add_piece(struct tally *t, const struct quire_machine *m, struct pt_cursor c)
{
	struct alike a = {0};

	pt_for_each_entry (&c)
		add_entry(t, &a, m, atomic_load_relaxed(c.entry), pt_pages(&c));
	add_alike(t, &a);
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
	u->swap += t->swap * PAGE_SIZE;
	u->private_hugetlb += t->hugetlb[0] * PAGE_SIZE;
	u->shared_hugetlb += t->hugetlb[1] * PAGE_SIZE;
	u->file_hugetlb += t->file_hugetlb * PAGE_SIZE;
	u->dirty_hugetlb += t->dirty_hugetlb * PAGE_SIZE;
}

static void add_vma(struct quire_usage *u, const struct vma *vma, uint64_t addr, uint64_t end)
{
	const struct quire_machine *m = vma->mm->machine;
	struct tally t = {0};
	struct pt_cursor c;

	pt_cursor_begin(&c, vma->mm, addr, end);
	while (pt_next_piece(&c))
		if (c.ref.table->pt.used)
			add_piece(&t, m, c);
	add_tally(u, &t, (vma->flags & VM_LOCKED) != 0);
}

static void add_range(struct quire_usage *u, struct quire_mm *mm, uint64_t start, uint64_t end)
{
	const struct quire_port *port = &mm->machine->port;
	struct vma *vma;

	rcu_read_lock(port);
	while (start < end && (vma = vma_next(mm, start)) && vma->start < end) {
		uint64_t from = vma->start > start ? vma->start : start;

		start = vma->end < end ? vma->end : end;
		add_vma(u, vma, from, start);
	}
	rcu_read_unlock(port);
}

void quire_range_usage_sized(struct quire_mm *mm, uint64_t start, uint64_t end,
			     struct quire_usage *out, size_t size)
{
	struct quire_usage usage;
	struct moves_reader r;

	start &= PAGE_MASK;
	end = end > mm->machine->task_size ? mm->machine->task_size : PAGE_ALIGN(end);
	moves_begin(&r, mm);
	do {
		usage = (struct quire_usage){0};
		add_range(&usage, mm, start, end);
	} while (moves_met(&r));
	fill_sized(out, size, &usage, sizeof(usage));
}
