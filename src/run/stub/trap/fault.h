/* SPDX-License-Identifier: MIT */
/*
 * fault.h: the life of a fault.
 */
#ifndef STUB_FAULT_H
#define STUB_FAULT_H

#include "run/stub/base/stub.h"

/* A fault of guest code. */
void guest_fault(struct thread *t, int sig, siginfo_t *info, struct ucontext *uc);
/* A fault of stub code: a probe's, or the guest has jumped here. */
void stub_fault(struct thread *t, int sig, siginfo_t *info, struct ucontext *uc);

#endif
