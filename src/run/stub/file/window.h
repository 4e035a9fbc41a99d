/* SPDX-License-Identifier: MIT */
/*
 * window.h: mapping files through windows.
 */
#ifndef STUB_WINDOW_H
#define STUB_WINDOW_H

#include "run/stub/fill/window_cache.h"

int64_t file_map_look(struct file_map *m, int64_t open_flags);
/* What the host says of this mmap, whatever the address: 0 or -errno.  Nothing stays mapped. */
int64_t window_ask(const uint64_t a[6]);
/* mmap with these arguments: the address, or -errno. */
int64_t window_map(const struct file_map *m, const uint64_t a[6]);
/* A window of the program's file, for OP_EXEC_LOAD: its id, or -errno. */
int64_t window_open(struct thread *t, int fd);

/* Taken places among the windows that are stepped over before giving up. */
#define PLACE_TRIES 4096
uint64_t window_address(uint64_t bytes);

#endif
