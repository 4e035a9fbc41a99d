/* SPDX-License-Identifier: MIT */
/*
 * moves.c: a page is taken away from all that map it, and given back, while mremap moves it.
 */
#include "check/scn/rmap/away.h"

#define TABLE_SPAN (512 * PAGE)
#define NEAR (w->addr + 4 * PAGE)       /* under the same table */
#define FAR (w->addr + 2 * TABLE_SPAN)  /* under another */
#define AWAY (w->addr + 4 * TABLE_SPAN) /* under a third */
#define BORDER (w->addr + TABLE_SPAN - PAGE)
#define THREAD 2 /* the actor with the old translation */

static int try_move(struct quire_mm *mm, uint64_t from, uint64_t pages, uint64_t to)
{
	uint64_t out;

	return quire_mremap(mm, from, pages * PAGE, pages * PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED,
			    to, &out);
}

static void move(struct quire_mm *mm, uint64_t from, uint64_t pages, uint64_t to)
{
	must(try_move(mm, from, pages, to), "mremap");
}

static void setup(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 5);
	away_choose(w, w->addr);
}

/* ---- from one table to another, and within one ------------------------------------- */

static void move_far(struct world *w)
{
	move(w->mm, w->addr, 1, FAR);
}

static void check_far(struct world *w)
{
	expect(peek(w, w->mm, FAR) == 5, "the page is not at the new address");
}

SCENARIO(rmap_move) = {
    .name = "rmap-move",
    .title = "a walk that takes a page away and gives it back against mremap",
    .source = "linux-mm, Nov 2011 (mremap: rmap order)",
    .pairs = "whoever takes a page away × mremap",
    .setup = setup,
    .actors = {{"mremap", move_far}, {"mover", away_and_back}},
    .check = check_far,
    .nr_guards = 1,
    .guards = {RULE_moved_under_n},
};

static void move_near(struct world *w)
{
	move(w->mm, w->addr, 1, NEAR);
}

static void check_near(struct world *w)
{
	expect(peek(w, w->mm, NEAR) == 5, "the page is not at the new address");
}

SCENARIO(rmap_move_within) = {
    .name = "rmap-move-within",
    .title = "the same where one table has both addresses",
    .source = "commit 486cf46f3f9b",
    .pairs = "whoever takes a page away × mremap",
    .setup = setup,
    .actors = {{"mremap", move_near}, {"mover", away_and_back}},
    .check = check_near,
    .nr_guards = 1,
    .guards = {RULE_moved_under_n},
};

static void setup_table(struct world *w)
{
	must(quire_mmap(w->mm, w->addr, TABLE_SPAN, PROT_RW, MAP_ANON_PRIVATE | QMAP_NORESERVE,
			NULL, 0, &w->addr),
	     "mmap");
	fill(w, w->addr, 5);
	away_choose(w, w->addr);
}

static void move_table(struct world *w)
{
	move(w->mm, w->addr, 512, FAR);
}

SCENARIO(rmap_move_table) = {
    .name = "rmap-move-table",
    .title = "the same where a whole table is moved",
    .source = "commit 97113eb39fa7",
    .pairs = "whoever takes a page away × mremap",
    .setup = setup_table,
    .actors = {{"mremap", move_table}, {"mover", away_and_back}},
    .check = check_far,
    .nr_guards = 1,
    .guards = {RULE_moved_under_n},
};

/* ---- what the destination is --------------------------------------------------------- */

/* The first of two pages is there already: the second merges with it. */
static void setup_merge(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, w->addr, 4);
	fill(w, w->addr + PAGE, 5);
	move(w->mm, w->addr, 1, FAR);
	away_choose(w, w->addr + PAGE);
}

static void move_second(struct world *w)
{
	move(w->mm, w->addr + PAGE, 1, FAR + PAGE);
}

static void check_merged(struct world *w)
{
	struct quire_vma_info info;

	expect(mapped(w, FAR, &info) && info.end == FAR + 2 * PAGE, "they have not merged");
	expect(peek(w, w->mm, FAR + PAGE) == 5, "the page is not at the new address");
}

