/* SPDX-License-Identifier: MIT */
/*
 * move.c: mremap against faults, translations and truncation.
 *
 * A page is at the old address or at the new one, and when the call has returned nobody reaches
 * it by the old one any more.
 */
#include "check/world/scenario.h"

#define TABLE_SPAN (512 * PAGE)
#define NEAR (w->addr + 4 * PAGE)      /* under the same table */
#define FAR (w->addr + 2 * TABLE_SPAN) /* under another */
#define READER 1                       /* has the old translation cached */

static void move_to(struct world *w, uint64_t pages, uint64_t to)
{
	uint64_t out;

	must(quire_mremap(w->mm, w->addr, pages * PAGE, pages * PAGE,
			  QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &out),
	     "mremap");
	note(w, 0, 1);
}

static void move_near(struct world *w)
{
	move_to(w, 1, NEAR);
	expect(load(w, w->mm, NEAR) == 5, "the page has not arrived");
}

static void move_far(struct world *w)
{
	move_to(w, 1, FAR);
	expect(load(w, w->mm, FAR) == 5, "the page has not arrived");
}

static void check_near(struct world *w)
{
	expect(!quire_pte(w->mm, w->addr), "a page is left at the old address");
	expect(peek(w, w->mm, NEAR) == 5, "the page is not at the new address");
}

static void check_far(struct world *w)
{
	expect(!quire_pte(w->mm, w->addr), "a page is left at the old address");
	expect(peek(w, w->mm, FAR) == 5, "the page is not at the new address");
}

/* ---- the old address --------------------------------------------------------------- */

static void setup_page(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 5);
}

static void setup_page_cached(struct world *w)
{
	setup_page(w);
	cpu_cache(w, READER, w->mm, w->addr);
}

static void load_old(struct world *w)
{
	uint64_t value = 0, moved = noted(w, 0);
	enum access_result r = cpu_load(w, w->mm, w->addr, &value);

	expect(r == ACCESS_SEGV || (!moved && r == ACCESS_OK && value == 5),
	       "a load at the old address gives %d, %llu", r, (unsigned long long)value);
}

SCENARIO(move_old) = {
    .name = "move-old",
    .title = "a cached translation of the old address after mremap has returned",
    .source = "CVE-2018-18281",
    .pairs = "fault × mremap",
    .setup = setup_page_cached,
    .actors = {{"mremap", move_near}, {"reader", load_old}},
    .check = check_near,
    .nr_guards = 1,
    .guards = {RULE_move_flush},
};

SCENARIO(move_fault) = {
    .name = "move-fault",
    .title = "a fault at the old address against mremap to another table",
    .source = "remap_move.c, 1",
    .pairs = "fault × mremap",
    .setup = setup_page,
    .actors = {{"mremap", move_far}, {"fault", load_old}},
    .check = check_far,
};

/* Two pages, the second untouched: a fault there is a new page. */
static void setup_hole(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, w->addr, 5);
}

static void move_two(struct world *w)
{
	move_to(w, 2, FAR);
}

static void store_old(struct world *w)
{
	note(w, 1, cpu_store(w, w->mm, w->addr + PAGE, 7) == ACCESS_OK);
}

static void check_store_moved(struct world *w)
{
	uint64_t value = quire_pte(w->mm, FAR + PAGE) ? peek(w, w->mm, FAR + PAGE) : 0;

	expect(!quire_pte(w->mm, w->addr + PAGE), "a page is left at the old address");
	expect(value == (noted(w, 1) ? 7 : 0), "the new address has %llu, the store %s",
	       (unsigned long long)value, noted(w, 1) ? "succeeded" : "was refused");
}

SCENARIO(move_new_page) = {
    .name = "move-new-page",
    .title = "a fault that makes a page at the old address against mremap",
    .source = "locking.md 1",
    .pairs = "fault × mremap",
    .setup = setup_hole,
    .actors = {{"mremap", move_two}, {"fault", store_old}},
    .check = check_store_moved,
    .nr_guards = 2,
    .guards = {RULE_source_dead_during_move, RULE_vma_dead_check},
};

/* ---- which mappings are one: what was written to before it moved merges no more */

static void setup_neighbour(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	map_anon(w, NEAR - PAGE, 1, PROT_RW);
}

static void move_beside(struct world *w)
{
	move_to(w, 1, NEAR);
}

static void store_first(struct world *w)
{
	note(w, 1, cpu_store(w, w->mm, w->addr, 7) == ACCESS_OK);
}

static void check_merged(struct world *w)
{
	struct quire_vma_info v;

	expect(mapped(w, NEAR, &v), "nothing is mapped at the new address");
	/* The other way round it need not be: a store may be refused after its fault. */
	expect(v.start == NEAR || !noted(w, 1), "a page that was written has merged");
}

