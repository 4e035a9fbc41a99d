/* SPDX-License-Identifier: MIT */
/*
 * proc_path.h: paths below /proc that tell of memory, and so are answered by the supervisor.
 */
#ifndef STUB_PROC_PATH_H
#define STUB_PROC_PATH_H

#include "run/stub/base/stub.h"

/*
 * What the host calls a file of a procfs, mounted anywhere: its last component, and the process
 * whose it is, or 0.
 */
const char *proc_file_of(const char *name, int64_t *pid);
/* "start-end": a mapping, in map_files; nothing else in a procfs is called so. */
bool proc_is_range(const char *name);
/* The name of an open descriptor does lead to it.  After chroot there may be no /proc, or something
 * else of that name. */
bool proc_leads_to(const char *link, int64_t fd);
/* What the host calls what is open there, with room for 15 bytes more; false: nobody can tell. */
bool fd_host_name(int64_t fd, char name[PATH_BYTES]);
/* It is mounted by itself: so it may have any name. */
bool fd_is_mount(int64_t fd);
/* What kind of file system is it in that is open there (PROC_SUPER_MAGIC, ..)?  0: not known. */
uint64_t fd_file_system(int64_t fd);
/* What is open there belongs to a procfs. */
bool fd_in_proc(int64_t fd);
/* enum run_proc of such a file, or -1: the host's. */
int proc_text_named(const char *rest, int64_t pid);
/* Does it list descriptors, /proc/PID/fd or fdinfo?  *pid: whose. */
bool proc_lists_fds(const char *path, int64_t *pid);
/* Is it one of our descriptors, in such a list of a guest or in /dev/fd? */
bool proc_names_ours(struct thread *t, const char *path);
/* Is it /proc/PID/exe of a guest?  Then another link to the same file, into link. */
#define PROC_LINK 64
bool proc_exe_of(struct thread *t, const char *path, char link[PROC_LINK]);
/* As it is written: /proc/.., or /dev/fd/, and short?  Copied then. */
#define PROC_SHORT_PATH PROC_LINK /* longer than any path that is known here */
bool proc_read_path(uint64_t addr, char buf[PROC_SHORT_PATH]);

#endif
