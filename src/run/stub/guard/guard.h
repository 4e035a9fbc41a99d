/* SPDX-License-Identifier: MIT */
/*
 * guard.h: what a guest's system calls must not get hold of: our own objects, whichever way they
 * are named, and the supervisor.  docs/run.md, "What a guest cannot reach", says what is promised.
 */
#ifndef STUB_GUARD_H
#define STUB_GUARD_H

#include "run/stub/mem/table.h"

#include <asm/stat.h>
#include <linux/openat2.h>

/* Two answers of the host's about one object. */
static inline bool same_object(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* ---- look.c: one descriptor that no other thread can change while it is looked at */
/*
 * Takes the place RUN_FD_LOOK; false: a signal came first.  look_at() puts the object of fd there:
 * what is found out about it then holds for what is done with that number.
 */
bool look_begin(struct thread *t);
int64_t look_at(int64_t fd);
void look_end(void);
/* The object is one of ours: a memory object, the control socket, the stub, the life pipe. */
bool look_is_ours(struct stat *st);

/* ---- supervisor.c */
/* pid is the supervisor, or a thread of it. */
bool pid_is_supervisors(int64_t pid);
/*
 * The process of the directory in RUN_FD_LOOK, which is one of /proc/PID or in such a one; of
 * another one of a procfs NO_PROCESS; 0: it is not known, for it is mounted elsewhere.
 */
#define NO_PROCESS (-1)
int64_t look_process(void);
/* A number behind this field in a text such as /proc/PID/status; 0: none. */
int64_t text_number(const char *text, const char *field);
/* A small text: it ends with 0. */
int64_t read_small(int64_t fd, char *text, uint64_t bytes);

/* ---- magic.c: where a path leads through a link of /proc to what some process has open */
int64_t open_magic(struct thread *t, int64_t dirfd, const char *path, const struct open_how *how);

/* ---- judge.c: an open descriptor, just got, of a file in /proc: what the guest gets for it */
int64_t judge_opened(struct thread *t, int64_t fd, const struct open_how *how);

/* ---- sys_open.c */
/* As openat2(), with both of the above. path: the guest's, or the stub's own. */
int64_t guarded_open(struct thread *t, int64_t dirfd, uint64_t path, const struct open_how *how);
/* The guest's descriptor opened anew, if /proc leads to it. */
int64_t guarded_reopen(struct thread *t, int64_t fd, uint64_t flags);

/* ---- sys_path.c: what a name leads to, for a call that changes it */
struct spare_use {
	bool taken;    /* the process's spare descriptors are lent to it */
	uint64_t soft; /* its limit, as it was */
};
/* As O_PATH: none of ours, or why there is nothing.  path_done() when the call is over. */
int64_t path_found(struct thread *t, int64_t dirfd, uint64_t path, uint64_t flags,
		   struct spare_use *spare);
/* What the call says where path_found() gave `err`: another argument may be wrong as well. */
int64_t path_missing(struct call *c, int path_arg, int64_t err);
void path_done(struct thread *t, int64_t fd, const struct spare_use *spare);
/* The call, with the name of fd in place of these arguments, by number.  dirfd_arg -1: none. */
int64_t path_by_name(struct call *c, int dirfd_arg, int path_arg, int64_t fd);

#endif
