/* SPDX-License-Identifier: MIT */
/*
 * signal.h: signals, from the host to the guest.
 */
#ifndef STUB_SIGNAL_H
#define STUB_SIGNAL_H

#include "run/stub/base/stub.h"

void on_async(int sig, siginfo_t *info, struct ucontext *uc);
/* Before going back to uc with something pending: 0: look again, 1: go, the stub continues. */
int on_leave(struct ucontext *uc);
/* A fault that the guest must answer for. */
void signal_fault(struct thread *t, siginfo_t *info, struct ucontext *uc);
/* way_in: the way in for SIGS_VIRTUAL. */
void signals_install(struct thread *t, void (*way_in)(void));
/* In our handler: from here on something may fault, or wait. */
void signal_unblock_bus(void);
uint64_t host_mask(uint64_t guest_mask);
void host_set_mask(uint64_t mask);

_Noreturn void die_by(struct thread *t, int sig);

#endif
