/* SPDX-License-Identifier: MIT */
/*
 * pagetable.c: the tree of page tables: walking, locking, growing, shrinking.
 *
 * Owns the table pages of every mm and, in their folios, pt.lock, pt.used and
 * pt.linked.  pagetable.h has the protocol.
 *
 * Invariants:
 *   1  pt.used counts the entries of a table that are not 0; changed under its lock.
 *   2  mm->nr_tables counts the tables reachable from mm->root, the top one included.
 *   3  At most one U is held at a time; a PTL is taken inside it only by pt_move_table().
 *   4  A table that was never linked, or is unlinked, is reachable by no new walk.
 */
#include "core/pagetable.h"
#include "core/tlb.h"

#define TOP_LEVEL 3u

static uint64_t level_span(unsigned level)
{
	return PAGE_SIZE << (9 * (level + 1));
}

static unsigned pt_index(uint64_t addr, unsigned level)
{
	return (unsigned)(addr >> (PAGE_SHIFT + 9 * level)) & (PT_ENTRIES - 1);
}

static pte_t *slot_of(struct quire_mm *mm, uint64_t table, uint64_t addr, unsigned level)
{
	return (pte_t *)pfn_addr(mm->machine, table) + pt_index(addr, level);
}

/* Goes down to `level`, or as far as there are tables. */
static inline void walk_down(struct quire_mm *mm, uint64_t addr, unsigned level, struct pt_walk *w)
{
	pte_t e;

	w->table = mm->root;
	w->level = TOP_LEVEL;
	w->up = NULL;
	w->slot = slot_of(mm, w->table, addr, TOP_LEVEL);
	while (w->level > level) {
		e = at_load(w->slot);
		if (!pte_present(e))
			return;
		w->up = w->slot;
		w->table = pte_frame(e);
		w->level--;
		w->slot = slot_of(mm, w->table, addr, w->level);
	}
}

pte_t pt_find(struct quire_mm *mm, uint64_t addr, struct pt_walk *found)
{
	walk_down(mm, addr, 0, found);
	return found->level ? 0 : at_load(found->slot);
}

pte_t pt_read(struct quire_mm *mm, uint64_t addr)
{
	struct pt_walk w;

	return pt_find(mm, addr, &w);
}

uint64_t quire_pte(struct quire_mm *mm, uint64_t addr)
{
	const struct quire_port *port = &mm->machine->port;
	pte_t e;

	if (addr >= mm->machine->task_size)
		return 0;
	rcu_read_lock(port);
	e = pt_read(mm, addr);
	rcu_read_unlock(port);
	return e;
}

/* ----------------------------------------------------------------- locking */

/*
 * Protocol 5: the table is still the one of this address.  Most callers would find out without it
 * (locking.md 4).
 */
static bool lock_reached(struct quire_mm *mm, uint64_t addr, const struct pt_walk *w,
			 struct pt_ref *ref, enum lock_rank rank)
{
	struct folio *table = pfn_folio(mm->machine, w->table);

	spin_lock(&mm->machine->port, &table->pt.lock, rank);
	STEP("takes the PTL of %#lx (table %lu)", addr, w->table);
	if (likely(table->pt.linked && pte_frame(at_load(w->up)) == w->table) ||
	    !RULE(table_asked_again)) {
		ref->entry = w->slot;
		ref->table = table;
		return true;
	}
	STEP("finds that the table is %#lx's no more", addr);
	spin_unlock(&table->pt.lock, rank);
	return false;
}

bool pt_lock(struct quire_mm *mm, uint64_t addr, struct pt_ref *ref)
{
	struct pt_walk w;

	walk_down(mm, addr, 0, &w);
	return !w.level && lock_reached(mm, addr, &w, ref, RANK_PTL);
}

bool pt_lock_nested(struct quire_mm *mm, uint64_t addr, struct pt_ref *ref)
{
	struct pt_walk w;

	walk_down(mm, addr, 0, &w);
	return !w.level && lock_reached(mm, addr, &w, ref, RANK_PTL_NESTED);
}

void pt_unlock(struct pt_ref *ref)
{
	STEP("releases the PTL");
	spin_unlock(&ref->table->pt.lock, RANK_PTL);
}

void pt_unlock_nested(struct pt_ref *ref)
{
	spin_unlock(&ref->table->pt.lock, RANK_PTL_NESTED);
}

/* ----------------------------------------------------------------- growing */

static void count_table(struct quire_mm *mm)
{
	uint64_t n = at_add(&mm->nr_tables, 1);
	uint64_t peak = at_load_relaxed(&mm->peak_tables);

	while (peak < n && !at_cas(&mm->peak_tables, &peak, n))
		;
}

static struct folio *alloc_table(struct quire_machine *m, unsigned level)
{
	struct folio *f = folio_alloc(m, 0, ALLOC_ZERO | ALLOC_TABLE);

	if (!f)
		return NULL;
	f->level = (uint8_t)level;
	spin_init(&f->pt.lock);
	f->pt.used = 0;
	f->pt.linked = 1;
	folio_set(f, FOLIO_TABLE);
	return f;
}

