/* SPDX-License-Identifier: MIT */
/* stub_signals.c: masks, actions, frames, and system calls that signals interrupt. */
#include "must_fork.h"
#include "stub_test.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

static volatile int hits, order[16], norder;
static volatile int last_code, last_value;
static sigset_t mask_inside, mask_saved;

static void hit(int sig, siginfo_t *si, void *uc)
{
	hits++;
	last_code = si->si_code;
	last_value = si->si_value.sival_int;
	if (norder < 16)
		order[norder++] = sig;
	sigprocmask(SIG_BLOCK, NULL, &mask_inside);
	mask_saved = ((ucontext_t *)uc)->uc_sigmask;
}

static void block(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(how, &set, NULL);
}

static void after(long usec)
{
	struct itimerval t = {{0, 0}, {0, usec}};

	setitimer(ITIMER_REAL, &t, NULL);
}

/* Again and again: one signal might come before the call that it is to interrupt. */
static void every(long usec)
{
	struct itimerval t = {{0, usec}, {0, usec}};

	setitimer(ITIMER_REAL, &t, NULL);
}

static volatile int *hits_seen; /* by other processes, too */

static void hit_and_tell(int sig, siginfo_t *si, void *uc)
{
	hit(sig, si, uc);
	++*hits_seen;
}

static void delivery(void)
{
	union sigval v = {.sival_int = 42};

	hits = 0;
	catch_with(SIGUSR1, hit, 0, SIGUSR2);
	kill(getpid(), SIGUSR1);
	CHECK(hits == 1 && last_code == SI_USER);
	CHECK(sigismember(&mask_inside, SIGUSR1) && sigismember(&mask_inside, SIGUSR2));
	CHECK(!sigismember(&mask_saved, SIGUSR1));
	sigqueue(getpid(), SIGUSR1, v);
	CHECK(hits == 2 && last_code == SI_QUEUE && last_value == 42);
	raise(SIGUSR1);
	CHECK(hits == 3 && last_code == SI_TKILL);
	catch_with(SIGUSR1, hit, SA_NODEFER, 0);
	raise(SIGUSR1);
	CHECK(hits == 4 && !sigismember(&mask_inside, SIGUSR1));
}

static void blocking(void)
{
	sigset_t pending;

	hits = norder = 0;
	catch_with(SIGUSR1, hit, 0, 0);
	catch_with(SIGUSR2, hit, 0, 0);
	block(SIG_BLOCK, SIGUSR1);
	block(SIG_BLOCK, SIGUSR2);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR1);
	CHECK(hits == 0 && sigpending(&pending) == 0);
	CHECK(sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGUSR2));
	block(SIG_UNBLOCK, SIGUSR1);
	CHECK(hits == 1);
	block(SIG_UNBLOCK, SIGUSR2);
	CHECK(hits == 2 && order[0] == SIGUSR1 && order[1] == SIGUSR2);
}

/* SIGSEGV, SIGBUS and SIGSYS sent like any other signal. */
static void sent_faults(void)
{
	static const int sigs[] = {SIGSEGV, SIGBUS, SIGSYS};
	sigset_t pending;

	for (int i = 0; i < 3; i++) {
		hits = 0;
		catch_with(sigs[i], hit, 0, 0);
		kill(getpid(), sigs[i]);
		CHECK(hits == 1 && last_code == SI_USER);
		block(SIG_BLOCK, sigs[i]);
		raise(sigs[i]);
		CHECK(hits == 1 && sigpending(&pending) == 0 && sigismember(&pending, sigs[i]));
		block(SIG_UNBLOCK, sigs[i]);
		CHECK(hits == 2 && last_code == SI_TKILL);
		signal(sigs[i], SIG_IGN);
		raise(sigs[i]);
		CHECK(hits == 2);
		signal(sigs[i], SIG_DFL);
	}
}

static void actions(void)
{
	struct sigaction sa, old;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = hit;
	sa.sa_flags = SA_SIGINFO | (int)SA_RESETHAND;
	sigaddset(&sa.sa_mask, SIGHUP);
	CHECK(sigaction(SIGUSR1, &sa, NULL) == 0);
	CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_sigaction == hit);
	CHECK((old.sa_flags & ~0x04000000) == sa.sa_flags && sigismember(&old.sa_mask, SIGHUP));
	hits = 0;
	raise(SIGUSR1);
	CHECK(hits == 1 && sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_IGN);
	FAILS(sigaction(SIGKILL, &sa, NULL), EINVAL);
	FAILS(syscall(SYS_rt_sigaction, 99, NULL, NULL, 8), EINVAL);
	FAILS(syscall(SYS_rt_sigaction, SIGUSR1, (void *)16, NULL, 8), EFAULT);
	FAILS(syscall(SYS_rt_sigprocmask, 77, &sa.sa_mask, NULL, 8), EINVAL);
	FAILS(syscall(SYS_rt_sigprocmask, SIG_BLOCK, (void *)16, NULL, 8), EFAULT);
}

