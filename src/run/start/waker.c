/* SPDX-License-Identifier: MIT */
/*
 * waker.c: our own stop, and who ends it.
 *
 * We stop after the first process has (life.c).  Whoever continues the job continues us; but
 * somebody may continue, or kill, that process alone, and would wait for ever for what nobody
 * serves.  So for as long as we are stopped a child of ours looks at it, and continues us as soon
 * as it is not stopped any more.
 *
 * It is a program of its own, with nothing of ours: it is no thread of the supervisor's, so what
 * a guest may not reach must not be there (run.md, "What a guest cannot reach").
 *
 *   1  The child goes on sending SIGCONT until we end it: one that comes just before we stop
 *      is lost.
 */
#include "run/start/waker.h"

#include "quire/quire.h"
#include "run/base/task.h"
#include "run/start/run_main.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 50000000

int waker_main(int argc, char **argv)
{
	const struct timespec pause = {0, LOOK_NS};
	pid_t us = argc == 2 ? atoi(argv[0]) : 0, first = us ? atoi(argv[1]) : 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (us && getppid() == us) {
		if (!process_stopped(first))
			kill(us, SIGCONT);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void become_waker(char *us, char *first)
{
	char *argv[] = {"quire", WAKER_COMMAND, us, first, NULL};

	close_range(STDERR_FILENO + 1, ~0u, 0);
	execv("/proc/self/exe", argv);
	_exit(127);
}

/*
 * By the signal that stopped the first process, so that its parent and ours are told the same.  The
 * terminal's do nothing in a process group that no shell looks after, here as there.
 */
static void stop_by(int sig)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	pthread_sigmask(SIG_UNBLOCK, &set, &old);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void stop_with(pid_t first, int sig)
{
	char us[16], number[16];
	pid_t child;

	snprintf(us, sizeof(us), "%d", (int)getpid());
	snprintf(number, sizeof(number), "%d", (int)first);
	child = fork();
	if (child < 0)
		return;
	if (!child)
		become_waker(us, number);
	stop_by(sig);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}
