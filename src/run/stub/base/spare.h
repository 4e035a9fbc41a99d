/* SPDX-License-Identifier: MIT */
/*
 * spare.h: descriptors for the stub's own needs when the guest has none left.
 */
#ifndef STUB_SPARE_H
#define STUB_SPARE_H

#include "run/stub/base/stub.h"

/* Until it is restored to what is returned the soft limit is no lower than our numbers. */
uint64_t nofile_lift(void);
void nofile_restore(uint64_t soft);
/*
 * Makes one of our numbers (enum run_fd) lead to what fd does.  It is above what the guest may
 * open, mostly; another thread that has lifted the limit too may put it back meanwhile.
 */
int64_t own_dup(int64_t fd, int number, uint64_t flags);
#define NOFILE_AS_IT_IS UINT64_MAX
/* Some can be opened now, until they are taken back; the caller has closed what it opened then. */
uint64_t spares_lend(struct process *p);
void spares_take_back(struct process *p, uint64_t soft);
void spares_after_fork(struct process *p);
/* Calls fn with a descriptor of the file if it can be opened at all, and closes it. */
void spares_with_file(struct process *p, const char *path, uint64_t flags,
		      void (*fn)(int64_t fd, void *arg), void *arg);

#endif
