/* SPDX-License-Identifier: MIT */
/*
 * stub_forged.c: signals that only look like the kernel's own word on a fault or a system call:
 * what they say of themselves (si_code) is the sender's, or means something else.
 */
#include "must_fork.h"
#include "stub_test.h"

#include <setjmp.h>
#include <sys/syscall.h>
#include <ucontext.h>

static const int sigs[] = {SIGSEGV, SIGBUS, SIGSYS, SIGILL, SIGTRAP, SIGFPE};
#define NR_SIGS (int)(sizeof(sigs) / sizeof(sigs[0]))
static const int codes[] = {SI_USER, 1, 2, 5, 64, SI_KERNEL, 1000};

static volatile int hits;
static siginfo_t seen;

static void hit(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	hits++;
	seen = *si;
}

static void block(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(how, &set, NULL);
}

static bool is_pending(int sig)
{
	sigset_t set;

	return sigpending(&set) == 0 && sigismember(&set, sig);
}

/* The ways to send a siginfo of one's own making, here to oneself. */
static long queue_process(int sig, siginfo_t *si)
{
	return syscall(SYS_rt_sigqueueinfo, getpid(), sig, si);
}

static long queue_thread(int sig, siginfo_t *si)
{
	return syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), sig, si);
}

static long queue_pidfd(int sig, siginfo_t *si)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	long r = syscall(SYS_pidfd_send_signal, fd, sig, si, 0);

	close(fd);
	return r;
}

static long (*const ways[])(int sig, siginfo_t *si) = {queue_process, queue_thread, queue_pidfd};

static void one_way(long (*queue)(int, siginfo_t *), int sig, int code)
{
	siginfo_t si = {.si_signo = sig, .si_errno = 7, .si_code = code};

	si.si_addr = (void *)0x123456;
	hits = 0;
	CHECK(queue(sig, &si) == 0 && hits == 1);
	CHECK(seen.si_signo == sig && seen.si_errno == 7 && seen.si_code == code);
	CHECK(seen.si_addr == si.si_addr);
	block(SIG_BLOCK, sig);
	CHECK(queue(sig, &si) == 0 && hits == 1 && is_pending(sig));
	block(SIG_UNBLOCK, sig);
	CHECK(hits == 2 && !is_pending(sig));
	signal(sig, SIG_IGN);
	CHECK(queue(sig, &si) == 0);
	catch_with(sig, hit, 0, 0);
	CHECK(hits == 2);
}

static void to_oneself(void)
{
	for (int i = 0; i < NR_SIGS; i++) {
		catch_with(sigs[i], hit, 0, 0);
		for (int k = 0; k < 7; k++) {
			for (int w = 0; w < 3; w++)
				one_way(ways[w], sigs[i], codes[k]);
		}
		signal(sigs[i], SIG_DFL);
	}
}

