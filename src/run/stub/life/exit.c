/* SPDX-License-Identifier: MIT */
/*
 * exit.c: the end of a thread, and of a process.
 *
 * What the kernel does in the guest's memory when a thread ends is done here, by probes, while
 * the stub still runs: robust futexes, the cleared thread id and its wake.
 */
#include "run/stub/base/layout.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/call/sys_futex.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/signal/signal.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

int64_t sys_exit(struct call *c)
{
	struct thread *t = c->t;

	host_set_mask(HOST_ALL_BLOCKED);
	/* A signal to the process that this thread has taken must not go with it. */
	if (t->pending)
		return RESTART;
	robust_list_exit(t);
	if (t->clear_tid && guest_store32(t->clear_tid, 0) == 0)
		futex_wake_guest(t, t->clear_tid, 1);
	/* The channel may be another process's before the answer is seen:
	 * what it asks is not ours. */
	host_set_mask(HOST_DEAF);
	rpc(t, OP_THREAD_EXIT);
	for (;;)
		sys(__NR_exit, c->a[0]);
}

int64_t sys_exit_group(struct call *c)
{
	host_set_mask(HOST_ALL_BLOCKED);
	robust_list_exit(c->t);
	rpc(c->t, OP_EXIT, c->a[0]);
	for (;;)
		sys(__NR_exit_group, c->a[0]);
}
