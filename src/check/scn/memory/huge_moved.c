/* SPDX-License-Identifier: MIT */
/*
 * huge_moved.c: huge pages that are moved to another of their pool, beside whoever uses them.
 *
 * The pool has two pages: one in use, and one that it is moved to.
 */
#include "check/scn/memory/huge_world.h"
#include "check/scn/memory/mover.h"

#define FRAMES (5u * 512)

static void setup_mapped(struct world *w, int flags)
{
	pool_resize(w, 2);
	huge_map(w, 1, flags);
	fill(w, INSIDE, 5);
	moved_choose(w, w->addr);
}

static void setup_private(struct world *w)
{
	setup_mapped(w, QMAP_PRIVATE);
}

static void setup_shared(struct world *w)
{
	setup_mapped(w, QMAP_SHARED);
}

static void setup_forked(struct world *w)
{
	setup_private(w);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

/* What the child has yet is what it had. */
static void check_owner(struct world *w)
{
	uint64_t value = 5;

	expect(peek(w, w->mm, INSIDE) == 9, "the owner's store is lost");
	expect(quire_read(w->child, INSIDE, &value, sizeof(value)) < 0 || value == 5,
	       "the child reads %llu", (unsigned long long)value);
	expect(pool_info(w).reserved == 0, "R%llu", (unsigned long long)pool_info(w).reserved);
}

SCENARIO(huge_moved_owner) = {
    .name = "huge-moved-owner",
    .title = "the owner's store to a huge page that its child shares against a move of the page",
    .source = "kind/hugetlb_cow.c, 3; migrate.c, 2",
    .pairs = "whoever takes a page away × fault",
    .frames = FRAMES,
    .setup = setup_forked,
    .actors = {{"owner", huge_owner_stores}, {"mover", moved_page}},
    .check = check_owner,
};

static void store_again(struct world *w)
{
	store(w, w->mm, INSIDE, 9);
}

static void check_stored(struct world *w)
{
	expect(peek(w, w->mm, INSIDE) == 9, "a store is lost");
	expect(pool_info(w).total == 2 && pool_info(w).reserved == 0, "T%llu R%llu",
	       (unsigned long long)pool_info(w).total, (unsigned long long)pool_info(w).reserved);
}

SCENARIO(huge_moved_store) = {
    .name = "huge-moved-store",
    .title = "a store to a huge page against a move of it",
    .source = "migrate.c, 1",
    .pairs = "whoever takes a page away × fault",
    .frames = FRAMES,
    .setup = setup_private,
    .actors = {{"thread", store_again}, {"mover", moved_page}},
    .check = check_stored,
};

SCENARIO(huge_moved_shared) = {
    .name = "huge-moved-shared",
    .title = "a store to a huge page of a file against a move of it",
    .source = "migrate.c, 3",
    .pairs = "whoever takes a page away × fault",
    .frames = FRAMES,
    .setup = setup_shared,
    .actors = {{"thread", store_again}, {"mover", moved_page}},
    .check = check_stored,
};

/* What the page was charged with went with it. */
static void check_promised(struct world *w)
{
	expect_pool(w, 2, 1);
}

SCENARIO(huge_moved_dontneed) = {
    .name = "huge-moved-dontneed",
    .title = "MADV_DONTNEED of a huge page by its owner against a move of it",
    .source = "reserve.h; migrate.c, 2",
    .pairs = "whoever takes a page away × DONTNEED, FREE",
    .frames = FRAMES,
    .setup = setup_private,
    .actors = {{"DONTNEED", huge_drop}, {"mover", moved_page}},
    .check = check_promised,
};

static void check_free(struct world *w)
{
	expect_pool(w, 2, 0);
}

SCENARIO(huge_moved_munmap) = {
    .name = "huge-moved-munmap",
    .title = "munmap of a huge page against a move of it",
    .source = "reserve.h; migrate.c, 2",
    .pairs = "whoever takes a page away × map, unmap",
    .frames = FRAMES,
    .setup = setup_private,
    .actors = {{"munmap", huge_unmap}, {"mover", moved_page}},
    .check = check_free,
};
