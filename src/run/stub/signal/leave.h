/* SPDX-License-Identifier: MIT */
/*
 * leave.h: the way back to what was interrupted, and the places in it that signals ask for.
 */
#ifndef STUB_LEAVE_H
#define STUB_LEAVE_H

#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/ucontext.h>

void entry_async(void);
void entry_restorer(void);
_Noreturn void leave(struct ucontext *uc);
extern char leave_check[], leave_insn[];

#endif
