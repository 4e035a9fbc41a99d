/* SPDX-License-Identifier: MIT */
/*
 * sys_proc.h: texts of /proc.
 */
#ifndef STUB_SYS_PROC_H
#define STUB_SYS_PROC_H

#include "run/stub/base/stub.h"

/*
 * A fresh snapshot, read-only, takes the place of fd.  0, or why it does not; -ENOENT: the host's
 * file is the right one.
 */
int64_t proc_text_put(struct thread *t, int64_t fd, int which, int64_t pid, uint64_t cloexec);

#endif
