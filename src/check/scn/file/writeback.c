/* SPDX-License-Identifier: MIT */
/*
 * writeback.c: pages that are written back.
 */
#include "check/world/scenario.h"

#define SECOND (w->addr + 16 * PAGE) /* another mapping of the file */

/* Dirty, and writable through the translation that CPU 0 has cached. */
static void setup_dirty(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	cpu_cache(w, 0, w->mm, w->addr);
}

static void setup_dirty_twice(struct world *w)
{
	setup_dirty(w);
	map_file(w, SECOND, 1, PROT_RW, QMAP_SHARED);
}

static void store_nine(struct world *w)
{
	if (cpu_store(w, w->mm, w->addr, 9) == ACCESS_OK)
		note(w, 0, 1);
}

static void sync_first(struct world *w)
{
	must(quire_msync(w->mm, w->addr, PAGE, QMS_SYNC), "msync");
}

static void sync_second(struct world *w)
{
	must(quire_msync(w->mm, SECOND, PAGE, QMS_SYNC), "msync");
}

/* What was stored and is dirty no more is on the disk. */
static void check_stored(struct world *w, uint64_t addr)
{
	must(quire_msync(w->mm, addr, PAGE, QMS_SYNC), "msync");
	expect(w->disk[0] == (noted(w, 0) ? 9 : 5), "page 0 of the disk is %llu after all: lost",
	       (unsigned long long)w->disk[0]);
}

static void check_first(struct world *w)
{
	check_stored(w, w->addr);
}

static void check_second(struct world *w)
{
	check_stored(w, SECOND);
}

SCENARIO(io_write) = {
    .name = "io-write",
    .title = "a store through a cached translation against writing the page back",
    .source = "writeback.c, 1",
    .pairs = "fault × write back",
    .setup = setup_dirty,
    .actors = {{"thread", store_nine}, {"msync", sync_first}},
    .check = check_first,
    .nr_guards = 2,
    .guards = {RULE_writeback_flush, RULE_clean_before_entries},
};

static void unmap_first(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

SCENARIO(io_write_munmap) = {
    .name = "io-write-munmap",
    .title = "writing a page back against munmap of it, before its flush",
    .source = "commit 1cf35d47712d",
    .pairs = "map, unmap × write back",
    .setup = setup_dirty_twice,
    .actors = {{"thread", store_nine}, {"munmap", unmap_first}, {"msync", sync_second}},
    .check = check_second,
};

/* The msync of both pages is past its flush and writes the first. */
static void setup_two_dirty(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
	map_file(w, SECOND, 2, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	fill(w, w->addr + PAGE, 5);
	io_gate(w);
}

static void sync_both(struct world *w)
{
	must(quire_msync(w->mm, SECOND, 2 * PAGE, QMS_SYNC), "msync");
}

static void store_again(struct world *w)
{
	bool stored = cpu_store(w, w->mm, w->addr + PAGE, 8) == ACCESS_OK;

	io_allow(w);
	if (stored && cpu_store(w, w->mm, w->addr + PAGE, 9) == ACCESS_OK)
		note(w, 0, 1);
}

static void unmap_second_page(struct world *w)
{
	must(quire_munmap(w->mm, w->addr + PAGE, PAGE), "munmap");
}

static void check_second_page(struct world *w)
{
	sync_both(w);
	expect(!noted(w, 0) || w->disk[1] == 9, "page 1 of the disk is %llu after all: lost",
	       (unsigned long long)w->disk[1]);
}

SCENARIO(io_write_munmap_new) = {
    .name = "io-write-munmap-new",
    .title = "munmap of a page that was mapped after the flush of the thread that writes it back",
    .source = "commit 1cf35d47712d; writeback.c, 2",
    .pairs = "map, unmap × write back",
    .setup = setup_two_dirty,
    .actors = {{"msync", sync_both}, {"thread", store_again}, {"munmap", unmap_second_page}},
    .check = check_second_page,
};

static void store_and_sync(struct world *w)
{
	uint64_t disk;

	if (cpu_store(w, w->mm, w->addr, 9) != ACCESS_OK)
		return;
	sync_first(w);
	disk = atomic_load(&w->disk[0]);
	expect(disk == 9, "msync has returned and the disk has %llu", (unsigned long long)disk);
}

SCENARIO(io_sync_sync) = {
    .name = "io-sync-sync",
    .title = "msync of a page that another msync writes",
    .source = "writeback.c, 5",
    .pairs = "write back × write back",
    .setup = setup_dirty,
    .actors = {{"thread", store_and_sync}, {"msync", sync_first}},
    .nr_guards = 1,
    .guards = {RULE_wait_for_writeback},
};

/* msync waits for a munmap of the same mm, not for that of another. */
static void setup_dirty_elsewhere(struct world *w)
{
	setup_dirty(w);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	cpu_cache(w, 0, w->mm, w->addr);
}

static void sync_elsewhere(struct world *w)
{
	must(quire_msync(w->child, w->addr, PAGE, QMS_SYNC), "msync");
}

static void sync_twice(struct world *w)
{
	uint64_t stored;

	sync_elsewhere(w);
	stored = noted(w, 0);
	sync_elsewhere(w);
	expect(!stored || atomic_load(&w->disk[0]) == 9, "msync has returned and the disk has %llu",
	       (unsigned long long)atomic_load(&w->disk[0]));
}

SCENARIO(io_sync_munmap) = {
    .name = "io-sync-munmap",
    .title = "msync against a store through a translation that munmap has not flushed yet",
    .source = "zap.c, 5",
    .pairs = "map, unmap × write back",
    .setup = setup_dirty_elsewhere,
    .actors = {{"thread", store_nine}, {"munmap", unmap_first}, {"msync", sync_twice}},
    .nr_guards = 1,
    .guards = {RULE_flush_of_others},
};

static void truncate_to_none(struct world *w)
{
	must(quire_file_truncate(w->file, 0), "truncate");
	note(w, FILE_SIZE, 0);
}

SCENARIO(io_write_truncate) = {
    .name = "io-write-truncate",
    .title = "writing a page back against truncation of it",
    .source = "truncate.c, 3",
    .pairs = "truncate × write back",
    .setup = setup_dirty,
    .actors = {{"msync", sync_first}, {"truncate", truncate_to_none}},
    .nr_guards = 2,
    .guards = {RULE_writeback_looks_again, RULE_page_before_tree},
};

static void remove_first(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGE, QMADV_REMOVE), "madvise");
}

