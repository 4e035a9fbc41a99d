/* SPDX-License-Identifier: MIT */
/*
 * sync.c: two threads write the same page back, and a third stores through a translation that
 * one of the two has not flushed yet.
 *
 * The one cleans the entry.  The other finds the page dirty, writes it, and it is clean.  Then
 * comes the store, of which no fault tells.  It takes three preemptions.
 */
#include "check/world/scenario.h"

static void setup_clean(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	expect(!quire_fault(w->mm, w->addr, QUIRE_READ, NULL), "a fault fails");
}

static void sync_it(struct world *w)
{
	must(quire_file_sync(w->file), "sync");
}

static void store_twice(struct world *w)
{
	store(w, w->mm, w->addr, 5);
	store(w, w->mm, w->addr, 6);
	note(w, 0, 1);
}

static void check_stored(struct world *w)
{
	sync_it(w);
	expect(w->disk[0] == 6, "the disk has %llu after all: lost",
	       (unsigned long long)w->disk[0]);
}

SCENARIO(sync_sync_store) = {
    .name = "sync-sync-store",
    .title = "stores beside two threads that write the page back",
    .source = "writeback.c, 8",
    .pairs = "write back × write back",
    .bound = 3,
    .setup = setup_clean,
    .actors = {{"sync 1", sync_it}, {"thread", store_twice}, {"sync 2", sync_it}},
    .check = check_stored,
    .nr_guards = 1,
    .guards = {RULE_cleaned_under_lock},
};

static void sync_what_is_stored(struct world *w)
{
	uint64_t stored = noted(w, 0);

	sync_it(w);
	expect(!stored || atomic_load(&w->disk[0]) == 6,
	       "both stores came before the sync, and the disk has %llu",
	       (unsigned long long)atomic_load(&w->disk[0]));
}

SCENARIO(sync_after_store) = {
    .name = "sync-after-store",
    .title = "a sync that comes after stores, beside another sync",
    .source = "writeback.c, 8",
    .pairs = "write back × write back",
    .bound = 3,
    .setup = setup_clean,
    .actors = {{"sync 1", sync_what_is_stored},
	       {"thread", store_twice},
	       {"sync 2", sync_what_is_stored}},
    .check = check_stored,
    .nr_guards = 1,
    .guards = {RULE_cleaned_under_lock},
};

/* ---- an error ----------------------------------------------------------------------------- */

static int fails_first(void *priv, uint64_t pgoff, const void *mem)
{
	struct world *w = priv;

	if (!noted(w, 1)) {
		note(w, 1, 1);
		STEP("fails to write page %lu", pgoff);
		return -QEIO;
	}
	atomic_store(&w->disk[pgoff], atomic_load((const uint64_t *)mem));
	return 0;
}

static void setup_bad_disk(struct world *w)
{
	static const struct quire_file_ops ops = {.write_page = fails_first};
	struct quire_file_options o = {.size = sizeof(o), .ops = &ops, .priv = w};

	o.kind = QUIRE_FILE_PAGECACHE;
	o.writable = true;
	o.bytes = PAGE;
	must(quire_file_create(w->m, &o, &w->file), "file");
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 6);
}

/* A thread that finds the page clean has it on the disk. */
static void sync_with_error(struct world *w)
{
	uint64_t disk;

	if (quire_file_sync(w->file))
		return;
	disk = atomic_load(&w->disk[0]);
	expect(disk == 6, "sync succeeds and the disk has %llu", (unsigned long long)disk);
}

SCENARIO(sync_error) = {
    .name = "sync-error",
    .title = "two threads write a page back, and the first finds that the disk fails",
    .source = "writeback.c, 4",
    .pairs = "write back × write back",
    .setup = setup_bad_disk,
    .actors = {{"sync 1", sync_with_error}, {"sync 2", sync_with_error}},
    .check = check_stored,
    .nr_guards = 1,
    .guards = {RULE_unwritten_stays_dirty},
};

/* ---- the host's stores --------------------------------------------------------------------- */

/* The host stores for a system call: it has the translation even after the flush. */
static void call(struct world *w)
{
	if (!device_begin(w, w->mm, w->addr))
		return;
	device_end(w, 7);
	note(w, 0, 1);
}

static void check_call(struct world *w)
{
	sync_it(w);
	expect(!noted(w, 0) || w->disk[0] == 7, "the disk has %llu after all: lost",
	       (unsigned long long)w->disk[0]);
}

SCENARIO(lent_sync_sync) = {
    .name = "lent-sync-sync",
    .title = "two threads write back a page into which the host stores for a system call",
    .source = "writeback.c, 7 and 8",
    .pairs = "the host's stores for a system call × write back",
    .bound = 3,
    .device = true,
    .setup = setup_clean,
    .actors = {{"sync 1", sync_it}, {"call", call}, {"sync 2", sync_it}},
    .check = check_call,
    .nr_guards = 1,
    .guards = {RULE_cleaned_under_lock},
};
