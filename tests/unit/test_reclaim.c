/* SPDX-License-Identifier: MIT */
/*
 * test_reclaim.c: memory that only waits for readers is not out.
 *
 * The port's grace periods end when somebody asks for it (rcu_barrier) and not before.
 */
#include "unit.h"

#define RAM_PAGES 512ull
#define ROUNDS (4 * RAM_PAGES) /* each takes a table out: more than all of RAM */

static struct quire_rcu_head *late;

static void late_call_rcu(void *ctx, struct quire_rcu_head *head,
			  void (*func)(struct quire_rcu_head *head))
{
	(void)ctx;
	head->func = func;
	head->next = late;
	late = head;
}

static void late_barrier(void *ctx)
{
	struct quire_rcu_head *head = late;

	(void)ctx;
	late = NULL;
	while (head) {
		struct quire_rcu_head *next = head->next;

		head->func(head);
		head = next;
	}
}

static void up(struct unit *u)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE};

	unit_port(u);
	u->port.call_rcu = late_call_rcu;
	u->port.rcu_barrier = late_barrier;
	unit_machine_mm(u, &o, NULL);
}

static void faults(void **state)
{
	struct unit u;

	(void)state;
	up(&u);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t a = unit_map(u.mm, 0, UPAGE, URW, UANON);

		unit_store(u.mm, a, i);
		assert_int_equal(quire_munmap(u.mm, a, UPAGE), 0);
	}
	unit_down(&u);
}

static void forks(void **state)
{
	struct unit u;

	(void)state;
	up(&u);
	unit_store(u.mm, unit_map(u.mm, 0, UPAGE, URW, UANON), 1);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct quire_mm *child;

		assert_int_equal(quire_mm_fork(u.mm, NULL, &child), 0);
		quire_mm_put(child);
	}
	unit_down(&u);
}

static void moves(void **state)
{
	uint64_t a, b;
	struct unit u;

	(void)state;
	up(&u);
	a = unit_map(u.mm, 0x40000000, UPAGE, URW, UANON | QMAP_FIXED);
	unit_store(u.mm, a, 7);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		b = 0x40000000 + (i % 2 ? 0 : 1ull << 30);
		assert_int_equal(
		    quire_mremap(u.mm, a, UPAGE, UPAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, b, &a), 0);
	}
	assert_int_equal(unit_load(u.mm, a), 7);
	unit_down(&u);
}

/* All of it is really there: then memory is out, with an end to the trying. */
static void memory_that_is_out(void **state)
{
	struct quire_fault f;
	struct unit u;
	uint64_t a;

	(void)state;
	up(&u);
	a = unit_map(u.mm, 0, RAM_PAGES * UPAGE, URW, UANON | QMAP_NORESERVE);
	for (uint64_t i = 0; i < RAM_PAGES; i++)
		if (quire_fault(u.mm, a + i * UPAGE, QUIRE_WRITE, &f) == QUIRE_FAULT_OOM)
			break;
	assert_int_equal(f.result, QUIRE_FAULT_OOM);
	unit_down(&u);
}

static unsigned asked;

static bool ask_twice(void *ctx, struct quire_mm *mm, void *cookie)
{
	(void)ctx;
	(void)mm;
	(void)cookie;
	return ++asked < 3;
}

/* Tables have a zone of their own, which is full; RAM, which is free, is no reason to try on. */
static void tables_that_are_out(void **state)
{
	struct quire_machine_options o = {
	    .size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE, .table_bytes = 16 * UPAGE};
	struct quire_fault f = {.result = QUIRE_FAULT_OK};
	struct unit u;
	uint64_t a;

	(void)state;
	asked = 0;
	unit_port(&u);
	u.port.oom = ask_twice;
	unit_machine_mm(&u, &o, NULL);
	a = unit_map(u.mm, 0, 64ull << 21, URW, UANON | QMAP_NORESERVE);
	for (uint64_t i = 0; i < 64 && f.result == QUIRE_FAULT_OK; i++)
		quire_fault(u.mm, a + (i << 21), QUIRE_WRITE, &f);
	assert_int_equal(f.result, QUIRE_FAULT_OOM);
	assert_int_equal(asked, 3);
	unit_down(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(faults),
	    cmocka_unit_test(forks),
	    cmocka_unit_test(moves),
	    cmocka_unit_test(memory_that_is_out),
	    cmocka_unit_test(tables_that_are_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
