/* SPDX-License-Identifier: MIT */
/*
 * io.c: faults that sleep while a page is read in.
 */
#include "check/world/scenario.h"

static void device(struct world *w)
{
	io_allow(w);
}

static void setup_on_disk(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
	io_gate(w);
}

static void load_first_page(struct world *w)
{
	uint64_t value = load(w, w->mm, w->addr);

	expect(value == 1, "the load gives %llu, not what is on the disk",
	       (unsigned long long)value);
}

SCENARIO(io_twice) = {
    .name = "io-twice",
    .title = "two faults on a page that is being read in",
    .source = "filemap.c, 1",
    .pairs = "fault × fault",
    .setup = setup_on_disk,
    .actors = {{"fault 1", load_first_page}, {"fault 2", load_first_page}, {"device", device}},
    .nr_guards = 1,
    .guards = {RULE_map_up_to_date},
};

static void load_or_segv(struct world *w)
{
	uint64_t value = 0;
	enum access_result r = cpu_load(w, w->mm, w->addr, &value);

	expect(r == ACCESS_SEGV || (r == ACCESS_OK && value == 1), "the load gives %d, %llu", r,
	       (unsigned long long)value);
}

/* The reader alone keeps the file. */
static void unmap_and_close(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, 2 * PAGE), "munmap");
	quire_file_put(w->file);
}

static void check_unmapped(struct world *w)
{
	expect_released(w);
	expect(!quire_pte(w->mm, w->addr), "a page is left where nothing is mapped");
}

SCENARIO(io_munmap) = {
    .name = "io-munmap",
    .title = "a fault that sleeps against munmap and the last close of its file",
    .source = "fault.c, 3; file.h, 1",
    .pairs = "fault × map, unmap",
    .setup = setup_on_disk,
    .actors = {{"fault", load_or_segv}, {"munmap", unmap_and_close}, {"device", device}},
    .check = check_unmapped,
    .nr_guards = 1,
    .guards = {RULE_ended_file_is_left},
};

/* Nothing is read before the file is no longer mapped. */
static void replace_then_read(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	io_allow(w);
}

static void load_zero(struct world *w)
{
	expect(load(w, w->mm, w->addr) == 0, "a page of what was mapped before is read");
}

SCENARIO(io_replace) = {
    .name = "io-replace",
    .title = "a fault that sleeps against a mapping over its file",
    .source = "fault.c, 3",
    .pairs = "fault × map, unmap",
    .setup = setup_on_disk,
    .actors = {{"fault", load_zero}, {"replace", replace_then_read}},
};

static void setup_bad_disk(struct world *w)
{
	setup_on_disk(w);
	w->io_error = QEIO;
}

SCENARIO(io_error) = {
    .name = "io-error",
    .title = "a read that will fail against a mapping over its file",
    .source = "locking.md 14",
    .pairs = "fault × map, unmap",
    .setup = setup_bad_disk,
    .actors = {{"fault", load_zero}, {"replace", replace_then_read}},
    .nr_guards = 1,
    .guards = {RULE_failed_read_looks_again},
};

static void load_second_page(struct world *w)
{
	uint64_t value;
	enum access_result r = cpu_load(w, w->mm, w->addr + PAGE, &value);

	expect(r == ACCESS_BUS || (r == ACCESS_OK && value == 2), "the load gives %d, %llu", r,
	       (unsigned long long)value);
}

static void truncate_and_tell(struct world *w)
{
	truncate_to_one(w);
	note(w, FILE_SIZE, 1);
}

SCENARIO(io_truncate) = {
    .name = "io-truncate",
    .title = "a fault that sleeps against truncation of its page",
    .source = "truncate.c, 3",
    .pairs = "fault × truncate",
    .setup = setup_on_disk,
    .actors = {{"fault", load_second_page}, {"truncate", truncate_and_tell}, {"device", device}},
    .check = check_one_page,
    .nr_guards = 2,
    .guards = {RULE_cache_seq_check, RULE_wait_for_adders},
};

/* A thread that waited for the other's read looks again whether the page is still in the file. */
static void setup_slow_disk(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
}

SCENARIO(io_twice_truncate) = {
    .name = "io-twice-truncate",
    .title = "two faults on a page that is being read in against truncation of it",
    .source = "filecache.c, 1",
    .pairs = "fault × truncate",
    .setup = setup_slow_disk,
    .actors = {{"fault 1", load_second_page},
	       {"fault 2", load_second_page},
	       {"truncate", truncate_and_tell}},
    .check = check_one_page,
};
