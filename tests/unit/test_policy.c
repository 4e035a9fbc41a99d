/* SPDX-License-Identifier: MIT */
/*
 * test_policy.c: machines of several nodes, and on which of them a policy has pages allocated.
 */
#include "nodes.h"

#include "core/frame/folio.h"

#define MIB (1ull << 20)
#define NODE (4 * MIB)
#define NODES 4u

/* On a line: node 0 - 1 - 2 - 3. */
static const uint8_t on_a_line[NODES * NODES] = {
    10, 20, 30, 40, 20, 10, 20, 30, 30, 20, 10, 20, 40, 30, 20, 10,
};

static int up(void **state)
{
	struct quire_machine_options o = {.size = sizeof(o),
					  .ram_bytes = NODES * NODE,
					  .nodes = NODES,
					  .node_distances = on_a_line,
					  .table_bytes = 4 * MIB};

	nodes_up(state, &o);
	return 0;
}

#define node_test(f) cmocka_unit_test_setup_teardown(f, up, nodes_down)

static struct quire_node_stats stats(struct nodes *n, unsigned node)
{
	struct quire_node_stats st;

	assert_int_equal(quire_node_stats(n->u.m, node, &st), 0);
	return st;
}

static uint64_t map(struct nodes *n, unsigned pages, uint64_t with)
{
	uint64_t at = unit_map(n->u.mm, 0, pages * UPAGE, URW, UANON);

	assert_int_equal(quire_set_policy(n->u.mm, at, pages * UPAGE, with), 0);
	return at;
}

static int touch(struct nodes *n, uint64_t at, unsigned page)
{
	unit_store(n->u.mm, at + page * UPAGE, page);
	return quire_page_node(n->u.mm, at + page * UPAGE);
}

/* The node of each of the next pages, as digits. */
static void expect_nodes(struct nodes *n, uint64_t at, const char *digits)
{
	for (unsigned i = 0; digits[i]; i++)
		assert_int_equal(touch(n, at, i) + '0', digits[i]);
}

/* Takes what the node has, in pages of a new mapping that insists on it.  Returns the mapping. */
static uint64_t exhaust(struct nodes *n, unsigned node)
{
	uint64_t pages = stats(n, node).frames;
	uint64_t at = map(n, (unsigned)pages, nodes_policy(n, QMPOL_BIND, 1ull << node));

	for (uint64_t i = 0;
	     unit_fault(n->u.mm, at + i * UPAGE, QUIRE_WRITE, NULL) == QUIRE_FAULT_OK;)
		i++;
	assert_int_equal(stats(n, node).free_frames, 0);
	return at;
}

/* -------------------------------------------------------------------- machine */

static int create(const struct quire_machine_options *o, struct quire_machine **m)
{
	struct quire_port port;

	quire_port_host(&port);
	return quire_machine_create(&port, o, m);
}

static int create_sizes(uint64_t ram, uint64_t first, uint64_t second)
{
	const uint64_t bytes[] = {first, second};
	struct quire_machine_options o = {
	    .size = sizeof(o), .ram_bytes = ram, .nodes = 2, .node_bytes = bytes};
	struct quire_node_stats st;
	struct quire_machine *m;
	int err = create(&o, &m);

	if (err)
		return err;
	assert_int_equal(quire_node_stats(m, 0, &st), 0);
	assert_int_equal(st.frames, first / UPAGE);
	assert_int_equal(quire_node_stats(m, 1, &st), 0);
	assert_int_equal(st.first_frame, first / UPAGE);
	assert_int_equal(st.free_frames, second / UPAGE);
	assert_int_equal(quire_node_stats(m, 2, &st), -QEINVAL);
	assert_int_equal(quire_verify(m, unit_report, NULL), 0);
	quire_machine_destroy(m);
	return 0;
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(create_sizes(24 * MIB, 16 * MIB, 8 * MIB), 0);
	assert_int_equal(create_sizes(21 * MIB, 16 * MIB, 5 * MIB), 0);
	assert_int_equal(create_sizes(24 * MIB, 17 * MIB, 7 * MIB), -QEINVAL); /* no whole blocks */
	assert_int_equal(create_sizes(24 * MIB, 16 * MIB, 9 * MIB), -QEINVAL);
	assert_int_equal(create_sizes(24 * MIB, 16 * MIB, 4 * MIB), -QEINVAL);
	assert_int_equal(create_sizes(24 * MIB, 0, 24 * MIB), -QEINVAL);
	assert_int_equal(create_sizes(24 * MIB, UINT64_MAX & ~(NODE - 1), 28 * MIB), -QEINVAL);
}

