/* SPDX-License-Identifier: MIT */
/*
 * scn_scarce.c: calls that need frames where hardly any is left.
 */
#include "scenario.h"

#define TABLE_SPAN (512 * PAGE)
#define HOG (w->addr + 64 * PAGE)      /* what fills the rest of RAM */
#define FAR (w->addr + 2 * TABLE_SPAN) /* under another table */

/* ---- mremap over what is mapped ------------------------------------------------------------ */

/* The target has a table, and no page. */
static void setup_move_over(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 5);
	map_anon(w, FAR, 1, PROT_RW);
	expect(!quire_fault(w->mm, FAR, QUIRE_READ, NULL), "a read fault fails");
	fill_ram(w, HOG, 0);
}

static void move_over(struct world *w)
{
	uint64_t to;

	must(quire_mremap(w->mm, w->addr, PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, FAR, &to),
	     "mremap");
}

/* It is mapped before, and it is mapped after. */
static void map_if_free(struct world *w)
{
	uint64_t to;
	int err = quire_mmap(w->mm, FAR, PAGE, PROT_RW, MAP_ANON_PRIVATE | QMAP_FIXED_NOREPLACE,
			     NULL, 0, &to);

	expect(err == -QEEXIST, "the target of mremap is taken for free: mmap returns %d", err);
}

static void check_moved(struct world *w)
{
	expect(peek(w, w->mm, FAR) == 5, "the page is not at the new address");
}

const struct scenario move_over_full = {
    .name = "move-over-full",
    .title = "mremap over a mapping, no frame being left, against mmap of that place if it is free",
    .source = "remap_tables.c, 1",
    .setup = setup_move_over,
    .actors = {{"mremap", move_over}, {"mmap", map_if_free}},
    .check = check_moved,
    .nr_guards = 1,
    .guards = {RULE_target_tables_kept},
};
