/* SPDX-License-Identifier: MIT */
/*
 * windows.h: which windows the process has: the lock, and a fork.
 */
#ifndef STUB_WINDOWS_H
#define STUB_WINDOWS_H

#include "run/stub/base/area.h"

/* Nobody makes a window, or unmaps one, meanwhile. */
static inline void windows_lock_take(void)
{
	lock_take(&shared.windows_lock);
}

static inline void windows_lock_drop(void)
{
	lock_drop(&shared.windows_lock);
}

/* In the child; window_cache.c. */
void windows_after_fork(void);

#endif
