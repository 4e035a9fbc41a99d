/* SPDX-License-Identifier: MIT */
/*
 * rows_threads.c: operations of several threads in one address space.
 *
 * By the clock on the wall: it means something on a machine with as many idle CPUs.
 */
#include "bench/rows.h"

#include <pthread.h>
#include <quire/abi.h>
#include <time.h>

#define RW (QPROT_READ | QPROT_WRITE)
#define PLACE 0x130000000000ull
#define SHARE (32ull << 20) /* bytes that a thread faults in */
#define LARGE (256ull << 20)
#define BESIDE 0x140000000000ull
#define MAX_THREADS 64

unsigned bench_threads = 2;

static double wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct worker {
	struct memory *m;
	uint64_t addr, len;
	pthread_barrier_t *start;
	bool *stop;
};

static void start(pthread_t *t, void *(*main)(void *arg), struct worker *w)
{
	bench_must(!pthread_create(t, NULL, main, w), w->m->ops->name, "a thread");
}

static void *populate(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(w->start);
	w->m->ops->advise(w->m, w->addr, w->len, QMADV_POPULATE_WRITE);
	return NULL;
}

double fault_together(struct memory *m)
{
	struct worker w[MAX_THREADS];
	pthread_t t[MAX_THREADS];
	pthread_barrier_t barrier;
	uint64_t all = SHARE * bench_threads;
	double ns;

	pthread_barrier_init(&barrier, NULL, bench_threads + 1);
	m->ops->map(m, PLACE, all, RW, QMAP_PRIVATE | QMAP_FIXED | QMAP_NORESERVE, NULL);
	for (unsigned i = 0; i < bench_threads; i++) {
		w[i] = (struct worker){m, PLACE + i * SHARE, SHARE, &barrier, NULL};
		start(&t[i], populate, &w[i]);
	}
	pthread_barrier_wait(&barrier);
	ns = wall();
	for (unsigned i = 0; i < bench_threads; i++)
		pthread_join(t[i], NULL);
	ns = wall() - ns;
	m->ops->unmap(m, PLACE, all);
	pthread_barrier_destroy(&barrier);
	return ns / (double)(all / BENCH_PAGE);
}

static void *map_and_unmap(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(w->start);
	while (!__atomic_load_n(w->stop, __ATOMIC_RELAXED)) {
		w->m->ops->map(w->m, BESIDE, BENCH_PAGE, RW, QMAP_PRIVATE | QMAP_FIXED, NULL);
		w->m->ops->advise(w->m, BESIDE, BENCH_PAGE, QMADV_POPULATE_WRITE);
		w->m->ops->unmap(w->m, BESIDE, BENCH_PAGE);
	}
	return NULL;
}

/* One thread beside the one that measures, and a mapping at PLACE. */
struct other {
	struct worker w;
	pthread_t thread;
	pthread_barrier_t barrier;
	bool stop;
};

/* Both go on from here. */
static void other_begin(struct other *o, struct memory *m, uint64_t len, void *(*main)(void *arg))
{
	o->w = (struct worker){m, PLACE, len, &o->barrier, &o->stop};
	o->stop = false;
	pthread_barrier_init(&o->barrier, NULL, 2);
	m->ops->map(m, PLACE, len, RW, QMAP_PRIVATE | QMAP_FIXED, NULL);
	start(&o->thread, main, &o->w);
	pthread_barrier_wait(&o->barrier);
}

static void other_end(struct other *o)
{
	pthread_join(o->thread, NULL);
	o->w.m->ops->unmap(o->w.m, o->w.addr, o->w.len);
	pthread_barrier_destroy(&o->barrier);
}

double fault_beside_map(struct memory *m)
{
	struct other o;
	double ns;

	other_begin(&o, m, SHARE, map_and_unmap);
	ns = wall();
	m->ops->advise(m, PLACE, SHARE, QMADV_POPULATE_WRITE);
	ns = wall() - ns;
	__atomic_store_n(&o.stop, true, __ATOMIC_RELAXED);
	other_end(&o);
	return ns / (double)(SHARE / BENCH_PAGE);
}

static void *populate_and_tell(void *arg)
{
	struct worker *w = arg;

	populate(arg);
	__atomic_store_n(w->stop, true, __ATOMIC_RELAXED);
	return NULL;
}

/* As often as there is time for while the other populates: a mean. */
double map_beside_populate(struct memory *m)
{
	struct other o;
	unsigned pairs = 0;
	double ns;

	other_begin(&o, m, LARGE, populate_and_tell);
	ns = wall();
	do {
		m->ops->map(m, BESIDE, BENCH_PAGE, RW, QMAP_PRIVATE | QMAP_FIXED, NULL);
		m->ops->unmap(m, BESIDE, BENCH_PAGE);
		pairs++;
	} while (!__atomic_load_n(&o.stop, __ATOMIC_RELAXED));
	ns = wall() - ns;
	other_end(&o);
	return ns / pairs;
}
