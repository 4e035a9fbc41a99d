/* SPDX-License-Identifier: MIT */
/*
 * file.c: faults on files against truncation and holes.
 *
 * When the truncation has returned nothing beyond the end is mapped or cached; when a hole was
 * made nobody has the page that was there.
 */
#include "check/world/scenario.h"

#define BEYOND (w->addr + PAGE) /* page 1: truncation leaves page 0 */

static void write_file(struct world *w, uint64_t page, uint64_t value)
{
	expect(quire_file_write(w->file, page * PAGE, &value, sizeof(value)) == sizeof(value),
	       "a write to the file fails");
}

static void setup_cached(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
	write_file(w, 0, 4);
	write_file(w, 1, 5);
}

static void setup_uncached(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
}

/* ---- truncation --------------------------------------------------------------------- */

static void load_beyond(struct world *w)
{
	uint64_t value;
	enum access_result r = cpu_load(w, w->mm, BEYOND, &value);

	expect(r == ACCESS_BUS || (r == ACCESS_OK && value == 5), "the load gives %d, %llu", r,
	       (unsigned long long)value);
}

SCENARIO(file_truncate) = {
    .name = "file-truncate",
    .title = "a fault on a cached page against truncation of it",
    .source = "locking.md 8",
    .pairs = "fault × truncate",
    .setup = setup_cached,
    .actors = {{"fault", load_beyond}, {"truncate", truncate_to_one}},
    .check = check_one_page,
    .nr_guards = 1,
    .guards = {RULE_seq_check},
};

static void load_first(struct world *w)
{
	expect(load(w, w->mm, w->addr) == 4, "page 0 is another");
}

SCENARIO(file_around) = {
    .name = "file-around",
    .title = "fault-around of a page against truncation of it",
    .source = "locking.md 8",
    .pairs = "fault × truncate",
    .setup = setup_cached,
    .actors = {{"fault", load_first}, {"truncate", truncate_to_one}},
    .check = check_one_page,
};

static void store_beyond(struct world *w)
{
	cpu_store(w, w->mm, BEYOND, 7);
}

SCENARIO(file_add) = {
    .name = "file-add",
    .title = "a fault that adds a page to the cache against truncation",
    .source = "file.h, 5; commit 4fd9d495b16c",
    .pairs = "fault × truncate",
    .setup = setup_uncached,
    .actors = {{"fault", store_beyond}, {"truncate", truncate_to_one}},
    .check = check_one_page,
    .nr_guards = 3,
    .guards = {RULE_seq_check, RULE_cache_seq_check, RULE_wait_for_adders},
};

/* ---- entries that others have cleared and not flushed yet ------------------------------- */

static void setup_cached_by_reader(struct world *w)
{
	setup_cached(w);
	must(quire_fault(w->mm, BEYOND, QUIRE_READ, NULL) != QUIRE_FAULT_OK, "fault");
	cpu_cache(w, 2, w->mm, BEYOND);
}

static void truncate_and_say(struct world *w)
{
	truncate_to_one(w);
	note(w, 0, 1);
}

static void load_after(struct world *w)
{
	uint64_t truncated = noted(w, 0), value;
	enum access_result r = cpu_load(w, w->mm, BEYOND, &value);

	expect(!truncated || r != ACCESS_OK, "a load beyond the end after truncation has returned");
}

static void unmap_beyond(struct world *w)
{
	must(quire_munmap(w->mm, BEYOND, PAGE), "munmap");
}

SCENARIO(file_munmap_after) = {
    .name = "file-munmap-after",
    .title = "truncation against munmap: no load after the truncation has returned",
    .source = "zap.c, 5; commit 99baac21e458",
    .pairs = "map, unmap × truncate",
    .setup = setup_cached_by_reader,
    .actors = {{"munmap", unmap_beyond}, {"truncate", truncate_and_say}, {"reader", load_after}},
    .nr_guards = 1,
    .guards = {RULE_flush_of_others},
};

static void drop_beyond(struct world *w)
{
	must(quire_madvise(w->mm, BEYOND, PAGE, QMADV_DONTNEED), "madvise");
}

