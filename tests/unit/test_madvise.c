/* SPDX-License-Identifier: MIT */
/*
 * test_madvise.c: madvise(2), against the host kernel where it is cheap.
 */
#include "both.h"

#define FIXED (UANON | QMAP_FIXED)

static void errors_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 8, URW),
	    ADVISE(100, 0, QMADV_DONTNEED),
	    {C_MADVISE, BOTH_ABS(BOTH_BASE + 1), UPAGE, QMADV_DONTNEED, 0, F_ANON, 0, 0},
	    {C_MADVISE, 0, UINT64_MAX, QMADV_DONTNEED, 0, F_ANON, 0, 0},
	    {C_MADVISE, 0, -UPAGE, QMADV_DONTNEED, 0, F_ANON, 0, 0},
	    ADVISE(0, 1, 5),
	    ADVISE(0, 0, 5),
	    ADVISE(0, 1, 1000),
	    ADVISE(0, 1, QMADV_COLLAPSE),
	    ADVISE(100, 1, QMADV_DONTNEED),
	    ADVISE(100, 1, QMADV_NORMAL),
	    ADVISE(100, 1, QMADV_POPULATE_READ),
	    ADVISE(0, 1, QMADV_REMOVE),
	    MAPF(10, 2, URW, QMAP_PRIVATE, F_RW, 0),
	    MAPF(12, 2, URW, QMAP_SHARED, F_RW, 4),
	    MAPF(14, 2, QPROT_READ, QMAP_SHARED, F_RO, 4),
	    MAPX(16, 2, URW, FIXED | QMAP_LOCKED),
	    ADVISE(10, 1, QMADV_REMOVE),
	    ADVISE(14, 1, QMADV_REMOVE),
	    ADVISE(16, 1, QMADV_REMOVE),
	    ADVISE(10, 1, QMADV_FREE),
	    ADVISE(12, 1, QMADV_FREE),
	    ADVISE(16, 1, QMADV_FREE),
	    ADVISE(16, 1, QMADV_DONTNEED),
	    ADVISE(16, 1, QMADV_DONTNEED_LOCKED),
	    ADVISE(16, 1, QMADV_COLD),
	    ADVISE(16, 1, QMADV_PAGEOUT),
	    ADVISE(10, 1, QMADV_WIPEONFORK),
	    ADVISE(12, 1, QMADV_WIPEONFORK),
	    ADVISE(10, 1, QMADV_KEEPONFORK),
	    MAPX(20, 2, URW, QMAP_DROPPABLE | QMAP_ANONYMOUS | QMAP_FIXED),
	    ADVISE(20, 1, QMADV_KEEPONFORK),
	    ADVISE(20, 1, QMADV_DODUMP),
	    ADVISE(20, 1, QMADV_DONTDUMP),
	    ADVISE(14, 4, QMADV_DONTNEED),
	};

	(void)state;
	both_run(calls);
}

/* What counts is whether the mapping may ever be written to, and that it is not locked. */
static void remove_rights_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPF(0, 4, URW, QMAP_SHARED, F_RW, 0),
	    MAPF(4, 2, QPROT_READ, QMAP_SHARED, F_RW, 4),
	    MAPF(6, 2, QPROT_NONE, QMAP_SHARED, F_RW, 6),
	    MAPF(8, 2, QPROT_READ, QMAP_SHARED, F_RO_OF_RW, 8),
	    MAPF(10, 2, QPROT_READ, QMAP_SHARED, F_SEALED, 0),
	    MAPF(12, 2, URW, QMAP_PRIVATE, F_RW, 0),
	    STORE(0, 1),
	    STORE(1, 2),
	    STORE(2, 3),
	    LOAD(12),
	    STORE(13, 4),
	    ADVISE(0, 0, QMADV_REMOVE),
	    {C_MADVISE, BOTH_ABS(BOTH_BASE + 1), UPAGE, QMADV_REMOVE, 0, F_ANON, 0, 0},
	    ADVISE(4, 1, QMADV_REMOVE),
	    ADVISE(6, 1, QMADV_REMOVE),
	    ADVISE(8, 1, QMADV_REMOVE),
	    ADVISE(10, 1, QMADV_REMOVE),
	    ADVISE(12, 1, QMADV_REMOVE),
	    LOAD(0),
	    PROTECT(0, 4, QPROT_READ),
	    ADVISE(0, 1, QMADV_REMOVE),
	    LOAD(0),
	    LOAD(1),
	    LOAD(12),
	    /* from a hole on, and up to a mapping that refuses */
	    UNMAP(2, 1),
	    ADVISE(1, 3, QMADV_REMOVE),
	    LOAD(1),
	    LOAD(13),
	    PROTECT(0, 1, URW),
	    STORE(0, 5),
	    ADVISE(0, 10, QMADV_REMOVE),
	    LOAD(0),
	    ADVISE(2, 1, QMADV_REMOVE),
	    {.kind = C_MLOCK, .addr = 0, .len = UPAGE},
	    ADVISE(0, 1, QMADV_REMOVE),
	    {.kind = C_MLOCK, .addr = 12, .len = UPAGE},
	    ADVISE(12, 1, QMADV_REMOVE),
	};

	(void)state;
	both_run(calls);
}

