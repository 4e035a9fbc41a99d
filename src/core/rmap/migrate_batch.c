/* SPDX-License-Identifier: MIT */
/*
 * migrate_batch.c: many pages go to other frames, for the price of one flush.
 *
 *     all prepared -> each: locked, entries out -> one flush -> each: frozen, copied, entries back
 *
 * A flush stops every thread of the address space.  One for each page would leave a process that is
 * being migrated no time to run.  Owns nothing.
 *
 *   1  The entries of all pages are out before the flush, and no page is frozen before it.  Others
 *      may find the entries meanwhile: they take the address of a migration entry for one that may
 *      be cached (rule flush_migration), and flush it themselves if it matters to them.
 *   2  Only the first page's lock is waited for, the others' are tried: two batches may have the
 *      same pages.  What others have locked is moved afterwards, by itself.
 *   3  If the flush finds that something is lent, it does not say what.  So all pages go back, and
 *      each is moved by itself.
 *   4  Whatever waits for another page comes before the first is locked, as a writeback, or after
 *      the last is unlocked.
 */
#include "core/rmap/migrate_one.h"

struct one_of_many {
	struct move mv;
	bool begun; /* move_finish() is to follow */
	bool alone; /* is tried once more, by itself: invariants 2, 3 */
};

static void begin_all(struct one_of_many *v, unsigned n, struct mmu_gather *later)
{
	enum migrate_mode mode = n ? v->mv.mg->mode : MIGRATE_NOWAIT;

	for (unsigned i = 0; i < n; i++) {
		struct move *mv = &v[i].mv;

		if (mv->err)
			continue;
		mv->later = later;
		v[i].begun = move_begin(mv, mode);
		v[i].alone = !v[i].begun && mv->err == -QEAGAIN;
		if (v[i].begun && RULE(batch_waits_for_one))
			mode = MIGRATE_NOWAIT;
	}
}

static void finish_all(struct one_of_many *v, unsigned n, bool lent)
{
	for (unsigned i = 0; i < n; i++) {
		struct move *mv = &v[i].mv;

		if (!v[i].begun)
			continue;
		v[i].alone = lent && !mv->err && RULE(lent_page_stays);
		if (v[i].alone)
			mv->err = -QEBUSY;
		move_finish(mv);
	}
}

static void move_left_alone(struct one_of_many *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!v[i].alone)
			continue;
		v[i].mv.err = 0;
		move_alone(&v[i].mv);
	}
}

void migrate_batch(struct migrate *mg, struct quire_mm *mm, struct migrate_item *items, unsigned n,
		   uint64_t among)
{
	struct one_of_many v[MIGRATE_BATCH];
	struct mmu_gather later;

	Q_ASSERT(mg->m, n <= MIGRATE_BATCH);
	for (unsigned i = 0; i < n; i++) {
		v[i].begun = v[i].alone = false;
		move_prepare(&v[i].mv, mg, items[i].folio);
		move_take_frame(&v[i].mv, items[i].node, among | 1ull << items[i].node);
	}
	tlb_begin(&later, mm);
	begin_all(v, n, &later);
	tlb_finish(&later);
	finish_all(v, n, later.lent);
	move_left_alone(v, n);
	for (unsigned i = 0; i < n; i++)
		items[i].err = move_settle(&v[i].mv);
}
