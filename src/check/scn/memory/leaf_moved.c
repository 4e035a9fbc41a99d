/* SPDX-License-Identifier: MIT */
/*
 * leaf_moved.c: large pages that mremap moves to another address, or somebody to other frames.
 */
#include "check/scn/fault/large_world.h"
#include "core/frame/folio.h"
#include "core/rmap/migrate.h"

/* ---- mremap ------------------------------------------------------------------------------- */

static void move_away(struct world *w)
{
	uint64_t to = ELSEWHERE;

	must(quire_mremap(w->mm, w->addr, BIG, BIG, QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &to),
	     "mremap");
	note(w, 1, 1);
}

static void store_before_move(struct world *w)
{
	bool moved = noted(w, 1) != 0, done = cpu_store(w, w->mm, INSIDE, 7) == ACCESS_OK;

	expect(!done || !moved, "a store goes to where the page was");
	note(w, 0, done);
}

static void check_moved(struct world *w)
{
	uint64_t there = ELSEWHERE + 5 * PAGE;

	large_check_nothing(w);
	if (noted(w, 0))
		expect(quire_pte(w->mm, there) && peek(w, w->mm, there) == 7, "a store is lost");
}

SCENARIO(leaf_move) = {
    .name = "leaf-move",
    .title = "a store to a large page against mremap of it",
    .source = "move.c; linux-mm, Nov 2008",
    .pairs = "fault × mremap",
    .frames = FRAMES,
    .setup = large_setup_private,
    .actors = {{"mremap", move_away}, {"store", store_before_move}},
    .check = check_moved,
    .nr_guards = 1,
    .guards = {RULE_move_flush},
};

SCENARIO(leaf_move_untouched) = {
    .name = "leaf-move-untouched",
    .title = "the first store to a large page against mremap of it",
    .source = "cursor.h, 7; remap_move.c, 1",
    .pairs = "fault × mremap",
    .frames = FRAMES,
    .setup = large_setup_touched_before,
    .actors = {{"mremap", move_away}, {"store", store_before_move}},
    .check = check_moved,
    .nr_guards = 2,
    .guards = {RULE_source_dead_during_move, RULE_empty_slot_awaited},
};

static void check_moved_truncated(struct world *w)
{
	large_check_truncated(w);
	expect(!quire_pte(w->mm, ELSEWHERE), "an entry is left where the page has moved to");
}

SCENARIO(leaf_move_truncate) = {
    .name = "leaf-move-truncate",
    .bound = 1,
    .title = "mremap of a large page of a file against its truncation",
    .source = "move.c",
    .pairs = "mremap × truncate",
    .frames = FRAMES,
    .setup = large_setup_shared,
    .actors = {{"mremap", move_away}, {"truncate", large_truncate_all}},
    .check = check_moved_truncated,
    .nr_guards = 1,
    .guards = {RULE_move_holds_i_lock},
};

/* ---- to other frames ------------------------------------------------------------------ */

#define LARGE_FRAME 12 /* note: the first frame of the large page */

static void setup_to_be_moved(struct world *w)
{
	large_setup_private(w);
	note(w, LARGE_FRAME, (quire_pte(w->mm, w->addr) & QUIRE_PTE_FRAME_MASK) / PAGE);
}

static void move_frames(struct world *w)
{
	struct folio *from = pfn_folio(w->m, noted(w, LARGE_FRAME)), *to;
	struct migrate mg;

	if (!folio_try_get(from))
		return;
	to = folio_alloc(w->m, 9, 0);
	expect(to, "there are no other frames");
	migrate_begin(&mg, w->m, MIGRATE_WAIT);
	if (migrate_folio(&mg, from, to))
		folio_put(w->m, to);
	migrate_end(&mg);
}

SCENARIO(leaf_moved) = {
    .name = "leaf-moved",
    .title = "a store to a large page against whoever moves it to other frames",
    .source = "migrate.c, 1",
    .pairs = "whoever takes a page away × fault",
    .frames = FRAMES,
    .setup = setup_to_be_moved,
    .actors = {{"mover", move_frames}, {"store", large_store_inside}},
    .check = large_check_stored,
    .nr_guards = 1,
    .guards = {RULE_moved_page_is_flushed},
};

static void check_shared(struct world *w)
{
	uint64_t entries = quire_pte(w->mm, INSIDE) | quire_pte(w->child, INSIDE);

	expect(!(entries & QUIRE_PTE_WRITE), "a page that two processes have may be written");
	expect(peek(w, w->mm, INSIDE) == 5 && peek(w, w->child, INSIDE) == 5,
	       "the page has not its content");
}

SCENARIO(leaf_moved_fork) = {
    .name = "leaf-moved-fork",
    .title = "fork of a large page against whoever moves it to other frames",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × fork",
    .bound = 1,
    .frames = FRAMES,
    .setup = setup_to_be_moved,
    .actors = {{"fork", large_fork_only}, {"mover", move_frames}},
    .check = check_shared,
    .nr_guards = 1,
    .guards = {RULE_fork_shares_migration},
};

static void check_there(struct world *w)
{
	expect(peek(w, w->mm, ELSEWHERE + 5 * PAGE) == 5, "the page has not its content");
}

SCENARIO(leaf_moved_mremap) = {
    .name = "leaf-moved-mremap",
    .title = "mremap of a large page against whoever moves it to other frames",
    .source = "walk_anon.c, 1",
    .pairs = "whoever takes a page away × mremap",
    .frames = FRAMES,
    .setup = setup_to_be_moved,
    .actors = {{"mremap", move_away}, {"mover", move_frames}},
    .check = check_there,
    .nr_guards = 1,
    .guards = {RULE_moved_under_n},
};
