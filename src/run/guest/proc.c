/* SPDX-License-Identifier: MIT */
/*
 * proc.c: guest processes: birth, exec, and finding them; death.c has their end.
 *
 *   NEW ──it speaks──> ALIVE ──its life pipe or pidfd──> DEAD ──> a sum in run->folded
 *    └──────── the fork failed, the child was killed ──────┘
 *
 * Owns run->procs (in order of birth) and the counters of it, under G.
 *
 *   1  A process that is NEW or ALIVE has a space and is one of its users; a DEAD one has none.
 *   2  Dead processes stay listed for the report, RUN_MAX_DEAD of them; older ones are summed up.
 */
#include "run/guest/proc.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/util.h"
#include "run/fd/closer.h"
#include "run/fd/fds.h"
#include "run/fd/life_pipe.h"
#include "run/guest/account.h"
#include "run/guest/death.h"
#include "run/guest/peak.h"
#include "run/guest/reaper.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"
#include "run/wire/atomic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

struct pending_exec *pending_create(const char *path, const char *comm)
{
	struct pending_exec *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->path = strdup(path);
	if (!p->path) {
		free(p);
		return NULL;
	}
	strncpy(p->comm, comm, sizeof(p->comm) - 1);
	return p;
}

void pending_free(struct pending_exec *p)
{
	if (!p)
		return;
	free(p->path);
	free(p);
}

struct proc *proc_get(struct proc *p)
{
	atomic_add(&p->refs, 1);
	return p;
}

void proc_put(struct proc *p)
{
	if (atomic_add(&p->refs, (uint32_t)-1))
		return;
	pending_free(p->pending);
	for (unsigned i = 0; i < p->nr_refusals; i++)
		free(p->refusals[i].why);
	free(p->refusals);
	free(p->exe);
	free(p);
}

static void list_append(struct run *run, struct proc *p)
{
	p->prev = run->last_proc;
	if (p->prev)
		p->prev->next = p;
	else
		run->procs = p;
	run->last_proc = p;
}

static void list_remove(struct run *run, struct proc *p)
{
	if (p->prev)
		p->prev->next = p->next;
	else
		run->procs = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		run->last_proc = p->prev;
}

static void inherit(struct proc *p, struct proc *parent)
{
	p->parent_serial = parent->serial;
	p->ppid = parent->pid;
	memcpy(p->comm, parent->comm, sizeof(p->comm));
	memcpy(p->cmdline, parent->cmdline, sizeof(p->cmdline));
	memcpy(p->rlim, parent->rlim, sizeof(p->rlim));
	p->exe = parent->exe ? strdup(parent->exe) : NULL;
}

struct proc *proc_create_locked(struct run *run, struct proc *parent)
{
	struct proc *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->run = run;
	p->refs = 1;
	p->serial = ++run->next_serial;
	p->pidfd = p->life = -1;
	p->born_ns = run_now_ns();
	if (parent)
		inherit(p, parent);
	list_append(run, p);
	run->nr_new++;
	if (++run->nr_live > run->peak_procs)
		run->peak_procs = run->nr_live;
	return p;
}

bool proc_set_pid(struct proc *p, pid_t pid)
{
	bool gone, came;
	int fd;

	if (pid <= 0 || p->pidfd >= 0)
		return true;
	fds_lend(p->run);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	gone = fd < 0 && errno == ESRCH;
	came = fd >= 0 && p->promised;
	p->promised -= came;
	fds_take_back(p->run, came);
	if (gone)
		return false;
	p->pid = pid;
	p->pidfd = fd;
	if (fd >= 0)
		death_watch(p->run, p, fd, EPOLLIN);
	return true;
}

/* Our end of its life pipe is its own now; returned if it is not wanted, else -1. */
static int adopt_life_locked(struct proc *p, int life)
{
	if (p->life >= 0 || p->state == PROC_DEAD)
		return life;
	if (life >= 0) {
		if (!life_is_pipe(life) || death_watch(p->run, p, life, 0))
			return life;
		p->life = life;
		if (p->promised)
			fds_settle(p->run, 1);
		p->promised -= p->promised > 0;
	}
	return -1;
}

