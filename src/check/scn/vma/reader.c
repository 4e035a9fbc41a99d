/* SPDX-License-Identifier: MIT */
/*
 * reader.c: readers: maps, smaps and walkers, which take no lock that munmap takes, and
 * mincore, which takes none that a fault takes.
 */
#include "check/world/scenario.h"

static void setup_two(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, w->addr, 1);
	fill(w, w->addr + PAGE, 1);
}

static void unmap_second(struct world *w)
{
	must(quire_munmap(w->mm, w->addr + PAGE, PAGE), "munmap");
}

static void unmap_both(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, 2 * PAGE), "munmap");
}

/* ---- /proc/PID/maps */

static void read_maps(struct world *w)
{
	struct quire_vma_info info = {0};

	expect(!quire_vma_next(w->mm, w->addr, &info), "the mapping is not in maps");
	expect(info.start == w->addr, "the mapping begins at %#llx",
	       (unsigned long long)info.start);
	expect(info.end == w->addr + PAGE || info.end == w->addr + 2 * PAGE,
	       "the mapping ends at %#llx", (unsigned long long)info.end);
}

SCENARIO(maps_munmap) = {
    .name = "maps-munmap",
    .title = "a reader of maps against munmap: VMAs are not recycled under it",
    .source = "CVE-2025-38554",
    .pairs = "readers of the mappings × map, unmap",
    .setup = setup_two,
    .actors = {{"maps", read_maps}, {"munmap", unmap_second}},
    .nr_guards = 2,
    .guards = {RULE_vma_by_rcu, RULE_nodes_by_rcu},
};

/* And takes the file, of which munmap drops the last reference. */
static void setup_file(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	quire_file_put(w->file);
}

static void take_file(struct world *w)
{
	struct quire_vma_info info = {0};
	struct quire_file *file = NULL;
	int err = quire_vma_next_file(w->mm, w->addr, &info, &file);

	expect(err == -QENOENT || (!err && file), "maps gives %d, and %s file", err,
	       file ? "a" : "no");
	if (err)
		return;
	expect(!noted(w, FILE_RELEASED) && quire_file_priv(file) == w, "the file has ended");
	quire_file_put(file);
}

static void unmap_file(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

SCENARIO(maps_file) = {
    .name = "maps-file",
    .title = "a reader of maps that takes the file against the last munmap of it",
    .source = "file.h, 1",
    .pairs = "readers of the mappings × map, unmap",
    .setup = setup_file,
    .actors = {{"maps", take_file}, {"munmap", unmap_file}},
    .check = expect_released,
    .nr_guards = 1,
    .guards = {RULE_ended_file_is_left},
};

/* ---- /proc/PID/smaps */

static void read_smaps(struct world *w)
{
	struct quire_usage u;

	quire_range_usage(w->mm, w->addr, w->addr + 2 * PAGE, &u);
	expect(u.rss <= 2 * PAGE && u.rss == u.anonymous, "smaps tells of %llu bytes",
	       (unsigned long long)u.rss);
}

SCENARIO(smaps_munmap) = {
    .name = "smaps-munmap",
    .title = "a reader of smaps against munmap: VMAs and tables stay while it looks",
    .source = "commit 49b0638502da; CVE-2025-38554",
    .pairs = "readers of the mappings × map, unmap",
    .setup = setup_two,
    .actors = {{"smaps", read_smaps}, {"munmap", unmap_both}},
    .nr_guards = 3,
    .guards = {RULE_vma_by_rcu, RULE_nodes_by_rcu, RULE_tables_by_rcu},
};

/* ---- mincore */

/* The first page is still to be brought in. */
static void setup_second(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, w->addr + PAGE, 1);
}

static void touch_first(struct world *w)
{
	store(w, w->mm, w->addr, 1);
	note(w, 0, 1);
}

static void read_mincore(struct world *w)
{
	uint8_t vec[2] = {0, 0};
	uint64_t touched = noted(w, 0);
	int err = quire_mincore(w->mm, w->addr, 2 * PAGE, vec);

	expect(!err || err == -QENOMEM, "mincore fails with %d", err);
	expect(vec[0] == 1 || !touched, "a page in memory is not resident");
	expect(err || vec[1] == 1, "a page in memory is not resident");
}

