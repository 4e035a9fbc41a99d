/* SPDX-License-Identifier: MIT */
/*
 * test_fork.c: fork(2) and exit of an address space.
 */
#include "both.h"

static void content_as_host(void **state)
{
	static const struct call calls[] = {
	    MAPA(0, 4, URW),
	    MAPX(10, 4, URW, USHARED | QMAP_FIXED),
	    MAPF(20, 4, URW, QMAP_PRIVATE, F_RW, 0),
	    MAPF(30, 4, URW, QMAP_SHARED, F_RW, 0),
	    MAPA(40, 4, URW),
	    MAPA(50, 4, URW),
	    MAPX(60, 4, URW, UANON | QMAP_FIXED | QMAP_LOCKED),
	    MAPX(70, 1, URW, QMAP_DROPPABLE | QMAP_ANONYMOUS | QMAP_FIXED),
	    STORE(70, 1),
	    STORE(0, 1),
	    STORE(10, 2),
	    STORE(20, 3),
	    STORE(30, 4),
	    STORE(40, 5),
	    STORE(50, 6),
	    STORE(60, 7),
	    ADVISE(40, 4, QMADV_DONTFORK),
	    ADVISE(50, 4, QMADV_WIPEONFORK),
	    {.kind = C_FORK_PARENT},
	    STORE(0, 8),
	    LOAD(40),
	    LOAD(50),
	    {.kind = C_FORK},
	    LOAD(0),
	    LOAD(10),
	    LOAD(20),
	    LOAD(30),
	    LOAD(40),
	    LOAD(50),
	    LOAD(60),
	    LOAD(70),
	    STORE(0, 9),
	    STORE(10, 10),
	    STORE(20, 11),
	    STORE(30, 12),
	    {.kind = C_FORK},
	    LOAD(0),
	    LOAD(20),
	    STORE(0, 13),
	};

	(void)state;
	both_run(calls);
}

static void sides_do_not_see_each_other(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 64 * UPAGE, URW, UANON);
	struct quire_mm *child;

	unit_fill(u->mm, a, 64 * UPAGE, 1);
	assert_int_equal(quire_mm_fork(u->mm, u, &child), 0);
	assert_ptr_equal(quire_mm_cookie(child), u);
	unit_verify(u);
	unit_expect_fill(child, a, 64 * UPAGE, 1);
	unit_fill(u->mm, a, 32 * UPAGE, 2);
	unit_fill(child, a + 16 * UPAGE, 32 * UPAGE, 3);
	unit_verify(u);
	unit_expect_fill(u->mm, a, 32 * UPAGE, 2);
	unit_expect_fill(child, a, 16 * UPAGE, 1);
	unit_expect_fill(child, a + 16 * UPAGE, 32 * UPAGE, 3);
	quire_mm_put(child);
	unit_verify(u);
	assert_int_equal(unit_load(u->mm, a + 63 * UPAGE), unit_word(63, 1));
}

static void parent_is_flushed(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * UPAGE, URW, UANON), before;
	struct quire_mm *child;

	unit_fill(u->mm, a, 4 * UPAGE, 1);
	before = u->flushes;
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_true(u->flushes > before);
	assert_int_equal(quire_pte(u->mm, a) & QUIRE_PTE_WRITE, 0);
	quire_mm_put(child);
}

/* However many pages are pinned, a table is flushed once before they are copied. */
static void pinned_pages_share_a_flush(void **state)
{
	enum { PAGES = 256 };
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, PAGES * UPAGE, URW, UANON), before;
	struct quire_pin pins[PAGES];
	struct quire_mm *child;

	unit_fill(u->mm, a, PAGES * UPAGE, 1);
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(quire_pin(u->mm, a + i * UPAGE, QUIRE_WRITE, &pins[i]), 0);
	before = u->flushes;
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_in_range(u->flushes - before, 1, 4); /* two tables, if it lies across */
	unit_verify(u);
	for (unsigned i = 0; i < PAGES; i++) {
		*(uint64_t *)pins[i].mem = 2;
		quire_unpin(u->m, &pins[i]);
	}
	unit_expect_fill(child, a, PAGES * UPAGE, 1);
	assert_int_equal(unit_load(u->mm, a), 2);
	quire_mm_put(child);
	unit_verify(u);
}

