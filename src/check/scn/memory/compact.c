/* SPDX-License-Identifier: MIT */
/*
 * compact.c: compaction against those whose pages it moves, and those who want frames or give them
 * back.
 */
#include "check/world/scenario.h"

#define PAGES 4u
#define FAR (w->addr + 1024 * PAGE) /* under another table */

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
    .source = "compact.c, 4",
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

/* ---- forks, moves, ends ----------------------------------------------------------------- */

static void fork_and_store(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	store(w, w->mm, page(w, 0), 1);
}

static void check_forked(struct world *w)
{
	expect(peek(w, w->mm, page(w, 0)) == 1, "the parent's store is lost");
	expect(peek(w, w->child, page(w, 0)) == 5, "the child's page has changed");
	expect(peek(w, w->mm, page(w, 2)) == 7 && peek(w, w->child, page(w, 2)) == 7,
	       "a page has changed");
}

SCENARIO(compact_fork) = {
    .name = "compact-fork",
    .title = "compaction against fork, and a store of the parent's",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × fork",
    .bound = 1,
    .setup = setup,
    .actors = {{"compact", compact}, {"fork", fork_and_store}},
    .check = check_forked,
};

/* Its table may not be had. */
static void move_or_not(struct world *w)
{
	uint64_t to;
	int err =
	    quire_mremap(w->mm, page(w, 0), PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, FAR, &to);

	expect(!err || err == -QENOMEM, "mremap fails with %d", err);
	note(w, 0, !err);
}

static void check_moved(struct world *w)
{
	expect(peek(w, w->mm, noted(w, 0) ? FAR : page(w, 0)) == 5, "a page is lost");
	expect(peek(w, w->mm, page(w, 2)) == 7, "a page has changed");
}

SCENARIO(compact_mremap) = {
    .name = "compact-mremap",
    .title = "compaction against mremap, where frames may be wanting",
    .source = "compact.c, 3; rmap/walk_anon.c, 1",
    .pairs = "whoever takes a page away × mremap",
    .bound = 1,
    .alloc_failures = 1,
    .setup = setup,
    .actors = {{"compact", compact}, {"mremap", move_or_not}},
    .check = check_moved,
};

static void end(struct world *w)
{
	quire_mm_exit(w->mm);
}

SCENARIO(compact_exit) = {
    .name = "compact-exit",
    .title = "compaction against the end of the process that has the pages",
    .source = "hold.c, 1",
    .pairs = "whoever takes a page away × exit",
    .bound = 1,
    .setup = setup,
    .actors = {{"compact", compact}, {"exit", end}},
};

/* ---- files
 * --------------------------------------------------------------------------------------- */

static void setup_file(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
	fill(w, page(w, 0), 5);
	fill(w, page(w, 1), 6);
}

SCENARIO(compact_truncate) = {
    .name = "compact-truncate",
    .title = "compaction against truncation of a file whose pages it moves",
    .source = "migrate.c, 3; truncate.c, 1",
    .pairs = "whoever takes a page away × truncate",
    .setup = setup_file,
    .actors = {{"compact", compact}, {"truncate", truncate_to_one}},
    .check = check_one_page,
};
