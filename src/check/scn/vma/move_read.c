/* SPDX-License-Identifier: MIT */
/*
 * move_read.c: mremap against readers that take no mmap_lock, and of a table against truncation.
 *
 * Whoever asks what a range has, in which both addresses lie, finds a page that moves once.
 */
#include "check/world/scenario.h"

#define TABLE_SPAN (512 * PAGE)
#define ALIGNED 0x40000000ull
#define FAR (w->addr + 2 * TABLE_SPAN) /* under another table */
#define ACROSS (FAR + TABLE_SPAN - PAGE)

static int move(struct world *w, uint64_t pages, uint64_t to)
{
	uint64_t out;

	return quire_mremap(w->mm, w->addr, pages * PAGE, pages * PAGE,
			    QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &out);
}

static void expect_usage(struct world *w, uint64_t pages)
{
	struct quire_usage u;

	quire_range_usage(w->mm, w->addr, FAR + 2 * TABLE_SPAN, &u);
	expect(u.rss == pages * PAGE, "smaps tells of %llu bytes of %llu",
	       (unsigned long long)u.rss, (unsigned long long)(pages * PAGE));
}

/* ---- entries ------------------------------------------------------------------------ */

static void setup_page(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 5);
}

static void move_page(struct world *w)
{
	must(move(w, 1, FAR), "mremap");
}

static void read_page(struct world *w)
{
	expect_usage(w, 1);
}

static void check_page(struct world *w)
{
	expect(peek(w, w->mm, FAR) == 5, "the page has not arrived");
}

SCENARIO(usage_move) = {
    .name = "usage-move",
    .title = "a reader of smaps that meets a page on its way to another address",
    .source = "moves.h",
    .pairs = "readers of the mappings × mremap",
    .setup = setup_page,
    .actors = {{"mremap", move_page}, {"smaps", read_page}},
    .check = check_page,
    .nr_guards = 1,
    .guards = {RULE_moves_read_again},
};

/* The page has a node all the time; at the old address, none is mapped any more. */
static void ask_node(struct world *w)
{
	uint64_t addr = w->addr;
	int status = -1;

	must((int)quire_move_pages(w->mm, 1, &addr, NULL, &status, 0), "move_pages");
	expect(!status || status == -QEFAULT, "move_pages tells of %d", status);
}

SCENARIO(ask_move) = {
    .name = "ask-move",
    .title = "move_pages that asks for the node of a page on its way to another address",
    .source = "move_pages.c",
    .pairs = "readers of the mappings × mremap",
    .setup = setup_page,
    .actors = {{"mremap", move_page}, {"asks", ask_node}},
    .check = check_page,
};

/* ---- a move that is undone ------------------------------------------------------------ */

static void setup_two(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, w->addr, 5);
	fill(w, w->addr + PAGE, 6);
}

/* The second page needs a table that may not be had. */
static void try_move_two(struct world *w)
{
	int err = move(w, 2, ACROSS);

	expect(!err || err == -QENOMEM, "mremap fails with %d", err);
	note(w, 0, !err);
}

static void read_two(struct world *w)
{
	expect_usage(w, 2);
}

static void check_two(struct world *w)
{
	uint64_t at = noted(w, 0) ? ACROSS : w->addr;

	expect(peek(w, w->mm, at) == 5 && peek(w, w->mm, at + PAGE) == 6, "a page is lost");
}

SCENARIO(usage_move_undone) = {
    .name = "usage-move-undone",
    .title = "a reader of smaps that meets pages on their way, and back where a table is wanting",
    .source = "moves.h; move.c, 3",
    .pairs = "readers of the mappings × mremap",
    .alloc_failures = 1,
    .setup = setup_two,
    .actors = {{"mremap", try_move_two}, {"smaps", read_two}},
    .check = check_two,
    .nr_guards = 1,
    .guards = {RULE_moves_read_again},
};

/* ---- a whole table ----------------------------------------------------------------------- */

static void setup_table(struct world *w)
{
	w->addr = ALIGNED;
	must(quire_mmap(w->mm, w->addr, TABLE_SPAN, PROT_RW, MAP_ANON_PRIVATE | QMAP_NORESERVE,
			NULL, 0, &w->addr),
	     "mmap");
	fill(w, w->addr, 5);
}

static void move_table(struct world *w)
{
	must(move(w, 512, FAR), "mremap");
}

SCENARIO(usage_move_table) = {
    .name = "usage-move-table",
    .title = "a reader of smaps that meets a table on its way to another address",
    .source = "moves.h; move.c, 2",
    .pairs = "readers of the mappings × mremap",
    .setup = setup_table,
    .actors = {{"mremap", move_table}, {"smaps", read_page}},
    .check = check_page,
    .nr_guards = 1,
    .guards = {RULE_moves_read_again},
};

static void read_nodes(struct world *w)
{
	uint64_t pages[8];

	quire_range_nodes(w->mm, w->addr, FAR + TABLE_SPAN, pages);
	expect(pages[0] == 1, "numa_maps tells of %llu pages", (unsigned long long)pages[0]);
}

SCENARIO(nodes_move_table) = {
    .name = "nodes-move-table",
    .title = "a reader of numa_maps that meets a table on its way to another address",
    .source = "moves.h; move.c, 2",
    .pairs = "readers of the mappings × mremap",
    .setup = setup_table,
    .actors = {{"mremap", move_table}, {"numa_maps", read_nodes}},
    .check = check_page,
    .nr_guards = 1,
    .guards = {RULE_moves_read_again},
};