/* No handler: it dies by the signal. */
static void by_default(void)
{
	for (int i = 0; i < 3 * NR_SIGS; i++) {
		siginfo_t si = {.si_signo = sigs[i / 3], .si_code = 1};
		int status = -1;
		pid_t pid = must_fork();

		if (!pid) {
			ways[i % 3](sigs[i / 3], &si);
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
		CHECK(WTERMSIG(status) == sigs[i / 3]);
	}
}

/* To others only what says that it was sent. */
static void to_others(void)
{
	siginfo_t si = {.si_signo = SIGSEGV, .si_code = SEGV_MAPERR};
	pid_t pid = must_fork();
	int status = -1, fd;

	if (!pid) {
		pause();
		_exit(0);
	}
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	FAILS(syscall(SYS_rt_sigqueueinfo, pid, SIGSEGV, &si), EPERM);
	FAILS(syscall(SYS_rt_tgsigqueueinfo, pid, pid, SIGSEGV, &si), EPERM);
	FAILS(syscall(SYS_pidfd_send_signal, fd, SIGSEGV, &si, 0), EPERM);
	si.si_code = SI_QUEUE;
	CHECK(syscall(SYS_pidfd_send_signal, fd, SIGSEGV, &si, 0) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGSEGV);
	FAILS(syscall(SYS_rt_sigqueueinfo, pid, SIGSEGV, &si), ESRCH);
	close(fd);
}

static void errors(void)
{
	siginfo_t si = {.si_signo = SIGBUS, .si_code = BUS_ADRERR};
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	FAILS(syscall(SYS_rt_sigqueueinfo, getpid(), SIGBUS, (void *)16), EFAULT);
	FAILS(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGBUS, (void *)16), EFAULT);
	FAILS(syscall(SYS_pidfd_send_signal, fd, SIGBUS, (void *)16, 0), EFAULT);
	FAILS(syscall(SYS_pidfd_send_signal, fd, SIGSEGV, &si, 0), EINVAL);
	FAILS(syscall(SYS_pidfd_send_signal, fd, SIGBUS, &si, 0x100), EINVAL);
	FAILS(syscall(SYS_pidfd_send_signal, 9999, SIGBUS, &si, 0), EBADF);
	/* To a group is not to oneself; kernels before 6.9 know no group. */
	CHECK(syscall(SYS_pidfd_send_signal, fd, SIGBUS, &si, 4) == -1);
	CHECK(errno == EPERM || errno == EINVAL);
	FAILS(syscall(SYS_rt_sigqueueinfo, getpid(), 99, &si), EINVAL);
	FAILS(syscall(SYS_rt_tgsigqueueinfo, -1, gettid(), SIGBUS, &si), EINVAL);
	CHECK(syscall(SYS_rt_sigqueueinfo, getpid(), 0, &si) == 0);
	close(fd);
}

static sigjmp_buf back;
static volatile int rounds;

/* As handlers of crashes do: the default action, with the very words of the fault. */
static void again(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	if (rounds++)
		siglongjmp(back, 1);
	block(SIG_UNBLOCK, sig);
	syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), sig, si);
	CHECK(false);
}

static void fault_said_again(void)
{
	char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	rounds = 0;
	catch_with(SIGSEGV, again, 0, 0);
	if (!sigsetjmp(back, 1))
		*(volatile char *)page = 1;
	CHECK(rounds == 2);
	signal(SIGSEGV, SIG_DFL);
	munmap(page, 4096);
}

/* A child's end may be told by any signal: si_code is then how it ended. */
static pid_t fork_with(int sig)
{
	return (pid_t)syscall(SYS_clone, (unsigned long)sig, 0, 0, 0, 0);
}

static void child_that_ends(int sig, bool killed)
{
	pid_t pid;
	int status;

	hits = 0;
	pid = fork_with(sig);
	if (!pid) {
		if (killed)
			syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
		syscall(SYS_exit_group, 3);
	}
	while (!hits)
		syscall(SYS_getppid);
	CHECK(hits == 1 && seen.si_signo == sig && seen.si_pid == pid);
	CHECK(seen.si_code == (killed ? CLD_KILLED : CLD_EXITED));
	CHECK(seen.si_status == (killed ? SIGKILL : 3));
	CHECK(waitpid(pid, &status, __WALL) == pid);
}

static void child_that_ends_while_blocked(int sig)
{
	struct timespec limit = {60, 0};
	siginfo_t si;
	sigset_t set;
	pid_t pid;
	int status;

	sigemptyset(&set);
	sigaddset(&set, sig);
	block(SIG_BLOCK, sig);
	pid = fork_with(sig);
	if (!pid)
		syscall(SYS_exit_group, 4);
	CHECK(sigtimedwait(&set, &si, &limit) == sig && si.si_pid == pid);
	CHECK(si.si_code == CLD_EXITED && si.si_status == 4);
	block(SIG_UNBLOCK, sig);
	CHECK(waitpid(pid, &status, __WALL) == pid);
}

static void ends_of_children(void)
{
	for (int i = 0; i < NR_SIGS; i++) {
		catch_with(sigs[i], hit, 0, 0);
		child_that_ends(sigs[i], false);
		child_that_ends(sigs[i], true);
		child_that_ends_while_blocked(sigs[i]);
		CHECK(hits == 1);
		signal(sigs[i], SIG_DFL);
	}
}

int main(void)
{
	RUN(to_oneself);
	RUN(by_default);
	RUN(to_others);
	RUN(errors);
	RUN(fault_said_again);
	RUN(ends_of_children);
	return failures != 0;
}