int proc_start_locked(struct proc *p, pid_t pid, int life)
{
	int stale;

	if (p->state == PROC_NEW) {
		p->state = PROC_ALIVE;
		p->run->nr_new--;
	}
	stale = adopt_life_locked(p, life);
	if (p->state == PROC_ALIVE)
		proc_set_pid(p, pid);
	return stale;
}

void proc_start(struct proc *p, pid_t pid, int life)
{
	int stale;

	pthread_mutex_lock(&p->run->lock);
	stale = proc_start_locked(p, pid, life);
	pthread_mutex_unlock(&p->run->lock);
	if (stale >= 0)
		close_later(p->run, stale);
}

void proc_set_names(struct proc *p, const char *exe, const char *comm)
{
	char *copy = strdup(exe);

	if (!copy)
		return;
	free(p->exe);
	p->exe = copy;
	memset(p->comm, 0, sizeof(p->comm));
	strncpy(p->comm, comm, sizeof(p->comm) - 1);
}

struct rlimit proc_limit(struct proc *p, int i)
{
	struct rlimit r;

	pthread_mutex_lock(&p->run->lock);
	r = p->rlim[i];
	pthread_mutex_unlock(&p->run->lock);
	return r;
}

/* Oldest dead processes become sums. */
void procs_fold_locked(struct run *run)
{
	for (struct proc *p = run->procs, *next; p && run->nr_dead > RUN_MAX_DEAD; p = next) {
		next = p->next;
		if (p->state != PROC_DEAD || p->serial == 1 || p->reap_space || p->life >= 0)
			continue;
		list_remove(run, p);
		run->nr_dead--;
		run->nr_folded++;
		stats_add(run->folded, &p->stats);
		proc_put(p);
	}
}

void proc_replace_space(struct proc *p, struct slot *keep, struct space *space)
{
	struct run *run = p->run;
	struct space *old;
	bool last = false;

	pthread_mutex_lock(&run->lock);
	for (struct slot *s = p->slots, *next; s; s = next) {
		next = s->next;
		if (s != keep)
			slot_retire_locked(s);
	}
	if (p->exec_slot == keep)
		p->exec_slot = NULL;
	old = p->space;
	if (p->state != PROC_DEAD) {
		p->space = space_get(space);
		space_enter_locked(space);
		last = old && space_leave_locked(old);
		p->vforked = false;
		p->stats.execs++;
	} else {
		old = NULL;
	}
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	slot_set_space(keep, space);
	if (last)
		space_absorb(p, old);
	if (old)
		space_put(old);
}

static bool has_thread(struct proc *p, pid_t tid)
{
	for (struct slot *s = p->slots; s; s = s->next) {
		if (atomic_load(&s->tid) == tid)
			return true;
	}
	return p->pid == tid;
}

struct proc *proc_find(struct run *run, pid_t pid, struct space **space)
{
	struct proc *p;

	pthread_mutex_lock(&run->lock);
	for (p = run->procs; p; p = p->next) {
		if (p->state != PROC_DEAD && has_thread(p, pid))
			break;
	}
	if (p && proc_is_gone(p))
		p = NULL; /* a zombie has no memory */
	if (p) {
		proc_get(p);
		*space = space_get(p->space);
	}
	pthread_mutex_unlock(&run->lock);
	return p;
}

int procs_create(struct run *run)
{
	run->folded = calloc(1, sizeof(*run->folded));
	run->peak = calloc(1, sizeof(*run->peak));
	return run->folded && run->peak ? 0 : -ENOMEM;
}

void procs_destroy(struct run *run)
{
	while (run->procs) {
		struct proc *p = run->procs;

		list_remove(run, p);
		proc_put(p);
	}
}
