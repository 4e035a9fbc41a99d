/* SPDX-License-Identifier: MIT */
/*
 * large_world.c: see large_world.h.
 */
#include "check/scn/fault/large_world.h"
#include "check/world/large.h"

void make_large(struct world *w)
{
	struct quire_file_options o = {.size = sizeof(o),
				       .kind = LARGE_2M,
				       .bytes = 2 * BIG,
				       .writable = true,
				       .name = "large"};

	large_register(w->m);
	must(quire_file_create(w->m, &o, &w->file), "create");
	w->addr = 1ull << 32;
}

void map_large(struct world *w, int flags)
{
	must(quire_mmap(w->mm, w->addr, BIG, PROT_RW, flags | QMAP_FIXED, w->file, 0, &w->addr),
	     "mmap");
}

/* Nothing is there yet, but the tables above: another mapping beside it has a page. */
void large_setup_untouched(struct world *w)
{
	make_large(w);
	map_anon(w, w->addr + BIG, 1, PROT_RW);
	fill(w, w->addr + BIG, 1);
	map_large(w, QMAP_PRIVATE);
}

void large_setup_shared_untouched(struct world *w)
{
	make_large(w);
	map_anon(w, w->addr + BIG, 1, PROT_RW);
	fill(w, w->addr + BIG, 1);
	map_large(w, QMAP_SHARED);
}

/* The next large page is there, and this one is not. */
void large_setup_touched_before(struct world *w)
{
	make_large(w);
	must(quire_mmap(w->mm, w->addr, 2 * BIG, PROT_RW, QMAP_PRIVATE | QMAP_FIXED, w->file, 0,
			&w->addr),
	     "mmap");
	fill(w, w->addr + BIG, 1);
	cpu_cache(w, 1, w->mm, w->addr + BIG);
}

void large_setup_private(struct world *w)
{
	large_setup_untouched(w);
	fill(w, INSIDE, 5);
	cpu_cache(w, 1, w->mm, INSIDE);
}

void large_setup_shared(struct world *w)
{
	large_setup_shared_untouched(w);
	fill(w, INSIDE, 5);
}

void large_store_inside(struct world *w)
{
	note(w, 0, cpu_store(w, w->mm, INSIDE, 7) == ACCESS_OK);
}

void large_check_nothing(struct world *w)
{
	expect(!quire_pte(w->mm, INSIDE), "an entry is left");
}

void large_check_stored(struct world *w)
{
	expect(peek(w, w->mm, INSIDE) == 7, "a store is lost");
}

void large_truncate_all(struct world *w)
{
	must(quire_file_truncate(w->file, 0), "ftruncate");
	note(w, 1, 1);
}

void large_check_truncated(struct world *w)
{
	large_check_nothing(w);
	expect(!w->file->mapping.nr_pages, "a page is left in the cache");
}

void large_fork_only(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}
