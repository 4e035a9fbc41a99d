/* SPDX-License-Identifier: MIT */
/*
 * fileio.c: read(2) and write(2) of files in the page cache, beside faults, truncation,
 * writeback and each other.
 */
#include "check/world/scenario.h"

#define SECOND (w->addr + PAGE)

static void setup_on_disk(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
}

static void write_page(struct world *w, uint64_t page, uint64_t value)
{
	int64_t n = quire_file_write(w->file, page * PAGE, &value, sizeof(value));

	expect(n == sizeof(value), "a write gives %lld", (long long)n);
}

static uint64_t read_page(struct world *w, uint64_t page)
{
	uint64_t value = 0;
	int64_t n = quire_file_read(w->file, page * PAGE, &value, sizeof(value));

	expect(n == sizeof(value), "a read gives %lld", (long long)n);
	return value;
}

/* ---- faults --------------------------------------------------------------------------------- */

static void load_first(struct world *w)
{
	uint64_t value = load(w, w->mm, w->addr);

	expect(value == 1 || value == 9, "the load gives %llu", (unsigned long long)value);
}

static void write_nine(struct world *w)
{
	write_page(w, 0, 9);
}

static void check_nine(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 9 && read_page(w, 0) == 9, "the write is lost");
}

SCENARIO(write_fault) = {
    .name = "write-fault",
    .title = "a write to a page that a fault is reading in",
    .source = "filecache.c, 2",
    .pairs = "fault × read, write",
    .setup = setup_on_disk,
    .actors = {{"fault", load_first}, {"write", write_nine}},
    .check = check_nine,
    .nr_guards = 1,
    .guards = {RULE_read_in_once},
};

/* ---- truncation ----------------------------------------------------------------------------- */

static void truncate_and_tell(struct world *w)
{
	truncate_to_one(w);
	note(w, FILE_SIZE, 1);
}

static void read_second(struct world *w)
{
	uint64_t value = 0;
	int64_t n = quire_file_read(w->file, PAGE, &value, sizeof(value));

	expect(!n || (n == sizeof(value) && value == 2), "the read gives %lld, %llu", (long long)n,
	       (unsigned long long)value);
}

SCENARIO(read_truncate) = {
    .name = "read-truncate",
    .title = "a read of a page against truncation of it",
    .source = "file.h, 5",
    .pairs = "truncate × read, write",
    .setup = setup_on_disk,
    .actors = {{"read", read_second}, {"truncate", truncate_and_tell}},
    .check = check_one_page,
    .nr_guards = 2,
    .guards = {RULE_cache_seq_check, RULE_wait_for_adders},
};

/* Nothing reads the pages in: what is not there is zero. */
static void setup_memory(struct world *w)
{
	make_file(w, QUIRE_FILE_SHMEM, 2);
	map_file(w, w->addr, 2, PROT_RW, QMAP_SHARED);
	write_page(w, 1, 2);
}

SCENARIO(read_truncate_hole) = {
    .name = "read-truncate-hole",
    .title = "a read of a page of memory against truncation of it",
    .source = "fileio.c, 4",
    .pairs = "truncate × read, write",
    .setup = setup_memory,
    .actors = {{"read", read_second}, {"truncate", truncate_and_tell}},
    .check = check_one_page,
    .nr_guards = 1,
    .guards = {RULE_hole_at_seq},
};

/* ---- growth --------------------------------------------------------------------------------- */

static void setup_short(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
}

static void write_second(struct world *w)
{
	write_page(w, 1, 2);
}

SCENARIO(read_grow) = {
    .name = "read-grow",
    .title = "a read beside the write that makes the file long enough for it",
    .source = "fileio.c, 1",
    .pairs = "read, write × read, write",
    .setup = setup_short,
    .actors = {{"read", read_second}, {"write", write_second}},
    .nr_guards = 1,
    .guards = {RULE_size_after_bytes},
};

/* A write makes the file longer again. */
static void setup_one(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	note(w, FILE_SIZE, 4);
}

static void write_beyond(struct world *w)
{
	write_page(w, 1, 9);
}

static void truncate_again(struct world *w)
{
	must(quire_file_truncate(w->file, PAGE), "truncate");
}

static void check_second(struct world *w)
{
	expect(quire_file_size(w->file) == PAGE || read_page(w, 1) == 9,
	       "the file is longer by what was written, and has something else there");
}

SCENARIO(write_truncate) = {
    .name = "write-truncate",
    .title = "a write that makes a file longer against truncation of it",
    .source = "fileio.c, 5",
    .pairs = "truncate × read, write",
    .setup = setup_one,
    .actors = {{"write", write_beyond}, {"truncate", truncate_again}},
    .check = check_second,
    .nr_guards = 1,
    .guards = {RULE_writes_one_by_one},
};

/* ---- writeback ------------------------------------------------------------------------------ */

static void sync_file(struct world *w)
{
	must(quire_file_sync(w->file), "sync");
}

static void write_and_sync(struct world *w)
{
	write_nine(w);
	sync_file(w);
	expect(atomic_load(&w->disk[0]) == 9, "sync has returned and the disk has %llu",
	       (unsigned long long)atomic_load(&w->disk[0]));
}

SCENARIO(write_sync) = {
    .name = "write-sync",
    .title = "a write and its sync against the sync of another",
    .source = "writeback.c, 5",
    .pairs = "write back × read, write",
    .setup = setup_on_disk,
    .actors = {{"write", write_and_sync}, {"sync", sync_file}},
    .nr_guards = 1,
    .guards = {RULE_wait_for_writeback},
};

/* The first page holds the file's end, and is written on beyond it. */
static void setup_half(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	must(quire_file_truncate(w->file, PAGE / 2), "truncate");
	write_nine(w);
}

static void write_second_half(struct world *w)
{
	uint64_t value = 8;
	int64_t n = quire_file_write(w->file, PAGE / 2, &value, sizeof(value));

	expect(n == sizeof(value), "a write gives %lld", (long long)n);
}

static void check_halves(struct world *w)
{
	uint64_t value = 0;
	int64_t n = quire_file_read(w->file, PAGE / 2, &value, sizeof(value));

	expect(n == sizeof(value) && value == 8 && read_page(w, 0) == 9, "a write is lost");
}

SCENARIO(grow_sync) = {
    .name = "grow-sync",
    .title = "a write that makes a file longer within its last page against a sync",
    .source = "writeback.c, 9",
    .pairs = "write back × read, write",
    .setup = setup_half,
    .actors = {{"write", write_second_half}, {"sync", sync_file}},
    .check = check_halves,
    .nr_guards = 1,
    .guards = {RULE_end_stays_for_writeback},
};

/* ---- writes --------------------------------------------------------------------------------- */

static void write_farther(struct world *w)
{
	write_page(w, 2, 8);
}

static void check_both(struct world *w)
{
	expect(quire_file_size(w->file) == 2 * PAGE + 8, "the file has %llu bytes",
	       (unsigned long long)quire_file_size(w->file));
	expect(read_page(w, 1) == 9 && read_page(w, 2) == 8, "a write is lost");
}

SCENARIO(write_write) = {
    .name = "write-write",
    .title = "two writes that make a file longer",
    .source = "fileio.c, 1 and 5",
    .pairs = "read, write × read, write",
    .setup = setup_one,
    .actors = {{"write 1", write_beyond}, {"write 2", write_farther}},
    .check = check_both,
    .nr_guards = 1,
    .guards = {RULE_writes_one_by_one},
};
