/* SPDX-License-Identifier: MIT */
/*
 * fd_block.h: the numbers that are ours in guests.
 */
#ifndef RUN_FD_BLOCK_H
#define RUN_FD_BLOCK_H

#include "run/wire/run_info.h"

struct run;

/* Chooses them, before anything else is opened, and raises our own limit.  0, or -errno after
 * saying what is wrong. */
int fd_block_place(struct run *run);
/* The first process has them. */
void fd_block_leave(struct run *run);
/* In the first process: its descriptors there, and its limit.  0 or -errno. */
int fd_block_fill(const struct run *run, const int fds[RUN_NR_FDS]);

#endif