static void test_cpu_nodes(void **state)
{
	uint8_t cpu_nodes[64] = {0};
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = 8 * MIB, .nodes = 2};
	struct unit u;

	(void)state;
	o.cpu_nodes = cpu_nodes;
	unit_port(&u);
	cpu_nodes[u.port.ncpus - 1] = 2;
	assert_int_equal(quire_machine_create(&u.port, &o, &u.m), -QEINVAL);
	memset(cpu_nodes, 1, sizeof(cpu_nodes));
	unit_machine_mm(&u, &o, NULL);
	unit_store(u.mm, unit_map(u.mm, 0, UPAGE, URW, UANON), 1);
	struct quire_node_stats st;
	assert_int_equal(quire_node_stats(u.m, 1, &st), 0);
	assert_int_equal(st.local, 1);
	assert_int_equal(st.hit, 1);
	unit_down(&u);
}

static void test_distances(void **state)
{
	struct nodes *n = *state;

	assert_int_equal(quire_machine_nodes(n->u.m), NODES);
	assert_int_equal(quire_node_distance(n->u.m, 1, 3), 30);
	assert_int_equal(quire_node_distance(n->u.m, 1, 4), 0);
}

/* --------------------------------------------------------------------- making */

static void test_make(void **state)
{
	static const struct {
		unsigned mode;
		uint64_t nodes;
		uint64_t means; /* 0: refused */
	} cases[] = {
	    {QMPOL_BIND, 1, 1},
	    {QMPOL_BIND, 0, 0},
	    {QMPOL_BIND, 0x21, 1},
	    {QMPOL_BIND, 0x20, 0},
	    {QMPOL_BIND, 1ull << 48, 0},
	    {QMPOL_PREFERRED, 0xc, 4},
	    {QMPOL_PREFERRED_MANY, 0xc, 0xc},
	    {QMPOL_INTERLEAVE, 0xff, 0xf},
	    {QMPOL_WEIGHTED_INTERLEAVE, 2, 2},
	    {QMPOL_MODES, 1, 0},
	    {QMPOL_LOCAL, 1, 0},
	    {QMPOL_DEFAULT, 1, 0},
	    {QMPOL_BIND | QMPOL_F_STATIC_NODES, 0x12, 2},
	    {QMPOL_BIND | QMPOL_F_RELATIVE_NODES, 0x30, 3},
	    {QMPOL_BIND | QMPOL_F_STATIC_NODES | QMPOL_F_RELATIVE_NODES, 1, 0},
	    {QMPOL_BIND | QMPOL_F_NUMA_BALANCING, 1, 1},
	    {QMPOL_INTERLEAVE | QMPOL_F_NUMA_BALANCING, 1, 0},
	    {QMPOL_PREFERRED | QMPOL_F_STATIC_NODES, 0, 0},
	};
	struct nodes *n = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t p = 1;
		int err = quire_policy_make(n->u.m, cases[i].mode, cases[i].nodes, &p);

		assert_int_equal(err, cases[i].means ? 0 : -QEINVAL);
		if (err)
			continue;
		assert_int_equal(quire_policy_mode(p), cases[i].mode);
		assert_int_equal(quire_policy_nodes(n->u.m, p), cases[i].means);
	}
	assert_int_equal(nodes_policy(n, QMPOL_DEFAULT, 0), 0);
	assert_int_equal(quire_policy_mode(nodes_policy(n, QMPOL_PREFERRED, 0)), QMPOL_LOCAL);
}

