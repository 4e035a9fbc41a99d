/* SPDX-License-Identifier: MIT */
/*
 * sys_futex.h: futexes of a thread that ends.
 */
#ifndef STUB_SYS_FUTEX_H
#define STUB_SYS_FUTEX_H

#include "run/stub/base/stub.h"

void futex_wake_guest(struct thread *t, uint64_t addr, uint32_t n);
void robust_list_exit(struct thread *t);

#endif
