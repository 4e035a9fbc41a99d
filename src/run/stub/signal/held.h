/* SPDX-License-Identifier: MIT */
/*
 * held.h: sent signals of SIGS_FAULT that wait to be taken.
 */
#ifndef STUB_HELD_H
#define STUB_HELD_H

#include "run/stub/base/stub.h"

/* One that was sent, to this thread alone or to its process. */
void signal_virtual(struct thread *t, siginfo_t *info, bool to_thread);
/* After the mask, or what is waited for, has changed. */
void signal_recheck(struct thread *t);
uint64_t held_set(const struct thread *t);
/* One of them is open, and ends a call; has one that is a handler? */
bool held_wakes(const struct thread *t);
bool held_handled(const struct thread *t);
/* Takes one of the set. */
bool held_take(struct thread *t, uint64_t set, siginfo_t *info);
void held_forget(struct thread *t, uint64_t set);
void held_after_fork(struct thread *t);

#endif
