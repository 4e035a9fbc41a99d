/* SPDX-License-Identifier: MIT */
/*
 * launch.h: the first process.
 */
#ifndef RUN_LAUNCH_H
#define RUN_LAUNCH_H

#include <signal.h>

struct run;

/* 0, or an exit status after saying what is wrong. */
int launch(struct run *run, int guest_ctl, const sigset_t *mask);

#endif