/* Interrupted: EINTR without SA_RESTART; made again with it. */
static void interruption(void)
{
	int p[2];
	char c = 0;
	pid_t pid;

	CHECK(pipe(p) == 0);
	hits = 0;
	catch_with(SIGALRM, hit, 0, 0);
	every(20000);
	FAILS(read(p[0], &c, 1), EINTR);
	after(0);
	CHECK(hits > 0);
	hits_seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	catch_with(SIGALRM, hit_and_tell, SA_RESTART, 0);
	pid = must_fork();
	if (!pid) {
		while (*hits_seen < 5)
			usleep(1000);
		_exit(write(p[1], "x", 1) != 1);
	}
	every(20000);
	CHECK(read(p[0], &c, 1) == 1 && c == 'x' && *hits_seen >= 5);
	waitpid(pid, NULL, 0);
	FAILS(poll(NULL, 0, 600000), EINTR);
	FAILS(pause(), EINTR);
	after(0);
	close(p[0]);
	close(p[1]);
}

static void sleeping(void)
{
	struct timespec t = {600, 0}, rest = {0, 0};

	hits = 0;
	catch_with(SIGALRM, hit, SA_RESTART, 0);
	every(20000);
	FAILS(nanosleep(&t, &rest), EINTR);
	after(0);
	CHECK(hits > 0 && rest.tv_sec >= 500 && rest.tv_sec < 600);
}

/* Calls that replace the mask while they sleep. */
static void masked_waits(void)
{
	sigset_t none;
	struct timespec t = {5, 0};
	struct epoll_event ev;
	int ep = epoll_create1(0);

	sigemptyset(&none);
	catch_with(SIGALRM, hit, 0, 0);
	block(SIG_BLOCK, SIGALRM);
	hits = 0;
	raise(SIGALRM);
	CHECK(hits == 0);
	FAILS(sigsuspend(&none), EINTR);
	CHECK(hits == 1 && sigismember(&mask_saved, SIGALRM));
	after(20000);
	FAILS(ppoll(NULL, 0, &t, &none), EINTR);
	CHECK(hits == 2);
	after(20000);
	FAILS(pselect(0, NULL, NULL, NULL, &t, &none), EINTR);
	CHECK(hits == 3);
	after(20000);
	FAILS(epoll_pwait(ep, &ev, 1, 5000, &none), EINTR);
	CHECK(hits == 4);
	sigprocmask(SIG_BLOCK, NULL, &none);
	CHECK(sigismember(&none, SIGALRM));
	t.tv_sec = 0;
	t.tv_nsec = 1000;
	CHECK(ppoll(NULL, 0, &t, &none) == 0);
	block(SIG_UNBLOCK, SIGALRM);
	close(ep);
}

