/* SPDX-License-Identifier: MIT */
/*
 * leaf.c: large pages, which a leaf maps as a whole, against all that takes entries away or copies
 * them.
 */
#include "check/scn/fault/large_world.h"

/* ---- munmap ----------------------------------------------------------------------- */

static void unmap(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, BIG), "munmap");
}

SCENARIO(leaf_munmap) = {
    .name = "leaf-munmap",
    .title = "the first store to a large page against munmap of it",
    .source = "cursor.h, 7; linux-mm, Nov 2008",
    .pairs = "fault × map, unmap",
    .frames = FRAMES,
    .setup = large_setup_untouched,
    .actors = {{"fault", large_store_inside}, {"munmap", unmap}},
    .check = large_check_nothing,
    .nr_guards = 2,
    .guards = {RULE_vma_dead_check, RULE_empty_slot_awaited},
};

/* Tables of the small pages that were mapped there are left: whoever faults takes them out. */
static void setup_table_left(struct world *w)
{
	make_large(w);
	map_anon(w, w->addr, 2 * 512, PROT_RW);
	fill(w, w->addr, 1);
	fill(w, w->addr + BIG, 1);
	map_large(w, QMAP_PRIVATE);
}

SCENARIO(leaf_table_munmap) = {
    .name = "leaf-table-munmap",
    .bound = 1,
    .title = "the first store to a large page where a table of small ones is left against munmap",
    .source = "leaf.c, 1",
    .pairs = "fault × map, unmap",
    .frames = FRAMES,
    .setup = setup_table_left,
    .actors = {{"fault", large_store_inside}, {"munmap", unmap}},
    .check = large_check_nothing,
    .nr_guards = 1,
    .guards = {RULE_tables_by_rcu},
};

/* ---- exit, mprotect, truncation ------------------------------------------------------ */

static void exit_mm(struct world *w)
{
	quire_mm_exit(w->mm);
}

SCENARIO(leaf_exit) = {
    .name = "leaf-exit",
    .bound = 1,
    .title = "the first store to a large page against exit",
    .source = "cursor.h, 7",
    .pairs = "fault × exit",
    .frames = FRAMES,
    .setup = large_setup_untouched,
    .actors = {{"fault", large_store_inside}, {"exit", exit_mm}},
    .nr_guards = 1,
    .guards = {RULE_empty_slot_awaited},
};

static void protect(struct world *w)
{
	must(quire_mprotect(w->mm, w->addr, BIG, PROT_R), "mprotect");
	note(w, 1, 1);
}

static void store_before_protect(struct world *w)
{
	bool protected = noted(w, 1) != 0;

	expect(cpu_store(w, w->mm, INSIDE, 7) != ACCESS_OK || !protected,
	       "a page that was made read-only is written");
}

SCENARIO(leaf_mprotect) = {
    .name = "leaf-mprotect",
    .title = "stores to a large page against mprotect of it",
    .source = "commit 20841405940e",
    .pairs = "fault × protect, lock",
    .frames = FRAMES,
    .setup = large_setup_private,
    .actors = {{"mprotect", protect}, {"store", store_before_protect}},
    .nr_guards = 1,
    .guards = {RULE_flush_lost_rights},
};

SCENARIO(leaf_mprotect_untouched) = {
    .name = "leaf-mprotect-untouched",
    .title = "the first store to a large page against mprotect of it",
    .source = "cursor.h, 7",
    .pairs = "fault × protect, lock",
    .frames = FRAMES,
    .setup = large_setup_untouched,
    .actors = {{"mprotect", protect}, {"store", store_before_protect}},
    .nr_guards = 1,
    .guards = {RULE_empty_slot_awaited},
};

static void store_before_end(struct world *w)
{
	bool cut = noted(w, 1) != 0;

	expect(cpu_store(w, w->mm, INSIDE, 7) != ACCESS_OK || !cut,
	       "a page beyond the end of its file is written");
}

SCENARIO(leaf_truncate) = {
    .name = "leaf-truncate",
    .bound = 1,
    .title = "the first store to a large page of a file against its truncation",
    .source = "cursor.h, 7; locking.md, invariant 8",
    .pairs = "fault × truncate",
    .frames = FRAMES,
    .setup = large_setup_shared_untouched,
    .actors = {{"store", store_before_end}, {"truncate", large_truncate_all}},
    .check = large_check_truncated,
    .nr_guards = 2,
    .guards = {RULE_seq_check, RULE_empty_slot_awaited},
};

/* ---- fork ------------------------------------------------------------------------------ */

static void fork_and_look(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	note(w, 2, load(w, w->child, INSIDE));
}

