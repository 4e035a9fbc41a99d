/* SPDX-License-Identifier: MIT */
/*
 * test_mremap.c: mremap(2), against the host kernel where it is cheap.
 */
#include "both.h"

#define MAY QMREMAP_MAYMOVE
#define FIX (QMREMAP_MAYMOVE | QMREMAP_FIXED)
#define DONT (QMREMAP_MAYMOVE | QMREMAP_DONTUNMAP)

static void errors_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, URW),
	    MAPA(4, 4, QPROT_READ),
	    REMAP(0, 4, 4, 8, 100),
	    REMAP(0, 4, 0, MAY, 100),
	    REMAP(0, 4, 4, QMREMAP_FIXED, 100),
	    REMAP(0, 4, 4, QMREMAP_DONTUNMAP, 100),
	    REMAP(0, 4, 5, DONT, 100),
	    REMAP(0, 4, 4, FIX, 2),
	    REMAP(0, 4, 4, FIX, 0),
	    REMAP(0, 4, 4, FIX, BOTH_ABS(BOTH_BASE + 1)),
	    REMAP(0, 4, 4, FIX, BOTH_ABS(0x7fffffffe000)),
	    REMAP(BOTH_ABS(BOTH_BASE + 1), 4, 4, MAY, 0),
	    {C_MREMAP, 0, 4 * UPAGE, MAY, 0, F_ANON, 1ull << 47, 0},
	    {C_MREMAP, 0, 1ull << 62, MAY, 0, F_ANON, 2 * UPAGE, 0},
	    {C_MREMAP, 0, 0 - 8 * UPAGE, MAY, 0, F_ANON, 2 * UPAGE, 0},
	    REMAP(50, 4, 4, MAY, 0),
	    REMAP(50, 4, 4, FIX, 100),
	    REMAP(50, 4, 2, 0, 0),
	    REMAP(0, 6, 8, MAY, 0),
	    REMAP(0, 6, 6, MAY, 0),
	    REMAP(0, 0, 4, MAY, 0),
	    REMAP(0, 0, 4, FIX, 100),
	    REMAP(0, 4, 8, 0, 0),
	    REMAP(0, 2, 3, 0, 0),
	    REMAP(0, 6, 7, FIX, 100),
	    REMAP(0, 7, 6, FIX, 100),
	    REMAP(0, 7, 3, FIX, 100),
	    REMAP(BOTH_ABS(0 - UPAGE), 1, 1, FIX, 100), /* from here on: what wraps */
	    REMAP(BOTH_ABS(0 - UPAGE), 2, 2, FIX, 100),
	    REMAP(BOTH_ABS(0 - UPAGE), 2, 2, FIX | DONT, 100),
	    REMAP(BOTH_ABS(0 - UPAGE), 2, 2, MAY, 0),
	    REMAP(BOTH_ABS(0 - UPAGE), 2, 3, FIX, 100),
	    REMAP(BOTH_ABS(0 - UPAGE), 2, 1, FIX, 100),
	    REMAP(0, 1, 1, FIX, BOTH_ABS(0 - UPAGE)),
	    REMAP(0, 2, 2, FIX, BOTH_ABS(0 - UPAGE)),
	};

	(void)state;
	both_run(calls);
}

static void resizing_in_place(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, URW),
	    STORE(3, 7),
	    REMAP(0, 4, 8, 0, 0),
	    REMAP(2, 6, 8, 0, 0),
	    MAPA(12, 2, URW),
	    REMAP(0, 10, 12, 0, 0),
	    REMAP(0, 14, 3, 0, 0),
	    REMAP(0, 3, 4, 0, 0),
	    LOAD(3),
	    MAPF(20, 2, URW, QMAP_SHARED, F_RW, 0),
	    REMAP(20, 2, 4, 0, 0),
	    STORE(22, 9),
	    REMAP(20, 4, 2, 0, 0),
	    REMAP(20, 2, 40, 0, 0),
	    LOAD(22),
	    LOAD(40),
	};

	(void)state;
	both_run(calls);
}

