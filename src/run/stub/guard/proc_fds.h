/* SPDX-License-Identifier: MIT */
/*
 * proc_fds.h: snapshots of /proc that are open.
 */
#ifndef STUB_PROC_FDS_H
#define STUB_PROC_FDS_H

#include "run/stub/base/stub.h"

void proc_fd_note(const struct thread *t, int fd, int which, int64_t pid);
bool proc_fd_find(const struct thread *t, int fd, int *which, int64_t *pid);
/* Around a fork, in both processes: the child finds the table whole and the lock free. */
void proc_fds_lock(void);
void proc_fds_unlock(void);

#endif