static void waiting_for(void)
{
	struct timespec t = {5, 0};
	struct signalfd_siginfo info;
	siginfo_t si;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	block(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	CHECK(sigtimedwait(&set, &si, &t) == SIGUSR1 && si.si_signo == SIGUSR1);
	t.tv_sec = 0;
	FAILS(sigtimedwait(&set, &si, &t), EAGAIN);
	fd = signalfd(-1, &set, 0);
	raise(SIGUSR1);
	CHECK(read(fd, &info, sizeof(info)) == sizeof(info) && info.ssi_signo == SIGUSR1);
	close(fd);
	block(SIG_UNBLOCK, SIGUSR1);
}

/* Sent ones of the signals that a fault gives, taken by a call. */
static void waiting_for_faults(void)
{
	static const int sigs[] = {SIGSEGV, SIGBUS, SIGSYS};
	struct timespec t = {20, 0}, bad = {0, -1};
	siginfo_t si;
	sigset_t set, pending;

	for (int i = 0; i < 3; i++) {
		sigemptyset(&set);
		sigaddset(&set, sigs[i]);
		block(SIG_BLOCK, sigs[i]);
		raise(sigs[i]);
		FAILS(sigtimedwait(&set, &si, &bad), EINVAL);
		CHECK(sigtimedwait(&set, &si, &t) == sigs[i] && si.si_pid == getpid());
		kill(getpid(), sigs[i]);
		CHECK(sigwaitinfo(&set, &si) == sigs[i] && si.si_code == SI_USER);
		CHECK(si.si_pid == getpid() && sigpending(&pending) == 0);
		CHECK(!sigismember(&pending, sigs[i]));
		block(SIG_UNBLOCK, sigs[i]);
	}
}

/* Waits for SIGBUS and SIGUSR1, again and again, by a call or a descriptor; which of them came. */
static int wait_for_two(volatile int *page, volatile int *rounds, bool by_fd)
{
	struct timespec ms = {0, 5000000};
	struct signalfd_siginfo info;
	struct pollfd p = {.events = POLLIN};
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	sigaddset(&set, SIGUSR1);
	p.fd = signalfd(-1, &set, 0);
	for (;;) {
		*page = 1;
		++*rounds;
		if (!by_fd)
			r = sigtimedwait(&set, NULL, &ms);
		else if (ppoll(&p, 1, &ms, NULL) == 1)
			r = read(p.fd, &info, sizeof(info)) > 0 ? (int)info.ssi_signo : -1;
		else
			continue;
		if (r > 0 || errno != EAGAIN)
			return r;
	}
}

/* While somebody else takes away a page that the waiter has, he waits. */
static void waiting_undisturbed(void)
{
	volatile int *shared =
	    mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile int *rounds = shared + 1024;
	int status = -1;

	block(SIG_BLOCK, SIGBUS);
	block(SIG_BLOCK, SIGUSR1);
	for (int by_fd = 0; by_fd < 2; by_fd++) {
		pid_t pid = must_fork();

		if (!pid)
			_exit(wait_for_two(shared, rounds, by_fd) != SIGUSR1);
		for (int i = 0; i < 200; i++) {
			int seen = *rounds;

			madvise((void *)shared, 4096, MADV_REMOVE);
			while (*rounds == seen && waitpid(pid, &status, WNOHANG) == 0)
				sched_yield();
		}
		kill(pid, SIGUSR1);
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	block(SIG_UNBLOCK, SIGBUS);
	block(SIG_UNBLOCK, SIGUSR1);
	munmap((void *)shared, 8192);
}

/* The host drops a signal's origin where the limit on queued ones is 0. */
static void flushed_without_queue(void)
{
	volatile int *shared =
	    mmap(NULL, 17 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile int *rounds = shared + 16 * 1024;
	struct rlimit none = {0, 0};
	int status = -1, n;
	pid_t pid = must_fork();

	if (!pid) {
		setrlimit(RLIMIT_SIGPENDING, &none);
		for (;; ++*rounds) {
			for (int i = 0; i < 16; i++)
				shared[i * 1024] = 1;
		}
	}
	while (!*rounds)
		sched_yield();
	for (n = 0; n < 20000 && waitpid(pid, &status, WNOHANG) == 0; n++)
		madvise((void *)(shared + n % 16 * 1024), 4096, MADV_REMOVE);
	CHECK(n == 20000);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	CHECK(WTERMSIG(status) == SIGKILL);
	munmap((void *)shared, 17 * 4096);
}

/* The same three in a call that replaces the mask: sent before it, and into it. */
static void masked_waits_for_faults(void)
{
	static const int sigs[] = {SIGSEGV, SIGBUS, SIGSYS};
	pid_t me = getpid();
	sigset_t none, now;

	sigemptyset(&none);
	for (int i = 0; i < 3; i++) {
		pid_t pid;

		hits = 0;
		catch_with(sigs[i], hit, 0, 0);
		block(SIG_BLOCK, sigs[i]);
		raise(sigs[i]);
		FAILS(sigsuspend(&none), EINTR);
		CHECK(hits == 1 && sigismember(&mask_saved, sigs[i]));
		pid = must_fork();
		if (!pid)
			_exit(kill(me, sigs[i]));
		FAILS(ppoll(NULL, 0, NULL, &none), EINTR);
		CHECK(hits == 2 && sigismember(&mask_saved, sigs[i]));
		CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, sigs[i]));
		waitpid(pid, NULL, 0);
		block(SIG_UNBLOCK, sigs[i]);
		signal(sigs[i], SIG_DFL);
		CHECK(hits == 2);
	}
}

static volatile int sent_to_others;

static void *take_three(void *arg)
{
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	for (int sig = 0; sent_to_others < 3; sent_to_others++)
		CHECK(sigwait(&set, &sig) == 0 && sig == SIGBUS);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sent_to_others++;
	while (!hits)
		sched_yield();
	return NULL;
}

/* A signal to the process is for the thread that has it open. */
static void other_thread_takes(void)
{
	pthread_t thread;

	hits = sent_to_others = 0;
	catch_with(SIGBUS, hit, 0, 0);
	block(SIG_BLOCK, SIGBUS);
	kill(getpid(), SIGBUS);
	pthread_create(&thread, NULL, take_three, NULL);
	for (int i = 0; i < 3; i++) {
		while (sent_to_others <= i)
			sched_yield();
		kill(getpid(), SIGBUS);
	}
	pthread_join(thread, NULL);
	CHECK(hits == 1 && sent_to_others == 4);
	block(SIG_UNBLOCK, SIGBUS);
	CHECK(hits == 1);
	signal(SIGBUS, SIG_DFL);
}

/* Signals that come faster than they are looked at. */
static void flooded(void)
{
	pid_t victim, by[3];
	int status;

	signal(SIGBUS, SIG_IGN);
	victim = must_fork();
	while (!victim)
		syscall(SYS_getppid);
	for (int i = 0; i < 3; i++) {
		by[i] = must_fork();
		for (int n = 0; !by[i]; n++) {
			if (n == 500000 || kill(victim, SIGBUS))
				_exit(n != 500000);
		}
	}
	for (int i = 0; i < 3; i++)
		CHECK(waitpid(by[i], &status, 0) == by[i] && status == 0);
	kill(victim, SIGKILL);
	CHECK(waitpid(victim, &status, 0) == victim && WTERMSIG(status) == SIGKILL);
	signal(SIGBUS, SIG_DFL);
}

static char *alt;
static stack_t inside;

static void on_alt(int sig, siginfo_t *si, void *uc)
{
	char here;

	(void)sig;
	(void)si;
	(void)uc;
	hits++;
	CHECK(&here > alt && &here < alt + 65536);
	sigaltstack(NULL, &inside);
	if (hits == 1)
		raise(SIGUSR2);
}

static void altstack(void)
{
	stack_t ss = {.ss_size = 65536}, old;

	ss.ss_sp = alt = anon(65536);
	CHECK(sigaltstack(&ss, NULL) == 0);
	catch_with(SIGUSR1, on_alt, SA_ONSTACK, 0);
	catch_with(SIGUSR2, on_alt, SA_ONSTACK, 0);
	hits = 0;
	raise(SIGUSR1);
	CHECK(hits == 2 && inside.ss_flags == SS_ONSTACK);
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_flags == 0 && old.ss_sp == alt);
	ss.ss_size = 100;
	FAILS(sigaltstack(&ss, NULL), ENOMEM);
	ss.ss_flags = 64;
	FAILS(sigaltstack(&ss, NULL), EINVAL);
	ss.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&ss, NULL) == 0 && sigaltstack(NULL, &old) == 0);
	CHECK(old.ss_flags == SS_DISABLE);
}

