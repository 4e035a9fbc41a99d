/* SPDX-License-Identifier: MIT */
/*
 * test_ds_rtree_rcu.c: readers of the range tree beside a writer.
 *
 * The writer splits and merges entries that always tile [0, TOTAL), several per
 * transaction.  A reader that ever finds a hole, or an entry whose object says
 * otherwise, has seen half a transaction.  Objects and nodes are freed through
 * RCU, so ASan and TSan see a reader that is too late.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ds/rtree.h"
#include "quire/port_host.h"
#include "sync.h"
#include "test_ds_alloc.h"

#define TOTAL 4096ull
#define READERS 2
#define COMMITS 10000

struct object {
	struct quire_rcu_head rcu;
	uint64_t start, end;
};

static struct quire_port port;
static struct rtree tree;
static uint32_t stop, passes;

static void *env_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return port.alloc(port.ctx, bytes);
}

static void env_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	port.free(port.ctx, p, bytes);
}

static void retired_callback(struct quire_rcu_head *head)
{
	struct rtree_env env = {.free = env_free};

	rtree_retired_free(&env, (struct rtree_retired *)head);
}

static void retire_rcu(void *ctx, struct rtree_retired *list)
{
	(void)ctx;
	port.call_rcu(port.ctx, &list->rcu, retired_callback);
}

static const struct rtree_env env = {.alloc = env_alloc, .free = env_free, .retire = retire_rcu};

static void free_object(struct quire_rcu_head *head)
{
	free(container_of(head, struct object, rcu));
}

static struct object *new_object(uint64_t start, uint64_t end)
{
	struct object *o = malloc(sizeof(*o));

	o->start = start;
	o->end = end;
	return o;
}

static void insert(struct rtree_txn *txn, uint64_t start, uint64_t end)
{
	assert_int_equal(rtree_txn_insert(txn, start, end, new_object(start, end)), 0);
}

/* The object is still in the published version: it goes after the commit. */
static struct object *erase(struct rtree_txn *txn, uint64_t start)
{
	struct object *o = rtree_find(rtree_txn_view(txn), start, NULL);

	assert_int_equal(rtree_txn_erase(txn, start), 0);
	return o;
}

/* At each moment the whole space is tiled. */
static unsigned walk(void)
{
	struct rtree_range r;
	unsigned errors = 0;
	struct object *o;

	for (uint64_t at = 0; at < TOTAL; at = r.end) {
		o = rtree_next(&tree, at, &r);
		if (!o || r.end <= at)
			return errors + 1;
		errors += r.start > at || o->start != r.start || o->end != r.end;
	}
	return errors;
}

static void *reader(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;
	uintptr_t errors = 0;

	while (!atomic_load(&stop)) {
		uint64_t addr = rnd_below(&seed, TOTAL);
		struct rtree_range r;
		struct object *o;

		rcu_read_lock(&port);
		o = rtree_find(&tree, addr, &r);
		errors += !o || addr < o->start || addr >= o->end || o->start != r.start;
		errors += walk();
		rcu_read_unlock(&port);
		atomic_add_relaxed(&passes, 1);
	}
	return (void *)errors;
}

/* Moves, makes or removes the boundary at `addr`. */
static unsigned edit(struct rtree_txn *txn, uint64_t addr, struct object **dead)
{
	struct rtree_range r, next;

	rtree_find(rtree_txn_view(txn), addr, &r);
	dead[0] = erase(txn, r.start);
	if (r.start < addr) {
		insert(txn, r.start, addr);
		insert(txn, addr, r.end);
		return 1;
	}
	if (!rtree_find(rtree_txn_view(txn), r.end, &next)) {
		insert(txn, r.start, r.end);
		return 1;
	}
	dead[1] = erase(txn, next.start);
	insert(txn, r.start, next.end);
	return 2;
}

/* The same by one call. */
static unsigned replace(struct rtree_txn *txn, uint64_t addr, struct object **dead)
{
	struct rtree_entry add[2];
	struct rtree_range r, next;
	unsigned nr = 0, n = 0;

	dead[n++] = rtree_find(&tree, addr, &r);
	if (r.start < addr) {
		add[nr++] = (struct rtree_entry){r.start, addr, new_object(r.start, addr)};
		r.start = addr;
	} else if ((dead[n] = rtree_find(&tree, r.end, &next)) != NULL) {
		n++;
		r.end = next.end;
	}
	add[nr++] = (struct rtree_entry){r.start, r.end, new_object(r.start, r.end)};
	assert_int_equal(rtree_txn_replace(txn, dead[0]->start, r.end, add, nr), 0);
	return n;
}

