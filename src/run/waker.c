/* SPDX-License-Identifier: MIT */
/*
 * waker.c: our own stop, and who ends it.
 *
 * We stop after the first process has (life.c).  Whoever continues the job continues us; but
 * somebody may continue, or kill, that process alone, and would wait for ever for what nobody
 * serves.  So for as long as we are stopped a child of ours looks at it, and continues us as soon
 * as it is not stopped any more.
 *
 *   1  The child goes on sending SIGCONT until we end it: one that comes just before we stop
 *      is lost.
 */
#include "run/engine.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 50000000

/* In the child. */
static void watch(pid_t first, pid_t us)
{
	const struct timespec pause = {0, LOOK_NS};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == us) {
		if (!process_stopped(first))
			kill(us, SIGCONT);
		nanosleep(&pause, NULL);
	}
	_exit(0);
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
	pid_t us = getpid(), child = fork();

	if (child < 0)
		return;
	if (!child)
		watch(first, us);
	stop_by(sig);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}
