/* SPDX-License-Identifier: MIT */
/*
 * test_brk.c: brk(2).
 */
#include "both.h"

#define BRK(off)                                                                                   \
	{                                                                                          \
		.kind = C_BRK, .c = (off)                                                          \
	}

static void as_host(void **state)
{
	static const struct call calls[] = {
	    BRK(0),         BRK(1),         BRK(UPAGE),      BRK(5 * UPAGE), BRK(5 * UPAGE + 7),
	    BRK(2 * UPAGE), BRK(UPAGE + 1), BRK(1ull << 46), BRK(3 * UPAGE), BRK(0),
	};

	(void)state;
	both_run(calls);
}

static void zeroed_when_it_comes_back(void **state)
{
	struct unit *u = *state;

	quire_mm_set_brk(u->mm, 0x600800);
	assert_int_equal(quire_brk(u->mm, 0x605000), 0x605000);
	unit_fill(u->mm, 0x601000, 4 * UPAGE, 1);
	assert_int_equal(quire_brk(u->mm, 0x602001), 0x602001);
	unit_verify(u);
	assert_int_equal(unit_rss(u->mm), 2);
	assert_int_equal(quire_brk(u->mm, 0x605000), 0x605000);
	unit_expect_fill(u->mm, 0x601000, 2 * UPAGE, 1);
	unit_expect_zero(u->mm, 0x603000, 2 * UPAGE);
	assert_int_equal(unit_vma_count(u->mm), 1);
	unit_verify(u);
}

static void limits(void **state)
{
	struct unit *u = *state;

	quire_mm_set_brk(u->mm, 0x600000);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_DATA, 4 * UPAGE);
	assert_int_equal(quire_brk(u->mm, 0x604000), 0x604000);
	assert_int_equal(quire_brk(u->mm, 0x604001), 0x604000);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_DATA, QUIRE_RLIM_INFINITY);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_AS, 5 * UPAGE);
	assert_int_equal(quire_brk(u->mm, 0x606000), 0x604000);
	assert_int_equal(quire_brk(u->mm, 0x605000), 0x605000);
	assert_int_equal(quire_brk(u->mm, 0x5fffff), 0x605000);
	unit_verify(u);
}

/* A heap that is too long already does not even get shorter, unless it fits then. */
static void data_counts(void **state)
{
	struct unit *u = *state;
	struct quire_mm *child;

	quire_mm_set_brk(u->mm, 0x600000);
	quire_mm_set_data(u->mm, 2 * UPAGE);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_DATA, 4 * UPAGE);
	assert_int_equal(quire_brk(u->mm, 0x602000), 0x602000);
	assert_int_equal(quire_brk(u->mm, 0x602001), 0x602000);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(quire_brk(child, 0x602001), 0x602000);
	quire_mm_put(child);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_DATA, 3 * UPAGE);
	assert_int_equal(quire_brk(u->mm, 0x601001), 0x602000);
	assert_int_equal(quire_brk(u->mm, 0x601000), 0x601000);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_DATA, UPAGE);
	assert_int_equal(quire_brk(u->mm, 0x600000), 0x601000);
	unit_verify(u);
}

static void a_mapping_stops_it(void **state)
{
	struct unit *u = *state;

	quire_mm_set_brk(u->mm, 0x600000);
	unit_map(u->mm, 0x610000, UPAGE, QPROT_READ, UANON | QMAP_FIXED);
	assert_int_equal(quire_brk(u->mm, 0x610000), 0x600000);
	assert_int_equal(quire_brk(u->mm, 0x60f000), 0x60f000);
	assert_int_equal(quire_munmap(u->mm, 0x600000, 0xf000), 0);
	assert_int_equal(quire_brk(u->mm, 0x601000), 0x60f000);
	unit_verify(u);
}

static void no_break_before_exec(void **state)
{
	struct unit *u = *state;

	assert_int_equal(quire_brk(u->mm, 0x600000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_host),
	    unit_test(zeroed_when_it_comes_back),
	    unit_test(limits),
	    unit_test(data_counts),
	    unit_test(a_mapping_stops_it),
	    unit_test(no_break_before_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
