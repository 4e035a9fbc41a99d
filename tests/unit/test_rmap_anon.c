/* SPDX-License-Identifier: MIT */
/*
 * test_rmap_anon.c: from a private page to the entries that map it.
 */
#include "entries.h"

/* All entries of the page that mm has at addr. */
static struct seen walk(struct unit *u, struct quire_mm *mm, uint64_t addr)
{
	return see_entries(u, folio_at(mm, addr), 0);
}

static void test_one_mm(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * UPAGE, URW, UANON);
	struct seen s;

	unit_store(u->mm, a + UPAGE, 1);
	s = walk(u, u->mm, a + UPAGE);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.flushes, 1);
	assert_int_equal(s.walk.visited, 1);
	assert_ptr_equal(s.mm[0], u->mm);
	assert_int_equal(s.addr[0], a + UPAGE);
}

/* Parents come before their children, and an mm that has no entry of it is passed through. */
static void test_generations(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *child, *grandchild;
	struct seen s;

	unit_store(u->mm, a, 1);
	child = unit_fork(u->mm);
	grandchild = unit_fork(child);
	s = walk(u, grandchild, a);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.flushes, 3);
	assert_ptr_equal(s.mm[0], u->mm);
	assert_ptr_equal(s.mm[1], child);
	assert_ptr_equal(s.mm[2], grandchild);
	unit_store(child, a, 2);
	s = walk(u, grandchild, a);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.walk.visited, 3);
	s = walk(u, child, a); /* its own copy: not the parent's */
	assert_int_equal(s.n, 1);
	assert_int_equal(s.walk.visited, 1);
	quire_mm_put(child);
	s = walk(u, grandchild, a);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.walk.visited, 2);
	quire_mm_put(grandchild);
	s = walk(u, u->mm, a);
	assert_int_equal(s.n, 1);
}

/* A server and its children: what all share is found in each, what one has made in that one. */
static void test_server(void **state)
{
	enum { CHILDREN = 300 };
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 2 * UPAGE, URW, UANON);
	struct quire_mm *child[CHILDREN];
	struct seen s;

	unit_store(u->mm, a, 1);
	for (unsigned i = 0; i < CHILDREN; i++)
		child[i] = unit_fork(u->mm);
	unit_store(child[7], a + UPAGE, 1);
	s = walk(u, u->mm, a);
	assert_int_equal(s.n, CHILDREN + 1);
	assert_int_equal(s.walk.visited, CHILDREN + 1);
	s = walk(u, child[7], a + UPAGE);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.walk.visited, 1);
	for (unsigned i = 0; i < CHILDREN; i++)
		quire_mm_put(child[i]);
	unit_verify(u);
}

static uint64_t kmem_bytes(struct unit *u)
{
	return unit_stats(u->m).kmem_bytes;
}

/* The parent ends. */
static void next_generation(struct unit *u)
{
	struct quire_mm *child = unit_fork(u->mm);

	quire_mm_put(u->mm);
	u->mm = child;
}

/* Each writes a page of its own, which the next ones inherit. */
static void test_chain(void **state)
{
	enum { GENERATIONS = 10000, PAGES = 64 };
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, PAGES * UPAGE, URW, UANON), first = 0;

	for (unsigned i = 0; i < GENERATIONS; i++) {
		unit_store(u->mm, a + i % PAGES * UPAGE, i);
		next_generation(u);
		if (i == PAGES)
			first = kmem_bytes(u);
	}
	unit_verify(u);
	u->port.rcu_barrier(u->port.ctx);
	assert_in_range(kmem_bytes(u), 0, first + 4096);
	for (unsigned i = 0; i < PAGES; i++) {
		struct seen s = walk(u, u->mm, a + i * UPAGE);

		assert_int_equal(s.n, 1);
		assert_int_equal(s.walk.visited, 1);
	}
}

/* Each parent ends when its child has forked. */
static void test_overlapping_chain(void **state)
{
	enum { GENERATIONS = 4000 };
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON), first = 0;
	struct quire_mm *child = NULL;
	struct seen s;

	unit_store(u->mm, a, 1);
	child = unit_fork(u->mm);
	for (unsigned i = 0; i < GENERATIONS; i++) {
		struct quire_mm *grandchild = unit_fork(child);

		quire_mm_put(u->mm);
		u->mm = child;
		child = grandchild;
		if (i == 64)
			first = kmem_bytes(u);
	}
	u->port.rcu_barrier(u->port.ctx);
	assert_in_range(kmem_bytes(u), 0, first + 4096);
	s = walk(u, child, a);
	assert_int_equal(s.n, 2);
	quire_mm_put(child);
}

