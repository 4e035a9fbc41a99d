/* SPDX-License-Identifier: MIT */
/*
 * kick.c: which thread kicks, and for which slot.
 *
 * Slot and turn of a kick are what the guest says; the thread that kicks is what the host says.
 *
 *   1  A kick whose turn is not the slot's is late: what it was about has been answered, and the
 *      slot may be another's (the kicker was on its last request).
 *   2  One whose turn is the slot's comes from the slot's own thread, for nobody else has stored
 *      that turn: a kicker of another process is a guest that lies, or one that we took for dead,
 *      and is killed.
 */
#include "run/link/kick.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/base/task.h"
#include "run/fd/ctl.h"
#include "run/guest/proc.h"
#include "run/guest/slot.h"
#include "run/wire/atomic.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From the listener.  False: there will be none any more. */
static bool receive_notif(struct run *run, struct kick *k)
{
	int listener = atomic_load(&run->listener);
	struct seccomp_notif n;
	struct pollfd p;

	memset(&n, 0, sizeof(n));
	if (!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n)) {
		k->index = n.data.args[0] < UINT32_MAX ? (uint32_t)n.data.args[0] : UINT32_MAX;
		k->turn = (uint32_t)n.data.args[1];
		k->tid = (pid_t)n.pid;
		k->notif = n.id;
		return true;
	}
	/* ENOENT: killed before we saw it, or no task has the filter any more. */
	p = (struct pollfd){.fd = listener, .events = POLLIN};
	return !(poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)));
}

bool kick_receive(struct run *run, struct kick *k)
{
	*k = (struct kick){.index = UINT32_MAX};
	if (atomic_load(&run->listener) >= 0)
		return receive_notif(run, k);
	k->index = (uint32_t)ctl_wait_kick(run);
	return true;
}

static bool lives(int pidfd)
{
	struct pollfd fd = {.fd = pidfd, .events = POLLIN};

	return pidfd >= 0 && poll(&fd, 1, 0) == 0;
}

/* It is the number of another process that has spoken, and lives. */
static bool known_locked(struct run *run, const struct proc *except, pid_t pid)
{
	unsigned left = run->nr_live;

	for (struct proc *p = run->last_proc; p && left; p = p->prev) {
		if (p->state == PROC_DEAD)
			continue;
		left--;
		if (p != except && p->pid == pid && lives(p->pidfd))
			return true;
	}
	return false;
}

/* Until a child's number is known, it is whoever is a process and not known as another. */
static bool belongs_locked(struct run *run, const struct proc *p, pid_t tid)
{
	if (p->pid)
		return task_is_of(p->pid, tid);
	return task_is_of(tid, tid) && !known_locked(run, p, tid);
}

/* While the notification is valid, so is the number of the thread that waits for its answer. */
static void kill_kicker(struct run *run, const struct kick *k)
{
	pid_t pid = task_process(k->tid);
	int fd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	uint64_t id = k->notif;

	if (fd < 0)
		return;
	if (!ioctl(atomic_load(&run->listener), SECCOMP_IOCTL_NOTIF_ID_VALID, &id)) {
		run_say(run, "process %d uses a channel that is not its own: killed", (int)pid);
		syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	}
	close(fd);
}

bool kick_check(struct run *run, struct slot *s, const struct kick *k)
{
	bool late, ours;

	if (!k->notif)
		return true;
	if (atomic_load(&s->chan->turn) == k->turn && atomic_load(&s->tid) == k->tid)
		return true;
	pthread_mutex_lock(&run->lock);
	late = atomic_load(&s->chan->turn) != k->turn;
	ours = !late && s->proc && belongs_locked(run, s->proc, k->tid);
	pthread_mutex_unlock(&run->lock);
	if (!late && !ours)
		kill_kicker(run, k);
	return ours;
}
