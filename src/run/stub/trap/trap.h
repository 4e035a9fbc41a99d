/* SPDX-License-Identifier: MIT */
/*
 * trap.h: why a thread is in the stub.
 */
#ifndef STUB_TRAP_H
#define STUB_TRAP_H

#include "run/stub/base/stub.h"

void entry_sync(void);
void on_sync(int sig, siginfo_t *info, struct ucontext *uc);

#endif
