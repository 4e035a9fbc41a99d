/* SPDX-License-Identifier: MIT */
/*
 * proc_path.h: paths below /proc that tell of memory, and so are answered by the supervisor.
 */
#ifndef STUB_PROC_PATH_H
#define STUB_PROC_PATH_H

#include "stub.h"

/* enum run_proc of an absolute path, -1: the host's.  *pid: whose; 0 for the whole system. */
int proc_text_of(const char *path, int64_t *pid);
/* Does it list descriptors, /proc/PID/fd or fdinfo?  *pid: whose. */
bool proc_lists_fds(const char *path, int64_t *pid);
/* Is it one of our descriptors, in such a list of a guest or in /dev/fd? */
bool proc_names_ours(struct thread *t, const char *path);
/* Is it /proc/PID/exe of a guest?  Then another link to the same file, into link. */
#define PROC_LINK 64
bool proc_exe_of(struct thread *t, const char *path, char link[PROC_LINK]);

/* ---- proc_fds.c: snapshots that are open */
void proc_fd_note(int fd, int which, int64_t pid);
bool proc_fd_find(int fd, int *which, int64_t *pid);
/* Around a fork, in both processes: the child finds the table whole and the lock free. */
void proc_fds_lock(void);
void proc_fds_unlock(void);

#endif
