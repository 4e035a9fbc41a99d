/* SPDX-License-Identifier: MIT */
/* test_ds_index.c: the radix index against a plain array, and out of memory. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ds/index.h"
#include "quire/port_host.h"
#include "sync.h"
#include "test_ds_alloc.h"

#define KEYS 400

/* Keys of every height, dense in places: the model has one slot for each. */
static uint64_t key[KEYS];
static char target[KEYS]; /* what the entries point to */

static void retire_now(void *ctx, struct index_retired *list)
{
	struct counter *c = ctx;
	struct index_env env = {.free = counter_free, .ctx = ctx};

	assert_ptr_equal(list->ctx, ctx);
	c->retirements++;
	index_retired_free(&env, list);
}

static int make_keys(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (unsigned i = 0; i < KEYS; i++)
		key[i] = i < 150 ? i : rnd(&seed) >> (i % 64) | i;
	key[KEYS - 1] = UINT64_MAX;
	for (unsigned i = 0; i < KEYS; i++) {
		for (unsigned j = 0; j < i; j++) {
			if (key[j] == key[i])
				key[i--] = rnd(&seed);
		}
	}
	return 0;
}

static void expect_all(struct index *ix, const bool *in)
{
	uint64_t i, prev = 0, count = 0;
	void *ptr;

	assert_null(index_check(ix));
	for (unsigned k = 0; k < KEYS; k++) {
		assert_ptr_equal(index_load(ix, key[k]), in[k] ? &target[k] : NULL);
		count += in[k];
	}
	assert_int_equal(index_count(ix), count);
	index_for_each (ix, 0, UINT64_MAX, i, ptr) {
		size_t k = (size_t)((char *)ptr - target);

		assert_true(k < KEYS && in[k] && key[k] == i);
		assert_true(!prev || i > prev);
		prev = i;
		count--;
	}
	assert_int_equal(count, 0);
}

static void expect_next(struct index *ix, const bool *in, uint64_t from)
{
	uint64_t i = from, best = UINT64_MAX;
	bool any = false;

	for (unsigned k = 0; k < KEYS; k++) {
		if (!in[k] || key[k] < from || (any && key[k] >= best))
			continue;
		best = key[k];
		any = true;
	}
	assert_int_equal(!!index_next(ix, &i), any);
	assert_int_equal(i, any ? best : from);
}

static void test_random(void **state)
{
	struct counter c = {0};
	struct index_env env = {counter_alloc, counter_free, retire_now, &c};
	struct index ix;
	bool in[KEYS] = {false};
	uint64_t seed = 3;

	(void)state;
	index_init(&ix, &env);
	for (unsigned step = 0; step < 20000; step++) {
		/* Phases of growing and of shrinking to nothing. */
		unsigned bias = step / 2500 % 2 ? 80 : 20;
		unsigned k = (unsigned)rnd_below(&seed, KEYS);

		if (rnd_below(&seed, 100) < bias) {
			assert_ptr_equal(index_erase(&ix, key[k]), in[k] ? &target[k] : NULL);
			in[k] = false;
		} else {
			assert_int_equal(index_store(&ix, key[k], &target[k]), 0);
			in[k] = true;
		}
		if (step % 50 == 0) {
			expect_all(&ix, in);
			expect_next(&ix, in, key[rnd_below(&seed, KEYS)] + 1);
		}
	}
	for (unsigned k = 0; k < KEYS; k++)
		assert_int_equal(index_store(&ix, key[k], NULL), 0);
	assert_null(ix.root);
	assert_int_equal(c.bytes, 0);
	assert_true(c.retirements > 0);
	index_destroy(&ix);
}

static void test_replace(void **state)
{
	struct counter c = {0};
	struct index_env env = {counter_alloc, counter_free, NULL, &c};
	struct index ix;

	(void)state;
	index_init(&ix, &env);
	assert_int_equal(index_store(&ix, 5, &target[0]), 0);
	assert_int_equal(index_store(&ix, 5, &target[1]), 0);
	assert_int_equal(index_count(&ix), 1);
	assert_ptr_equal(index_erase(&ix, 5), &target[1]);
	assert_null(index_erase(&ix, 5));
	assert_int_equal(c.bytes, 0);
}

/* One entry far up makes the tree high; without it the tree is low again. */
static void test_shrinks(void **state)
{
	struct counter c = {0};
	struct index_env env = {counter_alloc, counter_free, retire_now, &c};
	struct index ix;
	int64_t low;

	(void)state;
	index_init(&ix, &env);
	assert_int_equal(index_store(&ix, 5, &target[5]), 0);
	low = c.bytes;
	for (unsigned bit = 6; bit < 64; bit++) {
		assert_int_equal(index_store(&ix, 1ull << bit, &target[0]), 0);
		assert_true(c.bytes > low);
		assert_ptr_equal(index_load(&ix, 5), &target[5]);
		assert_null(index_check(&ix));
		assert_ptr_equal(index_erase(&ix, 1ull << bit), &target[0]);
		assert_null(index_check(&ix));
		assert_int_equal(c.bytes, low);
	}
	assert_ptr_equal(index_erase(&ix, 5), &target[5]);
	assert_int_equal(c.bytes, 0);
}

