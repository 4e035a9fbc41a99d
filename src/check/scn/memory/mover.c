/* SPDX-License-Identifier: MIT */
/*
 * mover.c: the actors of mover.h.
 */
#include "check/scn/memory/mover.h"
#include "core/frame/folio.h"
#include "core/rmap/migrate.h"

static void choose(struct world *w, unsigned which, uint64_t addr)
{
	note(w, which, (quire_pte(w->mm, addr) & QUIRE_PTE_FRAME_MASK) / PAGE);
}

void moved_choose(struct world *w, uint64_t addr)
{
	choose(w, MOVED_FRAME, addr);
}

void moved_choose_other(struct world *w, uint64_t addr)
{
	choose(w, OTHER_FRAME, addr);
}

void moved_setup(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 5);
	moved_choose(w, w->addr);
}

void moved_setup_cached(struct world *w)
{
	moved_setup(w);
	cpu_cache(w, 0, w->mm, w->addr);
}

void moved_setup_forked(struct world *w)
{
	moved_setup_cached(w);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

struct folio *moved_folio(struct world *w)
{
	return pfn_folio(w->m, noted(w, MOVED_FRAME));
}

static int move_frame(struct world *w, unsigned which)
{
	struct folio *from = pfn_folio(w->m, noted(w, which));
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
	move_frame(w, MOVED_FRAME);
}

void moved_other(struct world *w)
{
	move_frame(w, OTHER_FRAME);
}

void moved_for_sure(struct world *w)
{
	int err = move_frame(w, MOVED_FRAME);

	expect(!err, "a page that nothing keeps is not moved: error %d", -err);
}

/* With a reference, if there is one to be had. */
static unsigned find_frame(struct world *w, unsigned which, struct migrate_item *item)
{
	*item = (struct migrate_item){.folio = pfn_folio(w->m, noted(w, which)), .node = 0};
	return folio_try_get(item->folio);
}

static void move_frames(struct world *w, unsigned first, unsigned second)
{
	struct migrate_item items[2];
	struct migrate mg;
	unsigned n;

	n = find_frame(w, first, &items[0]);
	n += find_frame(w, second, &items[n]);
	migrate_begin(&mg, w->m, MIGRATE_WAIT);
	migrate_batch(&mg, w->mm, items, n, 0);
	migrate_end(&mg);
	note(w, MOVES, noted(w, MOVES) + mg.moved);
}

void moved_both(struct world *w)
{
	move_frames(w, MOVED_FRAME, OTHER_FRAME);
}

void moved_both_from_behind(struct world *w)
{
	move_frames(w, OTHER_FRAME, MOVED_FRAME);
}
