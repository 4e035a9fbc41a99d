/* SPDX-License-Identifier: MIT */
/*
 * test_rmap_anon.c: from a private page to the entries that map it.
 */
#include "unit.h"

#include "core/frame/folio.h"
#include "core/rmap/walk.h"
#include "core/table/entry.h"

#define MOST 8u

/* What a walk has come to. */
struct seen {
	struct rmap_walk walk;
	unsigned n, flushes;
	struct quire_mm *mm[MOST];
	uint64_t addr[MOST];
};

static enum rmap_next see(struct rmap_walk *w, struct rmap_place *p)
{
	struct seen *s = container_of(w, struct seen, walk);

	if (s->n < MOST) {
		s->mm[s->n] = p->mm;
		s->addr[s->n] = p->addr;
	}
	s->n++;
	return RMAP_GO_ON;
}

static void flushed(struct rmap_walk *w, struct quire_mm *mm)
{
	struct seen *s = container_of(w, struct seen, walk);

	(void)mm;
	s->flushes++;
}

static struct folio *folio_at(struct unit *u, struct quire_mm *mm, uint64_t addr)
{
	uint64_t e = quire_pte(mm, addr);

	assert_true(e & QUIRE_PTE_PRESENT);
	return entry_folio(u->m, e);
}

/* All entries of the page that mm has at addr. */
static struct seen walk(struct unit *u, struct quire_mm *mm, uint64_t addr)
{
	struct seen s = {.walk = {.folio = folio_at(u, mm, addr), .entry = see, .flush = flushed}};
	struct folio *f = s.walk.folio;

	folio_get(f);
	folio_lock(u->m, f);
	assert_true(rmap_begin(u->m, &s.walk));
	rmap_walk(u->m, &s.walk);
	rmap_end(u->m, &s.walk);
	folio_unlock(u->m, f);
	folio_put(u->m, f);
	unit_verify(u);
	return s;
}

static struct quire_mm *fork_of(struct quire_mm *mm)
{
	struct quire_mm *child;

	assert_int_equal(quire_mm_fork(mm, NULL, &child), 0);
	return child;
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
	child = fork_of(u->mm);
	grandchild = fork_of(child);
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
		child[i] = fork_of(u->mm);
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
	struct quire_machine_stats st;

	quire_machine_stats(u->m, &st);
	return st.kmem_bytes;
}

/* The parent ends. */
static void next_generation(struct unit *u)
{
	struct quire_mm *child = fork_of(u->mm);

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
		branch[i] = fork_of(u->mm);
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

/* An entry that is gone, or that is another page's by now. */
static void test_strangers(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *child;
	struct seen s;

	unit_store(u->mm, a, 1);
	child = fork_of(u->mm);
	unit_store(child, a, 2);
	s = walk(u, u->mm, a);
	assert_int_equal(s.n, 1);
	assert_ptr_equal(s.mm[0], u->mm);
	assert_int_equal(quire_munmap(child, a, UPAGE), 0);
	s = walk(u, u->mm, a);
	assert_int_equal(s.n, 1);
	quire_mm_put(child);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_one_mm, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_generations, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_server, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_chain, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_chain_with_branch, unit_setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(test_strangers, unit_setup, unit_teardown),
	};

	return cmocka_run_group_tests_name("rmap_anon", tests, NULL, NULL);
}
