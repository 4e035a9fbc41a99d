/* SPDX-License-Identifier: MIT */
/*
 * table.c: faults that make page tables against munmap that frees them: the open
 * question of 2008, "can this be done race free?".  No table is left behind, none is lost.
 */
#include "check/world/scenario.h"

#define TABLE_SPAN (512 * PAGE)
#define TABLES_OF_ONE 4u /* tables for one page, the top one included */

static void setup_one(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
}

static void store_page(struct world *w)
{
	cpu_store(w, w->mm, w->addr, 7);
}

static void unmap_page(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

static void check_top_only(struct world *w)
{
	expect_tables(w, 1);
}

SCENARIO(table_munmap) = {
    .name = "table-munmap",
    .title = "a fault that makes all its tables against munmap: none is left",
    .source = "linux-mm, Nov 2008 (tables for naught)",
    .pairs = "fault × map, unmap",
    .setup = setup_one,
    .actors = {{"fault", store_page}, {"munmap", unmap_page}},
    .check = check_top_only,
    .nr_guards = 3,
    .guards = {RULE_link_dead_check, RULE_wait_for_linkers, RULE_vma_dead_check},
};

/* ---- tables that are there are freed while the fault looks for them */

static void setup_touched(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, w->addr + PAGE, 1);
}

static void unmap_both(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, 2 * PAGE), "munmap");
}

SCENARIO(table_freed) = {
    .name = "table-freed",
    .title = "a fault in a table that munmap frees",
    .source = "linux-mm, Nov 2008 (srcu free the page table pages)",
    .pairs = "fault × map, unmap",
    .setup = setup_touched,
    .actors = {{"fault", store_page}, {"munmap", unmap_both}},
    .check = check_top_only,
    .nr_guards = 3,
    .guards = {RULE_tables_by_rcu, RULE_vma_dead_check, RULE_vma_by_rcu},
};

/* ---- three: a neighbour's fault shares the upper tables */

static void setup_neighbours(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	map_anon(w, w->addr + TABLE_SPAN, 1, PROT_RW);
}

static void store_neighbour(struct world *w)
{
	store(w, w->mm, w->addr + TABLE_SPAN, 8);
}

static void check_neighbour(struct world *w)
{
	expect(peek(w, w->mm, w->addr + TABLE_SPAN) == 8, "the neighbour's store is lost");
	expect_tables(w, TABLES_OF_ONE);
}

SCENARIO(table_three) = {
    .name = "table-three",
    .title = "two faults that make tables against munmap of one of their pages",
    .source = "linux-mm, Nov 2008 (tables for naught)",
    .pairs = "fault × map, unmap",
    .setup = setup_neighbours,
    .actors = {{"fault", store_page}, {"neighbour", store_neighbour}, {"munmap", unmap_page}},
    .check = check_neighbour,
    .nr_guards = 3,
    .guards = {RULE_link_dead_check, RULE_wait_for_linkers, RULE_slot_recheck},
};

/* ---- both go, by two calls */

static void unmap_neighbour(struct world *w)
{
	must(quire_munmap(w->mm, w->addr + TABLE_SPAN, PAGE), "munmap");
}

SCENARIO(table_two_munmaps) = {
    .name = "table-two-munmaps",
    .title = "a fault that makes tables against munmap of its page and of a neighbour",
    .source = "linux-mm, Nov 2008 (tables for naught)",
    .pairs = "fault × map, unmap; map, unmap × map, unmap",
    .setup = setup_neighbours,
    .actors = {{"fault", store_page}, {"munmap", unmap_page}, {"munmap'", unmap_neighbour}},
    .check = check_top_only,
    .nr_guards = 2,
    .guards = {RULE_link_dead_check, RULE_wait_for_linkers},
};

/* ---- munmap without memory for an RCU callback waits for the readers; one waits for munmap */

static void fault_in_hole(struct world *w)
{
	expect(cpu_store(w, w->mm, w->addr + 4 * PAGE, 7) != ACCESS_OK, "a hole takes a store");
}

static void unmap_or_fail(struct world *w)
{
	int err = quire_munmap(w->mm, w->addr, 2 * PAGE);

	expect(!err || err == -QENOMEM, "munmap fails with %d", err);
}

SCENARIO(table_nomem) = {
    .name = "table-nomem",
    .title = "a fault in a hole against munmap that has no memory to free tables by RCU",
    .source = "locking.md, rule 3",
    .pairs = "fault × map, unmap",
    .alloc_failures = 1,
    .setup = setup_touched,
    .actors = {{"fault", fault_in_hole}, {"munmap", unmap_or_fail}},
    .nr_guards = 1,
    .guards = {RULE_lock_outside_rcu},
};
