/* SPDX-License-Identifier: MIT */
/*
 * pagetable.c: the tree of page tables: walking, locking, growing (pt_remove.c: shrinking).
 *
 * Owns the table pages of every mm and, in their folios, pt.lock, pt.used and
 * pt.linked.  pagetable.h has the protocol.
 *
 * Invariants:
 *   1  pt.used counts the entries of a table that are not 0; changed under its lock.
 *   2  mm->nr_tables counts the tables reachable from mm->root, the top one included.
 *   3  At most one U is held at a time, but by fork, which takes the child's first; a PTL is taken
 *      inside it only by pt_move_tables().
 *   4  A table that was never linked, or is unlinked, is reachable by no new walk.
 */
#include "core/frame/folio.h"
#include "core/frame/reclaim.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/walk.h"

pte_t pt_find(struct quire_mm *mm, uint64_t addr, struct pt_walk *found)
{
	pte_t e;

	pt_walk_down(mm, addr, 0, found);
	e = atomic_load(found->slot);
	/* A table that has come meanwhile was not there when we looked. */
	return unlikely(found->level) && entry_is_table(e) ? 0 : e;
}

/* Of the entry e, which w ended at. */
static pte_t page_of(const struct pt_walk *w, uint64_t addr, pte_t e)
{
	return unlikely(w->level) ? entry_of_page(e, addr & (slot_span(w->level) - 1)) : e;
}

pte_t pt_read(struct quire_mm *mm, uint64_t addr)
{
	struct pt_walk w;
	pte_t e = pt_find(mm, addr, &w);

	return page_of(&w, addr, e);
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

/* No table is there, but an entry of a higher level. */
static bool has_entry(const struct pt_walk *w)
{
	pte_t e = atomic_load(w->slot);

	return w->level && !entry_none(e) && !entry_is_table(e);
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
	if (likely(table->pt.linked && (!w->up || pte_frame(atomic_load(w->up)) == w->table)) ||
	    !RULE(table_asked_again)) {
		ref->entry = w->slot;
		ref->table = table;
		return true;
	}
	STEP("finds that the table is %#lx's no more", addr);
	spin_unlock(&table->pt.lock, rank);
	return false;
}

bool pt_lock_reached(struct quire_mm *mm, uint64_t addr, const struct pt_walk *w,
		     struct pt_ref *ref)
{
	return lock_reached(mm, addr, w, ref, pt_rank(w->level));
}

bool pt_lock(struct quire_mm *mm, uint64_t addr, struct pt_ref *ref)
{
	struct pt_walk w;

	pt_walk_down(mm, addr, 0, &w);
	return !w.level && lock_reached(mm, addr, &w, ref, RANK_PTL);
}

bool pt_lock_nested(struct quire_mm *mm, uint64_t addr, struct pt_ref *ref)
{
	struct pt_walk w;

	pt_walk_down(mm, addr, 0, &w);
	return !w.level && lock_reached(mm, addr, &w, ref, RANK_PTL_NESTED);
}

static bool lock_upper(struct quire_mm *mm, uint64_t addr, unsigned level, struct pt_ref *ref,
		       enum lock_rank rank)
{
	struct pt_walk w;

	pt_walk_down(mm, addr, level, &w);
	return w.level == level && lock_reached(mm, addr, &w, ref, rank);
}

bool pt_lock_upper(struct quire_mm *mm, uint64_t addr, unsigned level, struct pt_ref *ref)
{
	return lock_upper(mm, addr, level, ref, pt_rank(level));
}

bool pt_lock_upper_nested(struct quire_mm *mm, uint64_t addr, unsigned level, struct pt_ref *ref)
{
	return lock_upper(mm, addr, level, ref, pt_rank_nested(level));
}

void pt_unlock(struct pt_ref *ref)
{
	STEP("releases the PTL");
	spin_unlock(&ref->table->pt.lock, pt_rank(ref->table->pt.level));
}

void pt_unlock_nested(struct pt_ref *ref)
{
	spin_unlock(&ref->table->pt.lock, pt_rank_nested(ref->table->pt.level));
}

bool pt_lock_page(struct quire_mm *mm, uint64_t addr, struct pt_ref *ref, pte_t *e)
{
	struct pt_walk w;

	pt_walk_down(mm, addr, 0, &w);
	if (unlikely(w.level) && !has_entry(&w))
		return false;
	if (!pt_lock_reached(mm, addr, &w, ref))
		return false;
	*e = page_of(&w, addr, atomic_load_relaxed(ref->entry));
	if (likely(!w.level) || has_entry(&w))
		return true;
	pt_unlock(ref);
	return false;
}

/* ----------------------------------------------------------------- growing */

static void count_table(struct quire_mm *mm)
{
	uint64_t n = atomic_add(&mm->nr_tables, 1);
	uint64_t peak = atomic_load_relaxed(&mm->peak_tables);

	while (peak < n && !atomic_cas(&mm->peak_tables, &peak, n))
		;
}

static struct folio *alloc_table(struct quire_machine *m, unsigned level)
{
	struct folio *f = folio_alloc(m, 0, ALLOC_ZERO | ALLOC_TABLE);

	if (!f)
		return NULL;
	f->pt.level = level;
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
	return parent->pt.linked &&
	       (entry_none(atomic_load_relaxed(w->slot)) || !RULE(slot_recheck));
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
		atomic_store(w->slot, pte_make(folio_pfn(mm->machine, child), PTE_TABLE));
		STEP("links table %u of level %u", folio_pfn(mm->machine, child), child->pt.level);
		parent->pt.used++;
		err = 0;
	} else if (parent->pt.linked && !entry_none(atomic_load_relaxed(w->slot))) {
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
		atomic_fence(); /* before the caller looks whether its VMA lives: install.c, 2 */
		count_table(mm);
	} else {
		free_table(mm->machine, child);
	}
	return err == -QEEXIST ? 0 : err;
}

