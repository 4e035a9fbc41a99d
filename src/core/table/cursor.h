/* SPDX-License-Identifier: MIT */
/*
 * cursor.h: the one walk over the entries of a range.
 *
 * It goes from table to table and yields pieces: what the range has of one last-level table, or one
 * entry of a higher level (a leaf, or one without PRESENT: entry.h, 5).  What is done with the
 * entries of a piece is its caller's business, and nothing else is.
 *
 *     pt_cursor_begin(&c, mm, start, end);
 *     while (pt_next_piece(&c))
 *             pt_for_each_entry (&c)
 *                     ... *c.entry, the entry of c.addr, of pt_pages(&c) pages
 *
 * Protocol
 *   1  R or M is held throughout, which keeps the tables; no spinlock, when the next piece is asked
 *      for.
 *   2  pt_next_piece() returns with the lock of the piece's table, the PTL or (c.level > 0) the U,
 *      and gives back that of the piece before; when there is none left, no lock is held.  A loop
 *      that ends early gives the last one back by pt_cursor_pause().
 *   3  A table that is taken out between the look for it and its lock is passed over: whoever took
 *      it out had found it empty, and the VMA was dead, or a fixed mremap that failed had made the
 *      table for nothing (remap_tables.c, 3), or it was in the way of a large page (leaf.c, 1).  Or
 *      mremap has moved it, with its entries, to another
 *      address: a walk that must miss none holds the file's I, as mremap does.
 *   4  After pt_cursor_pause() no lock is held, and the next piece begins at c.addr: for a caller
 *      that has to flush, or to allocate, within a piece.
 *   5  pt_next_table() yields the same pieces without a lock and without c.entry: where two locks
 *      are taken, or only where tables are is asked.
 *   6  A piece of a higher level may be a part of what its entry maps: a caller that is to change
 *      the entry asks pt_is_whole().
 *   7  A fault that writes a leaf holds U, under which it sees what is marked ahead of a walk: that
 *      a VMA is dead, a file's seq, a fork.  A walk takes no lock where it finds nothing.  So it
 *      waits for the holder of U before it passes over an empty slot, if the mm has large pages:
 *      then it finds the leaf, or a later fault finds the mark.
 *
 * Nobody else steps over tables, or from entry to entry of a range: the style tests look for it.
 */
#ifndef CORE_TABLE_CURSOR_H
#define CORE_TABLE_CURSOR_H

#include "core/table/pagetable.h"

struct pt_cursor {
	struct quire_mm *mm;
	uint64_t addr, stop; /* of the piece */
	uint64_t step;       /* from entry to entry of the piece, in bytes */
	uint64_t end;        /* of the range */
	unsigned level;      /* of the piece's table; 0: a last-level one */
	pte_t *entry;        /* of addr */
	struct pt_ref ref;
	struct pt_walk walk; /* where the table is */
	bool locked;
};

/* From where the cursor is to the end of its piece. */
#define pt_for_each_entry(c) for (; (c)->addr < (c)->stop; (c)->addr += (c)->step, (c)->entry++)

/* That the entry has in the piece. */
static inline unsigned pt_pages(const struct pt_cursor *c)
{
	return (unsigned)(c->step >> PAGE_SHIFT);
}

/* The piece has all that its entry maps. */
static inline bool pt_is_whole(const struct pt_cursor *c)
{
	return c->step == slot_span(c->level);
}

static inline void pt_cursor_begin(struct pt_cursor *c, struct quire_mm *mm, uint64_t start,
				   uint64_t end)
{
	c->mm = mm;
	c->addr = c->stop = start;
	c->end = end;
	c->locked = false;
}

bool pt_next_table(struct pt_cursor *c);
bool pt_next_piece(struct pt_cursor *c);
void pt_cursor_pause(struct pt_cursor *c);

/*
 * The entries side by side of which one is locked, or was found: number n from there on (n may be
 * negative).  They lie in one last-level table, which the caller has made sure of (fault_run(),
 * fault_window()).
 */
static inline pte_t *pt_nth(pte_t *entry, int64_t n)
{
#ifdef QUIRE_CHECKER
	if (((uintptr_t)entry ^ (uintptr_t)(entry + n)) >= PAGE_SIZE)
		__builtin_trap();
#endif
	return entry + n;
}

/* All slots of one table, of any level, whose first byte is at `base`: to go down a tree. */
struct pt_slots {
	pte_t *slot, *stop;
	uint64_t addr, span;
};

static inline void pt_slots_begin(struct pt_slots *s, struct quire_mm *mm, uint64_t table,
				  unsigned level, uint64_t base)
{
	s->slot = pfn_addr(mm->machine, table);
	s->stop = s->slot + PT_ENTRIES;
	s->span = slot_span(level);
	s->addr = base;
}

/* Before the first: passes over those that end at `start`, which the table spans, or below. */
static inline void pt_slots_from(struct pt_slots *s, uint64_t start)
{
	if (start <= s->addr)
		return;
	s->slot += (start - s->addr) / s->span;
	s->addr = start & ~(s->span - 1);
}

static inline bool pt_next_slot(struct pt_slots *s, uint64_t *addr, pte_t **slot)
{
	if (s->slot == s->stop)
		return false;
	*addr = s->addr;
	*slot = s->slot++;
	s->addr += s->span;
	return true;
}

#endif