static void test_home(void **state)
{
	struct nodes *n = *state;
	uint64_t p = nodes_policy(n, QMPOL_INTERLEAVE, 3);

	assert_int_equal(quire_policy_set_home(n->u.m, &p, 1), -QEOPNOTSUPP);
	p = nodes_policy(n, QMPOL_BIND, 7);
	assert_int_equal(quire_policy_set_home(n->u.m, &p, 4), -QEINVAL);
	expect_nodes(n, map(n, 2, p), "00");
	assert_int_equal(quire_policy_set_home(n->u.m, &p, 2), 0);
	expect_nodes(n, map(n, 2, p), "22");
	assert_int_equal(quire_policy_set_home(n->u.m, &p, 3),
			 0); /* not one of them: the nearest */
	expect_nodes(n, map(n, 2, p), "22");
	assert_int_equal(quire_policy_mode(p), QMPOL_BIND);
}

static uint64_t policy_at(struct nodes *n, uint64_t at)
{
	struct quire_vma_info v;

	assert_int_equal(quire_vma_next(n->u.mm, at, &v), 0);
	return v.policy;
}

static void test_home_of_range(void **state)
{
	struct nodes *n = *state;
	uint64_t p = nodes_policy(n, QMPOL_BIND, 7), with = p, at = map(n, 4, 0);

	assert_int_equal(quire_policy_set_home(n->u.m, &with, 2), 0);
	assert_int_equal(quire_set_home_node(n->u.mm, at, 4 * UPAGE, 2), -QENOENT);
	assert_int_equal(quire_set_home_node(n->u.mm, at, 4 * UPAGE, NODES), -QEINVAL);
	assert_int_equal(quire_set_policy(n->u.mm, at + UPAGE, UPAGE, p), 0);
	assert_int_equal(
	    quire_set_policy(n->u.mm, at + 2 * UPAGE, UPAGE, nodes_policy(n, QMPOL_INTERLEAVE, 3)),
	    0);
	assert_int_equal(quire_set_home_node(n->u.mm, at, 4 * UPAGE, 2), -QEOPNOTSUPP);
	assert_true(policy_at(n, at + UPAGE) == with);
	assert_int_equal(quire_set_home_node(n->u.mm, at, 2 * UPAGE, 1), 0);
	assert_false(policy_at(n, at + UPAGE) == with);
	assert_false(policy_at(n, at));
	unit_verify(&n->u);
}

/* ------------------------------------------------------------------ one mapping */

static void test_local(void **state)
{
	struct nodes *n = *state;

	for (unsigned node = 0; node < NODES; node++) {
		n->task.node = node;
		assert_int_equal(touch(n, map(n, 1, 0), 0), node);
		assert_int_equal(touch(n, map(n, 1, nodes_policy(n, QMPOL_LOCAL, 0)), 0), node);
		assert_int_equal(stats(n, node).local, 2);
	}
	n->task.node = 77; /* none: that of the CPU, which is one */
	assert_in_range(touch(n, map(n, 1, 0), 0), 0, NODES - 1);
}

static void test_preferred(void **state)
{
	struct nodes *n = *state;

	n->task.node = 3;
	expect_nodes(n, map(n, 2, nodes_policy(n, QMPOL_PREFERRED, 2)), "11");
	exhaust(n, 1);
	/* The nearest to node 1, not to the thread: 2 before 0, which is as far; then 0. */
	expect_nodes(n, map(n, 2, nodes_policy(n, QMPOL_PREFERRED, 2)), "22");
	assert_int_equal(stats(n, 1).foreign, 2);
	assert_int_equal(stats(n, 2).miss, 2);
	exhaust(n, 2);
	expect_nodes(n, map(n, 1, nodes_policy(n, QMPOL_PREFERRED, 2)), "0");
}

