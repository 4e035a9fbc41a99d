/* SPDX-License-Identifier: MIT */
/*
 * task.c: what the host says of guests' threads: whose they are, and which of them execute nothing
 * of the guest's, and will take a signal that is pending for them before they do.
 */
#include "run/base/task.h"

#include "quire/quire.h"
#include "run/base/util.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL_NONE (-1)

bool task_is_of(pid_t pid, pid_t tid)
{
	return !syscall(SYS_tgkill, pid, tid, 0) || errno == EPERM;
}

/* A number in the host's status of a thread; 0: there is no such thread. */
static pid_t status_of(pid_t tid, const char *field)
{
	char path[40], text[2048], *line;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	if (read_text(path, text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, field);
	return line ? (pid_t)atoi(line + strlen(field)) : 0;
}

pid_t task_process(pid_t tid)
{
	return status_of(tid, "\nTgid:");
}

bool task_is_stranger(pid_t pid, pid_t parent)
{
	pid_t of = status_of(pid, "\nPPid:");

	if (!of || pid == parent)
		return pid == parent;
	/* CLONE_PARENT makes siblings. */
	return task_process(pid) != pid || (of != parent && of != status_of(parent, "\nPPid:"));
}

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
