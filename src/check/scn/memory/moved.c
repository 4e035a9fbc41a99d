/* SPDX-License-Identifier: MIT */
/*
 * moved.c: whoever moves a private page to another frame, against accesses to it and changes of
 * its mapping.
 */
#include "check/scn/memory/mover.h"

/* Written, and writable through the translation that CPU 0 has cached. */
static void setup(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 5);
	moved_choose(w, w->addr);
	cpu_cache(w, 0, w->mm, w->addr);
}

/* ---- accesses -------------------------------------------------------------------------------- */

static void store_nine(struct world *w)
{
	store(w, w->mm, w->addr, 9);
	expect(load(w, w->mm, w->addr) == 9, "the thread's store is lost");
}

static void check_nine(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 9, "a store is lost");
}

SCENARIO(moved_store) = {
    .name = "moved-store",
    .title = "a store to a page against whoever moves it to another frame",
    .source = "entry.h, 4; absent.c, 1",
    .pairs = "whoever takes a page away × fault",
    .setup = setup,
    .actors = {{"thread", store_nine}, {"mover", moved_for_sure}},
    .check = check_nine,
    .nr_guards = 2,
    .guards = {RULE_waits_without_reference, RULE_moved_page_is_flushed},
};

/* What is pinned and mapped is the mm's: the pin shows what is stored after it. */
static void pin_and_store(struct world *w)
{
	struct quire_pin pin;

	must(quire_pin(w->mm, w->addr, QUIRE_READ, &pin), "pin");
	store(w, w->mm, w->addr, 9);
	expect(atomic_load((const uint64_t *)pin.mem) == 9,
	       "the pin does not show the store that came after it");
	quire_unpin(w->m, &pin);
}

SCENARIO(moved_pin) = {
    .name = "moved-pin",
    .title = "a pin, and a store after it, against whoever moves the page to another frame",
    .source = "entry.h, 4; pin.c, 1",
    .pairs = "whoever takes a page away × fault",
    .setup = setup,
    .actors = {{"pin", pin_and_store}, {"mover", moved_page}},
    .check = check_nine,
    .nr_guards = 1,
    .guards = {RULE_moved_if_alone},
};

/* The frame is free, and the next that is taken. */
static void setup_free(struct world *w)
{
	setup(w);
	must(quire_madvise(w->mm, w->addr, PAGE, QMADV_DONTNEED), "madvise");
	fill_ram(w, w->addr + 16 * PAGE, 2);
}

SCENARIO(moved_fresh) = {
    .name = "moved-fresh",
    .title = "a fault that makes a page against whoever finds its frame and would move it",
    .source = "rmap/root.h, 1; migrate.c, 2",
    .pairs = "whoever takes a page away × fault",
    .setup = setup_free,
    .actors = {{"thread", store_nine}, {"mover", moved_page}},
    .check = check_nine,
};

SCENARIO(moved_twice) = {
    .name = "moved-twice",
    .title = "a store to a page against two who move it to other frames",
    .source = "migrate.c, 2",
    .pairs = "whoever takes a page away × fault",
    .setup = setup,
    .actors = {{"thread", store_nine}, {"mover", moved_page}, {"other", moved_page}},
    .check = check_nine,
};

/* Parent and child share it: who writes makes a copy. */
static void setup_forked(struct world *w)
{
	setup(w);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

static void store_in_child(struct world *w)
{
	store(w, w->child, w->addr, 9);
	expect(load(w, w->child, w->addr) == 9, "the child's store is lost");
}

static void check_copied(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 5, "the parent's page has changed");
	expect(peek(w, w->child, w->addr) == 9, "the child's store is lost");
}

SCENARIO(moved_cow) = {
    .name = "moved-cow",
    .title = "a copy on write of a page against whoever moves it to another frame",
    .source = "migrate.c, 2; cow.c, 5",
    .pairs = "whoever takes a page away × fault",
    .setup = setup_forked,
    .actors = {{"thread", store_in_child}, {"mover", moved_page}},
    .check = check_copied,
    .nr_guards = 1,
    .guards = {RULE_moved_if_alone},
};

/* ---- changes of its mapping ------------------------------------------------------------------ */

static void unmap(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

SCENARIO(moved_munmap) = {
    .name = "moved-munmap",
    .title = "munmap of a page against whoever moves it to another frame",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × map, unmap",
    .setup = setup,
    .actors = {{"munmap", unmap}, {"mover", moved_page}},
};

static void drop_and_store(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGE, QMADV_DONTNEED), "madvise");
	expect(load(w, w->mm, w->addr) == 0, "what was dropped has come back");
	store(w, w->mm, w->addr, 9);
}

SCENARIO(moved_dontneed) = {
    .name = "moved-dontneed",
    .title = "MADV_DONTNEED of a page, and a store, against whoever moves it to another frame",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × DONTNEED, FREE",
    .setup = setup,
    .actors = {{"madvise", drop_and_store}, {"mover", moved_page}},
    .check = check_nine,
    .nr_guards = 2,
    .guards = {RULE_flush_migration, RULE_copy_is_locked},
};

/* A store that follows it takes the page back. */
static void free_and_store(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGE, QMADV_FREE), "madvise");
	store_nine(w);
}

static void check_kept(struct world *w)
{
	struct quire_usage u;

	check_nine(w);
	quire_range_usage(w->mm, w->addr, w->addr + PAGE, &u);
	expect(!u.lazyfree, "a page that was written since MADV_FREE is free to be taken");
}

