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
 * store.
 *   4  Pages mapped ahead of a writer that goes upwards are installed with the one it asked for,
 *      under the same proof (ahead.c).
 */
#include "core/fault.h"

struct folio *anon_folio_at(struct fault *f, uint64_t addr, unsigned alloc_flags)
{
	struct folio *folio = folio_alloc(f->mm->machine, 0, alloc_flags);

	if (unlikely(!folio))
		return NULL;
	at_store_relaxed(&folio->flags, FOLIO_ANON | FOLIO_EXCLUSIVE);
	folio->mapping = NULL;
	folio->index = addr >> PAGE_SHIFT;
	STEP("has a new frame for %#lx: %u", addr, folio_pfn(f->mm->machine, folio));
	return folio;
}

struct folio *anon_folio(struct fault *f, unsigned alloc_flags)
{
	return anon_folio_at(f, f->addr, alloc_flags);
}

pte_t anon_pte(struct fault *f, struct folio *folio)
{
	return pte_make(folio_pfn(f->mm->machine, folio),
			vma_pte_bits(f->vma) | PTE_WRITE | PTE_WRITTEN | PTE_ACCESSED);
}

static enum quire_fault_result anon_read(struct fault *f)
{
	uint64_t bits = (vma_pte_bits(f->vma) & ~PTE_WRITE) | PTE_ACCESSED;
	int err = fault_install(f, NULL, pte_make(f->mm->machine->zero_pfn, bits));

	return err ? fault_lost(f, err) : fault_done(f, QUIRE_KIND_ZERO);
}

/* Apart, because the pages take room on the stack. */
static __attribute__((noinline)) int install_ahead(struct fault *f, struct folio *folio, unsigned n)
{
	struct ahead a;
	struct pt_ref ref;
	int err;

	ahead_alloc(f, &a, n);
	err = fault_lock(f, &ref);
	if (!err) {
		fault_set(f, &ref, folio, anon_pte(f, folio));
		ahead_map(f, &ref, &a);
		pt_unlock(&ref);
	}
	ahead_drop(f, &a);
	return err;
}

static enum quire_fault_result anon_fault(struct fault *f)
{
	struct folio *folio;
	unsigned ahead;
	int err;

	if (f->access != QUIRE_WRITE)
		return anon_read(f);
	folio = anon_folio(f, ALLOC_ZERO);
	if (unlikely(!folio))
		return QUIRE_FAULT_OOM;
	ahead = f->mm->machine->fault_ahead ? ahead_wanted(f) : 0;
	err = unlikely(ahead) ? install_ahead(f, folio, ahead)
			      : fault_install(f, folio, anon_pte(f, folio));
	if (likely(!err))
		return fault_done(f, QUIRE_KIND_ANON);
	folio_put(f->mm->machine, folio);
	return fault_lost(f, err);
}

const struct vma_ops anon_vma_ops = {
    .name = "anon",
    .fault = anon_fault,
    .write_protected = cow_write_protected,
};
