/* SPDX-License-Identifier: MIT */
/*
 * life.c: the pipe that ties a process to the supervisor: its write end hangs up when the process
 * is gone, and the read end kills the process when the supervisor is gone.
 */
#include "stub.h"

#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/resource.h>

#ifndef O_ASYNC
#define O_ASYNC 020000
#endif

static void arm(int fd)
{
	sys(__NR_fcntl, fd, F_SETOWN, sys(__NR_getpid));
	sys(__NR_fcntl, fd, F_SETSIG, SIGKILL);
	sys(__NR_fcntl, fd, F_SETFL, O_RDONLY | O_ASYNC);
}

/* Whoever let go of the write end before the read end was armed has sent no signal. */
static bool hung_up(int fd)
{
	struct pollfd p = {.fd = fd};

	return sys(__NR_poll, &p, 1, 0) > 0 && (p.revents & POLLHUP);
}

/* The guest may have lowered its limit below our numbers, or have used up all below it. */
static bool limit_is_low(const struct rlimit64 *old)
{
	return old->rlim_cur < (uint64_t)RUN_FD(RUN_NR_FDS);
}

static bool lift_limit(const struct rlimit64 *old)
{
	struct rlimit64 high = *old;
	uint64_t need = (uint64_t)RUN_FD(RUN_NR_FDS) + LIFE_FDS;

	high.rlim_cur += LIFE_FDS;
	if (high.rlim_cur < need)
		high.rlim_cur = need;
	if (high.rlim_max < high.rlim_cur)
		high.rlim_max = high.rlim_cur;
	return sys(__NR_prlimit64, 0, RLIMIT_NOFILE, &high, NULL) == 0;
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
	struct rlimit64 old;
	bool lifted;
	int64_t r;

	if (sys(__NR_prlimit64, 0, RLIMIT_NOFILE, NULL, &old))
		return renew(t, token);
	lifted = limit_is_low(&old) && lift_limit(&old);
	r = renew(t, token);
	if (r == -EMFILE && !lifted) {
		lifted = lift_limit(&old);
		r = renew(t, token);
	}
	if (lifted)
		sys(__NR_prlimit64, 0, RLIMIT_NOFILE, &old, NULL);
	return r;
}

void life_begin(struct thread *t)
{
	uint64_t token = 0;
	int64_t r = life_renew(t, &token);

	/* The number goes on from the slot's last owner; ours have not begun. */
	t->service_seen = at_load(&t->answer->service_seq);
	if (r == 0)
		r = rpc(t, OP_CHILD_START, (uint64_t)t->tid, token);
	if (r)
		die_error("a new process cannot make itself known to the supervisor", r);
}
