/* SPDX-License-Identifier: MIT */
/*
 * sys_process.c: prctl, arch_prctl, seccomp, unshare, set*uid: what of the process's own settings
 * may reach the host's, and what would pull the ground from under the stub.
 */
#include "run/stub/life/sys_process.h"

#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/window_cache.h"
#include "run/stub/life/life.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/mem/touch.h"
#include "run/wire/addresses.h"
#include "run/wire/newer_numbers.h"
#include "run/wire/sys.h"

#include <linux/sched.h>
#include <linux/seccomp.h>

static uint64_t prctl_bytes(uint64_t op)
{
	switch (op) {
	case PR_SET_NAME:
	case PR_GET_NAME:
		return 16;
	case PR_GET_PDEATHSIG:
	case PR_GET_TSC:
	case PR_GET_CHILD_SUBREAPER:
	case PR_GET_UNALIGN:
	case PR_GET_FPEMU:
	case PR_GET_FPEXC:
	case PR_GET_ENDIAN:
		return 4;
	}
	return 0;
}

bool tsc_is_off(void)
{
	int32_t mode = 0;

	return sys(__NR_prctl, PR_GET_TSC, &mode) == 0 && mode == PR_TSC_SIGSEGV;
}

/* We must know before the next request, which would look at the clock. */
static int64_t set_tsc(struct call *c)
{
	int64_t r;

	c->t->no_tsc = true;
	r = call_native(c);
	if (r || c->a[1] == PR_TSC_ENABLE)
		c->t->no_tsc = tsc_is_off();
	return r;
}

int64_t sys_prctl(struct call *c)
{
	uint64_t op = (uint32_t)c->a[0], n = prctl_bytes(op);

	if (n && c->a[1] >= GUEST_TASK_SIZE)
		c->a[1] = NOWHERE;
	switch (op) {
	case PR_GET_SECCOMP:
		return 0;
	case PR_SET_SECCOMP:
		return call_refuse(c, EINVAL, op);
	case PR_GET_NO_NEW_PRIVS:
		if (c->a[1] || c->a[2] || c->a[3] || c->a[4])
			return -EINVAL;
		return c->t->no_new_privs;
	case PR_SET_NO_NEW_PRIVS:
		if (c->a[1] == 1 && !c->a[2] && !c->a[3] && !c->a[4])
			c->t->no_new_privs = true;
		break;
	case PR_GET_TID_ADDRESS:
		return guest_write(c->a[1], &c->t->clear_tid, 8);
	case PR_SET_TSC:
		return set_tsc(c);
	case PR_SET_MM:
		return call_refuse(c, EPERM, op);
	case PR_SET_SYSCALL_USER_DISPATCH:
	case PR_SET_MDWE:
	case PR_SET_MEMORY_MERGE:
	case PR_SET_VMA:
		return call_refuse(c, EINVAL, op);
	}
	if (n)
		touch_range(c->t, c->a[1], n, op == PR_SET_NAME ? TOUCH_READ : TOUCH_WRITE);
	return call_native(c);
}

int64_t sys_arch_prctl(struct call *c)
{
	switch ((uint32_t)c->a[0]) {
	case ARCH_GET_FS:
	case ARCH_GET_GS:
	case ARCH_GET_XCOMP_SUPP:
	case ARCH_GET_XCOMP_PERM:
		touch_range(c->t, c->a[1], 8, TOUCH_WRITE);
		return call_native(c);
	case ARCH_SET_FS:
	case ARCH_SET_GS:
	case ARCH_GET_CPUID:
	case ARCH_SET_CPUID:
		return call_native(c);
	/* Shadow stacks, tagged addresses, more vector state: the stub's frames know none. */
	case ARCH_REQ_XCOMP_PERM:
	case ARCH_REQ_XCOMP_GUEST_PERM:
	case ARCH_MAP_VDSO_X32:
	case ARCH_MAP_VDSO_32:
	case ARCH_MAP_VDSO_64:
	case ARCH_ENABLE_TAGGED_ADDR:
	case ARCH_SHSTK_ENABLE:
		return call_refuse(c, EINVAL, (uint32_t)c->a[0]);
	}
	return -EINVAL; /* asking about those, and numbers that mean nothing */
}

/* A guest's filter would judge the stub's calls, not the guest's. */
int64_t sys_seccomp(struct call *c)
{
	if (c->a[0] == SECCOMP_GET_ACTION_AVAIL || c->a[0] == SECCOMP_GET_NOTIF_SIZES)
		return call_native(c);
	return call_refuse(c, EINVAL, c->a[0]);
}

/* Process numbers in requests are the supervisor's. */
int64_t sys_unshare(struct call *c)
{
	int64_t r;

	if (c->a[0] & CLONE_NEWPID)
		return call_refuse(c, EPERM, CLONE_NEWPID);
	r = call_native(c);
	if (r == 0 && (c->a[0] & CLONE_FILES))
		fd_table_take_new(c->t);
	return r;
}

/* Of the process's first thread, by which the process is judged. */
int64_t sys_set_user(struct call *c)
{
	int64_t r = call_native(c);

	if (r == 0 && sys(__NR_getpid) == c->t->tid)
		life_tie();
	return r;
}
