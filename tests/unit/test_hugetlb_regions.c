/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb_regions.c: sets of page numbers as regions, against a word for each page.
 */
#include "core/huge/regions.h"
#include "unit.h"

#define PAGES 96u
#define STEPS 60000

struct regions_test {
	struct unit u; /* first */
	struct regions set;
	struct region_spare spare;
	const void *model[PAGES]; /* NULL: not in the set; else the owner */
	unsigned seed;
};

static char owners[3];

static unsigned pick(struct regions_test *t, unsigned n)
{
	t->seed = t->seed * 1103515245u + 12345u;
	return (t->seed >> 8) % n;
}

static int up(void **state)
{
	struct regions_test *t = calloc(1, sizeof(*t));

	unit_up(&t->u, NULL, NULL);
	t->seed = 1;
	*state = t;
	return 0;
}

static int down(void **state)
{
	struct regions_test *t = *state;
	uint64_t before = t->spare.n;

	regions_clear(&t->set, &t->spare);
	assert_true(regions_empty(&t->set) && t->spare.n >= before);
	region_spare_free(t->u.m, &t->spare);
	unit_down(&t->u);
	free(t);
	return 0;
}

static void spare(struct regions_test *t, uint64_t n)
{
	region_spare_free(t->u.m, &t->spare);
	assert_true(region_spare_fill(t->u.m, &t->spare, n));
	assert_int_equal(t->spare.n, n);
}

/* Each page is in the region that the model says, and there are as few as there can be. */
static void same(struct regions_test *t)
{
	uint64_t regions = 0, pages = 0, nr;

	assert_null(regions_check(&t->set));
	for (unsigned i = 0; i < PAGES; i++) {
		const struct region *r = regions_find(&t->set, i);

		assert_ptr_equal(r ? r->owner : NULL, t->model[i]);
		pages += r != NULL;
		regions += r && (!i || t->model[i - 1] != t->model[i]);
	}
	assert_int_equal(regions_count(&t->set, 0, UINT64_MAX, &nr), pages);
	assert_int_equal(nr, regions);
}

static void same_in_range(struct regions_test *t, unsigned first, unsigned last)
{
	uint64_t pages = 0, regions = 0, nr;

	for (unsigned i = first; i < last; i++) {
		pages += t->model[i] != NULL;
		regions += t->model[i] && (i == first || t->model[i - 1] != t->model[i]);
	}
	assert_int_equal(regions_count(&t->set, first, last, &nr), pages);
	assert_int_equal(nr, regions);
}

static void add(struct regions_test *t, unsigned first, unsigned last, const void *owner)
{
	spare(t, 2);
	regions_add(&t->set, first, last, owner, &t->spare);
	for (unsigned i = first; i < last; i++)
		t->model[i] = owner;
}

static void take(struct regions_test *t, unsigned first, unsigned last)
{
	bool to_end = last == PAGES && pick(t, 2);

	spare(t, to_end ? 0 : 1);
	regions_remove(&t->set, first, to_end ? UINT64_MAX : last, &t->spare);
	for (unsigned i = first; i < last; i++)
		t->model[i] = NULL;
}

static void test_random(void **state)
{
	struct regions_test *t = *state;

	for (unsigned i = 0; i < STEPS; i++) {
		unsigned first = pick(t, PAGES), last = first + 1 + pick(t, PAGES - first);

		if (pick(t, 4)) /* mostly short */
			last = first + 1 + (last - first) / 8;
		if (pick(t, 2))
			add(t, first, last, &owners[pick(t, 3)]);
		else
			take(t, first, last);
		if (i % 16 == 0)
			same(t);
		same_in_range(t, first, last);
	}
}

/* Owners of which nothing is known, too: NULL is one. */
static void test_owners_stay_apart(void **state)
{
	struct regions_test *t = *state;
	uint64_t nr;

	spare(t, 8);
	regions_add(&t->set, 0, 4, NULL, &t->spare);
	regions_add(&t->set, 4, 8, &owners[0], &t->spare);
	regions_add(&t->set, 8, 12, NULL, &t->spare);
	assert_int_equal(regions_count(&t->set, 0, 12, &nr), 12);
	assert_int_equal(nr, 3);
	regions_add(&t->set, 4, 8, NULL, &t->spare);
	assert_int_equal(regions_count(&t->set, 0, 12, &nr), 12);
	assert_int_equal(nr, 1);
	assert_int_equal(t->spare.n, 7);
}

static void test_no_memory(void **state)
{
	struct regions_test *t = *state;
	struct quire_machine_stats st;
	uint64_t point;

	quire_machine_stats(t->u.m, &st);
	point = st.alloc_points + 2;
	assert_int_equal(quire_machine_fail(t->u.m, &point, 1), 0);
	assert_false(region_spare_fill(t->u.m, &t->spare, 3));
	assert_int_equal(t->spare.n, 1);
	assert_true(region_spare_fill(t->u.m, &t->spare, 3));
	assert_int_equal(t->spare.n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_random, up, down),
	    cmocka_unit_test_setup_teardown(test_owners_stay_apart, up, down),
	    cmocka_unit_test_setup_teardown(test_no_memory, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
