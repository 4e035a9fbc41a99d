/* SPDX-License-Identifier: MIT */
/*
 * call.c: a system call of the guest, from the trap to its result.
 *
 *   1. The result goes to the guest's rax, unless the call replaced the context (rt_sigreturn).
 *   2. The number is the low half of rax.
 *   3. A call that a signal kept from happening is made again by the guest after the handler:
 *      its instruction pointer goes back onto the call (RESTART).
 *   4. time, gettimeofday and getcpu may be called at old addresses that every process has
 *      (vsyscall).  The host traps these calls as others, but has returned from them by then.
 */
#include "run/stub/mem/bounce.h"
#include "run/stub/guard/guard.h"
#include "run/stub/base/probe.h"
#include "run/stub/fill/window.h"

#include <linux/audit.h>

#define FAULT_TRIES 4
#define SYSCALL_BYTES 2

bool fd_is_ours(uint64_t fd)
{
	return (uint32_t)fd - INFO->fd_base < RUN_NR_FDS;
}

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
		drops = at_load(&shared.drops);
		c->t->names_stub = false;
		ok = touch_args(c, d, strings);
	} while (at_load(&shared.drops) != drops && ++i < FAULT_TRIES);
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
		at_store(&c->t->flushed, 0u);
		*ok = touch_all(c, d, strings);
		b.n = 0;
		if (c->t->names_stub)
			hide_stub(c, d);
		if (*ok && bounce_needed())
			bounce_in(c, d, &b);
		r = bounce_out(c, d, &b, call_host(c));
	} while (r == RESTART && !c->t->pending);
	return r == RESTART && ends_call(c->t) ? -EINTR : r;
}

int64_t call_native(struct call *c)
{
	const struct call_desc *d = &call_table[c->nr];

	for (int i = 0;; i++) {
		bool ok;
		int64_t r = touch_and_call(c, d, i > 0, &ok);

		if (r != -EFAULT || i == FAULT_TRIES)
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

/* The vdso is the guest's to read, though it lies among what is ours. */
static bool in_vdso(uint64_t addr)
{
	return addr >= VDSO_HOME && addr < VDSO_HOME + VDSO_ROOM;
}

/*
 * -EBADF: one of our descriptors; -EPERM: the supervisor's number.  Pointers to what is ours become
 * pointers to nothing.
 */
static int64_t check_args(struct call *c, const struct call_desc *d)
{
	for (int i = 0; i < 6; i++) {
		const struct arg_spec *s = &d->arg[i];

		if (s->kind == ARG_FD && fd_is_ours(c->a[i]))
			return -EBADF;
		if (s->kind == ARG_PID && pid_is_supervisors((int64_t)c->a[i]))
			return -EPERM;
		if (s->kind > ARG_FD && c->a[i] >= GUEST_TASK_SIZE &&
		    !(s->dir == DIR_IN && in_vdso(c->a[i])))
			c->a[i] = NOWHERE;
	}
	return 0;
}

static int64_t dispatch(struct call *c)
{
	const struct call_desc *d = &call_table[c->nr];
	int64_t err = check_args(c, d);

	if (err)
		return err;
	switch ((enum call_kind)d->kind) {
	case CALL_NATIVE:
		return call_native(c);
	case CALL_MEMORY:
		return call_memory(c);
	case CALL_SPECIAL:
		return d->fn(c);
	case CALL_REFUSED:
		return call_refuse(c, d->err, 0);
	case CALL_ABSENT:
		return -d->err;
	case CALL_UNKNOWN:
		break;
	}
	return call_refuse(c, ENOSYS, 0);
}

bool in_vsyscall(uint64_t addr)
{
	return addr - RUN_VSYSCALL < PAGE;
}

/* Where the caller has put its return address it still is. */
static void go_back(struct sigcontext *r, uint64_t call_addr)
{
	if (in_vsyscall(call_addr)) {
		r->rip = call_addr;
		r->rsp -= 8;
	} else {
		r->rip -= SYSCALL_BYTES;
	}
}

void on_syscall(struct thread *t, const siginfo_t *info, struct ucontext *uc)
{
	uint64_t call_addr = sys_ptr(info->si_call_addr);
	struct sigcontext *r = &uc->uc_mcontext;
	struct call c = {t, uc, (int32_t)r->rax, {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9}};
	int64_t ret;

	/* int $0x80 has other numbers. */
	if (info->si_arch != AUDIT_ARCH_X86_64)
		rpc_unsupported(t, NOTE_INT80, 0);
	if (info->si_arch != AUDIT_ARCH_X86_64 || c.nr < 0 || c.nr >= NR_CALLS) {
		r->rax = (uint64_t)-ENOSYS;
		return;
	}
	if (c.nr == NR_RT_SIGRETURN) {
		sys_sigreturn(&c);
		return;
	}
	ret = dispatch(&c);
	lent_end(t);
	if (ret == RESTART)
		go_back(r, call_addr);
	else
		r->rax = (uint64_t)ret;
}
