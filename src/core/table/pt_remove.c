/* SPDX-License-Identifier: MIT */
/*
 * pt_remove.c: tables that are taken out of the tree, kept in it, or moved within it.
 *
 * By a holder of M: protocols 3, 4, 8 and 9 of pagetable.h.
 */
#include "core/frame/folio.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/tlb.h"
#include "core/table/walk.h"

/* --------------------------------------------------------------- shrinking */

struct shrink {
	struct mmu_gather *g;
	uint64_t start, end;     /* the range that was unmapped */
	uint64_t floor, ceiling; /* between the neighbours that are still mapped; inclusive end */
};

/* Protocol 3, first half.  False: it has entries, or is kept, and stays. */
static bool unlink_empty(struct quire_mm *mm, struct folio *table)
{
	enum lock_rank rank = pt_rank(table->pt.level);
	bool empty;

	if (folio_test(table, FOLIO_KEPT))
		return false;
	spin_lock(&mm->machine->port, &table->pt.lock, rank);
	empty = table->pt.used == 0;
	if (empty)
		table->pt.linked = 0;
	spin_unlock(&table->pt.lock, rank);
	return empty;
}

/* Protocol 3, second half. */
static void clear_slot(struct quire_mm *mm, struct folio *parent, pte_t *slot)
{
	spin_lock(&mm->machine->port, &parent->pt.lock, RANK_PT_PARENT);
	atomic_store(slot, 0);
	parent->pt.used--;
	spin_unlock(&parent->pt.lock, RANK_PT_PARENT);
}

static void drop_table(struct mmu_gather *g, struct folio *parent, pte_t *slot, struct folio *child,
		       uint64_t addr)
{
	clear_slot(g->mm, parent, slot);
	STEP("unlinks the table of level %u of %#lx", child->pt.level, addr);
	atomic_sub(&g->mm->nr_tables, 1);
	tlb_table(g, child, addr);
}

/*
 * A thread that is about to link a child has seen the VMA alive under U: it is waited for.  A later
 * one sees the VMA dead and links nothing (protocol 2).
 */
static void wait_for_linkers(struct quire_mm *mm, struct folio *table)
{
	spin_lock(&mm->machine->port, &table->pt.lock, RANK_PT_PARENT);
	spin_unlock(&table->pt.lock, RANK_PT_PARENT);
}

/* The children of the table (frame, level) whose first byte is at `base`. */
static void shrink_table(const struct shrink *s, uint64_t frame, unsigned level, uint64_t base)
{
	struct quire_machine *m = s->g->mm->machine;
	struct folio *table = pfn_folio(m, frame);
	uint64_t span = slot_span(level), addr;
	struct pt_slots slots;
	pte_t *slot;

	if (RULE(wait_for_linkers))
		wait_for_linkers(s->g->mm, table);
	pt_slots_begin(&slots, s->g->mm, frame, level, base);
	pt_slots_from(&slots, s->start);
	while (pt_next_slot(&slots, &addr, &slot) && addr < s->end) {
		pte_t e = atomic_load(slot);

		if (!entry_is_table(e))
			continue;
		if (level > 1)
			shrink_table(s, pte_frame(e), level - 1, addr);
		if (addr < s->floor || addr + span - 1 > s->ceiling)
			continue;
		if (unlink_empty(s->g->mm, pfn_folio(m, pte_frame(e))))
			drop_table(s->g, table, slot, pfn_folio(m, pte_frame(e)), addr);
	}
}

void pt_free_range(struct mmu_gather *g, uint64_t start, uint64_t end, uint64_t floor,
		   uint64_t ceiling)
{
	struct shrink s = {.g = g, .start = start, .end = end, .floor = floor};

	s.ceiling = !ceiling || ceiling >= g->mm->machine->task_size ? UINT64_MAX : ceiling - 1;
	if (start < end)
		shrink_table(&s, g->mm->root, TOP_LEVEL, 0);
}

/* ----------------------------------------------------------------- keeping */

int pt_keep(struct quire_mm *mm, uint64_t addr, unsigned level)
{
	struct pt_walk w;
	int err = pt_walk_alloc(mm, NULL, addr, level, &w);

	if (err &&
	    err != -QEAGAIN) /* a leaf of what is to be unmapped: as far as there are tables */
		return err;
	STEP("keeps the table of level %u of %#lx", w.level, addr);
	folio_set(pfn_folio(mm->machine, w.table), FOLIO_KEPT);
	return 0;
}

void pt_release_kept(struct quire_mm *mm, uint64_t start, uint64_t end, unsigned level)
{
	while (start < end) {
		struct pt_walk w;
		bool there;

		pt_walk_down(mm, start, level, &w);
		there = w.level == level;
		if (there && folio_test(pfn_folio(mm->machine, w.table), FOLIO_KEPT))
			folio_clear(pfn_folio(mm->machine, w.table), FOLIO_KEPT);
		start = slot_end(start, there ? level + 1 : w.level);
	}
}

