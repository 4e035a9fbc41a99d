/* SPDX-License-Identifier: MIT */
/*
 * op_exec.c: execve, around the host's own: checked before, a new address space after.
 *
 *   1  OP_EXEC_PREPARE gives every errno that execve can still return.
 *   2  What it noted (the names) is the process's pending_exec until the fresh stub says
 *      OP_EXEC_FILES or the old one OP_EXEC_ABORT.
 */
#include "quire/quire.h"
#include "run/fd/closer.h"
#include "run/fd/ctl.h"
#include "run/guest/proc.h"
#include "run/guest/request.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"
#include "run/op/elf.h"
#include "run/op/ops.h"
#include "run/wire/atomic.h"
#include "run/wire/proto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void set_pending(struct proc *p, struct pending_exec *pending)
{
	struct pending_exec *old;

	pthread_mutex_lock(&p->run->lock);
	old = p->pending;
	p->pending = pending;
	pthread_cond_broadcast(&p->run->changed); /* oom_wait.c */
	pthread_mutex_unlock(&p->run->lock);
	pending_free(old);
}

/* Two strings out of data[], copied first: the guest may write there meanwhile. */
static struct pending_exec *read_names(struct request *q)
{
	struct chan *c = q->slot->chan;
	char text[sizeof(c->data) + 2];
	size_t n;

	memcpy(text, c->data, sizeof(c->data));
	text[sizeof(c->data)] = text[sizeof(c->data) + 1] = 0;
	n = strlen(text);
	return pending_create(text, n < sizeof(c->data) ? text + n + 1 : "");
}

static int check_file(struct request *q, uint64_t token, bool interp)
{
	struct elf_image *e = malloc(sizeof(*e));
	int fd = ctl_take(q->run, q->slot->index, token), err;

	err = fd < 0 ? fd : !e ? -ENOMEM : elf_read(fd, interp, e);
	if (fd >= 0)
		close_later(q->run, fd);
	free(e);
	return err;
}

/*
 * The program gets a slot of its own: others may still be in the memory that maps this one's
 * channel (vfork's parent).  One that is not used after all is kept for the next time: another
 * thread may be about to execute something, too.
 */
static int64_t exec_slot(struct request *q)
{
	struct proc *p = q->proc;
	struct slot *s;

	pthread_mutex_lock(&q->run->lock);
	if (!p->exec_slot && p->state == PROC_ALIVE)
		p->exec_slot = slot_alloc_locked(q->run, p, NULL);
	s = p->exec_slot;
	if (s)
		s->task = q->slot->task;
	pthread_mutex_unlock(&q->run->lock);
	if (!s)
		return -EAGAIN;
	q->v[0] = s->index;
	return 0;
}

void op_exec_prepare(struct request *q)
{
	struct pending_exec *pending;

	q->ret = check_file(q, q->a[0], false);
	if (q->a[1]) {
		int err = check_file(q, q->a[1], true);

		q->ret = q->ret ? q->ret : err;
	}
	if (!q->ret)
		q->ret = exec_slot(q);
	if (q->ret)
		return;
	pending = read_names(q);
	if (pending)
		set_pending(q->proc, pending);
	else
		q->ret = -ENOMEM;
}

void op_exec_abort(struct request *q)
{
	set_pending(q->proc, NULL);
	q->ret = 0;
}

static void take_names(struct proc *p)
{
	pthread_mutex_lock(&p->run->lock);
	if (p->pending) {
		proc_set_names(p, p->pending->path, p->pending->comm);
		pending_free(p->pending);
		p->pending = NULL;
	}
	pthread_mutex_unlock(&p->run->lock);
}

/* The first process has no space and has not started; any other leaves the one it was in. */
void op_exec_files(struct request *q)
{
	pid_t tid = atomic_load(&q->slot->tid);
	struct space *space;
	struct rlimit rlim[QUIRE_NR_RLIMITS];

	pthread_mutex_lock(&q->run->lock);
	memcpy(rlim, q->proc->rlim, sizeof(rlim));
	pthread_mutex_unlock(&q->run->lock);
	q->ret = space_create(q->run, rlim, &space);
	if (q->ret)
		return;
	ctl_forget(q->run, q->slot->index);
	if (!q->proc->space)
		proc_start(q->proc, tid ? tid : (pid_t)q->a[0], -1);
	else
		slot_set_leader(q->slot);
	proc_replace_space(q->proc, q->slot, space);
	take_names(q->proc);
	q->space = space;
	space_put(space);
}
