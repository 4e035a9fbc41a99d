/* SPDX-License-Identifier: MIT */
/*
 * memsys.h: system calls of memory, by the list (wire/calls.h): each gets the request, whose
 * a[1..6] are the arguments.
 */
#ifndef RUN_MEMSYS_H
#define RUN_MEMSYS_H

#include "run/wire/calls.h"

#include <stdint.h>

struct request;

typedef int64_t (*memsys_fn)(struct request *q);

#define CALL(name, what)
#define OURS(name, what, fn, ints) int64_t fn(struct request *q);
SYSTEM_CALLS(CALL, OURS)
#undef CALL
#undef OURS

void op_syscall(struct request *q);

#endif