static void check_hole(struct world *w)
{
	uint64_t value = 1;

	cpu_load(w, w->mm, w->addr, &value);
	expect(!value && !w->disk[0], "the hole reads %llu, on the disk %llu",
	       (unsigned long long)value, (unsigned long long)w->disk[0]);
}

SCENARIO(io_write_remove) = {
    .name = "io-write-remove",
    .title = "writing a page back against MADV_REMOVE of it",
    .source = "hole.c, 1 and 2",
    .pairs = "truncate × write back",
    .setup = setup_dirty,
    .actors = {{"msync", sync_first}, {"remove", remove_first}},
    .check = check_hole,
    .nr_guards = 2,
    .guards = {RULE_writeback_leaves_holes, RULE_hole_waits_for_writeback},
};

/* Of the part of a page that a disk has of it. */
static void zero_part(struct world *w)
{
	STEP("zeroes the part on the disk");
	atomic_store(&w->disk[0], 0);
	must(quire_file_punch(w->file, 0, sizeof(w->disk[0])), "punch");
}

static void check_synced_hole(struct world *w)
{
	sync_first(w);
	check_hole(w);
}

SCENARIO(io_write_punch) = {
    .name = "io-write-punch",
    .title = "writing a page back against a hole in part of it",
    .source = "truncate.c, 5",
    .pairs = "truncate × write back",
    .setup = setup_dirty,
    .actors = {{"msync", sync_first}, {"punch", zero_part}},
    .check = check_synced_hole,
    .nr_guards = 1,
    .guards = {RULE_zeroed_is_dirty},
};

/* A thread that sees the hole, stores and syncs has its store on the disk. */
static void store_into_hole(struct world *w)
{
	uint64_t value = 1;

	if (cpu_load(w, w->mm, w->addr, &value) == ACCESS_OK && !value)
		store_and_sync(w);
}

SCENARIO(io_remove_store) = {
    .name = "io-remove-store",
    .title = "a store into the hole, and msync of it, before MADV_REMOVE returns",
    .source = "hole.c, 3",
    .pairs = "truncate × write back",
    .setup = setup_dirty,
    .actors = {{"remove", remove_first}, {"thread", store_into_hole}},
    .nr_guards = 1,
    .guards = {RULE_writeback_waits_for_hole},
};

/* Of the last reference on the file: written back when the VMA is freed. */
static void close_file(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
	quire_file_put(w->file);
}

static void check_closed(struct world *w)
{
	expect_released(w);
	expect(w->disk[0] == (noted(w, 0) ? 9 : 5), "the closed file has %llu on the disk: lost",
	       (unsigned long long)w->disk[0]);
}

SCENARIO(io_close) = {
    .name = "io-close",
    .title = "a store through a cached translation against munmap and the last close",
    .source = "file.c, 2",
    .pairs = "fault × write back; map, unmap × write back",
    .setup = setup_dirty,
    .actors = {{"thread", store_nine}, {"close", close_file}},
    .check = check_closed,
};

static void store_through_pin(struct world *w)
{
	struct quire_pin pin;

	must(quire_pin(w->mm, w->addr, QUIRE_WRITE, &pin), "pin");
	atomic_store((uint64_t *)pin.mem, 9);
	STEP("stores 9 through the pin");
	note(w, 0, 1);
	quire_unpin(w->m, &pin);
}

SCENARIO(io_pin) = {
    .name = "io-pin",
    .title = "a store through a pin against writing the page back",
    .source = "pin.c",
    .pairs = "fault × write back",
    .setup = setup_dirty,
    .actors = {{"pin", store_through_pin}, {"msync", sync_first}},
    .check = check_first,
    .nr_guards = 1,
    .guards = {RULE_unpin_dirties},
};
