/* SPDX-License-Identifier: MIT */
/*
 * stopped_first.c: the first process is stopped and continued by its child, which needs new memory
 * meanwhile.
 */
#include "must_fork.h"
#include "stub_test.h"

#include <sched.h>

static bool is_stopped(pid_t pid)
{
	char path[40], text[512] = "", *state;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	state = strrchr(text, ')');
	return state && state[2] == 'T';
}

static void stop_parent(void)
{
	pid_t parent = getppid();

	alarm(600);
	CHECK(kill(parent, SIGSTOP) == 0);
	while (!is_stopped(parent))
		sched_yield();
	for (int i = 0; i < 200; i++) {
		char *p = anon(1 << 16);

		memset(p, i, 1 << 16);
		CHECK(munmap(p, 1 << 16) == 0);
		CHECK(is_stopped(parent));
	}
	CHECK(kill(parent, SIGCONT) == 0);
	_exit(failures != 0);
}

static void stopped_by_child(void)
{
	for (int i = 0; i < 2; i++) {
		pid_t pid = must_fork();
		int status;

		if (!pid)
			stop_parent();
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
}

int main(void)
{
	RUN(stopped_by_child);
	return failures != 0;
}
