/* SPDX-License-Identifier: MIT */
/* test_ds_dlist.c: the intrusive list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ds/dlist.h"

struct item {
	int value;
	struct dlist node;
};

static void fill(struct dlist *head, struct item *items, int first, int count)
{
	dlist_init(head);
	for (int i = 0; i < count; i++) {
		items[i].value = first + i;
		dlist_add_tail(head, &items[i].node);
	}
}

/* The list's values are want[0..count), forwards and backwards. */
static void expect(struct dlist *head, const int *want, int count)
{
	struct item *pos;
	struct dlist *back = head;
	int i = 0;

	dlist_for_each (pos, head, node) {
		assert_true(i < count);
		assert_int_equal(pos->value, want[i++]);
	}
	assert_int_equal(i, count);
	while (i-- > 0) {
		back = back->prev;
		assert_int_equal(container_of(back, struct item, node)->value, want[i]);
	}
	assert_ptr_equal(back->prev, head);
}

#define EXPECT(head, ...)                                                                          \
	do {                                                                                       \
		const int want_[] = {__VA_ARGS__};                                                 \
		expect(head, want_, (int)(sizeof(want_) / sizeof(int)));                           \
	} while (0)

static void test_add_and_delete(void **state)
{
	struct dlist head = DLIST_INIT(head);
	struct item items[3], front = {.value = 9};

	(void)state;
	assert_true(dlist_empty(&head));
	assert_null(dlist_first(&head, struct item, node));
	assert_null(dlist_last(&head, struct item, node));
	fill(&head, items, 1, 3);
	dlist_add(&head, &front.node);
	EXPECT(&head, 9, 1, 2, 3);
	assert_ptr_equal(dlist_first(&head, struct item, node), &front);
	assert_ptr_equal(dlist_last(&head, struct item, node), &items[2]);
	dlist_del(&items[1].node);
	assert_true(dlist_empty(&items[1].node));
	dlist_del(&items[1].node);
	EXPECT(&head, 9, 1, 3);
	dlist_move_tail(&head, &front.node);
	EXPECT(&head, 1, 3, 9);
}

static void test_delete_while_iterating(void **state)
{
	struct dlist head;
	struct item items[5], *pos, *tmp;

	(void)state;
	fill(&head, items, 0, 5);
	dlist_for_each_safe (pos, tmp, &head, node) {
		if (pos->value % 2 == 0)
			dlist_del(&pos->node);
	}
	EXPECT(&head, 1, 3);
}

static void test_splice(void **state)
{
	struct dlist a, b, c;
	struct item ia[2], ib[2], ic[1];

	(void)state;
	fill(&a, ia, 1, 2);
	fill(&b, ib, 3, 2);
	fill(&c, ic, 9, 1);
	dlist_splice_tail(&a, &b);
	assert_true(dlist_empty(&b));
	EXPECT(&a, 1, 2, 3, 4);
	dlist_splice(&a, &c);
	EXPECT(&a, 9, 1, 2, 3, 4);
	dlist_splice(&a, &c);
	dlist_splice_tail(&a, &b);
	EXPECT(&a, 9, 1, 2, 3, 4);
	dlist_splice(&b, &a);
	EXPECT(&b, 9, 1, 2, 3, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_add_and_delete),
	    cmocka_unit_test(test_delete_while_iterating),
	    cmocka_unit_test(test_splice),
	};

	return cmocka_run_group_tests_name("ds_dlist", tests, NULL, NULL);
}
