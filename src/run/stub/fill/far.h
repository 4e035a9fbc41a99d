/* SPDX-License-Identifier: MIT */
/*
 * far.h: pages of a file that its window does not show.
 */
#ifndef STUB_FAR_H
#define STUB_FAR_H

#include "run/stub/base/stub.h"

/* As a fill: these frames, at that address.  -ENOENT: far_learn() is to ask for them. */
int64_t far_fill(uint64_t frame, uint64_t pages, uint64_t prot, uint64_t to);
/* These frames are so many pages of the file whose window begins there.  False: no room. */
bool far_add(struct thread *t, uint64_t frame, uint64_t pages, uint64_t seed);
/* The window goes. */
void far_forget(struct thread *t, uint64_t seed);
/* Pages so far behind the window's first, mapped at *at until far_return(). */
int64_t far_lend(uint64_t seed, uint64_t distance, uint64_t pages, uint64_t *at);
void far_return(void);
void far_after_fork(void);

#endif
