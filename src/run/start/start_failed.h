/* SPDX-License-Identifier: MIT */
/*
 * start_failed.h: "cannot do what: ..".
 */
#ifndef RUN_START_FAILED_H
#define RUN_START_FAILED_H

struct run;

void start_failed(struct run *run, const char *what, int err);
/* There is no machine.  With --hugepages RAM may be too small for them. */
void start_failed_machine(struct run *run, int err);

#endif
