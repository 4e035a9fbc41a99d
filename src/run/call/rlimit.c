/* SPDX-License-Identifier: MIT */
/*
 * rlimit.c: the limits that are memory's: AS, DATA, STACK, MEMLOCK.
 *
 * They hold for the guest's address space, not for the host process, which needs room for fills;
 * so the process's own (proc->rlim, under G) are the truth, inherited by fork, kept over exec.
 */
#include "quire/quire.h"
#include "run/call/memsys.h"
#include "run/file/guest_mem.h"
#include "run/guest/creds.h"
#include "run/guest/proc.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/requests.h"

#include <errno.h>

static int which(uint64_t resource)
{
	switch (resource) {
	case RLIMIT_AS:
		return QUIRE_RLIMIT_AS;
	case RLIMIT_DATA:
		return QUIRE_RLIMIT_DATA;
	case RLIMIT_STACK:
		return QUIRE_RLIMIT_STACK;
	case RLIMIT_MEMLOCK:
		return QUIRE_RLIMIT_MEMLOCK;
	default:
		return -1;
	}
}

static int64_t put(struct request *q, uint64_t to, const struct rlimit *r)
{
	return guest_write(q->space, to, r, sizeof(*r)) == sizeof(*r) ? 0 : -EFAULT;
}

static int64_t set(struct request *q, struct proc *p, struct space *space, int i,
		   const struct rlimit *r)
{
	if (r->rlim_cur > r->rlim_max)
		return -EINVAL;
	if (r->rlim_max > proc_limit(p, i).rlim_max && !caller_capable(q, CAP_SYS_RESOURCE))
		return -EPERM;
	pthread_mutex_lock(&q->run->lock);
	p->rlim[i] = *r;
	pthread_mutex_unlock(&q->run->lock);
	space_limit(space, i, r);
	return 0;
}

/* The new limits hold though the old ones cannot be told, as on the host. */
static int64_t change(struct request *q, struct proc *p, struct space *space, int i, uint64_t from,
		      uint64_t old)
{
	struct rlimit r, was = proc_limit(p, i);
	int64_t err = 0;

	if (from && guest_read(q->space, from, &r, sizeof(r)) != sizeof(r))
		return -EFAULT;
	if (from)
		err = set(q, p, space, i, &r);
	/* The stack's also decides how long argv may be, which the host checks. */
	q->v[0] = !err && from && i == QUIRE_RLIMIT_STACK && p == q->proc;
	return !err && old ? put(q, old, &was) : err;
}

/* prlimit(2): the limits of another process. */
static bool may_limit(const struct request *q, const struct proc *other)
{
	struct creds c, o;

	return creds_caller(q, &c) && creds_read(other->pid, other->pid, &o) &&
	       (creds_same_user(&c, &o, false) || creds_capable_over(&c, &o, CAP_SYS_RESOURCE));
}

int64_t sys_getrlimit(struct request *q)
{
	int i = which((uint32_t)q->a[1]);

	struct rlimit r;

	if (i < 0)
		return RUN_NATIVE;
	r = proc_limit(q->proc, i);
	return put(q, q->a[2], &r);
}

int64_t sys_setrlimit(struct request *q)
{
	int i = which((uint32_t)q->a[1]);

	if (i >= 0 && !q->a[2])
		return -EFAULT;
	return i < 0 ? RUN_NATIVE : change(q, q->proc, q->space, i, q->a[2], 0);
}

int64_t sys_prlimit(struct request *q)
{
	int i = which((uint32_t)q->a[2]);
	pid_t pid = (pid_t)q->a[1];
	struct space *space;
	struct proc *p;
	int64_t err;

	if (i < 0)
		return RUN_NATIVE;
	if (!pid || pid == q->proc->pid)
		return change(q, q->proc, q->space, i, q->a[3], q->a[4]);
	p = proc_find(q->run, pid, &space);
	if (!p)
		return RUN_NATIVE;
	err = p == q->proc || may_limit(q, p) ? change(q, p, space, i, q->a[3], q->a[4]) : -EPERM;
	proc_put(p);
	space_put(space);
	return err;
}