SCENARIO(rmap_move_merge) = {
    .name = "rmap-move-merge",
    .title = "the same where what was moved merges with its neighbour",
    .source = "linux-mm, Nov 2011 (mremap: rmap order)",
    .pairs = "whoever takes a page away × mremap",
    .setup = setup_merge,
    .actors = {{"mremap", move_second}, {"mover", away_and_back}},
    .check = check_merged,
    .nr_guards = 1,
    .guards = {RULE_moved_under_n},
};

static void move_there_and_home(struct world *w)
{
	move_far(w);
	move(w->mm, FAR, 1, w->addr);
}

static void check_home(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 5, "the page has not come home");
}

SCENARIO(rmap_move_home) = {
    .name = "rmap-move-home",
    .title = "the same where mremap moves it away and back",
    .source = "linux-mm, Nov 2011 (mremap: rmap order)",
    .pairs = "whoever takes a page away × mremap",
    .setup = setup,
    .actors = {{"mremap", move_there_and_home}, {"mover", away_and_back}},
    .check = check_home,
    .nr_guards = 1,
    .guards = {RULE_moved_under_n},
};

/* Under two tables: if there is none for the second page, the first goes back. */
static void setup_border(struct world *w)
{
	map_anon(w, BORDER, 2, PROT_RW);
	fill(w, BORDER, 5);
	fill(w, BORDER + PAGE, 6);
	away_choose(w, BORDER);
}

static void move_or_not(struct world *w)
{
	note(w, 0, (uint64_t)-try_move(w->mm, BORDER, 2, BORDER + 2 * TABLE_SPAN));
}

static void check_undone(struct world *w)
{
	uint64_t at = noted(w, 0) ? BORDER : BORDER + 2 * TABLE_SPAN;

	expect(peek(w, w->mm, at) == 5 && peek(w, w->mm, at + PAGE) == 6, "the pages have changed");
}

SCENARIO(rmap_move_undone) = {
    .name = "rmap-move-undone",
    .title = "the same where mremap finds no memory for a table and moves it back",
    .source = "linux-mm, Nov 2011 (mremap: rmap order)",
    .pairs = "whoever takes a page away × mremap",
    .alloc_failures = 1,
    .setup = setup_border,
    .actors = {{"mremap", move_or_not}, {"mover", away_and_back}},
    .check = check_undone,
    .nr_guards = 1,
    .guards = {RULE_moved_under_n},
};

/* ---- others --------------------------------------------------------------------------- */

static void setup_family(struct world *w)
{
	setup(w);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

static void move_childs(struct world *w)
{
	move(w->child, w->addr, 1, AWAY);
}

static void check_family(struct world *w)
{
	check_far(w);
	expect(peek(w, w->child, AWAY) == 5, "the child's page is not at the new address");
}

SCENARIO(rmap_move_family) = {
    .name = "rmap-move-family",
    .title = "the same where parent and child move the page that they share",
    .source = "linux-mm, Nov 2011 (mremap: rmap order)",
    .pairs = "whoever takes a page away × mremap",
    .setup = setup_family,
    .actors = {{"parent", move_far}, {"child", move_childs}, {"mover", away_and_back}},
    .check = check_family,
    .nr_guards = 1,
    .guards = {RULE_moved_under_n},
};

/* ---- the old translation ---------------------------------------------------------------- */

static void setup_cached(struct world *w)
{
	setup(w);
	cpu_cache(w, THREAD, w->mm, w->addr);
}

static void store_old(struct world *w)
{
	cpu_store(w, w->mm, w->addr, 7);
}

SCENARIO(rmap_move_unflushed) = {
    .name = "rmap-move-unflushed",
    .title = "a walk that takes a moved page away against a store through its old translation",
    .source = "CVE-2018-18281",
    .pairs = "whoever takes a page away × mremap",
    .setup = setup_cached,
    .actors = {{"mremap", move_far}, {"mover", away_and_back}, {"thread", store_old}},
    .nr_guards = 1,
    .guards = {RULE_unflushed_as_a_whole},
};
