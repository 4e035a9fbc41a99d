/* SPDX-License-Identifier: MIT */
/*
 * thread.c: new threads, and processes that share their parent's memory (vfork, posix_spawn).
 *
 * Both run on a thread area of their own.  The child starts by leaving through a copy of
 * the parent's signal frame, and so has all of its registers, vectors included.
 * All signals are blocked until then; and the virtual ones as well until the child has its own
 * alternate stack, for vfork's has its parent's, on which the parent's frames are.
 */
#include "run/stub/life/thread.h"

#include "run/stub/base/area.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/window_cache.h"
#include "run/stub/life/enter.h"
#include "run/stub/life/fork.h"
#include "run/stub/life/life.h"
#include "run/stub/life/start.h"
#include "run/stub/link/chan.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/mem/touch.h"
#include "run/stub/signal/sigframe.h"
#include "run/stub/signal/signal.h"
#include "run/wire/atomic.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <linux/sched.h>
#include <linux/signal.h>

#define CLONE_TRIES 4

/* The child's struct and the frame it leaves through.  NULL: no memory. */
static struct thread *prepare_child(struct call *c, uint64_t slot, struct ucontext **frame)
{
	struct thread *t = c->t, *child = area_alloc();
	uint64_t flags = c->a[0];

	if (!child)
		return NULL;
	if (!chan_map(child, (uint32_t)slot)) {
		area_free(child);
		return NULL;
	}
	child->proc = t->proc;
	child->mask = t->mask;
	child->no_new_privs = t->no_new_privs;
	child->no_tsc = t->no_tsc;
	child->fd_table = t->fd_table;
	if (!(flags & CLONE_FILES))
		fd_table_take_new(child);
	child->alt_flags = SS_DISABLE;
	if ((flags & CLONE_VFORK) && !(flags & CLONE_THREAD)) {
		child->alt_sp = t->alt_sp;
		child->alt_size = t->alt_size;
		child->alt_flags = t->alt_flags;
	}
	child->clear_tid = flags & CLONE_CHILD_CLEARTID ? c->a[3] : 0;
	child->start.settid = flags & CLONE_CHILD_SETTID ? c->a[3] : 0;
	child->start.parent_settid = flags & CLONE_PARENT_SETTID ? c->a[2] : 0;
	child->start.process = !(flags & CLONE_THREAD);
	*frame = frame_copy(child, c->uc);
	(*frame)->uc_mcontext.rax = 0;
	if (c->a[1])
		(*frame)->uc_mcontext.rsp = c->a[1];
	(*frame)->uc_sigmask = host_mask(child->mask);
	return child;
}

static int64_t clone_deaf(struct call *c, struct thread *child, struct ucontext *frame)
{
	uint64_t flags = c->a[0] & ~(uint64_t)(CLONE_CHILD_SETTID | CLONE_DETACHED);
	uint64_t all = HOST_DEAF, old;
	int64_t r;

	sys(__NR_rt_sigprocmask, SIG_SETMASK, &all, &old, 8);
	r = clone_leave(flags | CLONE_CHILD_CLEARTID, (uint32_t *)c->a[2], &child->host_tid,
			c->a[4], frame);
	host_set_mask(old);
	return r;
}

/*
 * The parent's word must be there before either goes on: the host writes it if it can.
 * Another thread's flush may take it away just then.
 */
static int64_t clone_host(struct call *c, struct thread *child, struct ucontext *frame)
{
	int64_t r = -EFAULT;

	for (int i = 0; i < CLONE_TRIES && r == -EFAULT; i++) {
		if (c->a[0] & (CLONE_PARENT_SETTID | CLONE_PIDFD))
			touch_range(c->t, c->a[2], 4, TOUCH_WRITE);
		r = clone_deaf(c, child, frame);
	}
	return r;
}

/* `op` asks for the child's slot, `done` says what became of it. */
static int64_t start_child(struct call *c, uint32_t op, uint32_t done, bool process)
{
	struct ucontext *frame;
	struct thread *child;
	int64_t slot = rpc(c->t, op, c->a[0]), r;
	uint64_t serial = c->t->answer->v[0]; /* of a process */

	if (slot < 0)
		return slot;
	child = prepare_child(c, (uint64_t)slot, &frame);
	if (child && process) {
		child->own = *c->t->proc;
		child->own.lock = 0;
		memset(&child->own.held, 0, sizeof(child->own.held));
		child->proc = &child->own;
	}
	r = child ? clone_host(c, child, frame) : -ENOMEM;
	if (r < 0 && child)
		area_free(child);
	rpc(c->t, done, (uint64_t)slot, (uint64_t)r, serial);
	return r;
}

static int64_t thread_create(struct call *c)
{
	return start_child(c, OP_THREAD, OP_THREAD_DONE, false);
}

/* A process in the same memory: dispositions of its own, as they are now. */
static int64_t spawn(struct call *c)
{
	return start_child(c, OP_FORK, OP_FORK_DONE, true);
}

/* The first C function of a child of clone_host(), on its own stack, in its own thread. */
void child_main(struct ucontext *uc)
{
	struct thread *t = thread_self();
	int64_t r = 0;

	(void)uc;
	t->tid = (int32_t)sys(__NR_gettid);
	atomic_store(&t->host_tid, (uint32_t)t->tid);
	thread_set_altstack(t);
	host_set_mask(HOST_ALL_BLOCKED);
	if (t->start.process)
		life_begin(t);
	else
		r = rpc(t, OP_THREAD_START, (uint64_t)t->tid);
	if (r)
		die_error("a new thread cannot make itself known to the supervisor", r);
	if (t->start.parent_settid)
		guest_store32(t->start.parent_settid, (uint32_t)t->tid);
	if (t->start.settid)
		guest_store32(t->start.settid, (uint32_t)t->tid);
}

static int64_t check_flags(struct call *c)
{
	uint64_t flags = c->a[0];

	if (flags & (CLONE_NEWPID | CLONE_PTRACE))
		return call_refuse(c, EPERM, flags & (CLONE_NEWPID | CLONE_PTRACE));
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID))
		return -EINVAL; /* one word for both */
	if (flags & CLONE_THREAD)
		return 0;
	/* Each process must have dispositions and a life pipe of its own. */
	if (flags & (CLONE_SIGHAND | CLONE_FILES))
		return call_refuse(c, EINVAL, flags & (CLONE_SIGHAND | CLONE_FILES));
	return 0;
}

int64_t sys_clone(struct call *c)
{
	int64_t r = check_flags(c);

	if (r)
		return r;
	if (c->a[0] & CLONE_THREAD)
		return thread_create(c);
	return c->a[0] & CLONE_VM ? spawn(c) : fork_process(c);
}

int64_t sys_vfork(struct call *c)
{
	memset(c->a, 0, sizeof(c->a));
	c->a[0] = CLONE_VFORK | CLONE_VM | SIGCHLD;
	return spawn(c);
}
