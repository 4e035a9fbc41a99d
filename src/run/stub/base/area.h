/* SPDX-License-Identifier: MIT */
/*
 * area.h: thread areas, and plain locks.
 */
#ifndef STUB_AREA_H
#define STUB_AREA_H

#include "run/stub/base/stub.h"
#include "run/wire/atomic.h"

struct thread *thread_self(void);
struct thread *area_alloc(void); /* host_tid is 1; NULL: no memory */
void area_free(struct thread *t);
/* A forked child keeps its own area alone. */
void areas_after_fork(struct thread *self);
void futex_sleep(const uint32_t *word, uint32_t val, unsigned ms);
void futex_rouse(const uint32_t *word);
void lock_take(uint32_t *lock);
void lock_drop(uint32_t *lock);

/* Could another thread flush while the kernel works for us? */
static inline bool others_may_flush(void)
{
	return atomic_load(&shared.nr_areas) > 1;
}

#endif
