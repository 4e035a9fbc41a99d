/* SPDX-License-Identifier: MIT */
/*
 * rights.h: for guest programs that ask what they may do, as root and as less.  Natively and under
 * quire run they print the same.
 */
#ifndef RIGHTS_H
#define RIGHTS_H

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY(what, call) say(what, (long)(call))

static inline void say(const char *what, long r)
{
	printf("  %s: %s %d\n", what, r == -1 ? "no" : "ok", r == -1 ? errno : 0);
	errno = 0;
}

static inline void no_capabilities(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	if (syscall(SYS_capset, &h, none))
		_exit(2);
}

/* Says the name, and does that in a child which has become less. */
static inline void as(const char *name, void (*become)(int), int how, void (*what)(int))
{
	pid_t pid;

	printf("%s\n", name);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		become(how);
		what(how);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

#endif
