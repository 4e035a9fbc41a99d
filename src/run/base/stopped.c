/* SPDX-License-Identifier: MIT */
/*
 * stopped.c: threads of guests that execute nothing of the guest's, says the host, and will take a
 * signal that is pending for them before they do.
 */
#include "run/base/engine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define CALL_NONE (-1)

static void read_of(pid_t pid, pid_t tid, const char *what, char *text, size_t len)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)tid, what);
	read_text(path, text, len);
}

/* As in /proc/PID/stat; 0: not known.  That there is nothing in /proc proves nothing. */
static char state_of(pid_t pid, pid_t tid)
{
	char text[512], *end;

	if (pid <= 0 || tid <= 0)
		return 0;
	if (!task_is_of(pid, tid))
		return 'X';
	read_of(pid, tid, "stat", text, sizeof(text));
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? end[2] : 0;
}

bool process_stopped(pid_t pid)
{
	return state_of(pid, pid) == 'T';
}

/* The system call that it is in, and the call's first argument.  False: not known. */
static bool call_of(pid_t pid, pid_t tid, long *nr, unsigned long *arg)
{
	char text[512], *end;

	read_of(pid, tid, "syscall", text, sizeof(text));
	*nr = strtol(text, &end, 10);
	*arg = strtoul(end, NULL, 16);
	return end != text;
}

/*
 * A tracer may stop a thread on its way into a call, in which the host would still touch the
 * guest's memory: that does not count.  One that is dead does.
 */
bool thread_stopped(pid_t pid, pid_t tid)
{
	char state = state_of(pid, tid);
	unsigned long arg;
	long nr;

	if (state != 't')
		return state && strchr("TXZ", state);
	return call_of(pid, tid, &nr, &arg) && nr == CALL_NONE;
}

bool thread_in_vfork(pid_t pid, pid_t tid)
{
	unsigned long flags;
	long nr;

	return state_of(pid, tid) == 'D' && call_of(pid, tid, &nr, &flags) && nr == SYS_clone &&
	       (flags & CLONE_VFORK);
}