/* An empty table that was never linked, or is gone from every walk. */
static void free_table(struct quire_machine *m, struct folio *f)
{
	folio_set(f, FOLIO_ZEROED);
	folio_put(m, f);
}

/* U of w's table is held: a child may be put into the slot. */
static bool may_link(const struct pt_walk *w, const struct folio *parent, const struct vma *vma)
{
	if (RULE(link_dead_check) && vma && vma_is_dead(vma)) {
		STEP("finds VMA %#lx-%#lx dead: links no table", vma->start, vma->end);
		return false;
	}
	return parent->pt.linked && !(RULE(slot_recheck) && at_load_relaxed(w->slot));
}

/*
 * Puts `child` into the empty slot that w ended at.  -EEXIST: it is taken.  -EAGAIN: for this VMA,
 * or into this table, nothing is linked any more.
 */
static int link_table(struct quire_mm *mm, struct vma *vma, const struct pt_walk *w,
		      struct folio *child)
{
	struct folio *parent = pfn_folio(mm->machine, w->table);
	int err = -QEAGAIN;

	spin_lock(&mm->machine->port, &parent->pt.lock, RANK_PT_PARENT);
	if (may_link(w, parent, vma)) {
		at_store(w->slot, pte_make(folio_pfn(mm->machine, child), PTE_TABLE));
		STEP("links table %u of level %u", folio_pfn(mm->machine, child), child->level);
		parent->pt.used++;
		err = 0;
	} else if (parent->pt.linked && at_load_relaxed(w->slot)) {
		err = -QEEXIST;
	}
	spin_unlock(&parent->pt.lock, RANK_PT_PARENT);
	return err;
}

/* One more table on the way down.  0 also when somebody else was faster. */
static int grow(struct quire_mm *mm, struct vma *vma, const struct pt_walk *w)
{
	struct folio *child = alloc_table(mm->machine, w->level - 1);
	int err;

	if (!child)
		return -ENOTABLE;
	err = link_table(mm, vma, w, child);
	if (!err) {
		at_fence(); /* before the caller looks whether its VMA lives: install.c, 2 */
		count_table(mm);
	} else {
		free_table(mm->machine, child);
	}
	return err == -QEEXIST ? 0 : err;
}

/* All tables above and at `level`; w is where they end. */
static int walk_alloc(struct quire_mm *mm, struct vma *vma, uint64_t addr, unsigned level,
		      struct pt_walk *w)
{
	for (;;) {
		int err;

		walk_down(mm, addr, level, w);
		if (w->level == level)
			return 0;
		if (vma && vma_is_dead(vma))
			return -QEAGAIN;
		err = grow(mm, vma, w);
		if (err)
			return err;
	}
}

int pt_lock_alloc(struct quire_mm *mm, uint64_t addr, struct pt_ref *ref)
{
	struct pt_walk w;
	int err;

	do {
		err = walk_alloc(mm, NULL, addr, 0, &w);
		if (unlikely(err))
			return err;
	} while (!lock_reached(mm, addr, &w, ref, RANK_PTL));
	return 0;
}

int pt_lock_found(struct quire_mm *mm, struct vma *vma, uint64_t addr, struct pt_walk *found,
		  struct pt_ref *ref)
{
	int err = unlikely(found->level) ? walk_alloc(mm, vma, addr, 0, found) : 0;

	if (unlikely(err))
		return err;
	/* It was taken out by a holder of M: the fault waits for M in the end. */
	return likely(lock_reached(mm, addr, found, ref, RANK_PTL)) ? 0 : -QEAGAIN;
}

/* ----------------------------------------------------------------- entries */

uint64_t pt_skip_holes(struct quire_mm *mm, uint64_t addr, uint64_t end)
{
	struct pt_walk w;

	while (addr < end) {
		walk_down(mm, addr, 0, &w);
		if (!w.level)
			return addr;
		addr = (addr | (level_span(w.level - 1) - 1)) + 1;
	}
	return end;
}

int pt_create(struct quire_mm *mm)
{
	struct folio *top = alloc_table(mm->machine, TOP_LEVEL);

	if (!top)
		return -ENOTABLE;
	mm->root = folio_pfn(mm->machine, top);
	count_table(mm);
	return 0;
}

void pt_destroy(struct quire_mm *mm)
{
	struct folio *top = pfn_folio(mm->machine, mm->root);

	Q_ASSERT(mm->machine, top->pt.used == 0 && at_load(&mm->nr_tables) == 1);
	at_sub(&mm->nr_tables, 1);
	free_table(mm->machine, top);
}

/* --------------------------------------------------------------- shrinking */

struct shrink {
	struct tlb_gather *g;
	uint64_t start, end;     /* the range that was unmapped */
	uint64_t floor, ceiling; /* between the neighbours that are still mapped; inclusive end */
};

