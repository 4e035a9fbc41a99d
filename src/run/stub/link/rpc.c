/* SPDX-License-Identifier: MIT */
/*
 * rpc.c: one guest thread and its worker alternate on a channel (proto.h).
 *
 * While the worker has the turn it may hand it back with CMD_FLUSH in between; the flush is
 * executed here.  A request is not interruptible: signals that come meanwhile are noted by
 * on_async() and delivered later.
 */
#include "run/stub/link/rpc.h"

#include "run/stub/base/guest_abi.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/fill.h"
#include "run/stub/fill/fill_lock.h"
#include "run/stub/fill/lent.h"
#include "run/stub/link/window_serve.h"
#include "run/wire/atomic.h"
#include "run/wire/proto.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/futex.h>

#define CYCLES_PER_US 2500

struct fd_message {
	uint64_t len;
	int32_t level, type;
	int32_t fd, pad;
};

/* With a listener nobody takes packets out until a request names them:
 * ours cannot wait for that. */
static int64_t send_packet(const struct msghdr *msg)
{
	uint64_t flags = MSG_NOSIGNAL | (INFO->use_notify ? MSG_DONTWAIT : 0);
	int64_t r = sys(__NR_sendmsg, RUN_FD(RUN_FD_CTL), msg, flags);

	if (r == -EAGAIN)
		sys(RUN_KICK_NR, RUN_KICK_DRAIN);
	return r;
}

static int64_t ctl_packet(struct thread *t, uint64_t token, int fd)
{
	struct ctl_packet packet = {.slot = t->slot, .token = token};
	struct iovec iov = {sys_ptr(&packet), sizeof(packet)};
	struct fd_message rights = {20, SOL_SOCKET, SCM_RIGHTS, fd, 0};
	struct msghdr msg = {.iov = sys_ptr(&iov), .iovlen = 1};
	int64_t r;

	if (fd >= 0) {
		msg.control = sys_ptr(&rights);
		msg.controllen = sizeof(rights);
	}
	do
		r = send_packet(&msg);
	while (r == -EINTR || r == -EAGAIN);
	return r < 0 ? r : 0;
}

int64_t rpc_send_fd_token(struct thread *t, int fd, uint64_t token)
{
	return ctl_packet(t, token, fd);
}

int64_t rpc_send_fd(struct thread *t, int fd)
{
	uint64_t token = 16 + t->next_token++;
	int64_t r = ctl_packet(t, token, fd);

	return r < 0 ? r : (int64_t)token;
}

static void kick(struct thread *t, uint32_t turn)
{
	if (INFO->use_notify)
		sys(RUN_KICK_NR, t->slot, turn);
	else
		ctl_packet(t, 0, -1);
}

/* The worker seems busy: sleep until the turn is ours. */
static void sleep_for_turn(struct thread *t, uint32_t turn)
{
	struct chan *c = t->chan;

	if (INFO->use_notify) {
		kick(t, turn);
		return;
	}
	atomic_store(&c->guest_sleeps, 1u);
	if (atomic_load(&c->turn) == turn)
		sys(__NR_futex, &c->turn, FUTEX_WAIT, turn, NULL);
}

/* Without one, no time is left to linger. */
static uint64_t clock(const struct thread *t)
{
	return t->no_tsc ? UINT64_MAX : __builtin_ia32_rdtsc();
}

static void hand_over(struct thread *t)
{
	struct chan *c = t->chan;
	uint32_t turn = c->turn + 1;
	uint64_t until;

	/* Not after the sleep: the channel may be another thread's then, which sleeps. */
	if (c->guest_sleeps)
		atomic_store(&c->guest_sleeps, 0u);
	atomic_store(&c->turn, turn);
	if (!atomic_load(&t->answer->attached))
		kick(t, turn);
	until = clock(t) + (uint64_t)INFO->linger_us * CYCLES_PER_US;
	while (atomic_load(&c->turn) == turn) {
		if (clock(t) < until)
			sys(__NR_sched_yield);
		else
			sleep_for_turn(t, turn);
	}
}

static void execute_flush(struct thread *t)
{
	const struct answer *a = t->answer;
	uint32_t n = a->nranges;

	n = n < CHAN_MAX_RANGES ? n : CHAN_MAX_RANGES;
	flush_lock(t);
	flush_ranges(t, (const uint64_t(*)[2])a->ranges, n);
	atomic_store(&t->chan->lent, (uint32_t)lent_any(t, (const uint64_t(*)[2])a->ranges, n));
	atomic_store(&t->flushed, 1u); /* a touch may have taken what an earlier one brought */
	flush_unlock(t);
}

/* By a segment whose limit the host makes say so for that purpose: node << 12 | processor. */
static uint32_t this_cpu(void)
{
	uint32_t said = 0x7b;

	__asm__ volatile("lsl %0, %0" : "+r"(said));
	return said & 0xfff;
}

int64_t rpc_call(struct thread *t, uint32_t op, const uint64_t a[8])
{
	struct chan *c = t->chan;

	memcpy(c->a, a, sizeof(c->a));
	c->op = op;
	if (INFO->nodes)
		c->cpu = this_cpu();
	for (;;) {
		hand_over(t);
		/* After a thread's last request the channel may be another's already. */
		if (op == OP_THREAD_EXIT)
			return t->answer->ret;
		if (atomic_load(&t->answer->cmd) == CMD_REPLY) {
			/* Asked for before we had spoken, without a signal; else there is none. */
			service_flush(t);
			return t->answer->ret;
		}
		if (t->answer->cmd == CMD_WINDOW)
			c->done = window_serve(t);
		else
			execute_flush(t);
	}
}

void rpc_unsupported(struct thread *t, int64_t nr, uint64_t detail)
{
	rpc(t, OP_NOTE, NOTE_UNSUPPORTED, (uint64_t)nr, detail);
}
