/* SPDX-License-Identifier: MIT */
/*
 * life.c: the main thread's loop: deaths of guests, signals to us, the live line.
 *
 * What it watches is told apart by the event's number: the serial of a process, or one of WATCH_*.
 * It waits for no guest and for no lock that is held while one is waited for.
 *
 * Owns run->epoll and the signals of the supervisor:
 *   SIGINT, SIGQUIT    ignored: the terminal sends them to the guests as well
 *   SIGTERM, SIGHUP    passed on to the first process; once that has ended, to all that are left;
 *                      SIGTERM that reaches nobody, and a second one in any case, ends us, and with
 *                      us, by their life pipes, all guests
 *   SIGTSTP, -TTIN, -TTOU  noted: the terminal stops a process group, ours and the guests'
 *   SIGCHLD            the first process ended, stopped, or goes on
 *
 * The shell that started us wants to see the job stopped when the first process stops.  But nobody
 * serves the guests while we are stopped, one of which may be about to continue it.  So:
 *
 *   1  We stop after the first process has, if the terminal's signal came to us as well (whoever
 *      continues the job continues the whole group), or if no other guest lives.
 */
#include "run/start/life.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/file/huge_file.h"
#include "run/guest/death.h"
#include "run/guest/proc.h"
#include "run/report/report.h"
#include "run/start/ending.h"
#include "run/start/waker.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define WATCH_SIGNALS (1ull << 40)
#define WATCH_TIMER (2ull << 40)
#define LOOK_MS 500

static int watch(struct run *run, int fd, uint32_t events, uint64_t what)
{
	struct epoll_event e = {.events = events, .data.u64 = what};

	return epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static int create_timer(struct run *run)
{
	double s = run->opts->stat_seconds;
	struct itimerspec t;

	if (s <= 0)
		return 0;
	run->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (run->timer_fd < 0)
		return -errno;
	t.it_value.tv_sec = (time_t)s;
	t.it_value.tv_nsec = (long)((s - (double)t.it_value.tv_sec) * 1e9);
	t.it_interval = t.it_value;
	timerfd_settime(run->timer_fd, 0, &t, NULL);
	return watch(run, run->timer_fd, EPOLLIN, WATCH_TIMER);
}

int life_create(struct run *run)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGXCPU);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGTTIN);
	sigaddset(&set, SIGTTOU);
	run->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (run->signal_fd < 0 || run->epoll < 0)
		return -errno;
	err = watch(run, run->signal_fd, EPOLLIN, WATCH_SIGNALS);
	return err ? err : create_timer(run);
}

void life_destroy(struct run *run)
{
	close(run->signal_fd);
	if (run->timer_fd >= 0)
		close(run->timer_fd);
	close(run->epoll);
}

/* Newest first: a process that dies was usually born lately. */
static struct proc *by_serial(struct run *run, uint64_t serial)
{
	struct proc *p;

	pthread_mutex_lock(&run->lock);
	for (p = run->last_proc; p && p->serial != serial; p = p->prev)
		;
	if (p)
		proc_get(p);
	pthread_mutex_unlock(&run->lock);
	return p;
}

static void death(struct run *run, uint64_t serial)
{
	struct proc *p = by_serial(run, serial);

	if (!p)
		return;
	proc_died(p);
	proc_put(p);
}

static void first_process(struct run *run)
{
	int status;

	while (waitpid(run->first_pid, &status, WNOHANG | WUNTRACED | WCONTINUED) > 0) {
		run->first_stopped = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
		if (WIFCONTINUED(status))
			run->group_stopped = false;
		if (WIFSTOPPED(status) || WIFCONTINUED(status))
			continue;
		run->first_done = true;
		run->first_status = status;
		death(run, 1);
		return;
	}
}

static bool is_alone(struct run *run)
{
	bool yes;

	pthread_mutex_lock(&run->lock);
	yes = run->nr_live == 1;
	pthread_mutex_unlock(&run->lock);
	return yes;
}

/* Rule 1.  The process that continued it may have died since: its state is asked for last. */
static void stop_with_first(struct run *run)
{
	int sig;

	if (!run->first_stopped || (!run->group_stopped && !is_alone(run)))
		return;
	first_process(run);
	sig = run->first_stopped;
	if (!sig)
		return;
	run->first_stopped = 0;
	run->group_stopped = false;
	stop_with(run->first_pid, sig);
}

/* How many it has reached. */
static unsigned signal_all(struct run *run, int sig)
{
	unsigned n = 0;

	pthread_mutex_lock(&run->lock);
	for (struct proc *p = run->procs; p; p = p->next) {
		if (p->state == PROC_ALIVE && p->pidfd >= 0)
			n += !syscall(SYS_pidfd_send_signal, p->pidfd, sig, NULL, 0);
	}
	pthread_mutex_unlock(&run->lock);
	return n;
}

static _Noreturn void end_at_once(struct run *run, int sig)
{
	signal_all(run, SIGKILL);
	end_by_signal(sig);
}

static void pass_on(struct run *run, int sig)
{
	bool reached = run->first_done ? signal_all(run, sig) > 0 : kill(run->first_pid, sig) == 0;

	if (sig != SIGTERM || (reached && !run->terms++))
		return;
	run_say(run, "SIGTERM %s: everything ends",
		reached ? "again" : "reaches no process any more");
	end_at_once(run, sig);
}

static void signal_came(struct run *run, int sig)
{
	switch (sig) {
	case SIGCHLD:
		first_process(run);
		break;
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		run->group_stopped = true;
		break;
	case SIGXCPU:
		run_say(run, "the supervisor's CPU time is used up (ulimit -Ht): everything ends");
		end_at_once(run, sig);
	default:
		pass_on(run, sig);
	}
}

static void signals(struct run *run)
{
	struct signalfd_siginfo si;

	while (read(run->signal_fd, &si, sizeof(si)) == sizeof(si))
		signal_came(run, (int)si.ssi_signo);
}

static void timer(struct run *run)
{
	uint64_t n;

	if (read(run->timer_fd, &n, sizeof(n)) == sizeof(n))
		report_stat_line(run);
}

static bool over(struct run *run)
{
	bool yes;

	pthread_mutex_lock(&run->lock);
	yes = run->first_done && !run->nr_live;
	pthread_mutex_unlock(&run->lock);
	return yes;
}

void life_let_go(struct run *run)
{
	struct signalfd_siginfo si;
	sigset_t set;

	/* One that came with the last death was for the dead. */
	while (read(run->signal_fd, &si, sizeof(si)) == sizeof(si))
		;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* -1: nothing has to be looked at by the clock. */
static int next_look_ms(struct run *run)
{
	bool claims;

	pthread_mutex_lock(&run->lock);
	claims = run->nr_claims > 0;
	pthread_mutex_unlock(&run->lock);
	return claims ? LOOK_MS : -1;
}

void life_loop(struct run *run)
{
	/* In case the first one has ended before there was a signalfd. */
	first_process(run);
	stop_with_first(run);
	while (!over(run)) {
		struct epoll_event e;

		int n = epoll_wait(run->epoll, &e, 1, next_look_ms(run));

		if (n == 0)
			claims_expire(run);
		if (n != 1)
			continue;
		if (e.data.u64 == WATCH_SIGNALS)
			signals(run);
		else if (e.data.u64 == WATCH_TIMER)
			timer(run);
		else if (e.data.u64 == WATCH_HUGE_FILES)
			huge_files_look(run);
		else
			death(run, e.data.u64);
		stop_with_first(run);
	}
}