static void settings_are_copied(void **state)
{
	struct unit *u = *state;
	struct quire_mm_stats p, c;
	struct quire_mm *child;
	uint64_t a;

	quire_mm_set_brk(u->mm, 0x600000);
	quire_brk(u->mm, 0x604000);
	quire_mm_set_mmap_base(u->mm, 0x70000000);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_AS, 16 * UPAGE);
	assert_int_equal(quire_mlockall(u->mm, QMCL_FUTURE), 0);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	quire_mm_stats(u->mm, &p);
	quire_mm_stats(child, &c);
	assert_int_equal(p.forks, 1);
	assert_int_equal(c.brk, p.brk);
	assert_int_equal(c.start_brk, p.start_brk);
	assert_int_equal(c.mmap_base, p.mmap_base);
	assert_int_equal(c.total_vm, p.total_vm);
	assert_int_equal(quire_mmap(child, 0, 13 * UPAGE, URW, UANON, NULL, 0, &a), -QENOMEM);
	unit_map(child, 0, UPAGE, URW, UANON);
	quire_mm_stats(child, &c);
	assert_int_equal(c.locked_vm, 0); /* MCL_FUTURE is not inherited */
	quire_mm_put(child);
}

static void exit_drops_everything(void **state)
{
	struct unit *u = *state;
	struct quire_mm_stats st;
	uint64_t a = unit_map(u->mm, 0, 64 * UPAGE, URW, UANON), out;

	unit_fill(u->mm, a, 64 * UPAGE, 1);
	unit_map(u->mm, 0, 4 * UPAGE, URW, USHARED | QMAP_POPULATE);
	quire_mm_exit(u->mm);
	unit_verify(u);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.vmas, 0);
	assert_int_equal(st.total_vm, 0);
	assert_int_equal(st.rss_anon + st.rss_shmem, 0);
	assert_int_equal(st.peak_rss, 68);
	assert_int_equal(st.table_bytes, UPAGE);
	assert_int_equal(quire_mmap(u->mm, 0, UPAGE, URW, UANON, NULL, 0, &out), -QENOMEM);
	assert_false(unit_try_store(u->mm, a, 1));
	quire_mm_exit(u->mm);
	unit_verify(u);
}

/* Every allocation of a fork fails in turn; the parent is as it was. */
static void failing_forks(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 1024 * UPAGE, URW, UANON);
	struct quire_mm *child = NULL;
	struct quire_machine_stats st;
	struct quire_mm_stats mm_st;
	unsigned failed = 0;
	int err;

	unit_map(u->mm, 0, 4 * UPAGE, URW, USHARED | QMAP_POPULATE);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(quire_mprotect(u->mm, a + i * 8 * UPAGE, UPAGE, QPROT_READ), 0);
	for (unsigned i = 0; i < 1024; i += 64)
		unit_store(u->mm, a + (i + 2) * UPAGE, i);
	for (unsigned n = 1;; n++) {
		uint64_t point;

		quire_machine_stats(u->m, &st);
		point = st.alloc_points + n;
		assert_int_equal(quire_machine_fail(u->m, &point, 1), 0);
		err = quire_mm_fork(u->mm, NULL, &child);
		assert_int_equal(quire_machine_fail(u->m, NULL, 0), 0);
		unit_verify(u);
		if (!err)
			break;
		assert_int_equal(err, -QENOMEM);
		failed++;
		for (unsigned i = 0; i < 1024; i += 64)
			assert_int_equal(unit_load(u->mm, a + (i + 2) * UPAGE), i);
	}
	assert_true(failed > 10);
	quire_mm_stats(u->mm, &mm_st);
	assert_int_equal(mm_st.forks, 1);
	assert_int_equal(mm_st.fork_entries_copied,
			 1024 / 64); /* of those that failed none counts */
	quire_mm_put(child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(content_as_host), unit_test(sides_do_not_see_each_other),
	    unit_test(parent_is_flushed),      unit_test(pinned_pages_share_a_flush),
	    unit_test(settings_are_copied),    unit_test(exit_drops_everything),
	    unit_test(failing_forks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
