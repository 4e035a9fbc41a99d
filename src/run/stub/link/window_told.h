/* SPDX-License-Identifier: MIT */
/*
 * window_told.h: what the supervisor says of windows.
 */
#ifndef STUB_WINDOW_TOLD_H
#define STUB_WINDOW_TOLD_H

#include "run/stub/base/stub.h"

/* An answer to OP_SYSCALL has come: unmaps what it says that nothing maps any more. */
void windows_gone(struct thread *t);
/* The same under windows_lock. */
void windows_gone_locked(struct thread *t);
void window_unmap(struct thread *t, uint64_t addr, uint64_t bytes);
/* Asks which window shows the frame.  False: it is none of this process's. */
bool far_learn(struct thread *t, uint64_t frame);

#endif
