/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb_memory.c: what huge pages are made of: nodes, memory in pieces, pages of 1 GiB,
 * memory that is refused; and that verify finds what is wrong in a pool.
 */
#include "hugetlb.h"

#include <errno.h>

/* ---- nodes ------------------------------------------------------------------------ */

#define NODES 3

static void up_nodes(struct unit *u)
{
	static const uint64_t bytes[NODES] = {32 * MIB, 16 * MIB, 24 * MIB};
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 72 * MIB, .nodes = NODES, .node_bytes = bytes};

	unit_up_machine(u, &opts);
	own_promises(u);
}

static void expect_nodes_at(struct unit *u, const uint64_t total[NODES],
			    const uint64_t surplus[NODES], int line)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct quire_hugetlb_info n = pool_info(u, QUIRE_HUGE_2M, i);

		if (n.total != total[i] || n.surplus != surplus[i])
			fail_msg("line %d: node %u has T%lu S%lu", line, i, n.total, n.surplus);
	}
	unit_verify(u);
}
#define expect_nodes(u, a, b, c, sa, sb, sc)                                                       \
	expect_nodes_at((u), (const uint64_t[]){a, b, c}, (const uint64_t[]){sa, sb, sc}, __LINE__)

/* In turn; the nodes of a set; one node; and a node that has no more. */
static void test_nodes(void **state)
{
	struct unit u;

	(void)state;
	up_nodes(&u);
	resize(&u, QUIRE_HUGE_2M, 7);
	expect_nodes(&u, 3, 2, 2, 0, 0, 0);
	assert_int_equal(quire_hugetlb_resize(u.m, QUIRE_HUGE_2M, 1 << 2 | 1 << 1, 9), 0);
	expect_nodes(&u, 3, 3, 3, 0, 0, 0);
	assert_int_equal(quire_hugetlb_resize_node(u.m, QUIRE_HUGE_2M, 2, 5), 0);
	expect_nodes(&u, 3, 3, 5, 0, 0, 0);
	assert_int_equal(quire_hugetlb_resize_node(u.m, QUIRE_HUGE_2M, 0, 0), 0);
	expect_nodes(&u, 0, 3, 5, 0, 0, 0);
	assert_int_equal(quire_hugetlb_resize_node(u.m, QUIRE_HUGE_2M, 1, UINT64_MAX), 0);
	expect_nodes(&u, 0, 8, 5, 0, 0, 0);
	resize(&u, QUIRE_HUGE_2M, 15); /* one on each of the two that have room */
	expect_nodes(&u, 1, 8, 6, 0, 0, 0);
	assert_int_equal(quire_hugetlb_resize(u.m, QUIRE_HUGE_2M, 1 << 1, 10), 0);
	expect_nodes(&u, 1, 3, 6, 0, 0, 0);
	pools_down(&u);
}

static unsigned node_of(struct unit *u, struct folio *f)
{
	return (unsigned)(folio_pfn(u->m, f) >= 32 * 256) + (folio_pfn(u->m, f) >= 48 * 256);
}

/* Pages come from the nodes that are asked for alone, the nearest first. */
static void test_take_on(void **state)
{
	struct huge_want w = {.from = 2};
	struct folio *f[4];
	enum huge_lack lack;
	struct unit u;

	(void)state;
	up_nodes(&u);
	resize(&u, QUIRE_HUGE_2M, 3);
	w.nodes = ~0ull;
	f[0] = hold(&u, hugetlb_take(u.m, pool_2m(&u), &w));
	assert_int_equal(node_of(&u, f[0]), 2);
	f[1] = take_as(&u, QUIRE_HUGE_2M, 1 << 1, 0, &lack);
	assert_int_equal(node_of(&u, f[1]), 1);
	assert_null(take_as(&u, QUIRE_HUGE_2M, 1 << 1, 0, &lack));
	assert_int_equal(lack, HUGE_LACK_NODES);
	/* One is free, but not there; then one is made there. */
	assert_int_equal(hugetlb_reserve(u.m, pool_2m(&u), 1, 1 << 1, &lack), -ENOMEM);
	assert_int_equal(lack, HUGE_LACK_NODES);
	overcommit(&u, 1);
	f[2] = take_as(&u, QUIRE_HUGE_2M, 1 << 1, 0, &lack);
	assert_int_equal(node_of(&u, f[2]), 1);
	expect_nodes(&u, 1, 2, 1, 0, 1, 0);
	/* A page of the node with the surplus goes, whichever it is. */
	let_go(&u, f[0]);
	expect_nodes(&u, 1, 2, 1, 0, 1, 0);
	let_go(&u, f[1]);
	expect_nodes(&u, 1, 1, 1, 0, 0, 0);
	let_go(&u, f[2]);
	expect_pool(&u, 3, 3, 0, 0);
	pools_down(&u);
}

