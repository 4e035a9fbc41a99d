/* SPDX-License-Identifier: MIT */
/*
 * walk.c: truncation and writeback, which walk a file's mappings, against changes of a mapping
 * that keep its pages or give them back: none is missed, and none is reported to be on the disk
 * while a thread still writes to it.
 *
 * The one that writes back is a thread of another address space (w->child): it waits for no call of
 * w->mm.
 */
#include "check/world/scenario.h"

#define NEAR (w->addr + 4 * PAGE) /* under the same table */

/* ---- truncation ------------------------------------------------------------------------- */

static void setup_two_pages(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 4);
	fill(w, w->addr + PAGE, 5);
}

/* Both pages are of another VMA then. */
static void protect_first(struct world *w)
{
	must(quire_mprotect(w->mm, w->addr, PAGE, PROT_R), "mprotect");
}

static void check_beyond(struct world *w)
{
	expect(!quire_pte(w->mm, w->addr + PAGE), "a page beyond the end is mapped");
	expect(quire_pte(w->mm, w->addr), "a page of the file is not mapped any more");
}

SCENARIO(truncate_mprotect) = {
    .name = "truncate-mprotect",
    .title = "truncation of a file against mprotect of a part of its mapping",
    .source = "locking.md 7",
    .pairs = "protect, lock × truncate",
    .setup = setup_two_pages,
    .actors = {{"mprotect", protect_first}, {"truncate", truncate_to_one}},
    .check = check_beyond,
    .nr_guards = 1,
    .guards = {RULE_linked_throughout},
};

/* ---- writeback: dirty, and writable through the translation that CPU 0 has cached --------- */

static void setup_dirty(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	cpu_cache(w, 0, w->mm, w->addr);
}

static void sync_elsewhere(struct world *w)
{
	must(quire_msync(w->child, w->addr, PAGE, QMS_SYNC), "msync");
}

static void sync_store_sync(struct world *w)
{
	uint64_t disk;

	sync_elsewhere(w);
	if (cpu_store(w, w->mm, w->addr, 9) != ACCESS_OK)
		return;
	sync_elsewhere(w);
	disk = atomic_load(&w->disk[0]);
	expect(disk == 9, "msync has returned and the disk has %llu", (unsigned long long)disk);
}

SCENARIO(sync_mprotect) = {
    .name = "sync-mprotect",
    .title = "msync after a store against mprotect of the page",
    .source = "locking.md 7",
    .pairs = "protect, lock × write back",
    .setup = setup_dirty,
    .actors = {{"thread", sync_store_sync}, {"mprotect", protect_first}},
    .nr_guards = 1,
    .guards = {RULE_linked_throughout},
};

static void move_near(struct world *w)
{
	uint64_t out;

	must(quire_mremap(w->mm, w->addr, PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, NEAR, &out),
	     "mremap");
}

SCENARIO(sync_mremap) = {
    .name = "sync-mremap",
    .title = "msync after a store against mremap of the page",
    .source = "locking.md 7",
    .pairs = "mremap × write back",
    .setup = setup_dirty,
    .actors = {{"thread", sync_store_sync}, {"mremap", move_near}},
    .nr_guards = 2,
    .guards = {RULE_move_holds_i_lock, RULE_move_flush},
};

static void drop(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGE, QMADV_DONTNEED), "madvise");
}

SCENARIO(sync_dontneed) = {
    .name = "sync-dontneed",
    .title = "msync after a store against MADV_DONTNEED of the page",
    .source = "zap.c, 5",
    .pairs = "DONTNEED, FREE × write back",
    .setup = setup_dirty,
    .actors = {{"thread", sync_store_sync}, {"madvise", drop}},
    .nr_guards = 1,
    .guards = {RULE_flush_of_others},
};

static void exit_beside_thread(struct world *w)
{
	quire_mm_exit(w->mm);
}

SCENARIO(sync_exit) = {
    .name = "sync-exit",
    .title = "msync after a store against exit of the process that has stored",
    .source = "zap.c, 5",
    .pairs = "exit × write back",
    .setup = setup_dirty,
    .actors = {{"thread", sync_store_sync}, {"exit", exit_beside_thread}},
    .nr_guards = 1,
    .guards = {RULE_flush_of_others},
};

static void fork_again(struct world *w)
{
	struct quire_mm *mm;

	must(quire_mm_fork(w->mm, NULL, &mm), "fork");
	quire_mm_put(mm);
}

SCENARIO(sync_fork) = {
    .name = "sync-fork",
    .title = "msync after a store against fork, which links a VMA of the file, and its exit",
    .source = "locking.md 7",
    .pairs = "fork × write back",
    .setup = setup_dirty,
    .actors = {{"thread", sync_store_sync}, {"fork", fork_again}},
};
