/* SPDX-License-Identifier: MIT */
/*
 * thread.h: threads.
 */
#ifndef STUB_THREAD_H
#define STUB_THREAD_H

#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/ucontext.h>

struct ucontext;

void child_main(struct ucontext *uc);

#endif