static void moving(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, URW),
	    STORE(0, 1),
	    STORE(3, 2),
	    REMAP(0, 4, 4, FIX, 100),
	    LOAD(100),
	    LOAD(103),
	    LOAD(0),
	    REMAP(100, 4, 8, FIX, 200),
	    LOAD(203),
	    LOAD(207),
	    REMAP(200, 8, 4, FIX, 300),
	    LOAD(303),
	    REMAP(301, 2, 2, FIX, 400),
	    LOAD(401),
	    LOAD(303),
	    MAPA(500, 8, URW),
	    STORE(502, 3),
	    REMAP(300, 1, 1, FIX, 502),
	    LOAD(502),
	    {.kind = C_FORK},
	    REMAP(500, 8, 8, FIX, 600),
	    STORE(602, 4),
	    LOAD(602),
	    LOAD(600),
	};

	(void)state;
	both_run(calls);
}

static void moving_several_mappings(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 2, URW),
	    MAPA(2, 2, QPROT_READ),
	    MAPF(6, 2, URW, QMAP_SHARED, F_RW, 1),
	    STORE(1, 1),
	    STORE(6, 2),
	    MAPA(100, 20, QPROT_READ | QPROT_EXEC),
	    REMAP(0, 10, 10, FIX, 102),
	    LOAD(103),
	    LOAD(108),
	    REMAP(0, 10, 10, FIX, 102),
	    REMAP(101, 10, 10, FIX | QMREMAP_DONTUNMAP, 202),
	    LOAD(204),
	};

	(void)state;
	both_run(calls);
}

static void leaving_the_source(void **state)
{
	static const struct call calls[] = {
	    MAPX(0, 4, URW, UANON | QMAP_FIXED | QMAP_LOCKED),
	    STORE(1, 5),
	    REMAP(0, 4, 4, DONT | QMREMAP_FIXED, 100),
	    LOAD(1),
	    LOAD(101),
	    REMAP(100, 2, 2, DONT | QMREMAP_FIXED, 200),
	    LOAD(201),
	    LOAD(101),
	    MAPF(300, 4, URW, QMAP_SHARED, F_RW, 0),
	    STORE(301, 6),
	    REMAP(300, 4, 4, DONT | QMREMAP_FIXED, 310),
	    LOAD(301),
	    LOAD(311),
	    MAPF(320, 4, URW, QMAP_PRIVATE, F_RW, 0),
	    STORE(321, 7),
	    REMAP(320, 4, 4, DONT | QMREMAP_FIXED, 330),
	    LOAD(321),
	    LOAD(331),
	};

	(void)state;
	both_run(calls);
}

static void duplicating_shared(void **state)
{
	static const struct call calls[] = {
	    MAPX(0, 4, URW, USHARED | QMAP_FIXED),
	    STORE(2, 5),
	    REMAP(0, 0, 4, FIX, 100),
	    LOAD(102),
	    STORE(101, 6),
	    LOAD(1),
	    REMAP(1, 0, 2, FIX, 200),
	    LOAD(200),
	    REMAP(0, 0, 4, 0, 0),
	    UNMAP(0, 4),
	    LOAD(102),
	};

	(void)state;
	both_run(calls);
}

static void across_tables(void **state)
{
	struct unit *u = *state;
	uint64_t len = 5 << 20, a, b, out;

	a = unit_map(u->mm, 0x10000000 + 3 * UPAGE, len, URW, UANON | QMAP_FIXED);
	unit_fill(u->mm, a, len, 3);
	b = 0x20000000 + 7 * UPAGE;
	assert_int_equal(quire_mremap(u->mm, a, len, len, FIX, b, &out), 0);
	assert_int_equal(out, b);
	unit_verify(u);
	unit_expect_fill(u->mm, b, len, 3);
	assert_int_equal(quire_mremap(u->mm, b, len, 2 * len, FIX, 0x30000000, &out), 0);
	unit_verify(u);
	unit_expect_fill(u->mm, out, len, 3);
	assert_int_equal(quire_mremap(u->mm, out, 2 * len, 2 * len, FIX, 0x40000000, &out), 0);
	unit_verify(u);
	unit_expect_fill(u->mm, 0x40000000, len, 3);
	unit_expect_zero(u->mm, 0x40000000 + len, len);
}

#define SPAN (512 * UPAGE)
#define TABLES 150u /* more than are moved at once */

