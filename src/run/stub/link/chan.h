/* SPDX-License-Identifier: MIT */
/*
 * chan.h: the channels that the process maps.
 */
#ifndef STUB_CHAN_H
#define STUB_CHAN_H

#include "run/stub/base/stub.h"

/* The thread's own, of this slot.  False: no memory. */
bool chan_map(struct thread *t, uint32_t slot);
/* In a forked child: it has inherited its parent's. */
void chans_after_fork(void);

#endif
