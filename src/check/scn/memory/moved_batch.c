/* SPDX-License-Identifier: MIT */
/*
 * moved_batch.c: whoever moves two pages of an address space at once to other frames, with one
 * flush for both, against what others do with one of them.
 */
#include "check/scn/memory/mover.h"
#include "core/frame/folio.h"

#define FIRST (w->addr)
#define SECOND (w->addr + PAGE)
#define FAR (w->addr + 1024 * PAGE) /* under another table */

/* 5 and 6. */
static void setup_two(struct world *w)
{
	map_anon(w, FIRST, 2, PROT_RW);
	fill(w, FIRST, 5);
	fill(w, SECOND, 6);
	moved_choose(w, FIRST);
	moved_choose_other(w, SECOND);
}

static void setup_two_cached(struct world *w)
{
	setup_two(w);
	cpu_cache(w, 0, w->mm, FIRST);
	cpu_cache(w, 0, w->mm, SECOND);
}

static void check_two(struct world *w, uint64_t first, uint64_t second)
{
	expect(peek(w, w->mm, FIRST) == first, "the first page has %llu",
	       (unsigned long long)peek(w, w->mm, FIRST));
	expect(peek(w, w->mm, SECOND) == second, "the second page has %llu",
	       (unsigned long long)peek(w, w->mm, SECOND));
}

/* ---- accesses -------------------------------------------------------------------------------- */

static void store_both(struct world *w)
{
	store(w, w->mm, FIRST, 9);
	store(w, w->mm, SECOND, 8);
	expect(load(w, w->mm, FIRST) == 9, "the thread's store is lost");
}

static void check_stored(struct world *w)
{
	check_two(w, 9, 8);
}

SCENARIO(moved_batch) = {
    .name = "moved-batch",
    .title = "stores to two pages against whoever moves both to other frames with one flush",
    .source = "migrate_batch.c, 1",
    .pairs = "whoever takes a page away × fault",
    .setup = setup_two_cached,
    .actors = {{"thread", store_both}, {"mover", moved_both}},
    .check = check_stored,
    .nr_guards = 1,
    .guards = {RULE_moved_page_is_flushed},
};

static void check_unchanged(struct world *w)
{
	check_two(w, 5, 6);
}

SCENARIO(moved_batches) = {
    .name = "moved-batches",
    .title = "two who move the same two pages at once, each with another of them first",
    .source = "migrate_batch.c, 2",
    .pairs = "whoever takes a page away × fault",
    .setup = setup_two_cached,
    .actors = {{"mover", moved_both}, {"other", moved_both_from_behind}},
    .check = check_unchanged,
    .nr_guards = 1,
    .guards = {RULE_batch_waits_for_one},
};

/* ---- changes of the mapping ------------------------------------------------------------------ */

static void drop_and_store(struct world *w)
{
	must(quire_madvise(w->mm, SECOND, PAGE, QMADV_DONTNEED), "madvise");
	expect(load(w, w->mm, SECOND) == 0, "what was dropped has come back");
	store(w, w->mm, SECOND, 8);
}

static void check_dropped(struct world *w)
{
	check_two(w, 5, 8);
}

SCENARIO(moved_batch_dontneed) = {
    .name = "moved-batch-dontneed",
    .title = "MADV_DONTNEED of one of two pages, and a store, against whoever moves both",
    .source = "migrate_batch.c, 1",
    .pairs = "whoever takes a page away × DONTNEED, FREE",
    .setup = setup_two_cached,
    .actors = {{"madvise", drop_and_store}, {"mover", moved_both}},
    .check = check_dropped,
    .nr_guards = 1,
    .guards = {RULE_flush_migration},
};

static void protect(struct world *w)
{
	must(quire_mprotect(w->mm, SECOND, PAGE, PROT_R), "mprotect");
	expect(cpu_store(w, w->mm, SECOND, 7) == ACCESS_SEGV, "a store to what is read-only");
}

