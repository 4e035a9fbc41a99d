/* SPDX-License-Identifier: MIT */
/*
 * waker.h: a child that continues us.
 */
#ifndef RUN_WAKER_H
#define RUN_WAKER_H

#include <sys/types.h>

/* Stops us, as the signal stopped the first process, until either is continued. */
void stop_with(pid_t first, int sig);

#endif
