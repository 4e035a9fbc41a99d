/* SPDX-License-Identifier: MIT */
/*
 * life.c: the pipe that ties a process to the supervisor: its write end hangs up when the process
 * is gone, and the read end kills the process when the supervisor is gone.
 *
 *   1. The host sends the read end's signal if the process that armed it could have killed it then,
 *      by the user ids of both: those of the process as they are now, and those of the one that
 *      armed it as they were.  So it is armed again whenever they have changed.  The process's are
 *      its first thread's.
 */
#include "run/stub/life/life.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/spare.h"
#include "run/stub/base/stub.h"
#include "run/stub/link/rpc.h"
#include "run/stub/link/window_told.h"
#include "run/wire/atomic.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/poll.h>

static void arm(int fd)
{
	sys(__NR_fcntl, fd, F_SETOWN, sys(__NR_getpid));
	sys(__NR_fcntl, fd, F_SETSIG, SIGKILL);
	sys(__NR_fcntl, fd, F_SETFL, O_RDONLY | FASYNC);
}

/* Whoever let go of the write end before the read end was armed has sent no signal. */
static bool hung_up(int fd)
{
	struct pollfd p = {.fd = fd};

	return sys(__NR_poll, &p, 1, 0) > 0 && (p.revents & POLLHUP);
}

static int64_t renew(struct thread *t, uint64_t *token)
{
	int32_t p[2];
	int64_t r = sys(__NR_pipe2, p, 0);

	if (r)
		return r;
	*token = 16 + t->next_token++;
	r = rpc_send_fd_token(t, p[1], *token);
	sys(__NR_close, p[1]);
	arm(p[0]);
	if (r == 0 && hung_up(p[0]))
		r = -EPIPE;
	if (r == 0)
		r = sys(__NR_dup2, p[0], RUN_FD(RUN_FD_LIFE));
	sys(__NR_close, p[0]);
	return r < 0 ? r : 0;
}

static int64_t life_renew(struct thread *t, uint64_t *token)
{
	uint64_t soft = nofile_lift(); /* our numbers may lie above the guest's limit */
	int64_t r = renew(t, token);

	if (r == -EMFILE) {
		uint64_t same = spares_lend(t->proc);

		r = renew(t, token);
		spares_take_back(t->proc, same);
	}
	nofile_restore(soft);
	return r;
}

/* A process that has lost its supervisor was not told if that was before. */
void life_tie(void)
{
	int64_t pid = sys(__NR_getpid);

	sys(__NR_fcntl, RUN_FD(RUN_FD_LIFE), F_SETOWN, pid);
	if (hung_up(RUN_FD(RUN_FD_LIFE)))
		sys(__NR_kill, pid, SIGKILL);
}

void life_begin(struct thread *t)
{
	uint64_t token = 0;
	int64_t r;

	spares_after_fork(t->proc);
	r = life_renew(t, &token);

	/* The number goes on from the slot's last owner; ours have not begun. */
	t->service_seen = atomic_load(&t->answer->service_seq);
	if (r == 0)
		r = rpc(t, OP_CHILD_START, (uint64_t)t->tid, token);
	if (r == 0)
		windows_gone(t);
	if (r)
		die_error("a new process cannot make itself known to the supervisor", r);
}
