/* SPDX-License-Identifier: MIT */
/*
 * cursor.c: from table to table of a range; cursor.h has the protocol.
 */
#include "core/table/cursor.h"
#include "core/table/pagetable.h"
#include "core/table/walk.h"

/* First address >= addr (below end) whose last-level table exists, or end. */
static uint64_t skip_holes(struct quire_mm *mm, uint64_t addr, uint64_t end)
{
	struct pt_walk w;

	while (addr < end) {
		pt_walk_down(mm, addr, 0, &w);
		if (!w.level)
			return addr;
		addr = (addr | (level_span(w.level - 1) - 1)) + 1;
	}
	return end;
}

bool pt_next_table(struct pt_cursor *c)
{
	c->addr = skip_holes(c->mm, c->stop, c->end);
	c->stop = pt_table_end(c->addr, c->end);
	return c->addr < c->end;
}

void pt_cursor_pause(struct pt_cursor *c)
{
	if (c->locked)
		pt_unlock(&c->ref);
	c->locked = false;
	c->stop = c->addr;
}

bool pt_next_piece(struct pt_cursor *c)
{
	if (c->locked)
		pt_unlock(&c->ref);
	c->locked = false;
	while (pt_next_table(c)) {
		if (!pt_lock(c->mm, c->addr, &c->ref))
			continue;
		c->entry = c->ref.entry;
		c->locked = true;
		return true;
	}
	return false;
}
