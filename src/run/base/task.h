/* SPDX-License-Identifier: MIT */
/*
 * task.h: what the host says of guests' threads.
 */
#ifndef RUN_TASK_H
#define RUN_TASK_H

#include <stdbool.h>
#include <sys/types.h>

/* Whatever it does next, it first takes a signal that is pending now; also if it is dead. */
bool thread_stopped(pid_t pid, pid_t tid);
/* Its first thread is, by a signal. */
bool process_stopped(pid_t pid);
/* It sleeps in the host's clone, with CLONE_VFORK. */
bool thread_in_vfork(pid_t pid, pid_t tid);

/* The process of a thread; 0: there is none. */
pid_t task_process(pid_t tid);
/* The host's word: tid is a thread of process pid. */
bool task_is_of(pid_t pid, pid_t tid);
/* And: there is such a process, and it cannot be a child that `parent` has made. */
bool task_is_stranger(pid_t pid, pid_t parent);

#endif
