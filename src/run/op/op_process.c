/* SPDX-License-Identifier: MIT */
/*
 * op_process.c: fork, threads, exit: what a guest asks of the supervisor around the host's
 * clone and exit calls.
 *
 *   1  A child and its slot exist before the host's clone, so that it can speak at once.  If the
 *      clone fails, or the child is gone already, OP_FORK_DONE takes both back.
 *
 *   2  Numbers of slots that a guest names are only acted upon if they belong to its own process
 *      (threads) or to the child of this fork: a slot may have been given up and out again, to
 *      another child of the same parent, by the time that the parent names it; the serial tells
 *      them apart.
 *
 *   3  The number that a parent gives its child is not believed if the host says that it is
 *      another's: the number is what is killed when memory is short, and what may speak.
 */
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/base/task.h"
#include "run/fd/closer.h"
#include "run/fd/ctl.h"
#include "run/fd/fds.h"
#include "run/fd/life_pipe.h"
#include "run/file/files_leave.h"
#include "run/guest/death.h"
#include "run/guest/proc.h"
#include "run/guest/request.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"
#include "run/op/fork_lent.h"
#include "run/op/ops.h"
#include "run/wire/atomic.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

static int child_space(struct request *q, bool shared, struct space **out)
{
	if (!shared)
		return fork_space(q, out);
	*out = space_get(q->space);
	return 0;
}

/* Takes over the reference to space.  Slot, or NULL. */
static struct slot *child_create(struct request *q, struct space *space, bool shared)
{
	struct run *run = q->run;
	struct slot *slot = NULL;
	struct proc *child;

	pthread_mutex_lock(&run->lock);
	child = (run->free_slots || space->idle) && q->proc->state == PROC_ALIVE
		    ? proc_create_locked(run, q->proc)
		    : NULL;
	if (child) {
		child->space = space;
		child->vforked = shared;
		child->promised = PROC_FDS;
		space_enter_locked(space);
		slot = slot_alloc_locked(run, child, space);
		if (slot)
			slot->task.policy = q->slot->task.policy;
		q->v[0] = child->serial;
	}
	pthread_mutex_unlock(&run->lock);
	return slot;
}

static bool descriptors_left(struct run *run)
{
	bool left = fds_promise(run, PROC_FDS);

	if (!left && !__atomic_test_and_set(&run->said_no_fds, __ATOMIC_RELAXED))
		run_note(run,
			 "no descriptors for more processes: fork fails; more than %llu are needed "
			 "(ulimit -Hn)",
			 (unsigned long long)run->limits[RLIMIT_NOFILE].rlim_max);
	return left;
}

void op_fork(struct request *q)
{
	bool shared = q->a[0] & CLONE_VM;
	struct space *space;
	struct slot *slot;

	q->ret = descriptors_left(q->run) ? 0 : -EAGAIN;
	if (q->ret)
		return;
	q->ret = child_space(q, shared, &space);
	if (!q->ret) {
		slot = child_create(q, space, shared);
		q->ret = slot ? (int64_t)slot->index : -EAGAIN;
		if (!slot)
			space_put(space);
	}
	if (q->ret < 0)
		fds_settle(q->run, PROC_FDS);
}

/* The process of this serial in this slot if q's process made it, referenced. */
static struct proc *child_in_slot(struct request *q, uint64_t index, uint64_t serial)
{
	struct proc *p = NULL;

	if (index >= q->run->nr_slots)
		return NULL;
	p = q->run->slots[index].proc;
	if (!p || p->serial != serial || p->parent_serial != q->proc->serial)
		return NULL;
	return proc_get(p);
}

/*
 * Its number, or -errno, as its parent says.  False: there is no such child.  It may have been
 * killed and waited for before it spoke and before its number came here: then nothing else would
 * tell of its death while its parent lives.
 */
static bool child_exists_locked(struct proc *child, int64_t pid)
{
	bool there = pid > 0;

	if (there && pid <= INT32_MAX && child->state != PROC_DEAD)
		there = proc_set_pid(child, (pid_t)pid);
	return there || child->state != PROC_NEW || child->life >= 0;
}

