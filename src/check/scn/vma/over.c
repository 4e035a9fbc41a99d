/* SPDX-License-Identifier: MIT */
/*
 * over.c: a mapping over another, of which the one is of a file that is truncated or written
 * back meanwhile.
 *
 * Truncation and writeback walk the VMAs of their file and what lies in their ranges.  While one
 * mapping takes the place of another, both have the range: what the one's file does must not be
 * done to the other's pages.  Names: over-truncate-old-external is truncation of the old mapping's
 * file, where the new mapping, whose pages are at risk, is of an external file.
 *
 * w->file is truncated or written back; the pages at risk are anonymous or w->other's.  A thread of
 * another address space writes back: it waits for no mmap of this one.
 *
 * There is no over-sync-old-cached: to miss a store it takes three preemptions (the new mapping
 * lives, its page is dirty and writable, and is clean but not flushed).
 */
#include "check/world/scenario.h"

#define SECOND (w->addr + 16 * PAGE) /* another mapping of w->file */
#define THIRD (w->addr + 17 * PAGE)  /* and of w->other */

static void truncate_file(struct world *w)
{
	must(quire_file_truncate(w->file, 0), "truncate");
}

static void sync_file(struct world *w)
{
	must(quire_msync(w->child, SECOND, PAGE, QMS_SYNC), "msync of the file");
}

static void sync_other(struct world *w)
{
	must(quire_msync(w->child, THIRD, PAGE, QMS_SYNC), "msync of the other file");
}

static void fork_for_sync(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

/* ---- the old mapping's file is truncated: the new mapping keeps what was stored ------------- */

static void setup_old_cached(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
}

static void map_anon_over(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
}

/* To the second word of a mapping whose first is `first`, which the old mapping's is not. */
static void store_and_truncate(struct world *w, uint64_t first)
{
	uint64_t value = 0;

	if (cpu_store(w, w->mm, w->addr + 8, 6) != ACCESS_OK ||
	    cpu_load(w, w->mm, w->addr, &value) != ACCESS_OK || value != first)
		return;
	store(w, w->mm, w->addr + 8, 7);
	truncate_file(w);
	value = load(w, w->mm, w->addr + 8);
	expect(value == 7, "a store to the new mapping is lost: %llu is loaded",
	       (unsigned long long)value);
}

static void use_anon(struct world *w)
{
	store_and_truncate(w, 0);
}

SCENARIO(over_truncate_old_anon) = {
    .name = "over-truncate-old-anon",
    .title = "anonymous memory mapped over a file that is truncated",
    .source = "locking.md 7",
    .pairs = "map, unmap × truncate",
    .setup = setup_old_cached,
    .actors = {{"mmap", map_anon_over}, {"thread", use_anon}},
    .nr_guards = 1,
    .guards = {RULE_unlinked_before_life},
};

static void setup_old_cached_other_cached(struct world *w)
{
	setup_old_cached(w);
	make_other(w, QUIRE_FILE_PAGECACHE, 1);
	map_other(w, THIRD, 1, PROT_RW, QMAP_PRIVATE);
	quire_fault(w->mm, THIRD, QUIRE_READ, NULL); /* it is in the cache */
}

static void map_other_over(struct world *w)
{
	map_other(w, w->addr, 1, PROT_RW, QMAP_PRIVATE);
}

static void use_other(struct world *w)
{
	store_and_truncate(w, 11);
}

SCENARIO(over_truncate_old_cached) = {
    .name = "over-truncate-old-cached",
    .title = "a cached file mapped privately over one that is truncated",
    .source = "locking.md 7",
    .pairs = "map, unmap × truncate",
    .setup = setup_old_cached_other_cached,
    .actors = {{"mmap", map_other_over}, {"thread", use_other}},
    .nr_guards = 1,
    .guards = {RULE_unlinked_before_life},
};

static void setup_both_external(struct world *w)
{
	make_file(w, QUIRE_FILE_EXTERNAL, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_PRIVATE);
	make_other(w, QUIRE_FILE_EXTERNAL, 1);
}

SCENARIO(over_truncate_old_external) = {
    .name = "over-truncate-old-external",
    .title = "an external file mapped privately over one that is truncated",
    .source = "locking.md 7",
    .pairs = "map, unmap × truncate",
    .setup = setup_both_external,
    .actors = {{"mmap", map_other_over}, {"thread", use_other}},
    .nr_guards = 1,
    .guards = {RULE_unlinked_before_life},
};

/* ---- the new mapping's file is truncated: the old mapping keeps what it has until it goes ---- */

static void setup_over_anon(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 1);
	map_anon(w, w->addr, 1, PROT_RW);
}

static void map_file_over(struct world *w)
{
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
}

/* Stored to the old mapping, it is there until that is gone: then there is nothing any more. */
static void store_truncate_load(struct world *w)
{
	uint64_t value;

	if (cpu_store(w, w->mm, w->addr + 8, 7) != ACCESS_OK)
		return;
	truncate_file(w);
	if (cpu_load(w, w->mm, w->addr + 8, &value) == ACCESS_OK)
		expect(value == 7, "a store to the old mapping is lost: %llu is loaded",
		       (unsigned long long)value);
}

SCENARIO(over_truncate_new_anon) = {
    .name = "over-truncate-new-anon",
    .title = "a file that is truncated mapped over anonymous memory",
    .source = "locking.md 7",
    .pairs = "map, unmap × truncate",
    .setup = setup_over_anon,
    .actors = {{"mmap", map_file_over}, {"thread", store_truncate_load}},
    .nr_guards = 1,
    .guards = {RULE_linked_when_empty},
};

