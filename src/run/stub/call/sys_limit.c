/* SPDX-License-Identifier: MIT */
/*
 * sys_limit.c: resource limits.  Memory's are virtual (the supervisor keeps them); the host's
 * own would hit the stub.  All are handled as prlimit64.
 *
 * The hard limit of descriptors never falls below the numbers that are ours: a child that is forked
 * puts its own life pipe there, and a process that may not raise a hard limit could not do that any
 * more.
 */
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/resource.h>

static bool is_memorys(uint64_t resource)
{
	return resource == RLIMIT_AS || resource == RLIMIT_DATA || resource == RLIMIT_STACK ||
	       resource == RLIMIT_MEMLOCK;
}

static int64_t limit_call(struct call *c, uint64_t resource)
{
	int64_t r;

	if (!is_memorys(resource))
		return call_native(c);
	r = rpc(c->t, OP_SYSCALL, (uint64_t)c->nr, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4],
		c->a[5]);
	/* v[0]: the host's limit shall follow. */
	if (r == RUN_NATIVE || (r == 0 && c->t->answer->v[0]))
		return call_native(c);
	return r;
}

/* A copy in `keep` takes the new limits' place if they are too low. */
static void keep_descriptors(uint64_t pid, uint64_t *arg, struct rlimit64 *keep)
{
	uint64_t least = (uint64_t)RUN_FD(RUN_NR_FDS);
	struct rlimit64 old;

	if (!*arg || guest_read(keep, *arg, sizeof(*keep)) || keep->rlim_cur > keep->rlim_max ||
	    sys(__NR_prlimit64, pid, RLIMIT_NOFILE, NULL, &old))
		return;
	if (least > old.rlim_max)
		least = old.rlim_max;
	if (keep->rlim_max >= least)
		return;
	keep->rlim_max = least;
	*arg = sys_ptr(keep);
}

int64_t sys_getrlimit(struct call *c)
{
	return limit_call(c, (uint32_t)c->a[0]);
}

int64_t sys_setrlimit(struct call *c)
{
	struct rlimit64 keep;

	if ((uint32_t)c->a[0] == RLIMIT_NOFILE)
		keep_descriptors(0, &c->a[1], &keep);
	return limit_call(c, (uint32_t)c->a[0]);
}

int64_t sys_prlimit(struct call *c)
{
	struct rlimit64 keep;

	if ((uint32_t)c->a[1] == RLIMIT_NOFILE)
		keep_descriptors(c->a[0], &c->a[2], &keep);
	return limit_call(c, (uint32_t)c->a[1]);
}
