/* SPDX-License-Identifier: MIT */
/*
 * syscall.c: a system call of the guest, from the trap to its result.
 *
 *   1. The result goes to the guest's rax, unless the call replaced the context (rt_sigreturn).
 *   2. The number is the low half of rax.
 *   3. A call that a signal kept from happening is made again by the guest after the handler:
 *      its instruction pointer goes back onto the call (RESTART).
 *   4. time, gettimeofday and getcpu may be called at old addresses that every process has
 *      (vsyscall).  The host traps these calls as others, but has returned from them by then.
 */
#include "run/stub/trap/syscall.h"

#include "run/stub/base/layout.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/lent.h"
#include "run/stub/guard/supervisor.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <linux/audit.h>

#define SYSCALL_BYTES 2

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
		return call_fns[c->nr](c);
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
