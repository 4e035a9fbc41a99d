/* SPDX-License-Identifier: MIT */
/*
 * populate.c: faults that do several pages at once (fault.c, 5) against what may happen to each of
 * them meanwhile.
 *
 * Populating is a fault of each page, in some order: what comes between two of them may find one
 * done and the other not, and nothing else.
 */
#include "check/world/scenario.h"

#define PAGES 2
#define SECOND (w->addr + PAGE)
#define FORKED 1 /* fork has returned */

static void populate_write(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGES * PAGE, QMADV_POPULATE_WRITE),
	     "MADV_POPULATE_WRITE");
}

static void populate_read(struct world *w)
{
	must(quire_madvise(w->mm, w->addr, PAGES * PAGE, QMADV_POPULATE_READ),
	     "MADV_POPULATE_READ");
}

static bool present(struct quire_mm *mm, uint64_t addr)
{
	return quire_pte(mm, addr) & QUIRE_PTE_PRESENT;
}

static void check_both_present(struct world *w)
{
	expect(present(w->mm, w->addr) && present(w->mm, SECOND), "a page is missing");
}

/* ---- the same pages, twice ---------------------------------------------------------------- */

static void setup_untouched(struct world *w)
{
	map_anon(w, w->addr, PAGES, PROT_RW);
}

static void store_second(struct world *w)
{
	store(w, w->mm, SECOND, 7);
}

static void check_second(struct world *w)
{
	check_both_present(w);
	expect(peek(w, w->mm, SECOND) == 7, "a store is lost");
}

SCENARIO(populate_store) = {
    .name = "populate-store",
    .title = "MADV_POPULATE_WRITE of two pages against a first store to the second",
    .source = "fault.c, 5",
    .pairs = "fault × fault",
    .setup = setup_untouched,
    .actors = {{"madvise", populate_write}, {"store", store_second}},
    .check = check_second,
    .nr_guards = 1,
    .guards = {RULE_run_asks_each},
};

SCENARIO(populate_read_store) = {
    .name = "populate-read-store",
    .title = "MADV_POPULATE_READ of two pages against a first store to the second",
    .source = "fault.c, 5",
    .pairs = "fault × fault",
    .setup = setup_untouched,
    .actors = {{"madvise", populate_read}, {"store", store_second}},
    .check = check_second,
    .nr_guards = 1,
    .guards = {RULE_run_asks_each},
};

SCENARIO(populate_twice) = {
    .name = "populate-twice",
    .title = "two MADV_POPULATE_WRITE of the same pages",
    .source = "anon.c, 4",
    .pairs = "fault × fault",
    .setup = setup_untouched,
    .actors = {{"madvise", populate_write}, {"madvise'", populate_write}},
    .check = check_both_present,
};

/* ---- fork ---------------------------------------------------------------------- */

/* The pages are those of before the fork or of after it, and the child's stay as they are. */
static void fork_and_read(struct world *w)
{
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
	expect(!load(w, w->child, w->addr) && !load(w, w->child, SECOND),
	       "the child sees what was stored after the fork");
	note(w, FORKED, 1);
}

static void populate_and_store(struct world *w)
{
	populate_write(w);
	if (noted(w, FORKED))
		store(w, w->mm, SECOND, 7);
}

SCENARIO(populate_fork) = {
    .name = "populate-fork",
    .title = "MADV_POPULATE_WRITE of two pages against fork",
    .source = "install.c, 3",
    .pairs = "fault × fork",
    .setup = setup_untouched,
    .actors = {{"madvise", populate_and_store}, {"fork", fork_and_read}},
    .check = check_both_present,
};

/* ---- copies ---------------------------------------------------------------------- */

static void setup_forked(struct world *w)
{
	setup_untouched(w);
	fill(w, w->addr, 5);
	fill(w, SECOND, 6);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

static void child_goes(struct world *w)
{
	quire_mm_put(w->child);
	w->child = NULL;
}

static void check_copied(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 5, "the first page has other content");
	expect(peek(w, w->mm, SECOND) == 6 || peek(w, w->mm, SECOND) == 7,
	       "the second page has other content");
	expect(quire_pte(w->mm, w->addr) & quire_pte(w->mm, SECOND) & QUIRE_PTE_WRITE,
	       "a page is not writable");
}

