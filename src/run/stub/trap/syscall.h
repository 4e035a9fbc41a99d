/* SPDX-License-Identifier: MIT */
/*
 * syscall.h: a system call of the guest, from the trap to its result.
 */
#ifndef STUB_SYSCALL_H
#define STUB_SYSCALL_H

#include "run/stub/mem/call.h"

void on_syscall(struct thread *t, const siginfo_t *info, struct ucontext *uc);
bool in_vsyscall(uint64_t addr);

/* By number, for CALL_SPECIAL. */
typedef int64_t (*call_fn)(struct call *c);
extern const call_fn call_fns[NR_CALLS];

#endif
