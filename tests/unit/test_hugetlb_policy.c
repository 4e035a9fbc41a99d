/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb_policy.c: on which nodes huge pages are, by policies of mappings and threads.  Each
 * number was the host's first.
 */
#include "hugetlb.h"
#include "nodes.h"

#include <errno.h>

#define NODE_1 (1ull << 1)

/* Two nodes with four huge pages each. */
static int up(void **state)
{
	struct quire_machine_options o = {.size = sizeof(o),
					  .ram_bytes = 64 * MIB,
					  .nodes = 2,
					  .huge_pages = {[QUIRE_HUGE_2M] = 8}};

	nodes_up(state, &o);
	return 0;
}

#define test(f) cmocka_unit_test_setup_teardown(f, up, nodes_down)

static uint64_t map(struct nodes *n, uint64_t pages)
{
	return unit_map(n->u.mm, 0, pages * HUGE, RW, PRIVATE);
}

static void bind(struct nodes *n, uint64_t addr, uint64_t pages)
{
	assert_int_equal(
	    quire_set_policy(n->u.mm, addr, pages * HUGE, nodes_policy(n, QMPOL_BIND, NODE_1)), 0);
}

/* Each page is touched; a digit for the node of each, - for none. */
static void expect_at(struct nodes *n, uint64_t addr, const char *nodes, int line)
{
	char got[16] = "";

	for (unsigned i = 0; nodes[i]; i++) {
		struct quire_fault out;
		int node;

		if (quire_fault(n->u.mm, addr + i * HUGE, QUIRE_WRITE, &out) == QUIRE_FAULT_BUS)
			assert_int_equal(out.reason, QUIRE_REASON_HUGE_NODE);
		node = quire_page_node(n->u.mm, addr + i * HUGE + 5 * UPAGE);
		got[i] = (char)(node < 0 ? '-' : '0' + node);
	}
	if (strcmp(got, nodes))
		fail_msg("line %d: %s, not %s", line, got, nodes);
	unit_verify(&n->u);
}
#define expect(n, addr, nodes) expect_at((n), (addr), (nodes), __LINE__)

static void binds(void **state)
{
	struct nodes *n = *state;
	uint64_t a = map(n, 6);

	bind(n, a, 6);
	expect(n, a, "1111--");
	expect_pool(&n->u, 8, 4, 2, 0);
	assert_int_equal(quire_set_policy(n->u.mm, a + UPAGE, HUGE, 0), -EINVAL);
	/* Elsewhere there are some. */
	assert_int_equal(quire_set_policy(n->u.mm, a, 6 * HUGE, 0), 0);
	expect(n, a, "111100");
}

/* What is promised must be there on the nodes that the thread is bound to; the fault looks for
 * itself. */
static void promises(void **state)
{
	struct nodes *n = *state;
	uint64_t a, out;

	n->task.policy = nodes_policy(n, QMPOL_BIND, NODE_1);
	assert_int_equal(quire_mmap(n->u.mm, 0, 6 * HUGE, RW, PRIVATE, NULL, 0, &out), -ENOMEM);
	a = map(n, 4);
	expect_pool(&n->u, 8, 8, 4, 0);
	expect(n, a, "111");
	assert_int_equal(quire_mmap(n->u.mm, 0, 2 * HUGE, RW, PRIVATE, NULL, 0, &out), -ENOMEM);
	expect_pool(&n->u, 8, 5, 1, 0);
	n->task.policy = 0;
	expect(n, a, "1110");
}

static void prefers(void **state)
{
	static const struct {
		unsigned mode;
		uint64_t nodes;
		const char *are;
	} is[] = {
	    {QMPOL_PREFERRED, NODE_1, "111100"},
	    {QMPOL_INTERLEAVE, 3, "010101"},
	    {QMPOL_PREFERRED_MANY, NODE_1, "111100"},
	    {QMPOL_INTERLEAVE, NODE_1, "111100"},
	};
	struct nodes *n = *state;

	for (size_t i = 0; i < sizeof(is) / sizeof(is[0]); i++) {
		uint64_t a;

		n->task.policy = nodes_policy(n, is[i].mode, is[i].nodes);
		a = map(n, 6);
		expect(n, a, is[i].are);
		assert_int_equal(quire_munmap(n->u.mm, a, 6 * HUGE), 0);
	}
}

/* A file has no policy: each mapping has its own, and fallocate goes by the thread's. */
static void files(void **state)
{
	const struct quire_file_options opts = {
	    .size = sizeof(opts), .kind = QUIRE_FILE_HUGETLB, .bytes = 4 * HUGE, .writable = true};
	struct nodes *n = *state;
	struct quire_file *file;
	uint64_t a, b;

	assert_int_equal(quire_file_create(n->u.m, &opts, &file), 0);
	assert_int_equal(quire_mmap(n->u.mm, 0, 4 * HUGE, RW, QMAP_SHARED, file, 0, &a), 0);
	assert_int_equal(quire_mmap(n->u.mm, 0, 4 * HUGE, RW, QMAP_SHARED, file, 0, &b), 0);
	bind(n, a, 4);
	expect(n, b, "0");
	expect(n, a + HUGE, "1");
	n->task.policy = nodes_policy(n, QMPOL_BIND, NODE_1);
	assert_int_equal(quire_file_allocate(file, n->u.mm, 2 * HUGE, HUGE, true), 0);
	n->task.policy = 0;
	expect(n, a, "0111");
	quire_file_put(file);
}

