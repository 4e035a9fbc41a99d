/* SPDX-License-Identifier: MIT */
/*
 * native.c: a system call that somebody performs for the guest: the host, with the guest's memory
 * touched before; or the supervisor; or nobody, with a line that says so.
 */
#include "run/stub/base/area.h"
#include "run/stub/base/guest_syscall.h"
#include "run/stub/base/layout.h"
#include "run/stub/base/stub.h"
#include "run/stub/link/rpc.h"
#include "run/stub/link/window_told.h"
#include "run/stub/mem/bounce.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/touch_args.h"
#include "run/wire/atomic.h"
#include "run/wire/requests.h"

#define FAULT_TRIES 4

static bool has_strings(const struct call_desc *d)
{
	for (int i = 0; i < 6; i++) {
		if (d->arg[i].kind == ARG_STRING)
			return true;
	}
	return false;
}

/* Interrupted for our own sake only, the guest must not see it. */
static bool interrupted_by_us(struct thread *t, int64_t r)
{
	if (r != -EINTR || !t->restarts || t->pending)
		return false;
	t->interrupted = ENDED;
	return true;
}

static int64_t call_host(struct call *c)
{
	struct thread *t = c->t;
	int64_t r;

	do {
		t->restarts = false;
		t->in_call = true;
		r = guest_syscall(c->nr, c->a);
		t->in_call = false;
		if (!interrupted_by_us(t, r))
			return r;
	} while (!t->flushed);
	return RESTART;
}

/* A signal of the guest's has come since the host was interrupted: it ends the call if it would
 * have ended it there. */
static bool ends_call(const struct thread *t)
{
	const struct action *act = &t->proc->actions[t->async.info.si_signo];

	if (t->interrupted != WENT_BACK)
		return t->interrupted == ENDED;
	return (t->pending & PENDING_ASYNC) && !(act->flags & SA_RESTART);
}

/* Touches until nothing was dropped meanwhile. */
static bool touch_all(struct call *c, const struct call_desc *d, bool strings)
{
	uint32_t drops;
	bool ok;
	int i = 0;

	do {
		drops = atomic_load(&shared.drops);
		c->t->names_stub = false;
		ok = touch_args(c, d, strings);
	} while (atomic_load(&shared.drops) != drops && ++i < FAULT_TRIES);
	return ok;
}

/* An iovec leads to memory of ours: the kernel must not follow it. */
static void hide_stub(struct call *c, const struct call_desc *d)
{
	for (int i = 0; i < 6; i++) {
		if (d->arg[i].kind >= ARG_IOVEC)
			c->a[i] = NOWHERE;
	}
}

/* What is taken away before the host has begun is touched again: a datagram comes but once. */
static int64_t touch_and_call(struct call *c, const struct call_desc *d, bool strings, bool *ok)
{
	struct bounce b;
	int64_t r;

	c->t->interrupted = NOT_INTERRUPTED;
	do {
		atomic_store(&c->t->flushed, 0u);
		*ok = touch_all(c, d, strings);
		b.n = 0;
		if (c->t->names_stub)
			hide_stub(c, d);
		if (*ok && others_may_flush())
			bounce_in(c, d, &b);
		r = bounce_out(c, d, &b, call_host(c));
	} while (r == RESTART && !c->t->pending);
	return r == RESTART && ends_call(c->t) ? -EINTR : r;
}

/* `flushes`: before the memory was touched.  Pages may move all the time. */
bool fault_stays(int tries, uint32_t flushes)
{
	return tries >= FAULT_TRIES && atomic_load(&shared.flushes) == flushes;
}

int64_t call_native(struct call *c)
{
	const struct call_desc *d = &call_table[c->nr];

	for (int i = 0;; i++) {
		uint32_t flushes = atomic_load(&shared.flushes);
		bool ok;
		int64_t r = touch_and_call(c, d, i > 0, &ok);

		if (r != -EFAULT || fault_stays(i, flushes))
			return r;
		/* Touched and gone again (another thread's flush), or a string: once more. */
		if (!ok && (i > 0 || !has_strings(d)))
			return r;
		if (i > 0)
			touch_guesses(c, d);
	}
}

int64_t call_memory(struct call *c)
{
	int64_t r = rpc(c->t, OP_SYSCALL, (uint64_t)c->nr, c->a[0], c->a[1], c->a[2], c->a[3],
			c->a[4], c->a[5]);

	windows_gone(c->t);
	return r == RUN_NATIVE ? call_native(c) : r;
}

int64_t call_refuse(struct call *c, int err, uint64_t detail)
{
	rpc_unsupported(c->t, c->nr, detail);
	return -err;
}
