/* SPDX-License-Identifier: MIT */
/*
 * fault.c: faults against each other, and against what takes their VMA away for good.
 */
#include "check/world/scenario.h"

enum { UNMAPPED = 1 }; /* notes */

/* The page's table has been there since a neighbour was touched. */
static void setup_one_page(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, w->addr + PAGE, 1);
}

static void store_page(struct world *w)
{
	cpu_store(w, w->mm, w->addr, 7);
}

static void unmap_page(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

SCENARIO(fault_munmap) = {
    .name = "fault-munmap",
    .title = "a write fault against munmap of its page",
    .source = "linux-mm, Nov 2008",
    .pairs = "fault × map, unmap",
    .setup = setup_one_page,
    .actors = {{"fault", store_page}, {"munmap", unmap_page}},
    .nr_guards = 4,
    .guards = {RULE_vma_dead_check, RULE_dead_before_zap, RULE_vma_by_rcu, RULE_nodes_by_rcu},
};

/* ---- a page that CPUs have in their TLBs */

static void setup_cached(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, w->addr, 1);
	fill(w, w->addr + PAGE, 1);
	cpu_cache(w, 0, w->mm, w->addr);
}

static void store_until_gone(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		bool gone = noted(w, UNMAPPED);

		expect(cpu_store(w, w->mm, w->addr, 7) == ACCESS_SEGV || !gone,
		       "a store succeeds after munmap has returned");
	}
}

static void unmap_and_tell(struct world *w)
{
	unmap_page(w);
	note(w, UNMAPPED, 1);
}

SCENARIO(store_munmap) = {
    .name = "store-munmap",
    .title = "stores through a cached translation against munmap",
    .source = "CVE-2018-18281",
    .pairs = "fault × map, unmap",
    .setup = setup_cached,
    .actors = {{"store", store_until_gone}, {"munmap", unmap_and_tell}},
    .nr_guards = 1,
    .guards = {RULE_flush_before_free},
};

/* ---- two faults on one page */

static void setup_untouched(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
}

static void store_word(struct world *w)
{
	store(w, w->mm, w->addr + 8 * sched_self(), 1 + sched_self());
}

static void check_both_words(struct world *w)
{
	for (unsigned i = 0; i < 2; i++)
		expect(peek(w, w->mm, w->addr + 8 * i) == 1 + i, "%s's store is lost",
		       sched_actor_name(i));
	expect_tables(w, 4);
}

SCENARIO(fault_fault) = {
    .name = "fault-fault",
    .title = "two write faults on one page: no store, page or table is lost",
    .source = "linux-mm, Nov 2008 (pte_same)",
    .pairs = "fault × fault",
    .setup = setup_untouched,
    .actors = {{"fault", store_word}, {"fault'", store_word}},
    .check = check_both_words,
    .nr_guards = 2,
    .guards = {RULE_entry_recheck, RULE_slot_recheck},
};

/* ---- exit */

static void exit_mm(struct world *w)
{
	quire_mm_exit(w->mm);
	note(w, UNMAPPED, 1);
}

static void check_nothing_left(struct world *w)
{
	struct quire_vma_info info;

	expect(!mapped(w, w->addr, &info), "a mapping is left after exit");
	expect_tables(w, 1);
}

SCENARIO(fault_exit) = {
    .name = "fault-exit",
    .title = "a write fault against the exit of its address space",
    .source = "linux-mm, Nov 2008",
    .pairs = "fault × exit",
    .setup = setup_untouched,
    .actors = {{"fault", store_until_gone}, {"exit", exit_mm}},
    .check = check_nothing_left,
    .nr_guards = 4,
    .guards = {RULE_vma_dead_check, RULE_link_dead_check, RULE_wait_for_linkers, RULE_vma_by_rcu},
};
