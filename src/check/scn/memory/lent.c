/* SPDX-License-Identifier: MIT */
/*
 * lent.c: pages that a system call has been lent, and what becomes of their frames.
 */
#include "check/world/scenario.h"

#define ELSEWHERE (w->addr + 16 * PAGE)
#define TABLE_SPAN (512 * PAGE)

static void setup_page(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
}

static void call(struct world *w)
{
	if (device_begin(w, w->mm, w->addr))
		device_end(w, 7);
}

static void use_again(struct world *w)
{
	map_anon(w, ELSEWHERE, 1, PROT_RW);
	store(w, w->mm, ELSEWHERE, 5);
}

static void check_used_again(struct world *w)
{
	uint64_t value = peek(w, w->mm, ELSEWHERE);

	expect(value == 5, "the page holds %llu", (unsigned long long)value);
}

static void unmap(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
	use_again(w);
}

SCENARIO(lent_munmap) = {
    .name = "lent-munmap",
    .title = "munmap of a page into which the host stores for a system call",
    .source = "tlb.c, 4",
    .pairs = "the host's stores for a system call × map, unmap",
    .device = true,
    .setup = setup_page,
    .actors = {{"call", call}, {"munmap", unmap}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_is_marked},
};

static void replace(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	use_again(w);
}

SCENARIO(lent_replace) = {
    .name = "lent-replace",
    .title = "a mapping over a page into which the host stores for a system call",
    .source = "tlb.c, 4",
    .pairs = "the host's stores for a system call × map, unmap",
    .device = true,
    .setup = setup_page,
    .actors = {{"call", call}, {"replace", replace}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_is_marked},
};

static void drop(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGE, QMADV_DONTNEED), "madvise");
	use_again(w);
}

SCENARIO(lent_dontneed) = {
    .name = "lent-dontneed",
    .title = "MADV_DONTNEED of a page into which the host stores for a system call",
    .source = "tlb.c, 4",
    .pairs = "the host's stores for a system call × DONTNEED, FREE",
    .device = true,
    .setup = setup_page,
    .actors = {{"call", call}, {"dontneed", drop}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_is_marked},
};

/* ---- mremap ------------------------------------------------------------------------------- */

static void move(struct world *w)
{
	uint64_t to = w->addr + 32 * PAGE;

	must(quire_mremap(w->mm, w->addr, PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &to),
	     "mremap");
	must(quire_munmap(w->mm, to, PAGE), "munmap");
	use_again(w);
}

SCENARIO(lent_move) = {
    .name = "lent-move",
    .title = "mremap, then munmap, of a page into which the host stores for a system call",
    .source = "tlb.c, 4",
    .pairs = "the host's stores for a system call × mremap",
    .device = true,
    .setup = setup_page,
    .actors = {{"call", call}, {"move", move}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_moves},
};

/* The page goes with its table. */
static void setup_table(struct world *w)
{
	w->addr = TABLE_SPAN;
	must(quire_mmap(w->mm, w->addr, TABLE_SPAN, PROT_RW, MAP_ANON_PRIVATE | QMAP_NORESERVE,
			NULL, 0, &w->addr),
	     "mmap");
	fill(w, w->addr, 1);
}

static void move_table(struct world *w)
{
	uint64_t to = 4 * TABLE_SPAN;

	must(quire_mremap(w->mm, w->addr, TABLE_SPAN, TABLE_SPAN, QMREMAP_MAYMOVE | QMREMAP_FIXED,
			  to, &to),
	     "mremap");
	must(quire_munmap(w->mm, to, TABLE_SPAN), "munmap");
	use_again(w);
}

SCENARIO(lent_move_table) = {
    .name = "lent-move-table",
    .title = "mremap of a whole table, then munmap, of a page into which the host stores",
    .source = "tlb.c, 4; move.c, 2",
    .pairs = "the host's stores for a system call × mremap",
    .device = true,
    .setup = setup_table,
    .actors = {{"call", call}, {"move", move_table}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_moves},
};

/* ---- fork and exit ------------------------------------------------------------------------ */

/* The page is the child's when the parent has written to its own. */
static void fork_and_unmap(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	store(w, w->mm, w->addr, 1);
	must(quire_munmap(w->child, w->addr, PAGE), "munmap");
	use_again(w);
}

SCENARIO(lent_fork) = {
    .name = "lent-fork",
    .title = "a page into which the host stores is left to a child, which unmaps it",
    .source = "tlb.c, 4",
    .pairs = "the host's stores for a system call × fork",
    .device = true,
    .setup = setup_page,
    .actors = {{"call", call}, {"fork", fork_and_unmap}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_is_marked},
};