/* Every seventh has no table, and every fifth one without an entry. */
static bool has_page(unsigned table)
{
	return table % 7 && table % 5;
}

static void expect_tables(struct unit *u, uint64_t at)
{
	for (unsigned i = 0; i < TABLES; i++) {
		assert_int_equal(quire_pte(u->mm, at + i * SPAN) != 0, has_page(i));
		if (has_page(i))
			assert_int_equal(unit_load(u->mm, at + i * SPAN), i);
	}
	unit_verify(u);
}

/* Over the borders of the tables above, at either end, and onto what is there. */
static void many_tables(void **state)
{
	static const uint64_t places[] = {0x40000000 - 10 * SPAN, 0xc0000000 - 77 * SPAN,
					  0x200000000 + 3 * SPAN, 0x40000000 - 9 * SPAN};
	struct unit *u = *state;
	uint64_t at = 0x100000000, len = TABLES * SPAN, out;

	unit_map(u->mm, at, len, URW, UANON | QMAP_FIXED | QMAP_NORESERVE);
	for (unsigned i = 0; i < TABLES; i++)
		if (i % 7)
			unit_store(u->mm, at + i * SPAN, i);
	for (unsigned i = 0; i < TABLES; i += 5)
		assert_int_equal(quire_madvise(u->mm, at + i * SPAN, UPAGE, QMADV_DONTNEED), 0);
	for (unsigned n = 0; n < sizeof(places) / sizeof(places[0]); n++) {
		unit_map(u->mm, places[n] + 20 * SPAN, 4 * SPAN, URW,
			 UANON | QMAP_FIXED | QMAP_NORESERVE);
		unit_store(u->mm, places[n] + 21 * SPAN, 77);
		assert_int_equal(quire_mremap(u->mm, at, len, len, FIX, places[n], &out), 0);
		expect_tables(u, out);
		at = out;
	}
}

/* What is said of a file is for a move of several mappings, and for none of its own. */
static void left_out_of_several(void **state)
{
	struct unit *u = *state;
	struct quire_file_options opts = {
	    .size = sizeof(opts), .kind = QUIRE_FILE_SHMEM, .bytes = 4 * UPAGE, .writable = true};
	uint64_t a = 0x10000000, b = 0x20000000, out;
	struct quire_file *file;

	opts.moves_alone = true;
	assert_int_equal(quire_file_create(u->m, &opts, &file), 0);
	unit_map(u->mm, a, UPAGE, URW, UANON | QMAP_FIXED);
	assert_int_equal(
	    quire_mmap(u->mm, a + UPAGE, 4 * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file, 0, &out),
	    0);
	assert_int_equal(quire_mremap(u->mm, a + UPAGE, 5 * UPAGE, 5 * UPAGE, FIX, b, &out),
			 -QEFAULT);
	assert_int_equal(quire_mremap(u->mm, a, 5 * UPAGE, 5 * UPAGE, FIX, b, &out), -QEFAULT);
	assert_int_equal(quire_mremap(u->mm, a + UPAGE, 4 * UPAGE, 4 * UPAGE, FIX, b + UPAGE, &out),
			 0);
	quire_file_put(file);
	unit_verify(u);
}

static void locked_limit(void **state)
{
	static const struct call calls[] = {
	    {.kind = C_RLIMIT, .x = QUIRE_RLIMIT_MEMLOCK, .c = 4 * UPAGE},
	    MAPX(0, 4, URW, UANON | QMAP_FIXED | QMAP_LOCKED),
	    REMAP(0, 4, 5, MAY, 0),
	    REMAP(0, 4, 3, MAY, 0),
	    REMAP(0, 3, 4, MAY, 0),
	};

	(void)state;
	both_run_unprivileged(calls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(errors_as_host),
	    cmocka_unit_test(resizing_in_place),
	    cmocka_unit_test(moving),
	    cmocka_unit_test(moving_several_mappings),
	    cmocka_unit_test(leaving_the_source),
	    cmocka_unit_test(duplicating_shared),
	    unit_test(across_tables),
	    unit_test(many_tables),
	    unit_test(left_out_of_several),
	    cmocka_unit_test(locked_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
