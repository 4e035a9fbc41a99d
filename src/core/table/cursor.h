/* SPDX-License-Identifier: MIT */
/*
 * cursor.h: the one walk over the entries of a range.
 *
 * It goes from table to table and yields pieces: what the range has of one last-level table.  What
 * is done with the entries of a piece is its caller's business, and nothing else is.
 *
 *     pt_cursor_begin(&c, mm, start, end);
 *     while (pt_next_piece(&c))
 *             for (; c.addr < c.stop; c.addr += PAGE_SIZE, c.entry++)
 *                     ... *c.entry, the entry of c.addr
 *
 * Protocol
 *   1  R or M is held throughout, which keeps the tables; no spinlock, when the next piece is asked
 *      for.
 *   2  pt_next_piece() returns with the PTL of the piece's table, and gives back that of the piece
 *      before; when there is none left, no lock is held.  A loop that ends early gives the last one
 *      back by pt_cursor_pause().
 *   3  A table that is taken out between the look for it and its lock is passed over: whoever took
 *      it out had emptied it, and the VMA was dead.
 *   4  After pt_cursor_pause() no lock is held, and the next piece begins at c.addr: for a caller
 *      that has to flush, or to allocate, within a piece.
 *   5  pt_next_table() yields the same pieces without a lock and without c.entry: where two locks
 *      are taken, or only where tables are is asked.
 */
#ifndef CORE_TABLE_CURSOR_H
#define CORE_TABLE_CURSOR_H

#include "core/table/pagetable.h"

struct pt_cursor {
	struct quire_mm *mm;
	uint64_t addr, stop; /* of the piece */
	uint64_t end;        /* of the range */
	pte_t *entry;        /* of addr */
	struct pt_ref ref;
	bool locked;
};

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

#endif