/* The host goes on for a process that has ended: nobody else has the address space. */
static void setup_last(struct world *w)
{
	setup_page(w);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	store(w, w->child, w->addr, 1);
	must(!device_begin(w, w->child, w->addr), "lending the page");
}

static void end_call(struct world *w)
{
	device_end(w, 7);
}

static void put_last(struct world *w)
{
	quire_mm_put(w->child);
	w->child = NULL;
	use_again(w);
}

SCENARIO(lent_exit) = {
    .name = "lent-exit",
    .title = "an address space ends while the host stores into a page of its",
    .source = "tlb.c, 4",
    .pairs = "the host's stores for a system call × exit",
    .device = true,
    .setup = setup_last,
    .actors = {{"call", end_call}, {"exit", put_last}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_is_marked},
};

/* ---- copies -------------------------------------------------------------------------------- */

/* The parent's page, lent, is shared with a child, so that a store of the parent's copies it. */
static void setup_shared(struct world *w)
{
	setup_page(w);
	must(!device_begin(w, w->mm, w->addr), "lending the page");
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

static void store_one(struct world *w)
{
	store(w, w->mm, w->addr, 1);
}

/* The last user of the page lets it go. */
static void unmap_of_child(struct world *w)
{
	must(quire_munmap(w->child, w->addr, PAGE), "munmap");
}

SCENARIO(lent_cow) = {
    .name = "lent-cow",
    .title = "a page into which the host stores is copied, and the child that has it unmaps it",
    .source = "tlb.c, 4",
    .pairs = "the host's stores for a system call × fault",
    .device = true,
    .setup = setup_shared,
    .actors = {{"call", end_call}, {"thread", store_one}, {"child", unmap_of_child}},
    .nr_guards = 1,
    .guards = {RULE_lent_is_marked},
};

/* ---- files --------------------------------------------------------------------------------- */

static void setup_shmem(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
}

static void truncate(struct world *w)
{
	must(quire_file_truncate(w->file, 0), "truncate");
	use_again(w);
}

SCENARIO(lent_truncate) = {
    .name = "lent-truncate",
    .title = "truncation of a page into which the host stores for a system call",
    .source = "tlb.c, 4",
    .pairs = "the host's stores for a system call × truncate",
    .device = true,
    .setup = setup_shmem,
    .actors = {{"call", call}, {"truncate", truncate}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_is_marked},
};

static void punch(struct world *w)
{
	must(quire_file_punch(w->file, 0, PAGE), "punch");
	use_again(w);
}

SCENARIO(lent_punch) = {
    .name = "lent-punch",
    .title = "a hole in place of a page into which the host stores for a system call",
    .source = "tlb.c, 4",
    .pairs = "the host's stores for a system call × truncate",
    .device = true,
    .setup = setup_shmem,
    .actors = {{"call", call}, {"punch", punch}},
    .check = check_used_again,
    .nr_guards = 1,
    .guards = {RULE_lent_is_marked},
};

static void setup_on_disk(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
}

static void call_and_say(struct world *w)
{
	if (!device_begin(w, w->mm, w->addr))
		return;
	device_end(w, 7);
	note(w, 0, 1);
}

static void sync_page(struct world *w)
{
	must(quire_file_sync(w->file), "sync");
}

static void check_synced(struct world *w)
{
	sync_page(w);
	expect(!noted(w, 0) || w->disk[0] == 7, "the disk has %llu after all: lost",
	       (unsigned long long)w->disk[0]);
}

SCENARIO(lent_sync) = {
    .name = "lent-sync",
    .title = "writing back a page into which the host stores for a system call",
    .source = "writeback.c, 7",
    .pairs = "the host's stores for a system call × write back",
    .device = true,
    .setup = setup_on_disk,
    .actors = {{"call", call_and_say}, {"sync", sync_page}},
    .check = check_synced,
    .nr_guards = 1,
    .guards = {RULE_lent_stays_dirty},
};

static void unmap_page(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

SCENARIO(lent_sync_munmap) = {
    .name = "lent-sync-munmap",
    .title = "writing it back against munmap of it",
    .source = "writeback.c, 7; tlb.h",
    .pairs = "the host's stores for a system call × write back",
    .device = true,
    .setup = setup_on_disk,
    .actors = {{"call", call_and_say}, {"sync", sync_page}, {"munmap", unmap_page}},
    .check = check_synced,
    .nr_guards = 2,
    .guards = {RULE_lent_stays_dirty, RULE_dirty_after_flush},
};
