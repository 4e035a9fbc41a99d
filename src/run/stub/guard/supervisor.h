/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h: the supervisor, by number and by name.
 */
#ifndef STUB_SUPERVISOR_H
#define STUB_SUPERVISOR_H

#include "run/stub/base/stub.h"

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

#endif