/* Each allocation of each store fails in turn: nothing has changed or leaked. */
static void test_no_memory(void **state)
{
	struct counter c = {0};
	struct index_env env = {counter_alloc, counter_free, retire_now, &c};
	struct index ix;
	bool in[KEYS] = {false};
	unsigned failures = 0;

	(void)state;
	index_init(&ix, &env);
	for (unsigned k = 0; k < KEYS; k += 7) {
		int err = -1;

		for (unsigned n = 1; err; n++) {
			int64_t bytes = c.bytes;

			counter_fail_at(&c, n);
			err = index_store(&ix, key[k], &target[k]);
			if (!err)
				break;
			assert_int_equal(err, -DS_ENOMEM);
			assert_int_equal(c.bytes, bytes);
			expect_all(&ix, in);
			failures++;
		}
		counter_fail_at(&c, 0);
		in[k] = true;
		expect_all(&ix, in);
	}
	assert_true(failures > 20);
	index_destroy(&ix);
	assert_int_equal(c.bytes, 0);
}

/* Side by side over several leaves: up to what is taken, and up to where memory ends. */
static void test_fill(void **state)
{
	struct counter c = {0};
	struct index_env env = {counter_alloc, counter_free, retire_now, &c};
	void *v[KEYS];
	struct index ix;
	unsigned n, done;

	(void)state;
	for (unsigned i = 0; i < KEYS; i++)
		v[i] = &target[i];
	index_init(&ix, &env);
	assert_null(index_slots(&ix, 70, &n));
	assert_int_equal(n, 58);
	assert_int_equal(index_store(&ix, 300, &target[0]), 0);
	assert_int_equal(index_fill(&ix, 30, v, KEYS), 270);
	assert_int_equal(index_count(&ix), 271);
	assert_null(index_check(&ix));
	for (unsigned i = 0; i < 270; i++)
		assert_ptr_equal(index_slots(&ix, 30 + i, &n)[0], v[i]);
	assert_int_equal(index_fill(&ix, 100, v, KEYS), 0);
	counter_fail_at(&c, 2);
	done = index_fill(&ix, 301, v, KEYS);
	counter_fail_at(&c, 0);
	assert_int_equal((301 + done) % 64, 0);
	assert_int_equal(index_count(&ix), 271 + done);
	assert_null(index_check(&ix));
	index_destroy(&ix);
	assert_int_equal(c.bytes, 0);
}

/* ---- readers beside a writer ---------------------------------------------- */

static struct quire_port port;
static struct index shared;
static uint32_t stop;

static void *host_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return port.alloc(port.ctx, bytes);
}

static void host_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	port.free(port.ctx, p, bytes);
}

static const struct index_env host_env;

static void retired_callback(struct quire_rcu_head *head)
{
	index_retired_free(&host_env, (struct index_retired *)head);
}

static void retire_rcu(void *ctx, struct index_retired *list)
{
	(void)ctx;
	port.call_rcu(port.ctx, &list->rcu, retired_callback);
}

static const struct index_env host_env = {host_alloc, host_free, retire_rcu, NULL};

/* key[0] and key[100] are there throughout; the others come and go. */
static void *reader(void *arg)
{
	uintptr_t errors = 0;

	(void)arg;
	while (!atomic_load(&stop)) {
		unsigned fixed = 0;
		uint64_t i;
		char *ptr;

		rcu_read_lock(&port);
		index_for_each (&shared, 0, UINT64_MAX, i, ptr) {
			errors += key[ptr - target] != i;
			fixed += ptr == &target[0] || ptr == &target[100];
		}
		errors += fixed != 2;
		errors += index_load(&shared, key[100]) != &target[100];
		rcu_read_unlock(&port);
	}
	return (void *)errors;
}

static void test_readers(void **state)
{
	pthread_t threads[2];
	uint64_t seed = 5;

	(void)state;
	quire_port_host(&port);
	index_init(&shared, &host_env);
	assert_int_equal(index_store(&shared, key[0], &target[0]), 0);
	assert_int_equal(index_store(&shared, key[100], &target[100]), 0);
	for (unsigned t = 0; t < 2; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, reader, NULL), 0);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned k = 101 + (unsigned)rnd_below(&seed, KEYS - 101);

		if (rnd_below(&seed, 100) < (step / 500 % 2 ? 90 : 30))
			index_erase(&shared, key[k]);
		else
			assert_int_equal(index_store(&shared, key[k], &target[k]), 0);
	}
	atomic_store(&stop, 1);
	for (unsigned t = 0; t < 2; t++) {
		void *errors;

		pthread_join(threads[t], &errors);
		assert_null(errors);
	}
	port.rcu_barrier(port.ctx);
	assert_null(index_check(&shared));
	index_destroy(&shared);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_replace),
	    cmocka_unit_test(test_shrinks),
	    cmocka_unit_test(test_no_memory),
	    cmocka_unit_test(test_fill),
	    cmocka_unit_test(test_readers),
	};
	/* clang-format on */

	return cmocka_run_group_tests_name("ds_index", tests, make_keys, NULL);
}
