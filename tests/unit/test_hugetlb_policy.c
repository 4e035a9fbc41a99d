/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb_policy.c: on which nodes huge pages are, by policies of mappings and threads.  Each
 * number was the host's first.
 */
#include "hugetlb.h"

#include <errno.h>

#define HUGE (2ull << 20)
#define PRIVATE (QMAP_PRIVATE | QMAP_ANONYMOUS | QMAP_HUGETLB)
#define RW (QPROT_READ | QPROT_WRITE)
#define NODE_1 (1ull << 1)

struct nodes {
	struct unit u; /* first */
	struct quire_task task;
};

static struct quire_task *the_task(void *ctx)
{
	return &((struct nodes *)ctx)->task;
}

/* Two nodes with four huge pages each. */
static int up(void **state)
{
	struct quire_machine_options o = {.size = sizeof(o),
					  .ram_bytes = 64 * MIB,
					  .nodes = 2,
					  .huge_pages = {[QUIRE_HUGE_2M] = 8}};
	struct nodes *n = calloc(1, sizeof(*n));

	unit_port(&n->u);
	n->u.port.task = the_task;
	unit_machine_mm(&n->u, &o, NULL);
	*state = n;
	return 0;
}

static int down(void **state)
{
	unit_down(&((struct nodes *)*state)->u);
	free(*state);
	return 0;
}

#define test(f) cmocka_unit_test_setup_teardown(f, up, down)

static uint64_t policy(struct nodes *n, unsigned mode, uint64_t nodes)
{
	uint64_t p = 0;

	assert_int_equal(quire_policy_make(n->u.m, mode, nodes, &p), 0);
	return p;
}

static uint64_t map(struct nodes *n, uint64_t pages)
{
	return unit_map(n->u.mm, 0, pages * HUGE, RW, PRIVATE);
}

static void bind(struct nodes *n, uint64_t addr, uint64_t pages)
{
	assert_int_equal(
	    quire_set_policy(n->u.mm, addr, pages * HUGE, policy(n, QMPOL_BIND, NODE_1)), 0);
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

	n->task.policy = policy(n, QMPOL_BIND, NODE_1);
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

		n->task.policy = policy(n, is[i].mode, is[i].nodes);
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
	n->task.policy = policy(n, QMPOL_BIND, NODE_1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(binds), test(promises), test(prefers), test(files), test(takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
