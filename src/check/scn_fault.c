/* SPDX-License-Identifier: MIT */
/*
 * scn_fault.c: faults against whatever changes the VMA under them.
 */
#include "scenario.h"

static void setup_one_page(struct world *w)
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

const struct scenario fault_munmap = {
    .name = "fault-munmap",
    .title = "a write fault against munmap of its page",
    .source = "message 004",
    .setup = setup_one_page,
    .actors = {{"fault", store_page}, {"munmap", unmap_page}},
    .nr_guards = 1,
    .guards = {RULE_vma_dead_check},
};
