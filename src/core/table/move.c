/* SPDX-License-Identifier: MIT */
/*
 * move.c: mremap's move of entries from one range to another of the same mm.
 *
 * Owns nothing.  M is held, and the file's I over move and flush.  So a truncation finds each page
 * at the one address or the other, and no page is freed while its old translation is still cached.
 * Of two PTLs the old address's is taken first (move_between()).
 *
 * Walks of private pages hold N of this mm.  So N is held from taking entries out of a table until
 * they are put in (walk_anon.c, 1), but not until the flush: mm->unflushed tells of that (2).
 *
 * Invariants:
 *   1  For a thread that holds the PTLs an entry is at the old or at the new address, never at both
 *      and never at neither.  So it is for one that holds I, or N, with entries of upper tables and
 *      whole tables, which are at neither for a moment.  Their folios' counts do not change.
 *   2  Whole tables are moved when both ends are aligned to a table's span; 2 MiB then cost what
 *      one entry costs.
 *   3  Moving back what was moved allocates nothing: the tables of the old range, or the slots for
 *      them, are still there.
 *   4  The destination holds no entry: what was mapped there is zapped, and a fault that had looked
 *      it up finds it dead under the PTL. When entries move back, the same holds for the source.
 *   5  With the destination's tables kept (keep_tables()), a move of what the source had then needs
 *      no memory.  So what is mapped at the destination may go before the move.
 */
#include "core/base/file_types.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/table/range.h"
#include "core/table/tlb.h"

/* All kinds of entries move as they are. */
static inline void check_kind(const struct quire_machine *m, pte_t e)
{
	if (unlikely(!pte_present(e)) && entry_kind_absent(e) == ENTRY_UNKNOWN)
		entry_unknown(m);
}

static void move_locked(struct mmu_gather *g, struct pt_ref *dst, struct pt_ref *src,
			uint64_t old_addr, uint64_t len)
{
	int64_t first = 0, last = 0, n = (int64_t)(len >> PAGE_SHIFT);
	unsigned moved = 0;

	for (int64_t i = 0; i < n; i++) {
		pte_t *to = pt_nth(dst->entry, i), *from = pt_nth(src->entry, i);
		pte_t e = atomic_load_relaxed(from);

		if (entry_none(e))
			continue;
		check_kind(g->mm->machine, e);
		Q_ASSERT(g->mm->machine, entry_none(atomic_load_relaxed(to))); /* invariant 4 */
		STEP("moves entry %#lx away from %#lx", e, old_addr + ((uint64_t)i << PAGE_SHIFT));
		pt_set(src, from, 0);
		pt_set(dst, to, e);
		if (!moved++)
			first = i;
		last = i;
	}
	if (moved && RULE(move_flush))
		tlb_range(g, old_addr + ((uint64_t)first << PAGE_SHIFT),
			  old_addr + ((uint64_t)(last + 1) << PAGE_SHIFT), moved);
}

static void keep_walks_out(struct quire_mm *mm)
{
	if (RULE(moved_under_n))
		anon_lock(mm->anon);
}

static void let_walks_in(struct quire_mm *mm)
{
	if (RULE(moved_under_n))
		anon_unlock(mm->anon);
}

/* Both addresses in one table. */
static void move_within(struct mmu_gather *g, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	struct pt_ref src, dst;

	if (!pt_lock(g->mm, old_addr, &src))
		return;
	dst = src;
	dst.entry = pt_nth(src.entry, (int64_t)(new_addr - old_addr) >> PAGE_SHIFT);
	move_locked(g, &dst, &src, old_addr, len);
	pt_unlock(&src);
}

/*
 * Under M both tables stay, so that the locks cannot fail, and nobody else nests two of this mm: no
 * order is needed.
 */
static void move_between(struct mmu_gather *g, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	struct quire_mm *mm = g->mm;
	struct pt_ref src, dst;
	bool ok = pt_lock(mm, old_addr, &src) && pt_lock_nested(mm, new_addr, &dst);

	Q_ASSERT(mm->machine, ok);
	move_locked(g, &dst, &src, old_addr, len);
	pt_unlock_nested(&dst);
	pt_unlock(&src);
}

