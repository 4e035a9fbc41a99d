/* SPDX-License-Identifier: MIT */
/*
 * lent.c: the guest memory that a thread's system call has been lent.
 *
 * The host looks pages up for a call and may go on storing into them, or reading them, when another
 * thread has had them unmapped: a device's transfer (O_DIRECT), an answer of a FUSE server, a
 * driver.  So each thread notes what it touches for a call until the call is over.  Whoever
 * flushes looks at all notes, and tells the supervisor if a page that it has unmapped is in one:
 * the frames get other memory before they are anybody else's (the core's tlb_lent).
 *
 *   1. A note is made before its pages are touched, and looked at after they are unmapped: either
 *      the flusher sees it, or the host finds nothing mapped.
 *   2. Notes may say too much, which costs other memory for frames; never too little: what finds
 *      no room of its own widens the last one.
 *   3. A fork leaves these pages to the parent, and the child gets copies: whoever forks says so,
 *      then names all notes to the supervisor; a thread that makes a note then looks whether
 *      another forks, and waits until it has forked.  So one of the two sees the other.
 *   4. A thread that is alone needs none: it does not flush during its calls.  (One that another
 *      process makes it do interrupts the call, or waits for its end.)
 */
#include "run/stub/fill/lent.h"

#include "run/stub/base/area.h"
#include "run/stub/base/stub.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"

static void add_note(struct thread *t, uint64_t start, uint64_t end)
{
	uint32_t n = t->nr_lent;
	struct lent *last = &t->lent[n ? n - 1 : 0];

	if (n && ((start <= last->end && end >= last->start) || n == LENT_MAX)) {
		if (start < last->start)
			atomic_store(&last->start, start);
		if (end > last->end)
			atomic_store(&last->end, end);
		return;
	}
	t->lent[n] = (struct lent){start, end};
	atomic_store(&t->nr_lent, n + 1);
}

/* The forking thread itself makes no call. */
static void wait_for_fork(const struct thread *t)
{
	uint32_t who;

	while ((who = atomic_load(&shared.forking)) && who != t->index + 1) {
		futex_sleep(&shared.forking, who, 20);
		if (!atomic_load(&thread_at(who - 1)->host_tid))
			atomic_cas(&shared.forking, who, 0u);
	}
}

void lent_note(struct thread *t, uint64_t addr, uint64_t bytes)
{
	if (!others_may_flush())
		return;
	add_note(t, addr, addr + bytes);
	wait_for_fork(t);
}

uint32_t lent_fork_begin(struct thread *self, uint64_t (*out)[2], uint32_t max)
{
	uint32_t n = 0;

	if (!others_may_flush())
		return 0;
	atomic_store(&shared.forking, self->index + 1);
	for (uint32_t i = 0; i < atomic_load(&shared.nr_areas); i++) {
		const struct thread *t = thread_at(i);
		uint32_t k = t == self || !atomic_load(&t->host_tid) ? 0 : atomic_load(&t->nr_lent);

		for (uint32_t j = 0; j < k && j < LENT_MAX && n < max; j++, n++) {
			out[n][0] = atomic_load(&t->lent[j].start);
			out[n][1] = atomic_load(&t->lent[j].end);
		}
	}
	return n;
}

void lent_fork_end(void)
{
	if (!atomic_load(&shared.forking))
		return;
	atomic_store(&shared.forking, 0u);
	futex_rouse(&shared.forking);
}

void lent_end(struct thread *t)
{
	if (t->nr_lent)
		atomic_store(&t->nr_lent, 0u);
}

static bool in_one(const struct lent *x, const uint64_t (*ranges)[2], uint32_t n)
{
	uint64_t start = PAGE_DOWN(atomic_load(&x->start)), end = PAGE_UP(atomic_load(&x->end));

	for (uint32_t i = 0; i < n; i++) {
		if (start < ranges[i][1] && ranges[i][0] < end)
			return true;
	}
	return n == 0;
}

bool lent_any(const struct thread *self, const uint64_t (*ranges)[2], uint32_t n)
{
	for (uint32_t i = 0; i < atomic_load(&shared.nr_areas); i++) {
		const struct thread *t = thread_at(i);
		uint32_t k = atomic_load(&t->nr_lent);

		if (t == self || !k || !atomic_load(&t->host_tid))
			continue;
		for (uint32_t j = 0; j < k && j < LENT_MAX; j++) {
			if (in_one(&t->lent[j], ranges, n))
				return true;
		}
	}
	return false;
}
