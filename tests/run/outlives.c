/* SPDX-License-Identifier: MIT */
/*
 * outlives.c CASE: for outlives.py: processes whose user ids have changed since they were made.
 * Each says its number, and waits.
 */
#include "must_fork.h"

#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>

#define USER 65534u

static void wait_here(void)
{
	printf("%d\n", getpid());
	fflush(stdout);
	for (;;)
		pause();
}

static void need(int r, const char *what)
{
	if (r) {
		perror(what);
		exit(1);
	}
}

/* A helper that takes back what its parent has given up for a while. */
static void back(void)
{
	need(setresuid(USER, USER, 0), "setresuid");
	if (!must_fork())
		need(setresuid(0, 0, 0), "setresuid");
}

static void *execute(void *arg)
{
	/* This thread's alone, unlike the library's call. */
	need((int)syscall(SYS_setresuid, USER - 1, USER - 1, USER - 1), "setresuid");
	execl("/proc/self/exe", "outlives", "wait", (char *)NULL);
	return arg;
}

/* One that becomes another user, and then the process. */
static void thread(void)
{
	pthread_t t;

	need(setresuid(USER, USER, 0), "setresuid");
	if (!must_fork()) {
		need((int)syscall(SYS_setresuid, 0, 0, 0), "setresuid");
		need(pthread_create(&t, NULL, execute, NULL), "thread");
		for (;;)
			pause();
	}
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "back"))
		back();
	else if (!strcmp(name, "thread"))
		thread();
	wait_here();
}
