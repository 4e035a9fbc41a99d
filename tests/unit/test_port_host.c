/* SPDX-License-Identifier: MIT */
/* test_port_host.c: the guarantees of port.h, and the locks of sync.h, on the host. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "abort.h"
#include "quire/port_host.h"
#include "sync.h"

static struct quire_port port;

static int setup(void **state)
{
	(void)state;
	quire_port_host(&port);
	return 0;
}

static void test_is_complete(void **state)
{
	(void)state;
	assert_int_equal(port.size, sizeof(port));
	assert_true(port.alloc && port.free && port.rcu_read_lock && port.rcu_read_unlock);
	assert_true(port.call_rcu && port.synchronize_rcu && port.rcu_barrier && port.cpu);
	assert_true(port.wait && port.wake && port.yield && port.log && port.panic);
	assert_in_range(port.ncpus, 1, 64);
}

static void test_alloc_is_aligned(void **state)
{
	(void)state;
	for (size_t bytes = 1; bytes < 100000; bytes += bytes / 3 + 1) {
		void *p = port.alloc(port.ctx, bytes);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		port.free(port.ctx, p, bytes);
	}
	port.free(port.ctx, NULL, 0);
}

/* ---- cpu() ------------------------------------------------------------------ */

static void *ask_cpu(void *arg)
{
	(void)arg;
	return (void *)(uintptr_t)port.cpu(port.ctx);
}

/* Slots of threads that ended are used again: a thousand threads fit. */
static void test_cpu_is_small_and_reused(void **state)
{
	(void)state;
	assert_true(port.cpu(port.ctx) < port.ncpus);
	assert_int_equal(port.cpu(port.ctx), port.cpu(port.ctx));
	for (unsigned i = 0; i < 1000; i++) {
		pthread_t t;
		void *cpu;

		assert_int_equal(pthread_create(&t, NULL, ask_cpu, NULL), 0);
		pthread_join(t, &cpu);
		assert_in_range((uintptr_t)cpu, 0, 1 + port.cpu(port.ctx));
	}
}

struct meet {
	uint32_t arrived, leave;
	uint32_t seen[64];
};

static void *arrive(void *arg)
{
	struct meet *m = arg;

	atomic_add(&m->seen[port.cpu(port.ctx)], 1);
	atomic_add(&m->arrived, 1);
	while (!atomic_load(&m->leave))
		port.yield(port.ctx);
	return NULL;
}

/* More threads than slots, all at once: they are spread evenly. */
static void test_cpu_is_shared_evenly(void **state)
{
	static struct meet m;
	pthread_t threads[128];
	unsigned count = 2 * port.ncpus;

	(void)state;
	assert_true(count <= 128);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, arrive, &m), 0);
	while (atomic_load(&m.arrived) < count)
		port.yield(port.ctx);
	atomic_store(&m.leave, 1);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < port.ncpus; i++)
		assert_in_range(m.seen[i], 1, 3);
}

/* ---- RCU -------------------------------------------------------------------- */

struct victim {
	struct quire_rcu_head rcu;
	uint32_t *freed;
	uint32_t value;
};

static void free_victim(struct quire_rcu_head *head)
{
	struct victim *v = (struct victim *)head;

	atomic_add(v->freed, 1);
	v->value = 0;
	free(v);
}

struct reading {
	struct victim *v;
	uint32_t inside, go, bad;
};

static void *read_slowly(void *arg)
{
	struct reading *r = arg;

	rcu_read_lock(&port);
	rcu_read_lock(&port); /* sections nest */
	atomic_store(&r->inside, 1);
	while (!atomic_load(&r->go))
		usleep(100);
	rcu_read_unlock(&port);
	r->bad = r->v->value != 7;
	rcu_read_unlock(&port);
	return NULL;
}

/* Guarantee B. */
static void test_call_rcu_waits_for_readers(void **state)
{
	uint32_t freed = 0;
	struct victim *v = malloc(sizeof(*v));
	struct reading r = {.v = v};
	pthread_t t;

	(void)state;
	*v = (struct victim){.freed = &freed, .value = 7};
	assert_int_equal(pthread_create(&t, NULL, read_slowly, &r), 0);
	while (!atomic_load(&r.inside))
		usleep(100);
	port.call_rcu(port.ctx, &v->rcu, free_victim);
	usleep(30000);
	assert_int_equal(atomic_load(&freed), 0);
	atomic_store(&r.go, 1);
	pthread_join(t, NULL);
	assert_int_equal(r.bad, 0);
	port.rcu_barrier(port.ctx);
	assert_int_equal(atomic_load(&freed), 1);
}