static void commit_some_edits(uint64_t *seed)
{
	struct object *dead[16];
	struct rtree_txn txn;
	unsigned n = 0;

	assert_int_equal(rtree_txn_begin(&txn, &tree, &env), 0);
	if (rnd_below(seed, 2))
		n = replace(&txn, rnd_below(seed, TOTAL / 8) * 8, dead);
	for (uint64_t edits = n ? rnd_below(seed, 2) : 1 + rnd_below(seed, 4); edits; edits--) {
		assert_int_equal(rtree_txn_settle(&txn), 0);
		n += edit(&txn, rnd_below(seed, TOTAL / 8) * 8, dead + n);
	}
	rtree_txn_commit(&txn);
	/* An object made and erased in one transaction was never seen; RCU is no harm. */
	while (n)
		port.call_rcu(port.ctx, &dead[--n]->rcu, free_object);
}

/* ---- entries that stay, and others that come and go between them ------------------- */

#define STRIDE 8u
#define STAY (TOTAL / STRIDE)

/* Every STEPth address from 3 on has an entry; the two before and behind it may have one each. */
static void *reader_of_those_that_stay(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;
	uintptr_t errors = 0;

	while (!atomic_load(&stop)) {
		uint64_t addr = rnd_below(&seed, STAY) * STRIDE + 3,
			 from = addr - rnd_below(&seed, 4);
		struct rtree_range r;
		struct object *o;

		rcu_read_lock(&port);
		o = rtree_find(&tree, addr, &r);
		errors += !o || o->start != addr || r.start != addr;
		o = rtree_next(&tree, from, &r);
		errors += !o || r.end <= from || r.start > addr;
		o = rtree_prev(&tree, addr + 3, &r);
		errors += !o || r.start < addr || r.start >= addr + 3;
		rcu_read_unlock(&port);
		atomic_add_relaxed(&passes, 1);
	}
	return (void *)errors;
}

static void toggle(uint64_t *seed)
{
	uint64_t addr = rnd_below(seed, STAY) * STRIDE + 3;
	struct object *there;
	struct rtree_entry e;
	struct rtree_txn txn;

	addr = rnd_below(seed, 2) ? addr - 1 : addr + 1;
	there = rtree_find(&tree, addr, NULL);
	assert_int_equal(rtree_txn_begin(&txn, &tree, &env), 0);
	e = (struct rtree_entry){addr, addr + 1, there};
	if (!there)
		e.ptr = new_object(addr, addr + 1);
	assert_int_equal(rtree_txn_replace(&txn, addr, there ? addr + 1 : addr, &e, !there), 0);
	rtree_txn_commit(&txn);
	if (there)
		port.call_rcu(port.ctx, &there->rcu, free_object);
}

/* ------------------------------------------------------------------------------------- */

static void run(void *(*read)(void *arg), void (*write)(uint64_t *seed))
{
	pthread_t threads[READERS];
	struct rtree_range r;
	uint64_t seed = 11;
	struct object *o;

	atomic_store(&stop, 0);
	atomic_store(&passes, 0);
	for (uintptr_t t = 0; t < READERS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, read, (void *)(t + 1)), 0);
	for (unsigned i = 0; i < COMMITS || atomic_load(&passes) < 100; i++)
		write(&seed);
	atomic_store(&stop, 1);
	for (unsigned t = 0; t < READERS; t++) {
		void *errors;

		pthread_join(threads[t], &errors);
		assert_null(errors);
	}
	assert_null(rtree_check(&tree));
	rtree_for_each (&tree, 0, TOTAL, r, o)
		free(o);
	rtree_clear(&tree, &env);
	port.rcu_barrier(port.ctx);
}

static void test_the_whole_space_is_tiled(void **state)
{
	struct rtree_txn txn;

	(void)state;
	quire_port_host(&port);
	rtree_init(&tree);
	assert_int_equal(rtree_txn_begin(&txn, &tree, &env), 0);
	insert(&txn, 0, TOTAL);
	rtree_txn_commit(&txn);
	run(reader, commit_some_edits);
}

static void test_what_stays_is_found(void **state)
{
	struct rtree_txn txn;

	(void)state;
	quire_port_host(&port);
	rtree_init(&tree);
	assert_int_equal(rtree_txn_begin(&txn, &tree, &env), 0);
	for (uint64_t i = 0; i < STAY; i++)
		insert(&txn, i * STRIDE + 3, i * STRIDE + 4);
	rtree_txn_commit(&txn);
	run(reader_of_those_that_stay, toggle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_whole_space_is_tiled),
	    cmocka_unit_test(test_what_stays_is_found),
	};

	return cmocka_run_group_tests_name("ds_rtree_rcu", tests, NULL, NULL);
}
