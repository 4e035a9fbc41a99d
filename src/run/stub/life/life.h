/* SPDX-License-Identifier: MIT */
/*
 * life.h: a new process makes itself known to the supervisor, or dies with a line.
 */
#ifndef STUB_LIFE_H
#define STUB_LIFE_H

#include "run/stub/base/stub.h"

void life_begin(struct thread *t);
/* The process's user ids may be others than before. */
void life_tie(void);

#endif