SCENARIO(move_merge) = {
    .name = "move-merge",
    .title = "the first store to a page against mremap of it beside another mapping",
    .source = "remap_move.c, 1",
    .pairs = "fault × mremap",
    .setup = setup_neighbour,
    .actors = {{"mremap", move_beside}, {"store", store_first}},
    .check = check_merged,
    .nr_guards = 1,
    .guards = {RULE_source_dead_during_move},
};

/* ---- the new address ------------------------------------------------------------------ */

static void setup_both(struct world *w)
{
	setup_page(w);
	map_anon(w, NEAR, 1, PROT_RW);
	fill(w, NEAR, 3);
	cpu_cache(w, READER, w->mm, NEAR);
}

static void load_new(struct world *w)
{
	uint64_t value = 0, moved = noted(w, 0);
	enum access_result r = cpu_load(w, w->mm, NEAR, &value);

	expect(r == ACCESS_OK && (value == 5 || (!moved && value == 3)),
	       "a load at the new address gives %d, %llu", r, (unsigned long long)value);
}

SCENARIO(move_over) = {
    .name = "move-over",
    .title = "an access to the new address against mremap over what was there",
    .source = "remap_move.c, 1",
    .pairs = "fault × mremap; map, unmap × mremap",
    .setup = setup_both,
    .actors = {{"mremap", move_near}, {"reader", load_new}},
    .check = check_near,
};

/* ---- a whole table ----------------------------------------------------------------------- */

#define ALIGNED 0x40000000ull

static void setup_table(struct world *w)
{
	w->addr = ALIGNED;
	must(quire_mmap(w->mm, w->addr, TABLE_SPAN, PROT_RW, MAP_ANON_PRIVATE | QMAP_NORESERVE,
			NULL, 0, &w->addr),
	     "mmap");
	fill(w, w->addr, 5);
}

static void move_table_away(struct world *w)
{
	move_to(w, 512, FAR);
}

SCENARIO(move_table) = {
    .name = "move-table",
    .title = "a fault that holds only the PTL of a table against the move of that table",
    .source = "linux-mm, Nov 2008; speculation against mremap of a whole table",
    .pairs = "fault × mremap",
    .setup = setup_table,
    .actors = {{"mremap", move_table_away}, {"fault", store_old}},
    .check = check_store_moved,
    .nr_guards = 1,
    .guards = {RULE_source_dead_during_move},
};

/* Populating looks at entries side by side: after the move they are another mapping's. */

#define ABSENT 1    /* the second page had no entry when its table had moved */
#define POPULATED 2 /* populating both pages has not failed */

static void populate_two(struct world *w)
{
	int err = quire_madvise(w->mm, w->addr, 2 * PAGE, QMADV_POPULATE_WRITE);

	expect(!err || err == -QENOMEM, "MADV_POPULATE_WRITE fails with %d", err);
	note(w, POPULATED, !err);
}

static void move_table_and_store(struct world *w)
{
	move_table_away(w);
	note(w, ABSENT, !quire_pte(w->mm, FAR + PAGE));
	store(w, w->mm, FAR + PAGE, 7);
}

static void check_populated_before(struct world *w)
{
	expect(!w->v[POPULATED] || !w->v[ABSENT],
	       "MADV_POPULATE_WRITE has left out a page that moved without it");
}

SCENARIO(populate_move_table) = {
    .name = "populate-move-table",
    .title = "MADV_POPULATE_WRITE of two pages against the move of their table",
    .source = "touch.c, 1",
    .pairs = "fault × mremap",
    .setup = setup_table,
    .actors = {{"mremap", move_table_and_store}, {"madvise", populate_two}},
    .check = check_populated_before,
    .nr_guards = 1,
    .guards = {RULE_dead_at_lookup},
};

/* ---- truncation ---------------------------------------------------------------------------- */

static void setup_file(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	cpu_cache(w, READER, w->mm, w->addr);
}

static void move_file(struct world *w)
{
	move_to(w, 1, NEAR);
}

static void truncate_all(struct world *w)
{
	must(quire_file_truncate(w->file, 0), "truncate");
	note(w, 1, 1);
}

/* By the translation of the old address, which the move has to flush: truncation knows the new. */
static void load_truncated(struct world *w)
{
	uint64_t value = 0, gone = noted(w, 1);
	enum access_result r = cpu_load(w, w->mm, w->addr, &value);

	expect(r != ACCESS_OK || (!gone && value == 5), "the load gives %llu%s",
	       (unsigned long long)value, gone ? " after the truncation" : "");
}

static void expect_none(struct world *w, uint64_t new_addr)
{
	expect(!quire_pte(w->mm, w->addr), "a page is left at the old address");
	expect(!quire_pte(w->mm, new_addr), "a page beyond the end is mapped at the new address");
}

