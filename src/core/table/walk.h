/* SPDX-License-Identifier: MIT */
/*
 * walk.h: walks through page tables of all levels: private to pagetable.c, cursor.c and
 * pt_remove.c.
 */
#ifndef CORE_TABLE_WALK_H
#define CORE_TABLE_WALK_H

#include "core/table/pagetable.h"

#define TOP_LEVEL 3u

static inline uint64_t level_span(unsigned level)
{
	return PAGE_SIZE << (9 * (level + 1));
}

static inline unsigned pt_index(uint64_t addr, unsigned level)
{
	return (unsigned)(addr >> (PAGE_SHIFT + 9 * level)) & (PT_ENTRIES - 1);
}

static inline pte_t *slot_of(struct quire_mm *mm, uint64_t table, uint64_t addr, unsigned level)
{
	return (pte_t *)pfn_addr(mm->machine, table) + pt_index(addr, level);
}

/* Goes down to `level`, or as far as there are tables. */
static inline void pt_walk_down(struct quire_mm *mm, uint64_t addr, unsigned level,
				struct pt_walk *w)
{
	pte_t e;

	w->table = mm->root;
	w->level = TOP_LEVEL;
	w->up = NULL;
	w->slot = slot_of(mm, w->table, addr, TOP_LEVEL);
	while (w->level > level) {
		e = atomic_load(w->slot);
		if (!pte_present(e))
			return;
		w->up = w->slot;
		w->table = pte_frame(e);
		w->level--;
		w->slot = slot_of(mm, w->table, addr, w->level);
	}
}

/*
 * All tables above and at `level`; w is where they end.  0; -ENOTABLE; -EAGAIN: vma (NULL: M is
 * held) is dead.
 */
int pt_walk_alloc(struct quire_mm *mm, struct vma *vma, uint64_t addr, unsigned level,
		  struct pt_walk *w);

#endif