/* ---- memory in pieces ------------------------------------------------------------- */

/* All but a little of RAM written, and then of each 2 MiB but a few pages dropped. */
static uint64_t fragment(struct unit *u, uint64_t bytes)
{
	uint64_t a = unit_map(u->mm, 0, bytes, URW, UANON);

	for (uint64_t i = 0; i < bytes / UPAGE; i++)
		unit_store(u->mm, a + i * UPAGE, i);
	for (uint64_t i = 0; i < bytes / UPAGE; i++)
		if (i % 8)
			assert_int_equal(quire_madvise(u->mm, a + i * UPAGE, UPAGE, QMADV_DONTNEED),
					 0);
	return a;
}

static void expect_kept(struct unit *u, uint64_t a, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes / UPAGE; i += 8)
		assert_int_equal(unit_load(u->mm, a + i * UPAGE), i);
}

/* 30 of 32 MiB in use, in pieces: what is free is moved together, for 12 pages of 13. */
static void test_compacted(void **state)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 32 * MIB, .table_bytes = 2 * MIB};
	struct folio *f;
	struct unit u;
	uint64_t a;

	(void)state;
	unit_up(&u, &opts, NULL);
	own_promises(&u);
	a = fragment(&u, 30 * MIB);
	resize(&u, QUIRE_HUGE_2M, 11);
	expect_pool(&u, 11, 11, 0, 0);
	expect_kept(&u, a, 30 * MIB);
	resize(&u, QUIRE_HUGE_2M, 16); /* not all can be had */
	assert_in_range(pool_info(&u, QUIRE_HUGE_2M, 0).total, 11, 14);
	resize(&u, QUIRE_HUGE_2M, 0);
	expect_kept(&u, a, 30 * MIB);
	assert_int_equal(quire_munmap(u.mm, a, 30 * MIB), 0);
	/* A surplus page, too. */
	a = fragment(&u, 30 * MIB);
	overcommit(&u, 2);
	f = take(&u, 0);
	assert_non_null(f);
	assert_int_equal(reserve(&u, 1), 0);
	expect_pool(&u, 2, 1, 1, 2);
	expect_kept(&u, a, 30 * MIB);
	unreserve(&u, 1);
	let_go(&u, f);
	pools_down(&u);
}

/* Nothing is lost where pages cannot be moved: there are fewer huge pages. */
static void test_pinned(void **state)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 32 * MIB, .table_bytes = 2 * MIB};
	struct quire_pin pin[15];
	struct unit u;
	uint64_t a;

	(void)state;
	unit_up(&u, &opts, NULL);
	own_promises(&u);
	a = fragment(&u, 30 * MIB);
	for (unsigned i = 0; i < 15; i++)
		assert_int_equal(quire_pin(u.mm, a + i * 2 * MIB, QUIRE_WRITE, &pin[i]), 0);
	resize(&u, QUIRE_HUGE_2M, 12);
	assert_in_range(pool_info(&u, QUIRE_HUGE_2M, 0).total, 0, 1);
	assert_true(pool_info(&u, QUIRE_HUGE_2M, QUIRE_ALL_NODES).not_made > 0);
	for (unsigned i = 0; i < 15; i++)
		quire_unpin(u.m, &pin[i]);
	resize(&u, QUIRE_HUGE_2M, 11);
	expect_pool(&u, 11, 11, 0, 0);
	expect_kept(&u, a, 30 * MIB);
	pools_down(&u);
}

