/* SPDX-License-Identifier: MIT */
/*
 * moved.c: whoever moves a private page to another frame, against accesses to it and changes of
 * its mapping.  Forks and ends: moved_fork.c; mremap: moved_mremap.c; what is lent: moved_lent.c.
 */
#include "check/scn/memory/mover.h"
#include "core/frame/folio.h"
#include "core/table/entry.h"

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
    .setup = moved_setup_cached,
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
    .setup = moved_setup_cached,
    .actors = {{"pin", pin_and_store}, {"mover", moved_page}},
    .check = check_nine,
    .nr_guards = 1,
    .guards = {RULE_moved_if_alone},
};

/* The frame is free, and the next that is taken. */
static void setup_free(struct world *w)
{
	moved_setup_cached(w);
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
    .setup = moved_setup_cached,
    .actors = {{"thread", store_nine}, {"mover", moved_page}, {"other", moved_page}},
    .check = check_nine,
};

/* Parent and child share it: who writes makes a copy. */
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
    .setup = moved_setup_forked,
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
    .setup = moved_setup_cached,
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
    .setup = moved_setup_cached,
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
    .setup = moved_setup_cached,
    .actors = {{"madvise", free_and_store}, {"mover", moved_page}},
    .check = check_kept,
};

static void free_in_child(struct world *w)
{
	must(quire_madvise(w->child, w->addr, PAGE, QMADV_FREE), "madvise");
}

/* Its parent has not said that the page may be taken. */
static void check_not_free(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 5, "the parent's page has changed");
	expect(!folio_test(entry_folio(w->m, quire_pte(w->mm, w->addr)), FOLIO_LAZYFREE),
	       "the parent's page is free to be taken");
}

SCENARIO(moved_free_shared) = {
    .name = "moved-free-shared",
    .title = "MADV_FREE by a child of a page that its parent has, too, against whoever moves it",
    .source = "zap.c; entry.h, 4",
    .pairs = "whoever takes a page away × DONTNEED, FREE",
    .setup = moved_setup_forked,
    .actors = {{"child", free_in_child}, {"mover", moved_page}},
    .check = check_not_free,
    .nr_guards = 1,
    .guards = {RULE_lazyfree_by_references},
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
    .setup = moved_setup_cached,
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
    .setup = moved_setup_cached,
    .actors = {{"mlock", lock}, {"smaps", read_usage}, {"mover", moved_page}},
};
