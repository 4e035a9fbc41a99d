/* SPDX-License-Identifier: MIT */
/*
 * look.c: a look at what a descriptor is, which still holds when the descriptor is used.
 *
 * Between the two another thread of the guest may put something else under its number.  But
 * RUN_FD_LOOK is ours: no call of a guest's changes what is there.  So the object is put there
 * first, looked at there, and used by that number.
 *
 *   1. One thread at a time, by shared.looking: index + 1 of its area.  A holder that was killed (a
 *      vfork child: its memory lives on in the parent) is recognised by its host_tid.
 *   2. The number is never free, or a guest might be given it: in between it is the stub's image.
 *   3. The holder may sleep in opening a FIFO; a thread that waits for it gives way to a signal.
 */
#include "run/stub/guard/look.h"

#include "run/stub/base/area.h"
#include "run/stub/base/spare.h"
#include "run/stub/base/stub.h"
#include "run/wire/atomic.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/fcntl.h>

#define WAIT_MS 20

static bool take_over(struct thread *t, uint32_t owner)
{
	return !atomic_load(&thread_at(owner - 1)->host_tid) &&
	       atomic_cas(&shared.looking, owner, t->index + 1);
}

bool look_begin(struct thread *t)
{
	while (!atomic_cas(&shared.looking, 0u, t->index + 1)) {
		uint32_t owner = atomic_load(&shared.looking);

		if (owner && take_over(t, owner))
			break;
		if (atomic_load(&t->pending))
			return false;
		if (owner)
			futex_sleep(&shared.looking, owner, WAIT_MS);
	}
	return true;
}

int64_t look_at(int64_t fd)
{
	return own_dup(fd, RUN_FD_LOOK, 0);
}

void look_end(void)
{
	look_at(RUN_FD(RUN_FD_STUB));
	atomic_store(&shared.looking, 0u);
	if (shared.nr_areas > 1)
		futex_rouse(&shared.looking);
}

bool look_is_ours(struct stat *st)
{
	struct stat ours;

	/* Without an answer it is nothing that can be used. */
	if (sys(__NR_fstat, RUN_FD(RUN_FD_LOOK), st))
		return true;
	for (int i = 0; i <= RUN_FD_LIFE; i++) {
		if (sys(__NR_fstat, RUN_FD(i), &ours) == 0 && same_object(&ours, st))
			return true;
	}
	return false;
}