/* ---- 1 GiB ------------------------------------------------------------------------ */

#define GIB (1024 * MIB)

/* The second GiB has pages that must go to the first, of which pools have all else. */
static void test_1g_compacted(void **state)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 2 * GIB, .table_bytes = 2 * MIB};
	struct folio *f;
	struct unit u;
	uint64_t a;

	(void)state;
	unit_up(&u, &opts, NULL);
	own_promises(&u);
	resize(&u, QUIRE_HUGE_2M, 511);
	a = unit_map(u.mm, 0, 8 * MIB, URW, UANON);
	unit_fill(u.mm, a, 8 * MIB, 5);
	resize(&u, QUIRE_HUGE_2M, 0);
	resize(&u, QUIRE_HUGE_1G, 2);
	assert_int_equal(pool_info(&u, QUIRE_HUGE_1G, QUIRE_ALL_NODES).total, 1);
	unit_expect_fill(u.mm, a, 8 * MIB, 5);
	f = take_as(&u, QUIRE_HUGE_1G, 1, 0, NULL);
	assert_non_null(f);
	assert_int_equal(folio_pages(f), 1 << HUGE_1G_ORDER);
	assert_int_equal(folio_pfn(u.m, f), 1 << HUGE_1G_ORDER);
	assert_ptr_equal(frame_folio(u.m, folio_pfn(u.m, f) + 77777), f);
	assert_int_equal(quire_hugetlb_demote(u.m, QUIRE_HUGE_1G, 0, 1), 0); /* in use */
	expect_pool(&u, 0, 0, 0, 0);
	resize(&u, QUIRE_HUGE_1G, 0);
	assert_int_equal(pool_info(&u, QUIRE_HUGE_1G, 0).surplus, 1);
	let_go(&u, f);
	assert_int_equal(pool_info(&u, QUIRE_HUGE_1G, 0).total, 0);
	pools_down(&u);
}

/* What is promised is not demoted. */
static void test_1g_reserved(void **state)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 2 * GIB + 64 * MIB, .huge_pages = {0, 2}};
	struct hstate *h;
	struct folio *f;
	struct unit u;

	(void)state;
	unit_up_machine(&u, &opts);
	own_promises(&u);
	h = hstate_of(u.m, QUIRE_HUGE_1G);
	assert_int_equal(hugetlb_reserve(u.m, h, 1, ~0ull, NULL), 0);
	assert_int_equal(quire_hugetlb_demote(u.m, QUIRE_HUGE_1G, QUIRE_ALL_NODES, 2), 0);
	expect_pool(&u, 512, 512, 0, 0);
	f = take(&u, 0);
	assert_int_equal(folio_pages(f), 512);
	let_go(&u, f);
	hugetlb_unreserve(u.m, h, 1);
	assert_int_equal(quire_hugetlb_demote(u.m, QUIRE_HUGE_1G, 0, 1), 0);
	expect_pool(&u, 1024, 1024, 0, 0);
	pools_down(&u);
}

/* ---- memory is refused ------------------------------------------------------------ */

/* All kinds of steps; what fails changes nothing, and goes when it is done again. */
static unsigned workload(struct unit *u)
{
	struct folio *f[3] = {0};
	unsigned failed = 0;

	resize(u, QUIRE_HUGE_2M, 2);
	failed += pool_info(u, QUIRE_HUGE_2M, 0).total < 2;
	resize(u, QUIRE_HUGE_2M, 2);
	expect_pool(u, 2, 2, 0, 0);
	while (reserve(u, 4)) { /* two are made */
		failed++;
		expect_pool(u, 2, 2, 0, 0);
	}
	expect_pool(u, 4, 4, 4, 2);
	for (unsigned i = 0; i < 2; i++)
		while (!(f[i] = take(u, HUGE_RESERVED))) {
			failed++;
			expect_pool(u, 4, 4 - i, 4 - i, 2);
		}
	while (!(f[2] = take(u, 0))) { /* a surplus page */
		failed++;
		expect_pool(u, 4, 2, 2, 2);
	}
	expect_pool(u, 5, 2, 2, 3);
	unreserve(u, 2);
	for (unsigned i = 0; i < 3; i++)
		let_go(u, f[i]);
	expect_pool(u, 2, 2, 0, 0);
	resize(u, QUIRE_HUGE_2M, 0);
	return failed;
}