SCENARIO(file_dontneed_after) = {
    .name = "file-dontneed-after",
    .title = "truncation against MADV_DONTNEED: no load after the truncation has returned",
    .source = "zap.c, 5; commit 99baac21e458",
    .pairs = "DONTNEED, FREE × truncate",
    .setup = setup_cached_by_reader,
    .actors = {{"dontneed", drop_beyond}, {"truncate", truncate_and_say}, {"reader", load_after}},
    .nr_guards = 1,
    .guards = {RULE_flush_of_others},
};

static void exit_beside_reader(struct world *w)
{
	quire_mm_exit(w->mm);
}

SCENARIO(file_exit_after) = {
    .name = "file-exit-after",
    .title = "truncation against exit: no load after the truncation has returned",
    .source = "zap.c, 5; commit 99baac21e458",
    .pairs = "exit × truncate",
    .setup = setup_cached_by_reader,
    .actors = {{"exit", exit_beside_reader},
	       {"truncate", truncate_and_say},
	       {"reader", load_after}},
    .nr_guards = 1,
    .guards = {RULE_flush_of_others},
};

/* Truncation walks the VMAs of the file: one that has entries is among them. */
static void setup_unmapped(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 2);
	write_file(w, 0, 4);
	write_file(w, 1, 5);
}

static void map_two(struct world *w)
{
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
}

static void load_if_mapped(struct world *w)
{
	uint64_t value = 5;

	cpu_load(w, w->mm, BEYOND, &value);
	expect(value == 5, "the load gives %llu", (unsigned long long)value);
}

SCENARIO(file_map) = {
    .name = "file-map",
    .title = "a fault on a file that is being mapped against truncation of it",
    .source = "locking.md 7",
    .pairs = "map, unmap × truncate",
    .setup = setup_unmapped,
    .actors = {{"mmap", map_two}, {"fault", load_if_mapped}, {"truncate", truncate_to_one}},
    .check = check_one_page,
};

/* ---- private copies ------------------------------------------------------------------- */

static void setup_private(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_PRIVATE);
	write_file(w, 1, 5);
}

static void copy_beyond(struct world *w)
{
	if (cpu_store(w, w->mm, BEYOND + 8, 7) == ACCESS_OK)
		return;
}

SCENARIO(file_copy) = {
    .name = "file-copy",
    .title = "a private copy of a page against truncation of it",
    .source = "file.h, 2",
    .pairs = "fault × truncate",
    .setup = setup_private,
    .actors = {{"fault", copy_beyond}, {"truncate", truncate_to_one}},
    .check = check_one_page,
    .nr_guards = 3,
    .guards = {RULE_rcu_free_cached_pages, RULE_cache_nodes_by_rcu, RULE_seq_check},
};

static void setup_private_read(struct world *w)
{
	setup_private(w);
	quire_fault(w->mm, BEYOND, QUIRE_READ, NULL);
	cpu_cache(w, 0, w->mm, BEYOND);
}

SCENARIO(file_cow) = {
    .name = "file-cow",
    .title = "a COW of a mapped page of a file against truncation of it",
    .source = "file.h, 2",
    .pairs = "fault × truncate",
    .setup = setup_private_read,
    .actors = {{"fault", copy_beyond}, {"truncate", truncate_to_one}},
    .check = check_one_page,
};

/* ---- holes -------------------------------------------------------------------------------- */

static void load_old_or_hole(struct world *w)
{
	uint64_t value = load(w, w->mm, BEYOND);

	expect(value == 5 || value == 0, "the load gives %llu", (unsigned long long)value);
}

static void punch(struct world *w)
{
	must(quire_madvise(w->mm, BEYOND, PAGE, QMADV_REMOVE), "madvise");
	expect(load(w, w->mm, BEYOND) == 0, "the old page is in the hole");
}

SCENARIO(file_punch) = {
    .name = "file-punch",
    .title = "a fault on a cached page against a hole that takes it away",
    .source = "commit 4aae8d1c051e",
    .pairs = "fault × truncate",
    .setup = setup_cached,
    .actors = {{"fault", load_old_or_hole}, {"punch", punch}},
    .nr_guards = 3,
    .guards = {RULE_seq_check, RULE_second_seq, RULE_withdrawn_before_zap},
};

