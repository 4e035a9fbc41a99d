/* SPDX-License-Identifier: MIT */
/*
 * test_moved_ranges.c: what a walk looks at where a mapping was moved many times: linked with
 * --wrap=itree_next, which counts the ranges that it goes on to.
 */
#include "unit.h"

#include "core/rmap/moved.h"
#include "ds/itree.h"

static unsigned steps;

struct itree_node *__real_itree_next(const struct itree_node *node, uint64_t first, uint64_t last);
struct itree_node *__wrap_itree_next(const struct itree_node *node, uint64_t first, uint64_t last);

struct itree_node *__wrap_itree_next(const struct itree_node *node, uint64_t first, uint64_t last)
{
	steps++;
	return __real_itree_next(node, first, last);
}

/* All but the last page moves, again and again: each time one stays behind, with its range. */
static void test_many_moves(void **state)
{
	enum { MOVES = 500 };
	struct unit *u = *state;
	uint64_t to = unit_map(u->mm, 0, (MOVES + 1) * UPAGE, URW, UANON), index = to / UPAGE;
	unsigned ranges = 0;

	unit_store(u->mm, to, 1);
	for (uint64_t i = 0; i < MOVES; i++) {
		uint64_t from = to, len = (MOVES + 1 - i) * UPAGE;

		to = (1ull << 40) + i * (MOVES + 8) * UPAGE;
		assert_int_equal(
		    quire_mremap(u->mm, from, len, len, QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &from),
		    0);
	}
	steps = 0;
	for (struct moved_range *r = moved_first(u->mm->anon, index, index); r;
	     r = moved_next(r, index, index))
		ranges++;
	assert_in_range(ranges, 1, MOVES);
	assert_in_range(steps, 1, ranges);
	assert_int_equal(unit_load(u->mm, to), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_many_moves, unit_setup, unit_teardown),
	};

	return cmocka_run_group_tests_name("moved_ranges", tests, NULL, NULL);
}
