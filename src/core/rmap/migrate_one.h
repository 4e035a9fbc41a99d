/* SPDX-License-Identifier: MIT */
/*
 * migrate_one.h: one page on its way to another frame, step by step: for migrate.c and
 * migrate_batch.c.
 *
 *     move_prepare() -> move_take_frame() -> move_begin() -> move_finish() -> move_settle()
 */
#ifndef CORE_RMAP_MIGRATE_ONE_H
#define CORE_RMAP_MIGRATE_ONE_H

#include "core/file/file.h"
#include "core/rmap/migrate.h"
#include "core/rmap/walk.h"
#include "core/table/tlb.h"

struct move {
	struct rmap_walk walk;
	struct migrate *mg;
	struct folio *from, *to;
	struct folio *target;     /* what the entries are to name on the way back */
	struct quire_file *file;  /* that has the page, with a reference; of a private page NULL */
	struct mmu_gather *g;     /* while entries are taken out: of the mm that is being visited */
	struct mmu_gather *later; /* of one mm: the caller flushes; or NULL */
	bool gathering;
	bool mapped; /* rmap_begin() said so */
	int err;     /* why it stays */
};

/* With a reference on the folio, which the move has from now on.  No lock; sleeps. */
void move_prepare(struct move *mv, struct migrate *mg, struct folio *from);
/* From that node, or the nearest of the set.  Nothing if there is an error already. */
void move_take_frame(struct move *mv, unsigned node, uint64_t among);
/*
 * Locks both folios, takes all entries out, and flushes them but for those of mv->later.  True:
 * move_finish() is to follow in any case, after a flush of these.  False: with mv->err.
 */
bool move_begin(struct move *mv, enum migrate_mode mode);
/* Freezes and copies the page unless there is an error, puts the entries back, unlocks. */
void move_finish(struct move *mv);
/* Both, with no flush left to the caller. */
void move_alone(struct move *mv);
/* All references go.  Returns mv->err. */
int move_settle(struct move *mv);

#endif
