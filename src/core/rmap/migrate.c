/* SPDX-License-Identifier: MIT */
/*
 * migrate.c: a page goes to another frame.
 *
 *     lock (F) -> entries out -> flushed -> frozen -> copied, in its slot -> entries back -> unlock
 *                      |            |          |                               ^
 *                      v            v          v                               |
 *                 a pin found     lent     others have references ------------+  the old frame's
 *
 * Owns nothing.  Both frames' folios are locked from before the first entry is taken out until the
 * last one is back.
 *
 *   1  Each entry is taken out under its PTL: a migration entry comes in its place (entry.h, 4).
 *      It is flushed before the page is frozen.  Where a pin is found under the PTL, and where
 *      the flush finds that the host may still use the page (tlb.c, 4), the page stays.
 *   2  The page is frozen with the references that are known: the mover's, and of a file's page the
 *      cache's.  Whoever else can still read or write it has one: an entry that came meanwhile or
 *      was not found, what a gather has not flushed yet, a fault that copies it, a reader, a
 *      writer, whoever waits for its lock.  So nobody changes it while it is copied, and nobody
 *      finds the old frame afterwards.  Another thread that has flushed it, and was told that
 *      the host may still use it, has marked it as lent before it gave its reference back: the
 *      mover asks for that again when the page is frozen.
 *   3  A page of a file is frozen, copied, and replaced in its slot within one hold of X: who finds
 *      it frozen waits for X (filecache.c, 5).  Its old frame is free a grace period later
 *      (filecache.c, 6).  The old frame of a private page is free at once.
 *   4  The new folio is locked until all entries name it.  So nobody cleans its entries for a
 *      writeback, or counts on having cleaned them, while some of them are migration entries yet.
 *   5  Whatever fails, the way back is the same, with the old folio: it takes no memory and cannot
 *      fail.  The entries come back as they are then, and so does FOLIO_EXCLUSIVE (entry.h, 4).
 */
#include "core/rmap/migrate_one.h"
#include "core/file/file.h"
#include "core/frame/place.h"
#include "core/table/entry.h"
#include "core/table/mapcount.h"

/* Of the page itself, and not of its frame. */
#define MOVED_FLAGS                                                                                \
	(FOLIO_ANON | FOLIO_CACHE | FOLIO_UPTODATE | FOLIO_DIRTY | FOLIO_SHMEM | FOLIO_LAZYFREE)

/* ---- entries ------------------------------------------------------------------ */

static bool is_flushed_later(const struct move *mv, const struct quire_mm *mm)
{
	return mv->later && mv->later->mm == mm;
}

static struct mmu_gather *gather_of(struct move *mv, struct quire_mm *mm)
{
	if (is_flushed_later(mv, mm))
		return mv->later;
	if (!mv->gathering)
		tlb_begin(mv->g, mm);
	mv->gathering = true;
	return mv->g;
}

static void gather_entry(struct move *mv, const struct rmap_place *p)
{
	struct mmu_gather *g = gather_of(mv, p->mm);

	if (RULE(moved_page_is_flushed))
		tlb_range(g, p->addr, p->addr + p->n * PAGE_SIZE, p->n);
}

/* Invariant 1.  PTL held. */
static enum rmap_next take_out(struct rmap_walk *w, struct rmap_place *p)
{
	struct move *mv = container_of(w, struct move, walk);
	bool exclusive = folio_test(mv->from, FOLIO_EXCLUSIVE);

	if (folio_pins(mv->from) && RULE(pinned_page_stays)) {
		STEP("finds the page pinned");
		mv->err = -QEBUSY;
		return RMAP_STOP;
	}
	STEP("puts a migration entry in the place of the page at %#lx", p->addr);
	if (exclusive)
		folio_clear(mv->from, FOLIO_EXCLUSIVE);
	pt_set(&p->ref, p->ref.entry, migration_of(p->e, exclusive));
	rmap_depart(p->mm, mv->from, p->n);
	gather_entry(mv, p);
	return RMAP_GO_ON;
}

/* Executors, and the host where it uses the page for a system call. */
static void flush(struct rmap_walk *w, struct quire_mm *mm)
{
	struct move *mv = container_of(w, struct move, walk);

	if (is_flushed_later(mv, mm))
		mv->later->full |= w->flush_all;
	if (!mv->gathering)
		return;
	mv->g->full = w->flush_all;
	tlb_finish(mv->g);
	mv->gathering = false;
	if (mv->g->lent && RULE(lent_page_stays))
		mv->err = -QEBUSY;
}

/* The entry of the page, or large page, that this one says was taken out. */
static pte_t entry_back(const struct move *mv, const struct rmap_place *p)
{
	const struct quire_machine *m = mv->mg->m;
	uint64_t page = migration_frame(p->e) - folio_pfn(m, mv->from);
	pte_t e = migration_back(p->e, folio_pfn(m, mv->target) + page);

	return p->ref.table->pt.level ? e | PTE_LEAF : e;
}