static void test_bind(void **state)
{
	struct nodes *n = *state;
	uint64_t at, p = nodes_policy(n, QMPOL_BIND, 0xa);

	n->task.node = 1;
	expect_nodes(n, map(n, 1, p), "1");
	n->task.node = 2;
	expect_nodes(n, map(n, 1, p), "3");
	n->task.node = 0;
	expect_nodes(n, map(n, 1, p), "1");
	exhaust(n, 1);
	expect_nodes(n, map(n, 1, p), "3");
	exhaust(n, 3);
	at = map(n, 1, p);
	assert_int_equal(unit_fault(n->u.mm, at, QUIRE_WRITE, NULL), QUIRE_FAULT_OOM);
	assert_int_equal(n->task.missing, 0xa);
	/* Others have memory, and so has whoever does not insist. */
	expect_nodes(n, map(n, 1, nodes_policy(n, QMPOL_PREFERRED_MANY, 0xa)), "0");
	assert_true(stats(n, 2).free_frames > 0);
	assert_int_equal(quire_set_policy(n->u.mm, at, UPAGE, 0), 0);
	expect_nodes(n, at, "0");
}

/* A frame that is freed on the node is found again, wherever it waits. */
static void test_bind_finds_the_last(void **state)
{
	struct nodes *n = *state;
	uint64_t at, p = nodes_policy(n, QMPOL_BIND, 1), taken = exhaust(n, 0);

	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(quire_madvise(n->u.mm, taken + i * UPAGE, UPAGE, QMADV_DONTNEED),
				 0);
		at = map(n, 2, p);
		expect_nodes(n, at, "0");
		assert_int_equal(unit_fault(n->u.mm, at + UPAGE, QUIRE_WRITE, NULL),
				 QUIRE_FAULT_OOM);
	}
}

/* Tables come from RAM, whatever the node.  The CPU's list has some of another node in stock then,
 * which are not for a policy that insists on the CPU's own. */
static void test_stock_of_another(void **state)
{
	const uint8_t cpu_nodes[64] = {0};
	struct quire_machine_options o = {
	    .size = sizeof(o), .ram_bytes = 2 * NODE, .nodes = 2, .cpu_nodes = cpu_nodes};
	struct nodes n = {0};
	struct folio *f;

	(void)state;
	unit_up(&n.u, &o, NULL);
	exhaust(&n, 0);
	f = folio_alloc(n.u.m, 0, 0);
	assert_int_equal(folio_zone(f), 1);
	assert_int_equal(
	    unit_fault(n.u.mm, map(&n, 1, nodes_policy(&n, QMPOL_BIND, 1)), QUIRE_WRITE, NULL),
	    QUIRE_FAULT_OOM);
	folio_put(n.u.m, f);
	unit_down(&n.u);
}

static void test_interleave(void **state)
{
	struct nodes *n = *state;
	uint64_t at = map(n, 6, nodes_policy(n, QMPOL_INTERLEAVE, 0xd));
	int first = touch(n, at, 0);
	static const char *const from[] = {"023023", NULL, "230230", "302302"};

	assert_int_not_equal(first, 1);
	expect_nodes(n, at, from[first]);
	/* By the page's number, in whatever order they are touched. */
	at = map(n, 6, nodes_policy(n, QMPOL_INTERLEAVE, 0x3));
	assert_int_equal(touch(n, at, 4), touch(n, at, 2));
	assert_int_equal(touch(n, at, 3), touch(n, at, 5));
	assert_int_not_equal(touch(n, at, 0), touch(n, at, 1));
	assert_int_equal(stats(n, 0).interleave_hit + stats(n, 1).interleave_hit +
			     stats(n, 2).interleave_hit + stats(n, 3).interleave_hit,
			 12);
}

