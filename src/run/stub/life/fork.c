/* SPDX-License-Identifier: MIT */
/*
 * fork.c: fork: the supervisor copies the address space, the host copies the process.
 *
 * The child starts with the parent's host mappings, which are not its own any more: it unmaps
 * them all before anything else.  (Between the two copies the parent's other threads may
 * have written; the child sees what the supervisor's copy saw.)
 *
 * Until it has its own channel no signal may come, SIGBUS included: what it looks at would be its
 * parent's, and a flush asked of the parent would be taken as done.
 */
#include "run/stub/life/fork.h"

#include "run/stub/base/area.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/lent.h"
#include "run/stub/fill/windows.h"
#include "run/stub/guard/proc_fds.h"
#include "run/stub/life/life.h"
#include "run/stub/link/chan.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/mem/touch.h"
#include "run/stub/signal/held.h"
#include "run/stub/signal/signal.h"
#include "run/wire/addresses.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <linux/sched.h>

static void child(struct call *c, uint64_t slot)
{
	struct thread *t = c->t;
	uint64_t flags = c->a[0];

	chans_after_fork();
	if (!chan_map(t, (uint32_t)slot))
		die("no memory for the channel of a new process");
	areas_after_fork(t);
	/* Pending signals, timers and robust lists are not inherited. */
	t->pending = 0;
	held_after_fork(t);
	host_set_mask(HOST_ALL_BLOCKED);
	sys(__NR_munmap, 0, GUEST_TASK_SIZE);
	windows_after_fork();
	t->tid = (int32_t)sys(__NR_gettid);
	t->host_tid = (uint32_t)t->tid;
	sys(__NR_set_tid_address, &t->host_tid);
	t->proc->lock = 0;
	proc_fds_unlock();
	t->robust_head = 0;
	t->clear_tid = flags & CLONE_CHILD_CLEARTID ? c->a[3] : 0;
	life_begin(t);
	if (flags & CLONE_CHILD_SETTID)
		guest_store32(c->a[3], (uint32_t)t->tid);
	if (c->a[1])
		c->uc->uc_mcontext.rsp = c->a[1];
	host_set_mask(host_mask(t->mask));
}

int64_t fork_process(struct call *c)
{
	uint64_t all = HOST_DEAF, old, host_flags;
	uint64_t pidfd_to = c->a[0] & CLONE_PIDFD ? c->a[2] : 0;
	int32_t pidfd = -1;
	uint64_t serial, lent;
	int64_t slot, r;

	if (pidfd_to && !touch_range(c->t, pidfd_to, 4, TOUCH_WRITE))
		return -EFAULT;
	windows_lock_take();
	lent = lent_fork_begin(c->t, (uint64_t(*)[2])(void *)c->t->chan->data,
			       sizeof(c->t->chan->data) / 16);
	slot = rpc(c->t, OP_FORK, c->a[0], lent);
	lent_fork_end();
	serial = c->t->answer->v[0];
	if (slot < 0) {
		windows_lock_drop();
		return slot;
	}
	host_flags =
	    c->a[0] & ~(uint64_t)(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID);
	proc_fds_lock();
	sys(__NR_rt_sigprocmask, SIG_SETMASK, &all, &old, 8);
	/* Not into the guest's word: its page is copy-on-write by now. */
	r = sys(__NR_clone, host_flags, 0, &pidfd, 0, c->a[4]);
	if (r == 0) {
		child(c, (uint64_t)slot);
		return 0;
	}
	windows_lock_drop();
	host_set_mask(old);
	proc_fds_unlock();
	rpc(c->t, OP_FORK_DONE, (uint64_t)slot, (uint64_t)r, serial);
	if (r > 0 && (c->a[0] & CLONE_PARENT_SETTID))
		guest_store32(c->a[2], (uint32_t)r);
	if (r > 0 && pidfd_to)
		guest_store32(pidfd_to, (uint32_t)pidfd);
	return r;
}

int64_t sys_fork(struct call *c)
{
	memset(c->a, 0, sizeof(c->a));
	c->a[0] = SIGCHLD;
	return fork_process(c);
}
