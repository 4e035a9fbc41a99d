/* SPDX-License-Identifier: MIT */
/*
 * window_told.c: what the supervisor says of windows: which of them nothing maps any more, and
 * which one a frame beyond their ends belongs to.
 *
 *   1. Both under windows_lock: a forked child has what its parent has.
 */
#include "run/stub/link/window_told.h"

#include "run/stub/base/stub.h"
#include "run/stub/fill/far.h"
#include "run/stub/fill/window_cache.h"
#include "run/stub/fill/windows.h"
#include "run/stub/link/rpc.h"
#include "run/wire/addresses.h"
#include "run/wire/proto.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

void window_unmap(struct thread *t, uint64_t addr, uint64_t bytes)
{
	far_forget(t, addr);
	sys(__NR_munmap, addr, bytes);
	shared.nr_windows--;
}

/* What the answer that stands in the channel says of windows that nothing maps any more. */
static void unmap_told(struct thread *t)
{
	uint64_t n = t->answer->v[1];

	for (uint64_t i = 0; i < n && i < ANSWER_MAX_GONE; i++) {
		uint64_t addr = t->answer->gone[i][0], bytes = t->answer->gone[i][1];

		if (addr < SEEDS_BASE || addr >= WINDOWS_END || bytes > WINDOWS_END - addr)
			continue;
		cache_forget(addr);
		window_unmap(t, addr, bytes);
	}
}

void windows_gone_locked(struct thread *t)
{
	unmap_told(t);
	while (t->answer->v[2]) {
		rpc(t, OP_WINDOWS_GONE, t->answer->v[2]);
		unmap_told(t);
	}
}

void windows_gone(struct thread *t)
{
	if (!t->answer->v[1])
		return;
	windows_lock_take();
	windows_gone_locked(t);
	windows_lock_drop();
}

bool far_learn(struct thread *t, uint64_t frame)
{
	const uint64_t *v = t->answer->v;
	bool known;

	windows_lock_take();
	known = rpc(t, OP_FAR, frame) == 0 && far_add(t, v[0], v[1], v[2]);
	windows_lock_drop();
	return known;
}