static void test_weighted(void **state)
{
	struct nodes *n = *state;
	uint64_t at, counts[NODES];

	assert_int_equal(quire_node_set_weight(n->u.m, 0, 0), -QEINVAL);
	assert_int_equal(quire_node_set_weight(n->u.m, 0, 256), -QEINVAL);
	assert_int_equal(quire_node_set_weight(n->u.m, 4, 1), -QEINVAL);
	assert_int_equal(quire_node_set_weight(n->u.m, 0, 3), 0);
	assert_int_equal(quire_node_set_weight(n->u.m, 2, 2), 0);
	assert_int_equal(quire_node_weight(n->u.m, 0), 3);
	at = map(n, 60, nodes_policy(n, QMPOL_WEIGHTED_INTERLEAVE, 7));
	unit_fill(n->u.mm, at, 60 * UPAGE, 1);
	quire_range_nodes(n->u.mm, at, at + 60 * UPAGE, counts);
	assert_int_equal(counts[0], 30);
	assert_int_equal(counts[1], 10);
	assert_int_equal(counts[2], 20);
	assert_int_equal(counts[3], 0);
}

/* Populating does several pages at once. */
static void test_populate(void **state)
{
	struct nodes *n = *state;
	uint64_t at = map(n, 64, nodes_policy(n, QMPOL_INTERLEAVE, 6)), counts[NODES];

	assert_int_equal(quire_madvise(n->u.mm, at, 64 * UPAGE, QMADV_POPULATE_WRITE), 0);
	quire_range_nodes(n->u.mm, at, at + 64 * UPAGE, counts);
	assert_int_equal(counts[1], 32);
	assert_int_equal(counts[2], 32);
}

/* Policies keep mappings apart; so does that each was touched while they did. */
static void test_split(void **state)
{
	struct nodes *n = *state;
	uint64_t at = map(n, 4, nodes_policy(n, QMPOL_BIND, 1)), page = at + UPAGE;

	assert_int_equal(quire_set_policy(n->u.mm, page, UPAGE, nodes_policy(n, QMPOL_BIND, 8)), 0);
	assert_int_equal(unit_vma_count(n->u.mm), 3);
	assert_int_equal(quire_set_policy(n->u.mm, page, UPAGE, nodes_policy(n, QMPOL_BIND, 1)), 0);
	assert_int_equal(unit_vma_count(n->u.mm), 1);
	assert_int_equal(quire_set_policy(n->u.mm, page, UPAGE, nodes_policy(n, QMPOL_BIND, 8)), 0);
	expect_nodes(n, at, "0300");
	assert_int_equal(quire_set_policy(n->u.mm, page, UPAGE, nodes_policy(n, QMPOL_BIND, 1)), 0);
	assert_int_equal(unit_vma_count(n->u.mm), 3);
}

/* A copy goes by its mapping, too. */
static void test_copies(void **state)
{
	struct nodes *n = *state;
	uint64_t at = map(n, 1, nodes_policy(n, QMPOL_BIND, 2));
	struct quire_mm *child;

	expect_nodes(n, at, "1");
	assert_int_equal(quire_mm_fork(n->u.mm, NULL, &child), 0);
	assert_int_equal(quire_set_policy(child, at, UPAGE, nodes_policy(n, QMPOL_BIND, 8)), 0);
	unit_store(child, at, 5);
	assert_int_equal(quire_page_node(child, at), 3);
	assert_int_equal(quire_page_node(n->u.mm, at), 1);
	quire_mm_put(child);
}

/* ------------------------------------------------------------------- the thread's */

static void test_task(void **state)
{
	struct nodes *n = *state;
	uint64_t at;

	n->task.policy = nodes_policy(n, QMPOL_BIND, 4);
	expect_nodes(n, map(n, 2, 0), "22");
	expect_nodes(n, map(n, 2, nodes_policy(n, QMPOL_PREFERRED, 8)), "33");
	n->task.policy = nodes_policy(n, QMPOL_INTERLEAVE, 3);
	at = map(n, 4, 0);
	assert_int_not_equal(touch(n, at, 0), touch(n, at, 1));
	assert_int_equal(touch(n, at, 0), touch(n, at, 2));
	assert_int_equal(n->task.turn, 0); /* anonymous pages go by their number */
}

static int read_nothing(void *priv, uint64_t pgoff, void *mem)
{
	(void)priv;
	(void)pgoff;
	memset(mem, 1, UPAGE);
	return 0;
}

