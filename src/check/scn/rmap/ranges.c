/* SPDX-License-Identifier: MIT */
/*
 * ranges.c: a page that mremap has moved is taken away and given back while other pages come to
 * where walks look for moved pages, and go from there.
 *
 * What is moved stays apart, each page with a range of its own, in a tree that gets another root.
 */
#include "check/scn/rmap/away.h"

#define PAGES 4
#define FROM(nth) (w->addr + (nth)*PAGE)
#define TO(nth) (w->addr + (16 + 2 * (nth)) * PAGE)

static void move_nth(struct world *w, unsigned nth)
{
	uint64_t out;

	must(quire_mremap(w->mm, FROM(nth), PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, TO(nth),
			  &out),
	     "mremap");
}

/* The first so many of the pages are moved, and the mover goes for one of them. */
static void setup(struct world *w, unsigned moved, unsigned chosen)
{
	map_anon(w, w->addr, PAGES, PROT_RW);
	for (unsigned i = 0; i < PAGES; i++)
		fill(w, FROM(i), 5 + i);
	for (unsigned i = 0; i < moved; i++)
		move_nth(w, i);
	away_choose(w, TO(chosen));
}

/* ---- a third comes: the second is the root then, and the first below it ------------------ */

static void setup_two(struct world *w)
{
	setup(w, 2, 0);
}

static void move_third(struct world *w)
{
	move_nth(w, 2);
}

static void check_three(struct world *w)
{
	for (unsigned i = 0; i < 3; i++)
		expect(peek(w, w->mm, TO(i)) == 5 + i, "page %u is not at the new address", i);
}

SCENARIO(rmap_range_comes) = {
    .name = "rmap-range-comes",
    .title = "a walk that takes a moved page away and gives it back against mremap of another",
    .source = "moved.c, 1",
    .pairs = "whoever takes a page away × mremap",
    .setup = setup_two,
    .actors = {{"mremap", move_third}, {"mover", away_and_back}},
    .check = check_three,
    .nr_guards = 1,
    .guards = {RULE_ranges_under_n},
};

/* ---- the first of four goes: the third is the root then, and the second below it ---------- */

static void setup_four(struct world *w)
{
	setup(w, 4, 1);
}

static void unmap_first(struct world *w)
{
	must(quire_munmap(w->mm, TO(0), PAGE), "munmap");
}

static void check_second(struct world *w)
{
	expect(peek(w, w->mm, TO(1)) == 6, "the page has changed");
}

SCENARIO(rmap_range_goes) = {
    .name = "rmap-range-goes",
    .title = "the same against munmap of another that was moved",
    .source = "moved.c, 1",
    .pairs = "whoever takes a page away × map, unmap",
    .setup = setup_four,
    .actors = {{"munmap", unmap_first}, {"mover", away_and_back}},
    .check = check_second,
    .nr_guards = 1,
    .guards = {RULE_ranges_under_n},
};
