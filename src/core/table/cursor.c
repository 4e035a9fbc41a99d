/* SPDX-License-Identifier: MIT */
/*
 * cursor.c: from table to table of a range; cursor.h has the protocol.
 */
#include "core/table/cursor.h"
#include "core/table/pagetable.h"
#include "core/table/walk.h"

/* Protocol 7.  The slot is empty; its entry after the wait. */
static __attribute__((noinline)) pte_t await_leaf(const struct pt_cursor *c)
{
	const struct quire_machine *m = c->mm->machine;
	struct folio *table = pfn_folio(m, c->walk.table);

	if (!RULE(empty_slot_awaited))
		return 0;
	spin_lock(&m->port, &table->pt.lock, RANK_PT_PARENT);
	spin_unlock(&table->pt.lock, RANK_PT_PARENT);
	return atomic_load(c->walk.slot);
}

static inline __attribute__((always_inline)) bool next_table(struct pt_cursor *c)
{
	for (c->addr = c->stop; c->addr < c->end; c->addr = c->stop) {
		pte_t e;

		pt_walk_down(c->mm, c->addr, 0, &c->walk);
		c->level = c->walk.level;
		if (likely(!c->level)) {
			c->stop = pt_table_end(c->addr, c->end);
			c->step = PAGE_SIZE;
			return true;
		}
		e = atomic_load(c->walk.slot);
		if (entry_none(e) && unlikely(atomic_load_relaxed(&c->mm->large_pages)))
			e = await_leaf(c);
		if (entry_is_table(e)) /* by now */
			continue;
		c->stop = min_u64(slot_end(c->addr, c->level), c->end);
		if (likely(entry_none(e)))
			continue;
		c->step = c->stop - c->addr;
		return true;
	}
	return false;
}

bool pt_next_table(struct pt_cursor *c)
{
	return next_table(c);
}

void pt_cursor_pause(struct pt_cursor *c)
{
	if (c->locked)
		pt_unlock(&c->ref);
	c->locked = false;
	c->stop = c->addr;
}

/* Where a table was found: an entry of a higher level still is there. */
static bool still_there(struct pt_cursor *c)
{
	pte_t e = atomic_load_relaxed(c->ref.entry);

	return likely(!c->level) || (!entry_none(e) && !entry_is_table(e));
}

bool pt_next_piece(struct pt_cursor *c)
{
	if (c->locked)
		pt_unlock(&c->ref);
	c->locked = false;
	while (next_table(c)) {
		c->locked = pt_lock_reached(c->mm, c->addr, &c->walk, &c->ref);
		c->entry = c->ref.entry;
		if (!c->locked) /* protocol 3 */
			continue;
		if (still_there(c))
			return true;
		pt_cursor_pause(c); /* and looks again */
	}
	return false;
}
