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

static const struct rtree_env env = {env_alloc, env_free, retire_rcu, NULL};

static void free_object(struct quire_rcu_head *head)
{
	free(container_of(head, struct object, rcu));
}

static void insert(struct rtree_txn *txn, uint64_t start, uint64_t end)
{
	struct object *o = malloc(sizeof(*o));

	o->start = start;
	o->end = end;
	assert_int_equal(rtree_txn_insert(txn, start, end, o), 0);
}

/* The object is still in the published version: it goes after the commit. */
static struct object *erase(struct rtree_txn *txn, uint64_t start)
{
	struct object *o = rtree_find(rtree_txn_view(txn), start, NULL);

	assert_int_equal(rtree_txn_erase(txn, start), 0);
	return o;
}

/* One version tiles the whole space. */
static unsigned walk_version(void)
{
	struct rtree snap = rtree_snapshot(&tree);
	struct rtree_range r;
	unsigned errors = 0;
	uint64_t at = 0;
	struct object *o;

	rtree_for_each (&snap, 0, TOTAL, r, o) {
		errors += r.start != at || o->start != r.start || o->end != r.end;
		at = r.end;
	}
	return errors + (at != TOTAL);
}

static void *reader(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;
	uintptr_t errors = 0;

	while (!at_load(&stop)) {
		uint64_t addr = rnd_below(&seed, TOTAL);
		struct rtree_range r;
		struct object *o;

		rcu_read_lock(&port);
		o = rtree_find(&tree, addr, &r);
		errors += !o || addr < o->start || addr >= o->end || o->start != r.start;
		errors += walk_version();
		rcu_read_unlock(&port);
		at_add_relaxed(&passes, 1);
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

static void commit_some_edits(uint64_t *seed)
{
	struct object *dead[16];
	struct rtree_txn txn;
	unsigned n = 0;

	assert_int_equal(rtree_txn_begin(&txn, &tree, &env), 0);
	for (uint64_t edits = 1 + rnd_below(seed, 4); edits; edits--)
		n += edit(&txn, rnd_below(seed, TOTAL / 8) * 8, dead + n);
	rtree_txn_commit(&txn);
	/* An object made and erased in one transaction was never seen; RCU is no harm. */
	while (n)
		port.call_rcu(port.ctx, &dead[--n]->rcu, free_object);
}

static void test_readers_see_whole_transactions(void **state)
{
	pthread_t threads[READERS];
	struct rtree_range r;
	struct rtree_txn txn;
	uint64_t seed = 11;
	struct object *o;

	(void)state;
	quire_port_host(&port);
	rtree_init(&tree);
	assert_int_equal(rtree_txn_begin(&txn, &tree, &env), 0);
	insert(&txn, 0, TOTAL);
	rtree_txn_commit(&txn);
	for (uintptr_t t = 0; t < READERS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, reader, (void *)(t + 1)), 0);
	for (unsigned i = 0; i < COMMITS || at_load(&passes) < 100; i++)
		commit_some_edits(&seed);
	at_store(&stop, 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_readers_see_whole_transactions),
	};

	return cmocka_run_group_tests_name("ds_rtree_rcu", tests, NULL, NULL);
}