SCENARIO(moved_free) = {
    .name = "moved-free",
    .title = "MADV_FREE of a page, and a store, against whoever moves it to another frame",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × DONTNEED, FREE",
    .setup = setup,
    .actors = {{"madvise", free_and_store}, {"mover", moved_page}},
    .check = check_kept,
};

static void protect(struct world *w)
{
	uint64_t value;

	must(quire_mprotect(w->mm, w->addr, PAGE, PROT_R), "mprotect");
	expect(cpu_store(w, w->mm, w->addr, 7) == ACCESS_SEGV, "a store to what is read-only");
	expect(cpu_load(w, w->mm, w->addr, &value) == ACCESS_OK && value == 5, "reads %llu",
	       (unsigned long long)value);
}

SCENARIO(moved_mprotect) = {
    .name = "moved-mprotect",
    .title = "mprotect of a page to read-only against whoever moves it to another frame",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × protect, lock",
    .setup = setup,
    .actors = {{"mprotect", protect}, {"mover", moved_page}},
    .nr_guards = 2,
    .guards = {RULE_flush_migration, RULE_migration_keeps_rights},
};

static void lock(struct world *w)
{
	uint8_t resident = 0;

	must(quire_mlock(w->mm, w->addr, PAGE, 0), "mlock");
	must(quire_mincore(w->mm, w->addr, PAGE, &resident), "mincore");
	expect(resident & 1, "mincore says that a page which is locked is not there");
}

/* What is moving is there all the time. */
static void read_usage(struct world *w)
{
	struct quire_usage u;

	quire_range_usage(w->mm, w->addr, w->addr + PAGE, &u);
	expect(u.rss == PAGE && u.anonymous == PAGE, "usage says %llu bytes",
	       (unsigned long long)u.rss);
}

SCENARIO(moved_readers) = {
    .name = "moved-readers",
    .title = "mlock, mincore and smaps of a page against whoever moves it to another frame",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × protect, lock",
    .setup = setup,
    .actors = {{"mlock", lock}, {"smaps", read_usage}, {"mover", moved_page}},
};

/* ---- forks and ends of processes ------------------------------------------------------------- */

static void fork_and_store(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	store(w, w->mm, w->addr, 9);
	expect(load(w, w->child, w->addr) == 5, "the child sees what its parent stores");
}

static void check_forked(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 9, "the parent's store is lost");
	expect(peek(w, w->child, w->addr) == 5, "the child's page has changed");
}

SCENARIO(moved_fork) = {
    .name = "moved-fork",
    .title = "fork, and a store of the parent's, against whoever moves the page to another frame",
    .source = "entry.h, 4",
    .pairs = "whoever takes a page away × fork",
    .setup = setup,
    .actors = {{"fork", fork_and_store}, {"mover", moved_page}},
    .check = check_forked,
    .nr_guards = 1,
    .guards = {RULE_fork_shares_migration},
};

/* Somebody reads the page by a pin: it stays the parent's, and where it is. */
static void setup_pinned(struct world *w)
{
	struct quire_pin pin;

	setup(w);
	must(quire_pin(w->mm, w->addr, QUIRE_READ, &pin), "pin");
	note(w, 0, pin.frame);
}

static void check_pinned(struct world *w)
{
	check_forked(w);
	expect((quire_pte(w->mm, w->addr) & QUIRE_PTE_FRAME_MASK) / PAGE == noted(w, 0),
	       "the parent has another page than the one that is pinned");
}

SCENARIO(moved_fork_pinned) = {
    .name = "moved-fork-pinned",
    .title = "fork, with a page that is pinned, against whoever would move that to another frame",
    .source = "entry.h, 4; pin.c, 1",
    .pairs = "whoever takes a page away × fork",
    .setup = setup_pinned,
    .actors = {{"fork", fork_and_store}, {"mover", moved_page}},
    .check = check_pinned,
    .nr_guards = 1,
    .guards = {RULE_pinned_page_stays},
};

static void end_child(struct world *w)
{
	quire_mm_put(w->child);
	w->child = NULL;
}

static void check_parent(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 5, "the parent's page has changed");
}

SCENARIO(moved_exit) = {
    .name = "moved-exit",
    .title = "the end of a child against whoever moves a page that it shares to another frame",
    .source = "migrate.c, 5",
    .pairs = "whoever takes a page away × exit",
    .setup = setup_forked,
    .actors = {{"exit", end_child}, {"mover", moved_page}},
    .check = check_parent,
};

/* ---- a system call has been lent the page ---------------------------------------------------- */

static void setup_lent(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 5);
	moved_choose(w, w->addr);
}

static void call(struct world *w)
{
	if (device_begin(w, w->mm, w->addr))
		device_end(w, 9);
	expect(load(w, w->mm, w->addr) == 9, "what the host has stored is lost");
}

SCENARIO(moved_lent) = {
    .name = "moved-lent",
    .title = "the host's store for a system call against whoever moves the page to another frame",
    .source = "migrate.c, 1; tlb.c, 4",
    .pairs = "whoever takes a page away × fault",
    .device = true,
    .setup = setup_lent,
    .actors = {{"call", call}, {"mover", moved_page}},
    .check = check_nine,
    .nr_guards = 1,
    .guards = {RULE_lent_page_stays},
};
