/* SPDX-License-Identifier: MIT */
/*
 * moved_file.c: whoever moves a page of a file's cache to another frame, against what is done to
 * the page, the file and its mappings.
 */
#include "check/scn/memory/mover.h"

#define SECOND (w->addr + 16 * PAGE) /* another mapping of the file */

/* Dirty, and writable through the translation that CPU 0 has cached. */
static void setup(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
	map_file(w, SECOND, 2, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	moved_choose(w, w->addr);
	cpu_cache(w, 0, w->mm, w->addr);
}

static uint64_t read_word(struct world *w)
{
	uint64_t value = 0;
	int64_t n = quire_file_read(w->file, 0, &value, sizeof(value));

	expect(n == sizeof(value), "a read gives %lld", (long long)n);
	return value;
}

static void check_nine(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 9 && read_word(w) == 9, "a store is lost");
	must(quire_msync(w->mm, w->addr, PAGE, QMS_SYNC), "msync");
	expect(w->disk[0] == 9, "the disk has %llu", (unsigned long long)w->disk[0]);
}

/* ---- accesses -------------------------------------------------------------------------------- */

/* The second mapping has no entry yet: the page is found in the cache. */
static void store_twice(struct world *w)
{
	store(w, w->mm, w->addr, 8);
	expect(load(w, w->mm, SECOND) == 8, "the other mapping does not show it");
	store(w, w->mm, SECOND, 9);
	expect(load(w, w->mm, w->addr) == 9, "the first mapping does not show it");
}

SCENARIO(moved_file_store) = {
    .name = "moved-file-store",
    .title = "stores by two mappings of a file's page against whoever moves it to another frame",
    .source = "filemap.c, 5; migrate.c, 2",
    .pairs = "whoever takes a page away × fault",
    .setup = setup,
    .actors = {{"thread", store_twice}, {"mover", moved_page}},
    .check = check_nine,
    .nr_guards = 3,
    .guards = {RULE_mapped_if_referenced, RULE_moved_page_is_flushed, RULE_moved_if_alone},
};

/* The old frame is another page's as soon as it may be. */
static void move_and_use(struct world *w)
{
	moved_page(w);
	map_anon(w, SECOND + 16 * PAGE, 1, PROT_RW);
	store(w, w->mm, SECOND + 16 * PAGE, 77);
}

static void load_second(struct world *w)
{
	uint64_t value = load(w, w->mm, SECOND);

	expect(value == 5, "the file's page reads %llu", (unsigned long long)value);
}

SCENARIO(moved_file_fault) = {
    .name = "moved-file-fault",
    .title = "a fault that finds a page in the cache against whoever moves it and uses its frame",
    .source = "filemap.c, 5; filecache.c, 6",
    .pairs = "whoever takes a page away × fault",
    .setup = setup,
    .actors = {{"thread", load_second}, {"mover", move_and_use}},
    .nr_guards = 2,
    .guards = {RULE_mapped_if_referenced, RULE_rcu_free_cached_pages},
};

static void read_and_write(struct world *w)
{
	const uint64_t nine = 9;
	uint64_t value = read_word(w);

	expect(value == 5, "a read gives %llu", (unsigned long long)value);
	expect(quire_file_write(w->file, 0, &nine, sizeof(nine)) == sizeof(nine), "write");
	expect(load(w, w->mm, w->addr) == 9, "the mapping does not show what was written");
}

SCENARIO(moved_file_write) = {
    .name = "moved-file-write",
    .title = "a read and a write of a page against whoever moves it to another frame",
    .source = "filecache.c, 5; migrate.c, 2",
    .pairs = "whoever takes a page away × read, write",
    .setup = setup,
    .actors = {{"write", read_and_write}, {"mover", moved_page}},
    .check = check_nine,
    .nr_guards = 1,
    .guards = {RULE_moved_if_alone},
};

/* A private mapping that has only read the page: it has no part in what is stored later. */
static void setup_private(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_PRIVATE);
	load(w, w->mm, w->addr);
	moved_choose(w, w->addr);
	cpu_cache(w, 0, w->mm, w->addr);
}

static void store_nine(struct world *w)
{
	store(w, w->mm, w->addr, 9);
}

static void check_private(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 9, "a store is lost");
	expect(read_word(w) == 1, "the file's page has changed");
}

SCENARIO(moved_file_private) = {
    .name = "moved-file-private",
    .title = "a copy on write of a file's page against whoever moves that to another frame",
    .source = "migrate.c, 2",
    .pairs = "whoever takes a page away × fault",
    .setup = setup_private,
    .actors = {{"thread", store_nine}, {"mover", moved_page}},
    .check = check_private,
};

