/* SPDX-License-Identifier: MIT */
/*
 * fork.h: processes.
 */
#ifndef STUB_FORK_H
#define STUB_FORK_H

#include "run/stub/mem/call.h"

int64_t fork_process(struct call *c);

#endif
