/* SPDX-License-Identifier: MIT */
/*
 * enter.h: new stacks, new threads, the first instruction of a program.
 */
#ifndef STUB_ENTER_H
#define STUB_ENTER_H

#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/ucontext.h>
#include <stdint.h>

_Noreturn void switch_stack(uint64_t top, void (*fn)(void *arg), void *arg);
_Noreturn void enter_guest(uint64_t ip, uint64_t sp);
int64_t clone_leave(uint64_t flags, uint32_t *parent_tid, uint32_t *child_tid, uint64_t tls,
		    struct ucontext *uc);

#endif
