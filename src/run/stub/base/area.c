/* SPDX-License-Identifier: MIT */
/*
 * area.c: thread areas, and plain locks.
 *
 * An area belongs to the thread whose id stands in host_tid; the kernel clears that word when
 * the thread is gone and does not use its stack any more.  Areas are never unmapped, so that
 * any thread may look at any area below shared.nr_areas.
 */
#include "run/stub/base/area.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/wire/addresses.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/sys.h"

#include <linux/futex.h>
#include <linux/mman.h>

struct shared shared;
struct process first_process;

struct thread *thread_self(void)
{
	uint64_t sp;

	__asm__("movq %%rsp, %0" : "=r"(sp));
	return (struct thread *)(sp & ~(THREAD_AREA - 1));
}

void futex_sleep(const uint32_t *word, uint32_t val, unsigned ms)
{
	struct {
		int64_t sec, nsec;
	} limit = {ms / 1000, (int64_t)(ms % 1000) * 1000000};

	sys(__NR_futex, word, FUTEX_WAIT_PRIVATE, val, ms ? &limit : NULL);
}

void futex_rouse(const uint32_t *word)
{
	sys(__NR_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX);
}

/* A plain lock: 0 free, 1 held.  Short sections; a holder is never killed alone in a way that
 * leaves others alive, but for a vfork child, whose parent then waits in vain for 5 s and goes on.
 */
void lock_take(uint32_t *lock)
{
	unsigned waited = 0;

	while (atomic_swap(lock, 1u)) {
		futex_sleep(lock, 1, 20);
		if (++waited > 250)
			return;
	}
}

void lock_drop(uint32_t *lock)
{
	atomic_store(lock, 0u);
	if (shared.nr_areas > 1)
		futex_rouse(lock);
}

static struct thread *area_reuse(void)
{
	for (uint32_t i = 0; i < shared.nr_areas; i++) {
		struct thread *t = thread_at(i);

		if (!atomic_load(&t->host_tid) && atomic_cas(&t->host_tid, 0u, 1u))
			return t;
	}
	return NULL;
}

static struct thread *area_grow(void)
{
	struct thread *t = NULL;

	lock_take(&shared.area_lock);
	if (THREADS_BASE + (shared.nr_areas + 1) * THREAD_AREA < CHAN_BASE) {
		struct thread *at = thread_at(shared.nr_areas);
		int64_t got = sys(__NR_mmap, at, THREAD_AREA, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

		if (got == (int64_t)sys_ptr(at)) {
			sys(__NR_mprotect, sys_ptr(at) + AREA_GUARD, PAGE, PROT_NONE);
			sys(__NR_mprotect, sys_ptr(at) + AREA_GUARD2, PAGE, PROT_NONE);
			at->host_tid = 1;
			atomic_store(&shared.nr_areas, shared.nr_areas + 1);
			t = at;
		}
	}
	lock_drop(&shared.area_lock);
	return t;
}
_Static_assert(sizeof(struct thread) <= AREA_GUARD, "below the guard page");

struct thread *area_alloc(void)
{
	struct thread *t = area_reuse();

	if (!t)
		t = area_grow();
	if (!t)
		return NULL;
	/* A vfork child that has become another program left its arguments' place behind. */
	if (t->exec_bytes)
		sys(__NR_munmap, t->exec_place, t->exec_bytes);
	/* host_tid comes first but for one word, and stays. */
	t->pending = 0;
	memset(&t->filling, 0, sizeof(*t) - offsetof(struct thread, filling));
	t->index = (uint32_t)((sys_ptr(t) - THREADS_BASE) / THREAD_AREA);
	return t;
}

void area_free(struct thread *t)
{
	atomic_store(&t->host_tid, 0u);
}

void areas_after_fork(struct thread *self)
{
	for (uint32_t i = 0; i < shared.nr_areas; i++) {
		struct thread *t = thread_at(i);

		if (t == self)
			continue;
		t->host_tid = 0;
		t->filling = 0;
	}
	shared.flusher = 0;
	shared.looking = 0;
	shared.area_lock = 0;
	self->filling = 0;
	self->nr_lent = 0;
	shared.forking = 0;
	self->service_waits = false;
}
