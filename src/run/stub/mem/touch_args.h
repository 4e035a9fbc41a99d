/* SPDX-License-Identifier: MIT */
/*
 * touch_args.h: touches the memory that a call's table entry names.
 */
#ifndef STUB_TOUCH_ARGS_H
#define STUB_TOUCH_ARGS_H

#include "run/stub/mem/call.h"

/* All memory that the call's table entry names.  True: all is there. */
bool touch_args(struct call *c, const struct call_desc *d, bool strings);
void touch_any(struct thread *t, uint64_t addr, uint64_t n);
/* Values that look like pointers: a last try after an EFAULT that the table does not explain. */
void touch_guesses(struct call *c, const struct call_desc *d);
bool touch_iovec(struct thread *t, uint64_t addr, uint64_t count, int dir);

#endif