SCENARIO(populate_copies) = {
    .name = "populate-copies",
    .title = "MADV_POPULATE_WRITE that copies two pages against a store that copies one of them",
    .source = "cow.c, 7",
    .pairs = "fault × fault",
    .no_tlb = true,
    .setup = setup_forked,
    .actors = {{"madvise", populate_write}, {"store", store_second}},
    .check = check_second,
    .nr_guards = 1,
    .guards = {RULE_run_asks_each},
};

SCENARIO(populate_copies_exit) = {
    .name = "populate-copies-exit",
    .title = "MADV_POPULATE_WRITE that copies or reuses two pages against the sharer's exit",
    .source = "cow.c, 7",
    .pairs = "fault × exit",
    .no_tlb = true,
    .setup = setup_forked,
    .actors = {{"madvise", populate_write}, {"exit", child_goes}},
    .check = check_copied,
};

static void drop_second(struct world *w)
{
	must(quire_madvise(w->mm, SECOND, PAGE, QMADV_DONTNEED), "MADV_DONTNEED");
}

static void check_dropped(struct world *w)
{
	expect(!present(w->mm, SECOND) || !peek(w, w->mm, SECOND),
	       "the second page is there again");
}

SCENARIO(populate_copies_dontneed) = {
    .name = "populate-copies-dontneed",
    .title = "MADV_POPULATE_WRITE that copies two pages against MADV_DONTNEED of one of them",
    .source = "cow.c, 7",
    .pairs = "fault × DONTNEED, FREE",
    .no_tlb = true,
    .setup = setup_forked,
    .actors = {{"madvise", populate_write}, {"drop", drop_second}},
    .check = check_dropped,
    .nr_guards = 1,
    .guards = {RULE_run_asks_each},
};

/* ---- files ---------------------------------------------------------------------- */

static void setup_shmem(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, PAGES);
	map_file(w, w->addr, PAGES, PROT_RW, QMAP_SHARED);
}

static void populate_or_fail(struct world *w)
{
	int err = quire_madvise(w->mm, w->addr, PAGES * PAGE, QMADV_POPULATE_WRITE);

	expect(!err || err == -QEFAULT, "MADV_POPULATE_WRITE fails with %d", err);
}

SCENARIO(populate_truncate) = {
    .name = "populate-truncate",
    .title = "MADV_POPULATE_WRITE of two new pages of shmem against truncation to one",
    .source = "file.h, 3",
    .pairs = "fault × truncate",
    .setup = setup_shmem,
    .actors = {{"madvise", populate_or_fail}, {"truncate", truncate_to_one}},
    .check = check_one_page,
    .nr_guards = 2,
    .guards = {RULE_cache_seq_check, RULE_wait_for_adders},
};

SCENARIO(populate_file_store) = {
    .name = "populate-file-store",
    .title = "MADV_POPULATE_WRITE of two new pages of shmem against a store to the second",
    .source = "fault.c, 5",
    .pairs = "fault × fault",
    .setup = setup_shmem,
    .actors = {{"madvise", populate_write}, {"store", store_second}},
    .check = check_second,
    .nr_guards = 1,
    .guards = {RULE_run_asks_each},
};

/* ---- runs whose pages others copy, protect or take away meanwhile ------------------------ */

#define STORED 2 /* a thread has stored to the second page */
#define READER 2 /* an actor that has the second page cached */
#define SECOND_WORD (SECOND + 8)

/* The first page is this mm's alone, the second is still shared. */
static void setup_half_shared(struct world *w)
{
	setup_forked(w);
	must(quire_munmap(w->child, w->addr, PAGE), "munmap");
	cpu_cache(w, READER, w->mm, SECOND);
}

static void populate_and_store_word(struct world *w)
{
	populate_write(w);
	store(w, w->mm, SECOND_WORD, 2);
	note(w, STORED, 1);
}

static void read_word(struct world *w)
{
	if (noted(w, STORED))
		expect(load(w, w->mm, SECOND_WORD) == 2,
		       "an old value is read after a new one was stored");
}

static void check_words(struct world *w)
{
	expect(peek(w, w->mm, SECOND) == 7 && peek(w, w->mm, SECOND_WORD) == 2, "a store is lost");
}

