/* SPDX-License-Identifier: MIT */
/*
 * scn_gone.c: pages that a file loses, and who can still reach them.
 */
#include "scenario.h"

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

static void truncate_to_one(struct world *w)
{
	must(quire_file_truncate(w->file, PAGE), "truncate");
}

const struct scenario file_dontneed = {
    .name = "file-dontneed",
    .title = "MADV_DONTNEED of a private copy against truncation of its page",
    .source = "zap.c, 6",
    .setup = setup_own_copy,
    .actors = {{"dontneed", drop_own_copy}, {"truncate", truncate_to_one}},
    .nr_guards = 1,
    .guards = {RULE_truncation_awaited},
};
