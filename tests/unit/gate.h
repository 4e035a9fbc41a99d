/* SPDX-License-Identifier: MIT */
/*
 * gate.h: a machine whose threads can be stopped inside the port, so that what happens in a window
 * is chosen by the test and not by the scheduler.
 *
 * An actor is a thread that does one thing and stops the first time it comes to its gate:
 *
 *     struct actor a = {.gate = GATE_FLUSH, .run = write_two, .arg = ...};
 *
 *     actor_start(&a);             returns when it stands at the gate
 *     ... whatever belongs in the window ...
 *     actor_finish(&a);            opens the gate and waits for its end
 *
 * Gates in the callbacks of a file are calls of gate_pass() there.  Other threads, and the actor
 * later on, walk through.
 */
#ifndef QUIRE_TEST_GATE_H
#define QUIRE_TEST_GATE_H

#include <pthread.h>
#include <semaphore.h>

#include "unit.h"

enum gate {
	GATE_NONE,
	GATE_FLUSH,      /* in tlb_flush: what is gathered is not flushed yet */
	GATE_RCU_UNLOCK, /* just outside a read-side section */
	GATE_FILE,       /* in a callback of the test's file */
	GATE_WAIT,       /* about to sleep for a lock: it is known to be waited for */
	GATE_WAKE,       /* has just given up a lock that was waited for */
};

struct actor {
	enum gate gate, then; /* then: the one after it, or GATE_NONE */
	unsigned skip;        /* so often it passes the first */
	void (*run)(void *arg);
	void *arg;
	/* The rest is the harness's. */
	pthread_t tid;
	sem_t arrived, open;
	bool stopped;
};

static __thread struct actor *gate_actor; /* NULL: passes every gate */

static inline void gate_pass(enum gate gate)
{
	struct actor *a = gate_actor;

	if (!a || a->gate != gate || (a->skip && a->skip--))
		return;
	a->gate = a->then;
	a->then = GATE_NONE;
	if (a->gate == GATE_NONE)
		gate_actor = NULL;
	a->stopped = true;
	sem_post(&a->arrived);
	sem_wait(&a->open);
}

static inline void *actor_main(void *arg)
{
	struct actor *a = arg;

	gate_actor = a;
	a->run(a->arg);
	if (gate_actor) /* it never came there */
		sem_post(&a->arrived);
	gate_actor = NULL;
	return NULL;
}

static inline void actor_start(struct actor *a)
{
	sem_init(&a->arrived, 0, 0);
	sem_init(&a->open, 0, 0);
	assert_int_equal(pthread_create(&a->tid, NULL, actor_main, a), 0);
	sem_wait(&a->arrived);
	assert_true(a->stopped);
}

/* On to the second gate. */
static inline void actor_go_on(struct actor *a)
{
	a->stopped = false;
	sem_post(&a->open);
	sem_wait(&a->arrived);
	assert_true(a->stopped);
}

static inline void actor_finish(struct actor *a)
{
	sem_post(&a->open);
	pthread_join(a->tid, NULL);
	sem_destroy(&a->arrived);
	sem_destroy(&a->open);
}

static inline void gate_flush(void *ctx, struct quire_mm *mm, void *cookie,
			      const struct quire_tlb_range *ranges, unsigned nranges)
{
	gate_pass(GATE_FLUSH);
	unit_flush(ctx, mm, cookie, ranges, nranges);
}

/* Read-side sections that this thread is in. */
static __thread int gate_rcu_depth;

static inline void gate_rcu_read_lock(void *ctx)
{
	struct unit *u = ctx;

	gate_rcu_depth++;
	u->host.rcu_read_lock(u->host.ctx);
}

static inline void gate_rcu_read_unlock(void *ctx)
{
	struct unit *u = ctx;

	u->host.rcu_read_unlock(u->host.ctx);
	gate_rcu_depth--;
	gate_pass(GATE_RCU_UNLOCK);
}

static inline void gate_wait(void *ctx, const uint32_t *addr, uint32_t val)
{
	struct unit *u = ctx;

	gate_pass(GATE_WAIT);
	u->host.wait(u->host.ctx, addr, val);
}

static inline void gate_wake(void *ctx, const uint32_t *addr, int count)
{
	struct unit *u = ctx;

	u->host.wake(u->host.ctx, addr, count);
	gate_pass(GATE_WAKE);
}

/* unit_up() with gates; `oom` may be NULL. */
static inline void gate_up(struct unit *u,
			   bool (*oom)(void *, struct quire_mm *, void *, enum quire_memory))
{
	struct quire_machine_options opts = {.size = sizeof(opts), .ram_bytes = UNIT_RAM};

	memset(u, 0, sizeof(*u));
	quire_port_host(&u->host);
	u->port = u->host;
	u->port.ctx = u;
	u->port.alloc = unit_alloc;
	u->port.free = unit_free;
	u->port.tlb_flush = gate_flush;
	u->port.rcu_read_lock = gate_rcu_read_lock;
	u->port.rcu_read_unlock = gate_rcu_read_unlock;
	u->port.wait = gate_wait;
	u->port.wake = gate_wake;
	u->port.oom = oom;
	assert_int_equal(quire_machine_create(&u->port, &opts, &u->m), 0);
	assert_int_equal(quire_mm_create(u->m, NULL, &u->mm), 0);
}

#endif