/* While the parents of a chain have another child, their roots stay; they go with it. */
static void test_chain_with_branch(void **state)
{
	enum { GENERATIONS = 40 };
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *branch[GENERATIONS];
	struct seen s;

	unit_store(u->mm, a, 1);
	for (unsigned i = 0; i < GENERATIONS; i++) {
		branch[i] = unit_fork(u->mm);
		next_generation(u);
	}
	s = walk(u, u->mm, a);
	assert_int_equal(s.n, GENERATIONS + 1);
	for (unsigned i = 0; i < GENERATIONS; i++)
		quire_mm_put(branch[i]);
	s = walk(u, u->mm, a);
	assert_int_equal(s.n, 1);
	next_generation(u);
	s = walk(u, u->mm, a);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.walk.visited, 1);
}

/* What a process has let go is found in the child that has it still. */
static void test_chain_with_keeper(void **state)
{
	enum { GENERATIONS = 20 };
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 2 * UPAGE, URW, UANON);
	struct quire_mm *branch[GENERATIONS], *keeper, *other;
	struct seen s;

	unit_store(u->mm, a, 1);
	for (unsigned i = 0; i < GENERATIONS; i++) {
		branch[i] = unit_fork(u->mm);
		next_generation(u);
	}
	keeper = unit_fork(u->mm);
	for (unsigned i = 0; i < GENERATIONS; i++)
		quire_mm_put(branch[i]);
	assert_int_equal(quire_munmap(u->mm, a, UPAGE), 0);
	other = unit_fork(u->mm);
	u->port.rcu_barrier(u->port.ctx);
	s = walk(u, keeper, a);
	assert_int_equal(s.n, 1);
	assert_ptr_equal(s.mm[0], keeper);
	quire_mm_put(other);
	quire_mm_put(keeper);
}

/* An entry that is gone, or that is another page's by now. */
static void test_strangers(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *child;
	struct seen s;

	unit_store(u->mm, a, 1);
	child = unit_fork(u->mm);
	unit_store(child, a, 2);
	s = walk(u, u->mm, a);
	assert_int_equal(s.n, 1);
	assert_ptr_equal(s.mm[0], u->mm);
	assert_int_equal(quire_munmap(child, a, UPAGE), 0);
	s = walk(u, u->mm, a);
	assert_int_equal(s.n, 1);
	quire_mm_put(child);
}

/* ---- moved ------------------------------------------------------------------- */

#define FAR (1ull << 40)

static uint64_t move(struct quire_mm *mm, uint64_t from, uint64_t len, uint64_t to, int flags)
{
	uint64_t out;

	assert_int_equal(
	    quire_mremap(mm, from, len, len, QMREMAP_MAYMOVE | QMREMAP_FIXED | flags, to, &out), 0);
	return out;
}

static void expect_alone_at(struct unit *u, struct quire_mm *mm, uint64_t addr)
{
	struct seen s = walk(u, mm, addr);

	assert_int_equal(s.n, 1);
	assert_ptr_equal(s.mm[0], mm);
	assert_int_equal(s.addr[0], addr);
}

/* Far and farther, in parts, home; what is made at the new place, too. */
static void test_moved(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * UPAGE, URW, UANON);

	for (unsigned i = 0; i < 3; i++)
		unit_store(u->mm, a + i * UPAGE, i);
	move(u->mm, a, 4 * UPAGE, FAR, 0);
	unit_store(u->mm, FAR + 3 * UPAGE, 3);
	for (unsigned i = 0; i < 4; i++)
		expect_alone_at(u, u->mm, FAR + i * UPAGE);
	move(u->mm, FAR + UPAGE, 2 * UPAGE, 2 * FAR, 0);
	expect_alone_at(u, u->mm, FAR);
	expect_alone_at(u, u->mm, 2 * FAR);
	expect_alone_at(u, u->mm, 2 * FAR + UPAGE);
	expect_alone_at(u, u->mm, FAR + 3 * UPAGE);
	move(u->mm, 2 * FAR, UPAGE, a + UPAGE, 0);
	expect_alone_at(u, u->mm, a + UPAGE);
	assert_int_equal(quire_mprotect(u->mm, FAR, UPAGE, QPROT_READ), 0);
	expect_alone_at(u, u->mm, FAR);
	assert_int_equal(quire_munmap(u->mm, FAR + 3 * UPAGE, UPAGE), 0);
	expect_alone_at(u, u->mm, FAR);
	assert_int_equal(unit_load(u->mm, 2 * FAR + UPAGE), 2);
}