SCENARIO(populate_reuse) = {
    .name = "populate-reuse",
    .title = "MADV_POPULATE_WRITE that reuses a page against a copy of the one behind it",
    .source = "cow.c, 3",
    .pairs = "fault × fault",
    .setup = setup_half_shared,
    .actors = {{"store", store_second},
	       {"madvise", populate_and_store_word},
	       {"reader", read_word}},
    .check = check_words,
    .nr_guards = 1,
    .guards = {RULE_cow_waits_for_copy},
};

#define INDEX (w->addr + 512 * PAGE) /* under another table */

static void setup_index(struct world *w)
{
	setup_forked(w);
	map_anon(w, INDEX, 1, PROT_RW);
	fill(w, INDEX, 1);
}

static void copy_and_publish(struct world *w)
{
	populate_write(w);
	store(w, w->mm, SECOND, 7);
	store(w, w->mm, INDEX, 8);
}

static void fork_again_and_follow(struct world *w)
{
	struct quire_mm *child;

	must(quire_mm_fork(w->mm, NULL, &child), "fork");
	if (load(w, child, INDEX) == 8)
		expect(load(w, child, SECOND) == 7,
		       "the child sees the index, not the page stored before it");
	quire_mm_put(child);
}

SCENARIO(populate_copies_fork) = {
    .name = "populate-copies-fork",
    .title = "MADV_POPULATE_WRITE that copies two pages against fork",
    .source = "install.c, 3",
    .pairs = "fault × fork",
    .no_tlb = true,
    .setup = setup_index,
    .actors = {{"madvise", copy_and_publish}, {"fork", fork_again_and_follow}},
    .nr_guards = 1,
    .guards = {RULE_fork_waits},
};

static void populate_or_refuse(struct world *w)
{
	int err = quire_madvise(w->mm, w->addr, PAGES * PAGE, QMADV_POPULATE_WRITE);

	expect(!err || err == -QEINVAL, "MADV_POPULATE_WRITE fails with %d", err);
}

static void check_read_only(struct world *w)
{
	expect(!((quire_pte(w->mm, w->addr) | quire_pte(w->mm, SECOND)) & QUIRE_PTE_WRITE),
	       "a page is writable, its mapping is not");
}

static void protect_both(struct world *w)
{
	must(quire_mprotect(w->mm, w->addr, PAGES * PAGE, PROT_R), "mprotect");
	check_read_only(w);
}

SCENARIO(populate_copies_mprotect) = {
    .name = "populate-copies-mprotect",
    .title = "MADV_POPULATE_WRITE that copies two pages against mprotect of them",
    .source = "install.c, 1",
    .pairs = "fault × protect, lock",
    .no_tlb = true,
    .setup = setup_forked,
    .actors = {{"madvise", populate_or_refuse}, {"mprotect", protect_both}},
    .check = check_read_only,
    .nr_guards = 1,
    .guards = {RULE_vma_dead_check},
};

/* Both pages are in the cache, and no longer mapped. */
static void setup_cached(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, PAGES);
	map_file(w, w->addr, PAGES, PROT_RW, QMAP_SHARED);
	populate_read(w);
	must(quire_munmap(w->mm, w->addr, PAGES * PAGE), "munmap");
	map_file(w, w->addr, PAGES, PROT_RW, QMAP_SHARED);
}

static void punch_second(struct world *w)
{
	must(quire_file_punch(w->file, PAGE, PAGE), "punch");
}

static void populate_and_store_second(struct world *w)
{
	populate_write(w);
	store(w, w->mm, SECOND, 7);
}

SCENARIO(populate_read_punch) = {
    .name = "populate-read-punch",
    .title = "MADV_POPULATE_READ of two cached pages against a hole in place of the second",
    .source = "truncate.c, 1",
    .pairs = "fault × truncate",
    .setup = setup_cached,
    .actors = {{"madvise", populate_read}, {"punch", punch_second}},
    .nr_guards = 1,
    .guards = {RULE_map_up_to_date},
};

SCENARIO(populate_write_punch) = {
    .name = "populate-write-punch",
    .title = "MADV_POPULATE_WRITE of two cached pages against a hole in place of the second",
    .source = "truncate.c, 1",
    .pairs = "fault × truncate",
    .setup = setup_cached,
    .actors = {{"madvise", populate_and_store_second}, {"punch", punch_second}},
    .nr_guards = 1,
    .guards = {RULE_map_up_to_date},
};