SCENARIO(moved_batch_mprotect) = {
    .name = "moved-batch-mprotect",
    .title = "mprotect of one of two pages to read-only against whoever moves both",
    .source = "migrate_batch.c, 1",
    .pairs = "whoever takes a page away × protect, lock",
    .setup = setup_two_cached,
    .actors = {{"mprotect", protect}, {"mover", moved_both}},
    .check = check_unchanged,
    .nr_guards = 1,
    .guards = {RULE_flush_migration},
};

static void move_second(struct world *w)
{
	uint64_t to;

	must(quire_mremap(w->mm, SECOND, PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, FAR, &to),
	     "mremap");
	store(w, w->mm, FAR, 8);
}

static void check_remapped(struct world *w)
{
	expect(peek(w, w->mm, FIRST) == 5, "the first page has changed");
	expect(peek(w, w->mm, FAR) == 8, "the store to the moved page is lost");
}

SCENARIO(moved_batch_mremap) = {
    .name = "moved-batch-mremap",
    .title = "mremap of one of two pages, and a store, against whoever moves both",
    .source = "migrate_batch.c, 1; rmap/walk_anon.c, 2",
    .pairs = "whoever takes a page away × mremap",
    .setup = setup_two_cached,
    .actors = {{"mremap", move_second}, {"mover", moved_both}},
    .check = check_remapped,
};

/* ---- forks and ends -------------------------------------------------------------------------- */

static void fork_and_store(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	store(w, w->mm, SECOND, 8);
	expect(load(w, w->child, SECOND) == 6, "the child sees what its parent stores");
}

static void check_forked(struct world *w)
{
	check_two(w, 5, 8);
	expect(peek(w, w->child, SECOND) == 6, "the child's page has changed");
}

SCENARIO(moved_batch_fork) = {
    .name = "moved-batch-fork",
    .title = "fork, and a store of the parent's, against whoever moves two of its pages",
    .source = "migrate_batch.c, 1; entry.h, 4",
    .pairs = "whoever takes a page away × fork",
    .setup = setup_two_cached,
    .actors = {{"fork", fork_and_store}, {"mover", moved_both}},
    .check = check_forked,
    .nr_guards = 2,
    .guards = {RULE_fork_shares_migration, RULE_flush_migration},
};

/* The child has both, too: it is flushed for each page. */
static void setup_forked(struct world *w)
{
	setup_two(w);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	cpu_cache(w, 0, w->child, SECOND);
}

static void read_in_child(struct world *w)
{
	expect(load(w, w->child, SECOND) == 6, "the child reads another page");
	store(w, w->child, SECOND, 8);
}

static void check_child(struct world *w)
{
	check_two(w, 5, 6);
	expect(peek(w, w->child, SECOND) == 8, "the child's store is lost");
}

SCENARIO(moved_batch_child) = {
    .name = "moved-batch-child",
    .title = "a child's copy on write of one of two pages against whoever moves both",
    .source = "migrate_batch.c, 1; cow.c, 5",
    .pairs = "whoever takes a page away × fault",
    .setup = setup_forked,
    .actors = {{"child", read_in_child}, {"mover", moved_both}},
    .check = check_child,
    .nr_guards = 1,
    .guards = {RULE_moved_page_is_flushed},
};

static void end(struct world *w)
{
	quire_mm_exit(w->mm);
}

/* The mover has a reference on the mm, as the world has. */
SCENARIO(moved_batch_exit) = {
    .name = "moved-batch-exit",
    .title = "the end of an address space against whoever moves two of its pages",
    .source = "migrate_batch.c, 1",
    .pairs = "whoever takes a page away × exit",
    .setup = setup_two_cached,
    .actors = {{"exit", end}, {"mover", moved_both}},
};

/* ---- lent ------------------------------------------------------------------------------------ */

static void call(struct world *w)
{
	if (device_begin(w, w->mm, SECOND))
		device_end(w, 8);
	expect(load(w, w->mm, SECOND) == 8, "what the host has stored is lost");
}

