/* SPDX-License-Identifier: MIT */
/*
 * rlimit.c: the limits that are memory's: AS, DATA, STACK, MEMLOCK.
 *
 * They hold for the guest's address space, not for the host process, which needs room for fills;
 * so the process's own (proc->rlim, under G) are the truth, inherited by fork, kept over exec.
 */
#include "run/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_SYS_RESOURCE 24

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

static bool may_raise(pid_t pid)
{
	char path[40], text[4096];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (read_text(path, text, sizeof(text)) <= 0 || !(p = strstr(text, "CapEff:")))
		return false;
	return strtoull(p + 7, NULL, 16) >> CAP_SYS_RESOURCE & 1;
}

static int64_t get(struct request *q, struct proc *p, int i, uint64_t to)
{
	struct rlimit r;

	pthread_mutex_lock(&q->run->lock);
	r = p->rlim[i];
	pthread_mutex_unlock(&q->run->lock);
	return guest_write(q->space, to, &r, sizeof(r)) == sizeof(r) ? 0 : -EFAULT;
}

static int64_t set(struct request *q, struct proc *p, struct space *space, int i,
		   const struct rlimit *r)
{
	int64_t err = 0;

	if (r->rlim_cur > r->rlim_max)
		return -EINVAL;
	if (r->rlim_max > p->rlim[i].rlim_max && !may_raise(q->proc->pid))
		return -EPERM;
	pthread_mutex_lock(&q->run->lock);
	p->rlim[i] = *r;
	pthread_mutex_unlock(&q->run->lock);
	quire_mm_set_rlimit(space->mm, (enum quire_rlimit)i, r->rlim_cur);
	return err;
}

static int64_t change(struct request *q, struct proc *p, struct space *space, int i, uint64_t from,
		      uint64_t old)
{
	struct rlimit r;
	int64_t err = 0;

	if (from && guest_read(q->space, from, &r, sizeof(r)) != sizeof(r))
		return -EFAULT;
	if (old)
		err = get(q, p, i, old);
	if (!err && from)
		err = set(q, p, space, i, &r);
	/* The stack's also decides how long argv may be, which the host checks. */
	q->v[0] = !err && from && i == QUIRE_RLIMIT_STACK && p == q->proc;
	return err;
}

int64_t sys_getrlimit(struct request *q)
{
	int i = which((uint32_t)q->a[1]);

	return i < 0 ? RUN_NATIVE : get(q, q->proc, i, q->a[2]);
}

int64_t sys_setrlimit(struct request *q)
{
	int i = which((uint32_t)q->a[1]);

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
	err = change(q, p, space, i, q->a[3], q->a[4]);
	proc_put(p);
	space_put(space);
	return err;
}