static void test_files(void **state)
{
	const struct quire_file_ops ops = {.read_page = read_nothing};
	struct quire_file_options o = {
	    .size = sizeof(o), .kind = QUIRE_FILE_PAGECACHE, .ops = &ops, .bytes = 8 * UPAGE};
	struct nodes *n = *state;
	struct quire_file *file;
	char byte;

	n->task.policy = nodes_policy(n, QMPOL_INTERLEAVE, 0x9);
	assert_int_equal(quire_file_create(n->u.m, &o, &file), 0);
	/* In turn, whichever page it is. */
	for (unsigned i = 0; i < 8; i += 2)
		assert_int_equal(quire_file_read(file, i * UPAGE, &byte, 1), 1);
	assert_int_equal(n->task.turn, 4);
	assert_int_equal(stats(n, 0).interleave_hit, 2);
	assert_int_equal(stats(n, 3).interleave_hit, 2);
	assert_int_equal(quire_policy_node(n->u.m, n->task.policy, n->task.turn), 0);
	quire_file_put(file);
}

/* By the thread's policy, and by one of its own: then whoever maps it. */
static void test_shared(void **state)
{
	struct nodes *n = *state;
	struct quire_file *file = unit_shmem(&n->u, 16 * UPAGE, true);
	uint64_t a, b;

	n->task.policy = nodes_policy(n, QMPOL_BIND, 8);
	a = unit_map_file(n->u.mm, 0, 16 * UPAGE, URW, QMAP_SHARED, file, 0);
	b = unit_map_file(n->u.mm, 0, 16 * UPAGE, URW, QMAP_SHARED, file, 0);
	expect_nodes(n, a, "33");
	assert_int_equal(
	    quire_set_policy(n->u.mm, a, 8 * UPAGE, nodes_policy(n, QMPOL_INTERLEAVE, 3)), 0);
	assert_int_equal(
	    quire_set_policy(n->u.mm, b + 4 * UPAGE, 2 * UPAGE, nodes_policy(n, QMPOL_BIND, 4)), 0);
	expect_nodes(n, b, "3301220133");
	quire_file_put(file);
}

static uint64_t shared_policy(struct nodes *n, uint64_t at, unsigned page)
{
	uint64_t p = 1;

	assert_int_equal(quire_policy_at(n->u.mm, at + page * UPAGE, &p), 0);
	return p;
}

/* Ranges over ranges, against a page by page account. */
static void test_shared_ranges(void **state)
{
	enum { PAGES = 32 };
	struct nodes *n = *state;
	struct quire_file *file = unit_shmem(&n->u, PAGES * UPAGE, true);
	uint64_t want[PAGES] = {0}, at, other;
	uint32_t seed = 5;

	at = unit_map_file(n->u.mm, 0, PAGES * UPAGE, URW, QMAP_SHARED, file, 0);
	other = unit_map_file(n->u.mm, 0, PAGES * UPAGE, URW, QMAP_SHARED, file, 0);
	for (unsigned step = 0; step < 2000; step++) {
		unsigned first, pages;
		uint64_t p;

		seed = seed * 1664525u + 1013904223u;
		first = seed >> 8 & (PAGES - 1);
		pages = 1 + (seed >> 16) % (PAGES - first);
		p = seed >> 30 ? nodes_policy(n, QMPOL_BIND, 1ull << (seed >> 28 & 3)) : 0;
		assert_int_equal(quire_set_policy(n->u.mm, at + first * UPAGE, pages * UPAGE, p),
				 0);
		for (unsigned i = first; i < first + pages; i++)
			want[i] = p;
		for (unsigned i = 0; i < PAGES; i++)
			assert_true(shared_policy(n, other, i) == want[i]);
	}
	quire_file_put(file);
}

/* --------------------------------------------------------------------- asked */

