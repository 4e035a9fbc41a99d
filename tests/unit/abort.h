/* SPDX-License-Identifier: MIT */
/*
 * abort.h: that something ends the program, and what it says.
 */
#ifndef UNIT_ABORT_H
#define UNIT_ABORT_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What a child that runs `f` says on stderr before it aborts. */
static inline void expect_abort(void (*f)(void), const char *said)
{
	char buf[512];
	ssize_t len;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL); /* cmocka has a handler of its own */
		dup2(fds[1], 2);
		f();
		_exit(0);
	}
	close(fds[1]);
	len = read(fds[0], buf, sizeof(buf) - 1);
	close(fds[0]);
	waitpid(pid, &status, 0);
	buf[len > 0 ? len : 0] = 0;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(buf, said));
}

#endif