static void test_each_point(void **state)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 32 * MIB, .huge_overcommit = 3};
	uint64_t point = 1;
	struct unit u;

	(void)state;
	for (unsigned failed = 1; failed; point++) {
		unit_up_machine(&u, &opts);
		own_promises(&u);
		quire_machine_restart_points(u.m);
		assert_int_equal(quire_machine_fail(u.m, &point, 1), 0);
		failed = workload(&u);
		assert_in_range(failed, 0, 1);
		assert_int_equal(quire_machine_fail(u.m, NULL, 0), 0);
		pools_down(&u);
	}
	assert_int_equal(point, 10); /* 8 points, and one that was not reached */
}

/* ---- verify ----------------------------------------------------------------------- */

static void quiet(void *arg, const char *line)
{
	(void)line;
	++*(unsigned *)arg;
}

static void expect_red(struct unit *u, uint64_t *counter, uint64_t by)
{
	unsigned lines = 0;

	*counter += by;
	assert_true(quire_verify(u->m, quiet, &lines) > 0);
	assert_true(lines > 0);
	*counter -= by;
	unit_verify(u);
}

static uint64_t two(struct quire_machine *m, const struct hstate *h)
{
	return m && h->size == QUIRE_HUGE_2M ? 2 : 0;
}

/* Each counter, each link, and what those say who reserve. */
static void test_verify(void **state)
{
	static const struct huge_accounts accounts = {.reserved = two};
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 32 * MIB, .huge_pages = {3}};
	struct folio *f, *head;
	struct hstate *h;
	unsigned lines = 0;
	struct unit u;

	(void)state;
	unit_up_machine(&u, &opts);
	own_promises(&u);
	h = pool_2m(&u);
	f = take(&u, 0);
	expect_red(&u, &h->total, 1);
	expect_red(&u, &h->free, 1);
	expect_red(&u, &h->free, UINT64_MAX);
	expect_red(&u, &h->surplus, 1);
	expect_red(&u, &h->reserved, 3);
	expect_red(&u, &h->nodes[0].total, 1);
	expect_red(&u, &h->nodes[0].free, 1);
	expect_red(&u, &h->nodes[0].surplus, 4);
	head = &u.m->folios[h->nodes[0].free_list];
	head->prev ^= 512;
	assert_true(quire_verify(u.m, quiet, &lines) > 0);
	head->prev ^= 512;
	folio_clear(&head[3], FOLIO_TAIL);
	assert_true(quire_verify(u.m, quiet, &lines) > 0);
	folio_set(&head[3], FOLIO_TAIL);
	folio_clear(f, FOLIO_HUGETLB);
	assert_true(quire_verify(u.m, quiet, &lines) > 0);
	folio_set(f, FOLIO_HUGETLB);
	u.m->huge.accounts = &accounts;
	assert_true(quire_verify(u.m, quiet, &lines) > 0);
	assert_int_equal(reserve(&u, 2), 0);
	expect_pool(&u, 3, 2, 2, 0);
	unreserve(&u, 2);
	u.m->huge.accounts = NULL;
	let_go(&u, f);
	pools_down(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nodes),        cmocka_unit_test(test_take_on),
	    cmocka_unit_test(test_compacted),    cmocka_unit_test(test_pinned),
	    cmocka_unit_test(test_1g_compacted), cmocka_unit_test(test_1g_reserved),
	    cmocka_unit_test(test_each_point),   cmocka_unit_test(test_verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