/* On the machine's line, pages on node 0 that a mapping's new policy wants elsewhere. */
static void test_move_by_policy(void **state)
{
	static const struct {
		unsigned mode;
		uint64_t nodes;
		const char *digits; /* or by the page's number */
	} cases[] = {
	    {QMPOL_BIND, 0xc, "2222"},
	    {QMPOL_BIND, 1, "0000"},
	    {QMPOL_PREFERRED, 8, "3333"},
	    {QMPOL_PREFERRED_MANY, 6, "1111"},
	    {QMPOL_INTERLEAVE, 6, NULL},
	    {QMPOL_INTERLEAVE, 3, "0000"},
	    {QMPOL_WEIGHTED_INTERLEAVE, 0xc, NULL},
	};
	struct nodes *n = *state;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t at = map(n, 4, nodes_policy(n, QMPOL_BIND, 1));
		uint64_t want = nodes_policy(n, cases[i].mode, cases[i].nodes);

		expect_nodes(n, at, "0000");
		assert_int_equal(quire_move_by_policy(n->u.mm, at, 4 * UPAGE, want, cases[i].nodes,
						      QMPOL_MF_MOVE),
				 0);
		for (unsigned k = 0; k < 4; k++)
			assert_int_equal(touch(n, at, k),
					 cases[i].digits
					     ? (unsigned)cases[i].digits[k] - '0'
					     : quire_policy_node(n->u.m, want, at / UPAGE + k));
	}
}

/* Node 1 has none: one that insists takes the next of its nodes, or fails; a wish is none. */
static void test_move_to_full(void **state)
{
	struct nodes *n = *state;
	uint64_t at = map(n, 4, nodes_policy(n, QMPOL_BIND, 1));

	expect_nodes(n, at, "0000");
	exhaust(n, 1);
	assert_int_equal(quire_move_by_policy(n->u.mm, at, 4 * UPAGE,
					      nodes_policy(n, QMPOL_BIND, 2), 2, QMPOL_MF_MOVE),
			 4);
	assert_int_equal(quire_move_by_policy(n->u.mm, at, UPAGE, nodes_policy(n, QMPOL_BIND, 0xa),
					      0xa, QMPOL_MF_MOVE),
			 0);
	assert_int_equal(quire_move_by_policy(n->u.mm, at + UPAGE, UPAGE,
					      nodes_policy(n, QMPOL_PREFERRED, 2), 2,
					      QMPOL_MF_MOVE),
			 0);
	assert_int_equal(quire_page_node(n->u.mm, at), 3);
	assert_int_equal(quire_page_node(n->u.mm, at + 2 * UPAGE), 0);
}

static void test_page_node(void **state)
{
	struct nodes *n = *state;
	uint64_t at = map(n, 3, nodes_policy(n, QMPOL_BIND, 2)), counts[NODES];

	assert_int_equal(quire_page_node(n->u.mm, at), -QENOENT);
	unit_load(n->u.mm, at);
	assert_int_equal(quire_page_node(n->u.mm, at), -QEFAULT);
	assert_int_equal(touch(n, at, 1), 1);
	assert_int_equal(quire_page_node(n->u.mm, at + UPAGE + 123), 1);
	assert_int_equal(quire_page_node(n->u.mm, at + 3 * UPAGE), -QEFAULT);
	assert_int_equal(quire_page_node(n->u.mm, UINT64_MAX), -QEFAULT);
	quire_range_nodes(n->u.mm, 0, UINT64_MAX, counts);
	assert_int_equal(counts[1], 1);
	assert_int_equal(counts[0] + counts[2] + counts[3], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sizes),   cmocka_unit_test(test_cpu_nodes),
	    node_test(test_distances),      node_test(test_make),
	    node_test(test_home),           node_test(test_home_of_range),
	    node_test(test_local),          node_test(test_preferred),
	    node_test(test_bind),           node_test(test_bind_finds_the_last),
	    node_test(test_interleave),     cmocka_unit_test(test_stock_of_another),
	    node_test(test_weighted),       node_test(test_populate),
	    node_test(test_split),          node_test(test_copies),
	    node_test(test_task),           node_test(test_files),
	    node_test(test_shared),         node_test(test_shared_ranges),
	    node_test(test_move_by_policy), node_test(test_move_to_full),
	    node_test(test_page_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
