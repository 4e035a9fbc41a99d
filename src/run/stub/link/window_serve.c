/* SPDX-License-Identifier: MIT */
/*
 * window_serve.c: what the supervisor has a stub do with a window (CMD_WINDOW), being unable to do
 * it itself.
 */
#include "run/stub/link/window_serve.h"

#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/far.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"
#include "run/wire/proto.h"
#include "run/wire/sys.h"

#include <linux/mman.h>

/* For a mapping that is writable by now, though its window was not made for that. */
static int64_t store(uint64_t to, const void *from, uint64_t n)
{
	uint64_t page = PAGE_DOWN(to), left;

	if (n > PAGE - (to - page))
		return -EINVAL;
	if (sys(__NR_mprotect, page, PAGE, PROT_READ | PROT_WRITE))
		return -EFAULT;
	left = probe_copy((void *)to, from, n);
	return left ? -EFAULT : 0;
}

static int64_t command(struct thread *t, uint64_t op, uint64_t addr, uint64_t n)
{
	char *out = t->chan->data;

	switch (op) {
	case WINDOW_LOAD:
		return n <= sizeof(t->chan->data) && !probe_copy(out, (void *)addr, n) ? 0
										       : -EFAULT;
	case WINDOW_STORE:
		return n <= PAGE ? store(addr, t->answer->store, n) : -EINVAL;
	case WINDOW_SYNC:
		return sys(__NR_msync, addr, n, MS_SYNC);
	case WINDOW_REMOVE:
		return sys(__NR_madvise, addr, n, MADV_REMOVE);
	}
	return -EINVAL;
}

int64_t window_serve(struct thread *t)
{
	const uint64_t *v = t->answer->v;
	uint64_t op = v[0], addr = v[1], n = v[2], distance = v[4], at;
	int64_t r;

	if (addr < SEEDS_BASE || addr >= WINDOWS_END || n > WINDOWS_END - addr)
		return -EINVAL;
	if (!v[3])
		return command(t, op, addr, n);
	r = far_lend(PAGE_DOWN(addr), distance, PAGE_UP(n) / PAGE, &at);
	if (r)
		return r;
	r = command(t, op, at + addr % PAGE, n);
	far_return();
	return r;
}