/* Nobody asks and nothing else is going on: it runs all the same. */
static void test_call_rcu_runs_by_itself(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct victim *v = malloc(sizeof(*v));
		uint32_t freed = 0;

		v->freed = &freed;
		usleep(50000); /* the reclaimer goes to sleep */
		port.call_rcu(port.ctx, &v->rcu, free_victim);
		for (unsigned ms = 0; ms < 10000 && !atomic_load(&freed); ms++)
			usleep(1000);
		assert_int_equal(atomic_load(&freed), 1);
	}
}

static void test_rcu_barrier_waits_for_all(void **state)
{
	uint32_t freed = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct victim *v = malloc(sizeof(*v));

		v->freed = &freed;
		port.call_rcu(port.ctx, &v->rcu, free_victim);
	}
	port.rcu_barrier(port.ctx);
	assert_int_equal(atomic_load(&freed), 1000);
}

/* A time is over when its reader has left: later sections of the same thread do not matter. */
static void *read_twice(void *arg)
{
	struct reading *r = arg;

	rcu_read_lock(&port);
	atomic_store(&r->inside, 1);
	while (atomic_load(&r->go) < 1)
		usleep(100);
	rcu_read_unlock(&port);
	rcu_read_lock(&port);
	atomic_store(&r->inside, 2);
	while (atomic_load(&r->go) < 2)
		usleep(100);
	rcu_read_unlock(&port);
	return NULL;
}

static void test_rcu_over(void **state)
{
	struct reading r = {0};
	uint64_t number;
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, read_twice, &r), 0);
	while (atomic_load(&r.inside) < 1)
		usleep(100);
	number = port.rcu_now(port.ctx);
	assert_false(port.rcu_over(port.ctx, number, false));
	assert_false(port.rcu_over(port.ctx, number, true));
	atomic_store(&r.go, 1);
	while (atomic_load(&r.inside) < 2)
		usleep(100);
	assert_true(port.rcu_over(port.ctx, number, false));
	number = port.rcu_now(port.ctx);
	assert_false(port.rcu_over(port.ctx, number, true));
	atomic_store(&r.go, 2);
	pthread_join(t, NULL);
	assert_true(port.rcu_over(port.ctx, number, false));
	rcu_read_lock(&port); /* the asking thread's own */
	number = port.rcu_now(port.ctx);
	assert_false(port.rcu_over(port.ctx, number, true));
	rcu_read_unlock(&port);
	assert_true(port.rcu_over(port.ctx, number, true));
}

static void *read_and_free(void *arg)
{
	struct victim **shared = arg;
	uintptr_t bad = 0;

	for (unsigned i = 0; i < 20000; i++) {
		rcu_read_lock(&port);
		bad += atomic_load(shared)->value != 7;
		rcu_read_unlock(&port);
	}
	return (void *)bad;
}

static void test_synchronize_rcu(void **state)
{
	struct victim *shared = calloc(1, sizeof(*shared)), *next;
	pthread_t t;
	void *bad;

	(void)state;
	shared->value = 7;
	assert_int_equal(pthread_create(&t, NULL, read_and_free, &shared), 0);
	for (unsigned i = 0; i < 200; i++) {
		next = calloc(1, sizeof(*next));
		next->value = 7;
		next = atomic_xchg(&shared, next);
		port.synchronize_rcu(port.ctx);
		next->value = 0;
		free(next);
	}
	pthread_join(t, &bad);
	assert_null(bad);
	free(shared);
}

/* ---- exit of threads -------------------------------------------------------- */

static pthread_key_t late_key;
static uint32_t late_calls;

static void use_port_late(void *arg)
{
	(void)arg;
	rcu_read_lock(&port);
	atomic_add(&late_calls, 1);
	rcu_read_unlock(&port);
}

static void *end_with_destructor(void *arg)
{
	rcu_read_lock(&port);
	pthread_setspecific(late_key, arg);
	rcu_read_unlock(&port);
	return NULL;
}

/* A destructor of another library uses the port after ours has run, or before. */
static void test_use_while_thread_exits(void **state)
{
	(void)state;
	assert_int_equal(pthread_key_create(&late_key, use_port_late), 0);
	for (unsigned i = 0; i < 50; i++) {
		pthread_t t;

		assert_int_equal(pthread_create(&t, NULL, end_with_destructor, &late_calls), 0);
		pthread_join(t, NULL);
	}
	assert_int_equal(atomic_load(&late_calls), 50);
	port.synchronize_rcu(port.ctx); /* no dead thread is waited for */
	pthread_key_delete(late_key);
}

/* ---- locks ------------------------------------------------------------------ */

#define LOCKERS 4
#define ROUNDS 20000

static struct spinlock spin;
static struct mutex mutex;
static uint64_t spun, muted; /* under spin, under mutex */

