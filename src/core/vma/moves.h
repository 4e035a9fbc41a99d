/* SPDX-License-Identifier: MIT */
/*
 * moves.h: readers that take no M, and entries that mremap moves.
 *
 * Such a reader goes from mapping to mapping.  Entries on their way are in neither place for it:
 * they have left the old one, and at the new one there is no mapping yet.  So mm->moves is odd from
 * before the first entry moves until the tree with the new mapping is published.  A reader asks
 * afterwards whether entries have moved while it read.  If so it reads again, with M, under which
 * nothing moves:
 *
 *     moves_begin(&r, mm);
 *     do
 *             ... read, from the start ...
 *     while (moves_met(&r));
 *
 * What it has read then is of a time in which each entry was in one place.  M may be waited for:
 * neither in RCU nor with a lock that comes after M.
 */
#ifndef CORE_VMA_MOVES_H
#define CORE_VMA_MOVES_H

#include "core/base/rules.h"
#include "core/vma/mm.h"

/* M, around a move. */
static inline void moves_count(struct quire_mm *mm)
{
	atomic_add(&mm->moves, 1);
}

struct moves_reader {
	struct quire_mm *mm;
	uint32_t seen;
	bool locked;
};

static inline void moves_begin(struct moves_reader *r, struct quire_mm *mm)
{
	r->mm = mm;
	r->locked = false;
	r->seen = atomic_load(&mm->moves);
}

static inline bool moves_met(struct moves_reader *r)
{
	if (r->locked) {
		mm_unlock(r->mm);
		return false;
	}
	atomic_fence(); /* what was read is older than the count */
	if (!(r->seen & 1) && atomic_load(&r->mm->moves) == r->seen)
		return false;
	if (!RULE(moves_read_again))
		return false;
	mm_lock(r->mm);
	r->locked = true;
	return true;
}

#endif