static void flags_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 16, URW),
	    ADVISE(1, 2, QMADV_RANDOM),
	    ADVISE(2, 2, QMADV_SEQUENTIAL),
	    ADVISE(0, 16, QMADV_NORMAL),
	    ADVISE(4, 2, QMADV_DONTFORK),
	    ADVISE(5, 3, QMADV_DONTDUMP),
	    ADVISE(6, 3, QMADV_WIPEONFORK),
	    ADVISE(3, 2, QMADV_DOFORK),
	    ADVISE(0, 16, QMADV_DODUMP),
	    ADVISE(0, 16, QMADV_KEEPONFORK),
	    ADVISE(0, 16, QMADV_DOFORK),
	    ADVISE(2, 2, QMADV_HUGEPAGE),
	    ADVISE(3, 2, QMADV_NOHUGEPAGE),
	    ADVISE(0, 20, QMADV_WILLNEED),
	    ADVISE(0, 20, QMADV_DONTDUMP),
	    MAPA(20, 1, URW),
	    ADVISE(0, 21, QMADV_DODUMP),
	};

	(void)state;
	both_run(calls);
}

static void dontneed_content(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, URW),
	    STORE(0, 1),
	    STORE(1, 2),
	    ADVISE(1, 3, QMADV_DONTNEED),
	    LOAD(0),
	    LOAD(1),
	    MAPF(10, 4, URW, QMAP_PRIVATE, F_RW, 0),
	    MAPF(14, 4, URW, QMAP_SHARED, F_RW, 0),
	    STORE(14, 3),
	    STORE(10, 4),
	    LOAD(10),
	    ADVISE(10, 8, QMADV_DONTNEED),
	    LOAD(10),
	    LOAD(14),
	    MAPX(20, 4, URW, USHARED | QMAP_FIXED),
	    STORE(20, 5),
	    ADVISE(20, 4, QMADV_DONTNEED),
	    LOAD(20),
	    /* the rest is done, then the hole reported */
	    STORE(0, 6),
	    STORE(20, 7),
	    ADVISE(0, 24, QMADV_DONTNEED),
	    LOAD(0),
	    LOAD(20),
	    MAPX(30, 2, URW, FIXED | QMAP_LOCKED),
	    STORE(30, 8),
	    ADVISE(30, 2, QMADV_DONTNEED_LOCKED),
	    LOAD(30),
	};

	(void)state;
	both_run(calls);
}

static void remove_punches_a_hole(void **state)
{
	static const struct call calls[] = {
	    MAPF(0, 8, URW, QMAP_SHARED, F_RW, 0),
	    MAPF(10, 8, URW, QMAP_SHARED, F_RW, 0),
	    MAPF(20, 8, URW, QMAP_PRIVATE, F_RW, 0),
	    STORE(2, 1),
	    STORE(3, 2),
	    STORE(4, 3),
	    LOAD(13),
	    LOAD(23),
	    STORE(22, 9),
	    ADVISE(2, 2, QMADV_REMOVE),
	    LOAD(2),
	    LOAD(3),
	    LOAD(4),
	    LOAD(12),
	    LOAD(13),
	    LOAD(14),
	    LOAD(22),
	    LOAD(23),
	};

	(void)state;
	both_run(calls);
}

static void populate_errors(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 2, URW),
	    MAPA(2, 2, QPROT_READ),
	    MAPA(4, 2, QPROT_NONE),
	    MAPA(6, 2, QPROT_WRITE),
	    MAPA(8, 2, QPROT_EXEC),
	    MAPF(10, 2, URW, QMAP_SHARED, F_RW, 15),
	    ADVISE(0, 4, QMADV_POPULATE_READ),
	    ADVISE(0, 4, QMADV_POPULATE_WRITE),
	    ADVISE(4, 1, QMADV_POPULATE_READ),
	    ADVISE(6, 1, QMADV_POPULATE_READ),
	    ADVISE(6, 1, QMADV_POPULATE_WRITE),
	    ADVISE(8, 1, QMADV_POPULATE_READ),
	    ADVISE(10, 2, QMADV_POPULATE_READ),
	    ADVISE(10, 1, QMADV_POPULATE_WRITE),
	    ADVISE(12, 1, QMADV_POPULATE_READ),
	    ADVISE(11, 2, QMADV_POPULATE_WRITE),
	};

	(void)state;
	both_run(calls);
}

static void populate_maps(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 8 * UPAGE, URW, UANON);

	assert_int_equal(quire_madvise(u->mm, a, 4 * UPAGE, QMADV_POPULATE_READ), 0);
	assert_int_equal(unit_rss(u->mm), 0); /* the zero page counts nowhere */
	assert_int_equal(quire_madvise(u->mm, a, 8 * UPAGE, QMADV_POPULATE_WRITE), 0);
	assert_int_equal(unit_rss(u->mm), 8);
	assert_int_equal(quire_madvise(u->mm, a, 8 * UPAGE, QMADV_DONTNEED), 0);
	assert_int_equal(unit_rss(u->mm), 0);
	unit_verify(u);
}

static void free_keeps_what_is_written_again(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * UPAGE, URW, UANON);

	unit_fill(u->mm, a, 4 * UPAGE, 1);
	assert_int_equal(quire_madvise(u->mm, a, 4 * UPAGE, QMADV_FREE), 0);
	unit_verify(u);
	unit_store(u->mm, a, 77);
	assert_int_equal(unit_load(u->mm, a), 77);
	unit_verify(u);
}

static void unsupported_is_refused(void **state)
{
	static const int advices[] = {QMADV_HWPOISON, QMADV_SOFT_OFFLINE, QMADV_GUARD_INSTALL,
				      QMADV_GUARD_REMOVE, QMADV_COLLAPSE};
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * UPAGE, URW, UANON);

	for (unsigned i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		assert_int_equal(quire_madvise(u->mm, a, UPAGE, advices[i]), -QEINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(errors_as_host),
	    cmocka_unit_test(remove_rights_as_host),
	    cmocka_unit_test(flags_as_host),
	    cmocka_unit_test(dontneed_content),
	    cmocka_unit_test(remove_punches_a_hole),
	    cmocka_unit_test(populate_errors),
	    unit_test(populate_maps),
	    unit_test(free_keeps_what_is_written_again),
	    unit_test(unsupported_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
