/* SPDX-License-Identifier: MIT */
/*
 * window_reach.h: content of files, by way of a guest that has a window.
 * 0; -EFAULT: there is no such page; or another -errno.
 */
#ifndef RUN_WINDOW_REACH_H
#define RUN_WINDOW_REACH_H

#include "run/wire/proto.h"

#include <stdbool.h>
#include <sys/types.h>

struct window;

/* This thread's next accesses are of that process's windows; 0: of the slot's again. */
void window_reach(pid_t pid);
int window_load(const struct window *w, uint64_t pgoff, void *page);
bool window_has(const struct window *w, uint64_t pgoff);
/* Inside one page. */
int window_store(const struct window *w, uint64_t off, const void *mem, uint64_t n);
/* WINDOW_SYNC, WINDOW_REMOVE; whole pages. */
int window_command(const struct window *w, enum window_op op, uint64_t off, uint64_t n);

#endif
