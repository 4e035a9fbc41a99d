/* SPDX-License-Identifier: MIT */
/*
 * host_rcu.c: RCU on the host: what runs after a grace period (host_readers.c).
 *
 * Owns a queue per slot, which anybody pushes on and only the reclaimer thread
 * empties, and that thread.  It works in sweeps: take all queues, wait for one
 * grace period, run what was taken.  A grace period interrupts every CPU, so it
 * should serve many calls; but garbage should not outgrow the caches either.  So
 * between sweeps the reclaimer naps NAP_NS, or until a queue has BATCH calls.
 *
 *        a queue is not empty               always
 *   IDLE ────────────────────> RUNNING ───────────────> NAPPING
 *     ^                        │     ^                    │
 *     └────────────────────────┘     └────────────────────┘
 *      nothing in IDLE_NAPS naps        time, BATCH, barrier
 *
 *   1  A thread that pushes looks at `state` afterwards; the reclaimer looks at the queues
 *      after it has set `state`.  Both with SEQ_CST, so one of them sees the other.
 *   2  `started` and `done` count sweeps.  All that was queued before a sweep
 *      started has run when it is done.
 */
#include "host.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sync.h"

#define BATCH 256
#define NAP_NS 10000000
/* Naps in a row without work before it is IDLE: waking it costs the caller 10 to 25 us. */
#define IDLE_NAPS 100

struct queue {
	_Alignas(HOST_CACHE_LINE) struct quire_rcu_head *head;
	uint32_t length; /* only a hint: rule 1 is about head */
};

enum state { RUNNING, NAPPING, IDLE };

static struct queue queues[HOST_MAX_SLOTS];
static uint32_t state = RUNNING; /* futex: the reclaimer sleeps on it */
static uint32_t started;
static uint32_t done;   /* futex: host_rcu_barrier() sleeps on it */
static uint32_t wanted; /* the sweep that somebody waits for */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool exists;

/* ---- the reclaimer ------------------------------------------------------------ */

/* Is there enough to do to leave that state for? */
static bool work_for(enum state how)
{
	for (unsigned i = 0; i < HOST_MAX_SLOTS; i++) {
		if (how == IDLE && __atomic_load_n(&queues[i].head, __ATOMIC_SEQ_CST))
			return true;
		if (how == NAPPING && atomic_load_relaxed(&queues[i].length) >= BATCH)
			return true;
	}
	return false;
}

static bool sweep_wanted(void)
{
	return (int32_t)(__atomic_load_n(&wanted, __ATOMIC_SEQ_CST) - atomic_load(&done)) > 0;
}

/* Sleeps in that state, unless there is a reason not to (rule 1). */
static void rest(enum state how)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};

	__atomic_store_n(&state, how, __ATOMIC_SEQ_CST);
	if (!sweep_wanted() && !work_for(how))
		syscall(SYS_futex, &state, FUTEX_WAIT_PRIVATE, how, how == IDLE ? NULL : &nap, NULL,
			0);
	atomic_store(&state, RUNNING);
}

static void run_all(struct quire_rcu_head *list)
{
	while (list) {
		struct quire_rcu_head *head = list;

		list = head->next;
		head->func(head);
	}
}

/* False: there was nothing to do. */
static bool sweep(void)
{
	struct quire_rcu_head *taken[HOST_MAX_SLOTS];
	uint32_t number = atomic_add(&started, 1);
	bool any = false;

	for (unsigned i = 0; i < HOST_MAX_SLOTS; i++) {
		atomic_store_relaxed(&queues[i].length, 0);
		taken[i] = atomic_load_relaxed(&queues[i].head);
		if (!taken[i])
			continue;
		taken[i] = atomic_xchg(&queues[i].head, NULL);
		any = true;
	}
	if (any)
		host_synchronize_rcu(NULL);
	for (unsigned i = 0; i < HOST_MAX_SLOTS; i++)
		run_all(taken[i]);
	atomic_store(&done, number);
	host_wake(NULL, &done, INT_MAX);
	return any;
}

static void *reclaim(void *arg)
{
	unsigned idle_naps = 0;

	for (;;) {
		if (sweep()) {
			idle_naps = 0;
		} else if (++idle_naps > IDLE_NAPS) {
			rest(IDLE);
			idle_naps = 0;
		}
		rest(NAPPING);
	}
	return arg;
}

static void start(void)
{
	sigset_t all, before;
	pthread_t thread;

	/* The embedder's signals are for the embedder's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, reclaim, NULL))
		host_panic(NULL, "no thread for call_rcu()");
	pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	atomic_store(&exists, true);
}

static void kick(void)
{
	if (__atomic_exchange_n(&state, RUNNING, __ATOMIC_SEQ_CST) != RUNNING)
		host_wake(NULL, &state, 1);
}

/* ---- the port's calls ----------------------------------------------------------- */

void host_call_rcu(void *ctx, struct quire_rcu_head *head,
		   void (*func)(struct quire_rcu_head *head))
{
	struct queue *q;
	uint32_t length, now;

	(void)ctx;
	host_ensure_registered();
	if (!atomic_load(&exists))
		pthread_once(&once, start);
	q = &queues[host_self.slot];
	head->func = func;
	head->next = atomic_load_relaxed(&q->head);
	while (!__atomic_compare_exchange_n(&q->head, &head->next, head, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED))
		;
	length = atomic_add_relaxed(&q->length, 1);
	now = __atomic_load_n(&state, __ATOMIC_SEQ_CST);
	if (now == IDLE || (now == NAPPING && length >= BATCH))
		kick();
}

void host_rcu_barrier(void *ctx)
{
	uint32_t target, seen;

	(void)ctx;
	if (!atomic_load(&exists))
		return;
	/* The sweep that is under way may have passed our queue already. */
	target = __atomic_load_n(&started, __ATOMIC_SEQ_CST) + 1;
	seen = atomic_load(&wanted);
	while ((int32_t)(target - seen) > 0 &&
	       !__atomic_compare_exchange_n(&wanted, &seen, target, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST))
		;
	kick();
	while ((int32_t)((seen = atomic_load(&done)) - target) < 0)
		host_wait(NULL, &done, seen);
}
