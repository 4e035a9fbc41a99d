/* SPDX-License-Identifier: MIT */
/*
 * ending.h: the run ends.
 */
#ifndef RUN_ENDING_H
#define RUN_ENDING_H

#include <stdbool.h>

struct run;

_Noreturn void end_by_signal(int sig);
/* Nobody works for dead guests any more.  False: somebody waits, and will not end. */
bool all_taken_apart(struct run *run);

#endif
