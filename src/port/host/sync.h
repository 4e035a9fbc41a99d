/* SPDX-License-Identifier: MIT */
/*
 * sync.h (host): the hot primitives of the core, for real threads.
 *
 * The build picks this file by include path; src/port/sched has one with the
 * same names, in which each primitive is a scheduling point.  The core and ds
 * use nothing else to touch memory that two threads share.
 *
 *   atomic_*          atomic loads, stores and read-modify-writes on plain 32/64-bit
 *                 integers and pointers.  Unmarked names are acquire / release /
 *                 acq_rel; `_relaxed` orders nothing.
 *   spinlock      4 bytes; the holder never sleeps.
 *   mutex         8 bytes; the holder may sleep.
 *
 * Lock ranks: docs/locking.md draws the tree.  In debug builds each acquisition
 * checks that its rank is above every rank that the thread holds; a trylock may
 * come in any order.
 */
#ifndef QUIRE_SYNC_H
#define QUIRE_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "../cpu_hint.h"
#include "../lock_rank.h"
#include "quire/port.h"

#define atomic_load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define atomic_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define atomic_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define atomic_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define atomic_xchg(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
/* *p == *expected ? (*p = v, true) : (*expected = *p, false) */
#define atomic_cas(p, expected, v)                                                                 \
	__atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
/* These return the new value. */
#define atomic_add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_ACQ_REL)
#define atomic_sub(p, v) __atomic_sub_fetch((p), (v), __ATOMIC_ACQ_REL)
#define atomic_add_relaxed(p, v) __atomic_add_fetch((p), (v), __ATOMIC_RELAXED)
#define atomic_or(p, v) __atomic_or_fetch((p), (v), __ATOMIC_ACQ_REL)
#define atomic_and(p, v) __atomic_and_fetch((p), (v), __ATOMIC_ACQ_REL)
#define atomic_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)

#ifdef QUIRE_DEBUG_LOCKS
void lock_rank_acquire(enum lock_rank rank);
void lock_rank_tried(enum lock_rank rank); /* by a trylock that succeeded */
void lock_rank_release(enum lock_rank rank);
/* Around a callback that is made with locks held and may make calls of its own. */
unsigned lock_rank_nest(void);
void lock_rank_unnest(unsigned outer);
#else
static inline void lock_rank_acquire(enum lock_rank rank)
{
	(void)rank;
}
static inline void lock_rank_tried(enum lock_rank rank)
{
	(void)rank;
}
static inline void lock_rank_release(enum lock_rank rank)
{
	(void)rank;
}
static inline unsigned lock_rank_nest(void)
{
	return 0;
}
static inline void lock_rank_unnest(unsigned outer)
{
	(void)outer;
}
#endif

struct spinlock {
	uint32_t v;
};

static inline void spin_init(struct spinlock *l)
{
	atomic_store_relaxed(&l->v, 0);
}

static inline bool spin_is_locked(const struct spinlock *l)
{
	return atomic_load_relaxed(&l->v) != 0;
}

static inline void spin_lock(const struct quire_port *port, struct spinlock *l, enum lock_rank rank)
{
	unsigned spins = 0;
	uint32_t zero = 0;

	while (!__atomic_compare_exchange_n(&l->v, &zero, 1, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		zero = 0;
		while (atomic_load_relaxed(&l->v)) {
			if (++spins & 127)
				cpu_relax();
			else
				port->yield(port->ctx);
		}
	}
	lock_rank_acquire(rank);
}

static inline void spin_unlock(struct spinlock *l, enum lock_rank rank)
{
	lock_rank_release(rank);
	__atomic_store_n(&l->v, 0, __ATOMIC_RELEASE);
}

/* 0 free, 1 held, 2 held and somebody may be waiting. */
struct mutex {
	uint32_t state;
	uint32_t pad;
};

static inline void mutex_init(struct mutex *m)
{
	atomic_store_relaxed(&m->state, 0);
}

static inline bool mutex_is_locked(const struct mutex *m)
{
	return atomic_load_relaxed(&m->state) != 0;
}

static inline bool mutex_trylock(const struct quire_port *port, struct mutex *m,
				 enum lock_rank rank)
{
	uint32_t zero = 0;

	(void)port;
	if (!__atomic_compare_exchange_n(&m->state, &zero, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return false;
	lock_rank_tried(rank);
	return true;
}

static inline void mutex_lock(const struct quire_port *port, struct mutex *m, enum lock_rank rank)
{
	uint32_t zero = 0;

	if (!__atomic_compare_exchange_n(&m->state, &zero, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED)) {
		for (unsigned i = 0; i < 64 && atomic_load_relaxed(&m->state) == 1; i++)
			cpu_relax();
		while (__atomic_exchange_n(&m->state, 2, __ATOMIC_ACQUIRE) != 0)
			port->wait(port->ctx, &m->state, 2);
	}
	lock_rank_acquire(rank);
}

static inline void mutex_unlock(const struct quire_port *port, struct mutex *m, enum lock_rank rank)
{
	lock_rank_release(rank);
	if (__atomic_exchange_n(&m->state, 0, __ATOMIC_RELEASE) == 2)
		port->wake(port->ctx, &m->state, 1);
}

static inline void rcu_read_lock(const struct quire_port *port)
{
	port->rcu_read_lock(port->ctx);
}

static inline void rcu_read_unlock(const struct quire_port *port)
{
	port->rcu_read_unlock(port->ctx);
}

static inline unsigned this_cpu(const struct quire_port *port)
{
	return port->cpu(port->ctx);
}

/* ---- what only a checker wants to know (src/port/sched/sync.h) */

#define mem_in_use(p, bytes) ((void)0)
#define mem_out_of_use(p, bytes) ((void)0)
#define alloc_fails_by_choice() false
/* No code, but what is told counts as used. */
#define STEP(...)                                                                                  \
	do {                                                                                       \
		if (0)                                                                             \
			step_nothing(__VA_ARGS__);                                                 \
	} while (0)

static inline __attribute__((format(printf, 1, 2))) void step_nothing(const char *fmt, ...)
{
	(void)fmt;
}

#endif