/* A piece within one table on either side, which the source has.  False: no memory. */
static bool move_piece(struct mmu_gather *g, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	bool within = new_addr / PT_SPAN == old_addr / PT_SPAN;
	struct pt_ref ref;

	if (!within) {
		if (pt_lock_alloc(g->mm, new_addr, &ref))
			return false;
		pt_unlock(&ref);
	}
	keep_walks_out(g->mm);
	if (within)
		move_within(g, new_addr, old_addr, len);
	else
		move_between(g, new_addr, old_addr, len);
	let_walks_in(g->mm);
	return true;
}

/* Invariant 2: so many whole tables are in the range, from its beginning on. */
static uint64_t whole_tables(uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	return (new_addr | old_addr) & (PT_SPAN - 1) ? 0 : len / PT_SPAN;
}

/* Some of the whole tables that the range begins with: their bytes.  0: none that can be moved. */
static uint64_t move_whole(struct mmu_gather *g, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	uint64_t n = whole_tables(new_addr, old_addr, len);
	unsigned entries, moved;

	if (!n)
		return 0;
	keep_walks_out(g->mm);
	moved =
	    pt_move_tables(g, old_addr, new_addr, (unsigned)min_u64(n, PT_MOVED_AT_ONCE), &entries);
	let_walks_in(g->mm);
	if (!moved)
		return 0;
	STEP("moves %u table(s) from %#lx to %#lx", moved, old_addr, new_addr);
	if (RULE(move_flush))
		tlb_range(g, old_addr, old_addr + moved * PT_SPAN, entries);
	return moved * PT_SPAN;
}

/* Of a table's piece [from, stop) what lies in one table at `to`, too. */
static uint64_t piece_of(uint64_t from, uint64_t to, uint64_t stop)
{
	return min_u64(pt_table_end(to, UINT64_MAX) - to, stop - from);
}

/* The next piece of [from, end), which the source has a table of: its bytes.  0: no memory. */
static uint64_t move_next(struct mmu_gather *g, uint64_t delta, uint64_t from, uint64_t end)
{
	uint64_t piece = move_whole(g, from + delta, from, end - from);

	if (piece)
		return piece;
	piece = piece_of(from, from + delta, pt_table_end(from, end));
	return move_piece(g, from + delta, from, piece) ? piece : 0;
}

/* Slots of an upper table, one after the other, whose leaves are on their way. */
struct leaf_run {
	unsigned n;     /* slots */
	unsigned moved; /* that had an entry */
	pte_t was[PT_MOVED_AT_ONCE];
};

/* From addr's slot on, until there is a table: run->n at most. */
static void take_leaves(struct quire_mm *mm, uint64_t addr, unsigned level, struct leaf_run *run)
{
	struct pt_ref ref;
	unsigned i;
	bool ok = pt_lock_upper(mm, addr, level, &ref);

	Q_ASSERT(mm->machine, ok);
	run->moved = 0;
	for (i = 0; i < run->n; i++) {
		pte_t *old = pt_nth(ref.entry, i), e = atomic_load_relaxed(old);

		if (entry_is_table(e))
			break;
		run->was[i] = e;
		if (entry_none(e))
			continue;
		check_kind(mm->machine, e);
		STEP("moves leaf %#lx away from %#lx", e, addr + i * slot_span(level));
		pt_set(&ref, old, 0);
		run->moved++;
	}
	run->n = i;
	pt_unlock(&ref);
}

static void put_leaves(struct quire_mm *mm, uint64_t addr, unsigned level,
		       const struct leaf_run *run)
{
	struct pt_ref ref;
	bool ok = pt_lock_upper(mm, addr, level, &ref);

	Q_ASSERT(mm->machine, ok);
	for (unsigned i = 0; i < run->n; i++) {
		pte_t *new = pt_nth(ref.entry, i);

		if (entry_none(run->was[i]))
			continue;
		Q_ASSERT(mm->machine, entry_none(atomic_load_relaxed(new)));
		pt_set(&ref, new, run->was[i]);
	}
	pt_unlock(&ref);
}

/*
 * Entries of an upper table: out under one U, in under the other, within one hold of N (and of I).
 * The source is dead, and nobody maps anything at the destination.  Bytes; 0: no memory.
 */
