/* SPDX-License-Identifier: MIT */
/*
 * anon.c: private anonymous memory, page by page.
 *
 * Owns nothing; entries are written under the PTL (install.c).
 *
 *   1  A page that was only read is the machine's zero page: mapped read-only, neither referenced
 *      nor counted in rss (as Linux does).
 *   2  A page that is written first is a new zeroed folio, FOLIO_EXCLUSIVE: of this mm alone.
 *   3  Memory is allocated and cleared before the PTL is taken: one allocation, one lock, one
 *      store.
 *   4  Populating does several pages under one PTL.  What was proved of the VMA there holds for all
 *      of it; that an entry is empty is asked of each.  Where one is not, the run ends, and the
 *      pages made for the rest are given back, as are those when an allocation fails: the first
 *      page of the next run finds out why.
 */
#include "core/fault/fault.h"
#include "core/frame/place.h"
#include "core/frame/reclaim.h"
#include "core/kind/kind.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/vma/vma.h"

/* Pages that populating writes at once: cleared first, so that more would leave the cache. */
#define WRITE_RUN 32u

/* The flags last: a walk over frames that finds them asks for the root. */
static inline void make_anon(const struct fault *f, struct folio *folio)
{
	atomic_store_relaxed(&folio->root, f->mm->anon);
	atomic_store(&folio->flags, FOLIO_ANON | FOLIO_EXCLUSIVE);
}

/* For the page of that number behind f->addr. */
static inline void place(const struct fault *f, struct folio *folio, unsigned nr)
{
	folio->index = vma_anon_index(f->vma, f->addr) + nr;
	STEP("has a new frame for %#lx: %u", (unsigned long)(f->addr + nr * PAGE_SIZE),
	     folio_pfn(f->mm->machine, folio));
}

static inline struct folio *new_anon(struct fault *f, unsigned alloc_flags, uint64_t policy,
				     uint64_t number)
{
	struct folio *folio = folio_alloc_page(f->mm->machine, alloc_flags, policy, number);

	if (likely(folio))
		make_anon(f, folio);
	return folio;
}

struct folio *anon_folio(struct fault *f, unsigned alloc_flags)
{
	struct folio *folio = new_anon(f, alloc_flags, f->vma->policy, vma_pgoff(f->vma, f->addr));

	if (likely(folio))
		anon_place(f, folio);
	return folio;
}

struct folio *anon_folio_ahead(struct fault *f, uint64_t policy, uint64_t number)
{
	return new_anon(f, 0, policy, number);
}

void anon_place(struct fault *f, struct folio *folio)
{
	vma_touch(f->vma);
	place(f, folio, 0);
}

void anon_place_large(struct fault *f, struct folio *folio, unsigned level)
{
	vma_touch(f->vma);
	atomic_store_relaxed(&folio->root, f->mm->anon);
	folio->index = vma_anon_index(f->vma, fault_leaf_start(f, level));
	folio_set(folio, FOLIO_ANON | FOLIO_EXCLUSIVE); /* last, as make_anon() */
}

unsigned anon_folios(struct fault *f, struct folio **v, unsigned n, unsigned alloc_flags)
{
	n = folio_alloc_pages(f->mm->machine, v, n, alloc_flags, f->vma->policy,
			      vma_pgoff(f->vma, f->addr));
	vma_touch(f->vma);
	for (unsigned i = 0; i < n; i++) {
		make_anon(f, v[i]);
		place(f, v[i], i);
	}
	return n;
}

static enum quire_fault_result anon_read(struct fault *f)
{
	uint64_t bits = (vma_pte_bits(f->vma) & ~PTE_WRITE) | PTE_ACCESSED;
	pte_t zero = pte_make(f->mm->machine->zero_pfn, bits);
	unsigned i = 0, run = fault_run(f, PT_ENTRIES);
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (unlikely(err))
		return fault_lost(f, err);
	do
		pt_set(&ref, pt_nth(ref.entry, i), zero);
	while (++i < run &&
	       (!RULE(run_asks_each) || entry_none(atomic_load_relaxed(pt_nth(ref.entry, i)))));
	STEP("maps the zero page at %#lx", f->addr);
	pt_unlock(&ref);
	f->out->pte = zero;
	return fault_done_run(f, QUIRE_KIND_ZERO, i);
}

/* How many pages from f->addr on have no entry.  Without a lock: a guess of what is worth it. */
static unsigned empty_run(const struct fault *f)
{
	unsigned i = 1, run = f->walk.level ? 1 : fault_run(f, WRITE_RUN);

	while (i < run && entry_none(atomic_load_relaxed(pt_nth(f->walk.slot, i))))
		i++;
	return i;
}

/* Invariant 4. */
static __attribute__((noinline)) enum quire_fault_result anon_write_run(struct fault *f,
									unsigned run)
{
	struct folio *fresh[WRITE_RUN];
	unsigned got = anon_folios(f, fresh, run, ALLOC_ZERO), used = got;
	int err = got ? fault_install(f, fresh, &used) : -ENOPAGE;

	if (err)
		used = 0;
	for (unsigned i = used; i < got; i++)
		folio_put(f->mm->machine, fresh[i]);
	return err ? fault_lost(f, err) : fault_done_run(f, QUIRE_KIND_ANON, used);
}

static enum quire_fault_result anon_fault(struct fault *f)
{
	struct folio *folio;
	unsigned run;

	if (f->access != QUIRE_WRITE)
		return anon_read(f);
	run = empty_run(f);
	if (run > 1)
		return anon_write_run(f, run);
	folio = anon_folio(f, ALLOC_ZERO);
	return likely(folio) ? fault_install_one(f, folio, QUIRE_KIND_ANON)
			     : fault_lost(f, -ENOPAGE);
}

const struct vma_ops anon_vma_ops = {
    .name = "anon",
    .entries = 1u << ENTRY_ZERO,
    .fault = anon_fault,
    .write_protected = cow_write_protected,
    .unbacked = true,
};
