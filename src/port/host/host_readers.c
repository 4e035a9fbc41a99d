/* SPDX-License-Identifier: MIT */
/*
 * host_readers.c: RCU's read-side sections on the host, and how one knows that they have ended.
 *
 * A time is a number, `now_is`, that only grows.  A reader notes in its thread's own line the time
 * at which its section began, and 0 when it ends.  What nobody can find any more since time t may
 * be freed when no thread is in a section that began at t or before.
 *
 * Owns the list of readers and the times; readers_lock guards the list.
 *
 *   1  A reader writes no line that another thread writes, and orders nothing: its note of the time
 *      may become visible after what it reads in the section.  The thread that asks makes good for
 *      it: membarrier(2) puts a full fence into each running thread of the process.  Where there
 *      is no such call each reader has the fence itself.
 *   2  Whoever asks whether sections have ended which began at t or before first sees to it that
 *      the time is later than t, then has the fence made, then looks.  `fenced` is the latest time
 *      for which that has been done: as the time was later already when the fence was made, all
 *      sections that it does not find end in, or begin with, what was published before t.
 *   3  With one reader alone there is nobody to be asked.
 *
 * Of its own, not liburcu's: whether a grace period is over can be asked there only by waiting for
 * it (before 0.14; Debian 12 has 0.13), and a section costs a fault 70 instructions more.
 *
 * The fence interrupts all running threads of the process (10 us on a virtual machine, 0.6 us if
 * none runs), so that it is not made where an answer can wait (`hurry`).
 */
#include "host.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sync.h"

#define SPINS 200u
#define FIRST_NAP_NS 20000
#define LONGEST_NAP_NS 1000000

static pthread_mutex_t readers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct host_thread *readers;
static unsigned nr_readers; /* readers_lock; atomic for rule 3 */
static uint64_t now_is = 1;
static uint64_t fenced;
static bool no_membarrier = true; /* until init */

static int membarrier(int command)
{
	return (int)syscall(SYS_membarrier, command, 0, 0);
}

void host_readers_init(void)
{
	no_membarrier = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) != 0;
}

/* ---- readers ------------------------------------------------------------------ */

static __attribute__((noinline)) void become_reader(struct host_thread *t)
{
	host_ensure_registered();
	pthread_mutex_lock(&readers_lock);
	t->next_reader = readers;
	readers = t;
	atomic_store(&nr_readers, nr_readers + 1);
	pthread_mutex_unlock(&readers_lock);
	t->reader = true;
	/* Rule 3: a writer that has not seen the reader has published before its first section. */
	atomic_fence();
}

void host_reader_exit(struct host_thread *t)
{
	struct host_thread **pp = &readers;

	if (!t->reader)
		return;
	pthread_mutex_lock(&readers_lock);
	while (*pp != t)
		pp = &(*pp)->next_reader;
	*pp = t->next_reader;
	atomic_store(&nr_readers, nr_readers - 1);
	pthread_mutex_unlock(&readers_lock);
	t->reader = false;
}

void host_rcu_read_lock(void *ctx)
{
	struct host_thread *t = &host_self;

	(void)ctx;
	if (__builtin_expect(t->sections++, 0))
		return;
	if (__builtin_expect(!t->reader, 0))
		become_reader(t);
	atomic_store(&t->since, atomic_load(&now_is));
	if (__builtin_expect(no_membarrier, 0))
		atomic_fence();
	else
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void host_rcu_read_unlock(void *ctx)
{
	struct host_thread *t = &host_self;

	(void)ctx;
	if (!--t->sections)
		atomic_store(&t->since, 0);
}

/* ---- those who ask ------------------------------------------------------------- */

uint64_t host_rcu_now(void *ctx)
{
	(void)ctx;
	atomic_fence(); /* what was taken away is taken away before the time */
	return atomic_load(&now_is);
}

/* Rule 2. */
static void fence_readers(uint64_t number)
{
	uint64_t now = number, was = atomic_load(&fenced);

	if (atomic_cas(&now_is, &now, number + 1))
		now = number + 1;
	if (no_membarrier)
		atomic_fence();
	else
		membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	while (was < now && !atomic_cas(&fenced, &was, now))
		;
}

static bool nobody_since(uint64_t number)
{
	const struct host_thread *t;

	pthread_mutex_lock(&readers_lock);
	for (t = readers; t; t = t->next_reader) {
		uint64_t since = atomic_load(&t->since);

		if (since && since <= number)
			break;
	}
	pthread_mutex_unlock(&readers_lock);
	return !t;
}

/* Rule 3. */
static bool am_only_reader(void)
{
	atomic_fence();
	return atomic_load(&nr_readers) <= host_self.reader && !host_self.sections;
}

bool host_rcu_over(void *ctx, uint64_t number, bool hurry)
{
	(void)ctx;
	if (am_only_reader())
		return true;
	if (atomic_load(&fenced) <= number) {
		if (!hurry)
			return false;
		fence_readers(number);
	}
	return nobody_since(number);
}

void host_synchronize_rcu(void *ctx)
{
	struct timespec nap = {.tv_nsec = FIRST_NAP_NS};
	uint64_t number = host_rcu_now(ctx);
	unsigned spins = 0;

	while (!host_rcu_over(ctx, number, true)) {
		if (spins++ < SPINS) {
			cpu_relax();
			continue;
		}
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < LONGEST_NAP_NS)
			nap.tv_nsec *= 2;
	}
}
