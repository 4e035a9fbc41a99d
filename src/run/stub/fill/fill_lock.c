/* SPDX-License-Identifier: MIT */
/*
 * fill_lock.c: the fill lock: many fill, one flushes.
 *
 * A filling thread sets a flag of its own (no shared cache line is written); a flusher takes
 * shared.flusher and waits for all flags.  Holders that were killed (a vfork child: its memory
 * lives on in the parent) are recognised by their host_tid.
 *
 *   1. filling == 1 and flusher held by another never both proceed: each side stores its own
 *      word, then reads the other's, both sequentially consistent.
 *   2. While the lock is held no request is made and no guest memory is touched.
 */
#include "run/stub/fill/fill_lock.h"

#include "run/stub/base/area.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/fill.h"
#include "run/wire/atomic.h"

static bool dead(uint32_t owner)
{
	return !atomic_load(&thread_at(owner - 1)->host_tid);
}

static void service_deferred(struct thread *t)
{
	if (t->service_waits) {
		t->service_waits = false;
		service_flush(t);
	}
}

void fill_lock(struct thread *t)
{
	for (;;) {
		uint32_t owner;

		atomic_store(&t->filling, 1u);
		owner = atomic_load(&shared.flusher);
		if (!owner)
			return;
		atomic_store(&t->filling, 0u);
		futex_rouse(&t->filling);
		futex_sleep(&shared.flusher, owner, 20);
		if (atomic_load(&shared.flusher) == owner && dead(owner))
			atomic_cas(&shared.flusher, owner, 0u);
	}
}

void fill_unlock(struct thread *t)
{
	atomic_store(&t->filling, 0u);
	if (atomic_load(&shared.flusher))
		futex_rouse(&t->filling);
	service_deferred(t);
}

void flush_lock(struct thread *t)
{
	for (;;) {
		uint32_t owner = atomic_load(&shared.flusher);

		if (!owner && atomic_cas(&shared.flusher, 0u, t->index + 1))
			break;
		if (owner && dead(owner) && atomic_cas(&shared.flusher, owner, t->index + 1))
			break;
		if (owner)
			futex_sleep(&shared.flusher, owner, 20);
	}
	for (uint32_t i = 0; i < atomic_load(&shared.nr_areas); i++) {
		struct thread *other = thread_at(i);

		while (other != t && atomic_load(&other->filling) && atomic_load(&other->host_tid))
			futex_sleep(&other->filling, 1, 20);
	}
}

void flush_unlock(struct thread *t)
{
	atomic_store(&shared.flusher, 0u);
	if (shared.nr_areas > 1)
		futex_rouse(&shared.flusher);
	service_deferred(t);
}
