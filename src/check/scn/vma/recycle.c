/* SPDX-License-Identifier: MIT */
/*
 * recycle.c: on a port that says when readers have gone: what one edit took out of the tree serves
 * the next, which must not come while a reader is still in it.
 */
#include "check/world/scenario.h"

static void setup_page(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 1);
}

static void unmap(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

/* Each call has something to take out, and asks for what the one before has taken out. */
static void unmap_and_map(struct world *w)
{
	unmap(w);
	map_anon(w, w->addr + 2 * PAGE, 1, PROT_RW);
	must(quire_munmap(w->mm, w->addr + 2 * PAGE, PAGE), "munmap");
}

static void read_page(struct world *w)
{
	uint64_t value = 0;
	int64_t n = quire_read(w->mm, w->addr, &value, sizeof(value));

	expect(n <= 0 || value == 1, "the page has %llu", (unsigned long long)value);
}

SCENARIO(recycle_fault) = {
    .name = "recycle-fault",
    .title = "a read against munmaps that use again what the ones before took out",
    .source = "recycle.c, 1",
    .pairs = "fault × map, unmap",
    .polls = true,
    .setup = setup_page,
    .actors = {{"read", read_page}, {"munmap", unmap_and_map}},
    .nr_guards = 3,
    .guards = {RULE_recycled_after_readers, RULE_vma_by_rcu, RULE_nodes_by_rcu},
};

static void read_maps(struct world *w)
{
	struct quire_vma_info info = {0};
	int err = quire_vma_next(w->mm, w->addr, &info);

	expect(err || info.end == info.start + PAGE, "a mapping ends at %#llx",
	       (unsigned long long)info.end);
}

SCENARIO(recycle_maps) = {
    .name = "recycle-maps",
    .title = "two readers of maps against munmaps that use again what the ones before took out",
    .source = "CVE-2025-38554; recycle.c, 1",
    .pairs = "readers of the mappings × map, unmap",
    .polls = true,
    .setup = setup_page,
    .actors = {{"maps", read_maps}, {"munmap", unmap_and_map}, {"maps", read_maps}},
    .nr_guards = 3,
    .guards = {RULE_recycled_after_readers, RULE_vma_by_rcu, RULE_nodes_by_rcu},
};

/* The address space ends while a reader is in it: what is left goes to call_rcu(). */
static void unmap_and_exit(struct world *w)
{
	unmap(w);
	quire_mm_exit(w->mm);
}

SCENARIO(recycle_exit) = {
    .name = "recycle-exit",
    .title = "a reader of maps against munmap and the end of the address space",
    .source = "recycle.c, 4",
    .pairs = "readers of the mappings × map, unmap",
    .polls = true,
    .setup = setup_page,
    .actors = {{"maps", read_maps}, {"munmap", unmap_and_exit}},
    .nr_guards = 2,
    .guards = {RULE_recycled_after_readers, RULE_vma_by_rcu},
};