int pt_walk_alloc(struct quire_mm *mm, struct vma *vma, uint64_t addr, unsigned level,
		  struct pt_walk *w)
{
	for (;;) {
		int err;

		pt_walk_down(mm, addr, level, w);
		if (w->level == level)
			return 0;
		if ((vma && vma_is_dead(vma)) || has_entry(w))
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
		err = pt_walk_alloc(mm, NULL, addr, 0, &w);
		Q_ASSERT(mm->machine, err != -QEAGAIN); /* there is no leaf */
		if (unlikely(err))
			return err;
	} while (!lock_reached(mm, addr, &w, ref, RANK_PTL));
	return 0;
}

int pt_lock_upper_alloc(struct quire_mm *mm, uint64_t addr, unsigned level, struct pt_ref *ref)
{
	struct pt_walk w;
	int err;

	do {
		err = pt_walk_alloc(mm, NULL, addr, level, &w);
		Q_ASSERT(mm->machine, err != -QEAGAIN);
		if (unlikely(err))
			return err;
	} while (!pt_lock_reached(mm, addr, &w, ref));
	return 0;
}

int pt_lock_found(struct quire_mm *mm, struct vma *vma, uint64_t addr, unsigned level,
		  struct pt_walk *found, struct pt_ref *ref)
{
	int err = 0;

	if (unlikely(found->level > level) && !has_entry(found))
		err = pt_walk_alloc(mm, vma, addr, level, found);
	if (unlikely(err))
		return err;
	/* It was taken out by a holder of M: the fault waits for M in the end. */
	return likely(pt_lock_reached(mm, addr, found, ref)) ? 0 : -QEAGAIN;
}

/* ----------------------------------------------------------------- entries */

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

	Q_ASSERT(mm->machine, top->pt.used == 0 && atomic_load(&mm->nr_tables) == 1);
	atomic_sub(&mm->nr_tables, 1);
	free_table(mm->machine, top);
}
