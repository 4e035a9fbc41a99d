/* SPDX-License-Identifier: MIT */
/*
 * test_mprotect.c: mprotect(2), against the host kernel.
 */
#include "both.h"

#define GROWS (UANON | QMAP_FIXED | QMAP_GROWSDOWN)

static void errors_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, URW),
	    MAPF(10, 2, QPROT_READ, QMAP_SHARED, F_RO, 0),
	    {C_MPROTECT, BOTH_ABS(BOTH_BASE + 1), UPAGE, 1, 0, F_ANON, 0, 0},
	    {C_MPROTECT, 100, 0, 1, 0, F_ANON, 0, 0},
	    {C_MPROTECT, 0, 0, 0x10, 0, F_ANON, 0, 0},
	    {C_MPROTECT, 0, UINT64_MAX, 1, 0, F_ANON, 0, 0},
	    {C_MPROTECT, 0, 0xffffffffffffe000, 1, 0, F_ANON, 0, 0},
	    {C_MPROTECT, 0, 1, QPROT_READ, 0, F_ANON, 0, 0},
	    PROTECT(0, 1, 0x10),
	    PROTECT(0, 1, 8),
	    PROTECT(0, 1, QPROT_GROWSDOWN | QPROT_GROWSUP),
	    PROTECT(0, 1, QPROT_READ | QPROT_GROWSDOWN),
	    PROTECT(0, 1, QPROT_READ | QPROT_GROWSUP),
	    PROTECT(100, 1, QPROT_READ | QPROT_GROWSUP),
	    PROTECT(100, 1, QPROT_READ | QPROT_GROWSDOWN),
	    PROTECT(100, 1, QPROT_READ),
	    PROTECT(10, 1, URW),
	    PROTECT(10, 1, QPROT_EXEC),
	};

	(void)state;
	both_run(calls);
}

static void part_before_a_hole_changes(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, URW),
	    MAPA(6, 4, URW),
	    PROTECT(2, 8, QPROT_READ),
	    PROTECT(4, 4, QPROT_READ),
	    MAPF(10, 2, QPROT_READ, QMAP_SHARED, F_RO, 0),
	    PROTECT(8, 4, URW),
	    PROTECT(6, 4, QPROT_READ),
	    PROTECT(7, 2, URW),
	    PROTECT(0, 4, URW),
	};

	(void)state;
	both_run(calls);
}

static void rights_are_enforced(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, URW),
	    STORE(0, 11),
	    STORE(1, 12),
	    PROTECT(0, 4, QPROT_READ),
	    LOAD(0),
	    STORE(0, 13),
	    STORE(3, 13),
	    LOAD(3),
	    PROTECT(0, 4, QPROT_NONE),
	    LOAD(0),
	    STORE(0, 1),
	    LOAD(3),
	    PROTECT(0, 4, QPROT_WRITE),
	    LOAD(1),
	    STORE(0, 14),
	    LOAD(3),
	    PROTECT(0, 4, QPROT_EXEC),
	    LOAD(0),
	    STORE(0, 15),
	    PROTECT(0, 4, URW),
	    LOAD(0),
	    STORE(3, 16),
	    {.kind = C_FORK},
	    PROTECT(0, 4, QPROT_READ),
	    PROTECT(0, 4, URW),
	    STORE(0, 17),
	    LOAD(3),
	    MAPF(10, 2, QPROT_READ, QMAP_PRIVATE, F_RO, 0),
	    LOAD(10),
	    PROTECT(10, 2, URW),
	    STORE(10, 5),
	    MAPF(12, 2, QPROT_READ, QMAP_PRIVATE, F_RO, 0),
	    LOAD(12),
	    MAPF(14, 2, QPROT_READ, QMAP_SHARED, F_RW, 0),
	    LOAD(14),
	    PROTECT(14, 2, URW),
	    STORE(14, 6),
	    LOAD(15),
	};

	(void)state;
	both_run(calls);
}

