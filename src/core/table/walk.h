/* SPDX-License-Identifier: MIT */
/*
 * walk.h: the way down through page tables of all levels, and their locks: private to pagetable.c,
 * cursor.c and pt_remove.c.
 */
#ifndef CORE_TABLE_WALK_H
#define CORE_TABLE_WALK_H

#include "core/table/pagetable.h"

#define TOP_LEVEL 3u

static inline unsigned pt_index(uint64_t addr, unsigned level)
{
	return (unsigned)(addr >> (PAGE_SHIFT + 9 * level)) & (PT_ENTRIES - 1);
}

static inline uint64_t slot_end(uint64_t addr, unsigned level)
{
	return (addr | (slot_span(level) - 1)) + 1;
}

static inline pte_t *slot_of(struct quire_mm *mm, uint64_t table, uint64_t addr, unsigned level)
{
	return (pte_t *)pfn_addr(mm->machine, table) + pt_index(addr, level);
}

/* Of the lock of a table: P or U. */
static inline enum lock_rank pt_rank(unsigned level)
{
	return level ? RANK_PT_PARENT : RANK_PTL;
}

/* Of a second one. */
static inline enum lock_rank pt_rank_nested(unsigned level)
{
	return level ? RANK_PT_PARENT_NESTED : RANK_PTL_NESTED;
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
		if (!entry_is_table(e))
			return;
		w->up = w->slot;
		w->table = pte_frame(e);
		w->level--;
		w->slot = slot_of(mm, w->table, addr, w->level);
	}
}

/*
 * All tables above and at `level`; w is where they end.  0; -ENOTABLE; -EAGAIN: vma is dead, or an
 * entry of a higher level stands in the way, at w.  vma may be NULL; then M is held.
 */
int pt_walk_alloc(struct quire_mm *mm, struct vma *vma, uint64_t addr, unsigned level,
		  struct pt_walk *w);
/* Locks the table that w ended in.  False: it is not the address's any more (protocol 5). */
bool pt_lock_reached(struct quire_mm *mm, uint64_t addr, const struct pt_walk *w,
		     struct pt_ref *ref);

#endif