static sigjmp_buf out;

static void jump_out(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	(void)uc;
	siglongjmp(out, 1);
}

static void jumping(void)
{
	volatile int n = 0;
	int p[2];
	char c;

	CHECK(pipe(p) == 0);
	catch_with(SIGALRM, jump_out, SA_RESTART, 0);
	for (int i = 0; i < 20; i++) {
		if (sigsetjmp(out, 1)) {
			n++;
			continue;
		}
		after(3000);
		CHECK(read(p[0], &c, 1) == 77); /* never returns */
	}
	CHECK(n == 20);
	close(p[0]);
	close(p[1]);
}

/* A pending signal is delivered before the call that unblocks it returns, and in a child not at
 * all. */
static void inheritance(void)
{
	int status;
	pid_t pid;

	hits = 0;
	catch_with(SIGUSR1, hit, 0, 0);
	block(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	pid = must_fork();
	if (!pid) {
		block(SIG_UNBLOCK, SIGUSR1);
		_exit(hits);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 0);
	block(SIG_UNBLOCK, SIGUSR1);
	CHECK(hits == 1);
}

static void realtime(void)
{
	hits = norder = 0;
	for (int i = 0; i < 5; i++)
		catch_with(SIGRTMIN + i, hit, 0, 0);
	for (int i = 4; i >= 0; i--)
		block(SIG_BLOCK, SIGRTMIN + i);
	for (int k = 0; k < 2; k++) {
		for (int i = 4; i >= 0; i--)
			raise(SIGRTMIN + i);
	}
	for (int i = 0; i < 5; i++)
		block(SIG_UNBLOCK, SIGRTMIN + i);
	CHECK(hits == 10 && order[0] == SIGRTMIN && order[1] == SIGRTMIN &&
	      order[9] == SIGRTMIN + 4);
}

int main(void)
{
	RUN(delivery);
	RUN(blocking);
	RUN(sent_faults);
	RUN(actions);
	RUN(interruption);
	RUN(sleeping);
	RUN(masked_waits);
	RUN(waiting_for);
	RUN(waiting_for_faults);
	RUN(masked_waits_for_faults);
	RUN(other_thread_takes);
	RUN(waiting_undisturbed);
	RUN(flushed_without_queue);
	RUN(flooded);
	RUN(altstack);
	RUN(jumping);
	RUN(inheritance);
	RUN(realtime);
	return failures != 0;
}
