/* SPDX-License-Identifier: MIT */
/*
 * sync.h (sched): the primitives of the core for actors that a scheduler interleaves.
 *
 * The same names as in src/port/host/sync.h.  All actors are coroutines of one thread, so that an
 * access needs no atomic instruction; but before each one another actor may be let run
 * (sched.h).  Interleavings are sequentially consistent: what a store buffer adds is not
 * modelled, and atomic_fence() is nothing.
 */
#ifndef QUIRE_SYNC_H
#define QUIRE_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "../lock_rank.h"
#include "quire/port.h"

enum sched_op { SCHED_LOAD, SCHED_STORE, SCHED_RMW };

/* The running actor is about to do `op` on *p; returns p. */
void *sched_at(enum sched_op op, const volatile void *p, size_t bytes);

/*
 * What is stored is computed before the point: an actor let in between makes it stale.  Each is
 * volatile, so that it comes to exactly the accesses that point.c was told of: a load to one read,
 * a store to one write, the others to one of each, atomic_cas() that fails included.
 */
#define sched_on_(op, p) (*(volatile __typeof__(*(p)) *)sched_at((op), (p), sizeof(*(p))))
#define atomic_load(p) sched_on_(SCHED_LOAD, p)
#define atomic_load_relaxed(p) atomic_load(p)
#define atomic_store(p, v)                                                                         \
	({                                                                                         \
		__typeof__(*(p)) store_ = (v);                                                     \
		sched_on_(SCHED_STORE, p) = store_;                                                \
		(void)0;                                                                           \
	})
#define atomic_store_relaxed(p, v) atomic_store(p, v)
#define atomic_xchg(p, v)                                                                          \
	({                                                                                         \
		__typeof__(*(p)) xchg_ = (v);                                                      \
		volatile __typeof__(*(p)) *xchg_at_ = &sched_on_(SCHED_RMW, p);                    \
		__typeof__(*(p)) xchg_old_ = *xchg_at_;                                            \
		*xchg_at_ = xchg_;                                                                 \
		xchg_old_;                                                                         \
	})
/* *p == *expected ? (*p = v, true) : (*expected = *p, false) */
#define atomic_cas(p, expected, v)                                                                 \
	({                                                                                         \
		__typeof__(*(p)) cas_ = (v);                                                       \
		volatile __typeof__(*(p)) *cas_at_ = &sched_on_(SCHED_RMW, p);                     \
		__typeof__(*(p)) cas_old_ = *cas_at_;                                              \
		bool cas_same_ = cas_old_ == *(expected);                                          \
		*cas_at_ = cas_same_ ? cas_ : cas_old_;                                            \
		if (!cas_same_)                                                                    \
			*(expected) = cas_old_;                                                    \
		cas_same_;                                                                         \
	})
/* These return the new value. */
#define sched_rmw_(p, op, v, name)                                                                 \
	({                                                                                         \
		__typeof__(*(p)) name = (__typeof__(*(p)))(v);                                     \
		volatile __typeof__(*(p)) *name##at_ = &sched_on_(SCHED_RMW, p);                   \
		name = (__typeof__(*(p)))(*name##at_ op name);                                     \
		*name##at_ = name;                                                                 \
		name;                                                                              \
	})
#define atomic_add(p, v) sched_rmw_(p, +, v, add_)
#define atomic_sub(p, v) sched_rmw_(p, -, v, sub_)
#define atomic_add_relaxed(p, v) atomic_add(p, v)
#define atomic_or(p, v) sched_rmw_(p, |, v, or_)
#define atomic_and(p, v) sched_rmw_(p, &, v, and_)
#define atomic_fence() ((void)0)

static inline void cpu_relax(void)
{
}

static inline void prefetch_write(const void *p)
{
	(void)p;
}

/* ---- locks.c: a lock is its word; who waits and who holds it is the scheduler's to know */

void sched_lock(uint32_t *word, enum lock_rank rank);
bool sched_trylock(uint32_t *word, enum lock_rank rank);
void sched_unlock(uint32_t *word, enum lock_rank rank);
void lock_rank_acquire(enum lock_rank rank);
void lock_rank_tried(enum lock_rank rank); /* by a trylock that succeeded */
void lock_rank_release(enum lock_rank rank);
/* Around a callback that is made with locks held and may make calls of its own. */
unsigned lock_rank_nest(void);
void lock_rank_unnest(unsigned outer);

struct spinlock {
	uint32_t v;
};

struct mutex {
	uint32_t state;
	uint32_t pad;
};

static inline void spin_init(struct spinlock *l)
{
	atomic_store(&l->v, 0);
}

static inline bool spin_is_locked(const struct spinlock *l)
{
	return atomic_load(&l->v) != 0;
}

static inline bool spin_trylock(const struct quire_port *port, struct spinlock *l,
				enum lock_rank rank)
{
	(void)port;
	return sched_trylock(&l->v, rank);
}

static inline void spin_lock(const struct quire_port *port, struct spinlock *l, enum lock_rank rank)
{
	(void)port;
	sched_lock(&l->v, rank);
}

static inline void spin_unlock(struct spinlock *l, enum lock_rank rank)
{
	sched_unlock(&l->v, rank);
}

static inline void mutex_init(struct mutex *m)
{
	atomic_store(&m->state, 0);
}

static inline bool mutex_is_locked(const struct mutex *m)
{
	return atomic_load(&m->state) != 0;
}

static inline bool mutex_trylock(const struct quire_port *port, struct mutex *m,
				 enum lock_rank rank)
{
	(void)port;
	return sched_trylock(&m->state, rank);
}

static inline void mutex_lock(const struct quire_port *port, struct mutex *m, enum lock_rank rank)
{
	(void)port;
	sched_lock(&m->state, rank);
}

static inline void mutex_unlock(const struct quire_port *port, struct mutex *m, enum lock_rank rank)
{
	(void)port;
	sched_unlock(&m->state, rank);
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

/* ---- what only a checker wants to know: nothing in other ports */

/* Bytes of a frame that is allocated (freed) now: until then (from now on) nobody touches it. */
void mem_in_use(const void *p, size_t bytes);
void mem_out_of_use(const void *p, size_t bytes);
/* This allocation is to fail. */
bool alloc_fails_by_choice(void);
/* What the actor does, in the field's words, for the columns of a counterexample. */
void sched_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What is read from here to sched_say() is read for it alone: no access of the actor. */
void sched_aside(void);
extern bool sched_telling;
#define STEP(...)                                                                                  \
	do {                                                                                       \
		if (__builtin_expect(sched_telling, 0)) {                                          \
			sched_aside();                                                             \
			sched_say(__VA_ARGS__);                                                    \
		}                                                                                  \
	} while (0)

#endif
