/* SPDX-License-Identifier: MIT */
/*
 * pin.c: pages held in place for the embedder's own loads and stores.
 *
 * Pins are counted by themselves (folio_pins()), and are taken under the PTL.
 *
 *   1  An anonymous page that is mapped and pinned is FOLIO_EXCLUSIVE, from the pin on and as long
 *      as both last: a pin is taken of no other page, and fork does not share a pinned one (copy.c,
 *      2).  So a pin and the mm that it was taken of see one page, and each the other's stores,
 *      until that mm unmaps it.
 *   2  A page that a fork has shared is therefore made the mm's own before it is pinned: for
 *      writing by an ordinary write fault, for reading by one that unshares the page and gives no
 *      write bit (cow.c, 8).  The pin asks again under the PTL: a fork may have come in between.
 *   3  The zero page, and the page of a file in a private mapping, are pinned for reading as they
 *      are: a store through the mapping puts a page of its own in their place, and the pin goes on
 *      reading what it has.  The zero page needs no reference.  External frames are not ours to
 *      pin.
 *   4  A pin grows no stack.
 */
#include "core/base/sized.h"
#include "core/fault/populate.h"
#include "core/frame/folio.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/vma/mm.h"

/* quire_pin.priv: the folio, with this bit if it was pinned for writing. */
#define PIN_WRITE 1ull

/* 1, or -ENOMEM: no more pins of this page can be counted. */
static int fill_pin(struct quire_machine *m, pte_t entry, bool write, struct quire_pin *out)
{
	struct folio *folio = entry_folio(m, entry);
	bool counted = entry_has_folio(m, entry);

	STEP("pins frame %lu", pte_frame(entry));
	if (counted && !folio_pin(folio))
		return -QENOMEM;
	if (counted)
		atomic_add_relaxed(&m->pins, 1);
	out->frame = pte_frame(entry);
	out->mem = pfn_addr(m, out->frame);
	out->priv = counted ? (void *)((uintptr_t)folio | (write ? PIN_WRITE : 0)) : NULL;
	return 1;
}

/* Invariants 1 and 2.  PTL held, the entry allows the access. */
static bool may_pin(const struct quire_machine *m, pte_t entry, bool write)
{
	return write || !RULE(pin_unshares) || !entry_is_forked(m, entry);
}

/* RCU held.  1: pinned; 0: fault and try again; -EFAULT, -ENOMEM. */
static int try_pin(struct quire_mm *mm, uint64_t addr, bool write, struct quire_pin *out)
{
	uint64_t need = PTE_PRESENT | PTE_USER | (write ? PTE_WRITE | PTE_DIRTY : 0);
	struct vma *vma = vma_find(mm, addr);
	struct pt_ref ref;
	pte_t entry;
	int ret = 0;

	if (!vma || vma_is_dead(vma))
		return 0;
	if (!(vma->flags & (write ? VM_WRITE : VM_READ)))
		return -QEFAULT;
	if (!pt_lock_page(mm, addr, &ref, &entry))
		return 0;
	if (!vma_is_dead(vma) && (entry & need) == need) {
		ret = entry_kind(mm->machine, entry) == ENTRY_EXTERNAL
			  ? -QEFAULT
			  : may_pin(mm->machine, entry, write);
		if (ret == 1)
			ret = fill_pin(mm->machine, entry, write, out);
	}
	pt_unlock(&ref);
	return ret;
}

int quire_pin_sized(struct quire_mm *mm, uint64_t addr, enum quire_access access,
		    struct quire_pin *out, size_t size)
{
	const struct quire_port *port = &mm->machine->port;
	struct quire_pin pin;
	int ret;

	for (;;) {
		rcu_read_lock(port);
		ret = try_pin(mm, addr & PAGE_MASK, access == QUIRE_WRITE, &pin);
		rcu_read_unlock(port);
		if (ret > 0)
			fill_sized(out, size, &pin, sizeof(pin));
		if (ret)
			return ret < 0 ? ret : 0;
		if (mm_fault_in_to_pin(mm, addr, access) != QUIRE_FAULT_OK)
			return -QEFAULT;
	}
}

void quire_unpin(struct quire_machine *m, struct quire_pin *pin)
{
	uintptr_t priv = (uintptr_t)pin->priv;
	struct folio *folio = (struct folio *)(priv & ~(uintptr_t)PIN_WRITE);

	if (folio) {
		/* Written since the file's last writeback, whatever became of the entry. */
		if (RULE(unpin_dirties) && (priv & PIN_WRITE) && !folio_test(folio, FOLIO_ANON))
			folio_set(folio, FOLIO_DIRTY);
		atomic_sub(&m->pins, 1);
		folio_unpin(m, folio);
	}
	pin->mem = NULL; /* field by field: the caller may know fewer than we */
	pin->frame = 0;
	pin->priv = NULL;
}
