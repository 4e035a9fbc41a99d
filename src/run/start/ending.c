/* SPDX-License-Identifier: MIT */
/*
 * ending.c: the run ends, whatever its guests have left behind.
 *
 *   1  When all guests are dead, a worker or the reaper may still wait for a file that does not
 *      answer (a FUSE server, a device), on behalf of one of them.  A thread that has done
 *      nothing for PATIENCE_S is not waited for any more.
 *   2  From then on, and while everything is taken apart, SIGTERM and SIGHUP end us as they end
 *      anybody.
 */
#include "run/start/ending.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/util.h"

#include <signal.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 10
#define WORK_NS 5000000u /* of processor time: more than waiting costs */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void end_by_signal(int sig)
{
	struct rlimit none = {0, 0};
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	_exit(128 + sig);
}

static void wait_a_second_locked(struct run *run)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	pthread_cond_timedwait(&run->changed, &run->lock, &until);
}

bool all_taken_apart(struct run *run)
{
	uint64_t worked = cpu_ns(), since = run_now_ns();
	bool done;

	pthread_mutex_lock(&run->lock);
	while (run->nr_used_slots || run->nr_reaping) {
		wait_a_second_locked(run);
		if (cpu_ns() - worked > WORK_NS) {
			worked = cpu_ns();
			since = run_now_ns();
		}
		if (run_now_ns() - since > PATIENCE_S * 1000000000ull)
			break;
	}
	done = !run->nr_used_slots && !run->nr_reaping;
	pthread_mutex_unlock(&run->lock);
	return done;
}