static void check_none_near(struct world *w)
{
	expect_none(w, NEAR);
}

SCENARIO(move_truncate) = {
    .name = "move-truncate",
    .title = "mremap against truncation while a third thread reads by the old address",
    .source = "CVE-2018-18281",
    .pairs = "mremap × truncate",
    .setup = setup_file,
    .actors = {{"mremap", move_file}, {"reader", load_truncated}, {"truncate", truncate_all}},
    .check = check_none_near,
    .nr_guards = 3,
    .guards = {RULE_move_holds_i_lock, RULE_move_flush, RULE_linked_throughout},
};

static void setup_file_table(struct world *w)
{
	w->addr = ALIGNED;
	make_file(w, QUIRE_FILE_SHMEM, 1);
	map_file(w, w->addr, 512, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	cpu_cache(w, READER, w->mm, w->addr);
}

static void check_none_far(struct world *w)
{
	expect_none(w, FAR);
}

SCENARIO(move_table_truncate) = {
    .name = "move-table-truncate",
    .title = "mremap of a whole table against truncation, while a third thread reads by the old "
	     "address",
    .source = "commit 97113eb39fa7; CVE-2018-18281",
    .pairs = "mremap × truncate",
    .setup = setup_file_table,
    .actors = {{"mremap", move_table_away}, {"reader", load_truncated}, {"truncate", truncate_all}},
    .check = check_none_far,
    .nr_guards = 3,
    .guards = {RULE_move_holds_i_lock, RULE_move_flush, RULE_linked_throughout},
};

/* ---- two moves --------------------------------------------------------------------------- */

/*
 * Each of them holds mmap_lock throughout, so that they come one after the other.  In which order
 * they take their two PTLs can therefore not be told from outside, and is not tested here.
 */
static void setup_two(struct world *w)
{
	setup_page(w);
	map_anon(w, FAR, 1, PROT_RW);
	fill(w, FAR, 3);
}

static void move_up(struct world *w)
{
	move_to(w, 1, FAR + PAGE);
}

static void move_down(struct world *w)
{
	uint64_t out;

	must(quire_mremap(w->mm, FAR, PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, w->addr + PAGE,
			  &out),
	     "mremap");
}

static void check_crossed(struct world *w)
{
	expect(peek(w, w->mm, FAR + PAGE) == 5, "the lower page has not arrived");
	expect(peek(w, w->mm, w->addr + PAGE) == 3, "the upper page has not arrived");
}

SCENARIO(move_cross) = {
    .name = "move-cross",
    .title = "two mremaps between the same two tables: one after the other",
    .source = "locking.md, who excludes whom",
    .pairs = "mremap × mremap",
    .setup = setup_two,
    .actors = {{"up", move_up}, {"down", move_down}},
    .check = check_crossed,
};

/* ---- fork of what moves --------------------------------------------------------------------- */

static void fork_page(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

static void check_forked(struct world *w)
{
	bool old = quire_pte(w->child, w->addr) != 0, new = quire_pte(w->child, FAR) != 0;

	check_far(w);
	expect(old != new, "the child has the page at %s", old ? "both addresses" : "neither");
	expect(peek(w, w->child, old ? w->addr : FAR) == 5, "the child's page is another");
}

SCENARIO(move_fork) = {
    .name = "move-fork",
    .title = "mremap against fork",
    .source = "locking.md, who excludes whom",
    .pairs = "mremap × fork",
    .setup = setup_page,
    .actors = {{"mremap", move_far}, {"fork", fork_page}},
    .check = check_forked,
};

/* ---- want of a table ---------------------------------------------------------------------- */

static void try_move_far(struct world *w)
{
	uint64_t out;
	int err = quire_mremap(w->mm, w->addr, 2 * PAGE, 2 * PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED,
			       FAR, &out);

	expect(!err || err == -QENOMEM, "mremap fails with %d", err);
	note(w, 0, !err);
}

static void check_moved_or_not(struct world *w)
{
	uint64_t at = noted(w, 0) ? FAR : w->addr;

	expect(!quire_pte(w->mm, noted(w, 0) ? w->addr : FAR), "the page is at both addresses");
	expect(peek(w, w->mm, at) == 5, "the page is lost");
	if (noted(w, 1))
		expect(peek(w, w->mm, at + PAGE) == 7, "the store is lost");
}

SCENARIO(move_nomem) = {
    .name = "move-nomem",
    .title = "a fault at the old address against mremap, one allocation failing",
    .source = "move.c, 3",
    .pairs = "fault × mremap",
    .alloc_failures = 1,
    .setup = setup_hole,
    .actors = {{"mremap", try_move_far}, {"fault", store_old}},
    .check = check_moved_or_not,
};
