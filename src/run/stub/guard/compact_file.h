/* SPDX-License-Identifier: MIT */
/*
 * compact_file.h: files that have memory compacted when they are written to:
 * /proc/sys/vm/compact_memory, and `compact` of a node's directory in /sys.  What is compacted is
 * the run's machine.
 */
#ifndef STUB_COMPACT_FILE_H
#define STUB_COMPACT_FILE_H

#include "run/stub/base/stub.h"

#include <asm/stat.h>

#define COMPACT_NONE (-1)   /* no such file */
#define COMPACT_SYSCTL (-2) /* else the node */
#define COMPACT_TEXT 64     /* as much as is looked at of what is written */

/* What has just been opened, on a file system of kind fs, may be such a file.  What the guest gets,
 * under the same number, or why it does not. */
int64_t compact_opened(struct thread *t, int64_t fd, const struct stat *st, uint64_t fs,
		       uint64_t flags);
/* Which one it is, of those that compact_opened() has given. */
int64_t compact_file_of(int64_t fd);
/* The first n of `all` bytes are written to it: the result of the call. */
int64_t compact_write(struct thread *t, int64_t which, const char *text, uint64_t n, uint64_t all);

#endif