/* A private copy is no page of the file: it stays where a hole is made. */
static void setup_own_copy(struct world *w)
{
	setup_private(w);
	fill(w, BEYOND, 6);
	must(quire_mmap(w->mm, w->addr + 4 * PAGE, 2 * PAGE, PROT_RW, QMAP_SHARED | QMAP_FIXED,
			w->file, 0, &w->v[0]),
	     "mmap");
}

static void load_own_copy(struct world *w)
{
	expect(load(w, w->mm, BEYOND) == 6, "the private copy is another");
}

static void punch_shared(struct world *w)
{
	must(quire_madvise(w->mm, BEYOND + 4 * PAGE, PAGE, QMADV_REMOVE), "madvise");
}

static void check_own_copy(struct world *w)
{
	expect(peek(w, w->mm, BEYOND) == 6, "the private copy is gone");
}

SCENARIO(file_punch_copy) = {
    .name = "file-punch-copy",
    .title = "an access to a private copy against a hole in its file",
    .source = "madvise(2)",
    .pairs = "fault × truncate",
    .setup = setup_own_copy,
    .actors = {{"thread", load_own_copy}, {"punch", punch_shared}},
    .check = check_own_copy,
};

static void store_beside(struct world *w)
{
	cpu_store(w, w->mm, BEYOND + 8, 7);
}

/* After the hole was made: what is there once stays there. */
static void punch_and_look(struct world *w)
{
	uint64_t first, second;

	must(quire_file_punch(w->file, PAGE, PAGE), "punch");
	first = load(w, w->mm, BEYOND);
	second = load(w, w->mm, BEYOND);
	expect(first == second, "the load gives %llu, then %llu", (unsigned long long)first,
	       (unsigned long long)second);
}

SCENARIO(file_punch_private) = {
    .name = "file-punch-private",
    .title = "a private copy of a page against a hole that takes the page away",
    .source = "commit 4aae8d1c051e",
    .pairs = "fault × truncate",
    .setup = setup_private,
    .actors = {{"fault", store_beside}, {"punch", punch_and_look}},
    .nr_guards = 1,
    .guards = {RULE_entry_recheck},
};

/* ---- the end of the mapping --------------------------------------------------------------- */

static void setup_mapped(struct world *w)
{
	setup_cached(w);
	fill(w, BEYOND, 5);
	cpu_cache(w, 2, w->mm, BEYOND);
}

static void unmap_all(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, 2 * PAGE), "munmap");
}

static void load_any(struct world *w)
{
	uint64_t value = 5;

	cpu_load(w, w->mm, BEYOND, &value);
	expect(value == 5, "the load gives %llu", (unsigned long long)value);
}

SCENARIO(file_munmap) = {
    .name = "file-munmap",
    .title = "truncation against munmap of what it zaps, and a reader",
    .source = "locking.md 7",
    .pairs = "map, unmap × truncate",
    .setup = setup_mapped,
    .actors = {{"munmap", unmap_all}, {"truncate", truncate_to_one}, {"reader", load_any}},
};

/* ---- refusals ---------------------------------------------------------------------------- */

/* At no time was a page of the file beyond its end mapped there. */
static void replace_then_truncate(struct world *w)
{
	map_anon(w, BEYOND, 1, PROT_RW);
	truncate_to_one(w);
}

/* A store: a load beyond the end maps what is before it first,
 * and so learns that the VMA is dead. */
static void store_in_either(struct world *w)
{
	store(w, w->mm, BEYOND, 9);
}

SCENARIO(file_replace) = {
    .name = "file-replace",
    .title = "a fault against a mapping over its file and truncation after that",
    .source = "locking.md 14",
    .pairs = "fault × map, unmap",
    .setup = setup_cached,
    .actors = {{"fault", store_in_either}, {"replace", replace_then_truncate}},
    .nr_guards = 1,
    .guards = {RULE_refuse_the_living},
};