static void setup_over_external(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 1);
	make_other(w, QUIRE_FILE_EXTERNAL, 1);
	map_other(w, w->addr, 1, PROT_RW, QMAP_PRIVATE);
}

SCENARIO(over_truncate_new_external) = {
    .name = "over-truncate-new-external",
    .title = "a file that is truncated mapped over a private mapping of an external one",
    .source = "locking.md 7",
    .pairs = "map, unmap × truncate",
    .setup = setup_over_external,
    .actors = {{"mmap", map_file_over}, {"thread", store_truncate_load}},
    .nr_guards = 1,
    .guards = {RULE_linked_when_empty},
};

/* A page of w->other, dirty, and writable through the translation that CPU 0 has cached. */
static void setup_dirty_other(struct world *w, enum quire_file_kind over)
{
	make_file(w, over, 1);
	map_file(w, SECOND, 1, PROT_RW, QMAP_SHARED);
	make_other(w, QUIRE_FILE_PAGECACHE, 1);
	map_other(w, THIRD, 1, PROT_RW, QMAP_SHARED);
	map_other(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	fork_for_sync(w);
	cpu_cache(w, 0, w->mm, w->addr);
}

static void setup_external_over_dirty(struct world *w)
{
	setup_dirty_other(w, QUIRE_FILE_EXTERNAL);
}

static void sync_and_store(struct world *w)
{
	sync_other(w);
	store(w, w->mm, w->addr, 9);
}

static uint64_t on_device(struct world *w)
{
	return *(const uint64_t *)(const void *)(w->ram + w->device_pfn * PAGE);
}

/* The store was to the one file or to the other. */
static void check_device_or_disk(struct world *w)
{
	sync_other(w);
	expect(w->other_disk[0] == 9 || on_device(w) == 9,
	       "page 0 of the other disk is %llu after all: a store is lost",
	       (unsigned long long)w->other_disk[0]);
}

SCENARIO(over_truncate_new_cached) = {
    .name = "over-truncate-new-cached",
    .title = "an external file that is truncated mapped over a dirty page that is written back",
    .source = "locking.md 7; commit 1cf35d47712d",
    .pairs = "map, unmap × truncate",
    .setup = setup_external_over_dirty,
    .actors = {{"thread", sync_and_store}, {"mmap", map_file_over}, {"truncate", truncate_file}},
    .check = check_device_or_disk,
    .nr_guards = 1,
    .guards = {RULE_linked_when_empty},
};

/* ---- a file is written back: the core looks into no frame of the device (pfn_folio()) ------- */

static void setup_old_dirty(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, SECOND, 1, PROT_RW, QMAP_SHARED);
	fork_for_sync(w);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	make_other(w, QUIRE_FILE_EXTERNAL, 1);
}

static void map_other_shared_over(struct world *w)
{
	map_other(w, w->addr, 1, PROT_RW, QMAP_SHARED);
}

static void store_and_sync_file(struct world *w)
{
	store(w, w->mm, w->addr, 7);
	sync_file(w);
}

static void check_stored(struct world *w)
{
	expect(w->disk[0] == 7 || w->disk[0] == 5, "the disk has %llu",
	       (unsigned long long)w->disk[0]);
}

SCENARIO(over_sync_old_external) = {
    .name = "over-sync-old-external",
    .title = "an external file mapped over one that is written back",
    .source = "locking.md 7",
    .pairs = "map, unmap × write back",
    .setup = setup_old_dirty,
    .actors = {{"mmap", map_other_shared_over}, {"thread", store_and_sync_file}},
    .check = check_stored,
    .nr_guards = 1,
    .guards = {RULE_unlinked_before_life},
};

static void setup_over_written_external(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, SECOND, 1, PROT_RW, QMAP_SHARED);
	fork_for_sync(w);
	fill(w, SECOND, 5);
	make_other(w, QUIRE_FILE_EXTERNAL, 1);
	map_other(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	quire_fault(w->mm, w->addr, QUIRE_WRITE, NULL);
}

SCENARIO(over_sync_new_external) = {
    .name = "over-sync-new-external",
    .title = "a file that is written back mapped over a written page of an external one",
    .source = "locking.md 7",
    .pairs = "map, unmap × write back",
    .setup = setup_over_written_external,
    .actors = {{"mmap", map_file_over}, {"msync", sync_file}},
    .nr_guards = 1,
    .guards = {RULE_linked_when_empty},
};

static void setup_cached_over_dirty(struct world *w)
{
	setup_dirty_other(w, QUIRE_FILE_PAGECACHE);
}

/* Stored to the other file and written back, or stored to the new mapping. */
static void sync_store_and_sync(struct world *w)
{
	uint64_t disk, cached = 0;

	sync_and_store(w);
	sync_other(w);
	disk = atomic_load(&w->other_disk[0]);
	quire_file_read(w->file, 0, &cached, sizeof(cached));
	expect(disk == 9 || cached == 9, "msync has returned and the disk has %llu",
	       (unsigned long long)disk);
}

static void check_either_disk(struct world *w)
{
	sync_other(w);
	sync_file(w);
	expect(w->disk[0] == 9 || w->other_disk[0] == 9,
	       "the disks have %llu and %llu after all: a store is lost",
	       (unsigned long long)w->disk[0], (unsigned long long)w->other_disk[0]);
}

SCENARIO(over_sync_new_cached) = {
    .name = "over-sync-new-cached",
    .title = "two files written back, of which the one is mapped over a dirty page of the other",
    .source = "locking.md 7",
    .pairs = "map, unmap × write back; write back × write back",
    .setup = setup_cached_over_dirty,
    .actors = {{"thread", sync_store_and_sync}, {"mmap", map_file_over}, {"msync", sync_file}},
    .check = check_either_disk,
};
