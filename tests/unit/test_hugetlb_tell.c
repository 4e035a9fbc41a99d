/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb_tell.c: what port.huge_event is told, in order.
 */
#include "hugetlb.h"

static struct quire_huge_event told[32];
static unsigned nr_told;

static void tell(void *ctx, const struct quire_huge_event *e)
{
	(void)ctx;
	assert_true(nr_told < 32);
	told[nr_told++] = *e;
}

static int up(void **state)
{
	struct unit *u = calloc(1, sizeof(*u));
	struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 64ull << 20, .huge_pages = {[QUIRE_HUGE_2M] = 2}};

	nr_told = 0;
	unit_port(u);
	u->port.huge_event = tell;
	unit_machine(u, &opts);
	*state = u;
	return 0;
}

static struct quire_mm *mm_of(struct unit *u, const char *cookie)
{
	struct quire_mm_options o = {.size = sizeof(o), .cookie = (void *)(uintptr_t)cookie};
	struct quire_mm *mm;

	assert_int_equal(quire_mm_create(u->m, &o, &mm), 0);
	return mm;
}

/* The latest. */
static const struct quire_huge_event *expect(enum quire_huge_what what, const char *whose,
					     const char *by, uint64_t addr, uint64_t pages)
{
	const struct quire_huge_event *e = &told[nr_told - 1];

	assert_true(nr_told > 0);
	assert_int_equal(e->what, what);
	assert_ptr_equal(e->cookie, whose);
	assert_ptr_equal(e->by, by);
	assert_true(e->addr == addr);
	assert_true(e->pages == pages);
	assert_true(e->page_size == HUGE);
	return e;
}

static void store(struct quire_mm *mm, uint64_t addr)
{
	struct quire_fault out;

	quire_fault(mm, addr, QUIRE_WRITE, &out);
}

static void story(void **state)
{
	static const char parent[] = "parent", child[] = "child";
	struct unit *u = *state;
	struct quire_mm *mm = mm_of(u, parent), *of_child;
	uint64_t a = unit_map(mm, 0, 2 * HUGE, RW, PRIVATE), b;
	uint64_t ino;

	ino = expect(QUIRE_HUGE_PROMISED, parent, parent, a, 2)->ino;
	assert_true(ino != 0);
	store(mm, a + HUGE + 5);
	assert_true(expect(QUIRE_HUGE_TOUCHED, parent, parent, a + HUGE, 1)->offset == HUGE);
	assert_int_equal(quire_mm_fork(mm, (void *)(uintptr_t)child, &of_child), 0);
	store(mm, a);
	store(mm, a + HUGE);
	assert_int_equal(nr_told, 4);
	expect(QUIRE_HUGE_TAKEN, child, parent, a + HUGE, 1);
	store(of_child, a + HUGE);
	assert_int_equal(nr_told, 4); /* it is lost: nobody was asked */
	assert_int_equal(quire_mmap(mm, 0, HUGE, RW, PRIVATE, NULL, 0, &b), -QENOMEM);
	assert_int_equal(expect(QUIRE_HUGE_UNPROMISED, parent, parent, told[4].addr, 1)->reason,
			 QUIRE_REASON_HUGE_POOL);
	b = unit_map(mm, 0, HUGE, RW, PRIVATE | QMAP_NORESERVE);
	store(mm, b);
	assert_int_equal(expect(QUIRE_HUGE_REFUSED, parent, parent, b, 1)->reason,
			 QUIRE_REASON_HUGE_POOL);
	assert_true(told[5].ino != ino);
	quire_mm_put(of_child);
	quire_mm_put(mm);
}

static void copied(void **state)
{
	static const char parent[] = "parent", child[] = "child";
	struct unit *u = *state;
	struct quire_mm *mm = mm_of(u, parent), *of_child;
	uint64_t a = unit_map(mm, 0, HUGE, RW, PRIVATE);

	store(mm, a);
	assert_int_equal(quire_mm_fork(mm, (void *)(uintptr_t)child, &of_child), 0);
	store(of_child, a + 8);
	expect(QUIRE_HUGE_COPIED, child, child, a, 1);
	quire_mm_put(of_child);
	quire_mm_put(mm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(story, up, unit_teardown),
	    cmocka_unit_test_setup_teardown(copied, up, unit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