/* ---- writing back ---------------------------------------------------------------------------- */

static void store_and_sync(struct world *w)
{
	uint64_t disk;

	store(w, w->mm, w->addr, 9);
	must(quire_msync(w->mm, w->addr, PAGE, QMS_SYNC), "msync");
	disk = atomic_load(&w->disk[0]);
	expect(disk == 9, "msync has returned and the disk has %llu", (unsigned long long)disk);
}

SCENARIO(moved_file_store_sync) = {
    .name = "moved-file-store-sync",
    .title = "a store and msync of it against whoever moves the page to another frame",
    .source = "migrate.c, 4; writeback.c, 8",
    .pairs = "whoever takes a page away × write back",
    .setup = setup,
    .actors = {{"thread", store_and_sync}, {"mover", moved_page}},
    .check = check_nine,
};

static void store_again(struct world *w)
{
	store(w, w->mm, w->addr, 8);
	store(w, w->mm, w->addr, 9);
}

static void sync_file(struct world *w)
{
	must(quire_file_sync(w->file), "sync");
}

/* What comes back writable after the page was cleaned is noted by no fault. */
SCENARIO(moved_file_sync) = {
    .name = "moved-file-sync",
    .title = "stores to a page that is written back against whoever moves it to another frame",
    .source = "migrate.c, 4; writeback.c, 2",
    .pairs = "whoever takes a page away × write back",
    .setup = setup,
    .actors = {{"thread", store_again}, {"sync", sync_file}, {"mover", moved_page}},
    .check = check_nine,
    .nr_guards = 1,
    .guards = {RULE_moved_page_is_locked},
};

/* ---- the file and its mappings -------------------------------------------------------------- */

static void setup_second(struct world *w)
{
	setup(w);
	fill(w, w->addr + PAGE, 6);
	moved_choose(w, w->addr + PAGE);
	cpu_cache(w, 0, w->mm, w->addr + PAGE);
	must(quire_munmap(w->mm, SECOND, 2 * PAGE), "munmap");
}

SCENARIO(moved_file_truncate) = {
    .name = "moved-file-truncate",
    .title = "truncation of a file against whoever moves its last page to another frame",
    .source = "truncate.c, 1; migrate.c, 3",
    .pairs = "whoever takes a page away × truncate",
    .setup = setup_second,
    .actors = {{"truncate", truncate_to_one}, {"mover", moved_page}},
    .check = check_one_page,
};

/* A fault maps what the cache has around it, too: also a page that is on its way, or going. */
static void setup_around(struct world *w)
{
	setup_second(w);
	map_file(w, SECOND, 2, PROT_R, QMAP_SHARED);
}

SCENARIO(moved_file_around) = {
    .name = "moved-file-around",
    .title = "truncation and a fault beside the file's last page against whoever moves that",
    .source = "truncate.c, 1; filemap.c, 5",
    .pairs = "whoever takes a page away × truncate; whoever takes a page away × fault",
    .bound = 1,
    .setup = setup_around,
    .actors = {{"reader", load_second}, {"truncate", truncate_to_one}, {"mover", moved_page}},
    .check = check_one_page,
};

static void unmap(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, 2 * PAGE), "munmap");
}

static void check_five(struct world *w)
{
	uint64_t value = read_word(w);

	expect(value == 5, "the file's page reads %llu", (unsigned long long)value);
}

SCENARIO(moved_file_munmap) = {
    .name = "moved-file-munmap",
    .title = "munmap of a file's page against whoever moves it to another frame",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × map, unmap",
    .setup = setup,
    .actors = {{"munmap", unmap}, {"mover", moved_page}},
    .check = check_five,
};

/* The file ends with its last mapping: its pages go, wherever they are. */
static void setup_last(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	moved_choose(w, w->addr);
	quire_file_put(w->file);
}

static void unmap_last(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

SCENARIO(moved_file_end) = {
    .name = "moved-file-end",
    .title = "the end of a file against whoever moves its page to another frame",
    .source = "file.h, 1; migrate.c, 3",
    .pairs = "whoever takes a page away × map, unmap",
    .setup = setup_last,
    .actors = {{"munmap", unmap_last}, {"mover", moved_page}},
    .check = expect_released,
    .nr_guards = 2,
    .guards = {RULE_ended_file_is_left, RULE_pages_disowned_first},
};
