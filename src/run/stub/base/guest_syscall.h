/* SPDX-License-Identifier: MIT */
/*
 * guest_syscall.h: a system call on the guest's behalf, and the places in it that signals ask for.
 */
#ifndef STUB_GUEST_SYSCALL_H
#define STUB_GUEST_SYSCALL_H

#include <stdint.h>

/* The result, or RESTART when a signal, or a flush, came before the call was made. */
int64_t guest_syscall(int64_t nr, const uint64_t args[6]);

extern char guest_syscall_start[], guest_syscall_insn[], guest_syscall_after[],
    guest_syscall_abort[];

#endif