static __attribute__((noinline)) uint64_t move_leaves(struct mmu_gather *g, uint64_t new_addr,
						      uint64_t old_addr, uint64_t len,
						      unsigned level)
{
	uint64_t span = slot_span(level);
	struct leaf_run run;

	run.n = pt_slots_at_both(new_addr, old_addr, level, len / span);
	run.n = pt_make_room(g, new_addr, level, run.n);
	if (!run.n)
		return 0;
	keep_walks_out(g->mm);
	take_leaves(g->mm, old_addr, level, &run);
	put_leaves(g->mm, new_addr, level, &run);
	let_walks_in(g->mm);
	if (RULE(move_flush))
		tlb_range(g, old_addr, old_addr + run.n * span, run.moved * slot_pages(level));
	return run.n * span;
}

/* The cursor is at an entry of an upper table: bytes moved. */
static uint64_t move_upper(struct mmu_gather *g, uint64_t delta, const struct pt_cursor *c)
{
	Q_ASSERT(g->mm->machine, pt_is_whole(c) && !((c->addr + delta) & (c->step - 1)));
	return move_leaves(g, c->addr + delta, c->addr, c->end - c->addr, c->level);
}

static uint64_t move_all(struct mmu_gather *g, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	uint64_t delta = new_addr - old_addr, moved;
	struct pt_cursor c;

	pt_cursor_begin(&c, g->mm, old_addr, old_addr + len);
	while (pt_next_table(&c)) {
		moved = likely(!c.level) ? move_next(g, delta, c.addr, c.end)
					 : move_upper(g, delta, &c);
		if (!moved)
			break;
		c.stop = c.addr + moved;
	}
	return c.addr - old_addr;
}

/* Flushed before dst can be found: what is done to a page there knows nothing of
 * the old address. */
static uint64_t move_and_flush(struct mmu_gather *g, uint64_t new_addr, uint64_t old_addr,
			       uint64_t len)
{
	uint64_t moved;

	atomic_store(&g->mm->unflushed, 1);
	atomic_fence(); /* src is dead: as for a zap (zap.c, 4) */
	moved = move_all(g, new_addr, old_addr, len);
	tlb_flush_now(g);
	if (!RULE(lent_marked_first))
		atomic_store(&g->mm->unflushed, 0);
	if (g->lent && RULE(lent_moves))
		tlb_mark_lent(g->mm, new_addr, new_addr + moved);
	atomic_store(&g->mm->unflushed, 0); /* a mover does not ask for the old address any more */
	return moved;
}

uint64_t move_entries(struct mmu_gather *g, struct quire_file *file, uint64_t new_addr,
		      uint64_t old_addr, uint64_t len)
{
	const struct quire_port *port = &g->mm->machine->port;
	uint64_t moved;

	if (!file || !RULE(move_holds_i_lock))
		return move_and_flush(g, new_addr, old_addr, len);
	mutex_lock(port, &file->mapping.i_lock, RANK_MAPPING);
	moved = move_and_flush(g, new_addr, old_addr, len);
	mutex_unlock(port, &file->mapping.i_lock, RANK_MAPPING);
	return moved;
}

/* ---- tables ahead of the move ------------------------------------------------- */

static int keep_of_table(struct pt_cursor *c, uint64_t delta)
{
	int err = 0;

	while (!err && c->addr < c->stop) {
		uint64_t to = c->addr + delta, piece = piece_of(c->addr, to, c->stop);

		err = pt_keep(c->mm, to, whole_tables(to, c->addr, piece) ? 1 : 0);
		c->addr += piece;
	}
	return err;
}

int keep_tables(struct quire_mm *mm, uint64_t new_addr, uint64_t old_addr, uint64_t len)
{
	uint64_t delta = new_addr - old_addr;
	struct pt_cursor c;
	int err = 0;

	pt_cursor_begin(&c, mm, old_addr, old_addr + len);
	while (!err && pt_next_table(&c))
		err = c.level ? pt_keep(mm, c.addr + delta, c.level) : keep_of_table(&c, delta);
	return err;
}

void release_kept_tables(struct quire_mm *mm, uint64_t new_addr, uint64_t len)
{
	for (unsigned level = 0; level <= TOP_LEAF_LEVEL; level++)
		pt_release_kept(mm, new_addr, new_addr + len, level);
}