/* The node is dry, the pool is not: the owner takes the page from its child. */
static void takes(void **state)
{
	struct nodes *n = *state;
	uint64_t a = map(n, 4);
	struct quire_mm *child;
	struct quire_fault out;

	bind(n, a, 4);
	expect(n, a, "1111");
	child = unit_fork(n->u.mm);
	assert_int_equal(quire_fault(child, a + HUGE, QUIRE_WRITE, &out), QUIRE_FAULT_BUS);
	assert_int_equal(out.reason, QUIRE_REASON_HUGE_NODE);
	unit_store(n->u.mm, a, 2);
	expect_pool(&n->u, 8, 4, 0, 0);
	assert_int_equal(quire_fault(child, a, QUIRE_READ, &out), QUIRE_FAULT_BUS);
	assert_int_equal(out.reason, QUIRE_REASON_HUGE_LOST);
	quire_mm_put(child);
}

/* ---- pages that are there go elsewhere ------------------------------------------------ */

static void expect_nodes_free_at(struct nodes *n, uint64_t on_0, uint64_t on_1, int line)
{
	struct quire_hugetlb_info a = pool_info(&n->u, QUIRE_HUGE_2M, 0);
	struct quire_hugetlb_info b = pool_info(&n->u, QUIRE_HUGE_2M, 1);

	if (a.free != on_0 || b.free != on_1)
		fail_msg("line %d: %lu and %lu are free", line, a.free, b.free);
	unit_verify(&n->u);
}
#define expect_nodes_free(n, a, b) expect_nodes_free_at((n), (a), (b), __LINE__)

static void moves(void **state)
{
	struct nodes *n = *state;
	uint64_t a = map(n, 4), to_0 = nodes_policy(n, QMPOL_BIND, 1),
		 to_1 = nodes_policy(n, QMPOL_BIND, NODE_1);
	struct quire_mm *child;

	bind(n, a, 4);
	for (uint64_t i = 0; i < 4; i++)
		unit_store(n->u.mm, a + i * HUGE + i * UPAGE, 10 + i);
	expect_nodes_free(n, 4, 0);
	assert_int_equal(quire_move_by_policy(n->u.mm, a, 4 * HUGE, to_0, 1, QMPOL_MF_MOVE), 0);
	expect_nodes_free(n, 0, 4);
	expect(n, a, "0000");
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(unit_load(n->u.mm, a + i * HUGE + i * UPAGE), 10 + i);
	/* Where there is none it stays. */
	resize(&n->u, QUIRE_HUGE_2M, 4);
	expect_nodes_free(n, 0, 0);
	quire_move_by_policy(n->u.mm, a, 4 * HUGE, to_1, NODE_1, QMPOL_MF_MOVE);
	expect(n, a, "0000");
	resize(&n->u, QUIRE_HUGE_2M, 8);
	/* A child's, too, by MOVE_ALL alone; and the owner's promise goes with the page. */
	child = unit_fork(n->u.mm);
	quire_move_by_policy(n->u.mm, a, HUGE, to_1, NODE_1, QMPOL_MF_MOVE);
	expect_nodes_free(n, 2, 2);
	assert_int_equal(quire_move_by_policy(n->u.mm, a, HUGE, to_1, NODE_1, QMPOL_MF_MOVE_ALL),
			 0);
	expect_nodes_free(n, 3, 1);
	assert_int_equal(unit_load(child, a), 10);
	quire_mm_put(child);
	assert_int_equal(quire_madvise(n->u.mm, a, HUGE, QMADV_DONTNEED), 0);
	expect_pool(&n->u, 8, 5, 1, 0);
	assert_int_equal(quire_munmap(n->u.mm, a, 4 * HUGE), 0);
	expect_pool(&n->u, 8, 8, 0, 0);
}

static void moves_shared(void **state)
{
	struct nodes *n = *state;
	uint64_t a =
	    unit_map(n->u.mm, 0, 2 * HUGE, RW, QMAP_SHARED | QMAP_ANONYMOUS | QMAP_HUGETLB);
	uint64_t to_1 = nodes_policy(n, QMPOL_BIND, NODE_1);

	unit_store(n->u.mm, a + 9 * UPAGE, 7);
	expect_nodes_free(n, 3, 4);
	assert_int_equal(quire_move_by_policy(n->u.mm, a, HUGE, to_1, NODE_1, QMPOL_MF_MOVE), 0);
	n->u.port.synchronize_rcu(n->u.port.ctx);
	expect(n, a, "1");
	assert_int_equal(unit_load(n->u.mm, a + 9 * UPAGE), 7);
	assert_int_equal(quire_munmap(n->u.mm, a, 2 * HUGE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(binds), test(promises), test(prefers),      test(files),
	    test(takes), test(moves),    test(moves_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