SCENARIO(mincore_munmap) = {
    .name = "mincore-munmap",
    .title = "mincore against munmap of the second page and a fault on the first",
    .source = "commit d9d332e0874f",
    .pairs = "readers of the mappings × map, unmap",
    .setup = setup_second,
    .actors = {{"mincore", read_mincore}, {"munmap", unmap_second}, {"fault", touch_first}},
};

/* ---- a page walk without a lock, by a fault or an executor */

static void walk(struct world *w)
{
	uint64_t pte = quire_pte(w->mm, w->addr);

	expect(!pte || (pte & QUIRE_PTE_PRESENT), "the walk finds %#llx", (unsigned long long)pte);
}

SCENARIO(walk_munmap) = {
    .name = "walk-munmap",
    .title = "a page walk against munmap that frees its tables",
    .source = "linux-mm, Nov 2008; CVE-2025-38085",
    .pairs = "readers of the mappings × map, unmap",
    .setup = setup_two,
    .actors = {{"walk", walk}, {"munmap", unmap_both}},
    .nr_guards = 1,
    .guards = {RULE_tables_by_rcu},
};

/* ---- the tree of VMAs has more than one leaf: 12 mappings are in the first one */

#define LEAF 12u
#define MANY 17u

static uint64_t nth(const struct world *w, unsigned i)
{
	return w->addr + i * PAGE;
}

/* Neighbours that do not merge. */
static void setup_many(struct world *w)
{
	for (unsigned i = 0; i < MANY; i++)
		map_anon(w, nth(w, i), 1, i % 2 ? PROT_RW : PROT_R);
}

/* The first leaf ends earlier, later, and again earlier. */
static void unmap_last(struct world *w)
{
	must(quire_munmap(w->mm, nth(w, LEAF - 1), PAGE), "munmap");
	map_anon(w, nth(w, LEAF - 1), 1, PROT_RW);
	must(quire_munmap(w->mm, nth(w, LEAF - 1), PAGE), "munmap");
}

static void next_of_last(struct world *w)
{
	struct quire_vma_info info = {0};

	expect(!quire_vma_next(w->mm, nth(w, LEAF - 1), &info), "there is no mapping");
	expect(info.start == nth(w, LEAF - 1) || info.start == nth(w, LEAF),
	       "the next mapping is that at %#llx", (unsigned long long)info.start);
}

SCENARIO(maps_leaf_end) = {
    .name = "maps-leaf-end",
    .title = "a reader of maps where munmap takes the last mapping from a leaf of the tree",
    .source = "rtree_leaf.c, 2",
    .pairs = "readers of the mappings × map, unmap",
    .setup = setup_many,
    .actors = {{"maps", next_of_last}, {"munmap", unmap_last}},
    .nr_guards = 2,
    .guards = {RULE_bounds_shrink_first, RULE_nodes_by_rcu},
};

/* The second leaf begins later, and earlier: what stays is found. */
static void unmap_first(struct world *w)
{
	must(quire_munmap(w->mm, nth(w, LEAF), PAGE), "munmap");
	map_anon(w, nth(w, LEAF), 1, PROT_R);
}

static void find_neighbours(struct world *w)
{
	struct quire_vma_info info = {0};

	expect(mapped(w, nth(w, LEAF - 1), &info), "the mapping before is gone");
	expect(mapped(w, nth(w, LEAF + 1), &info), "the mapping behind is gone");
}

SCENARIO(maps_leaf_start) = {
    .name = "maps-leaf-start",
    .title = "a reader of maps where munmap takes the first mapping from a leaf of the tree",
    .source = "rtree_leaf.c, 1",
    .pairs = "readers of the mappings × map, unmap",
    .setup = setup_many,
    .actors = {{"maps", find_neighbours}, {"munmap", unmap_first}},
    .nr_guards = 1,
    .guards = {RULE_nodes_by_rcu},
};
