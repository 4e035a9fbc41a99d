/* SPDX-License-Identifier: MIT */
/*
 * compact.c: compaction against those whose pages it moves, and those who want frames.
 */
#include "check/world/scenario.h"

#define PAGES 4u

static uint64_t page(const struct world *w, unsigned i)
{
	return w->addr + i * PAGE;
}

/* Every other page: holes beside them. */
static void setup(struct world *w)
{
	map_anon(w, w->addr, PAGES, PROT_RW);
	for (unsigned i = 0; i < PAGES; i++)
		fill(w, page(w, i), i + 5);
	for (unsigned i = 1; i < PAGES; i += 2)
		must(quire_madvise(w->mm, page(w, i), PAGE, QMADV_DONTNEED), "madvise");
	cpu_cache(w, 1, w->mm, page(w, 0));
}

static void compact(struct world *w)
{
	struct quire_compact_result r;

	must(quire_compact(w->m, 0, 1, 1, &r), "compact");
}

static void store_two(struct world *w)
{
	store(w, w->mm, page(w, 0), 1);
	store(w, w->mm, page(w, 1), 2);
}

static void check_stored(struct world *w)
{
	expect(peek(w, w->mm, page(w, 0)) == 1 && peek(w, w->mm, page(w, 1)) == 2,
	       "a store is lost");
	expect(peek(w, w->mm, page(w, 2)) == 7, "a page has changed");
}

SCENARIO(compact_store) = {
    .name = "compact-store",
    .title = "compaction against stores, of which one wants a frame",
    .source = "compact.c, 3",
    .pairs = "whoever takes a page away × fault",
    .setup = setup,
    .actors = {{"compact", compact}, {"thread", store_two}},
    .check = check_stored,
};

static void check_kept(struct world *w)
{
	expect(peek(w, w->mm, page(w, 0)) == 5 && peek(w, w->mm, page(w, 2)) == 7,
	       "a page has changed");
}

static void unmap_and_map(struct world *w)
{
	must(quire_munmap(w->mm, page(w, 3), PAGE), "munmap");
	map_anon(w, page(w, 3), 1, PROT_RW);
	store(w, w->mm, page(w, 3), 3);
}

SCENARIO(compact_map) = {
    .name = "compact-map",
    .title = "compaction against munmap and a new page",
    .source = "hold.c, 1",
    .pairs = "whoever takes a page away × map, unmap",
    .setup = setup,
    .actors = {{"compact", compact}, {"munmap", unmap_and_map}},
    .check = check_kept,
};

SCENARIO(compact_twice) = {
    .name = "compact-twice",
    .title = "two compactions of one zone",
    .source = "hold.c, 2",
    .pairs = "whoever takes a page away × fault",
    .setup = setup,
    .actors = {{"compact", compact}, {"compact", compact}},
    .check = check_kept,
};
