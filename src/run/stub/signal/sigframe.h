/* SPDX-License-Identifier: MIT */
/*
 * sigframe.h: frames of signals on the guest's stack.
 */
#ifndef STUB_SIGFRAME_H
#define STUB_SIGFRAME_H

#include "run/stub/base/stub.h"

/* False: the frame could not be written. */
bool frame_push(struct thread *t, struct ucontext *uc, const siginfo_t *info,
		const struct action *act, uint64_t saved_mask);
bool on_altstack(const struct thread *t, uint64_t sp);
int64_t altstack_set(struct thread *t, uint64_t sp, uint64_t base, uint64_t size, uint64_t flags);
/* Guest's rt_sigreturn: false: the frame is bad. */
bool frame_pop(struct thread *t, struct ucontext *uc);
/* Copy of a signal frame's context with its vector state at the top of another area. */
struct ucontext *frame_copy(struct thread *to, const struct ucontext *uc);

#endif
