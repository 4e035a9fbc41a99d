/* SPDX-License-Identifier: MIT */
/*
 * touch.h: has the host map pages before it is asked to use them.
 */
#ifndef STUB_TOUCH_H
#define STUB_TOUCH_H

#include "run/stub/base/stub.h"

#define TOUCH_READ 1
#define TOUCH_WRITE 2
/* True: all of it is there. */
bool touch_range(struct thread *t, uint64_t addr, uint64_t n, int how);
/* As much as the guest's string needs, up to PATH_MAX. */
bool touch_string(struct thread *t, uint64_t addr);

#endif
