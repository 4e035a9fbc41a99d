/* SPDX-License-Identifier: MIT */
/*
 * lib_tlb.c: accesses of a script's processes, as a processor makes them: by what it has cached of
 * the page tables, and by a fault where that does not allow it.
 *
 * A translation stays until the library says that it is void, for nothing else takes it away: so a
 * flush that the library forgets shows in what is read.
 */
#include "replay/lib/lib.h"

#include <quire/abi.h>
#include <string.h>

static bool allows(uint64_t pte, enum quire_access access)
{
	const uint64_t read = QUIRE_PTE_PRESENT | QUIRE_PTE_USER;
	const uint64_t need =
	    access == QUIRE_WRITE ? read | QUIRE_PTE_WRITE | QUIRE_PTE_DIRTY : read;

	return (pte & need) == need;
}

uint8_t *lib_translate(struct lib *l, uint64_t addr, enum quire_access access,
		       struct quire_fault *f)
{
	struct lib_tlb *tlb = quire_mm_cookie(l->mm);
	struct lib_tlb_entry *e = &tlb->entries[addr / REPLAY_PAGE % LIB_TLB_ENTRIES];

	*f = (struct quire_fault){.result = QUIRE_FAULT_OK};
	if (e->page != addr / REPLAY_PAGE || !allows(e->pte, access)) {
		quire_fault(l->mm, addr, access, f);
		if (f->result != QUIRE_FAULT_OK)
			return NULL;
		*e = (struct lib_tlb_entry){addr / REPLAY_PAGE, f->pte};
	}
	return l->ram + (e->pte & QUIRE_PTE_FRAME_MASK) + addr % REPLAY_PAGE;
}

static bool is_in(uint64_t page, const struct quire_tlb_range *r)
{
	return page >= r->start / REPLAY_PAGE && page * REPLAY_PAGE < r->end;
}

void lib_tlb_flush(void *ctx, struct quire_mm *mm, void *cookie,
		   const struct quire_tlb_range *ranges, unsigned nr)
{
	struct lib_tlb *tlb = cookie;

	(void)ctx;
	(void)mm;
	if (!nr)
		memset(tlb, 0, sizeof(*tlb));
	for (unsigned i = 0; i < nr; i++)
		for (unsigned k = 0; k < LIB_TLB_ENTRIES; k++)
			if (is_in(tlb->entries[k].page, &ranges[i]))
				tlb->entries[k].pte = 0;
}