/* Invariant 5.  PTL held. */
static enum rmap_next put_back(struct rmap_walk *w, struct rmap_place *p)
{
	struct move *mv = container_of(w, struct move, walk);
	const struct quire_machine *m = mv->mg->m;
	bool exclusive = migration_is_exclusive(m, p->e);

	STEP("maps frame %u at %#lx", folio_pfn(m, mv->target), p->addr);
	if (exclusive)
		folio_set(mv->target, FOLIO_EXCLUSIVE);
	rmap_arrive(p->mm, mv->target, p->n);
	pt_set(&p->ref, p->ref.entry, entry_back(mv, p));
	return exclusive && rmap_is_whole(p, mv->target) ? RMAP_STOP : RMAP_GO_ON;
}

/* The gather is no part of struct move, of which a batch has many. */
static __attribute__((noinline)) void take_all_out(struct move *mv)
{
	struct mmu_gather g;

	mv->g = &g;
	mv->walk.way_back = false;
	mv->walk.entry = take_out;
	mv->walk.flush = flush;
	rmap_walk(mv->mg->m, &mv->walk);
	if (!mv->err && atomic_load(&mv->from->mapcount))
		mv->err = -QEAGAIN;
}

static void put_all_back(struct move *mv, struct folio *target)
{
	mv->target = target;
	mv->walk.way_back = true;
	mv->walk.entry = put_back;
	mv->walk.flush = NULL;
	rmap_walk(mv->mg->m, &mv->walk);
}

/* ---- the page itself ------------------------------------------------------------ */

/* Its references are the mover's, and `more`.  Invariant 2. */
static bool freeze(struct move *mv, uint32_t more)
{
	if (!RULE(moved_if_alone)) {
		folio_unfreeze(mv->from, 0);
		return true;
	}
	if (folio_freeze(mv->from, 1 + more)) {
		if (!folio_test(mv->from, FOLIO_LENT) || !RULE(lent_asked_again))
			return true;
		STEP("finds that the page was lent by another mapping");
		folio_unfreeze(mv->from, 1 + more);
		mv->err = -QEBUSY;
		return false;
	}
	STEP("finds that others have references on the page");
	mv->err = -QEAGAIN;
	return false;
}

/* Frozen.  What it is comes last: a walk over frames goes by that. */
static void copy(struct move *mv)
{
	struct quire_machine *m = mv->mg->m;

	STEP("copies frame %u to frame %u", folio_pfn(m, mv->from), folio_pfn(m, mv->to));
	memcpy(folio_addr(m, mv->to), folio_addr(m, mv->from), folio_pages(mv->from) * PAGE_SIZE);
	mv->to->mapping = mv->from->mapping; /* or root */
	mv->to->index = mv->from->index;
	if (folio_test(mv->from, FOLIO_HUGETLB))
		m->charge_huge(m, mv->to, mv->from);
	folio_set(mv->to, atomic_load(&mv->from->flags) & MOVED_FLAGS);
}

static bool move_private(struct move *mv)
{
	if (!freeze(mv, 0))
		return false;
	copy(mv);
	return true;
}

/* Invariant 3. */
static bool move_cached(struct move *mv)
{
	const struct quire_port *port = &mv->mg->m->port;
	struct mapping *mapping = mv->from->mapping;
	bool frozen;

	spin_lock(port, &mapping->index_lock, RANK_INDEX);
	frozen = freeze(mv, 1);
	if (frozen) {
		copy(mv);
		folio_get(mv->to);
		filecache_replace(mapping, mv->to);
	}
	spin_unlock(&mapping->index_lock, RANK_INDEX);
	return frozen;
}

static bool move_page(struct move *mv)
{
	return folio_test(mv->from, FOLIO_ANON) ? move_private(mv) : move_cached(mv);
}

/* ---- one page --------------------------------------------------------------------- */

/* A reference held. */
static int refused(const struct folio *f)
{
	uint32_t flags = atomic_load(&f->flags);

	if (!(flags & (FOLIO_ANON | FOLIO_CACHE)))
		return -QEINVAL;
	if ((folio_pins(f) && RULE(pinned_page_stays)) ||
	    ((flags & FOLIO_LENT) && RULE(lent_page_stays)))
		return -QEBUSY;
	return 0;
}

/* F held.  A page that is not read in yet is being read in, or was left by a failed read. */
static int refused_locked(const struct folio *f, const struct mapping *mapping)
{
	int err = refused(f);

	if (err || !mapping)
		return err;
	if (f->mapping != mapping)
		return -QENOENT;
	return folio_test(f, FOLIO_WRITEBACK) ? -QEBUSY : folio_is_up_to_date(f) ? 0 : -QEAGAIN;
}

static bool lock_page(struct move *mv, enum migrate_mode mode)
{
	if (mode == MIGRATE_WAIT)
		folio_lock(mv->mg->m, mv->from);
	return mode == MIGRATE_WAIT || folio_trylock(mv->from);
}

