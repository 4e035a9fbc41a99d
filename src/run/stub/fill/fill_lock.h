/* SPDX-License-Identifier: MIT */
/*
 * fill_lock.h: many fill, one flushes.
 */
#ifndef STUB_FILL_LOCK_H
#define STUB_FILL_LOCK_H

#include "run/stub/base/stub.h"

void fill_lock(struct thread *t);
void fill_unlock(struct thread *t);
void flush_lock(struct thread *t);
void flush_unlock(struct thread *t);

#endif
