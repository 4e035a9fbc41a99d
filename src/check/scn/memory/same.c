/* SPDX-License-Identifier: MIT */
/*
 * same.c: two threads want the same page, and there is a frame for one: memory is out for
 * neither.
 */
#include "check/world/scenario.h"

#define TABLE_SPAN (512 * PAGE)
#define HOG (w->addr + 64 * PAGE)      /* what fills the rest of RAM */
#define FAR (w->addr + 2 * TABLE_SPAN) /* under another table */

static void check_both(struct world *w)
{
	expect(noted(w, 0) && noted(w, 1),
	       "memory is out for a thread that wants what the other brings in");
}

/* ---- anonymous memory ----------------------------------------------------------------------- */

static void setup_page(struct world *w)
{
	map_anon(w, FAR, 1, PROT_RW);
	expect(!quire_fault(w->mm, FAR, QUIRE_READ, NULL), "a read fault fails");
	fill_ram(w, HOG, 1);
}

static void store_first(struct world *w)
{
	note(w, 0, cpu_store(w, w->mm, FAR, 1) == ACCESS_OK);
}

static void store_second(struct world *w)
{
	note(w, 1, cpu_store(w, w->mm, FAR + 8, 1) == ACCESS_OK);
}

SCENARIO(memory_same) = {
    .name = "memory-same",
    .title = "two faults on one page, of one frame",
    .source = "reclaim.c, 7",
    .pairs = "fault × fault",
    .setup = setup_page,
    .actors = {{"fault 1", store_first}, {"fault 2", store_second}},
    .check = check_both,
    .nr_guards = 1,
    .guards = {RULE_attempts_end_first},
};

static void setup_no_table(struct world *w)
{
	map_anon(w, FAR, 1, PROT_RW);
	fill_ram(w, HOG, 3);
}

SCENARIO(memory_same_table) = {
    .name = "memory-same-table",
    .title = "two faults on one page that has no table yet, of three frames",
    .source = "reclaim.c, 7",
    .pairs = "fault × fault",
    .setup = setup_no_table,
    .actors = {{"fault 1", store_first}, {"fault 2", store_second}},
    .check = check_both,
    .nr_guards = 1,
    .guards = {RULE_attempts_end_first},
};

/* ---- files ---------------------------------------------------------------------------------- */

/* The page has a table. */
static void setup_file(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, FAR, 1, PROT_RW, QMAP_SHARED);
	map_anon(w, FAR + PAGE, 1, PROT_RW);
	expect(!quire_fault(w->mm, FAR + PAGE, QUIRE_READ, NULL), "a read fault fails");
	fill_ram(w, HOG, 1);
}

static void load_noting(struct world *w, unsigned who)
{
	uint64_t value;

	note(w, who, cpu_load(w, w->mm, FAR, &value) == ACCESS_OK);
}

static void load_first(struct world *w)
{
	load_noting(w, 0);
}

static void load_second(struct world *w)
{
	load_noting(w, 1);
}

SCENARIO(memory_same_file) = {
    .name = "memory-same-file",
    .title = "two faults that read in one page, of one frame",
    .source = "reclaim.c, 7",
    .pairs = "fault × fault",
    .setup = setup_file,
    .actors = {{"fault 1", load_first}, {"fault 2", load_second}},
    .check = check_both,
    .nr_guards = 1,
    .guards = {RULE_attempts_end_first},
};

static void setup_unread(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	fill_ram(w, HOG, 1);
}

static void read_noting(struct world *w, unsigned who)
{
	uint64_t value = 0;
	int64_t n = quire_file_read(w->file, 0, &value, sizeof(value));

	note(w, who, n == sizeof(value) && value == 1);
}

static void read_first(struct world *w)
{
	read_noting(w, 0);
}

static void read_second(struct world *w)
{
	read_noting(w, 1);
}

SCENARIO(read_same) = {
    .name = "read-same",
    .title = "two reads of one page, of one frame",
    .source = "reclaim.c, 7",
    .pairs = "read, write × read, write",
    .setup = setup_unread,
    .actors = {{"read 1", read_first}, {"read 2", read_second}},
    .check = check_both,
    .nr_guards = 1,
    .guards = {RULE_attempts_end_first},
};
