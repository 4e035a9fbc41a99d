/* SPDX-License-Identifier: MIT */
/*
 * must_fork.h: fork for programs that go on to send signals to what it returns: to -1 would be to
 * every process there is.
 */
#ifndef MUST_FORK_H
#define MUST_FORK_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static inline pid_t must_fork(void)
{
	pid_t pid = fork();

	if (pid < 0) {
		perror("fork");
		exit(99);
	}
	return pid;
}

#endif
