/* SPDX-License-Identifier: MIT */
/*
 * lent.h: what is touched for a system call that is not over.
 */
#ifndef STUB_LENT_H
#define STUB_LENT_H

#include "run/stub/base/stub.h"

void lent_note(struct thread *t, uint64_t addr, uint64_t bytes);
void lent_end(struct thread *t);
/* Those of other threads, of which a child is to get copies: how many.  One fork at a time. */
uint32_t lent_fork_begin(struct thread *self, uint64_t (*out)[2], uint32_t max);
void lent_fork_end(void);
/* Another thread's call has been lent a page of the ranges (n == 0: of all), which are unmapped. */
bool lent_any(const struct thread *self, const uint64_t (*ranges)[2], uint32_t n);

#endif
