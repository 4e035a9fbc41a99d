/* SPDX-License-Identifier: MIT */
/* test_ds_itree.c: the interval tree against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ds/itree.h"
#include "test_ds_alloc.h"

#define NODES 300
#define SPAN 200

struct item {
	struct itree_node node;
	uint64_t first, last, stamp;
	bool in;
};

struct model {
	struct itree tree;
	struct item item[NODES];
	uint64_t stamps;
};

static void put(struct model *m, unsigned i, uint64_t first, uint64_t last)
{
	struct item *it = &m->item[i];

	it->first = first;
	it->last = last;
	it->stamp = ++m->stamps;
	it->in = true;
	itree_insert(&m->tree, &it->node, first, last);
	assert_null(itree_check(&m->tree));
}

static void take(struct model *m, unsigned i)
{
	m->item[i].in = false;
	itree_remove(&m->tree, &m->item[i].node);
	assert_null(itree_check(&m->tree));
}

/* Every overlapping node is met once, by ascending (first, order of insertion). */
static void expect_overlaps(struct model *m, uint64_t first, uint64_t last)
{
	unsigned want = 0, got = 0;
	struct item *prev = NULL;
	struct itree_node *pos;

	for (unsigned i = 0; i < NODES; i++) {
		const struct item *it = &m->item[i];

		want += it->in && it->first <= last && it->last >= first;
	}
	itree_for_each (&m->tree, first, last, pos) {
		struct item *it = container_of(pos, struct item, node);

		assert_true(it->in && it->first <= last && it->last >= first);
		if (prev && prev->first == it->first)
			assert_true(prev->stamp < it->stamp);
		else if (prev)
			assert_true(prev->first < it->first);
		prev = it;
		got++;
	}
	assert_int_equal(got, want);
}

static void test_random(void **state)
{
	static struct model m;
	uint64_t seed = 42;

	(void)state;
	itree_init(&m.tree);
	assert_true(itree_empty(&m.tree));
	for (unsigned step = 0; step < 30000; step++) {
		unsigned i = (unsigned)rnd_below(&seed, NODES);
		uint64_t first = rnd_below(&seed, SPAN);

		if (m.item[i].in)
			take(&m, i);
		else
			put(&m, i, first, first + rnd_below(&seed, step % 2 ? 5 : SPAN));
		if (step % 4)
			continue;
		first = rnd_below(&seed, SPAN);
		expect_overlaps(&m, first, first + rnd_below(&seed, 20));
	}
	for (unsigned i = 0; i < NODES; i++) {
		if (m.item[i].in)
			take(&m, i);
	}
	assert_true(itree_empty(&m.tree));
}

static void test_edges_of_the_space(void **state)
{
	static struct model m;

	(void)state;
	itree_init(&m.tree);
	expect_overlaps(&m, 0, UINT64_MAX);
	put(&m, 0, 0, 0);
	put(&m, 1, UINT64_MAX, UINT64_MAX);
	put(&m, 2, 0, UINT64_MAX);
	put(&m, 3, 5, 9);
	expect_overlaps(&m, 0, 0);
	expect_overlaps(&m, UINT64_MAX, UINT64_MAX);
	expect_overlaps(&m, 1, UINT64_MAX - 1);
	expect_overlaps(&m, 10, 10);
	expect_overlaps(&m, 9, 9);
}

/* A file that everybody maps from the start: all keys are equal. */
static void test_equal_intervals(void **state)
{
	static struct model m;

	(void)state;
	itree_init(&m.tree);
	for (unsigned i = 0; i < NODES; i++)
		put(&m, i, 7, 7 + i % 3);
	expect_overlaps(&m, 0, 100);
	expect_overlaps(&m, 9, 9);
	for (unsigned i = 0; i < NODES; i += 3)
		take(&m, i);
	expect_overlaps(&m, 0, 100);
	expect_overlaps(&m, 8, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_edges_of_the_space),
	    cmocka_unit_test(test_equal_intervals),
	};

	return cmocka_run_group_tests_name("ds_itree", tests, NULL, NULL);
}
