/* SPDX-License-Identifier: MIT */
/*
 * test_compact.c: free blocks, made by moving pages together, and what keeps them from it.
 */
#include "unit.h"

#include "core/frame/folio.h"
#include "core/rmap/compact.h"

#define RAM (16ull << 20)
#define BLOCK 512u /* frames */
#define ORDER 9u

static void up(struct unit *u)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = RAM, .table_bytes = RAM / 16};

	unit_up(u, &opts, NULL);
}

/* Of 2 MiB and more. */
static uint64_t free_blocks(struct unit *u)
{
	struct quire_machine_stats st;

	frames_drain(u->m);
	st = unit_stats(u->m);
	return st.free_per_order[9] + 2 * st.free_per_order[10];
}

#define SPAN (RAM * 3 / 4)

/* All of SPAN written, and then only every `each`th page kept: holes everywhere. */
static uint64_t fragment(struct unit *u, unsigned each)
{
	uint64_t a = unit_map(u->mm, 0, SPAN, URW, UANON);

	for (uint64_t i = 0; i < SPAN / UPAGE; i++)
		unit_store(u->mm, a + i * UPAGE, i);
	for (uint64_t i = 0; i < SPAN / UPAGE; i++)
		if (i % each)
			assert_int_equal(quire_madvise(u->mm, a + i * UPAGE, UPAGE, QMADV_DONTNEED),
					 0);
	return a;
}

static void expect_kept(struct unit *u, uint64_t a, unsigned each)
{
	for (uint64_t i = 0; i < SPAN / UPAGE; i += each)
		assert_int_equal(unit_load(u->mm, a + i * UPAGE), i);
	unit_verify(u);
}

static void test_all(void **state)
{
	struct quire_compact_result r;
	struct unit u;
	uint64_t a, before, frames;

	(void)state;
	up(&u);
	a = fragment(&u, 4);
	before = free_blocks(&u);
	frames = unit_free_frames(u.m);
	assert_int_equal(quire_compact(u.m, 0, ORDER, 0, &r), 0);
	assert_in_range(r.made, 3, 6);
	assert_in_range(r.moved, 1, SPAN / UPAGE);
	assert_int_equal(unit_free_frames(u.m), frames);
	assert_true(free_blocks(&u) >= before + 3);
	expect_kept(&u, a, 4);
	unit_down(&u);
}

/* What is compact already stays: each block that is made is one more. */
static void test_again(void **state)
{
	struct quire_compact_result r;
	struct unit u;
	uint64_t a, before;

	(void)state;
	up(&u);
	a = fragment(&u, 4);
	assert_int_equal(quire_compact(u.m, 0, ORDER, 0, &r), 0);
	before = free_blocks(&u);
	assert_int_equal(quire_compact(u.m, 0, ORDER, 0, &r), 0);
	assert_int_equal(r.made, 0);
	assert_int_equal(r.moved, 0);
	assert_int_equal(free_blocks(&u), before);
	expect_kept(&u, a, 4);
	unit_down(&u);
}

static void test_as_many_as_wanted(void **state)
{
	struct quire_compact_result r;
	struct unit u;
	uint64_t a;

	(void)state;
	up(&u);
	a = fragment(&u, 8);
	assert_int_equal(quire_compact(u.m, QUIRE_ALL_NODES, ORDER, 2, &r), 0);
	assert_int_equal(r.made, 2);
	assert_in_range(r.moved, 1, 2 * BLOCK / 8 + 2);
	expect_kept(&u, a, 8);
	unit_down(&u);
}

/* A pinned page holds up its block alone. */
static void test_pinned(void **state)
{
	struct quire_compact_result r;
	struct quire_pin pin[SPAN / UPAGE / BLOCK];
	struct unit u;
	uint64_t a;

	(void)state;
	up(&u);
	a = fragment(&u, 4);
	for (unsigned i = 0; i < SPAN / UPAGE / BLOCK; i++)
		assert_int_equal(
		    quire_pin(u.mm, a + (uint64_t)i * BLOCK * UPAGE, QUIRE_WRITE, &pin[i]), 0);
	assert_int_equal(quire_compact(u.m, 0, ORDER, 0, &r), 0);
	assert_true(r.stuck[QUIRE_STUCK_PINNED] >= SPAN / UPAGE / BLOCK - 1);
	assert_string_equal(quire_stuck_name(QUIRE_STUCK_PINNED), "pinned");
	assert_null(quire_stuck_name(QUIRE_NR_STUCK));
	for (unsigned i = 0; i < SPAN / UPAGE / BLOCK; i++)
		quire_unpin(u.m, &pin[i]);
	assert_int_equal(quire_compact(u.m, 0, ORDER, 0, &r), 0);
	assert_true(r.made >= 2);
	assert_int_equal(r.stuck[QUIRE_STUCK_PINNED], 0);
	expect_kept(&u, a, 4);
	unit_down(&u);
}