/* Two pages of one index: one has moved away, and another has come in its place. */
static void test_same_index(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);

	unit_store(u->mm, a, 1);
	move(u->mm, a, UPAGE, FAR, QMREMAP_DONTUNMAP);
	unit_store(u->mm, a, 2);
	move(u->mm, a, UPAGE, 2 * FAR, QMREMAP_DONTUNMAP);
	unit_store(u->mm, a, 3);
	expect_alone_at(u, u->mm, a);
	expect_alone_at(u, u->mm, FAR);
	expect_alone_at(u, u->mm, 2 * FAR);
}

/* A moved mapping grows in place: what is made in its new part has the same range. */
static void test_moved_and_grown(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON), out;

	unit_store(u->mm, a, 1);
	move(u->mm, a, UPAGE, FAR, 0);
	assert_int_equal(quire_mremap(u->mm, FAR, UPAGE, 3 * UPAGE, 0, 0, &out), 0);
	unit_store(u->mm, FAR + 2 * UPAGE, 3);
	expect_alone_at(u, u->mm, FAR);
	expect_alone_at(u, u->mm, FAR + 2 * UPAGE);
}

/* Parent and child move what they share to places of their own. */
static void test_moved_and_forked(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 2 * UPAGE, URW, UANON);
	struct quire_mm *child;
	struct seen s;

	unit_store(u->mm, a, 1);
	unit_store(u->mm, a + UPAGE, 2);
	move(u->mm, a, UPAGE, FAR, 0);
	child = unit_fork(u->mm);
	s = walk(u, child, FAR);
	assert_int_equal(s.n, 2);
	move(child, FAR, UPAGE, 2 * FAR, 0);
	move(u->mm, a + UPAGE, UPAGE, 3 * FAR, 0);
	s = walk(u, child, 2 * FAR);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.addr[0], FAR);
	assert_int_equal(s.addr[1], 2 * FAR);
	s = walk(u, child, a + UPAGE);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.addr[0], 3 * FAR);
	assert_int_equal(s.addr[1], a + UPAGE);
	quire_mm_put(child);
}

/* Copies of a file's pages have an index that is not the file's. */
static void test_moved_copies(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, 4 * UPAGE, true);

	unit_map_file(u->mm, FAR, 4 * UPAGE, URW, QMAP_PRIVATE | QMAP_FIXED, file, 0);
	unit_store(u->mm, FAR + UPAGE, 1);
	expect_alone_at(u, u->mm, FAR + UPAGE);
	move(u->mm, FAR, 4 * UPAGE, 2 * FAR, 0);
	unit_store(u->mm, 2 * FAR + 2 * UPAGE, 2);
	expect_alone_at(u, u->mm, 2 * FAR + UPAGE);
	expect_alone_at(u, u->mm, 2 * FAR + 2 * UPAGE);
	quire_file_put(file);
}

/* What has moved and gone leaves nothing behind. */
static void test_moved_and_gone(void **state)
{
	enum { TIMES = 1000 };
	struct unit *u = *state;
	uint64_t first = 0;

	for (unsigned i = 0; i < TIMES; i++) {
		uint64_t a = unit_map(u->mm, 0, 2 * UPAGE, URW, UANON);

		unit_store(u->mm, a, 1);
		move(u->mm, a, 2 * UPAGE, FAR + i % 4 * UPAGE, 0);
		assert_int_equal(quire_munmap(u->mm, FAR + i % 4 * UPAGE, 2 * UPAGE), 0);
		u->port.rcu_barrier(u->port.ctx);
		if (i == 8)
			first = kmem_bytes(u);
	}
	assert_in_range(kmem_bytes(u), 0, first);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_one_mm, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_generations, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_server, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_chain, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_overlapping_chain, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_chain_with_branch, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_chain_with_keeper, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_strangers, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_moved, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_same_index, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_moved_and_grown, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_moved_and_forked, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_moved_copies, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_moved_and_gone, unit_setup, unit_teardown),
	};

	return cmocka_run_group_tests_name("rmap_anon", tests, NULL, NULL);
}