void op_fork_done(struct request *q)
{
	struct run *run = q->run;
	struct proc *child;
	bool failed;

	q->ret = 0;
	if ((int64_t)q->a[1] > 0 && task_is_stranger((pid_t)q->a[1], q->proc->pid))
		return;
	pthread_mutex_lock(&run->lock);
	child = child_in_slot(q, q->a[0], q->a[2]);
	failed = child && !child_exists_locked(child, (int64_t)q->a[1]);
	pthread_mutex_unlock(&run->lock);
	if (failed)
		proc_died(child);
	if (child)
		proc_put(child);
}

/* Its death might not be noticed, and our end of its life pipe, lost on the way,
 * kills it anyway. */
static void refuse_child(struct request *q)
{
	run_say(q->run, "process %d: the descriptor of its life pipe is lost: killed",
		(int)q->proc->pid);
	if (q->slot->tid)
		kill(q->slot->tid, SIGKILL);
	proc_died(q->proc);
	q->ret = -EMFILE;
}

/*
 * G from the taking of the descriptor until the process has it.  A thread that looked in between,
 * because the parent has died, would find neither and take the child for dead.
 */
void op_child_start(struct request *q)
{
	pid_t tid = atomic_load(&q->slot->tid);
	struct proc *p = q->proc;
	int life, stale = -1;
	bool lost = false, again;

	/* The host's word for who it is counts more than the guest's. */
	tid = tid ? tid : (pid_t)q->a[0];
	pthread_mutex_lock(&q->run->lock);
	again = p->state == PROC_ALIVE;
	if (!again) {
		life = ctl_take(q->run, q->slot->index, q->a[1]);
		stale = proc_start_locked(p, tid, life < 0 ? -1 : life);
		lost = p->life < 0 && p->state != PROC_DEAD;
	}
	pthread_mutex_unlock(&q->run->lock);
	q->ret = again ? -EINVAL : 0;
	if (stale >= 0) {
		if (!lost && !life_hung_up(stale))
			run_say(q->run, "process %d was taken for dead; it is killed", (int)tid);
		close_later(q->run, stale);
	}
	if (lost)
		refuse_child(q);
	else if (q->space && atomic_load(&q->space->dontfork))
		windows_forget_unmapped(q);
}

void op_thread(struct request *q)
{
	struct run *run = q->run;
	struct slot *slot = NULL;

	pthread_mutex_lock(&run->lock);
	if (q->proc->state == PROC_ALIVE)
		slot = slot_alloc_locked(run, q->proc, q->space);
	if (slot) {
		slot->task.policy = q->slot->task.policy;
		q->proc->stats.threads++;
	}
	pthread_mutex_unlock(&run->lock);
	q->ret = slot ? (int64_t)slot->index : -EAGAIN;
}

void op_thread_done(struct request *q)
{
	struct run *run = q->run;
	struct slot *s = q->a[0] < run->nr_slots ? &run->slots[q->a[0]] : NULL;

	pthread_mutex_lock(&run->lock);
	if (s && s->proc == q->proc && !atomic_load(&s->started) && (int64_t)q->a[1] < 0)
		slot_retire_locked(s);
	pthread_mutex_unlock(&run->lock);
	q->ret = 0;
}

void op_thread_start(struct request *q)
{
	struct slot *s = q->slot;
	pid_t tid = (pid_t)q->a[0];

	pthread_mutex_lock(&s->lock);
	if (!s->tid && task_is_of(q->proc->pid, tid))
		atomic_store(&s->tid, tid);
	pthread_mutex_unlock(&s->lock);
	q->ret = 0;
}

/* The worker is attached: it frees the slot when it has answered. */
void op_thread_exit(struct request *q)
{
	struct run *run = q->run;

	pthread_mutex_lock(&run->lock);
	if (!q->slot->gone)
		slot_retire_locked(q->slot);
	pthread_mutex_unlock(&run->lock);
	q->ret = 0;
}

void op_exit(struct request *q)
{
	pthread_mutex_lock(&q->run->lock);
	q->proc->has_exit_status = true;
	q->proc->exit_status = (int)(q->a[0] & 0xff);
	pthread_mutex_unlock(&q->run->lock);
	q->ret = 0;
}
