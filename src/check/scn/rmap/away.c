/* SPDX-License-Identifier: MIT */
/*
 * away.c: the actor of away.h.
 */
#include "check/scn/rmap/away.h"
#include "core/frame/folio.h"
#include "core/rmap/walk.h"
#include "core/table/mapcount.h"
#include "core/table/tlb.h"

struct away {
	struct rmap_walk walk;
	uint64_t addr; /* of the last entry */
};

void away_choose(struct world *w, uint64_t addr)
{
	note(w, AWAY_FRAME, (quire_pte(w->mm, addr) & QUIRE_PTE_FRAME_MASK) / PAGE);
}

static enum rmap_next take_out(struct rmap_walk *walk, struct rmap_place *p)
{
	struct away *mv = container_of(walk, struct away, walk);
	struct folio *f = walk->folio;
	bool exclusive = folio_test(f, FOLIO_EXCLUSIVE);

	STEP("puts a migration entry in the place of the page at %#lx", p->addr);
	if (exclusive)
		folio_clear(f, FOLIO_EXCLUSIVE);
	pt_set(&p->ref, p->ref.entry, migration_of(p->e, exclusive));
	rmap_depart(p->mm, f, 1);
	mv->addr = p->addr;
	return RMAP_GO_ON;
}

/* As what the entry says by now. */
static enum rmap_next put_back(struct rmap_walk *walk, struct rmap_place *p)
{
	struct folio *f = walk->folio;
	bool exclusive = migration_is_exclusive(p->mm->machine, p->e);

	STEP("maps the page at %#lx", p->addr);
	if (exclusive)
		folio_set(f, FOLIO_EXCLUSIVE);
	rmap_arrive(p->mm, f, 1);
	pt_set(&p->ref, p->ref.entry, migration_back(p->e, folio_pfn(p->mm->machine, f)));
	return exclusive ? RMAP_STOP : RMAP_GO_ON;
}

static void flush(struct rmap_walk *walk, struct quire_mm *mm)
{
	struct away *mv = container_of(walk, struct away, walk);
	struct mmu_gather g;

	tlb_begin(&g, mm);
	g.full = walk->flush_all;
	tlb_page(&g, mv->addr);
	tlb_finish(&g);
}

/* A page that nobody maps, or has cached, does not change. */
static void expect_unused(struct world *w, struct folio *f)
{
	const uint64_t *word = folio_addr(w->m, f);
	uint64_t was = atomic_load(word);

	STEP("has taken the page away: %d entries are left", atomic_load(&f->mapcount));
	if (!atomic_load(&f->mapcount))
		expect(atomic_load(word) == was, "the page changes when nobody can use it");
}

static void walk_twice(struct world *w, struct folio *f)
{
	struct away mv = {.walk = {.folio = f, .entry = take_out, .flush = flush}};

	if (!folio_test(f, FOLIO_ANON) || !rmap_begin(w->m, &mv.walk))
		return;
	rmap_walk(w->m, &mv.walk);
	expect_unused(w, f);
	mv.walk.way_back = true;
	mv.walk.entry = put_back;
	mv.walk.flush = NULL;
	rmap_walk(w->m, &mv.walk);
	rmap_end(w->m, &mv.walk);
}

void away_and_back(struct world *w)
{
	struct folio *f = pfn_folio(w->m, noted(w, AWAY_FRAME));

	if (!folio_try_get(f))
		return;
	folio_lock(w->m, f);
	walk_twice(w, f);
	folio_unlock(w->m, f);
	folio_put(w->m, f);
}
