/* SPDX-License-Identifier: MIT */
/*
 * test_mlock.c: mlock(2) and its kin, against the host kernel where it is cheap.
 */
#include "both.h"

#define LOCK(page, pages, flags)                                                                   \
	{                                                                                          \
		.kind = C_MLOCK, .addr = (page), .len = (pages)*UPAGE, .x = (flags)                \
	}
#define UNLOCK(page, pages)                                                                        \
	{                                                                                          \
		.kind = C_MUNLOCK, .addr = (page), .len = (pages)*UPAGE                            \
	}
#define LOCKALL(flags)                                                                             \
	{                                                                                          \
		.kind = C_MLOCKALL, .x = (flags)                                                   \
	}

static void errors_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, URW),
	    MAPA(6, 2, QPROT_NONE),
	    LOCK(0, 1, 2),
	    LOCK(100, 0, 0),
	    LOCK(100, 1, 0),
	    LOCK(2, 4, 0),
	    UNLOCK(2, 4),
	    LOCK(6, 1, 0),
	    LOCK(7, 1, QMLOCK_ONFAULT),
	    {C_MLOCK, BOTH_ABS(UINT64_MAX / 2 & ~0xfffull), 1 << 20, 0, 0, F_ANON, 0, 0},
	    {C_MLOCK, 0, UINT64_MAX - 4095, 0, 0, F_ANON, 0, 0},
	    {C_MLOCK, BOTH_ABS(BOTH_BASE + 77), UPAGE, 0, 0, F_ANON, 0, 0},
	    {C_MUNLOCK, BOTH_ABS(BOTH_BASE + 77), 1, 0, 0, F_ANON, 0, 0},
	    UNLOCK(100, 1),
	    UNLOCK(100, 0),
	    MAPF(20, 4, URW, QMAP_SHARED, F_RW, 14),
	    LOCK(20, 2, 0),
	    LOCK(20, 4, 0),
	    MAPX(30, 1, URW, QMAP_DROPPABLE | QMAP_ANONYMOUS | QMAP_FIXED),
	    LOCK(30, 1, 0),
	    LOCKALL(0),
	    LOCKALL(8),
	    LOCKALL(QMCL_ONFAULT),
	};

	(void)state;
	both_run(calls);
}

/* Rights are those of the moment: what was locked stays, nothing more may be. */
static void dropped_privilege_as_host(void **state)
{
	static const struct call calls[] = {
	    {.kind = C_RLIMIT, .x = QUIRE_RLIMIT_MEMLOCK, .c = 2 * UPAGE},
	    MAPA(0, 8, URW),
	    LOCK(0, 4, QMLOCK_ONFAULT),
	    MAPX(10, 4, URW, UANON | QMAP_FIXED | QMAP_LOCKED),
	    {.kind = C_DROP},
	    LOCK(4, 1, QMLOCK_ONFAULT),
	    LOCK(0, 2, QMLOCK_ONFAULT),
	    MAPX(20, 1, URW, UANON | QMAP_FIXED | QMAP_LOCKED),
	    REMAP(10, 4, 5, QMREMAP_MAYMOVE, 0),
	    LOCKALL(QMCL_CURRENT),
	    UNLOCK(0, 14),
	    LOCK(4, 2, QMLOCK_ONFAULT),
	    LOCK(6, 1, QMLOCK_ONFAULT),
	    {.kind = C_RLIMIT, .x = QUIRE_RLIMIT_MEMLOCK, .c = 0},
	    LOCK(4, 1, QMLOCK_ONFAULT),
	    LOCK(4, 0, QMLOCK_ONFAULT),
	    LOCKALL(QMCL_FUTURE),
	    MAPX(30, 1, URW, UANON | QMAP_FIXED | QMAP_LOCKED),
	    UNLOCK(4, 2),
	};

	(void)state;
	both_run(calls);
}

static void everything_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, URW),        MAPA(6, 2, QPROT_NONE), LOCKALL(QMCL_FUTURE | QMCL_ONFAULT),
	    MAPA(10, 2, URW),       LOCKALL(QMCL_FUTURE),   MAPA(12, 2, URW),
	    LOCKALL(QMCL_CURRENT),  MAPA(14, 2, URW),       LOCKALL(QMCL_CURRENT | QMCL_ONFAULT),
	    {.kind = C_FORK},       MAPA(16, 2, URW),       LOCK(0, 2, 0),
	    {.kind = C_MUNLOCKALL},
	};

	(void)state;
	if (BOTH_ASAN)
		unit_skip("mlockall would lock ASan's shadow memory");
	both_run(calls);
}

static void limit_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 8, URW),        {.kind = C_RLIMIT, .x = QUIRE_RLIMIT_MEMLOCK, .c = 4 * UPAGE},
	    LOCK(0, 5, 0),          LOCK(0, 3, 0),
	    LOCK(1, 3, 0),          LOCK(2, 3, 0),
	    UNLOCK(0, 1),           LOCK(4, 1, 0),
	    LOCKALL(QMCL_CURRENT),  LOCKALL(QMCL_FUTURE),
	    MAPA(20, 1, URW),       UNLOCK(1, 1),
	    MAPA(20, 1, URW),       {.kind = C_RLIMIT, .x = QUIRE_RLIMIT_MEMLOCK, .c = 0},
	    LOCK(0, 1, 0),          LOCK(0, 0, 0),
	    LOCKALL(QMCL_FUTURE),   UNLOCK(0, 8),
	    {.kind = C_MUNLOCKALL},
	};

	(void)state;
	both_run_unprivileged(calls);
}

static void locking_faults_in(void **state)
{
	struct unit *u = *state;
	struct quire_mm_stats st;
	uint64_t a = unit_map(u->mm, 0, 8 * UPAGE, URW, UANON);

	assert_int_equal(quire_mlock(u->mm, a + UPAGE, 2 * UPAGE, 0), 0);
	assert_int_equal(unit_rss(u->mm), 2);
	assert_int_equal(quire_mlock(u->mm, a + 4 * UPAGE, UPAGE, QMLOCK_ONFAULT), 0);
	assert_int_equal(unit_rss(u->mm), 2);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.locked_vm, 3);
	assert_int_equal(quire_munlockall(u->mm), 0);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.locked_vm, 0);
	assert_int_equal(st.peak_locked_vm, 3);
	unit_verify(u);
}

static void writable_again_is_faulted_in(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 8 * UPAGE, QPROT_NONE, UANON);

	assert_int_equal(quire_mlock(u->mm, a, 4 * UPAGE, 0), -QENOMEM);
	assert_int_equal(unit_rss(u->mm), 0);
	assert_int_equal(quire_mprotect(u->mm, a, 8 * UPAGE, URW), 0);
	assert_int_equal(unit_rss(u->mm), 4);
	unit_verify(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(dropped_privilege_as_host),
	    cmocka_unit_test(errors_as_host),
	    cmocka_unit_test(everything_as_host),
	    cmocka_unit_test(limit_as_host),
	    unit_test(locking_faults_in),
	    unit_test(writable_again_is_faulted_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
