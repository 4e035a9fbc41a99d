/* SPDX-License-Identifier: MIT */
/*
 * verify_mm.c: one address space for quire_verify(): its VMAs, its tables, its entries.
 *
 * Owns nothing and takes no lock: the machine is quiescent.
 */
#include "core/frame/folio.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/mapcount.h"
#include "core/verify/verify.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

struct mm_check {
	struct verify *v;
	struct quire_mm *mm;
	struct vma *vma;   /* the one that ends above the entry looked at; NULL: none does */
	uint64_t vma_from; /* vma is right for addresses from here on */
	uint64_t tables;
	int64_t rss[MM_NR_PAGES];
};

static void same(struct verify *v, const struct quire_mm *mm, const char *what, uint64_t counted,
		 uint64_t found)
{
	if (counted != found)
		verify_bad(v, "mm %p: %s: %lu counted, %lu found", (const void *)mm, what, counted,
			   found);
}

/* -------------------------------------------------------------------- VMAs */

struct totals {
	uint64_t vmas, total, data, exec, stack, locked;
};

static void add_vma(struct verify *v, struct totals *t, const struct vma *vma)
{
	uint64_t n = vma_pages(vma), f = vma->flags;

	t->vmas++;
	t->total += n;
	if ((f & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE)
		t->data += n;
	if ((f & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC)
		t->exec += n;
	if (f & VM_GROWSDOWN)
		t->stack += n;
	if (f & VM_LOCKED)
		t->locked += n;
	if (f & VM_ACCOUNT)
		v->committed += n;
	if (vma->file)
		v->file_vmas++;
}

static void verify_vma(struct verify *v, struct quire_mm *mm, const struct vma *vma,
		       const struct rtree_range *r)
{
	if (vma->start != r->start || vma->end != r->end)
		verify_bad(v, "mm %p: VMA %lx-%lx stands at %lx-%lx", (void *)mm, vma->start,
			   vma->end, r->start, r->end);
	if (vma->start >= vma->end || (vma->start | vma->end) % PAGE_SIZE ||
	    vma->end > v->m->task_size)
		verify_bad(v, "mm %p: VMA %lx-%lx is no range of pages", (void *)mm, vma->start,
			   vma->end);
	if ((vma->start | vma->end) & (ops_page_size(vma->ops) - 1))
		verify_bad(v, "mm %p: VMA %lx-%lx is no range of its large pages", (void *)mm,
			   vma->start, vma->end);
	if (vma_is_dead(vma) || vma->mm != mm || !vma->ops)
		verify_bad(v, "mm %p: VMA %lx-%lx is dead or foreign", (void *)mm, vma->start,
			   vma->end);
	if (vma->file ? vma->anon_delta && !vma->anon_id
		      : vma_anon_index(vma, vma->start) != vma->pgoff)
		verify_bad(v, "mm %p: VMA %lx-%lx looks for private pages at %lx", (void *)mm,
			   vma->start, vma->end, vma_anon_index(vma, vma->start));
	if (vma->file && !vma->in_mapping)
		verify_bad(v, "mm %p: VMA %lx-%lx is not in its file's interval tree", (void *)mm,
			   vma->start, vma->end);
}

static void verify_vmas(struct verify *v, struct quire_mm *mm)
{
	const char *why = rtree_check(&mm->vmas);
	struct totals t = {0};
	struct rtree_range r;
	struct vma *vma;

	if (why) {
		verify_bad(v, "mm %p: VMA tree: %s", (void *)mm, why);
		return;
	}
	rtree_for_each (&mm->vmas, 0, UINT64_MAX, r, vma) {
		verify_vma(v, mm, vma, &r);
		add_vma(v, &t, vma);
	}
	same(v, mm, "VMAs", rtree_count(&mm->vmas), t.vmas);
	same(v, mm, "total_vm", mm->total_vm, t.total);
	same(v, mm, "data_vm", mm->data_vm, t.data);
	same(v, mm, "exec_vm", mm->exec_vm, t.exec);
	same(v, mm, "stack_vm", mm->stack_vm, t.stack);
	same(v, mm, "locked_vm", mm->locked_vm, t.locked);
}

/* ----------------------------------------------------------------- entries */

static void bad_entry(struct mm_check *c, uint64_t addr, pte_t e, const char *what)
{
	verify_bad(c->v, "mm %p: %lx: entry %lx %s", (void *)c->mm, addr, e, what);
}

static struct vma *vma_at(struct mm_check *c, uint64_t addr)
{
	if (addr >= c->vma_from) {
		c->vma = vma_next(c->mm, addr);
		c->vma_from = c->vma ? c->vma->end : UINT64_MAX;
	}
	return c->vma && c->vma->start <= addr ? c->vma : NULL;
}

static void verify_rights(struct mm_check *c, const struct vma *vma, uint64_t addr, pte_t e)
{
	if ((e & PTE_WRITE) && !(vma->flags & VM_WRITE))
		bad_entry(c, addr, e, "is writable, its VMA is not");
	if (!(e & PTE_NX) && !(vma->flags & VM_EXEC))
		bad_entry(c, addr, e, "is executable, its VMA is not");
	if ((e & PTE_USER) && !(vma->flags & VM_ACCESS))
		bad_entry(c, addr, e, "is accessible, its VMA is not");
	if (!(e & PTE_SHARED) != !(vma->flags & VM_MAYSHARE))
		bad_entry(c, addr, e, "and its VMA differ in being shared");
}

static void verify_anon(struct mm_check *c, const struct vma *vma, uint64_t addr, pte_t e,
			const struct folio *f)
{
	if (vma->flags & VM_MAYSHARE)
		bad_entry(c, addr, e, "maps an anonymous page in a shared mapping");
	if ((e & PTE_WRITE) && !folio_test(f, FOLIO_EXCLUSIVE))
		bad_entry(c, addr, e, "may write a page that is not exclusive");
	if (!vma->anon_id)
		bad_entry(c, addr, e, "maps a private page in a VMA that was never touched");
	if (folio_index(c->v->m, f, pte_frame(e)) != vma_anon_index(vma, addr))
		bad_entry(c, addr, e, "maps a private page that would be looked for elsewhere");
	verify_found(c->v, c->mm, addr, f, pte_frame(e));
}

static void verify_cache_entry(struct mm_check *c, const struct vma *vma, uint64_t addr, pte_t e,
			       const struct folio *f)
{
	if (!vma->file || f->mapping != &vma->file->mapping ||
	    folio_index(c->v->m, f, pte_frame(e)) != vma_pgoff(vma, addr))
		bad_entry(c, addr, e, "maps a page that is not its file's");
	if ((e & PTE_WRITE) && !(vma->flags & VM_SHARED))
		bad_entry(c, addr, e, "may write the page cache from a private mapping");
	if (!folio_test(f, FOLIO_UPTODATE))
		bad_entry(c, addr, e, "maps a page without content");
	if ((e & (PTE_WRITE | PTE_DIRTY)) && vma->file && vma->file->ops.write_page &&
	    !folio_test(f, FOLIO_DIRTY)) /* writeback.c, 2 */
		bad_entry(c, addr, e, "is written to, and its page is not dirty");
}

/* A private copy may stand in any mapping that is private: verify_anon(). */
static void verify_kind(struct mm_check *c, const struct vma *vma, uint64_t addr, pte_t e,
			enum entry_kind kind)
{
	if (kind != ENTRY_ANON && !(vma->ops->entries & 1u << kind))
		bad_entry(c, addr, e, "is of a kind that its mapping does not have");
}

/* n: pages that the entry maps, from the first on. */
static void verify_ram(struct mm_check *c, const struct vma *vma, uint64_t addr, pte_t e,
		       unsigned n)
{
	struct quire_machine *m = c->v->m;
	struct expected *x = verify_frame(c->v, pte_frame(e));
	struct folio *f;

	if (!x || pte_frame(e) >= m->nr_ram) {
		bad_entry(c, addr, e, "names no frame of RAM");
		return;
	}
	verify_kind(c, vma, addr, e, entry_kind(m, e));
	if (entry_kind(m, e) == ENTRY_ZERO) {
		if (e & PTE_WRITE)
			bad_entry(c, addr, e, "may write the zero page");
		return;
	}
	f = frame_folio(m, pte_frame(e));
	if (n > 1 && (f != pfn_folio(m, pte_frame(e)) || folio_pages(f) != n))
		bad_entry(c, addr, e, "is a leaf, and maps no folio as a whole");
	verify_entry_of(c->v, f, pte_frame(e), n);
	c->rss[rss_counter(f)] += n;
	if (folio_test(f, FOLIO_TABLE))
		bad_entry(c, addr, e, "maps a page table");
	else if (folio_test(f, FOLIO_ANON))
		verify_anon(c, vma, addr, e, f);
	else
		verify_cache_entry(c, vma, addr, e, f);
}

static void verify_external(struct mm_check *c, const struct vma *vma, uint64_t addr, pte_t e,
			    unsigned n)
{
	c->rss[MM_FILE] += n;
	verify_kind(c, vma, addr, e, ENTRY_EXTERNAL);
	if ((e & PTE_WRITE) && !(vma->flags & VM_SHARED))
		bad_entry(c, addr, e, "may write an external frame from a private mapping");
}

/* The page of it counts in rss; that the entry is there is reported all the same. */
static void verify_migration(struct mm_check *c, uint64_t addr, pte_t e, unsigned n)
{
	bad_entry(c, addr, e, "names a page that is being moved, and nobody moves it");
	if (migration_frame(e) < c->v->m->nr_ram)
		c->rss[rss_counter(migration_folio(c->v->m, e))] += n;
}

/* At rest no page is being moved; and nothing could have swapped one out. */
static void verify_absent(struct mm_check *c, uint64_t addr, pte_t e, unsigned n)
{
	switch (entry_kind_absent(e)) {
	case ENTRY_MIGRATION:
		verify_migration(c, addr, e, n);
		return;
	case ENTRY_SWAP:
		bad_entry(c, addr, e, "is of a page swapped out, and there is no swap");
		return;
	case ENTRY_MARKER:
		return;
	case ENTRY_NONE:
	case ENTRY_ZERO:
	case ENTRY_ANON:
	case ENTRY_CACHE:
	case ENTRY_EXTERNAL:
	case ENTRY_UNKNOWN:
		break;
	}
	bad_entry(c, addr, e, "is of no kind that exists"); /* entry.h, 1 */
}

/* A frame number of RAM is not known to be one yet: the kind is asked for after that. */
static void verify_entry(struct mm_check *c, uint64_t addr, pte_t e, unsigned n)
{
	struct vma *vma = vma_at(c, addr);

	if (!vma) {
		bad_entry(c, addr, e, "lies outside every VMA");
		return;
	}
	if ((vma->end - addr) >> PAGE_SHIFT < n)
		bad_entry(c, addr, e, "maps more than its VMA has");
	if (!pte_present(e)) {
		verify_absent(c, addr, e, n);
		return;
	}
	verify_rights(c, vma, addr, e);
	if (entry_names_ram(e))
		verify_ram(c, vma, addr, e, n);
	else
		verify_external(c, vma, addr, e, n);
}

/* ------------------------------------------------------------------ tables */

static bool verify_table_page(struct mm_check *c, uint64_t frame, unsigned level, uint64_t base)
{
	struct expected *x = verify_frame(c->v, frame);
	const struct folio *f;

	if (!x) {
		verify_bad(c->v, "mm %p: %lx: table %lu is no frame", (void *)c->mm, base, frame);
		return false;
	}
	x->refs++;
	c->tables++;
	f = pfn_folio(c->v->m, frame);
	if (!folio_test(f, FOLIO_TABLE) || f->pt.level != level) {
		verify_bad(c->v, "mm %p: %lx: frame %lu is no table of level %u", (void *)c->mm,
			   base, frame, level);
		return false;
	}
	if (f->pt.linked != 1 || spin_is_locked(&f->pt.lock))
		verify_bad(c->v, "mm %p: %lx: table %lu is unlinked or locked", (void *)c->mm, base,
			   frame);
	return true;
}

static void verify_table(struct mm_check *c, uint64_t frame, unsigned level, uint64_t base)
{
	struct pt_slots slots;
	uint32_t used = 0;
	uint64_t addr;
	pte_t *slot;

	if (!verify_table_page(c, frame, level, base))
		return;
	pt_slots_begin(&slots, c->mm, frame, level, base);
	while (pt_next_slot(&slots, &addr, &slot)) {
		pte_t e = atomic_load_relaxed(slot);

		if (entry_none(e))
			continue;
		used++;
		if (level && entry_is_table(e))
			verify_table(c, pte_frame(e), level - 1, addr);
		else
			verify_entry(c, addr, e, (unsigned)(slots.span >> PAGE_SHIFT));
	}
	if (used != pfn_folio(c->v->m, frame)->pt.used)
		verify_bad(c->v, "mm %p: %lx: table of level %u has %u entries, counts %u",
			   (void *)c->mm, base, level, used, pfn_folio(c->v->m, frame)->pt.used);
}

void verify_mm(struct verify *v, struct quire_mm *mm)
{
	static const char *const names[] = {"rss_anon", "rss_file", "rss_shmem", "hugetlb"};
	struct mm_check c = {.v = v, .mm = mm};

	if (mutex_is_locked(&mm->mmap_lock))
		verify_bad(v, "mm %p: mmap_lock is held", (void *)mm);
	verify_vmas(v, mm);
	verify_root(v, mm);
	verify_table(&c, mm->root, 3, 0);
	same(v, mm, "tables", atomic_load(&mm->nr_tables), c.tables);
	for (unsigned kind = 0; kind < MM_NR_PAGES; kind++)
		same(v, mm, names[kind], (uint64_t)mm_counter_sum(mm, kind), (uint64_t)c.rss[kind]);
}