/* One file, mapped as it was opened and as it is sealed: later rights are no wider. */
static void rights_of_the_object(void **state)
{
	static const struct call calls[] = {
	    MAPF(0, 2, URW, QMAP_SHARED, F_RO_OF_RW, 0),
	    MAPF(0, 2, QPROT_WRITE, QMAP_SHARED, F_SEALED, 0),
	    MAPF(0, 2, QPROT_READ, QMAP_SHARED, F_RO_OF_RW, 0),
	    MAPF(2, 2, QPROT_READ, QMAP_SHARED, F_RW, 2),
	    MAPF(4, 2, QPROT_READ, QMAP_SHARED, F_SEALED, 0),
	    MAPF(6, 2, QPROT_READ, QMAP_PRIVATE, F_RO_OF_RW, 0),
	    MAPF(8, 2, URW, QMAP_PRIVATE, F_SEALED, 0),
	    MAPF(10, 2, QPROT_READ, QMAP_SHARED | QMAP_GROWSDOWN, F_SEALED, 0),
	    PROTECT(0, 1, URW),
	    PROTECT(0, 1, QPROT_READ | QPROT_EXEC),
	    PROTECT(1, 1, QPROT_NONE),
	    PROTECT(1, 1, QPROT_WRITE),
	    PROTECT(2, 2, URW),
	    PROTECT(4, 2, URW),
	    PROTECT(4, 2, QPROT_READ | QPROT_EXEC),
	    PROTECT(6, 1, URW),
	    PROTECT(8, 1, QPROT_READ),
	    PROTECT(8, 1, URW),
	    STORE(2, 1),
	    LOAD(0),
	    STORE(0, 1),
	    LOAD(6),
	    STORE(6, 2),
	    STORE(4, 2),
	    STORE(8, 3),
	    /* they go along */
	    REMAP(4, 2, 3, QMREMAP_MAYMOVE | QMREMAP_FIXED, 20),
	    PROTECT(20, 1, URW),
	    REMAP(0, 0, 2, QMREMAP_MAYMOVE | QMREMAP_FIXED, 24),
	    PROTECT(24, 1, URW),
	    {.kind = C_FORK},
	    PROTECT(20, 1, URW),
	    PROTECT(24, 1, URW),
	    PROTECT(2, 1, QPROT_READ),
	    PROTECT(2, 1, URW),
	};

	(void)state;
	both_run(calls);
}

static void no_exec_stays(void **state)
{
	struct unit *u = *state;
	struct quire_file *f = unit_shmem(u, 4 * UPAGE, true);
	uint64_t a;

	assert_int_equal(quire_mmap_limited(u->mm, 0, UPAGE, QPROT_READ, QMAP_SHARED, f, 0, 8, &a),
			 -QEINVAL);
	assert_int_equal(quire_mmap_limited(u->mm, 0, UPAGE, QPROT_EXEC, QMAP_PRIVATE, f, 0,
					    QUIRE_MAP_NO_EXEC, &a),
			 -QEPERM);
	assert_int_equal(
	    quire_mmap_limited(u->mm, 0, UPAGE, URW, QMAP_SHARED, f, 0, QUIRE_MAP_NO_EXEC, &a), 0);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, QPROT_READ | QPROT_EXEC), -QEACCES);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, QPROT_READ), 0);
	quire_file_put(f);
	unit_verify(u);
}

static void growsdown_reaches_the_start(void **state)
{
	static const struct call calls[] = {
	    MAPX(100, 4, URW, GROWS),
	    PROTECT(103, 1, QPROT_READ | QPROT_GROWSDOWN),
	    MAPX(98, 2, URW, GROWS),
	    PROTECT(103, 1, URW | QPROT_GROWSDOWN),
	    PROTECT(90, 10, QPROT_READ | QPROT_GROWSDOWN),
	    PROTECT(90, 8, QPROT_READ | QPROT_GROWSDOWN),
	};

	(void)state;
	both_run(calls);
}

static void charging_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, QPROT_NONE),
	    PROTECT(0, 2, URW),
	    PROTECT(0, 2, QPROT_NONE),
	    PROTECT(1, 1, URW),
	    STORE(1, 1),
	    PROTECT(1, 1, QPROT_NONE),
	    MAPF(10, 2, QPROT_READ, QMAP_PRIVATE, F_RW, 0),
	    PROTECT(10, 1, URW),
	    PROTECT(10, 1, QPROT_READ),
	    MAPX(20, 4, QPROT_NONE, UANON | QMAP_FIXED | QMAP_NORESERVE),
	    PROTECT(20, 2, URW),
	};

	(void)state;
	both_run(calls);
}

static void data_limit(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 8 * UPAGE, QPROT_READ, UANON);

	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_DATA, 4 * UPAGE);
	assert_int_equal(quire_mprotect(u->mm, a, 8 * UPAGE, URW), -QENOMEM);
	assert_int_equal(quire_mprotect(u->mm, a, 4 * UPAGE, URW), 0);
	assert_int_equal(quire_mprotect(u->mm, a + 4 * UPAGE, UPAGE, URW), -QENOMEM);
	unit_verify(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(errors_as_host),       cmocka_unit_test(part_before_a_hole_changes),
	    cmocka_unit_test(rights_of_the_object), unit_test(no_exec_stays),
	    cmocka_unit_test(rights_are_enforced),  cmocka_unit_test(growsdown_reaches_the_start),
	    cmocka_unit_test(charging_as_host),     unit_test(data_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