static void check_called(struct world *w)
{
	check_two(w, 5, 8);
	expect(noted(w, MOVES) >= 1, "the page that nobody uses has not been moved");
}

SCENARIO(moved_batch_lent) = {
    .name = "moved-batch-lent",
    .title = "the host's store into one of two pages for a system call against whoever moves both",
    .source = "migrate_batch.c, 3; tlb.c, 4",
    .pairs = "whoever takes a page away × fault",
    .device = true,
    .setup = setup_two,
    .actors = {{"call", call}, {"mover", moved_both}},
    .check = check_called,
    .nr_guards = 1,
    .guards = {RULE_lent_page_stays},
};

/* ---- pages of a file: flushed when I is free again ------------------------------------------ */

static void setup_file(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 2);
	map_file(w, FIRST, 2, PROT_RW, QMAP_SHARED);
	fill(w, FIRST, 5);
	fill(w, SECOND, 6);
	moved_choose(w, FIRST);
	moved_choose_other(w, SECOND);
	cpu_cache(w, 0, w->mm, FIRST);
	cpu_cache(w, 0, w->mm, SECOND);
}

static uint64_t read_page(struct world *w, uint64_t page)
{
	uint64_t value = 0;
	int64_t n = quire_file_read(w->file, page * PAGE, &value, sizeof(value));

	expect(n == sizeof(value), "page %llu of the file is not there", (unsigned long long)page);
	return value;
}

static void check_file(struct world *w)
{
	expect(read_page(w, 0) == 5, "the file's first page has changed");
	expect(read_page(w, 1) == 8, "a store to the file's second page is lost");
}

static void store_and_sync(struct world *w)
{
	uint64_t disk;

	store(w, w->mm, SECOND, 8);
	must(quire_msync(w->mm, FIRST, 2 * PAGE, QMS_SYNC), "msync");
	disk = atomic_load(&w->disk[1]);
	expect(disk == 8, "msync has returned and the disk has %llu", (unsigned long long)disk);
}

SCENARIO(moved_batch_sync) = {
    .name = "moved-batch-sync",
    .title = "a store and msync of two pages of a file against whoever moves both",
    .source = "migrate_batch.c, 1; writeback.c, 8",
    .pairs = "whoever takes a page away × write back",
    .setup = setup_file,
    .actors = {{"thread", store_and_sync}, {"mover", moved_both}},
    .check = check_file,
};

static void store_and_unmap(struct world *w)
{
	store(w, w->mm, SECOND, 8);
	must(quire_munmap(w->mm, FIRST, 2 * PAGE), "munmap");
	expect(read_page(w, 1) == 8, "munmap has returned and a store is lost");
}

SCENARIO(moved_batch_munmap) = {
    .name = "moved-batch-munmap",
    .title = "munmap of two pages of a file, after a store, against whoever moves both",
    .source = "migrate_batch.c, 1; zap.c, 6",
    .pairs = "whoever takes a page away × map, unmap",
    .setup = setup_file,
    .actors = {{"munmap", store_and_unmap}, {"mover", moved_both}},
    .check = check_file,
};

static void truncate_and_store(struct world *w)
{
	truncate_to_one(w);
	expect(cpu_store(w, w->mm, SECOND, 7) == ACCESS_BUS, "a store beyond the file's end");
}

static void check_truncated(struct world *w)
{
	expect(read_page(w, 0) == 5, "the file's first page has changed");
	check_one_page(w);
}

SCENARIO(moved_batch_truncate) = {
    .name = "moved-batch-truncate",
    .title = "truncation of a file, and a store beyond its end, against whoever moves both pages",
    .source = "migrate_batch.c, 1; zap.c, 6",
    .pairs = "whoever takes a page away × truncate",
    .setup = setup_file,
    .actors = {{"truncate", truncate_and_store}, {"mover", moved_both}},
    .check = check_truncated,
};
