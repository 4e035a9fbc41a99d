/* SPDX-License-Identifier: MIT */
/*
 * oom_wait.c: memory that is on its way back because a process dies, is dead, or has executed
 * another program.  It is waited for before any process is killed for want of it.
 *
 * A death is told in many ways (wait, SIGCHLD, a pidfd, the end of a pipe), some of them before the
 * main thread has heard of it, and all before the memory is free.  A program that was told of a
 * death may count on the memory, and must find it.  Hence dying is
 *
 *   - a space that nobody is in any more and that is not taken apart yet (run->left, run->torn);
 *   - a process whose pidfd or life pipe tells of its end;
 *   - one whose threads are all on their way out, as the host says: descriptors are closed, and
 *     the ends of pipes told, before the process is a zombie;
 *   - one that was sent SIGKILL, by us or by anybody;
 *   - one in the midst of execve, which closes descriptors before the old space goes.
 *
 *   1  What dies now is waited for, not what dies later; and not for ever: a process may be stuck
 *      in the host, and where processes come and go all the time others may take it all.
 */
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/util.h"
#include "run/guest/death.h"
#include "run/guest/proc.h"
#include "run/guest/space.h"
#include "run/oom/holders.h"
#include "run/oom/oom.h"
#include "run/wire/atomic.h"

#include <signal.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEATH_SECONDS 10

/* ---- what the host says of a process ------------------------------------------- */

#define PF_EXITING 0x4ul /* proc_pid_stat(5), flags */

static bool is_leaving(const char *task)
{
	char path[64], text[1024];
	const char *p;
	unsigned long flags;

	snprintf(path, sizeof(path), "%s/stat", task);
	/* Gone since the directory was read; or the name's end is where the fields begin. */
	if (read_text(path, text, sizeof(text)) <= 0 || !(p = strrchr(text, ')')))
		return true;
	return sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 && (flags & PF_EXITING);
}

static bool has_sigkill(const char *task)
{
	char path[64], text[4096];
	const char *p;

	snprintf(path, sizeof(path), "%s/status", task);
	if (read_text(path, text, sizeof(text)) <= 0)
		return true;
	p = strstr(text, "SigPnd:");
	return p && (strtoull(p + 7, NULL, 16) & (1ull << (SIGKILL - 1)));
}

/* All its threads are, or will not run another instruction of it. */
static bool is_dying(pid_t pid)
{
	char dir[32], task[64];
	bool all = true;
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%d/task", (int)pid);
	d = opendir(dir);
	if (!d)
		return errno == ENOENT || errno == ESRCH;
	while (all && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(task, sizeof(task), "%s/%.20s", dir, e->d_name);
		all = is_leaving(task) || has_sigkill(task);
	}
	closedir(d);
	return all;
}

/* ---- who is dying --------------------------------------------------------------- */

#define MAX_PROCS 1024

struct dying {
	struct proc *proc;   /* referenced */
	struct space *space; /* that it is leaving; compared only */
	bool by_exec;
};

/* Who has a space to leave, referenced.  A vfork child leaves its parent's by execve, which frees
 * nothing. */
static unsigned list_locked(struct run *run, const struct space *mine, struct dying *out)
{
	unsigned n = 0;

	for (struct proc *p = run->procs; p && n < MAX_PROCS; p = p->next)
		if (p->space && (p->space != mine || p->oom_killed))
			out[n++] = (struct dying){proc_get(p), p->space, p->pending && !p->vforked};
	return n;
}

static bool leaves(const struct dying *d)
{
	return d->by_exec || atomic_load(&d->proc->oom_killed) || proc_is_gone(d->proc) ||
	       (d->proc->pid > 0 && is_dying(d->proc->pid));
}

/* Of all that live: those that are dying. */
static unsigned find_dying(struct run *run, const struct space *mine, struct dying *d)
{
	unsigned nr, n = 0;

	pthread_mutex_lock(&run->lock);
	nr = list_locked(run, mine, d);
	pthread_mutex_unlock(&run->lock);
	for (unsigned i = 0; i < nr; i++) {
		if (leaves(&d[i]))
			d[n++] = d[i];
		else
			proc_put(d[i].proc);
	}
	return n;
}

static bool has_left_locked(const struct dying *d)
{
	return d->proc->space != d->space || (d->by_exec && !d->proc->pending);
}

static bool all_left_locked(const struct dying *d, unsigned n)
{
	while (n && has_left_locked(&d[n - 1]))
		n--;
	return !n;
}

/* False: in vain. */
static bool wait_locked(struct run *run, const struct dying *d, unsigned n)
{
	struct timespec until;
	uint64_t left = 0;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DEATH_SECONDS;
	while (!err && !all_left_locked(d, n))
		err = pthread_cond_timedwait(&run->changed, &run->lock, &until);
	left = run->left;
	while (!err && run->torn < left)
		err = pthread_cond_timedwait(&run->changed, &run->lock, &until);
	return !err;
}

/* ---- waiting --------------------------------------------------------------------- */

/* When the request that this thread serves came here first; 0: it has not. */
static __thread uint64_t since;

/* And how often it was tried again since memory had come. */
static __thread unsigned tries;

#define MAX_TRIES 16

void oom_new_request(void)
{
	since = 0;
	tries = 0;
}

bool oom_take_try(void)
{
	return tries++ < MAX_TRIES;
}

/* Rule 1: others have taken, again and again, what it has waited for. */
static bool has_waited_enough(void)
{
	uint64_t now = run_now_ns();

	if (!since)
		since = now;
	return now - since > 2 * DEATH_SECONDS * 1000000000ull;
}

bool oom_wait(struct run *run, const struct space *mine, bool killed)
{
	struct dying *d = malloc(MAX_PROCS * sizeof(*d));
	unsigned n = d ? find_dying(run, mine, d) : 0;
	bool came = false;

	pthread_mutex_lock(&run->lock);
	if ((n || run->torn < run->left) && (killed || !has_waited_enough()))
		came = wait_locked(run, d, n);
	pthread_mutex_unlock(&run->lock);
	while (n)
		proc_put(d[--n].proc);
	free(d);
	return came;
}