static void *lock_often(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		spin_lock(&port, &spin, RANK_ZONE);
		spun++;
		spin_unlock(&spin, RANK_ZONE);
		if (!mutex_trylock(&port, &mutex, RANK_MMAP))
			mutex_lock(&port, &mutex, RANK_MMAP);
		muted++;
		if (i % 64 == 0)
			port.yield(port.ctx); /* makes the others sleep */
		mutex_unlock(&port, &mutex, RANK_MMAP);
	}
	return NULL;
}

static void test_locks_exclude(void **state)
{
	pthread_t threads[LOCKERS];

	(void)state;
	spin_init(&spin);
	mutex_init(&mutex);
	for (unsigned i = 0; i < LOCKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, lock_often, NULL), 0);
	for (unsigned i = 0; i < LOCKERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(spun, LOCKERS * ROUNDS);
	assert_int_equal(muted, LOCKERS * ROUNDS);
	assert_false(spin_is_locked(&spin));
	assert_false(mutex_is_locked(&mutex));
}

/* Guarantee E. */
static void test_wait_returns_when_changed(void **state)
{
	uint32_t word = 3;

	(void)state;
	port.wait(port.ctx, &word, 4);
	port.wake(port.ctx, &word, 1);
}

/* ---- things that end the process --------------------------------------------- */

static void panic(void)
{
	port.panic(port.ctx, "it is broken");
}

static void test_panic(void **state)
{
	(void)state;
	expect_abort(panic, "quire: panic: it is broken");
}

#ifdef QUIRE_DEBUG_LOCKS
static void take_upwards(void)
{
	lock_rank_acquire(RANK_PTL);
	lock_rank_acquire(RANK_MMAP);
}

static void take_twice(void)
{
	lock_rank_acquire(RANK_PTL);
	lock_rank_acquire(RANK_PTL);
}

static void release_unheld(void)
{
	lock_rank_acquire(RANK_PTL);
	lock_rank_release(RANK_ZONE);
}

/* Once it is held it counts, wherever it stands. */
static void take_below_a_tried_one(void)
{
	struct spinlock ptl = {0};
	struct mutex zone = {0};

	spin_lock(&port, &ptl, RANK_PTL);
	if (mutex_trylock(&port, &zone, RANK_ZONE))
		lock_rank_acquire(RANK_PCP);
}

static void test_trylock_comes_in_any_order(void **state)
{
	struct spinlock ptl = {0};
	struct mutex mmap = {0}, other = {0};

	(void)state;
	spin_lock(&port, &ptl, RANK_PTL);
	assert_true(mutex_trylock(&port, &mmap, RANK_MMAP));
	assert_true(mutex_trylock(&port, &other, RANK_MMAP));
	lock_rank_acquire(RANK_ZONE);
	lock_rank_release(RANK_ZONE);
	spin_unlock(&ptl, RANK_PTL);
	mutex_unlock(&port, &other, RANK_MMAP);
	lock_rank_acquire(RANK_FILE);
	lock_rank_release(RANK_FILE);
	mutex_unlock(&port, &mmap, RANK_MMAP);
	expect_abort(take_below_a_tried_one, "taking 'per-CPU frames'");
}

static void test_lock_ranks(void **state)
{
	(void)state;
	expect_abort(take_upwards, "while holding 'page table'");
	expect_abort(take_twice, "taking 'page table'");
	expect_abort(release_unheld, "releasing 'zone'");
	/* Any order of release. */
	lock_rank_acquire(RANK_MMAP);
	lock_rank_acquire(RANK_PTL);
	lock_rank_acquire(RANK_ZONE);
	lock_rank_release(RANK_PTL);
	lock_rank_release(RANK_MMAP);
	lock_rank_release(RANK_ZONE);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_is_complete),
	    cmocka_unit_test(test_alloc_is_aligned),
	    cmocka_unit_test(test_cpu_is_small_and_reused),
	    cmocka_unit_test(test_cpu_is_shared_evenly),
	    cmocka_unit_test(test_call_rcu_waits_for_readers),
	    cmocka_unit_test(test_call_rcu_runs_by_itself),
	    cmocka_unit_test(test_rcu_barrier_waits_for_all),
	    cmocka_unit_test(test_rcu_over),
	    cmocka_unit_test(test_synchronize_rcu),
	    cmocka_unit_test(test_use_while_thread_exits),
	    cmocka_unit_test(test_locks_exclude),
	    cmocka_unit_test(test_wait_returns_when_changed),
	    cmocka_unit_test(test_panic),
#ifdef QUIRE_DEBUG_LOCKS
	    cmocka_unit_test(test_lock_ranks),
	    cmocka_unit_test(test_trylock_comes_in_any_order),
#endif
	};

	return cmocka_run_group_tests_name("port_host", tests, setup, NULL);
}
