/* SPDX-License-Identifier: MIT */
/*
 * scarce.c: calls that need frames where hardly any is left.
 */
#include "check/world/scenario.h"

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

SCENARIO(move_over_full) = {
    .name = "move-over-full",
    .title = "mremap over a mapping, no frame being left, against mmap of that place if it is free",
    .source = "remap_tables.c, 1",
    .pairs = "map, unmap × mremap",
    .setup = setup_move_over,
    .actors = {{"mremap", move_over}, {"mmap", map_if_free}},
    .check = check_moved,
    .nr_guards = 1,
    .guards = {RULE_target_tables_kept},
};

/* ---- mremap that is a table short --------------------------------------------------------- */

#define FROM (w->addr + 20 * TABLE_SPAN - PAGE) /* two pages, of two tables */
#define ONTO (FAR - PAGE)
#define FROM_OF_OTHER (w->addr + 24 * TABLE_SPAN - PAGE)
#define ONTO_OF_OTHER (w->addr + 6 * TABLE_SPAN - PAGE)

static void map_both(struct quire_mm *mm, uint64_t from, uint64_t onto)
{
	uint64_t value = 5;

	must(quire_mmap(mm, from, 2 * PAGE, PROT_RW, MAP_ANON_PRIVATE, NULL, 0, &from), "mmap");
	for (unsigned i = 0; i < 2; i++)
		must(quire_write(mm, from + i * PAGE, &value, sizeof(value)) != sizeof(value),
		     "a write");
	must(quire_mmap(mm, onto, 2 * PAGE, PROT_RW, MAP_ANON_PRIVATE, NULL, 0, &onto), "mmap");
}

static int move_both(struct quire_mm *mm, uint64_t from, uint64_t onto)
{
	return quire_mremap(mm, from, 2 * PAGE, 2 * PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, onto,
			    &onto);
}

static void setup_table_short(struct world *w)
{
	map_both(w->mm, FROM, ONTO);
	fill_ram(w, HOG, 1);
}

static void move_short(struct world *w)
{
	must(move_both(w->mm, FROM, ONTO) != -QENOMEM, "mremap without memory");
}

/* It needs the table that mremap may have made, and no frame. */
static void load_zero(struct world *w)
{
	uint64_t value = 1;

	if (cpu_load(w, w->mm, ONTO, &value) == ACCESS_OK)
		expect(!value, "the load gives %llu", (unsigned long long)value);
}

SCENARIO(move_short_fault) = {
    .name = "move-short-fault",
    .title = "a fault that finds the table that an mremap made, which gives it back",
    .source = "remap_tables.c, 3; pagetable.h, 5",
    .pairs = "fault × mremap",
    .setup = setup_table_short,
    .actors = {{"mremap", move_short}, {"fault", load_zero}},
    .nr_guards = 1,
    .guards = {RULE_table_asked_again},
};

/* Of another address space. */
static void setup_two_short(struct world *w)
{
	map_both(w->mm, FROM, ONTO);
	must(quire_mm_create(w->m,
			     &(struct quire_mm_options){.size = sizeof(struct quire_mm_options)},
			     &w->child),
	     "mm");
	map_both(w->child, FROM_OF_OTHER, ONTO_OF_OTHER);
	fill_ram(w, HOG, 2);
}

static void move_one(struct world *w)
{
	note(w, 0, !move_both(w->mm, FROM, ONTO));
}

static void move_other(struct world *w)
{
	note(w, 1, !move_both(w->child, FROM_OF_OTHER, ONTO_OF_OTHER));
}

static void check_one_has_them(struct world *w)
{
	expect(noted(w, 0) || noted(w, 1), "memory is out for both of two, one of which it is for");
}

SCENARIO(move_short_two) = {
    .name = "move-short-two",
    .title = "two mremaps over mappings that need two tables each, of two frames",
    .source = "remap_tables.c, 3",
    .pairs = "mremap × mremap",
    .setup = setup_two_short,
    .actors = {{"mremap 1", move_one}, {"mremap 2", move_other}},
    .check = check_one_has_them,
    .nr_guards = 2,
    .guards = {RULE_unneeded_tables_go, RULE_given_back_counts},
};

/* ---- two that have frames for one --------------------------------------------------------- */

#define FARTHER (w->addr + 4 * TABLE_SPAN)

/* Each needs a table and a page. */
static void setup_two_wanting(struct world *w)
{
	map_anon(w, FAR, 1, PROT_RW);
	map_anon(w, FARTHER, 1, PROT_RW);
	fill_ram(w, HOG, 2);
}

static void store_far(struct world *w)
{
	note(w, 0, cpu_store(w, w->mm, FAR, 1) == ACCESS_OK);
}

static void store_farther(struct world *w)
{
	note(w, 1, cpu_store(w, w->mm, FARTHER, 1) == ACCESS_OK);
}

SCENARIO(memory_two) = {
    .name = "memory-two",
    .title = "two faults that need a table and a page each, of two frames",
    .source = "reclaim.c, 3",
    .pairs = "fault × fault",
    .setup = setup_two_wanting,
    .actors = {{"fault 1", store_far}, {"fault 2", store_farther}},
    .check = check_one_has_them,
};

/* ---- a copy that was made asleep, for nothing ------------------------------------------------ */

/* The copy takes the last frame. */
static void setup_copying(struct world *w)
{
	make_file(w, QUIRE_FILE_EXTERNAL, 1);
	map_file(w, FAR, 1, PROT_RW, QMAP_PRIVATE);
	expect(!quire_fault(w->mm, FAR, QUIRE_READ, NULL), "a read fault fails");
	fill_ram(w, HOG, 1);
}

static void replace_by_anon(struct world *w)
{
	map_anon(w, FAR, 1, PROT_RW);
}

static void check_stored(struct world *w)
{
	expect(noted(w, 0), "memory is out for a fault that has a frame in hand");
}

SCENARIO(memory_copy) = {
    .name = "memory-copy",
    .title = "a private copy, made asleep of the last frame, against a mapping over its file",
    .source = "reclaim.c, 3",
    .pairs = "fault × map, unmap",
    .setup = setup_copying,
    .actors = {{"thread", store_far}, {"replace", replace_by_anon}},
    .check = check_stored,
    .nr_guards = 1,
    .guards = {RULE_copy_given_back},
};
