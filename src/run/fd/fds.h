/* SPDX-License-Identifier: MIT */
/*
 * fds.h: descriptors that are kept back.
 */
#ifndef RUN_FDS_H
#define RUN_FDS_H

#include <stdbool.h>

struct run;

#define PROC_FDS 2 /* descriptors that a process takes: pidfd, life pipe */

int fds_create(struct run *run);
/* n more will come, or false. */
bool fds_promise(struct run *run, unsigned n);
/* n of those have come, or never will. */
void fds_settle(struct run *run, unsigned n);
/*
 * One may come now, without waiting.  Afterwards: `came` of those that were promised have; false:
 * there is no room left but for what is promised.
 */
void fds_lend(struct run *run);
bool fds_take_back(struct run *run, unsigned came);

#endif