/* Pages of a file, whose old frames are free a grace period later. */
static void test_file(void **state)
{
	struct quire_compact_result r;
	struct quire_file *file;
	struct unit u;
	uint64_t a;

	(void)state;
	up(&u);
	file = unit_shmem(&u, SPAN, true);
	a = unit_map_file(u.mm, 0, SPAN, URW, QMAP_SHARED, file, 0);
	for (uint64_t i = 0; i < SPAN / UPAGE; i++)
		unit_store(u.mm, a + i * UPAGE, i);
	for (uint64_t i = 0; i < SPAN / UPAGE; i++)
		if (i % 4)
			assert_int_equal(quire_madvise(u.mm, a + i * UPAGE, UPAGE, QMADV_REMOVE),
					 0);
	u.port.rcu_barrier(u.port.ctx);
	assert_int_equal(quire_compact(u.m, 0, ORDER, 0, &r), 0);
	assert_in_range(r.made, 3, 6);
	expect_kept(&u, a, 4);
	quire_file_put(file);
	unit_down(&u);
}

/* A block of which there is none. */
static void test_on_demand(void **state)
{
	struct folio *block[RAM / UPAGE / BLOCK];
	unsigned n = 0;
	bool zeroed;
	struct unit u;
	uint64_t a;

	(void)state;
	up(&u);
	a = fragment(&u, 4);
	while ((block[n] = folio_alloc(u.m, ORDER, ALLOC_ZERO)))
		n++;
	assert_non_null(block[n] = folio_alloc_compacted(u.m, ORDER, 1, 0, &zeroed));
	assert_false(zeroed);
	assert_int_equal(folio_order(block[n]), ORDER);
	for (unsigned i = 0; i <= n; i++)
		folio_put(u.m, block[i]);
	expect_kept(&u, a, 4);
	unit_down(&u);
}

/* There is nothing to move to: nothing is lost by trying. */
static void test_full(void **state)
{
	struct quire_compact_result r;
	struct unit u;
	uint64_t a;

	(void)state;
	up(&u);
	a = fragment(&u, 1);
	while (quire_madvise(u.mm, unit_map(u.mm, 0, UPAGE, URW, UANON), UPAGE,
			     QMADV_POPULATE_WRITE) == 0)
		;
	assert_int_equal(quire_compact(u.m, 0, ORDER, 0, &r), 0);
	assert_int_equal(r.made, 0);
	expect_kept(&u, a, 1);
	unit_down(&u);
}

/* Tables do not move: where they come out of RAM, each keeps its block. */
static void test_tables(void **state)
{
	const struct quire_machine_options opts = {.size = sizeof(opts), .ram_bytes = RAM};
	struct quire_compact_result r;
	struct unit u;
	uint64_t a;

	(void)state;
	unit_up(&u, &opts, NULL);
	a = fragment(&u, 4);
	assert_int_equal(quire_compact(u.m, 0, ORDER, 0, &r), 0);
	assert_in_range(r.stuck[QUIRE_STUCK_TABLE], SPAN / UPAGE / BLOCK - 1, RAM / UPAGE / BLOCK);
	expect_kept(&u, a, 4);
	unit_down(&u);
}

static void test_refused(void **state)
{
	struct quire_compact_result r;
	struct unit *u = *state;

	assert_int_equal(quire_compact(u->m, 1, ORDER, 0, &r), -QEINVAL);
	assert_int_equal(quire_compact(u->m, 0, 0, 0, &r), -QEINVAL);
	assert_int_equal(quire_compact(u->m, 0, 11, 0, &r), -QEINVAL);
	for (unsigned order = 1; order <= 10; order++)
		assert_int_equal(quire_compact(u->m, 0, order, 0, &r), 0);
	unit_verify(u);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all),
	    cmocka_unit_test(test_again),
	    cmocka_unit_test(test_as_many_as_wanted),
	    cmocka_unit_test(test_pinned),
	    cmocka_unit_test(test_file),
	    cmocka_unit_test(test_on_demand),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_tables),
	    cmocka_unit_test_setup_teardown(test_refused, unit_setup, unit_teardown),
	};

	return cmocka_run_group_tests_name("compact", tests, NULL, NULL);
}
