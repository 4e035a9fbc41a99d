/* SPDX-License-Identifier: MIT */
/*
 * machine_file.h: files that tell of the run's machine, as programs have them open.
 */
#ifndef STUB_MACHINE_FILE_H
#define STUB_MACHINE_FILE_H

#include "run/stub/base/stub.h"
#include "run/stub/guard/machine_path.h"
#include "run/stub/mem/call.h"
#include "run/wire/requests.h"

#include <asm/stat.h>

/* What has just been opened is in the file system of the run's own directory.  If it is one of its
 * files, it tells how things are now.  fd, or why the guest may not have it (it is closed then). */
int64_t machine_opened(struct thread *t, int64_t fd, const struct stat *st, uint64_t flags);
/* The host's file that is open there is to be the machine's, as machine_path_of_sys() and the like
 * have found: fd, or why not. */
int64_t machine_instead(struct thread *t, int64_t fd, int64_t found, const struct machine_path *own,
			uint64_t flags);
/* What is open there is a file of /sys: if it tells of huge pages, the machine's takes its place.
 * fd, or why not (it is closed then). */
int64_t machine_judge(struct thread *t, int64_t fd, uint64_t flags);
/* The same of what a guest has opened to read by that name, which may be any file. */
int64_t machine_judge_named(struct thread *t, int64_t fd, uint64_t name, uint64_t flags);
/* The number of a file that is open for writing and may be one of the machine's; 0: it is none. */
uint64_t machine_file_of(int64_t fd);
/* A write to it of `all` bytes, of which the text has as many as are looked at, at the offset
 * (UINT64_MAX: where the descriptor stands): the call's result, or RESTART: it is none of them. */
int64_t machine_write(const struct call *c, uint64_t ino, const char text[RUN_MACHINE_TEXT],
		      uint64_t all, uint64_t pos);
/* It is one of the machine's, open for writing: so it is as long as what it tells, always. */
bool machine_file_is(struct thread *t, int64_t fd);

#endif