/* Locks both.  False: neither is. */
static bool lock_both(struct move *mv, enum migrate_mode mode)
{
	struct quire_machine *m = mv->mg->m;

	mv->err = -QEAGAIN;
	if (!lock_page(mv, mode))
		return false;
	mv->err = refused_locked(mv->from, mv->file ? &mv->file->mapping : NULL);
	if (!mv->err && !folio_trylock(mv->to)) /* by a walk over frames */
		mv->err = -QEAGAIN;
	if (mv->err)
		folio_unlock(m, mv->from);
	else if (!RULE(moved_page_is_locked))
		folio_unlock(m, mv->to);
	return !mv->err;
}

bool move_begin(struct move *mv, enum migrate_mode mode)
{
	if (!lock_both(mv, mode))
		return false;
	mv->mapped = rmap_begin(mv->mg->m, &mv->walk);
	if (mv->mapped)
		take_all_out(mv);
	else if (folio_test(mv->from, FOLIO_ANON))
		mv->err = -QENOENT;
	return true;
}

void move_finish(struct move *mv)
{
	struct quire_machine *m = mv->mg->m;

	if (!mv->err && move_page(mv))
		put_all_back(mv, mv->to);
	else if (mv->mapped)
		put_all_back(mv, mv->from);
	if (mv->mapped)
		rmap_end(m, &mv->walk);
	if (RULE(moved_page_is_locked))
		folio_unlock(m, mv->to);
	folio_unlock(m, mv->from);
}

void move_alone(struct move *mv)
{
	mv->later = NULL;
	if (move_begin(mv, mv->mg->mode))
		move_finish(mv);
}

/* The page is frozen, and nobody's: its frame is free, or will be. */
static void free_old(struct migrate *mg, struct folio *from)
{
	if (folio_test(from, FOLIO_ANON) || !RULE(rcu_free_cached_pages))
		frames_free(mg->m, from);
	else
		chain_add(mg->m, &mg->gone, from);
}

/* Writes the page back, as the thread does that has begun to: then it is not being written. */
static void await_writeback(struct migrate *mg, struct quire_file *file, struct folio *from)
{
	if (mg->mode == MIGRATE_WAIT && folio_test(from, FOLIO_WRITEBACK))
		mapping_writeback(file, from->index, from->index, NULL);
}

/* The file that has the page, with a reference.  NULL: it has left it. */
static struct quire_file *file_of(struct quire_machine *m, const struct folio *f)
{
	struct quire_file *file = NULL;
	struct mapping *mapping;

	rcu_read_lock(&m->port);
	mapping = atomic_load(&f->mapping);
	if (mapping && file_tryget(mapping->file))
		file = mapping->file;
	rcu_read_unlock(&m->port);
	return file;
}

void move_prepare(struct move *mv, struct migrate *mg, struct folio *from)
{
	*mv = (struct move){.walk = {.folio = from}, .mg = mg, .from = from};
	mv->err = refused(from);
	if (mv->err || folio_test(from, FOLIO_ANON))
		return;
	mv->file = file_of(mg->m, from);
	if (mv->file)
		await_writeback(mg, mv->file, from);
	else
		mv->err = -QENOENT;
}

void move_take_frame(struct move *mv, unsigned node, uint64_t among)
{
	struct quire_machine *m = mv->mg->m;
	bool huge = folio_test(mv->from, FOLIO_HUGETLB);

	if (!mv->err && folio_order(mv->from) && !huge) /* only its kind knows of others */
		mv->err = -QEINVAL;
	if (mv->err)
		return;
	mv->to = huge ? m->take_huge(m, mv->from, among, node) : folio_alloc_on(m, 0, among, node);
	if (!mv->to)
		mv->err = -QENOMEM;
}

int move_settle(struct move *mv)
{
	struct migrate *mg = mv->mg;

	if (mv->err) {
		folio_put(mg->m, mv->from);
		if (mv->to)
			folio_put(mg->m, mv->to);
	} else {
		if (folio_test(mv->from, FOLIO_HUGETLB))
			mg->m->charge_huge(mg->m, mv->from, NULL);
		free_old(mg, mv->from);
		folio_put(mg->m, mv->to); /* its entries' and the cache's are left; or it goes */
		mg->moved++;
	}
	if (mv->file)
		quire_file_put(mv->file);
	return mv->err;
}

int migrate_folio(struct migrate *mg, struct folio *from, struct folio *to)
{
	struct move mv;

	move_prepare(&mv, mg, from);
	mv.to = to;
	if (!mv.err && folio_order(from) != folio_order(to))
		mv.err = -QEINVAL;
	if (!mv.err)
		move_alone(&mv);
	if (mv.err) /* it is the caller's */
		mv.to = NULL;
	return move_settle(&mv);
}

int migrate_to_node(struct migrate *mg, struct folio *from, unsigned node)
{
	struct move mv;

	move_prepare(&mv, mg, from);
	move_take_frame(&mv, node, 1ull << node);
	if (!mv.err)
		move_alone(&mv);
	return move_settle(&mv);
}

void migrate_begin(struct migrate *mg, struct quire_machine *m, enum migrate_mode mode)
{
	*mg = (struct migrate){.m = m, .mode = mode, .gone = CHAIN_OF_PAGES};
}

void migrate_end(struct migrate *mg)
{
	frames_defer(mg->m, &mg->gone);
}