/* ------------------------------------------------------------------ moving */

/* The slot of a table to be moved in: empty, or of an empty table, which goes. */
static bool make_room(struct mmu_gather *g, const struct pt_walk *to, pte_t *slot, uint64_t addr)
{
	struct quire_machine *m = g->mm->machine;
	struct folio *parent = pfn_folio(m, to->table);
	pte_t e = atomic_load(slot);

	if (likely(entry_none(e)))
		return true;
	Q_ASSERT(m, entry_is_table(e));
	if (!unlink_empty(g->mm, pfn_folio(m, pte_frame(e))))
		return false;
	drop_table(g, parent, slot, pfn_folio(m, pte_frame(e)), addr);
	return true;
}

/* Tables side by side from `from` on, for which there is room at `to`: at most n. */
static unsigned run_length(struct mmu_gather *g, const struct pt_walk *from,
			   const struct pt_walk *to, uint64_t new_addr, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		pte_t e = atomic_load(pt_nth(from->slot, i));

		if (!entry_is_table(e) ||
		    !make_room(g, to, pt_nth(to->slot, i), new_addr + i * PT_SPAN))
			break;
		prefetch_write(pfn_folio(g->mm->machine, pte_frame(e))); /* take_out() */
	}
	return i;
}

/*
 * Protocol 4: a thread that waits for a table's PTL finds that the table is not at its address.
 * Returns how many entries they have.
 */
static unsigned take_out(struct quire_mm *mm, const struct pt_walk *from, struct folio **tables,
			 unsigned n)
{
	const struct quire_port *port = &mm->machine->port;
	struct folio *parent = pfn_folio(mm->machine, from->table);
	unsigned entries = 0;

	spin_lock(port, &parent->pt.lock, RANK_PT_PARENT);
	for (unsigned i = 0; i < n; i++) {
		pte_t *slot = pt_nth(from->slot, i);
		struct folio *table = pfn_folio(mm->machine, pte_frame(atomic_load(slot)));

		spin_lock(port, &table->pt.lock, RANK_PTL);
		atomic_store(slot, 0);
		entries += table->pt.used;
		spin_unlock(&table->pt.lock, RANK_PTL);
		tables[i] = table;
	}
	parent->pt.used -= n;
	spin_unlock(&parent->pt.lock, RANK_PT_PARENT);
	return entries;
}

static void put_in(struct quire_mm *mm, const struct pt_walk *to, struct folio **tables, unsigned n)
{
	struct folio *parent = pfn_folio(mm->machine, to->table);

	spin_lock(&mm->machine->port, &parent->pt.lock, RANK_PT_PARENT);
	for (unsigned i = 0; i < n; i++)
		atomic_store(pt_nth(to->slot, i),
			     pte_make(folio_pfn(mm->machine, tables[i]), PTE_TABLE));
	parent->pt.used += n;
	spin_unlock(&parent->pt.lock, RANK_PT_PARENT);
}

unsigned pt_make_room(struct mmu_gather *g, uint64_t addr, unsigned level, unsigned n)
{
	uint64_t span = slot_span(level);
	struct pt_walk w;
	unsigned i;

	if (pt_walk_alloc(g->mm, NULL, addr, level, &w))
		return 0;
	for (i = 0; i < n; i++, addr += span) {
		pte_t *slot = pt_nth(w.slot, i);

		if (likely(entry_none(atomic_load(slot))))
			continue;
		pt_free_range(g, addr, addr + span, addr, addr + span);
		if (!entry_none(atomic_load(slot)))
			break;
	}
	return i;
}

unsigned pt_slots_at_both(uint64_t a, uint64_t b, unsigned level, uint64_t n)
{
	uint64_t in_a = PT_ENTRIES - pt_index(a, level), in_b = PT_ENTRIES - pt_index(b, level);

	return (unsigned)min_u64(min_u64(n, PT_MOVED_AT_ONCE), min_u64(in_a, in_b));
}

unsigned pt_move_tables(struct mmu_gather *g, uint64_t old_addr, uint64_t new_addr, unsigned n,
			unsigned *entries)
{
	struct folio *tables[PT_MOVED_AT_ONCE];
	struct quire_mm *mm = g->mm;
	struct pt_walk from, to;

	pt_walk_down(mm, old_addr, 1, &from);
	if (from.level != 1 || !entry_is_table(atomic_load(from.slot)))
		return 0;
	if (pt_walk_alloc(mm, NULL, new_addr, 1, &to))
		return 0;
	n = run_length(g, &from, &to, new_addr, pt_slots_at_both(old_addr, new_addr, 1, n));
	*entries = take_out(mm, &from, tables, n);
	put_in(mm, &to, tables, n);
	return n;
}
