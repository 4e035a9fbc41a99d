/* SPDX-License-Identifier: MIT */
/*
 * pin.c: pages held in place for the embedder's own loads and stores.
 *
 * The reference is taken under the PTL.
 *
 *   1  A page pinned for writing is shared file memory, or anonymous and FOLIO_EXCLUSIVE: its
 *      entry has the write bit.  So what is written through the pin is what the mm sees, until
 *      the mm forks or unmaps (then, as with get_user_pages(), the pin keeps the old page).
 *   2  The extra reference keeps a page that is not exclusive from being written in place by
 *      another mm (cow.c, 1).
 *   3  The zero page needs no reference.  External frames are not ours to pin.
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

static void fill_pin(struct quire_machine *m, pte_t entry, bool write, struct quire_pin *out)
{
	struct folio *folio = pfn_folio(m, pte_frame(entry));
	bool counted = !folio_test(folio, FOLIO_PERMANENT);

	STEP("pins frame %lu", pte_frame(entry));
	if (counted) {
		folio_get(folio);
		atomic_add_relaxed(&m->pins, 1);
	}
	out->frame = pte_frame(entry);
	out->mem = pfn_addr(m, out->frame);
	out->priv = counted ? (void *)((uintptr_t)folio | (write ? PIN_WRITE : 0)) : NULL;
}

/* RCU held.  1: pinned; 0: fault and try again; -EFAULT. */
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
	if (!pt_lock(mm, addr, &ref))
		return 0;
	entry = atomic_load_relaxed(ref.entry);
	if (!vma_is_dead(vma) && (entry & need) == need) {
		ret = entry_kind(mm->machine, entry) == ENTRY_EXTERNAL ? -QEFAULT : 1;
		if (ret == 1)
			fill_pin(mm->machine, entry, write, out);
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
		if (mm_fault_in(mm, addr, access) != QUIRE_FAULT_OK)
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
		folio_put(m, folio);
	}
	pin->mem = NULL; /* field by field: the caller may know fewer than we */
	pin->frame = 0;
	pin->priv = NULL;
}
