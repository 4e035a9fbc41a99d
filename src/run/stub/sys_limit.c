/* SPDX-License-Identifier: MIT */
/*
 * sys_limit.c: resource limits.  Memory's are virtual (the supervisor keeps them); the host's
 * own would hit the stub.  All are handled as prlimit64.
 */
#include "probe.h"
#include "table.h"

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
	if (r == RUN_NATIVE || (r == 0 && c->t->chan->v[0]))
		return call_native(c);
	return r;
}

int64_t sys_getrlimit(struct call *c)
{
	return limit_call(c, (uint32_t)c->a[0]);
}

int64_t sys_setrlimit(struct call *c)
{
	return limit_call(c, (uint32_t)c->a[0]);
}

int64_t sys_prlimit(struct call *c)
{
	return limit_call(c, (uint32_t)c->a[1]);
}