static void check_forked(struct world *w)
{
	expect(peek(w, w->mm, INSIDE) == 7, "the parent's store is lost");
	expect(peek(w, w->child, INSIDE) == noted(w, 2), "the child's page changes");
}

SCENARIO(leaf_fork) = {
    .name = "leaf-fork",
    .title = "a store to a large page against fork",
    .source = "copy.c, 1",
    .pairs = "fault × fork",
    .frames = FRAMES,
    .setup = large_setup_private,
    .actors = {{"fork", fork_and_look}, {"store", large_store_inside}},
    .check = check_forked,
    .nr_guards = 2,
    .guards = {RULE_fork_flush, RULE_fork_clears_exclusive},
};

/* What is stored second is nowhere without what was stored first. */
static void store_in_turn(struct world *w)
{
	store(w, w->mm, INSIDE, 7);
	store(w, w->mm, w->addr + BIG, 7);
}

static void check_in_turn(struct world *w)
{
	uint64_t second = 0;

	if (quire_pte(w->child, w->addr + BIG))
		second = peek(w, w->child, w->addr + BIG);
	expect(second != 7 || quire_pte(w->child, INSIDE),
	       "the child has a later store, and not an earlier one");
}

SCENARIO(leaf_fork_untouched) = {
    .name = "leaf-fork-untouched",
    .bound = 1,
    .title = "the first store to a large page, and one that comes after it, against fork",
    .source = "install.c, 3; cursor.h, 7",
    .pairs = "fault × fork",
    .frames = FRAMES + 2 * 512,
    .setup = large_setup_touched_before,
    .actors = {{"fork", large_fork_only}, {"store", store_in_turn}},
    .check = check_in_turn,
    .nr_guards = 2,
    .guards = {RULE_fork_waits, RULE_empty_slot_awaited},
};

/* A pin, and a store through it. */
static void pin_and_store(struct world *w)
{
	struct quire_pin pin;

	must(quire_pin(w->mm, INSIDE, QUIRE_WRITE, &pin), "pin");
	atomic_store((uint64_t *)pin.mem, 7);
	expect(load(w, w->mm, INSIDE) == 7, "a store through a pin is not seen");
	quire_unpin(w->m, &pin);
}

SCENARIO(leaf_fork_pin) = {
    .name = "leaf-fork-pin",
    .bound = 1,
    .title = "a pin within a large page, and a store through it, against fork",
    .source = "copy_leaf.c, 2; pin.c, 1",
    .pairs = "fault × fork",
    .frames = FRAMES,
    .setup = large_setup_private,
    .actors = {{"fork", fork_and_look}, {"pin", pin_and_store}},
    .check = check_forked,
    .nr_guards = 1,
    .guards = {RULE_fork_copies_pinned},
};

/* ---- copies ------------------------------------------------------------------------------ */

static void setup_forked(struct world *w)
{
	large_setup_private(w);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	cpu_cache(w, 1, w->mm, INSIDE);
}

static void load_twice(struct world *w)
{
	uint64_t first = load(w, w->mm, INSIDE), second = load(w, w->mm, INSIDE);

	expect(first != 7 || second == 7, "a load gives the old value after the new one");
}

static void check_copied(struct world *w)
{
	large_check_stored(w);
	expect(peek(w, w->child, INSIDE) == 5, "the child sees its parent's store");
}

SCENARIO(leaf_cow) = {
    .name = "leaf-cow",
    .title = "the copy of a large page against loads of another thread",
    .source = "cow.c, 2",
    .pairs = "fault × fault",
    .frames = FRAMES,
    .setup = setup_forked,
    .actors = {{"store", large_store_inside}, {"load", load_twice}},
    .check = check_copied,
    .nr_guards = 1,
    .guards = {RULE_cow_flush},
};

static void setup_forked_childs_cached(struct world *w)
{
	large_setup_private(w);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	cpu_cache(w, 2, w->child, INSIDE);
}

static void childs_load(struct world *w)
{
	uint64_t value;

	if (cpu_load(w, w->child, INSIDE, &value) == ACCESS_OK)
		expect(value == 5, "the child sees its parent's store");
}

static void childs_exit(struct world *w)
{
	quire_mm_exit(w->child);
}

SCENARIO(leaf_cow_exit) = {
    .name = "leaf-cow-exit",
    .bound = 1,
    .title = "a store to a large page that a child has as well against the child's exit",
    .source = "cow.c, 1",
    .pairs = "fault × exit",
    .frames = FRAMES,
    .setup = setup_forked_childs_cached,
    .actors = {{"store", large_store_inside}, {"exit", childs_exit}, {"child", childs_load}},
    .check = large_check_stored,
    .nr_guards = 1,
    .guards = {RULE_cow_counts_references},
};
