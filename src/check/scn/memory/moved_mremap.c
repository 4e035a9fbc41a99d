/* SPDX-License-Identifier: MIT */
/*
 * moved_mremap.c: whoever moves a page to another frame against mremap, which moves it to another
 * address.
 */
#include "check/scn/memory/mover.h"

#define FAR (w->addr + 1024 * PAGE) /* under another table */
#define THREAD 2                    /* the actor with the old translation */
#define STORED 0                    /* note: it has found its page */

static void move_with(struct world *w, int flags)
{
	uint64_t to;

	must(quire_mremap(w->mm, w->addr, PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED | flags, FAR,
			  &to),
	     "mremap");
}

static void move(struct world *w)
{
	move_with(w, 0);
}

static void check_far(struct world *w)
{
	expect(peek(w, w->mm, FAR) == 5, "the page is not at the new address");
}

SCENARIO(moved_mremap) = {
    .name = "moved-mremap",
    .title = "mremap of a page against whoever moves it to another frame",
    .source = "rmap/walk_anon.c, 1; entry.h, 4",
    .pairs = "whoever takes a page away × mremap",
    .setup = moved_setup,
    .actors = {{"mremap", move}, {"mover", moved_page}},
    .check = check_far,
    .nr_guards = 2,
    .guards = {RULE_moved_under_n, RULE_unflushed_as_a_whole},
};

static void fork_now(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

SCENARIO(moved_mremap_fork) = {
    .name = "moved-mremap-fork",
    .title = "mremap and fork against whoever moves the page to another frame",
    .source = "rmap/walk_anon.c, 1; rmap/root.h, 3",
    .pairs = "whoever takes a page away × mremap; whoever takes a page away × fork",
    .bound = 1,
    .setup = moved_setup,
    .actors = {{"mremap", move}, {"fork", fork_now}, {"mover", moved_page}},
    .check = check_far,
};

/* ---- the old translation --------------------------------------------------------------------- */

static void setup_cached(struct world *w)
{
	moved_setup(w);
	cpu_cache(w, THREAD, w->mm, w->addr);
}

static void store_old(struct world *w)
{
	if (cpu_store(w, w->mm, w->addr, 7) == ACCESS_OK)
		note(w, STORED, 1);
}

static void check_old(struct world *w)
{
	uint64_t value = peek(w, w->mm, FAR);

	expect(value == (noted(w, STORED) ? 7 : 5), "the page has %llu", (unsigned long long)value);
}

SCENARIO(moved_mremap_store) = {
    .name = "moved-mremap-store",
    .title = "a store through the translation that mremap leaves against whoever moves the page",
    .source = "rmap/walk_anon.c, 2; CVE-2018-18281",
    .pairs = "whoever takes a page away × mremap",
    .setup = setup_cached,
    .actors = {{"mremap", move}, {"mover", moved_page}, {"thread", store_old}},
    .check = check_old,
    .nr_guards = 1,
    .guards = {RULE_unflushed_as_a_whole},
};

static void setup_file(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	moved_choose(w, w->addr);
	cpu_cache(w, THREAD, w->mm, w->addr);
}

SCENARIO(moved_mremap_file) = {
    .name = "moved-mremap-file",
    .title = "the same where the page is a file's",
    .source = "rmap/walk.h, 2; CVE-2018-18281",
    .pairs = "whoever takes a page away × mremap",
    .setup = setup_file,
    .actors = {{"mremap", move}, {"mover", moved_page}, {"thread", store_old}},
    .check = check_old,
    .nr_guards = 1,
    .guards = {RULE_move_holds_i_lock},
};

/* ---- two pages of one index ------------------------------------------------------------- */

/* The mapping stays where it was, and gets another page. */
static void move_and_store(struct world *w)
{
	move_with(w, QMREMAP_DONTUNMAP);
	store(w, w->mm, w->addr, 9);
}

static void check_two(struct world *w)
{
	check_far(w);
	expect(peek(w, w->mm, w->addr) == 9, "the page that came after it has changed");
}

SCENARIO(moved_dontunmap) = {
    .name = "moved-dontunmap",
    .title = "MREMAP_DONTUNMAP, and a store where the page was, against whoever moves it",
    .source = "rmap/moved.h, 1",
    .pairs = "whoever takes a page away × mremap",
    .setup = moved_setup,
    .actors = {{"mremap", move_and_store}, {"mover", moved_page}},
    .check = check_two,
    .nr_guards = 2,
    .guards = {RULE_moved_under_n, RULE_unflushed_as_a_whole},
};

static void setup_two(struct world *w)
{
	moved_setup(w);
	move_and_store(w);
	moved_choose_other(w, w->addr);
}

/* Each finds the other's entries where its own page may be. */
SCENARIO(moved_same_index) = {
    .name = "moved-same-index",
    .title = "two that move pages of one index, at each other's address, to other frames",
    .source = "rmap/walk.h, 3; entry.h, 4",
    .pairs = "whoever takes a page away × fault",
    .setup = setup_two,
    .actors = {{"mover", moved_page}, {"other", moved_other}},
    .check = check_two,
};
