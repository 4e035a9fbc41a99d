/* SPDX-License-Identifier: MIT */
/*
 * bench_cost.c: what faults without a lock cost a single thread.
 *
 * The same operations on two machines, in pairs A B A B, medians of the pairs' ratios:
 *   lockless   as it is: faults in read-side sections, memory freed after a grace period
 *   locked     a design without: each fault takes and releases the mmap lock, sections are
 *              nothing, what goes is free at once, callbacks run when the operation has returned
 * A ratio below 1 says that the lockless way is the cheaper one.  Times are CPU time, but for what
 * is done beside another thread: there it is the time that passes.  RAM is touched beforehand.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"
#include "core/vma/mm.h"
#include "quire/port_host.h"
#include "quire/quire.h"

#define PAGE QUIRE_PAGE_SIZE
#define RAM_BYTES (96ull << 20)
#define PAGES 16384ull
#define REGION (PAGES * PAGE)
#define PAIRS 20000u
#define ROUNDS 21

struct side {
	struct quire_machine *m;
	struct quire_mm *mm;
	bool locked;
};

static struct quire_rcu_head *waiting; /* of the locked side */

static double now_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void need(bool ok, const char *what)
{
	need_in("bench_cost", ok, what);
}

/*
 * ---- the locked side's port --------------------------------------------------------------------
 *
 * Nobody reads without the mmap lock.  So what was retired under it, which only the thread that
 * measures does, is free as soon as that thread has given the lock back.
 */

static void no_section(void *ctx)
{
	(void)ctx;
}

static void put_off(void *ctx, struct quire_rcu_head *head, void (*func)(struct quire_rcu_head *))
{
	(void)ctx;
	head->func = func;
	head->next = waiting;
	waiting = head;
}

static void run_put_off(void *ctx)
{
	(void)ctx;
	while (waiting) {
		struct quire_rcu_head *head = waiting;

		waiting = head->next;
		head->func(head);
	}
}

static uint64_t no_time(void *ctx)
{
	(void)ctx;
	return 0;
}

static bool nobody_reads(void *ctx, uint64_t number, bool hurry)
{
	(void)ctx;
	(void)number;
	(void)hurry;
	return true;
}

static void side_init(struct side *s, bool locked)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = RAM_BYTES};
	struct quire_port port;

	quire_port_host(&port);
	if (locked) {
		port.rcu_read_lock = port.rcu_read_unlock = no_section;
		port.call_rcu = put_off;
		port.synchronize_rcu = port.rcu_barrier = run_put_off;
		port.rcu_now = no_time;
		port.rcu_over = nobody_reads;
	}
	o.ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	need(o.ram != MAP_FAILED, "mmap of RAM");
	s->locked = locked;
	need(!quire_machine_create(&port, &o, &s->m), "machine");
	need(!quire_mm_create(s->m, NULL, &s->mm), "mm");
}

/* ---- operations: ns each ----------------------------------------------------------------- */

static void fault(struct side *s, uint64_t addr, enum quire_access access)
{
	if (s->locked)
		mm_lock(s->mm);
	need(quire_fault(s->mm, addr, access, NULL) == QUIRE_FAULT_OK, "fault");
	if (s->locked)
		mm_unlock(s->mm);
}

static uint64_t map(struct side *s, uint64_t bytes)
{
	uint64_t addr = 0;

	need(!quire_mmap(s->mm, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NULL,
			 0, &addr),
	     "mmap");
	return addr;
}

static void unmap(struct side *s, uint64_t addr, uint64_t bytes)
{
	need(!quire_munmap(s->mm, addr, bytes), "munmap");
	run_put_off(NULL);
}

static double time_faults(struct side *s, enum quire_access access)
{
	uint64_t addr = map(s, REGION);
	double t = now_ns();

	for (uint64_t i = 0; i < PAGES; i++)
		fault(s, addr + i * PAGE, access);
	t = now_ns() - t;
	unmap(s, addr, REGION);
	return t / (double)PAGES;
}

static double time_write(struct side *s)
{
	return time_faults(s, QUIRE_WRITE);
}

static double time_read(struct side *s)
{
	return time_faults(s, QUIRE_READ);
}

static double time_fork(struct side *s)
{
	uint64_t addr = map(s, REGION);
	struct quire_mm *child;
	double t;

	for (uint64_t i = 0; i < PAGES; i++)
		fault(s, addr + i * PAGE, QUIRE_WRITE);
	t = now_ns();
	need(!quire_mm_fork(s->mm, NULL, &child), "fork");
	t = now_ns() - t;
	quire_mm_put(child);
	unmap(s, addr, REGION);
	return t / (double)PAGES;
}

static double time_map_unmap(struct side *s)
{
	double t = now_ns();

	for (unsigned i = 0; i < PAIRS; i++)
		unmap(s, map(s, PAGE), PAGE);
	s->m->port.rcu_barrier(s->m->port.ctx);
	return (now_ns() - t) / PAIRS;
}

/* ---- beside a thread that faults in the same mm ------------------------------------------- */

struct beside {
	struct side *side;
	uint64_t addr;
	bool stop;
};

static void *fault_on(void *arg)
{
	struct beside *b = arg;

	for (uint64_t i = 0; !__atomic_load_n(&b->stop, __ATOMIC_RELAXED); i = (i + 1) % PAGES)
		fault(b->side, b->addr + i * PAGE, QUIRE_READ);
	return NULL;
}

static double wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double time_map_unmap_beside(struct side *s)
{
	struct beside b = {.side = s, .addr = map(s, REGION)};
	pthread_t t;
	double ns;

	need(!pthread_create(&t, NULL, fault_on, &b), "a thread");
	ns = wall_ns();
	for (unsigned i = 0; i < PAIRS; i++)
		unmap(s, map(s, PAGE), PAGE);
	ns = wall_ns() - ns;
	__atomic_store_n(&b.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	unmap(s, b.addr, REGION);
	s->m->port.rcu_barrier(s->m->port.ctx);
	return ns / PAIRS;
}

/* ---- report -------------------------------------------------------------------------------- */

static double median(double *v)
{
	return median_of(v, ROUNDS);
}

/* Two of each kind, made in this order: where RAM lies matters more than what is measured. */
struct sides {
	struct side lockless, locked, locked2, lockless2;
};

static void report(const char *what, struct sides *s, double (*time)(struct side *s))
{
	double a[ROUNDS], b[ROUNDS], ratio[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		a[i] = (time(&s->lockless) + time(&s->lockless2)) / 2;
		b[i] = (time(&s->locked) + time(&s->locked2)) / 2;
		ratio[i] = a[i] / b[i];
	}
	printf("%-28s %8.1f ns %8.1f ns   %.3f\n", what, median(a), median(b), median(ratio));
}

int main(void)
{
	static struct sides s;

	side_init(&s.lockless, false);
	side_init(&s.locked, true);
	side_init(&s.locked2, true);
	side_init(&s.lockless2, false);
	printf("%-28s %11s %11s   %s\n", "", "lockless", "locked", "ratio");
	report("first write to a page", &s, time_write);
	report("first read (zero page)", &s, time_read);
	report("fork, a page", &s, time_fork);
	report("mmap and munmap of a page", &s, time_map_unmap);
	report("the same beside faults", &s, time_map_unmap_beside);
	return 0;
}
