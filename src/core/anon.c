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
 */
#include "core/fault.h"

struct folio *anon_folio(struct fault *f, unsigned alloc_flags)
{
	struct folio *folio = folio_alloc(f->mm->machine, 0, alloc_flags);

	if (unlikely(!folio))
		return NULL;
	at_store_relaxed(&folio->flags, FOLIO_ANON | FOLIO_EXCLUSIVE);
	folio->mapping = NULL;
	folio->index = f->addr >> PAGE_SHIFT;
	STEP("has a new frame for %#lx: %u", f->addr, folio_pfn(f->mm->machine, folio));
	return folio;
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

static enum quire_fault_result anon_fault(struct fault *f)
{
	struct folio *folio;
	int err;

	if (f->access != QUIRE_WRITE)
		return anon_read(f);
	folio = anon_folio(f, ALLOC_ZERO);
	if (unlikely(!folio))
		return fault_lost(f, -ENOPAGE);
	err = fault_install(f, folio, anon_pte(f, folio));
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