/* Protocol 3, first half.  False: it has entries, or is kept, and stays. */
static bool unlink_empty(struct quire_mm *mm, struct folio *table)
{
	enum lock_rank rank = table->level ? RANK_PT_PARENT : RANK_PTL;
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
	at_store(slot, 0);
	parent->pt.used--;
	spin_unlock(&parent->pt.lock, RANK_PT_PARENT);
}

static void drop_table(struct tlb_gather *g, struct folio *parent, pte_t *slot, struct folio *child,
		       uint64_t addr)
{
	clear_slot(g->mm, parent, slot);
	STEP("unlinks the table of level %u of %#lx", child->level, addr);
	at_sub(&g->mm->nr_tables, 1);
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
	uint64_t span = level_span(level - 1);
	uint64_t first = s->start > base ? (s->start - base) / span : 0;
	uint64_t last = (s->end - 1 - base) / span;

	if (last >= PT_ENTRIES)
		last = PT_ENTRIES - 1;
	if (RULE(wait_for_linkers))
		wait_for_linkers(s->g->mm, table);
	for (uint64_t i = first; i <= last; i++) {
		pte_t *slot = (pte_t *)pfn_addr(m, frame) + i;
		uint64_t addr = base + i * span;
		pte_t e = at_load(slot);

		if (!pte_present(e))
			continue;
		if (level > 1)
			shrink_table(s, pte_frame(e), level - 1, addr);
		if (addr < s->floor || addr + span - 1 > s->ceiling)
			continue;
		if (unlink_empty(s->g->mm, pfn_folio(m, pte_frame(e))))
			drop_table(s->g, table, slot, pfn_folio(m, pte_frame(e)), addr);
	}
}

void pt_free_range(struct tlb_gather *g, uint64_t start, uint64_t end, uint64_t floor,
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
	int err = walk_alloc(mm, NULL, addr, level, &w);

	if (err)
		return err;
	STEP("keeps the table of level %u of %#lx", level, addr);
	folio_set(pfn_folio(mm->machine, w.table), FOLIO_KEPT);
	return 0;
}

void pt_release_kept(struct quire_mm *mm, uint64_t start, uint64_t end, unsigned level)
{
	while (start < end) {
		struct pt_walk w;
		bool there;

		walk_down(mm, start, level, &w);
		there = w.level == level;
		if (there && folio_test(pfn_folio(mm->machine, w.table), FOLIO_KEPT))
			folio_clear(pfn_folio(mm->machine, w.table), FOLIO_KEPT);
		start = (start | (level_span(there ? level : w.level - 1) - 1)) + 1;
	}
}

/* ------------------------------------------------------------------ moving */

/* The slot of a table to be moved in: empty, or of an empty table, which goes. */
static bool make_room(struct tlb_gather *g, const struct pt_walk *to, uint64_t addr)
{
	struct quire_machine *m = g->mm->machine;
	struct folio *parent = pfn_folio(m, to->table);
	pte_t e = at_load(to->slot);

	if (!pte_present(e))
		return true;
	if (!unlink_empty(g->mm, pfn_folio(m, pte_frame(e))))
		return false;
	drop_table(g, parent, to->slot, pfn_folio(m, pte_frame(e)), addr);
	return true;
}

/*
 * Protocol 4: a thread that waits for the table's PTL finds that the table is not at its address.
 * Returns how many entries it has.
 */
static unsigned take_out(struct quire_mm *mm, const struct pt_walk *from, struct folio *table)
{
	const struct quire_port *port = &mm->machine->port;
	struct folio *parent = pfn_folio(mm->machine, from->table);
	unsigned entries;

	spin_lock(port, &parent->pt.lock, RANK_PT_PARENT);
	spin_lock(port, &table->pt.lock, RANK_PTL);
	at_store(from->slot, 0);
	parent->pt.used--;
	entries = table->pt.used;
	spin_unlock(&table->pt.lock, RANK_PTL);
	spin_unlock(&parent->pt.lock, RANK_PT_PARENT);
	return entries;
}

static void put_in(struct quire_mm *mm, const struct pt_walk *to, struct folio *table)
{
	struct folio *parent = pfn_folio(mm->machine, to->table);

	spin_lock(&mm->machine->port, &parent->pt.lock, RANK_PT_PARENT);
	at_store(to->slot, pte_make(folio_pfn(mm->machine, table), PTE_TABLE));
	parent->pt.used++;
	spin_unlock(&parent->pt.lock, RANK_PT_PARENT);
}

bool pt_move_table(struct tlb_gather *g, uint64_t old_addr, uint64_t new_addr, unsigned *entries)
{
	struct quire_mm *mm = g->mm;
	struct pt_walk from, to;
	struct folio *table;

	walk_down(mm, old_addr, 1, &from);
	if (from.level != 1 || !pte_present(at_load(from.slot)))
		return false;
	if (walk_alloc(mm, NULL, new_addr, 1, &to))
		return false;
	if (!make_room(g, &to, new_addr))
		return false;
	table = pfn_folio(mm->machine, pte_frame(at_load(from.slot)));
	*entries = take_out(mm, &from, table);
	put_in(mm, &to, table);
	return true;
}
