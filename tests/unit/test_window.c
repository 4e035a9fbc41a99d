/* SPDX-License-Identifier: MIT */
/*
 * test_window.c: what happens while a fault is on its way: each test stops a thread in a window
 * and has another thread do the worst that can be done there.
 */
#include "gate.h"

#include "core/folio.h"

static int setup(void **state)
{
	struct unit *u = calloc(1, sizeof(*u));

	gate_up(u, NULL);
	*state = u;
	return 0;
}

/* ---- actors ------------------------------------------------------------------ */

/* A store or load of an actor, and what it came to. */
struct touch {
	struct quire_mm *mm;
	uint64_t addr, val;
	bool ok;
};

static void do_store(void *arg)
{
	struct touch *t = arg;

	t->ok = unit_try_store(t->mm, t->addr, t->val);
}

static void do_unmap(void *arg)
{
	struct touch *t = arg;

	t->ok = !quire_munmap(t->mm, t->addr, UPAGE);
}

/* ---- a copy that waits for its flush ----------------------------------------- */

/* One page with 1 in it, which *other shares: the next write copies it. */
static uint64_t map_shared_page(struct unit *u, struct quire_mm **other)
{
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);

	unit_store(u->mm, a, 1);
	assert_int_equal(quire_mm_fork(u->mm, NULL, other), 0);
	return a;
}

static uint64_t *frame_of(struct quire_mm *mm, uint64_t a)
{
	pfn_t pfn = (pfn_t)((quire_pte(mm, a) & QUIRE_PTE_FRAME_MASK) / UPAGE);

	return pfn_addr(quire_mm_machine(mm), pfn);
}

/* The child's executors may still read through what its munmap has not flushed yet. */
static void fork_and_unmap(void **state)
{
	struct unit *u = *state;
	struct quire_mm *other, *child;
	uint64_t a = map_shared_page(u, &other);
	struct touch store = {u->mm, a, 2, false}, unmap = {NULL, a, 0, false};
	struct actor copier = {.gate = GATE_FLUSH, .run = do_store, .arg = &store};
	struct actor unmapper = {.gate = GATE_FLUSH, .run = do_unmap, .arg = &unmap};
	const uint64_t *seen;

	actor_start(&copier);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	seen = frame_of(child, a);
	assert_int_equal(*seen, 1);
	unmap.mm = child;
	actor_start(&unmapper);
	actor_finish(&copier);
	assert_true(store.ok);
	assert_int_equal(*seen, 1);
	assert_int_equal(unit_load(u->mm, a), 2);
	actor_finish(&unmapper);
	assert_true(unmap.ok);
	assert_int_equal(unit_load(other, a), 1);
	quire_mm_put(child);
	quire_mm_put(other);
}

/* mprotect gives the write bit to what is exclusive: not before the flush. */
static void protect_and_back(void **state)
{
	struct unit *u = *state;
	struct quire_mm *other;
	uint64_t a = map_shared_page(u, &other);
	struct touch store = {u->mm, a, 2, false};
	struct actor copier = {.gate = GATE_FLUSH, .run = do_store, .arg = &store};

	actor_start(&copier);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, QPROT_READ), 0);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, URW), 0);
	assert_int_equal(quire_pte(u->mm, a) & QUIRE_PTE_WRITE, 0);
	actor_finish(&copier);
	assert_true(store.ok);
	assert_int_equal(unit_load(u->mm, a), 2);
	assert_int_equal(unit_load(other, a), 1);
	quire_mm_put(other);
}

#define window_test(f) cmocka_unit_test_setup_teardown(f, setup, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    window_test(fork_and_unmap),
	    window_test(protect_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
