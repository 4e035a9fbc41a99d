/* SPDX-License-Identifier: MIT */
/*
 * moved_fork.c: whoever moves a private page to another frame, against forks and ends of processes
 * that have it.
 */
#include "check/scn/memory/mover.h"
#include "core/frame/folio.h"

/* ---- forks ------------------------------------------------------------------------------ */

static void fork_and_store(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	store(w, w->mm, w->addr, 9);
	expect(load(w, w->child, w->addr) == 5, "the child sees what its parent stores");
}

static void check_forked(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 9, "the parent's store is lost");
	expect(peek(w, w->child, w->addr) == 5, "the child's page has changed");
}

SCENARIO(moved_fork) = {
    .name = "moved-fork",
    .title = "fork, and a store of the parent's, against whoever moves the page to another frame",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × fork",
    .setup = moved_setup_cached,
    .actors = {{"fork", fork_and_store}, {"mover", moved_page}},
    .check = check_forked,
    .nr_guards = 1,
    .guards = {RULE_fork_shares_migration},
};

/* Somebody reads the page by a pin: it stays the parent's, and where it is. */
static void setup_pinned(struct world *w)
{
	struct quire_pin pin;

	moved_setup_cached(w);
	must(quire_pin(w->mm, w->addr, QUIRE_READ, &pin), "pin");
	note(w, 0, pin.frame);
}

static void check_pinned(struct world *w)
{
	check_forked(w);
	expect((quire_pte(w->mm, w->addr) & QUIRE_PTE_FRAME_MASK) / PAGE == noted(w, 0),
	       "the parent has another page than the one that is pinned");
}

SCENARIO(moved_fork_pinned) = {
    .name = "moved-fork-pinned",
    .title = "fork, with a page that is pinned, against whoever would move that to another frame",
    .source = "entry.h, 4; pin.c, 1",
    .pairs = "whoever takes a page away × fork",
    .setup = setup_pinned,
    .actors = {{"fork", fork_and_store}, {"mover", moved_page}},
    .check = check_pinned,
    .nr_guards = 1,
    .guards = {RULE_pinned_page_stays},
};

/* Somebody has a reference: the page does not move, and comes back each time. */
static void setup_held(struct world *w)
{
	moved_setup_cached(w);
	folio_get(moved_folio(w));
}

static void check_held(struct world *w)
{
	check_forked(w);
	expect((quire_pte(w->child, w->addr) & QUIRE_PTE_FRAME_MASK) / PAGE ==
		   noted(w, MOVED_FRAME),
	       "the page was moved");
	folio_put(w->m, moved_folio(w));
}

SCENARIO(moved_fork_back) = {
    .name = "moved-fork-back",
    .title = "fork, and a store of the parent's, against whoever cannot move the page after all",
    .source = "migrate.c, 5; entry.h, 4",
    .pairs = "whoever takes a page away × fork",
    .setup = setup_held,
    .actors = {{"fork", fork_and_store}, {"mover", moved_page}},
    .check = check_held,
    .nr_guards = 1,
    .guards = {RULE_fork_shares_migration},
};

/* The pin comes and goes while they are about it. */
static void pin_and_store(struct world *w)
{
	struct quire_pin pin;

	must(quire_pin(w->mm, w->addr, QUIRE_READ, &pin), "pin");
	store(w, w->mm, w->addr, 9);
	expect(atomic_load((const uint64_t *)pin.mem) == 9,
	       "the pin does not show the store that came after it");
	quire_unpin(w->m, &pin);
}

static void fork_only(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

static void check_stored(struct world *w)
{
	uint64_t childs = peek(w, w->child, w->addr);

	expect(peek(w, w->mm, w->addr) == 9, "a store is lost");
	expect(childs == 5 || childs == 9, "the child's page has %llu", (unsigned long long)childs);
}

SCENARIO(moved_fork_pin) = {
    .name = "moved-fork-pin",
    .title = "fork, a pin and a store after it against whoever moves the page to another frame",
    .source = "pin.c, 1; entry.h, 4",
    .pairs = "whoever takes a page away × fork",
    .bound = 1,
    .setup = moved_setup_cached,
    .actors = {{"pin", pin_and_store}, {"fork", fork_only}, {"mover", moved_page}},
    .check = check_stored,
};

/* ---- ends ------------------------------------------------------------------------------- */

static void end_child(struct world *w)
{
	quire_mm_put(w->child);
	w->child = NULL;
}

static void check_parent(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 5, "the parent's page has changed");
}

SCENARIO(moved_exit) = {
    .name = "moved-exit",
    .title = "the end of a child against whoever moves a page that it shares to another frame",
    .source = "migrate.c, 5",
    .pairs = "whoever takes a page away × exit",
    .setup = moved_setup_forked,
    .actors = {{"exit", end_child}, {"mover", moved_page}},
    .check = check_parent,
};

/* Grandfather, father and child: w->mm, w->child, and a third. */
#define YOUNGEST 0 /* note */

static struct quire_mm *youngest(struct world *w)
{
	return (struct quire_mm *)(uintptr_t)noted(w, YOUNGEST);
}

static void setup_three(struct world *w)
{
	struct quire_mm *third;

	moved_setup_forked(w);
	must(quire_mm_fork(w->child, NULL, &third), "fork");
	note(w, YOUNGEST, (uintptr_t)third);
}

static void check_ends(struct world *w)
{
	check_parent(w);
	expect(peek(w, youngest(w), w->addr) == 5, "the grandchild's page has changed");
	quire_mm_put(youngest(w));
}

SCENARIO(moved_exit_middle) = {
    .name = "moved-exit-middle",
    .title = "the end of the second of three generations against whoever moves their page",
    .source = "rmap/root.h, 2; migrate.c, 5",
    .pairs = "whoever takes a page away × exit",
    .setup = setup_three,
    .actors = {{"exit", end_child}, {"mover", moved_page}},
    .check = check_ends,
};
