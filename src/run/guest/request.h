/* SPDX-License-Identifier: MIT */
/*
 * request.h: a request of a guest thread's.
 */
#ifndef RUN_REQUEST_H
#define RUN_REQUEST_H

#include "run/base/run.h"
#include "run/guest/proc.h"

/* A request, copied out of the channel: what the guest writes there later does not matter. */
struct request {
	struct run *run;
	struct slot *slot;
	struct proc *proc;
	struct space *space;
	uint32_t op;
	uint64_t a[8];
	int64_t ret;
	uint64_t v[8];
	/* A frame that was just handed out, plus 1: for ram_expect(), once the guest runs again. */
	uint64_t fresh;
};

#define FLAG_OF_NONE (1u << 24) /* which mmap, mprotect and mremap do not have */

/* Flags that are a long: those beyond an int are unknown ones, to be ignored or refused as such. */
static inline int wide_flags(uint64_t flags)
{
	return (int)(flags >> 32 ? flags | FLAG_OF_NONE : flags);
}

#endif
