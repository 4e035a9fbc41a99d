/* SPDX-License-Identifier: MIT */
/*
 * mover.c: the actors of mover.h.
 */
#include "check/scn/memory/mover.h"
#include "core/frame/folio.h"
#include "core/rmap/migrate.h"

void moved_choose(struct world *w, uint64_t addr)
{
	note(w, MOVED_FRAME, (quire_pte(w->mm, addr) & QUIRE_PTE_FRAME_MASK) / PAGE);
}

static int move_frame(struct world *w)
{
	struct folio *from = pfn_folio(w->m, noted(w, MOVED_FRAME));
	struct migrate mg;
	int err;

	if (!folio_try_get(from))
		return -QENOENT;
	migrate_begin(&mg, w->m, MIGRATE_WAIT);
	err = migrate_to_node(&mg, from, 0);
	migrate_end(&mg);
	if (!err)
		note(w, MOVES, noted(w, MOVES) + 1);
	return err;
}

void moved_page(struct world *w)
{
	move_frame(w);
}

void moved_for_sure(struct world *w)
{
	int err = move_frame(w);

	expect(!err, "a page that nothing keeps is not moved: error %d", -err);
}
