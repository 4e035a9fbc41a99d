/* SPDX-License-Identifier: MIT */
/*
 * touch.c: an access to a page whose entry is present and allows it, or would if it were marked.
 *
 *   1  An entry that is only read, without the PTL, is this mapping's if the VMA lives afterwards:
 *      mremap moves tables whole.
 */
#include "core/fault/fault.h"
#include "core/frame/folio.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"

/* What an access sets and clears in a present entry. */
struct touch {
	pte_t set, clear;
};

static inline struct touch touch_of(const struct fault *f)
{
	uint64_t bits = vma_pte_bits(f->vma);

	return (struct touch){
	    .set = PTE_ACCESSED | (bits & (PTE_PRESENT | PTE_USER)) |
		   (f->access == QUIRE_WRITE ? PTE_WRITTEN : 0),
	    .clear = bits & PTE_NX ? 0 : PTE_NX,
	};
}

/*
 * What f->entry becomes by this access.  Rights are only added: an mprotect that is about to take
 * some away must still find them, or it would not flush them.
 */
static pte_t touched(const struct fault *f)
{
	struct touch t = touch_of(f);
	pte_t had = RULE(touch_only_adds) ? f->entry : f->entry & ~PTE_WRITE;

	return (had | t.set) & ~t.clear;
}

unsigned fault_allowed_run(const struct fault *f, pte_t *entry, unsigned run)
{
	struct touch t = touch_of(f);
	pte_t need = t.set | (f->access == QUIRE_WRITE ? PTE_WRITE : 0);
	unsigned n = 1;

	while (n < run && (atomic_load(pt_nth(entry, n)) & (need | t.clear)) == need)
		n++;
	return n;
}

/* The entry allows the access, and so may those behind it: fault.c, 5. */
static enum quire_fault_result touch_run(struct fault *f)
{
	unsigned n = f->walk.level ? 1 : fault_run(f, PT_ENTRIES);

	STEP("finds that the entry of %#lx allows it", f->addr);
	if (n > 1)
		n = fault_allowed_run(f, f->walk.slot, n);
	if (RULE(dead_at_lookup) && unlikely(vma_is_dead(f->vma)))
		return fault_lost(f, -QEAGAIN);
	return fault_done_run(f, QUIRE_KIND_SPURIOUS, n);
}

enum quire_fault_result fault_touch(struct fault *f)
{
	const struct quire_machine *m = f->mm->machine;
	pte_t want = touched(f);
	struct pt_ref ref;
	int err;

	f->out->pte = want;
	if (want == f->entry)
		return touch_run(f);
	err = fault_lock(f, &ref);
	if (err)
		return fault_lost(f, err);
	pt_set(&ref, ref.entry, want);
	STEP("adds rights to the entry of %#lx", f->addr);
	/* Written again after MADV_FREE: no longer free for the taking. */
	if ((want & PTE_DIRTY & ~f->entry) && entry_kind(m, want) == ENTRY_ANON) {
		struct folio *folio = entry_folio(m, want);

		if (folio_test(folio, FOLIO_LAZYFREE))
			folio_clear(folio, FOLIO_LAZYFREE);
	}
	pt_unlock(&ref);
	return fault_done(f, QUIRE_KIND_SPURIOUS);
}

enum quire_fault_result fault_note_write(struct fault *f, struct folio *dirty)
{
	pte_t val = f->entry | PTE_WRITE | PTE_WRITTEN | PTE_ACCESSED;
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (err)
		return fault_lost(f, err);
	if (dirty) {
		STEP("notes the write: marks the page dirty, makes the entry writable");
		folio_set(dirty, FOLIO_DIRTY);
	}
	pt_set(&ref, ref.entry, val);
	pt_unlock(&ref);
	f->out->pte = val;
	return fault_done(f, QUIRE_KIND_WRITE_NOTIFY);
}
