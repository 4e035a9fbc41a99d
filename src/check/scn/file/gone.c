/* SPDX-License-Identifier: MIT */
/*
 * gone.c: pages that a file loses, and the threads that can still reach them.
 */
#include "check/world/scenario.h"

#define SECOND (w->addr + PAGE) /* page 1: truncation leaves page 0 */

/* ---- entries that a truncation has cleared and not flushed yet --------------------------- */

static void setup_own_copy(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_PRIVATE);
	fill(w, SECOND, 6);
	cpu_cache(w, 0, w->mm, SECOND);
}

static void drop_own_copy(struct world *w)
{
	uint64_t value = 0;

	must(quire_madvise(w->mm, SECOND, PAGE, QMADV_DONTNEED), "madvise");
	cpu_load(w, w->mm, SECOND, &value);
	expect(value != 6, "a private copy is there after MADV_DONTNEED has returned");
}

SCENARIO(file_dontneed) = {
    .name = "file-dontneed",
    .title = "MADV_DONTNEED of a private copy against truncation of its page",
    .source = "zap.c, 6",
    .pairs = "DONTNEED, FREE × truncate",
    .setup = setup_own_copy,
    .actors = {{"dontneed", drop_own_copy}, {"truncate", truncate_to_one}},
    .nr_guards = 1,
    .guards = {RULE_truncation_awaited},
};

/* ---- who sees the hole -------------------------------------------------------------------- */

/* The program stores to the page in one mapping, and sees it in another. */
static void setup_shared(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
	fill(w, SECOND, 5);
	must(quire_mm_fork(w->mm, NULL, &w->child), "fork");
}

static void punch_second(struct world *w)
{
	must(quire_file_punch(w->file, PAGE, PAGE), "punch");
}

static uint64_t read_second(struct world *w)
{
	uint64_t value = 1;

	expect(quire_file_read(w->file, PAGE, &value, sizeof(value)) == sizeof(value),
	       "a read of the file fails");
	return value;
}

static void store_in_hole(struct world *w)
{
	store(w, w->mm, SECOND, 9);
	note(w, 0, 1);
}

static void store_when_loaded(struct world *w)
{
	store(w, w->mm, SECOND, 8);
	if (!load(w, w->child, SECOND))
		store_in_hole(w);
}

static void store_when_read(struct world *w)
{
	store(w, w->mm, SECOND, 8);
	if (!read_second(w))
		store_in_hole(w);
}

static void check_hole(struct world *w)
{
	uint64_t value = read_second(w);

	expect(!noted(w, 0) || value == 9, "what was stored when the hole was there is lost: %llu",
	       (unsigned long long)value);
}

SCENARIO(file_punch_load) = {
    .name = "file-punch-load",
    .title = "a store by a thread that saw the hole by another mapping, before the call returns",
    .source = "truncate.c, 2",
    .pairs = "fault × truncate",
    .setup = setup_shared,
    .actors = {{"punch", punch_second}, {"program", store_when_loaded}},
    .check = check_hole,
    .nr_guards = 1,
    .guards = {RULE_unmapped_before_uncached},
};

SCENARIO(file_punch_read) = {
    .name = "file-punch-read",
    .title = "a store by a thread that read zeros from the hole, before the call returns",
    .source = "truncate.c, 2",
    .pairs = "truncate × read, write",
    .setup = setup_shared,
    .actors = {{"punch", punch_second}, {"program", store_when_read}},
    .check = check_hole,
    .nr_guards = 1,
    .guards = {RULE_unmapped_before_uncached},
};
