/* SPDX-License-Identifier: MIT */
/*
 * moved_lent.c: whoever would move a page to another frame that a system call has been lent: what
 * the host stores into it is not lost.
 */
#include "check/scn/memory/mover.h"

#define FAR (w->addr + 1024 * PAGE) /* under another table */

static void call(struct world *w)
{
	if (device_begin(w, w->mm, w->addr))
		device_end(w, 9);
	expect(load(w, w->mm, w->addr) == 9, "what the host has stored is lost");
}

static void check_nine(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 9, "a store is lost");
}

SCENARIO(moved_lent) = {
    .name = "moved-lent",
    .title = "the host's store for a system call against whoever moves the page to another frame",
    .source = "migrate.c, 1; tlb.c, 4",
    .pairs = "whoever takes a page away × fault",
    .device = true,
    .setup = moved_setup,
    .actors = {{"call", call}, {"mover", moved_page}},
    .check = check_nine,
    .nr_guards = 1,
    .guards = {RULE_lent_page_stays},
};

/* ---- lent by an address that the page has no more ------------------------------------------- */

/* The host knows the frame. */
static void setup_begun(struct world *w)
{
	moved_setup(w);
	must(!device_begin(w, w->mm, w->addr), "lending the page");
}

static void end_call(struct world *w)
{
	device_end(w, 9);
}

static void move(struct world *w)
{
	uint64_t to;

	must(quire_mremap(w->mm, w->addr, PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, FAR, &to),
	     "mremap");
}

static void check_far(struct world *w)
{
	expect(peek(w, w->mm, FAR) == 9, "what the host has stored is lost");
}

SCENARIO(moved_lent_mremap) = {
    .name = "moved-lent-mremap",
    .title = "the host's store into a page that mremap moves against whoever moves it to another "
	     "frame",
    .source = "locking.md, 17; tlb.c, 4",
    .pairs = "whoever takes a page away × mremap; the host's stores for a system call × mremap",
    .device = true,
    .setup = setup_begun,
    .actors = {{"call", end_call}, {"mremap", move}, {"mover", moved_page}},
    .check = check_far,
    .nr_guards = 4,
    .guards = {RULE_lent_marked_first, RULE_lent_moves, RULE_lent_on_its_way,
	       RULE_lent_asked_again},
};

static void unmap(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

/* Its frame is not free for others while the host may still store to it. */
SCENARIO(moved_lent_munmap) = {
    .name = "moved-lent-munmap",
    .title = "the host's store into a page that munmap frees against whoever moves it",
    .source = "locking.md, 17; tlb.c, 4",
    .pairs = "whoever takes a page away × map, unmap; the host's stores for a system call × map, "
	     "unmap",
    .device = true,
    .setup = setup_begun,
    .actors = {{"call", end_call}, {"munmap", unmap}, {"mover", moved_page}},
    .nr_guards = 2,
    .guards = {RULE_lent_on_its_way, RULE_lent_is_marked},
};

static void setup_file(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
	moved_choose(w, w->addr);
	must(!device_begin(w, w->mm, w->addr), "lending the page");
}

static void check_file(struct world *w)
{
	uint64_t value = 0;
	int64_t n = quire_file_read(w->file, 0, &value, sizeof(value));

	expect(n == sizeof(value) && value == 9, "the file has %llu: the host's store is lost",
	       (unsigned long long)value);
}

SCENARIO(moved_lent_file) = {
    .name = "moved-lent-file",
    .title = "the host's store into a file's page that munmap takes out against whoever moves it",
    .source = "locking.md, 17; migrate.c, 2",
    .pairs = "whoever takes a page away × map, unmap; the host's stores for a system call × map, "
	     "unmap",
    .device = true,
    .setup = setup_file,
    .actors = {{"call", end_call}, {"munmap", unmap}, {"mover", moved_page}},
    .check = check_file,
    .nr_guards = 2,
    .guards = {RULE_lent_asked_again, RULE_lent_is_marked},
};

/* ---- written back ------------------------------------------------------------------------ */

static void sync_file(struct world *w)
{
	must(quire_file_sync(w->file), "sync");
}

/* The host stores last of all, which is noted by no fault. */
static void check_synced(struct world *w)
{
	end_call(w);
	sync_file(w);
	expect(w->disk[0] == 9, "the disk has %llu: the host's store is lost",
	       (unsigned long long)w->disk[0]);
}

SCENARIO(moved_lent_sync) = {
    .name = "moved-lent-sync",
    .title = "a lent page that is written back and unmapped against whoever moves it",
    .source = "locking.md, 17; writeback.c, 7",
    .pairs = "whoever takes a page away × write back; "
	     "the host's stores for a system call × write back",
    .device = true,
    .setup = setup_file,
    .actors = {{"munmap", unmap}, {"sync", sync_file}, {"mover", moved_page}},
    .check = check_synced,
    .nr_guards = 3,
    .guards = {RULE_lent_stays_dirty, RULE_dirty_after_flush, RULE_lent_on_its_way},
};
